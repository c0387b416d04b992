"""Networks for coins that differ in their pictures, not in a legend alone.

They classify what is in each sixteenth of the flan. With few photos that works better
than a whole deep network: the backbone's maps at stride 8, strokes and edges learned
from letters, also describe portraits and symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import torch
from torch import Tensor, nn
from torch.nn import functional

from coin_core.classifiers.legend_net import FEATURES, LegendNet, build_legend_net
from coin_core.model_store.graph import compiled
from coin_core.rulers import RULERS

GRID = 4  # cells along each side of the flan
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


class AppearanceNet(nn.Module):
    """A backbone up to stride 8 with an appearance head.

    `deep` keeps the whole backbone, for weights that know more than letters.
    """

    def __init__(
        self, legend_net: LegendNet, classes: int, *, deep: bool = False
    ) -> None:
        super().__init__()
        channels: tuple[int, ...] = legend_net.trunk.channels
        self.trunk = legend_net.trunk if deep else legend_net.trunk.early()
        used = channels if deep else channels[:1]
        self.widths = [width * GRID**2 for width in used]
        self.look = nn.ModuleList(AppearanceHead(width, classes) for width in used)

    def freeze(self, size_px: int) -> None:
        """Let ONNX Runtime compute the backbone; the network then only answers."""
        views = torch.zeros(1, 3, size_px, size_px)
        self.trunk = compiled(self.trunk, views)  # type: ignore[assignment]

    def embed(self, x: Tensor) -> Tensor:
        """Return the embeddings (N, D) of x float32 (N, 3, S, S)."""
        maps = self.trunk(x)
        maps = (maps,) if isinstance(maps, Tensor) else maps
        return torch.cat([spatial_pool(one) for one in maps], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return class logits (N, C) of x float32 (N, 3, S, S), or of embeddings."""
        embedding = x if x.ndim == 2 else self.embed(x)
        pooled = torch.split(embedding, self.widths, dim=1)
        logits = [head(part) for head, part in zip(self.look, pooled, strict=True)]
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
    full_width: bool = False,
) -> nn.Module:
    """Build the untrained network on a backbone ("resnet" or "vgg")."""
    legend_net = build_legend_net(backbone, classes, full_width=full_width)
    if feature_mode is FeatureMode.LEGEND:
        return legend_net
    if feature_mode is FeatureMode.BOTH:
        return LegendAppearanceNet(legend_net, classes)
    return AppearanceNet(legend_net, classes, deep=deep)


def shape_parameters(tensors: dict[str, Tensor]) -> dict[str, bool]:
    """Return the parameters of the network whose weights these are: width and depth."""
    first = tensors.get("trunk.features.0.weight")
    full_width = first is not None and first.shape[:1] == (_PUBLISHED_WIDTH,)
    deep = "look.1.line.weight" in tensors
    return {"module__full_width": full_width, "module__deep": deep}
