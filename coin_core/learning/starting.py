"""Where a net starts: from shipped weights, from ImageNet's, or from nothing."""

from __future__ import annotations

from typing import Any
from urllib.error import URLError

from coin_core import models
from coin_core.classifiers._net import NetClassifier
from coin_core.errors import TrainingDataError, WeightsMissingError

INITS = ("rendered", "imagenet", "scratch")
# Of ResNet-18 up to its first stage, of VGG-11 up to its second pooling.
FIRST_LAYERS = (
    "conv1.",
    "bn1.",
    "layer1.",
    *(f"features.{place}." for place in range(8)),
)


def start_net(net: NetClassifier, name: str, init: str) -> None:
    """Put the weights of `init` into a net that has just been begun.

    Nets without a shipped backbone (alexnet, mlp) start from nothing in any case.

    Raises:
        TrainingDataError: There is no such init.
        WeightsMissingError: The weights to start from are not there.
    """
    if init not in INITS:
        raise TrainingDataError(
            f"A net starts from {', '.join(INITS)}; not from {init!r}."
        )
    if init == "scratch" or not hasattr(net.module_, "trunk"):
        return
    if init == "imagenet":
        _start_from_imagenet(net, name)
    else:
        _start_from_bundle(net, name)
    _freeze_first(net.module_.trunk)


def _freeze_first(trunk: Any) -> None:
    """Leave the first convolutions as they are.

    Edges are edges on every coin; a third of the time is saved, and the few photos
    there are go into what tells coins apart.
    """
    for name, weight in trunk.named_parameters():
        first = name.startswith(FIRST_LAYERS)
        weight.requires_grad_(not first)


def _start_from_bundle(net: NetClassifier, name: str) -> None:
    from coin_core.classifiers._reader import load_matching

    folder = models.WEIGHTS_DIR / name
    if not (folder / "card.json").is_file():
        raise WeightsMissingError(
            f"The shipped weights of {name} are missing. Make them with "
            f"python -m coin_core train {name} --data rendered, "
            "or start with --init scratch."
        )
    tensors = models.read_tensors(folder)
    if tuple(net.classes) != models.load_card(folder).classes:
        # A head for other rulers would have to unlearn first.
        tensors = {
            key: value
            for key, value in tensors.items()
            if not key.startswith(("ruler.", "anywhere.", "pooled."))
        }
    load_matching(net.module_, tensors)


def _start_from_imagenet(net: NetClassifier, name: str) -> None:
    from coin_core.classifiers._trunks import build_reader

    try:
        trained = build_reader(name, len(net.classes), imagenet=True)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsMissingError(
            f"The ImageNet weights could not be downloaded ({error}). "
            "Start with --init rendered or --init scratch."
        ) from error
    if name == "vgg":  # ours is half as wide
        net.set_params(module__full_width=True)
    net.module_.trunk.load_state_dict(trained.trunk.state_dict())
