"""How a net is trained, where that differs from the usual way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from coin_core.errors import TrainingDataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from coin_core.imaging.preprocessing import Preprocessing

# Epochs without a better one after which a fold is over.
PATIENCE = 6
MAX_ROTATIONS = 11
# How much faster all before the last layers learns by plain gradient descent.
_TRUNK_FACTOR = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The settings of a training beside data, start, epochs, folds and seed.

    Attributes:
        patience: Epochs without a better validation loss after which a fold is over.
        class_weights: Whether rare classes weigh as much as frequent ones.
        frozen: Whether only the last layers of a net learn.
        fresh_head: Whether the last layers start from nothing, even where the weights
            to start from know these classes.
        rotations: Turned copies of each photo to learn from beside it, in place of
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

    @property
    def repeats_itself(self) -> bool:
        """Whether photos look the same in each epoch."""
        return self.rotations is not None

    def set_up(self, net: Any) -> None:
        """Give a net that has not begun its optimizer."""
        if self.momentum is None:
            return
        import torch

        net.set_params(
            optimizer=torch.optim.SGD,
            optimizer__momentum=self.momentum,
            # AdamW's steps do not depend on the size of the gradient; these do, and
            # what reaches the trunk is so small that it would stay where it is.
            lr=10 * float(net.lr),
            optimizer__param_groups=[
                (f"{part}.*", {"factor": _TRUNK_FACTOR})
                for part in ("trunk", "letters", "legend")
            ],
        )

    def freeze(self, net: Any) -> None:
        """Leave all but the last layers of a net that has begun as they are.

        Raises:
            TrainingDataError: The net has no trunk.
        """
        if not self.frozen:
            return
        from coin_core.training.initialization import LAST_LAYERS

        if getattr(net.module_, "trunk", None) is None:
            raise TrainingDataError(
                "Only resnet and vgg have a trunk that can be left as it is."
            )
        for name, layer in net.module_.named_children():
            # What holds no weights, a dropout, belongs to the last layers.
            if f"{name}." not in LAST_LAYERS and any(True for _ in layer.parameters()):
                layer.requires_grad_(False)
                # Nor may its batch norms follow what they see.
                layer.register_forward_pre_hook(lambda layer, _: layer.eval() and None)

    def sight(
        self, classes: tuple[str, ...], settings: Preprocessing
    ) -> dict[str, Any]:
        """How a net sees coins of these classes while it learns.

        Legends are not mirrored; a portrait that looks left is of the same ruler.
        """
        from coin_core.classifiers.appearance_net import FeatureMode, sight_for
        from coin_core.training.augmentation import augment, augment_mirrored

        mirrored = sight_for(classes) is FeatureMode.LOOK
        changed: Any = augment_mirrored if mirrored else augment
        if self.repeats_itself:
            changed = None
        return {"augment": changed, "preprocessing": settings}

    def turned(self, X: NDArray[Any]) -> NDArray[Any]:
        """Crops with the turned copies of all of them behind them."""
        import numpy as np

        if not self.rotations or X.ndim != 4:
            return X
        step = 360 / (self.rotations + 1)
        copies = [_turn(X, step * i) for i in range(1, self.rotations + 1)]
        return np.concatenate([X, *copies])


def with_copies(
    X: NDArray[Any], y: NDArray[Any], learn: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Labels of all inputs, and the rows to learn from with their turned copies.

    Args:
        X: Inputs, maybe with turned copies of all of them behind them.
        y: The labels of the first, (N,).
        learn: Rows of those.
    """
    import numpy as np

    copies = len(X) // len(y)
    rows = np.concatenate([learn + copy * len(y) for copy in range(copies)])
    return np.tile(y, copies), rows


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
