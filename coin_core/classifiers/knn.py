"""k nearest neighbours on the VGG features; the neighbours are coins to look at."""

from __future__ import annotations

from typing import Any

from coin_core.classifiers.registry import register_classifier


@register_classifier(
    name="knn",
    title="k nearest neighbours on VGG features",
    short_title="kNN",
    inputs="features",
    order=4,
    shipped=True,
    training_mb=750,
    study_title="k nearest neighbours, k = 10, on 4096 features",
    reported={"": "66 %"},
)
def build_knn(labels: tuple[str, ...], *, seed: int) -> Any:
    """Build the unfitted classifier."""
    from sklearn.neighbors import KNeighborsClassifier

    from coin_core.classifiers.appearance_net import FEATURE_PARTS, feature_mode_for
    from coin_core.classifiers.base import NEIGHBOURS, SmoothedKNN, build_pipeline
    from coin_core.classifiers.class_space import AXES

    # A tree is no faster in 64 dimensions, and would be one more type to trust in a
    # bundle.
    neighbours = KNeighborsClassifier(NEIGHBOURS, algorithm="brute")
    parts = FEATURE_PARTS.get(feature_mode_for(labels))
    if not parts:
        return SmoothedKNN(build_pipeline("knn", neighbours, seed=seed), labels)
    # Coins look alike in more than what tells the classes apart: that is learned.
    pipeline = build_pipeline(
        "knn", neighbours, seed=seed, components=AXES, parts=parts
    )
    return SmoothedKNN(pipeline, labels, learns_axes=True)
