"""The values that go into the catalog and come out of it, without database rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from coin_core.errors import CatalogError
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import Side

UNLABELLED = "unlabelled"
"""The name for "no ruler" in counts and filters."""


def class_key(name: str) -> str:
    """The class key of a name that a person wrote; "" if there is none.

    A name that is not a ruler's becomes a new class.
    """
    key = re.sub(r"\W+", "_", name.casefold()).strip("_")[:64]
    return "" if key == UNLABELLED else key


class PhotoStatus(StrEnum):
    """Whether a photo was reviewed."""

    UNREVIEWED = "unreviewed"
    REVIEWED = "reviewed"
    EXCLUDED = "excluded"


class ExcludeReason(StrEnum):
    """Why a photo is kept out of frozen versions."""

    NOISE = "noise"
    WRONG_COIN = "wrong_coin"
    OBVERSE_ONLY = "obverse_only"
    DUPLICATE = "duplicate"


class PhotoOrder(StrEnum):
    """The order of a list of photos; photos without the number come last."""

    ADDED = "added"  # newest first
    CONFIDENCE = "confidence"  # lowest first
    DISAGREEMENT = "disagreement"  # highest first
    QUALITY = "quality"  # highest first


class QueueKind(StrEnum):
    """Which photos a reviewer gets next."""

    UNREVIEWED = "unreviewed"
    DISAGREEMENT = "disagreement"
    LOW_CONFIDENCE = "low_confidence"
    SUSPECTED = "suspected"


class PredictionKind(StrEnum):
    """Whether the classifier may have been trained on the photo it predicts."""

    MODEL = "model"
    OUT_OF_FOLD = "out_of_fold"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFace:
    """One visible side of a coin on a photo.

    Attributes:
        box: In fractions of the photo as EXIF turns it, with the clockwise turn in
            degrees that brings the coin upright.
        side: Which side it is; None if unknown.
    """

    box: RotatedBox
    side: Side | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinReference:
    """A number in a reference work; numbers differ between editions."""

    catalogue: str
    number: str
    edition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinFacts:
    """Facts about a coin, apart from its photos.

    Attributes:
        name_on_coin: The name in its legend, such as "yehohanan"; None if unread.
        ruler_attributed: The class key of its ruler, or None.
        authority: The authority for the attribution, such as "TJC 2001".
        denomination: In the words of the source.
        weight_g: Above 0.
        diameter_mm: Above 0.
        die_axis_h: 1 to 12.
        notes: Any text.
        references: Its numbers in reference works.

    Raises:
        CatalogError: A measure is impossible.
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
class PhotoFacts:
    """Facts about a photo that are known when it is added.

    Attributes:
        extension: Of the original file, without the dot: "jpg", "png".
        width_px: As EXIF turns the photo.
        height_px: As EXIF turns the photo.
        phash: Perceptual hash in hexadecimal digits; "" if there is none.
        file_name: The file's name at the source.
        source: A site, a museum, "own camera".
        source_url: Address of the page of the photo.
        licence: Normalized key, such as "cc-by-4.0"; None if unknown.
        licence_raw: The licence in the words of the source.
        credit: Who must be credited.
        lot_text: The description by the source, unchanged.
        image_url: Address of the image file.
        source_date: Date of the sale or of the photo, in the words of the source.
        label_evidence: A sentence with the rule and the words of the lot text that
            the label of a scraped photo is based on.
        retrieved_at: When it was downloaded, with time zone.
        is_rendered: Whether `coin_core.rendering` drew it.
        quality: 0 to 1, or None.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecord(PhotoFacts):
    """A photo to add.

    Attributes:
        coin: Facts for the new coin, if the photo starts one.

    Raises:
        CatalogError: The extension, the size or the quality is impossible.
    """

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
            raise CatalogError(
                f"Quality is a number from 0 to 1, not {self.quality!r}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPhoto(PhotoFacts):
    """A photo of the catalog, with the ruler of its coin.

    Attributes:
        ruler: `ruler_attributed` of its coin; None if unlabelled.
        confidence: The highest probability of any classifier.
        disagreement: 0 if all classifiers give the same probabilities, 1 if these have
            nothing in common; None below two classifiers.
        rulers_differ: Whether classifiers name different rulers; None below two.
        suspicion: Probability that the label is wrong; None if not suspected.
    """

    photo_id: int
    coin_id: int
    sha256: str
    byte_size: int
    added_at: datetime
    status: PhotoStatus
    exclude_reason: ExcludeReason | None
    confidence: float | None
    disagreement: float | None
    rulers_differ: bool | None
    suspicion: float | None
    ruler: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedPhoto:
    """The ids of an added photo; `known` if the catalog had the same bytes already."""

    photo_id: int
    coin_id: int
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoQuery:
    """Filters and order of a list of photos; a filter of None is off.

    Attributes:
        ruler: A class key, or "unlabelled".
        side: Photos with at least one face of this side.
        status: None also takes excluded photos.
        source: As in `Choices.sources`.
        licence: A normalized key.
        rendered: True for rendered coins only, False for photographs only.
        split: Name of a version, and "train", "validation" or "test".
        disagreement: True if two classifiers name different rulers.
        min_quality: 0 to 1.
        text: A part of the file name, lot text, credit or source; case is ignored.
        order: The order.
        reverse: Reverses the order; photos without the number still come last.
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
    """A part of a list of photos, and the length of the whole list."""

    photos: tuple[CatalogPhoto, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The values that each filter can take, in alphabetical order."""

    rulers: tuple[str, ...] = ()
    sides: tuple[Side, ...] = ()
    sources: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One logged change of one thing.

    Attributes:
        group_id: Shared by all changes of one user action; another one once the
            action is undone and can no longer be redone.
        entity: "coin", "photo", "faces", "review", or "added" for a new photo.
        entity_id: Id of the coin, of the photo (also for "faces"), or of the review.
        before: The changed fields with their old values.
        after: The changed fields with their new values.
        undone: Whether `undo` reverted it.
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
    """One user action that is, was or will be undone or redone.

    Attributes:
        edits: All its changes.
        photo_ids: The photos concerned.
        left_alone: Changes that were not reverted, since somebody has changed the
            same thing later.
    """

    group_id: str
    edits: tuple[Edit, ...]
    photo_ids: tuple[int, ...]
    left_alone: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A reviewer's decision on a photo; a `ruler` of None means "cannot tell"."""

    review_id: int
    photo_id: int
    reviewer: str
    ruler: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement:
    """Cohen's kappa of two reviewers over the `n` photos both have reviewed."""

    reviewers: tuple[str, str]
    n: int
    same: int
    kappa: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Cohen's kappa over all pairs of reviewers, weighted by their shared photos.

    Attributes:
        kappa: 1 is full agreement, 0 agreement by chance; None if no photo has two
            reviewers, or all answers are the same.
        n: Photos with at least two reviewers.
        reviewers: All reviewers in alphabetical order.
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
    """How many photos have which status."""

    total: int
    unreviewed: int
    reviewed: int
    excluded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a classifier predicts for a photo.

    Attributes:
        model_digest: sha256 of the weights.
        probabilities: Class key to probability.
        ruler: The predicted ruler; None for "cannot tell".
        at: When; None becomes the time of storing.
    """

    photo_id: int
    classifier: str
    model_digest: str
    probabilities: Mapping[str, float]
    ruler: str | None
    kind: PredictionKind = PredictionKind.MODEL
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A defect of the catalog, in one sentence.

    Attributes:
        kind: "orphan_file", "missing_file", "changed_file" or "database".
    """

    kind: str
    sentence: str
