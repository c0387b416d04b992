"""AlexNet from scratch, an experiment of the first project; it does not ship."""

from __future__ import annotations

from typing import Any

from coin_core.classifiers.registry import register_classifier


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
    from coin_core.classifiers.backbones import AlexNet
    from coin_core.classifiers.torch_classifier import NetClassifier, best_device

    return NetClassifier(
        AlexNet,
        module__classes=len(labels),
        classes=labels,
        seed=seed,
        max_epochs=40,
        batch_size=32,
        lr=3e-4,
        optimizer__weight_decay=1e-2,
        device=best_device(),
    )
