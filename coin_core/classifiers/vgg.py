"""VGG-11 with batch norm: like `resnet`, and the extractor of the features."""

from __future__ import annotations

from typing import Any

from coin_core.classifiers.registry import register_classifier


@register_classifier(
    name="vgg",
    title="VGG-11",
    short_title="VGG",
    inputs="photo",
    order=2,
    shipped=True,
    default_epochs=12,
    training_mb=1000,
    backbone="vgg",
    extracts_features=True,
    study_title="VGG, last layer replaced",
    reported={"fine-tuned-plain": "63 %", "fine-tuned-turned-momentum": "70 %"},
)
def build_vgg(labels: tuple[str, ...], *, seed: int) -> Any:
    """Build the unfitted classifier."""
    from coin_core.classifiers.torch_classifier import build_photo_classifier

    return build_photo_classifier("vgg", labels, seed=seed, lr=3e-4)
