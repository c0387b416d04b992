"""The tables, in types that both SQLite and PostgreSQL have.

Every change needs a migration in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from coin_core.catalog.import_records import ImportState, ItemState
from coin_core.catalog.records import ExcludeReason, PhotoStatus, PredictionKind
from coin_core.catalog.splits import Split
from coin_core.errors import DamagedCatalogError
from coin_core.results import Side

HEAD: Final = "0003"
"""The newest migration; a test compares it with the files."""


class Checked(TypeDecorator[Any]):
    """Values of one kind; any other, which only a damaged file holds, is refused.

    Attributes:
        kinds: The types of its values in Python.
        place: Table and column.
    """

    impl: Any = Text
    cache_ok = True
    kinds: tuple[type, ...] = (str,)
    place = ""

    def is_sound(self, value: Any) -> bool:
        """Whether a value, not None, is of this kind."""
        return type(value) in self.kinds

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], Any]:
        """Convert and check a value of the database."""
        convert = super().result_processor(dialect, coltype)

        def read(stored: Any) -> Any:
            try:
                value = stored if convert is None else convert(stored)
            except (TypeError, ValueError, RecursionError) as error:
                raise self._damaged(stored) from error
            if value is not None and not self.is_sound(value):
                raise self._damaged(stored)
            return value

        return read

    def _damaged(self, stored: Any) -> DamagedCatalogError:
        return DamagedCatalogError(
            f"The catalog is damaged: {self.place} holds {str(stored)[:60]!r}. "
            "`python -m coin_core dataset check` lists all that is damaged, and "
            "`python -m coin_core dataset restore` brings back the last copy."
        )


class ShortText(Checked):
    """Texts of limited length."""

    impl = String
    cache_ok = True


class Whole(Checked):
    """Whole numbers."""

    impl = Integer
    cache_ok = True
    kinds = (int,)


class Number(Checked):
    """Finite numbers."""

    impl = Double
    cache_ok = True
    kinds = (float, int)

    def is_sound(self, value: Any) -> bool:
        """Whether it is a finite number."""
        return type(value) in self.kinds and math.isfinite(value)


class JsonObject(Checked):
    """JSON objects."""

    impl = JSON
    cache_ok = True
    kinds = (dict,)


class Probabilities(JsonObject):
    """JSON objects of finite numbers."""

    cache_ok = True

    def is_sound(self, value: Any) -> bool:
        """Whether every value of the object is a finite number."""
        return type(value) is dict and all(
            type(number) in (int, float) and math.isfinite(number)
            for number in value.values()
        )


class Member(Checked):
    """The values of an enumeration, as texts."""

    impl = String
    cache_ok = True

    def __init__(self, among: type[StrEnum]) -> None:
        super().__init__(16)
        self.among = among

    def is_sound(self, value: Any) -> bool:
        """Whether the enumeration has it."""
        return type(value) is str and value in self.among.__members__.values()


class UtcTime(Checked):
    """Times with time zone in Python, and UTC without one in the database."""

    impl = SqlDateTime
    cache_ok = True
    kinds = (datetime,)

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Convert to UTC; a time without time zone counts as UTC."""
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Add the time zone UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Row(DeclarativeBase):
    """Base of all tables: names of constraints, types of annotations."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcTime,
        str: Checked,
        int: Whole,
        float: Number,
        dict[str, Any]: JsonObject(none_as_null=True),
    }


_NEVER_REUSED: Final = {"sqlite_autoincrement": True}
"""Options of tables whose ids are seen outside and whose rows can be removed."""


class CoinRow(Row):
    """A coin."""

    __tablename__ = "coins"
    __table_args__ = _NEVER_REUSED
    id: Mapped[int] = mapped_column(primary_key=True)
    name_on_coin: Mapped[str | None] = mapped_column(ShortText(64))
    ruler_attributed: Mapped[str | None] = mapped_column(ShortText(64), index=True)
    authority: Mapped[str | None]
    denomination: Mapped[str | None]
    weight_g: Mapped[float | None]
    diameter_mm: Mapped[float | None]
    die_axis_h: Mapped[int | None]
    notes: Mapped[str]


class CoinReferenceRow(Row):
    """The number of a coin in a reference work."""

    __tablename__ = "coin_references"
    id: Mapped[int] = mapped_column(primary_key=True)
    coin_id: Mapped[int] = mapped_column(
        ForeignKey("coins.id", ondelete="CASCADE"), index=True
    )
    catalogue: Mapped[str]
    number: Mapped[str]
    edition: Mapped[str]


class PhotoRow(Row):
    """A photo; figures of the predictions are copied here for fast sorting."""

    __tablename__ = "photos"
    id: Mapped[int] = mapped_column(primary_key=True)
    coin_id: Mapped[int] = mapped_column(ForeignKey("coins.id"), index=True)
    sha256: Mapped[str] = mapped_column(ShortText(64), unique=True)
    extension: Mapped[str] = mapped_column(ShortText(8))
    width_px: Mapped[int]
    height_px: Mapped[int]
    byte_size: Mapped[int]
    phash: Mapped[str]
    file_name: Mapped[str]
    source: Mapped[str]
    source_url: Mapped[str | None]
    licence: Mapped[str | None] = mapped_column(ShortText(64))
    licence_raw: Mapped[str]
    credit: Mapped[str]
    lot_text: Mapped[str]
    image_url: Mapped[str] = mapped_column(server_default="")
    source_date: Mapped[str] = mapped_column(server_default="")
    label_evidence: Mapped[str] = mapped_column(server_default="")
    retrieved_at: Mapped[datetime | None]
    added_at: Mapped[datetime]
    is_rendered: Mapped[bool]
    quality: Mapped[float | None]
    status: Mapped[str] = mapped_column(Member(PhotoStatus))
    exclude_reason: Mapped[str | None] = mapped_column(Member(ExcludeReason))
    confidence: Mapped[float | None]
    disagreement: Mapped[float | None]
    rulers_differ: Mapped[bool | None]
    suspicion: Mapped[float | None]

    __table_args__ = (
        Index(None, "status", "id"),
        Index(None, "source", "id"),
        Index(None, "licence", "id"),
        Index(None, "is_rendered", "id"),
        Index(None, "quality", "id"),
        Index(None, "confidence", "id"),
        Index(None, "disagreement", "id"),
        Index(None, "rulers_differ", "id"),
        Index(None, "suspicion", "id"),
        _NEVER_REUSED,
    )


class FaceRow(Row):
    """A visible side; edges in fractions of the photo as EXIF turns it."""

    __tablename__ = "faces"
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    position: Mapped[int]
    side: Mapped[str | None] = mapped_column(Member(Side))
    left: Mapped[float]
    top: Mapped[float]
    right: Mapped[float]
    bottom: Mapped[float]
    turn_deg: Mapped[float]

    __table_args__ = (
        UniqueConstraint("photo_id", "position"),
        Index(None, "side", "photo_id"),
    )


class ReviewRow(Row):
    """A decision; the latest one of a reviewer that is not withdrawn counts."""

    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    reviewer: Mapped[str]
    ruler: Mapped[str | None] = mapped_column(ShortText(64))
    at: Mapped[datetime]
    withdrawn: Mapped[bool]

    __table_args__ = (Index(None, "photo_id", "reviewer"),)


class PredictionRow(Row):
    """A prediction of a classifier for a photo."""

    __tablename__ = "opinions"
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    classifier: Mapped[str] = mapped_column(ShortText(64))
    model_digest: Mapped[str]
    probabilities: Mapped[dict[str, Any]] = mapped_column(Probabilities)
    ruler: Mapped[str | None] = mapped_column(ShortText(64))
    kind: Mapped[str] = mapped_column(Member(PredictionKind))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("photo_id", "classifier", "kind"),)


class EditRow(Row):
    """A change; all changes of one user action share a group."""

    __tablename__ = "edits"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str]
    group_id: Mapped[str] = mapped_column(ShortText(32), index=True)
    entity: Mapped[str] = mapped_column(ShortText(16))
    entity_id: Mapped[int]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    undone: Mapped[bool]

    __table_args__ = (
        Index(None, "entity", "entity_id"),
        Index(None, "who", "undone", "id"),
    )


class VersionRow(Row):
    """A frozen version of the dataset."""

    __tablename__ = "versions"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(ShortText(128), unique=True)
    created_at: Mapped[datetime]
    seed: Mapped[int]
    free_only: Mapped[bool]
    digest: Mapped[str] = mapped_column(ShortText(64))
    note: Mapped[str]


class VersionItemRow(Row):
    """A photo as it was when the version was frozen."""

    __tablename__ = "version_items"
    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE")
    )
    photo_id: Mapped[int | None] = mapped_column(
        ForeignKey("photos.id", ondelete="SET NULL"), index=True
    )
    coin_id: Mapped[int]
    sha256: Mapped[str] = mapped_column(ShortText(64))
    label: Mapped[str] = mapped_column(ShortText(64))
    split: Mapped[str] = mapped_column(Member(Split))
    face: Mapped[dict[str, Any] | None] = mapped_column(JsonObject(none_as_null=True))

    __table_args__ = (
        Index(None, "version_id", "sha256"),
        Index(None, "version_id", "split", "photo_id"),
    )


class ImportRow(Row):
    """An import; an interrupted one resumes where it stopped."""

    __tablename__ = "imports"
    __table_args__ = _NEVER_REUSED
    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(ShortText(32))
    spec: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(Member(ImportState))
    total: Mapped[int | None]
    done: Mapped[int]
    error: Mapped[str | None]


class ImportItemRow(Row):
    """One file of an import."""

    __tablename__ = "import_items"
    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    key: Mapped[str]
    state: Mapped[str] = mapped_column(Member(ItemState))
    photo_id: Mapped[int | None] = mapped_column(
        ForeignKey("photos.id", ondelete="SET NULL"), index=True
    )
    message: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("import_id", "key"),
        Index(None, "import_id", "state"),
    )


for _table in Row.metadata.tables.values():
    for _column in _table.columns:
        if isinstance(_column.type, Checked):
            _column.type = _column.type.copy()
            _column.type.place = f"{_table.name}.{_column.name}"
