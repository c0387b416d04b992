"""The backbones of torchvision, opened at stride 8, 16 and 32."""

from torch import Tensor, nn

from coin_core._torchvision import torchvision
from coin_core.classifiers._reader import Reader, Trunk

# Both nets have the published layers at half their width: a fourth of the time and of
# the file, so that two cores can teach them some hundred thousand coins in a night.
_RESNET_HALF = 32


def _resnet_stage(before: int, width: int, stride: int) -> nn.Sequential:
    """Two residual blocks; the first one halves the map where `stride` is 2."""
    block = torchvision.models.resnet.BasicBlock
    shortcut = None
    if stride != 1:
        shortcut = nn.Sequential(
            nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
        )
    return nn.Sequential(block(before, width, stride, shortcut), block(width, width))


class ResNetTrunk(Trunk):
    """ResNet-18 without its head (He et al. 2016).

    Half as wide as published; of full width when it starts from ImageNet.
    """

    def __init__(self, *, imagenet: bool = False, full_width: bool = False) -> None:
        super().__init__()
        if imagenet or full_width:
            weights = "IMAGENET1K_V1" if imagenet else None
            net = torchvision.models.resnet18(weights=weights)
            self.conv1, self.bn1 = net.conv1, net.bn1
            self.layer1, self.layer2 = net.layer1, net.layer2
            self.layer3, self.layer4 = net.layer3, net.layer4
            self.channels = (128, 256, 512)
        else:
            width = _RESNET_HALF
            self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.layer1 = _resnet_stage(width, width, 1)
            self.layer2 = _resnet_stage(width, 2 * width, 2)
            self.layer3 = _resnet_stage(2 * width, 4 * width, 2)
            self.layer4 = _resnet_stage(4 * width, 8 * width, 2)
            self.channels = (2 * width, 4 * width, 8 * width)
            _start_convolutions(self)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Feature maps at stride 8, 16 and 32 of x (N, 3, S, S)."""
        x = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(x)))))
        eighth = self.layer2(x)
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)


def _start_convolutions(net: nn.Module) -> None:
    """First weights as both papers' nets have them in torchvision (He et al. 2015)."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


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
            _start_convolutions(self)
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


# kernels of the first layer of the published nets
_FULL_FIRST_LAYER = 64


def has_full_width(tensors: dict[str, Tensor]) -> bool:
    """Whether a reader's tensors are those of a net as wide as published."""
    first = tensors.get("trunk.conv1.weight", tensors.get("trunk.features.0.weight"))
    return first is not None and len(first) == _FULL_FIRST_LAYER


def build_reader(
    name: str, classes: int, *, imagenet: bool = False, full_width: bool = False
) -> Reader:
    """The untrained reader of a classifier ("resnet" or "vgg").

    `full_width` is for a net that started from ImageNet's weights.
    """
    kind = VggTrunk if name == "vgg" else ResNetTrunk
    return Reader(kind(imagenet=imagenet, full_width=full_width), classes)
