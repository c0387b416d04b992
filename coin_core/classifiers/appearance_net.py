"""Networks for coins that differ in their pictures, not in a legend alone.

They classify what is in each sixteenth of the flan. With few photos that works better
than a whole deep network: the backbone's maps at stride 8, strokes and edges learned
from letters, also describe portraits and symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coin_core.classifiers.class_space import (
    AXES,
    ClassSpace,
    Standardized,
    class_planes,
)
from coin_core.classifiers.legend_net import FEATURES, LegendNet, build_legend_net
from coin_core.classifiers.picture_trunk import CONTRAST, PictureTrunk
from coin_core.classifiers.rim_reader import (
    RimReader,
    around,
    compiled_for_strips,
    letters_on_rims,
    sector_means,
    unrolled,
)
from coin_core.model_store.graph import compiled
from coin_core.rulers import RULERS

GRID = 4  # cells along each side of the flan
Rings = tuple[tuple[int, float], ...]
# From the middle to the edge: how many sectors a ring has, and its outer radius as a
# fraction of half the input's side. Portraits are in the inner two, legends in the
# third, where a sector holds about a letter. Their number is a multiple of GRID**2.
_RINGS: Rings = ((4, 0.35), (12, 0.65), (32, 1.0))
_COARSE_RINGS: Rings = ((4, 0.4), (12, 1.0))
SECTORS = sum(number for number, _ in _RINGS)
_STRIP_SECTORS = 12
RIM_PARTS, UNREAD_PARTS = 4, 3
"""Rings, strip, pictures, and the letters on the rim, without which models of before
were made."""
RIM_NUMBERS, COARSE_RIM_NUMBERS = 4096, 2048
"""Of each part. svm, knn and mlp see fewer, as did nets of before: a model of svm is
larger than one of a net, and gains less by more numbers."""
WHOLE_FLAN: dict[str, Any] = {"size_px": 160, "zoom": 1.0}
"""What the input shows where the rim matters: all of it, in a crop's pixels."""
_LENGTH = 10.0  # of a vector that logits are computed from
_PUBLISHED_WIDTH = 64  # kernels in the first layer of the published VGG-11


class FeatureMode(StrEnum):
    """What classes are told apart by; the values are stored in model cards.

    `READ_RIM` is the appearance in the features of svm, knn and mlp. In their models of
    before it is `RIM`, without the letters on the rim, or `APPEARANCE`: the maps in
    each sixteenth of the flan.
    """

    LEGEND = "legend"
    APPEARANCE = "look"
    BOTH = "both"
    RIM = "rim"
    READ_RIM = "read rim"


def feature_mode_for(classes: tuple[str, ...]) -> FeatureMode:
    """Return LEGEND for rulers, APPEARANCE for other coins, BOTH for a mixture."""
    rulers = [name for name in classes if name in RULERS]
    if not rulers:
        return FeatureMode.APPEARANCE
    return FeatureMode.LEGEND if len(rulers) == len(classes) else FeatureMode.BOTH


FEATURE_PARTS = {FeatureMode.APPEARANCE: RIM_PARTS, FeatureMode.BOTH: 1}
"""In how many parts svm, knn and mlp see coins that a legend alone does not tell: each
counts the same. Of rulers among other coins, legend and flan are better as one."""
KNOWN_PARTS = frozenset({*FEATURE_PARTS.values(), UNREAD_PARTS})
"""Those of models of before too."""


def spatial_pool(maps: Tensor) -> Tensor:
    """Return the mean of maps (N, C, H, W) in each of 4 x 4 cells, (N, 16 C).

    The square root of each mean is taken, so that one strong stroke does not dominate
    (Arandjelovic and Zisserman 2012).
    """
    return _roots(functional.adaptive_avg_pool2d(maps, GRID).flatten(1))


def _roots(means: Tensor) -> Tensor:
    return means.sign() * (means.abs() + 1e-6).sqrt()


def ring_pool(maps: Tensor, rings: Rings = _RINGS) -> Tensor:
    """Return the mean of maps (N, C, H, W) in each sector of rings, (N, 48 C).

    Neighbouring sectors overlap, so that a coin that is turned a little changes little.
    The square root of each mean is taken, as `spatial_pool` does.
    """
    weights = _sector_weights(*maps.shape[-2:], rings).to(maps)
    return _roots((maps.flatten(2) @ weights.T).flatten(1))


