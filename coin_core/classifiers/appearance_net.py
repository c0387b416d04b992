"""Nets for coins that are told apart by their pictures, not by a legend alone.

They look at what stands in each sixteenth of the flan. Few photos teach that better
than a whole deep net: what a trunk sees at stride 8, strokes and edges that it learnt
on letters, is also what portraits and symbols are made of.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coin_core.classifiers.backbones import build_reader
from coin_core.classifiers.legend_net import FEATURES, LegendNet
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.classifiers.tta import read
from coin_core.rulers import DEFAULT_CLASSES

PLACES = 4  # along each side
_FULL_FIRST_LAYER = 64  # kernels of the published VGG-11's first layer


class FeatureMode(StrEnum):
    """By what coins are told apart."""

    LEGEND = "legend"
    LOOK = "look"
    BOTH = "both"


def sight_for(classes: tuple[str, ...]) -> FeatureMode:
    """The rulers by their legend, other coins by their look, a mixture by both."""
    known = set(classes) & set(DEFAULT_CLASSES)
    if not known:
        return FeatureMode.LOOK
    return FeatureMode.LEGEND if len(known) == len(classes) else FeatureMode.BOTH


def spatial_pool(seen: Tensor) -> Tensor:
    """Maps (N, C, H, W) as the mean in each of 4 x 4 places, (N, 16 C).

    Square roots: a strong stroke must not drown the others (Arandjelovic and
    Zisserman 2012).
    """
    means = functional.adaptive_avg_pool2d(seen, PLACES).flatten(1)
    return means.sign() * (means.abs() + 1e-6).sqrt()


class Look(nn.Module):
    """Class logits from what stands in each sixteenth of the flan."""

    def __init__(self, channels: int, classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        width = channels * PLACES**2
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.drop = nn.Dropout(dropout)
        self.line = nn.Linear(width, classes)
        nn.init.zeros_(self.line.weight)
        nn.init.zeros_(self.line.bias)

    def forward(self, placed: Tensor) -> Tensor:
        """Logits (N, classes) of a map by place, (N, 16 C)."""
        out: Tensor = self.line(self.drop(self.norm(placed)))
        return out


class AppearanceNet(nn.Module):
    """A trunk up to stride 8, and a look at what it sees.

    `deep` keeps the whole trunk, for weights that know more than letters.
    """

    def __init__(self, reader: LegendNet, classes: int, *, deep: bool = False) -> None:
        super().__init__()
        channels: tuple[int, ...] = reader.trunk.channels
        self.trunk = reader.trunk if deep else reader.trunk.early()
        seen = channels if deep else channels[:1]
        self.widths = [width * PLACES**2 for width in seen]
        self.look = nn.ModuleList(Look(width, classes) for width in seen)

    def see(self, x: Tensor) -> Tensor:
        """What the last layers judge by, (N, D), of x float32 (N, 3, S, S)."""
        maps = self.trunk(x)
        maps = (maps,) if isinstance(maps, Tensor) else maps
        return torch.cat([spatial_pool(seen) for seen in maps], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Class logits (N, C) of x float32 (N, 3, S, S), or of what `see` saw."""
        seen = x if x.ndim == 2 else self.see(x)
        placed = torch.split(seen, self.widths, dim=1)
        parts = [look(part) for look, part in zip(self.look, placed, strict=True)]
        return torch.stack(parts).sum(0)


class LookingReader(LegendNet):
    """A reader that looks as well, for rulers among other coins."""

    def __init__(self, reader: LegendNet, classes: int) -> None:
        super().__init__(reader.trunk, classes)
        self.look = nn.ModuleList([Look(reader.trunk.channels[0], classes)])

    def gather(self, features: Tensor, maps: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """All that the last layers judge by, (N, D)."""
        return torch.cat([super().gather(features, maps), spatial_pool(maps[0])], dim=1)

    def tell(self, seen: Tensor) -> Tensor:
        """Class logits (N, C) from what was gathered: the last layers alone."""
        read = FEATURES + self.pooled.in_features
        out: Tensor = super().tell(seen[:, :read]) + self.look[0](seen[:, read:])
        return out


def build_net(
    name: str,
    classes: int,
    *,
    sight: FeatureMode = FeatureMode.LEGEND,
    deep: bool = False,
    full_width: bool = False,
) -> nn.Module:
    """The untrained net of a classifier ("resnet" or "vgg") for coins told so."""
    reader = build_reader(name, classes, full_width=full_width)
    if sight is FeatureMode.LEGEND:
        return reader
    if sight is FeatureMode.BOTH:
        return LookingReader(reader, classes)
    return AppearanceNet(reader, classes, deep=deep)


def shape_of(tensors: dict[str, Tensor]) -> dict[str, bool]:
    """How wide and deep the net was that gave these tensors, as its parameters."""
    first = tensors.get("trunk.features.0.weight")
    full_width = first is not None and len(first) == _FULL_FIRST_LAYER
    deep = "look.1.line.weight" in tensors
    return {"module__full_width": full_width, "module__deep": deep}


class PhotoNet(NetClassifier):
    """A net that is as wide and as deep as the weights it is given."""

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Class logits; crops of coins to read are read as a reader does."""
        if x.dtype != torch.uint8 or self.module_.training or not self._reads:
            return super().infer(x, **fit_params)
        return read(self.module_, np.asarray(x), self.preparation).classes

    def see(self, crops: NDArray[np.uint8]) -> Tensor:
        """What the last layers judge by, (N, D), of crops (N, S, S, 3)."""
        if not self._reads:
            return super().see(crops)
        return read(self.module_.eval(), crops, self.preparation).seen

    @property
    def _reads(self) -> bool:
        return isinstance(self.module_, LegendNet)

    def load_tensors(self, tensors: dict[str, Tensor]) -> NetClassifier:
        """Become the net that gave these `tensors`."""
        self.set_params(**shape_of(tensors))
        return super().load_tensors(tensors)
