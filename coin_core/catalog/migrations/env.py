"""Run the migrations on the connection that the catalog opened.

To add one: change `schema.py`, add `versions/000N_what.py`, and raise its
`HEAD`.
"""

from __future__ import annotations

from alembic import context

from coin_core.catalog.schema import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