@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)  # kept for a training too
def _sector_weights(height: int, width: int, rings: Rings) -> Tensor:
    """How much each cell of a map counts in each sector, (K, H W); rows sum to 1."""
    down = (torch.arange(height) + 0.5) * 2 / height - 1
    right = (torch.arange(width) + 0.5) * 2 / width - 1
    radius = torch.hypot(down[:, None], right[None])
    angle = torch.atan2(down[:, None], right[None].expand(height, width))
    blur = 2 / min(height, width)  # a cell
    rows, inner = [], 0.0
    for number, outer in rings:
        beyond = torch.maximum(inner - radius, radius - outer)
        ring = (1 - beyond / blur).clamp(0, 1)
        for sector in range(number):
            turn = 2 * torch.pi / number
            away = (angle - (sector + 0.5) * turn + torch.pi) % (2 * torch.pi)
            row = ring * (1 - (away - torch.pi).abs() / turn).clamp(min=0)
            # Of a small map a sector may hold no cell.
            rows.append(row.flatten() / row.sum().clamp(min=1e-6))
        inner = outer
    return torch.stack(rows)


def strip_pool(maps: Tensor) -> Tensor:
    """Return the mean of maps of strips in each sector of the rim, (N, 12 C)."""
    means = sector_means(around(maps).mean(2), _STRIP_SECTORS)
    return _roots(means.flatten(1))


def mixed(features: Tensor, few: int) -> Tensor:
    """Return few numbers instead of many, (N, few), that keep their inner products.

    Each is the sum of some of them with random signs (a count sketch: Charikar, Chen
    and Farach-Colton 2002), so that a model stays small.
    """
    place, sign = _mixing(features.shape[1], few)
    out = features.new_zeros(len(features), few)
    return out.index_add_(1, place.to(features.device), features * sign.to(features))


