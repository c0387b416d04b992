"""What goes into the catalog and comes out of it: plain values, no database rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from coin_core.detection.faces import RotatedBox, Side
from coin_core.errors import CatalogError

UNLABELLED = "unlabelled"
"""Stands for "no ruler" where a name is needed: in counts and as a filter."""


class PhotoStatus(StrEnum):
    """How far the review of a photo has come."""

    UNREVIEWED = "unreviewed"
    REVIEWED = "reviewed"
    EXCLUDED = "excluded"


class ExcludeReason(StrEnum):
    """Why a photo is kept out of data sets."""

    NOISE = "noise"
    WRONG_COIN = "wrong_coin"
    OBVERSE_ONLY = "obverse_only"
    DUPLICATE = "duplicate"


class PhotoOrder(StrEnum):
    """In which order photos are listed; photos without the number come last."""

    ADDED = "added"  # newest first
    CONFIDENCE = "confidence"  # least sure first
    DISAGREEMENT = "disagreement"  # most disputed first
    QUALITY = "quality"  # best first


class QueueKind(StrEnum):
    """What a reviewer wants to see next."""

    UNREVIEWED = "unreviewed"
    DISAGREEMENT = "disagreement"
    LOW_CONFIDENCE = "low_confidence"
    SUSPECTED = "suspected"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFace:
    """One visible side of a coin on a photo.

    Attributes:
        box: In fractions of the photo after its EXIF turn, with the clockwise turn
            in degrees that brings the coin upright.
        side: What it shows; None while nobody has told.
    """

    box: RotatedBox
    side: Side | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinReference:
    """A number in a reference work; the same number differs between editions."""

    catalogue: str
    number: str
    edition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinFacts:
    """What is known of a coin apart from its photos.

    Attributes:
        name_on_coin: What stands on it, such as "yehohanan"; None if unread.
        ruler_attributed: The class key of the ruler it is given to, or None.
        authority: Whom that attribution follows, such as "TJC 2001".
        denomination: As the source words it.
        weight_g: More than 0.
        diameter_mm: More than 0.
        die_axis_h: 1 to 12.
        notes: Free text.
        references: Where it stands in the reference works.

    Raises:
        CatalogError: A measure cannot be true of a coin.
    """

    name_on_coin: str | None = None
    ruler_attributed: str | None = None
    authority: str | None = None
    denomination: str | None = None
    weight_g: float | None = None
    diameter_mm: float | None = None
    die_axis_h: int | None = None
    notes: str = ""
    references: tuple[CoinReference, ...] = ()

    def __post_init__(self) -> None:
        for name in ("weight_g", "diameter_mm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 10_000:
                raise CatalogError(
                    f"{name} is a positive number or left empty, not {value!r}."
                )
        if self.die_axis_h is not None and self.die_axis_h not in range(1, 13):
            raise CatalogError(
                "A die axis is a whole hour from 1 to 12 or left empty, not "
                f"{self.die_axis_h!r}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin(CoinFacts):
    """A coin of the catalog; several photos may show it."""

    coin_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecord:
    """What is told about a photo when it is brought in.

    Attributes:
        extension: Of the file as it is kept, without the dot: "jpg", "png".
        width_px: After the EXIF turn.
        height_px: After the EXIF turn.
        phash: Perceptual hash in hexadecimal digits; "" if there is none.
        file_name: As the user knows it.
        source: Where it comes from: a site, a museum, "own camera".
        source_url: Page it was taken from.
        licence: Normalised key, such as "cc-by-4.0"; None if unknown.
        licence_raw: The licence as the source words it.
        credit: Who must be named.
        lot_text: The describing text of the source, as it is.
        image_url: Where the source keeps the photo itself.
        source_date: Day of the sale or of the photo, in the words of the source.
        label_evidence: The rule and the words of the lot text that the label of a
            gathered photo rests on, as a sentence.
        retrieved_at: When it was fetched, with time zone.
        is_rendered: Struck by `coin_core.rendering`, no photograph.
        quality: 0 to 1, or None.
        coin: Becomes the coin when the photo starts a new one.
    """

    extension: str
    width_px: int
    height_px: int
    phash: str = ""
    file_name: str = ""
    source: str = ""
    source_url: str | None = None
    licence: str | None = None
    licence_raw: str = ""
    credit: str = ""
    lot_text: str = ""
    image_url: str = ""
    source_date: str = ""
    label_evidence: str = ""
    retrieved_at: datetime | None = None
    is_rendered: bool = False
    quality: float | None = None
    coin: CoinFacts = field(default_factory=CoinFacts)

    def __post_init__(self) -> None:
        if not (self.extension.isalnum() and self.extension.isascii()):
            raise CatalogError(
                "A file extension is made of letters and digits, without a dot; got "
                f"{self.extension!r}."
            )
        if self.width_px < 1 or self.height_px < 1:
            raise CatalogError(
                f"A photo has at least one pixel; got {self.width_px} x "
                f"{self.height_px}."
            )
        if self.quality is not None and not 0 <= self.quality <= 1:
            raise CatalogError(f"Quality lies in 0 to 1, not at {self.quality!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPhoto:
    """A photo of the catalog, with the ruler of its coin.

    Attributes:
        ruler: `ruler_attributed` of the coin it shows; None if unlabelled.
        confidence: Probability that the surest classifier gives its answer.
        disagreement: 0 when all classifiers give the same probabilities, 1 when they
            have nothing in common; None below two classifiers.
        rulers_differ: Two classifiers name different rulers; None below two.
        suspicion: 0 to 1, how likely the label is wrong; None if not suspected.
    """

    photo_id: int
    coin_id: int
    sha256: str
    extension: str
    width_px: int
    height_px: int
    byte_size: int
    phash: str
    file_name: str
    source: str
    source_url: str | None
    licence: str | None
    licence_raw: str
    credit: str
    lot_text: str
    image_url: str
    source_date: str
    label_evidence: str
    retrieved_at: datetime | None
    added_at: datetime
    is_rendered: bool
    quality: float | None
    status: PhotoStatus
    exclude_reason: ExcludeReason | None
    confidence: float | None
    disagreement: float | None
    rulers_differ: bool | None
    suspicion: float | None
    ruler: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedPhoto:
    """Where a photo went; `known` when the same bytes were there already."""

    photo_id: int
    coin_id: int
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoQuery:
    """Which photos, in which order; None leaves a filter out.

    Attributes:
        ruler: A class key, or "unlabelled".
        side: Photos with at least one face of this side.
        status: None takes all, the excluded ones too.
        source: As in `Choices.sources`.
        licence: A normalised key.
        rendered: True for rendered coins alone, False for photographs alone.
        split: Name of a version and "train", "validation" or "test".
        disagreement: True where two classifiers name different rulers.
        min_quality: 0 to 1.
        text: Stands in the file name, lot text, credit or source; case is ignored.
        order: What comes first.
        reverse: Last first; photos without the number still come last.
    """

    ruler: str | None = None
    side: Side | None = None
    status: PhotoStatus | None = None
    source: str | None = None
    licence: str | None = None
    rendered: bool | None = None
    split: tuple[str, str] | None = None
    disagreement: bool | None = None
    min_quality: float | None = None
    text: str | None = None
    order: PhotoOrder = PhotoOrder.ADDED
    reverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of a list of photos, and how many the whole list has."""

    photos: tuple[CatalogPhoto, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What each filter can take in this catalog, in alphabetical order."""

    rulers: tuple[str, ...] = ()
    sides: tuple[Side, ...] = ()
    sources: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


class OpinionKind(StrEnum):
    """Whether the classifier may have learnt from the photo it judges."""

    MODEL = "model"
    OUT_OF_FOLD = "out_of_fold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of one thing, as it was logged.

    Attributes:
        group_id: Shared by all changes of one user action.
        entity: "coin", "photo", "faces", "review", or "added" for the arrival.
        entity_id: Id of the coin or photo ("faces" too), or of the review.
        before: The changed fields as they were.
        after: The changed fields as they became.
        undone: Taken back by `undo`.
    """

    edit_id: int
    at: datetime
    who: str
    group_id: str
    entity: str
    entity_id: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EditGroup:
    """One user action that was undone or redone.

    Attributes:
        edits: All its changes.
        photo_ids: The photos it touches.
        left_alone: Changes that were not reverted, as somebody has changed the same
            thing since.
    """

    group_id: str
    edits: tuple[Edit, ...]
    photo_ids: tuple[int, ...]
    left_alone: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A reviewer's decision on a photo; `ruler` None means "cannot tell"."""

    review_id: int
    photo_id: int
    reviewer: str
    ruler: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement:
    """How far two reviewers agree beyond chance on the `n` photos both have seen."""

    reviewers: tuple[str, str]
    n: int
    same: int
    kappa: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Cohen's kappa over all pairs of reviewers, weighted by their shared photos.

    Attributes:
        kappa: 1 is full agreement, 0 what chance gives; None when no photo has two
            reviewers, or all of them gave one and the same answer throughout.
        n: Photos with at least two reviewers.
        reviewers: Everybody who has decided on a photo, in alphabetical order.
        pairs: Each two reviewers with a shared photo.
        disputed: Photos on which the latest decisions differ.
    """

    kappa: float | None
    n: int
    reviewers: tuple[str, ...]
    pairs: tuple[PairAgreement, ...] = ()
    disputed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many photos stand where in the review."""

    total: int
    unreviewed: int
    reviewed: int
    excluded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a classifier says of a photo.

    Attributes:
        model_digest: sha256 of the weights.
        probabilities: Class key to probability.
        ruler: What it answers; None for "cannot tell".
        at: When; None becomes now.
    """

    photo_id: int
    classifier: str
    model_digest: str
    probabilities: Mapping[str, float]
    ruler: str | None
    kind: OpinionKind = OpinionKind.MODEL
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in the catalog that is not as it must be, in one sentence.

    Attributes:
        kind: "orphan_file", "missing_file", "changed_file" or "database".
    """

    kind: str
    sentence: str
