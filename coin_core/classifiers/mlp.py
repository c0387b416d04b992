"""Four fully connected layers with batch norm and dropout, on the VGG features."""

from __future__ import annotations

from typing import Any

from coin_core.classifiers.registry import register_classifier


@register_classifier(
    name="mlp",
    title="Four-layer perceptron on VGG features",
    short_title="MLP",
    inputs="features",
    order=5,
    shipped=True,
    training_mb=725,
    default_epochs=30,
    # On thousands of coins more epochs only make it overconfident.
    release_epochs=12,
    study_title="Four layers with batch norm and dropout, on 4096 features",
    reported={"": "66 %, loss 0.03 learning, 0.8 validation"},
)
def build_mlp(labels: tuple[str, ...], *, seed: int) -> Any:
    """Build the unfitted classifier."""
    from coin_core.classifiers.appearance_net import FEATURE_PARTS, feature_mode_for
    from coin_core.classifiers.projected_mlp import MlpClassifier, ProjectedMlp
    from coin_core.classifiers.torch_classifier import best_device

    parts = FEATURE_PARTS.get(feature_mode_for(labels))
    return MlpClassifier(
        ProjectedMlp,
        module__classes=len(labels),
        module__by_class=bool(parts),
        module__parts=parts or 1,
        classes=labels,
        seed=seed,
        max_epochs=40,
        batch_size=128,
        lr=2e-3,
        optimizer__weight_decay=1e-2,
        device=best_device(),
    )
