"""ResNet-18: reads the legend, or compares the appearance of other coins."""

from __future__ import annotations

from typing import Any

from coin_core.classifiers.registry import register_classifier


@register_classifier(
    name="resnet",
    title="ResNet-18",
    short_title="ResNet",
    inputs="photo",
    order=1,
    shipped=True,
    default_epochs=16,
    training_mb=1650,
    backbone="resnet",
    study_title="ResNet, last layer replaced",
    reported={"fine-tuned-plain": "63 %", "fine-tuned-turned-momentum": "75 %"},
)
def build_resnet(labels: tuple[str, ...], *, seed: int) -> Any:
    """Build the unfitted classifier."""
    from coin_core.classifiers.torch_classifier import build_photo_classifier

    return build_photo_classifier("resnet", labels, seed=seed, lr=5e-4)
