"""Create the tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT, INTEGER, TIME = sa.Text(), sa.Integer(), sa.DateTime()
DOUBLE: sa.Double[float] = sa.Double()
BOOLEAN, JSON = sa.Boolean(), sa.JSON(none_as_null=True)


def _column(name: str, type_: Any, *constraints: Any, null: bool = False) -> Any:
    return sa.Column(name, type_, *constraints, nullable=null)


def _id() -> Any:
    return sa.Column("id", INTEGER, primary_key=True)


def _reference(table: str, on_delete: str = "CASCADE") -> Any:
    return sa.ForeignKey(f"{table}.id", ondelete=on_delete)


def _create(
    name: str, *columns: Any, indexes: tuple[tuple[str, ...], ...] = ()
) -> None:
    """Create a table and its indexes, named by the convention of the schema."""
    op.create_table(name, *columns)
    for index in indexes:
        op.create_index(op.f(f"ix_{name}_{'_'.join(index)}"), name, list(index))


def upgrade() -> None:
    """Create all tables."""
    _create(
        "coins",
        _id(),
        _column("name_on_coin", sa.String(64), null=True),
        _column("ruler_attributed", sa.String(64), null=True),
        _column("authority", TEXT, null=True),
        _column("denomination", TEXT, null=True),
        _column("weight_g", DOUBLE, null=True),
        _column("diameter_mm", DOUBLE, null=True),
        _column("die_axis_h", INTEGER, null=True),
        _column("notes", TEXT),
        indexes=(("ruler_attributed",),),
    )
    _create(
        "edits",
        _id(),
        _column("at", TIME),
        _column("who", TEXT),
        _column("group_id", sa.String(32)),
        _column("entity", sa.String(16)),
        _column("entity_id", INTEGER),
        _column("before", JSON),
        _column("after", JSON),
        _column("undone", BOOLEAN),
        indexes=(("entity", "entity_id"), ("group_id",), ("who", "undone", "id")),
    )
    _create(
        "imports",
        _id(),
        _column("created_at", TIME),
        _column("kind", sa.String(32)),
        _column("spec", JSON),
        _column("state", sa.String(16)),
        _column("total", INTEGER, null=True),
        _column("done", INTEGER),
        _column("error", TEXT, null=True),
    )
    _create(
        "versions",
        _id(),
        _column("name", sa.String(128)),
        _column("created_at", TIME),
        _column("seed", INTEGER),
        _column("free_only", BOOLEAN),
        _column("digest", sa.String(64)),
        _column("note", TEXT),
        sa.UniqueConstraint("name"),
    )
    _create(
        "coin_references",
        _id(),
        _column("coin_id", INTEGER, _reference("coins")),
        _column("catalogue", TEXT),
        _column("number", TEXT),
        _column("edition", TEXT),
        indexes=(("coin_id",),),
    )
    _create(
        "photos",
        _id(),
        _column("coin_id", INTEGER, sa.ForeignKey("coins.id")),
        _column("sha256", sa.String(64)),
        _column("extension", sa.String(8)),
        _column("width_px", INTEGER),
        _column("height_px", INTEGER),
        _column("byte_size", INTEGER),
        _column("phash", TEXT),
        _column("file_name", TEXT),
        _column("source", TEXT),
        _column("source_url", TEXT, null=True),
        _column("licence", sa.String(64), null=True),
        _column("licence_raw", TEXT),
        _column("credit", TEXT),
        _column("lot_text", TEXT),
        _column("retrieved_at", TIME, null=True),
        _column("added_at", TIME),
        _column("is_rendered", BOOLEAN),
        _column("quality", DOUBLE, null=True),
        _column("status", sa.String(16)),
        _column("exclude_reason", sa.String(16), null=True),
        _column("confidence", DOUBLE, null=True),
        _column("disagreement", DOUBLE, null=True),
        _column("rulers_differ", BOOLEAN, null=True),
        _column("suspicion", DOUBLE, null=True),
        sa.UniqueConstraint("sha256"),
        indexes=(
            ("coin_id",),
            *((name, "id") for name in ("confidence", "disagreement", "is_rendered")),
            *((name, "id") for name in ("licence", "quality", "rulers_differ")),
            *((name, "id") for name in ("source", "status", "suspicion")),
        ),
    )
    _create(
        "faces",
        _id(),
        _column("photo_id", INTEGER, _reference("photos")),
        _column("position", INTEGER),
        _column("side", sa.String(16), null=True),
        _column("left", DOUBLE),
        _column("top", DOUBLE),
        _column("right", DOUBLE),
        _column("bottom", DOUBLE),
        _column("turn_deg", DOUBLE),
        sa.UniqueConstraint("photo_id", "position"),
        indexes=(("side", "photo_id"),),
    )
    _create(
        "import_items",
        _id(),
        _column("import_id", INTEGER, _reference("imports")),
        _column("key", TEXT),
        _column("state", sa.String(16)),
        _column("photo_id", INTEGER, _reference("photos", "SET NULL"), null=True),
        _column("message", TEXT, null=True),
        sa.UniqueConstraint("import_id", "key"),
        indexes=(("import_id", "state"), ("photo_id",)),
    )
    _create(
        "opinions",
        _id(),
        _column("photo_id", INTEGER, _reference("photos")),
        _column("classifier", sa.String(64)),
        _column("model_digest", TEXT),
        _column("probabilities", JSON),
        _column("ruler", sa.String(64), null=True),
        _column("kind", sa.String(16)),
        _column("at", TIME),
        sa.UniqueConstraint("photo_id", "classifier", "kind"),
    )
    _create(
        "reviews",
        _id(),
        _column("photo_id", INTEGER, _reference("photos")),
        _column("reviewer", TEXT),
        _column("ruler", sa.String(64), null=True),
        _column("at", TIME),
        _column("withdrawn", BOOLEAN),
        indexes=(("photo_id", "reviewer"),),
    )
    _create(
        "version_items",
        _id(),
        _column("version_id", INTEGER, _reference("versions")),
        _column("photo_id", INTEGER, _reference("photos", "SET NULL"), null=True),
        _column("coin_id", INTEGER),
        _column("sha256", sa.String(64)),
        _column("label", sa.String(64)),
        _column("split", sa.String(16)),
        _column("face", JSON, null=True),
        indexes=(
            ("photo_id",),
            ("version_id", "sha256"),
            ("version_id", "split", "photo_id"),
        ),
    )
