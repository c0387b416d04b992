"""Support vector machine with a polynomial kernel, on the VGG features."""

from __future__ import annotations

from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC

from coin_core.classifiers._labelled import LabelledClassifier
from coin_core.classifiers._registry import register_classifier


@register_classifier(
    name="svm", title="SVM, polynomial kernel, on VGG features", inputs="features"
)
def build_svm(labels: tuple[str, ...], *, seed: int) -> LabelledClassifier:
    """The unfitted classifier; its margins become probabilities by Platt's sigmoid."""
    svc = SVC(
        kernel="poly", degree=3, gamma=1.0, coef0=1.0, C=1.0, class_weight="balanced"
    )
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("pca", PCA(n_components=128, random_state=seed)),
            # On the unit sphere the kernel compares directions, not brightness.
            ("normalise", Normalizer()),
            # One SVC on all coins, three folds for the sigmoid alone.
            ("svc", CalibratedClassifierCV(svc, cv=3, ensemble=False)),
        ]
    )
    return LabelledClassifier(pipeline, labels)
