"""Support vector machine on the VGG features, with a polynomial or a linear kernel."""

from __future__ import annotations

from typing import Any

from coin_core.classifiers.registry import register_classifier


@register_classifier(
    name="svm",
    title="SVM, polynomial kernel, on VGG features",
    other_coins_title="SVM, linear kernel, on VGG features",
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
    rulers' are better divided by planes (docs/experiments.md).
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import SVC

    from coin_core.classifiers.appearance_net import FEATURE_PARTS, feature_mode_for
    from coin_core.classifiers.base import NamedLabelsClassifier, build_pipeline

    if parts := FEATURE_PARTS.get(feature_mode_for(labels)):
        # Several views of a coin are learned from, so folds by photo would take the
        # margins for surer than they are: their temperature comes from folds by coin.
        svc = OneVsRestClassifier(SVC(kernel="linear", C=3.0, class_weight="balanced"))
        pipeline = build_pipeline("svc", svc, seed=seed, components=400, parts=parts)
        return NamedLabelsClassifier(pipeline, labels)
    kernel = {"kernel": "poly", "degree": 3, "gamma": 1.0, "coef0": 1.0, "C": 1.0}
    svc = OneVsRestClassifier(SVC(**kernel, class_weight="balanced"))
    # Machines on all coins, three folds for the softmax's temperature alone.
    calibrated = CalibratedClassifierCV(svc, method="temperature", cv=3, ensemble=False)
    return NamedLabelsClassifier(build_pipeline("svc", calibrated, seed=seed), labels)
