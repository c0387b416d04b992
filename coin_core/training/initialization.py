"""The weights a training starts from: shipped, ImageNet's, none, or a bundle's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import nn

from coin_core.classifiers import feature_extractor, get_classifier
from coin_core.classifiers.appearance_net import (
    FeatureMode,
    feature_mode_for,
    shape_parameters,
)
from coin_core.classifiers.legend_net import load_compatible
from coin_core.classifiers.loading import load_classifier
from coin_core.classifiers.picture_trunk import load_pictures
from coin_core.classifiers.rim_reader import load_rim_reader
from coin_core.classifiers.torch_classifier import NetClassifier, PhotoClassifier
from coin_core.errors import TrainingDataError, WeightsMissingError
from coin_core.i18n import N_
from coin_core.model_store import bundle

INITS = ("rendered", "imagenet", "scratch")
# Of ResNet-18 up to its first stage, of VGG-11 up to its second pooling.
FIRST_LAYERS = (
    *("conv1.", "bn1.", "layer1."),
    *(f"features.{place}." for place in range(8)),
)
# The layers that depend on the classes: of legend and appearance nets, of alexnet.
LAST_LAYERS = ("ruler.", "anywhere.", "pooled.", "look.", "head.6.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a training starts.

    Attributes:
        init: "rendered", "imagenet", "scratch", or the name of a bundle.
        folder: Of the bundle, also of the shipped one that computes the features;
            None for the others.
        digest: sha256 of its weights, or of the shipped ones; "" for the others.
        data: What that bundle was trained on.
        data_digest: sha256 over those coins.
        classes: What those weights tell apart; () for ImageNet's and none.
        threshold: The probability below which that classifier does not answer.
        temperature: Of its probabilities.
        limits: Of its card.
    """

    init: str
    folder: Path | None = None
    digest: str = ""
    data: str = ""
    data_digest: str = ""
    classes: tuple[str, ...] = ()
    threshold: float = 0.0
    temperature: float = 1.0
    limits: Mapping[str, float] = field(default_factory=dict)

    def caution(self, digest: str) -> str:
        """Why figures on coins with this digest are too high; "" if they are not."""
        if self.init in INITS or self.data == "rendered":
            return ""
        if self.data_digest == digest:
            words = N_(
                "it started from {model}, which was trained on these very coins: the "
                "figures are too good"
            )
            return words.format(model=self.init)
        words = N_(
            "it started from {model}, which was trained on {data}: coins that are in "
            "both make the figures too good"
        )
        return words.format(model=self.init, data=self.data)