@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)
def _mixing(count: int, few: int) -> tuple[Tensor, Tensor]:
    """To which number each is added, and with which sign; by MurmurHash's last step.

    So they are the same with every version of NumPy and torch.
    """
    h = np.arange(1, count + 1, dtype=np.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    h ^= h >> np.uint32(16)
    sign = 1 - 2 * (h >> np.uint32(31)).astype(np.float32)
    place = (h % np.uint32(few)).astype(np.int64)
    return torch.from_numpy(place), torch.from_numpy(sign)


class AppearanceHead(nn.Module):
    """Class logits from the mean maps in each sixteenth of the flan."""

    def __init__(self, channels: int, classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        width = channels * GRID**2
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.drop = nn.Dropout(dropout)
        self.line = nn.Linear(width, classes)
        nn.init.zeros_(self.line.weight)
        nn.init.zeros_(self.line.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return logits (N, classes) of pooled maps (N, 16 C)."""
        out: Tensor = self.line(self.drop(self.norm(pooled)))
        return out


class DirectionHead(Standardized):
    """Class logits from numbers that stay as they are, such as pooled maps."""

    def __init__(self, width: int, classes: int, parts: int = 1) -> None:
        super().__init__(width, parts)
        self.line = nn.Linear(width, classes)
        nn.init.zeros_(self.line.weight)
        nn.init.zeros_(self.line.bias)

    def learn(
        self, embeddings: NDArray[Any], columns: NDArray[np.int64], balanced: bool
    ) -> None:
        """Take the planes between the classes from embeddings (N, width)."""
        planes, biases = class_planes(
            self.standardize(embeddings),
            columns,
            self.line.out_features,
            balanced=balanced,
        )
        with torch.no_grad():
            self.line.weight.copy_(torch.from_numpy(planes / _LENGTH))
            self.line.bias.copy_(torch.from_numpy(biases))

    def forward(self, embedding: Tensor) -> Tensor:
        """Return logits (N, classes) of embeddings (N, width)."""
        out: Tensor = self.line(_LENGTH * self.directions(embedding))
        return out


class SpaceHead(nn.Module):
    """Class logits from where embeddings lie in a `ClassSpace`; in models of before."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.space = ClassSpace(width)
        self.line = nn.Linear(AXES, classes)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return logits (N, classes) of embeddings (N, width)."""
        out: Tensor = self.line(_LENGTH * self.space(embedding))
        return out


class AppearanceNet(nn.Module):
    """A backbone up to stride 8 with an appearance head.

    `deep` keeps the whole backbone, for weights that know more than letters. `rim`
    learns from stored maps: of the flan in rings, of its rim as a strip, and of a
    network of pictures, and from the letters on the rim. Models of before have no
    letters (`unread`), fewer numbers (`coarse`), some as one part (`straight`) or in a
    `ClassSpace` (`spaced`), or the rings alone (`rings`).
    """

    def __init__(
        self,
        legend_net: LegendNet,
        classes: int,
        *,
        deep: bool = False,
        rings: bool = False,
        rim: bool = False,
        unread: bool = False,
        coarse: bool = False,
        straight: bool = False,
        spaced: bool = False,
    ) -> None:
        super().__init__()
        channels: tuple[int, ...] = legend_net.trunk.channels
        self.trunk = legend_net.trunk if deep else legend_net.trunk.early()
        used = channels if deep else channels[:1]
        self.pool = ring_pool if rings else spatial_pool
        self.widths = [width * GRID**2 for width in used]
        self.pictures: nn.Module | None = None
        self.reader: nn.Module | None = None
        self._numbers = COARSE_RIM_NUMBERS if coarse else RIM_NUMBERS
        # The names tell the shapes apart in a file of weights.
        self.look: nn.ModuleDict | nn.ModuleList
        if rim:
            self.pictures = PictureTrunk().requires_grad_(False)
            if not unread:
                self.reader = RimReader().requires_grad_(False)
            parts = UNREAD_PARTS if unread else RIM_PARTS
            width = parts * self._numbers
            self.widths = [width]
            head: nn.Module = (
                SpaceHead(width, classes)
                if spaced
                else DirectionHead(width, classes, 1 if straight else parts)
            )
            self.look = nn.ModuleDict({"rim": head})
        elif rings:
            width = used[0] * SECTORS
            self.widths = [width]
            self.look = nn.ModuleDict({"rings": DirectionHead(width, classes)})
        else:
            self.look = nn.ModuleList(AppearanceHead(w, classes) for w in used)

    def freeze(self, size_px: int) -> None:
        """Let ONNX Runtime compute the backbone; the network then only answers."""
        views = torch.zeros(1, 3, size_px, size_px)
        self.trunk = compiled(self.trunk, views)  # type: ignore[assignment]
        if self.pictures is not None:
            self.pictures = compiled(self.pictures, views)
        if self.reader is not None:
            self.reader = compiled_for_strips(self.reader)

    def learn(
        self,
        embeddings: NDArray[Any],
        columns: NDArray[np.int64],
        *,
        balanced: bool = True,
    ) -> None:
        """Compute the head of a net with `rim`, which needs no training.

        Args:
            embeddings: Of the coins to learn from, (N, D).
            columns: Their classes, (N,).
            balanced: Whether each class counts the same, however few its coins are.
        """
        for head in self.look.children():
            if isinstance(head, DirectionHead):
                head.learn(embeddings, columns, balanced)

    def embed(self, x: Tensor) -> Tensor:
        """Return the embeddings (N, D) of x float32 (N, 3, S, S)."""
        if self.pictures is not None:
            return rim_embedding(
                self.trunk, self.pictures, self.reader, x, self._numbers
            )
        maps = self.trunk(x)
        maps = (maps,) if isinstance(maps, Tensor) else maps
        return torch.cat([self.pool(one) for one in maps], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return class logits (N, C) of x float32 (N, 3, S, S), or of embeddings."""
        embedding = x.float() if x.ndim == 2 else self.embed(x)
        pooled = torch.split(embedding, self.widths, dim=1)
        heads = self.look.children()
        logits = [head(part) for head, part in zip(heads, pooled, strict=True)]
        return torch.stack(logits).sum(0)


def rim_embedding(
    trunk: nn.Module,
    pictures: nn.Module,
    reader: nn.Module | None,
    x: Tensor,
    numbers: int = RIM_NUMBERS,
) -> Tensor:
    """Return what a net learns from stored maps, (N, parts * numbers).

    Args:
        trunk: A backbone's early layers.
        pictures: A `PictureTrunk`.
        reader: A `RimReader`; None for models of before, which have one part less.
        x: Whole flans, float32 (N, 3, S, S).
        numbers: Of each part, `RIM_NUMBERS` or `COARSE_RIM_NUMBERS`.
    """
    strips = unrolled(x)
    parts = [
        ring_pool(trunk(x)),
        strip_pool(trunk(strips)),
        ring_pool(pictures(CONTRAST * x), _COARSE_RINGS),
    ]
    if reader is not None:
        parts.append(letters_on_rims(reader, strips))
    return torch.cat([mixed(part, numbers) for part in parts], dim=1)


class LegendAppearanceNet(LegendNet):
    """A legend net with an appearance head, for rulers among other coins."""

    def __init__(self, legend_net: LegendNet, classes: int) -> None:
        super().__init__(legend_net.trunk, classes)
        self.look = nn.ModuleList(
            [AppearanceHead(legend_net.trunk.channels[0], classes)]
        )

    def beside_letters(self, maps: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
        """Return what the embedding needs of the backbone's maps."""
        return *super().beside_letters(maps), maps[0]

    def join(self, features: Tensor, others: Sequence[Tensor]) -> Tensor:
        """Return the embedding (N, D) of the features and what is beside letters."""
        legend = super().join(features, others)
        return torch.cat([legend, spatial_pool(others[1])], dim=1)

    def classify(self, embedding: Tensor) -> Tensor:
        """Return class logits (N, C) of embeddings (N, D): the last layers alone."""
        legend = FEATURES + self.pooled.in_features
        by_legend = super().classify(embedding[:, :legend])  # first, as in `LegendNet`
        out: Tensor = by_legend + self.look[0](embedding[:, legend:])
        return out


def build_net(
    backbone: str,
    classes: int,
    *,
    feature_mode: FeatureMode = FeatureMode.LEGEND,
    deep: bool = False,
    rings: bool = False,
    rim: bool = False,
    unread: bool = False,
    coarse: bool = False,
    straight: bool = False,
    spaced: bool = False,
    full_width: bool = False,
) -> nn.Module:
    """Build the untrained network on a backbone ("resnet" or "vgg")."""
    legend_net = build_legend_net(backbone, classes, full_width=full_width)
    if feature_mode is FeatureMode.LEGEND:
        return legend_net
    if feature_mode is FeatureMode.BOTH:
        return LegendAppearanceNet(legend_net, classes)
    if deep:
        return AppearanceNet(legend_net, classes, deep=True)
    return AppearanceNet(
        legend_net,
        classes,
        rings=rings,
        rim=rim,
        unread=unread,
        coarse=coarse,
        straight=straight,
        spaced=spaced,
    )


def shape_parameters(tensors: dict[str, Tensor]) -> dict[str, bool]:
    """Return the parameters of the network whose weights these are: its shape."""
    first = tensors.get("trunk.features.0.weight")
    full_width = first is not None and first.shape[:1] == (_PUBLISHED_WIDTH,)
    deep = "look.1.line.weight" in tensors
    shape = {"module__full_width": full_width, "module__deep": deep}
    if any(name.startswith("look.") for name in tensors):
        shape["module__rings"] = "look.rings.line.weight" in tensors
        shape["module__rim"] = "look.rim.line.weight" in tensors
        unread = not any(name.startswith("reader.") for name in tensors)
        shape["module__unread"] = unread
        seen = tensors.get("look.rim.mean", tensors.get("look.rim.space.mean"))
        parts = UNREAD_PARTS if unread else RIM_PARTS
        shape["module__coarse"] = seen is not None and seen.shape == (
            parts * COARSE_RIM_NUMBERS,
        )
        shape["module__straight"] = "look.rim.parts" not in tensors
        shape["module__spaced"] = "look.rim.space.mean" in tensors
    return shape
