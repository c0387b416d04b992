"""The settings of a training beside its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from coin_core.errors import TrainingDataError

# Epochs without a better one after which a fold is over.
PATIENCE = 6
MAX_ROTATIONS = 11
# Views of each photo that a net, or a classifier of features, learns from, the photo
# itself among them; fewer of many photos, whose maps must fit into memory.
NET_VIEWS, FEATURE_VIEWS = 6, 3
_MAX_ROWS = 6000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """The settings of a training beside data, start, epochs, folds and seed.

    Attributes:
        patience: Epochs without a better validation loss after which a fold is over.
        class_weights: Whether rare classes weigh as much as frequent ones.
        frozen: Whether only the last layers of a net learn.
        fresh_head: Whether the last layers start untrained, even where the weights to
            start from know these classes.
        rotations: Rotated copies of each photo to learn from beside it, in place of
            the small random changes; None for those.
        momentum: Of plain gradient descent, 0 to below 1; None for AdamW.
    """

    patience: int = PATIENCE
    class_weights: bool = True
    frozen: bool = False
    fresh_head: bool = False
    rotations: int | None = None
    momentum: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.patience <= 1000:
            raise TrainingDataError(
                f"Early stopping waits 1 to 1000 epochs, not {self.patience}."
            )
        if self.rotations is not None and not 0 <= self.rotations <= MAX_ROTATIONS:
            raise TrainingDataError(
                f"A photo is rotated 0 to {MAX_ROTATIONS} times, not {self.rotations}."
            )
        if self.momentum is not None and not 0 <= self.momentum < 1:
            raise TrainingDataError(
                f"Momentum is from 0 to below 1, not {self.momentum:g}."
            )

    def as_dict(self) -> dict[str, Any]:
        """As the run keeps it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """From a run's config; settings that this version does not know are ignored."""
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def flags(self) -> list[str]:
        """The flags of the train command for these settings."""
        usual, flags = TrainingConfig(), []
        for name in ("patience", "rotations", "momentum"):
            value = getattr(self, name)
            if value != getattr(usual, name):
                flags += [f"--{name}", str(value)]
        flags += ["--frozen"] if self.frozen else []
        return flags + ([] if self.class_weights else ["--no-class-weights"])

    @property
    def inputs_are_fixed(self) -> bool:
        """Whether a photo gives the same input in each epoch."""
        return self.rotations is not None


def views_of(photos: int, most: int) -> int:
    """How many views of each photo are learned from, where they are computed once.

    Args:
        photos: How many there are: of many, fewer views fit into memory.
        most: How many views of few photos: `NET_VIEWS`, or `FEATURE_VIEWS`.
    """
    return max(1, min(most, _MAX_ROWS // photos))
