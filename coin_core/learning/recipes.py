"""How a net is trained, where that differs from the usual way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from coin_core.errors import TrainingDataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from coin_core.preprocessing import Preprocessing

# Epochs without a better one after which a fold is over.
PATIENCE = 6
MAX_ROTATIONS = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The settings of a training beside data, start, epochs, folds and seed.

    Attributes:
        patience: Epochs without a better validation loss after which a fold is over.
        class_weights: Whether rare classes weigh as much as frequent ones.
        frozen: Whether only the layers behind the trunk learn.
        rotations: Turned copies of each photo to learn from beside it, in place of
            the small random changes; None for those.
        momentum: Of plain gradient descent, 0 to below 1; None for AdamW.
    """

    patience: int = PATIENCE
    class_weights: bool = True
    frozen: bool = False
    rotations: int | None = None
    momentum: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.patience <= 1000:
            raise TrainingDataError(
                f"Early stopping waits 1 to 1000 epochs, not {self.patience}."
            )
        if self.rotations is not None and not 0 <= self.rotations <= MAX_ROTATIONS:
            raise TrainingDataError(
                f"A photo is turned 0 to {MAX_ROTATIONS} times, not {self.rotations}."
            )
        if self.momentum is not None and not 0 <= self.momentum < 1:
            raise TrainingDataError(
                f"Momentum lies from 0 to below 1, not at {self.momentum:g}."
            )

    def as_dict(self) -> dict[str, Any]:
        """As the run keeps it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """From a run's config; what this version does not know is left out."""
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def set_up(self, net: Any) -> None:
        """Give a net that has not begun its optimizer."""
        if self.momentum is None:
            return
        import torch

        net.set_params(
            optimizer=torch.optim.SGD,
            optimizer__momentum=self.momentum,
            # AdamW's steps do not depend on the size of the gradient; these do.
            lr=10 * float(net.lr),
        )

    def freeze(self, net: Any) -> None:
        """Leave the trunk of a net that has begun as it is, where that is wanted.

        Raises:
            TrainingDataError: The net has no trunk.
        """
        if not self.frozen:
            return
        trunk = getattr(net.module_, "trunk", None)
        if trunk is None:
            raise TrainingDataError(
                "Only resnet and vgg have a trunk that can be left as it is."
            )
        trunk.requires_grad_(False)

    def sight(
        self, classes: tuple[str, ...], settings: Preprocessing
    ) -> dict[str, Any]:
        """How a net sees coins of these classes while it learns.

        Legends are not mirrored; a portrait that looks left is of the same ruler.
        """
        from coin_core.classifiers._looker import Sight, sight_for
        from coin_core.learning.augmentation import augment, augment_mirrored

        mirrored = sight_for(classes) is Sight.LOOK
        changed: Any = augment_mirrored if mirrored else augment
        if self.rotations is not None:
            changed = None
        return {"augment": changed, "preprocessing": settings}

    def turned(
        self, X: NDArray[Any], y: NDArray[Any], learn: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        """Crops, labels and rows to learn from, with the turned copies behind them."""
        import numpy as np

        if not self.rotations or X.ndim != 4:
            return X, y, learn
        step = 360 / (self.rotations + 1)
        copies = [_turn(X[learn], step * i) for i in range(1, self.rotations + 1)]
        added = np.arange(len(X), len(X) + len(learn) * self.rotations)
        return (
            np.concatenate([X, *copies]),
            np.concatenate([y, *[y[learn]] * self.rotations]),
            np.concatenate([learn, added]),
        )


def recipe_flags(recipe: Recipe) -> list[str]:
    """The flags of the train command that make this recipe."""
    usual, flags = Recipe(), []
    for name in ("patience", "rotations", "momentum"):
        value = getattr(recipe, name)
        if value != getattr(usual, name):
            flags += [f"--{name}", str(value)]
    if recipe.frozen:
        flags.append("--frozen")
    if not recipe.class_weights:
        flags.append("--no-class-weights")
    return flags


def _turn(crops: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Crops (N, S, S, 3) turned about their middle."""
    import cv2
    import numpy as np

    size = crops.shape[1]
    middle = ((size - 1) / 2, (size - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    turned = [
        cv2.warpAffine(crop, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        for crop in crops
    ]
    return np.stack(turned).astype(np.uint8)
