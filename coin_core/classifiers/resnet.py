"""ResNet-18 that reads the legend and judges the ruler by it, or looks."""

from __future__ import annotations

from coin_core.classifiers.appearance_net import (
    FeatureMode,
    PhotoNet,
    build_net,
    sight_for,
)
from coin_core.classifiers.registry import register_classifier
from coin_core.classifiers.torch_classifier import best_device
from coin_core.imaging.preprocessing import Preprocessing


@register_classifier(name="resnet", title="ResNet-18", inputs="photo")
def build_resnet(labels: tuple[str, ...], *, seed: int) -> PhotoNet:
    """The unfitted classifier."""
    sight = sight_for(labels)
    return PhotoNet(
        build_net,
        module__name="resnet",
        module__classes=len(labels),
        module__sight=sight,
        classes=labels,
        seed=seed,
        preprocessing=Preprocessing(framed=sight is not FeatureMode.LOOK),
        max_epochs=20,
        batch_size=32,
        lr=5e-4,
        optimizer__weight_decay=2e-2,
        device=best_device(),
    )
