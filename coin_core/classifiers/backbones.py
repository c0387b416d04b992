"""The networks of torchvision; backbones give their maps at stride 8, 16 and 32."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from coin_core.classifiers.legend_net import LegendNet, Trunk
from coin_core.classifiers.torchvision_import import torchvision


class ResNetTrunk(Trunk):
    """ResNet-18 without its head (He et al. 2016)."""

    channels = (128, 256, 512)

    def __init__(self, *, imagenet: bool = False, full_width: bool = True) -> None:
        super().__init__()
        weights = "IMAGENET1K_V1" if imagenet else None
        net = torchvision.models.resnet18(weights=weights)
        self.conv1, self.bn1 = net.conv1, net.bn1
        self.relu, self.maxpool = net.relu, net.maxpool
        self.layer1, self.layer2 = net.layer1, net.layer2
        self.layer3, self.layer4 = net.layer3, net.layer4

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


# VGG-11's layers at half the width take a fourth of the time and of the space, so that
# two cores can train it in a night.
_VGG_HALF = [32, "M", 64, "M", 128, 128, "M", 256, 256, "M", 256, 256, "M"]


class VggTrunk(Trunk):
    """VGG-11 with batch norm, convolutions only (Simonyan and Zisserman 2015).

    Half as wide as published; of full width when it starts from ImageNet.
    """

    def __init__(self, *, imagenet: bool = False, full_width: bool = False) -> None:
        super().__init__()
        if imagenet or full_width:
            weights = "IMAGENET1K_V1" if imagenet else None
            self.features = torchvision.models.vgg11_bn(weights=weights).features
            self.channels = (512, 512, 512)
        else:
            self.features = torchvision.models.vgg.make_layers(_VGG_HALF, True)
            self.channels = (256, 256, 256)
            for layer in self.features:
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out")
        # The maps before the fourth and the fifth pooling are returned.
        pools = [i for i, layer in enumerate(self.features) if "Pool" in str(layer)]
        self._third, self._fourth = pools[3], pools[4]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return feature maps at stride 8, 16 and 32 of x (N, 3, S, S)."""
        maps = []
        for number, layer in enumerate(self.features):
            if number in (self._third, self._fourth):
                maps.append(x)
            x = layer(x)
        return maps[0], maps[1], x

    def early(self) -> nn.Sequential:
        """Return the layers up to stride 8, under the same names."""
        return nn.Sequential(OrderedDict(features=self.features[: self._third]))


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


class AlexNet(nn.Module):
    """torchvision's AlexNet with narrower fully connected layers.

    They have 1024 units instead of 4096: enough for a few classes, and a bundle stays
    under 40 MB.
    """

    def __init__(self, classes: int, width: int = 1024) -> None:
        super().__init__()
        # The full-width head is built without memory and dropped.
        with torch.device("meta"):
            full = torchvision.models.alexnet(num_classes=classes)
        self.features = full.features.to_empty(device="cpu")
        for part in self.features:
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
        self.pool = full.avgpool
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, width),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes) of photos (N, 3, S, S); S is at least 63."""
        logits: Tensor = self.head(self.pool(self.features(x)))
        return logits
