"""The tables as they were first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "coins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name_on_coin", sa.String(length=64), nullable=True),
        sa.Column("ruler_attributed", sa.String(length=64), nullable=True),
        sa.Column("authority", sa.Text(), nullable=True),
        sa.Column("denomination", sa.Text(), nullable=True),
        sa.Column("weight_g", sa.Double(), nullable=True),
        sa.Column("diameter_mm", sa.Double(), nullable=True),
        sa.Column("die_axis_h", sa.Integer(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coins")),
    )
    op.create_index(
        op.f("ix_coins_ruler_attributed"), "coins", ["ruler_attributed"], unique=False
    )
    op.create_table(
        "edits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("entity_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edits")),
    )
    op.create_index(
        op.f("ix_edits_entity_entity_id"),
        "edits",
        ["entity", "entity_id"],
        unique=False,
    )
    op.create_index(op.f("ix_edits_group_id"), "edits", ["group_id"], unique=False)
    op.create_index(
        op.f("ix_edits_who_undone_id"), "edits", ["who", "undone", "id"], unique=False
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("spec", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_table(
        "versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("free_only", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("name", name=op.f("uq_versions_name")),
    )
    op.create_table(
        "coin_references",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("coin_id", sa.Integer(), nullable=False),
        sa.Column("catalogue", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["coin_id"],
            ["coins.id"],
            name=op.f("fk_coin_references_coin_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coin_references")),
    )
    op.create_index(
        op.f("ix_coin_references_coin_id"), "coin_references", ["coin_id"], unique=False
    )
    op.create_table(
        "photos",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("coin_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("extension", sa.String(length=8), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("byte_size", sa.Integer(), nullable=False),
        sa.Column("phash", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=True),
        sa.Column("licence", sa.String(length=64), nullable=True),
        sa.Column("licence_raw", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("lot_text", sa.Text(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=True),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("is_rendered", sa.Boolean(), nullable=False),
        sa.Column("quality", sa.Double(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("exclude_reason", sa.String(length=16), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("disagreement", sa.Double(), nullable=True),
        sa.Column("rulers_differ", sa.Boolean(), nullable=True),
        sa.Column("suspicion", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["coin_id"], ["coins.id"], name=op.f("fk_photos_coin_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
        sa.UniqueConstraint("sha256", name=op.f("uq_photos_sha256")),
    )
    op.create_index(op.f("ix_photos_coin_id"), "photos", ["coin_id"], unique=False)
    op.create_index(
        op.f("ix_photos_confidence_id"), "photos", ["confidence", "id"], unique=False
    )
    op.create_index(
        op.f("ix_photos_disagreement_id"),
        "photos",
        ["disagreement", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_photos_is_rendered_id"), "photos", ["is_rendered", "id"], unique=False
    )
    op.create_index(
        op.f("ix_photos_licence_id"), "photos", ["licence", "id"], unique=False
    )
    op.create_index(
        op.f("ix_photos_quality_id"), "photos", ["quality", "id"], unique=False
    )
    op.create_index(
        op.f("ix_photos_rulers_differ_id"),
        "photos",
        ["rulers_differ", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_photos_source_id"), "photos", ["source", "id"], unique=False
    )
    op.create_index(
        op.f("ix_photos_status_id"), "photos", ["status", "id"], unique=False
    )
    op.create_index(
        op.f("ix_photos_suspicion_id"), "photos", ["suspicion", "id"], unique=False
    )
    op.create_table(
        "faces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(length=16), nullable=True),
        sa.Column("left", sa.Double(), nullable=False),
        sa.Column("top", sa.Double(), nullable=False),
        sa.Column("right", sa.Double(), nullable=False),
        sa.Column("bottom", sa.Double(), nullable=False),
        sa.Column("turn_deg", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["photos.id"],
            name=op.f("fk_faces_photo_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_faces")),
        sa.UniqueConstraint(
            "photo_id", "position", name=op.f("uq_faces_photo_id_position")
        ),
    )
    op.create_index(
        op.f("ix_faces_side_photo_id"), "faces", ["side", "photo_id"], unique=False
    )
    op.create_table(
        "import_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["imports.id"],
            name=op.f("fk_import_items_import_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["photos.id"],
            name=op.f("fk_import_items_photo_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_items")),
        sa.UniqueConstraint(
            "import_id", "key", name=op.f("uq_import_items_import_id_key")
        ),
    )
    op.create_index(
        op.f("ix_import_items_import_id_state"),
        "import_items",
        ["import_id", "state"],
        unique=False,
    )
    op.create_index(
        op.f("ix_import_items_photo_id"), "import_items", ["photo_id"], unique=False
    )
    op.create_table(
        "opinions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("classifier", sa.String(length=64), nullable=False),
        sa.Column("model_digest", sa.Text(), nullable=False),
        sa.Column("probabilities", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("ruler", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["photos.id"],
            name=op.f("fk_opinions_photo_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opinions")),
        sa.UniqueConstraint(
            "photo_id",
            "classifier",
            "kind",
            name=op.f("uq_opinions_photo_id_classifier_kind"),
        ),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("ruler", sa.String(length=64), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["photos.id"],
            name=op.f("fk_reviews_photo_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_index(
        op.f("ix_reviews_photo_id_reviewer"),
        "reviews",
        ["photo_id", "reviewer"],
        unique=False,
    )
    op.create_table(
        "version_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=True),
        sa.Column("coin_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.Column("face", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["photos.id"],
            name=op.f("fk_version_items_photo_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["versions.id"],
            name=op.f("fk_version_items_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_version_items")),
    )
    op.create_index(
        op.f("ix_version_items_photo_id"), "version_items", ["photo_id"], unique=False
    )
    op.create_index(
        op.f("ix_version_items_version_id_sha256"),
        "version_items",
        ["version_id", "sha256"],
        unique=False,
    )
    op.create_index(
        op.f("ix_version_items_version_id_split_photo_id"),
        "version_items",
        ["version_id", "split", "photo_id"],
        unique=False,
    )


def downgrade() -> None:
    """Drop all tables, with everything in them."""
    for name in (
        "version_items",
        "reviews",
        "opinions",
        "import_items",
        "faces",
        "photos",
        "coin_references",
        "versions",
        "imports",
        "edits",
        "coins",
    ):
        op.drop_table(name)
