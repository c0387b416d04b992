"""The backbones of torchvision, opened at stride 8, 16 and 32."""

from collections import OrderedDict

from torch import Tensor, nn

from coin_core.classifiers.legend_net import LegendNet, Trunk
from coin_core.classifiers.torchvision_import import torchvision


class ResNetTrunk(Trunk):
    """ResNet-18 without its head (He et al. 2016)."""

    channels = (128, 256, 512)

    def __init__(self, *, imagenet: bool = False) -> None:
        super().__init__()
        weights = "IMAGENET1K_V1" if imagenet else None
        net = torchvision.models.resnet18(weights=weights)
        self.conv1, self.bn1 = net.conv1, net.bn1
        self.relu, self.maxpool = net.relu, net.maxpool
        self.layer1, self.layer2 = net.layer1, net.layer2
        self.layer3, self.layer4 = net.layer3, net.layer4

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Feature maps at stride 8, 16 and 32 of x (N, 3, S, S)."""
        x = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(x)))))
        eighth = self.layer2(x)
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)

    def early(self) -> nn.Sequential:
        """The layers up to stride 8, by the same names."""
        names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2")
        return nn.Sequential(OrderedDict((n, getattr(self, n)) for n in names))


# VGG-11's layers at half its width: a fourth of the time and of the file, so that
# two cores can teach it in a night
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
        # one row per pooling: what comes before the fourth and the fifth is kept
        pools = [i for i, layer in enumerate(self.features) if "Pool" in str(layer)]
        self._third, self._fourth = pools[3], pools[4]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Feature maps at stride 8, 16 and 32 of x (N, 3, S, S)."""
        maps = []
        for place, layer in enumerate(self.features):
            if place in (self._third, self._fourth):
                maps.append(x)
            x = layer(x)
        return maps[0], maps[1], x

    def early(self) -> nn.Sequential:
        """The layers up to stride 8, by the same names."""
        return nn.Sequential(OrderedDict(features=self.features[: self._third]))


def build_reader(
    name: str, classes: int, *, imagenet: bool = False, full_width: bool = False
) -> LegendNet:
    """The untrained reader of a classifier ("resnet" or "vgg").

    `full_width` is for a vgg net that started from ImageNet's weights.
    """
    trunk: Trunk
    if name == "vgg":
        trunk = VggTrunk(imagenet=imagenet, full_width=full_width)
    else:
        trunk = ResNetTrunk(imagenet=imagenet)
    return LegendNet(trunk, classes)
