"""Where a training starts: shipped weights, ImageNet's, nothing, or another bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

from coin_core.classifiers import get_classifier
from coin_core.classifiers.appearance_net import PhotoNet, shape_of
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import TrainingDataError, WeightsMissingError
from coin_core.model_store import bundle
from coin_core.training.release import FEATURES_NET

INITS = ("rendered", "imagenet", "scratch")
# Of ResNet-18 up to its first stage, of VGG-11 up to its second pooling.
FIRST_LAYERS = (
    "conv1.",
    "bn1.",
    "layer1.",
    *(f"features.{place}." for place in range(8)),
)
# What stands for the classes: of readers and lookers, of alexnet.
LAST_LAYERS = ("ruler.", "anywhere.", "pooled.", "look.", "head.6.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a training starts.

    Attributes:
        init: "rendered", "imagenet", "scratch", or the name of a bundle.
        folder: Of the bundle; None for the others.
        digest: sha256 of its weights, or of the shipped ones; "" for the others.
        data: What that bundle had learnt from.
        data_digest: sha256 over those coins.
    """

    init: str
    folder: Path | None = None
    digest: str = ""
    data: str = ""
    data_digest: str = ""

    def caution(self, digest: str) -> str:
        """What a start from a bundle does to figures on coins with this digest."""
        if self.folder is None or self.data == "rendered":
            return ""
        if self.data_digest == digest:
            return (
                f"it started from {self.init}, which had learnt from these very coins: "
                "the figures are too good"
            )
        return (
            f"it started from {self.init}, which had learnt from {self.data}: coins "
            "that are in both make the figures too good"
        )


def find_start(name: str, init: str) -> Start:
    """What `--init` asks for, checked before anything is read or learnt.

    A net starts from a bundle of its own kind. What learns from features takes those
    of a vgg bundle, which it needs again whenever it is asked.

    Args:
        name: The classifier that will be trained.
        init: "rendered", "imagenet", "scratch", or a bundle's name or folder.

    Raises:
        TrainingDataError: This classifier cannot start there.
        WeightsMissingError: There is no such bundle.
        WeightsMismatchError: It is damaged.
    """
    on_features = get_classifier(name).inputs == "features"
    if init in INITS:
        if on_features and init == "imagenet":
            raise TrainingDataError(
                f"{name} learns from the features of a vgg net: the shipped one, or a "
                "bundle named by --init. ImageNet's weights are for resnet and vgg."
            )
        # A run is gone on with from the weights that it began with, or not at all.
        shipped = bundle.WEIGHTS_DIR / name
        known = init == "rendered" and not on_features and shipped.is_dir()
        digest = bundle.weights_digest(bundle.load_card(shipped)) if known else ""
        return Start(init=init, digest=digest)
    try:
        folder = bundle.find_bundle(init)
    except WeightsMissingError as error:
        raise TrainingDataError(
            f"A training starts from {', '.join(INITS)} or from a model's name or "
            f"folder; there is no model {init!r}."
        ) from error
    card = bundle.load_card(folder)
    wanted = FEATURES_NET if on_features else name
    if card.classifier != wanted:
        raise TrainingDataError(
            f"{name} starts from a bundle of {wanted}; {folder.name} holds "
            f"{card.classifier or 'no classifier of coins'}."
        )
    if on_features and not _found_again(folder):
        raise TrainingDataError(
            f"{name} will need the features of {folder.name} whenever it is asked: "
            f"copy that folder to {bundle.models_dir()} first."
        )
    return Start(
        init=folder.name,
        folder=folder,
        digest=bundle.weights_digest(card),
        data=str(card.training.get("data", "")),
        data_digest=str(card.training.get("digest", "")),
    )


def _found_again(folder: Path) -> bool:
    """Whether the bundle's name alone leads to it."""
    try:
        return bundle.find_bundle(folder.name).resolve() == folder.resolve()
    except WeightsMissingError:
        return False


def start_net(
    net: NetClassifier, name: str, start: Start, *, fresh_head: bool = False
) -> None:
    """Put the weights to start from into a net that has just been begun.

    Nets without a shipped backbone (alexnet, mlp) start from nothing, unless they
    start from a bundle. With `fresh_head`, the last layers start from nothing even
    where the weights know the net's classes.

    Raises:
        WeightsMissingError: The weights to start from are not there.
        WeightsMismatchError: They are damaged.
    """
    has_trunk = hasattr(net.module_, "trunk")
    if name == "mlp" or start.init == "scratch":
        return
    if start.folder is not None:
        _start_from_bundle(net, start.folder, fresh_head)
    elif not has_trunk:
        return
    elif start.init == "imagenet":
        _start_from_imagenet(net, name)
    else:
        _start_from_bundle(net, _shipped(name), fresh_head)
    if has_trunk:
        _freeze_first(net.module_.trunk)


def _freeze_first(trunk: Any) -> None:
    """Leave the first convolutions as they are.

    Edges are edges on every coin; a third of the time is saved, and the few photos
    there are go into what tells coins apart.
    """
    for name, weight in trunk.named_parameters():
        first = name.startswith(FIRST_LAYERS)
        weight.requires_grad_(not first)


def _shipped(name: str) -> Path:
    folder = bundle.WEIGHTS_DIR / name
    if not (folder / "card.json").is_file():
        raise WeightsMissingError(
            f"The shipped weights of {name} are missing. Make them with "
            f"python -m coin_core train {name} --data rendered, "
            "or start with --init scratch."
        )
    return folder


def _start_from_bundle(net: NetClassifier, folder: Path, fresh_head: bool) -> None:
    from coin_core.classifiers.legend_net import load_compatible

    tensors = bundle.read_tensors(folder)
    if isinstance(net, PhotoNet):
        net.set_params(**shape_of(tensors))
    if fresh_head or tuple(net.classes) != bundle.load_card(folder).classes:
        # A head for other classes would have to unlearn first.
        tensors = {
            key: value
            for key, value in tensors.items()
            if not key.startswith(LAST_LAYERS)
        }
    load_compatible(net.module_, tensors)


def _start_from_imagenet(net: NetClassifier, name: str) -> None:
    from coin_core.classifiers.backbones import build_reader

    try:
        trained = build_reader(name, len(net.classes), imagenet=True)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsMissingError(
            f"The ImageNet weights could not be downloaded ({error}). "
            "Start with --init rendered or --init scratch."
        ) from error
    # Ours is half as wide, and looks no deeper than letters ask for.
    net.set_params(module__full_width=name == "vgg", module__deep=True)
    net.module_.trunk.load_state_dict(trained.trunk.state_dict())
