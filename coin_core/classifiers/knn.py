"""k nearest neighbours on the VGG features: the neighbours are coins to look at."""

from __future__ import annotations

from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from coin_core.classifiers._labelled import LabelledClassifier
from coin_core.classifiers._registry import register_classifier

NEIGHBOURS = 10


@register_classifier(
    name="knn", title="k nearest neighbours on VGG features", inputs="features"
)
def build_knn(labels: tuple[str, ...], *, seed: int) -> LabelledClassifier:
    """The unfitted classifier; nearer neighbours count more."""
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("pca", PCA(n_components=128, random_state=seed)),
            # On the unit sphere distance is similarity of direction.
            ("normalise", Normalizer()),
            # A tree is no faster in 128 dimensions, and would be one more type to
            # trust in a bundle.
            (
                "knn",
                KNeighborsClassifier(NEIGHBOURS, weights="distance", algorithm="brute"),
            ),
        ]
    )
    return LabelledClassifier(pipeline, labels)
