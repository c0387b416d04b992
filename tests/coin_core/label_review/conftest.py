"""The catalogs of the dataset's tests, on SQLite and on PostgreSQL."""

from tests.coin_core.catalog.conftest import (
    catalog,
    database_url,
    server,
    sqlite_template,
)

__all__ = ["catalog", "database_url", "server", "sqlite_template"]
