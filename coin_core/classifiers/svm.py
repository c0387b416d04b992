"""Support vector machine on the VGG features, with a polynomial or a linear kernel."""

from __future__ import annotations

from typing import Any

from coin_core.classifiers.registry import register_classifier


@register_classifier(
    name="svm",
    title="SVM, polynomial kernel, on VGG features",
    short_title="SVM",
    inputs="features",
    order=3,
    shipped=True,
    training_mb=750,
    study_title="SVM, polynomial kernel, on 4096 features",
    reported={"": "70 %"},
)
def build_svm(labels: tuple[str, ...], *, seed: int) -> Any:
    """Build the unfitted classifier.

    One machine per class against the others. A softmax over their margins is better
    calibrated than Platt's sigmoids. The features of coins of other kinds than the
    rulers' are better divided by planes (docs/benchmarks.md).
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import SVC

    from coin_core.classifiers.appearance_net import FeatureMode, feature_mode_for
    from coin_core.classifiers.base import NamedLabelsClassifier, build_pipeline

    if feature_mode_for(labels) is FeatureMode.LEGEND:
        kernel = {"kernel": "poly", "degree": 3, "gamma": 1.0, "coef0": 1.0, "C": 1.0}
        components = 64
    else:
        kernel, components = {"kernel": "linear", "C": 3.0}, 400
    svc = OneVsRestClassifier(SVC(**kernel, class_weight="balanced"))
    # Machines on all coins, three folds for the softmax's temperature alone.
    calibrated = CalibratedClassifierCV(svc, method="temperature", cv=3, ensemble=False)
    return NamedLabelsClassifier(
        build_pipeline("svc", calibrated, seed=seed, components=components), labels
    )
