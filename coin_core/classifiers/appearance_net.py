"""Networks for coins that differ in their pictures, not in a legend alone.

They classify what is in each sixteenth of the flan. With few photos that works better
than a whole deep network: the backbone's maps at stride 8, strokes and edges learned
from letters, also describe portraits and symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from coin_core.classifiers.legend_net import FEATURES, LegendNet, build_legend_net
from coin_core.model_store.graph import compiled
from coin_core.rulers import RULERS

GRID = 4  # cells along each side of the flan
# From the middle to the edge: how many sectors a ring has, and its outer radius as a
# fraction of half the input's side. Portraits are in the inner two, legends in the
# third, where a sector holds about a letter. Their number is a multiple of GRID**2.
_RINGS = ((4, 0.35), (12, 0.65), (32, 1.0))
SECTORS = sum(number for number, _ in _RINGS)
# A channel that never varies must not decide; the length of a feature vector.
_LEAST_SPREAD, _LENGTH = 3e-3, 10.0
_PUBLISHED_WIDTH = 64  # kernels in the first layer of the published VGG-11


class FeatureMode(StrEnum):
    """What classes are told apart by; the values are stored in model cards."""

    LEGEND = "legend"
    APPEARANCE = "look"
    BOTH = "both"


def feature_mode_for(classes: tuple[str, ...]) -> FeatureMode:
    """Return LEGEND for rulers, APPEARANCE for other coins, BOTH for a mixture."""
    rulers = [name for name in classes if name in RULERS]
    if not rulers:
        return FeatureMode.APPEARANCE
    return FeatureMode.LEGEND if len(rulers) == len(classes) else FeatureMode.BOTH


def spatial_pool(maps: Tensor) -> Tensor:
    """Return the mean of maps (N, C, H, W) in each of 4 x 4 cells, (N, 16 C).

    The square root of each mean is taken, so that one strong stroke does not dominate
    (Arandjelovic and Zisserman 2012).
    """
    means = functional.adaptive_avg_pool2d(maps, GRID).flatten(1)
    return means.sign() * (means.abs() + 1e-6).sqrt()


def ring_pool(maps: Tensor) -> Tensor:
    """Return the mean of maps (N, C, H, W) in each sector of three rings, (N, 48 C).

    Neighbouring sectors overlap, so that a coin that is turned a little changes little.
    The square root of each mean is taken, as `spatial_pool` does.
    """
    weights = _sector_weights(*maps.shape[-2:]).to(maps)
    means = (maps.flatten(2) @ weights.T).flatten(1)
    return means.sign() * (means.abs() + 1e-6).sqrt()


@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)  # kept for a training too
def _sector_weights(height: int, width: int) -> Tensor:
    """How much each cell of a map counts in each sector, (48, H W); rows sum to 1."""
    down = (torch.arange(height) + 0.5) * 2 / height - 1
    right = (torch.arange(width) + 0.5) * 2 / width - 1
    radius = torch.hypot(down[:, None], right[None])
    angle = torch.atan2(down[:, None], right[None].expand(height, width))
    blur = 2 / min(height, width)  # a cell
    rows, inner = [], 0.0
    for number, outer in _RINGS:
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


class RingHead(nn.Module):
    """Class logits from the mean maps in each sector, for maps that stay as they are.

    Coins are compared by the direction of their standardized features, not by how
    strong these are. With plain gradient descent the weights stay within what the
    photos span, so that thousands of numbers of a few hundred photos are not too many.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        width = channels * SECTORS
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.line = nn.Linear(width, classes)
        nn.init.zeros_(self.line.weight)
        nn.init.zeros_(self.line.bias)

    def standardize(self, pooled: Tensor) -> None:
        """Take mean and spread from the pooled maps of the coins to learn from."""
        self.mean.copy_(pooled.mean(0))
        self.spread.copy_(pooled.std(0, correction=0) + _LEAST_SPREAD)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return logits (N, classes) of pooled maps (N, 48 C)."""
        direction = functional.normalize((pooled - self.mean) / self.spread)
        out: Tensor = self.line(_LENGTH * direction)
        return out


class AppearanceNet(nn.Module):
    """A backbone up to stride 8 with an appearance head.

    `deep` keeps the whole backbone, for weights that know more than letters. `rings`
    pools the maps in the sectors of three rings instead of the cells of a grid.
    """

    def __init__(
        self,
        legend_net: LegendNet,
        classes: int,
        *,
        deep: bool = False,
        rings: bool = False,
    ) -> None:
        super().__init__()
        channels: tuple[int, ...] = legend_net.trunk.channels
        self.trunk = legend_net.trunk if deep else legend_net.trunk.early()
        used = channels if deep else channels[:1]
        parts = SECTORS if rings else GRID**2
        self.pool = ring_pool if rings else spatial_pool
        self.widths = [width * parts for width in used]
        # The name tells the two shapes apart in a file of weights.
        self.look: nn.ModuleDict | nn.ModuleList = (
            nn.ModuleDict({"rings": RingHead(used[0], classes)})
            if rings
            else nn.ModuleList(AppearanceHead(width, classes) for width in used)
        )

    def freeze(self, size_px: int) -> None:
        """Let ONNX Runtime compute the backbone; the network then only answers."""
        views = torch.zeros(1, 3, size_px, size_px)
        self.trunk = compiled(self.trunk, views)  # type: ignore[assignment]

    @torch.no_grad()
    def standardize(self, embeddings: Tensor) -> None:
        """Take mean and spread of features from the coins to learn from, (N, D)."""
        for head in self.look.children():
            if isinstance(head, RingHead):
                head.standardize(embeddings)

    def embed(self, x: Tensor) -> Tensor:
        """Return the embeddings (N, D) of x float32 (N, 3, S, S)."""
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


class LegendAppearanceNet(LegendNet):
    """A legend net with an appearance head, for rulers among other coins."""

    def __init__(self, legend_net: LegendNet, classes: int) -> None:
        super().__init__(legend_net.trunk, classes)
        self.look = nn.ModuleList(
            [AppearanceHead(legend_net.trunk.channels[0], classes)]
        )

    def join(self, features: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """Return the embedding (N, D) of the features and the backbone's maps."""
        return torch.cat([super().join(features, maps), spatial_pool(maps[0])], dim=1)

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
    full_width: bool = False,
) -> nn.Module:
    """Build the untrained network on a backbone ("resnet" or "vgg")."""
    legend_net = build_legend_net(backbone, classes, full_width=full_width)
    if feature_mode is FeatureMode.LEGEND:
        return legend_net
    if feature_mode is FeatureMode.BOTH:
        return LegendAppearanceNet(legend_net, classes)
    return AppearanceNet(legend_net, classes, deep=deep, rings=rings and not deep)


def shape_parameters(tensors: dict[str, Tensor]) -> dict[str, bool]:
    """Return the parameters of the network whose weights these are: its shape."""
    first = tensors.get("trunk.features.0.weight")
    full_width = first is not None and first.shape[:1] == (_PUBLISHED_WIDTH,)
    deep = "look.1.line.weight" in tensors
    shape = {"module__full_width": full_width, "module__deep": deep}
    if any(name.startswith("look.") for name in tensors):
        shape["module__rings"] = "look.rings.line.weight" in tensors
    return shape
