"""The networks of the legend: where it is, its letters, and whose name it gives.

The backbone encodes the coin, a letter head gives for each cell of 8 px the letter in
it, and the ruler head gets the letter maps alone: no patina, no light. Collectors
read coins in that order, and so does Deep Aramaic (doi 10.1371/journal.pone.0299297),
which was trained on synthetic letters for worn inscriptions. `pooled` is a second path
from the backbone to the classes, for coins that differ in pictures and not in letters.
Its weights are zero until a fine-tuning uses it. A small network of its own finds the
legend on the crop of a coin.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coin_core.imaging.preprocessing import (
    VIEW_MARGIN,
    LegendPose,
    local_contrast_normalize,
    normalize_degrees,
    warp_to_legend,
)
from coin_core.model_store.bundle import find_detection_bundle
from coin_core.model_store.graph import (
    check_finite,
    compiled,
    conv_bn_relu,
    load_small_net,
)

STRIDE_PX = 8
LETTER_CLASSES = 17  # the 16 letters of coin_core.rulers.LETTERS, then "none"
FEATURES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class LegendOutput:
    """The outputs for N inputs of S px.

    Attributes:
        letters: Letter logits (N, 17, S/8, S/8).
        features: Features of the legend (N, 4096).
        embedding: Everything that the last layers get, (N, D).
        logits: Class logits (N, C).
    """

    letters: Tensor
    features: Tensor
    embedding: Tensor
    logits: Tensor


class Trunk(nn.Module):
    """A backbone; `channels` are those of its maps at stride 8, 16 and 32."""

    channels: tuple[int, int, int]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return feature maps at stride 8, 16 and 32 of x (N, 3, S, S)."""
        raise TypeError("a backbone defines its own forward")

    def early(self) -> nn.Sequential:
        """Return the layers up to stride 8, under the same names."""
        raise TypeError("a backbone names its own early layers")

    def stem(self) -> nn.Sequential:
        """Return the layers that see strokes alone: the first at stride 8 are left."""
        raise TypeError("a backbone names its own stem")

    def finish(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `forward` returns, of the output of the stem."""
        raise TypeError("a backbone names its own later layers")


# The layers are those of torchvision, under the same names. Its import takes seconds
# and 70 MB, so only those who need its weights do it.


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inward, outward, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outward)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outward, outward, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outward)
        self.downsample: nn.Module | None = None
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inward, outward, 1, stride, bias=False),
                nn.BatchNorm2d(outward),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return maps (N, outward, H / stride, W / stride) of x (N, inward, H, W)."""
        deep = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        deep += x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu(deep)
        return out


def _stage(inward: int, outward: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        ResidualBlock(inward, outward, stride), ResidualBlock(outward, outward, 1)
    )


class ResNetTrunk(Trunk):
    """ResNet-18 without its head (He et al. 2016)."""

    channels = (128, 256, 512)

    def __init__(self, *, imagenet: bool = False, full_width: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2 = _stage(64, 64, 1), _stage(64, 128, 2)
        self.layer3, self.layer4 = _stage(128, 256, 2), _stage(256, 512, 2)
        if imagenet:
            from coin_core.classifiers.torchvision_import import torchvision

            net = torchvision.models.resnet18(weights="IMAGENET1K_V1")
            load_compatible(self, net.state_dict())
            return
        nn.Linear(512, 1000)  # the head's draw, so that a seed gives the same weights
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return feature maps at stride 8, 16 and 32 of x (N, 3, S, S)."""
        x = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(x)))))
        eighth = self.layer2(x)
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)

    def early(self) -> nn.Sequential:
        """Return the layers up to stride 8, under the same names."""
        names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2")
        return nn.Sequential(OrderedDict((n, getattr(self, n)) for n in names))

    def stem(self) -> nn.Sequential:
        """Return the layers up to stride 8."""
        return self.early()

    def finish(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `forward` returns, of the output of the stem."""
        sixteenth = self.layer3(x)
        return x, sixteenth, self.layer4(sixteenth)


# VGG-11's layers at half the width take a fourth of the time and of the space, so that
# two cores can train it in a night.
_VGG_HALF = (32,), (64,), (128, 128), (256, 256), (256, 256)  # a pooling after each


def _vgg_half() -> nn.Sequential:
    layers: list[nn.Module] = []
    inward = 3
    for widths in _VGG_HALF:
        for width in widths:
            layers.append(nn.Conv2d(inward, width, 3, padding=1))
            layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            inward = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class VggTrunk(Trunk):
    """VGG-11 with batch norm, convolutions only (Simonyan and Zisserman 2015).

    Half as wide as published; of full width when it starts from ImageNet.
    """

    def __init__(self, *, imagenet: bool = False, full_width: bool = False) -> None:
        super().__init__()
        if imagenet or full_width:
            from coin_core.classifiers.torchvision_import import torchvision

            weights = "IMAGENET1K_V1" if imagenet else None
            self.features = torchvision.models.vgg11_bn(weights=weights).features
            self.channels = (512, 512, 512)
        else:
            self.features = _vgg_half()
            self.channels = (256, 256, 256)
            for layer in self.features:
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out")
        # The maps before the fourth and the fifth pooling are returned.
        pools = [i for i, layer in enumerate(self.features) if "Pool" in str(layer)]
        self._third, self._fourth = pools[3], pools[4]
        self._eighth = pools[2] + 1

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return feature maps at stride 8, 16 and 32 of x (N, 3, S, S)."""
        return self._run(x, 0)

    def _run(self, x: Tensor, first: int) -> tuple[Tensor, Tensor, Tensor]:
        maps = []
        for number, layer in enumerate(self.features[first:], first):
            if number in (self._third, self._fourth):
                maps.append(x)
            x = layer(x)
        return maps[0], maps[1], x

    def early(self) -> nn.Sequential:
        """Return the layers up to stride 8, under the same names."""
        return nn.Sequential(OrderedDict(features=self.features[: self._third]))

    def stem(self) -> nn.Sequential:
        """Return the layers up to the pooling to stride 8."""
        return nn.Sequential(OrderedDict(features=self.features[: self._eighth]))

    def finish(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `forward` returns, of the output of the stem."""
        return self._run(x, self._eighth)


class LetterHead(nn.Module):
    """Letter logits per cell from the backbone's three maps."""

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
        """Return logits (N, 17, S/8, S/8)."""
        size = maps[0].shape[-2:]
        total = self.narrow[0](maps[0])
        for layer, deep in zip(self.narrow[1:], maps[1:], strict=True):
            total = total + functional.interpolate(
                layer(deep), size=size, mode="bilinear", align_corners=False
            )
        out: Tensor = self.mix(total)
        return out


class LetterDropout(nn.Module):
    """In training, hides a random fraction of the letters of each coin.

    Without it an unread letter is evidence for the ruler whose name lacks it, and on
    real coins letters are unread for many reasons.
    """

    def forward(self, probabilities: Tensor) -> Tensor:
        """Return letter probabilities (N, 16, H, W), some 2 x 2 cells set to 0."""
        if not self.training:
            return probabilities
        count, _, height, width = probabilities.shape
        device = probabilities.device
        kept = 0.15 + 0.85 * torch.rand(count, 1, 1, 1, device=device).sqrt()
        coarse = torch.rand(
            count, 1, (height + 1) // 2, (width + 1) // 2, device=device
        )
        mask = functional.interpolate(
            (coarse < kept).to(probabilities.dtype), scale_factor=2
        )
        return probabilities * mask[:, :, :height, :width]


class LegendHead(nn.Module):
    """4096 features from the letter maps: which letters are where."""

    def __init__(self) -> None:
        super().__init__()
        self.letter_dropout = LetterDropout()
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
        """Return features (N, 4096) of letter logits (N, 17, H, W)."""
        out: Tensor = self.layers(self.letter_dropout(letters.softmax(1)[:, :-1]))
        return out


class LegendNet(nn.Module):
    """Backbone, letter head and ruler head."""

    def __init__(self, trunk: Trunk, classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.trunk = trunk
        self.letters = LetterHead(trunk.channels)
        self.frozen: nn.Module | None = None
        self.legend = LegendHead()
        self.drop = nn.Dropout(dropout)
        self.ruler = nn.Linear(FEATURES, classes)
        self.anywhere = nn.Linear(FEATURES // 16, classes)
        self.pooled = nn.Linear(trunk.channels[2], classes)
        for layer in (self.anywhere, self.pooled):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def freeze(self, size_px: int) -> None:
        """Let ONNX Runtime compute the layers, for inputs of `size_px` on a CPU.

        The network only answers from then on. `trunk` becomes its early layers, so
        that the weights are not in memory twice.
        """
        views = torch.zeros(1, 3, size_px, size_px)
        whole = LetterNet(self).eval()
        frozen = compiled(whole, views)
        if frozen is whole:
            return
        with torch.inference_mode():
            letters = whole(views)[0]
        self.frozen = frozen
        self.legend = compiled(self.legend, letters)  # type: ignore[assignment]
        self.trunk = compiled(self.trunk.early(), views)  # type: ignore[assignment]

    def classify_features(self, features: Tensor) -> Tensor:
        """Return class logits (N, C) of features (N, 4096): by place, and anywhere."""
        best = features.view(len(features), -1, 16).amax(2)
        out: Tensor = self.ruler(self.drop(features)) + self.anywhere(self.drop(best))
        return out

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return letter logits of x (N, 3, S, S), and what is beside them."""
        maps = self.trunk(x)
        return self.letters(maps), *self.beside_letters(maps)

    def beside_letters(self, maps: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
        """Return what the embedding needs of the backbone's maps: the last means."""
        return (maps[2].mean((2, 3)),)

    def join(self, features: Tensor, others: Sequence[Tensor]) -> Tensor:
        """Return the embedding (N, D) of the features and what is beside letters."""
        return torch.cat([features, others[0]], dim=1)

    def classify(self, embedding: Tensor) -> Tensor:
        """Return class logits (N, C) of embeddings (N, D): the last layers alone."""
        features, means = embedding.tensor_split([FEATURES], dim=1)
        # In this order, on which the random numbers of the dropout depend.
        legend = self.classify_features(features)
        out: Tensor = legend + self.pooled(self.drop(means))
        return out

    def read_letters(self, x: Tensor) -> LegendOutput:
        """Return all outputs for x float32 (N, 3, S, S)."""
        letters, *others = (self.frozen or self.encode)(x)
        features = self.legend(letters)
        embedding = self.join(features, others)
        return LegendOutput(letters, features, embedding, self.classify(embedding))

    def embed(self, x: Tensor) -> Tensor:
        """Return the embeddings (N, D) of x float32 (N, 3, S, S)."""
        return self.read_letters(x).embedding

    def forward(self, x: Tensor) -> Tensor:
        """Return class logits (N, C) of x float32 (N, 3, S, S), or of embeddings."""
        return self.classify(x) if x.ndim == 2 else self.read_letters(x).logits


class LetterNet(nn.Module):
    """Backbone and letter head of a legend net, to be computed in one go."""

    def __init__(self, net: LegendNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return letter logits of x (N, 3, S, S), and what is beside them."""
        return self.net.encode(x)


TRUNKS: dict[str, type[ResNetTrunk | VggTrunk]] = {
    "resnet": ResNetTrunk,
    "vgg": VggTrunk,
}
"""Backbone by the name that `ClassifierSpec.backbone` gives."""


def build_legend_net(
    backbone: str, classes: int, *, imagenet: bool = False, full_width: bool = False
) -> LegendNet:
    """Build an untrained legend net.

    Args:
        backbone: A key of `TRUNKS`.
        classes: How many classes it tells apart.
        imagenet: Start the backbone from ImageNet's weights, which are downloaded.
        full_width: Build the backbone as wide as published; only VGG's is narrower.
    """
    return LegendNet(
        TRUNKS[backbone](imagenet=imagenet, full_width=full_width), classes
    )


def load_compatible(module: nn.Module, tensors: dict[str, Tensor]) -> list[str]:
    """Load every tensor whose name and shape fit; return the names of the others."""
    own = module.state_dict()
    fits = {
        name: tensor.to(own[name].dtype)
        for name, tensor in tensors.items()
        if name in own and own[name].shape == tensor.shape
    }
    module.load_state_dict(fits, strict=False)
    return sorted(set(own) - set(fits))


# Where the legend is

LEGEND_BUNDLE = "frames"
LEGEND_PX = 128
TURNS = 36  # directions, 10 degrees apart
DEFAULT_POSE = LegendPose()
_BATCH = 64
# A third of the training crops are at any angle. Far fewer photos are, and a legend
# that is wrongly turned cannot be read, so turns near upright get a bias.
_UPRIGHT_DEG = 45
_UPRIGHT_LOGIT_BIAS = 1.4
_SECOND = 0.02  # a second turn of a lower probability is hardly ever right


class LegendLocalizerNet(nn.Module):
    """From normalized crops (N, 1, 128, 128) to 3 numbers and 36 logits.

    The numbers are the offset of the centre from the middle, right and down, in default
    radii, and the logarithm of the radius over the default one. The logits are of the
    turn, clockwise from upright in steps of 10 degrees.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            conv_bn_relu(1, 24, 2),
            conv_bn_relu(24, 48, 2),
            conv_bn_relu(48, 48),
            conv_bn_relu(48, 96, 2),
            conv_bn_relu(96, 96),
            conv_bn_relu(96, 96),
            conv_bn_relu(96, 160, 2),
            conv_bn_relu(160, 160),
            conv_bn_relu(160, 160),
            nn.Conv2d(160, 64, 1),
            nn.Flatten(),
            nn.ReLU(inplace=True),
            nn.Dropout(0.1),
            nn.Linear(64 * 64, 256),
            nn.ReLU(inplace=True),
        )
        self.place = nn.Linear(256, 3)
        self.turn = nn.Linear(256, TURNS)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return places (N, 3) and turn logits (N, 36)."""
        hidden = self.trunk(crops)
        return self.place(hidden), self.turn(hidden)


@lru_cache(maxsize=1)
def shipped_localizer() -> nn.Module:
    """Return the shipped network, loaded once."""
    net = load_small_net(find_detection_bundle(LEGEND_BUNDLE), LegendLocalizerNet)
    return compiled(net, torch.zeros(1, 1, LEGEND_PX, LEGEND_PX))


def crops_to_input(crops: NDArray[np.uint8]) -> Tensor:
    """Turn crops uint8 (N, S, S, 3) into network inputs (N, 1, 128, 128)."""
    size = (LEGEND_PX, LEGEND_PX)
    mode = cv2.INTER_AREA if crops.shape[1] > LEGEND_PX else cv2.INTER_LINEAR
    grey = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops]
    small = [cv2.resize(crop, size, interpolation=mode) for crop in grey]
    return local_contrast_normalize(np.stack(small).astype(np.uint8))


def best_poses(
    crops: NDArray[np.uint8], net: nn.Module | None = None
) -> list[LegendPose]:
    """Return the likeliest pose of each crop, see `predict_poses`."""
    return [turns[0] for turns in predict_poses(crops, net)]


def predict_poses(
    crops: NDArray[np.uint8], net: nn.Module | None = None
) -> list[tuple[LegendPose, ...]]:
    """Predict the poses of the legends on crops of coins.

    The mean of a prediction on the crop and one on the view found there is closer to
    the truth than either. Where that view is nearly the crop, the first is as good.

    Args:
        crops: uint8 (N, S, S, 3).
        net: The network; the shipped one if None.

    Returns:
        For each crop the likeliest pose, and a second one with another turn where that
        may be right. On a coin without a legend it is about the middle of the flan.

    Raises:
        WeightsMissingError: The weights are missing.
    """
    net = net or shipped_localizer()
    found = _predict(crops, net)
    again = [
        (k, turn)
        for k, poses in enumerate(found)
        for turn, pose in enumerate(poses)
        if len(poses) > 1 or not _is_usual(pose)
    ]
    if again:
        windows = [window_around(found[k][turn]) for k, turn in again]
        views = warp_to_legend(crops[[k for k, _ in again]], windows, LEGEND_PX)
        for (k, turn), window, (second, *_) in zip(
            again, windows, _predict(views, net), strict=True
        ):
            found[k][turn] = _mean(found[k][turn], second.compose(window))
    return [tuple(poses) for poses in found]


def _is_usual(pose: LegendPose) -> bool:
    """Whether the view found is nearly the crop, so that it would tell nothing new."""
    away = math.hypot(pose.centre_x - 0.5, pose.centre_y - 0.5) / pose.radius
    growth = abs(math.log(pose.radius / DEFAULT_POSE.radius))
    return away < 0.2 and growth < 0.3 and abs(pose.turn_deg) < 30


def window_around(pose: LegendPose) -> LegendPose:
    """Return the pose in whose view the legend is centred and of the default size."""
    return replace(pose, radius=pose.radius / (2 * VIEW_MARGIN * DEFAULT_POSE.radius))


def _mean(one: LegendPose, other: LegendPose) -> LegendPose:
    turned = normalize_degrees(other.turn_deg - one.turn_deg)
    return LegendPose(
        centre_x=(one.centre_x + other.centre_x) / 2,
        centre_y=(one.centre_y + other.centre_y) / 2,
        radius=math.sqrt(one.radius * other.radius),
        turn_deg=one.turn_deg + turned / 2,
    )


def _predict(crops: NDArray[np.uint8], net: nn.Module) -> list[list[LegendPose]]:
    """Return one or two poses for each crop, from one pass."""
    poses: list[list[LegendPose]] = []
    usual = DEFAULT_POSE.radius
    for first in range(0, len(crops), _BATCH):
        with torch.inference_mode():
            places, turns = (
                check_finite(output, LEGEND_BUNDLE)
                for output in net(crops_to_input(crops[first : first + _BATCH]))
            )
        probabilities = (turns.float() + _turn_logit_bias()).softmax(1).numpy()
        for (dx, dy, growth), directions in zip(
            places.tolist(), _likely_turns(probabilities), strict=True
        ):
            poses.append(
                [
                    LegendPose(
                        centre_x=0.5 + dx * usual,
                        centre_y=0.5 + dy * usual,
                        radius=usual * math.exp(max(-1.0, min(1.0, growth))),
                        turn_deg=turn,
                    )
                    for turn in directions
                ]
            )
    return poses


@lru_cache(maxsize=1)
def _turn_logit_bias() -> Tensor:
    """Return the bias added to the logits of the turn, (36,)."""
    away = (torch.arange(TURNS) * 360 / TURNS + 180) % 360 - 180
    return _UPRIGHT_LOGIT_BIAS * (away.abs() <= _UPRIGHT_DEG).float()


def _likely_turns(probabilities: NDArray[np.float32]) -> list[list[float]]:
    """Return for each row (N, 36) the likeliest turn, and the next if it may be right.

    Each is the mean over the directions around it, in degrees, -180 to 180.
    """
    remaining = probabilities.copy()
    turns: list[list[float]] = [[] for _ in remaining]
    rows = np.arange(len(remaining))[:, None]
    for least in (0.0, _SECOND):
        sides = np.roll(remaining, 1, axis=1), np.roll(remaining, -1, axis=1)
        best = (remaining + sides[0] + sides[1]).argmax(axis=1)[:, None]
        near = best + np.arange(-2, 3)
        weights = remaining[rows, near % TURNS]
        totals, moments = weights.sum(axis=1), (weights * near).sum(axis=1)
        for own, total, moment in zip(turns, totals, moments, strict=True):
            if total > least:
                own.append(normalize_degrees(float(moment / total) * 360 / TURNS))
        remaining[rows, (best + np.arange(-3, 4)) % TURNS] = 0
    return turns
