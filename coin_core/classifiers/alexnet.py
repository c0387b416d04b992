"""AlexNet from scratch, an experiment of the first project; it does not ship."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from coin_core.classifiers.registry import register_classifier

if TYPE_CHECKING:
    from torch import nn


@register_classifier(
    name="alexnet",
    title="AlexNet from scratch",
    short_title="AlexNet",
    inputs="photo",
    order=6,
    default_epochs=40,
)
def build_alexnet(labels: tuple[str, ...], *, seed: int) -> Any:
    """Build the unfitted classifier."""
    from coin_core.classifiers.torch_classifier import NetClassifier, best_device

    return NetClassifier(
        build_alexnet_module,
        module__classes=len(labels),
        classes=labels,
        seed=seed,
        max_epochs=40,
        batch_size=32,
        lr=3e-4,
        optimizer__weight_decay=1e-2,
        device=best_device(),
    )


def build_alexnet_module(classes: int, width: int = 1024) -> nn.Sequential:
    """Build torchvision's AlexNet with narrower fully connected layers.

    They have 1024 units instead of 4096: enough for a few classes, and a bundle stays
    under 40 MB. Photos (N, 3, S, S), S at least 63, to logits (N, classes).
    """
    import torch
    from torch import nn

    from coin_core.classifiers.torchvision_import import torchvision

    # The full-width head is built without memory and dropped.
    with torch.device("meta"):
        full = torchvision.models.alexnet(num_classes=classes)
    features = full.features.to_empty(device="cpu")
    for part in features:
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    head = nn.Sequential(
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(256 * 6 * 6, width),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(width, width),
        nn.ReLU(inplace=True),
        nn.Linear(width, classes),
    )
    layers = OrderedDict(features=features, pool=full.avgpool, head=head)
    return nn.Sequential(layers)
