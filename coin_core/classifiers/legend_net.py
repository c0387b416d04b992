"""Nets that read letters first and judge the ruler by what they read.

A trunk sees the coin, a letter head says for each cell of 8 px which letter
stands there, and the ruler head sees only the letter maps: no patina, no light.
The idea follows what collectors do, and Deep Aramaic (doi 10.1371/journal.pone.
0299297) on synthetic letters for worn inscriptions. `pooled` is a second, plain
way from the trunk to the classes for coins whose pictures, not letters, tell them
apart; it weighs nothing until a fine-tuning uses it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE_PX = 8
LETTER_CLASSES = 17  # the 16 letters of coin_core.rulers.LETTERS, then "none"
FEATURES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class LegendOutput:
    """What a reader made of N coins of S px.

    letters: logits (N, 17, S/8, S/8); features: (N, 4096); seen: (N, D), all that the
    last layers judge by; classes: logits (N, C).
    """

    letters: Tensor
    features: Tensor
    seen: Tensor
    classes: Tensor


class Trunk(nn.Module):
    """A backbone; `channels` are those of its maps at stride 8, 16 and 32."""

    channels: tuple[int, int, int]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Feature maps at stride 8, 16 and 32 of x (N, 3, S, S)."""
        raise TypeError("a trunk defines its own forward")

    def early(self) -> nn.Sequential:
        """The layers up to stride 8, by the same names."""
        raise TypeError("a trunk names its own early layers")


class LetterHead(nn.Module):
    """Letter logits per cell from the trunk's three maps."""

    def __init__(self, channels: tuple[int, int, int], width: int = 96) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.mix = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, LETTER_CLASSES, 1),
        )

    def forward(self, maps: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Logits (N, 17, S/8, S/8)."""
        size = maps[0].shape[-2:]
        total = self.narrow[0](maps[0])
        for layer, deep in zip(self.narrow[1:], maps[1:], strict=True):
            total = total + functional.interpolate(
                layer(deep), size=size, mode="bilinear", align_corners=False
            )
        out: Tensor = self.mix(total)
        return out


class LetterDropout(nn.Module):
    """While learning, hides a random share of the letters of each coin.

    Without it a letter that is not read speaks for the ruler whose name lacks it;
    on real coins letters are missed for many reasons.
    """

    def forward(self, shares: Tensor) -> Tensor:
        """Letter shares (N, 16, H, W), in training with some 2 x 2 cells emptied."""
        if not self.training:
            return shares
        count, _, height, width = shares.shape
        kept = 0.15 + 0.85 * torch.rand(count, 1, 1, 1, device=shares.device).sqrt()
        coarse = torch.rand(
            count, 1, (height + 1) // 2, (width + 1) // 2, device=shares.device
        )
        seen = functional.interpolate((coarse < kept).to(shares.dtype), scale_factor=2)
        return shares * seen[:, :, :height, :width]


class LegendHead(nn.Module):
    """4096 features from the letter maps: which letters stand where."""

    def __init__(self) -> None:
        super().__init__()
        self.fading = LetterDropout()
        self.layers = nn.Sequential(
            nn.Conv2d(LETTER_CLASSES - 1, 48, 3, padding=1, bias=False),
            nn.BatchNorm2d(48),
            nn.ReLU(inplace=True),
            nn.Conv2d(48, 96, 3, padding=1, bias=False),
            nn.BatchNorm2d(96),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(96, 160, 3, padding=1, bias=False),
            nn.BatchNorm2d(160),
            nn.ReLU(inplace=True),
            nn.Conv2d(160, 256, 3, padding=1, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(inplace=True),
            nn.AdaptiveMaxPool2d(4),
            nn.Flatten(),
        )

    def forward(self, letters: Tensor) -> Tensor:
        """Features (N, 4096) from letter logits (N, 17, H, W)."""
        out: Tensor = self.layers(self.fading(letters.softmax(1)[:, :-1]))
        return out


class LegendNet(nn.Module):
    """Trunk, letter head and ruler head."""

    def __init__(self, trunk: Trunk, classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.trunk = trunk
        self.letters = LetterHead(trunk.channels)
        self.legend = LegendHead()
        self.drop = nn.Dropout(dropout)
        self.ruler = nn.Linear(FEATURES, classes)
        self.anywhere = nn.Linear(FEATURES // 16, classes)
        self.pooled = nn.Linear(trunk.channels[2], classes)
        for layer in (self.anywhere, self.pooled):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def judge(self, features: Tensor) -> Tensor:
        """Class logits (N, C) from features (N, 4096): by place, and anywhere."""
        best = features.view(len(features), -1, 16).amax(2)
        out: Tensor = self.ruler(self.drop(features)) + self.anywhere(self.drop(best))
        return out

    def gather(self, features: Tensor, maps: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """All that the last layers judge by, (N, D)."""
        return torch.cat([features, maps[2].mean((2, 3))], dim=1)

    def tell(self, seen: Tensor) -> Tensor:
        """Class logits (N, C) from what was gathered: the last layers alone."""
        features, means = seen.tensor_split([FEATURES], dim=1)
        out: Tensor = self.judge(features) + self.pooled(self.drop(means))
        return out

    def read(self, x: Tensor) -> LegendOutput:
        """Everything at once for x float32 (N, 3, S, S)."""
        maps = self.trunk(x)
        letters = self.letters(maps)
        features = self.legend(letters)
        seen = self.gather(features, maps)
        return LegendOutput(
            letters=letters, features=features, seen=seen, classes=self.tell(seen)
        )

    def see(self, x: Tensor) -> Tensor:
        """What the last layers judge by, (N, D), of x float32 (N, 3, S, S)."""
        return self.read(x).seen

    def forward(self, x: Tensor) -> Tensor:
        """Class logits (N, C) of x float32 (N, 3, S, S), or of what `see` saw."""
        return self.tell(x) if x.ndim == 2 else self.read(x).classes


def load_compatible(module: nn.Module, tensors: dict[str, Tensor]) -> list[str]:
    """Take over every tensor whose name and shape fit; returns those left out."""
    own = module.state_dict()
    fits = {
        name: tensor.to(own[name].dtype)
        for name, tensor in tensors.items()
        if name in own and own[name].shape == tensor.shape
    }
    module.load_state_dict(fits, strict=False)
    return sorted(set(own) - set(fits))


def reader_in_half(module: nn.Module) -> dict[str, Tensor]:
    """The state for a bundle: kernels in half precision, without counters.

    Vectors stay: they are small, and running variances may not fit half precision.
    """
    return {
        name: (tensor.half() if tensor.ndim > 1 else tensor).detach().contiguous()
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
