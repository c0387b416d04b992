"""Values about what people and classifiers say of photos: edits, reviews, opinions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


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
class Opinion:
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