def find_start(name: str, init: str) -> Start:
    """Check `--init` before anything is read or trained.

    A net starts from a bundle of its own kind. A classifier of features starts from
    the bundle that computes them, and needs it for every prediction.

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
        if on_features:
            return _find_features(name, init)
        # A run resumes only with the weights that it started from.
        shipped = bundle.WEIGHTS_DIR / name
        known = init == "rendered" and shipped.is_dir()
        if not known:
            return Start(init=init)
        card = bundle.load_card(shipped)
        digest = bundle.weights_digest(card)
        return Start(init=init, digest=digest, **_known_of(card))
    try:
        folder = bundle.find_bundle(init)
    except WeightsMissingError as error:
        raise TrainingDataError(
            f"A training starts from {', '.join(INITS)} or from a model's name or "
            f"folder; there is no model {init!r}."
        ) from error
    card, _ = load_classifier(folder)
    expected = feature_extractor() if on_features else name
    if card.classifier != expected:
        raise TrainingDataError(
            f"{name} starts from a bundle of {expected}; {folder.name} holds "
            f"{card.classifier or 'no classifier of coins'}."
        )
    if on_features and not _is_found_by_name(folder):
        raise TrainingDataError(
            f"{name} needs the features of {folder.name} for every prediction: "
            f"copy that folder to {bundle.models_dir()} first."
        )
    return Start(
        init=folder.name,
        folder=folder,
        digest=bundle.weights_digest(card),
        data=str(card.training.get("data", "")),
        data_digest=str(card.training.get("digest", "")),
        **_known_of(card),
    )


def _find_features(name: str, init: str) -> Start:
    """The features of the shipped net, whatever else has its name."""
    if init == "imagenet":
        raise TrainingDataError(
            f"{name} learns from the features of a vgg net: the shipped one, or a "
            "bundle named by --init. ImageNet's weights are for resnet and vgg."
        )
    return Start(init=init, folder=bundle.WEIGHTS_DIR / feature_extractor())


def _known_of(card: bundle.Card) -> dict[str, Any]:
    return {
        "classes": card.classes,
        "threshold": card.threshold,
        "temperature": card.temperature,
        "limits": card.limits,
    }


def _is_found_by_name(folder: Path) -> bool:
    try:
        return bundle.find_bundle(folder.name).resolve() == folder.resolve()
    except WeightsMissingError:
        return False


def start_net(
    net: NetClassifier, name: str, start: Start, *, fresh_head: bool = False
) -> None:
    """Load the weights to start from into an initialized net.

    Nets without a pretrained backbone (alexnet, mlp) start untrained, unless they start
    from a bundle. With `fresh_head`, the last layers start untrained even where the
    weights know the net's classes. The first convolutions stay as they are: edges are
    edges on every coin, a third of the time is saved, and a few photos are better spent
    on the later layers.

    Raises:
        WeightsMissingError: The weights to start from are missing.
        WeightsMismatchError: They are damaged.
    """
    has_backbone = hasattr(net.module_, "trunk")
    if get_classifier(name).inputs == "features" or start.init == "scratch":
        return
    if start.folder is not None:
        _load_bundle(net, start.folder, fresh_head)
    elif not has_backbone:
        return
    elif start.init == "imagenet":
        _load_imagenet(net, name)
    else:
        folder = bundle.WEIGHTS_DIR / name
        if not (folder / "card.json").is_file():
            raise WeightsMissingError(
                f"The shipped weights of {name} are missing. Make them with "
                f"python -m coin_core train {name} --data rendered, "
                "or start with --init scratch."
            )
        _load_bundle(net, folder, fresh_head)
    if has_backbone:
        for key, weight in net.module_.trunk.named_parameters():
            weight.requires_grad_(not key.startswith(FIRST_LAYERS))


def freeze_backbone(module: nn.Module) -> None:
    """Exclude all but the last layers of a net from training, batch norms included.

    Raises:
        TrainingDataError: The net has no backbone.
    """
    if getattr(module, "trunk", None) is None:
        raise TrainingDataError(
            "Only resnet and vgg have a trunk that can be frozen (--frozen)."
        )
    for name, layer in module.named_children():
        # A layer without weights, such as dropout, belongs to the last layers.
        if f"{name}." not in LAST_LAYERS and any(True for _ in layer.parameters()):
            layer.requires_grad_(False)
            # The statistics of its batch norms must not follow the photos either.
            layer.register_forward_pre_hook(lambda layer, _: layer.eval() and None)


def _load_bundle(net: NetClassifier, folder: Path, fresh_head: bool) -> None:
    card, trained = load_classifier(folder)
    tensors = trained.tensors()
    if isinstance(net, PhotoClassifier):
        shape = shape_parameters(tensors)
        if getattr(net, "module__rim", False):
            # Only the early layers are taken over, whatever is on top of them.
            before = ("rings", "deep", "unread", "coarse", "straight", "spaced")
            shape |= {f"module__{one}": False for one in before}
            shape["module__rim"] = True
        net.set_params(**shape)
    own, known = tuple(net.classes), card.classes
    if "ruler.bias" in tensors:
        # The card of what is trained has no biases of its own.
        biases = [card.class_logit_bias.get(label, 0.0) for label in known]
        tensors["ruler.bias"] = tensors["ruler.bias"] + torch.tensor(biases)
    if feature_mode_for(own) is FeatureMode.LEGEND and set(own) < set(known):
        # Some of the rulers: each keeps what is known of him.
        rows = [known.index(label) for label in own]
        tensors |= {
            key: value[rows]
            for key, value in tensors.items()
            if key.startswith(LAST_LAYERS)
        }
        known = own
    if fresh_head or own != known:
        # A head for other classes would have to be unlearned first.
        tensors = {
            key: value
            for key, value in tensors.items()
            if not key.startswith(LAST_LAYERS)
        }
    load_compatible(net.module_, tensors)
    pictures = getattr(net.module_, "pictures", None)
    if pictures is not None:
        pictures.load_state_dict(load_pictures().state_dict())
    reader = getattr(net.module_, "reader", None)
    if reader is not None:
        reader.load_state_dict(load_rim_reader().state_dict())


def _load_imagenet(net: Any, name: str) -> None:
    from coin_core.classifiers import legend_net

    try:
        trained = legend_net.build_legend_net(name, len(net.classes), imagenet=True)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsMissingError(
            f"The ImageNet weights could not be downloaded ({error}). "
            "Start with --init rendered or --init scratch."
        ) from error
    # The shipped net is half as wide, and only as deep as letters need.
    net.set_params(module__full_width=True, module__deep=True)
    net.module_.trunk.load_state_dict(trained.trunk.state_dict())
