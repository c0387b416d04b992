"""Fitted classifiers to bundles and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from coin_core.classifiers.registry import get_classifier
from coin_core.errors import UnknownClassifierError, WeightsMismatchError
from coin_core.imaging.preprocessing import Preprocessing
from coin_core.model_store import bundle
from coin_core.model_store.card import TENSORS_FILE, Card


def save_classifier(
    folder: Path,
    card: Card,
    classifier: Any,
    *,
    half: bool = False,
    trial: Callable[[Path], object] | None = None,
) -> Card:
    """Write a fitted classifier as a bundle; return its card as written.

    Args:
        folder: Where the bundle goes.
        card: Its card, see `bundle.save_bundle`.
        classifier: A fitted network or scikit-learn classifier.
        half: Whether a network's kernels are stored in half precision.
        trial: As for `bundle.save_bundle`.
    """
    if hasattr(classifier, "tensors"):
        tensors = bundle.to_half(classifier.tensors()) if half else classifier.tensors()
        return bundle.save_bundle(folder, card, tensors=tensors, trial=trial)
    # The card holds the label names; the estimator inside works on column numbers.
    trusted = get_classifier(card.classifier).trusted_types
    return bundle.save_bundle(
        folder, card, estimator=classifier.estimator_, trusted=trusted, trial=trial
    )


def load_classifier(folder: Path) -> tuple[Card, Any]:
    """Load a bundle's card and its classifier, ready to predict.

    Raises:
        WeightsMissingError: The bundle or its file is missing.
        WeightsMismatchError: It is damaged, foreign, or for another classifier.
        UnknownClassifierError: The card names a classifier that is not registered.
    """
    card = bundle.load_card(folder)
    try:
        spec = get_classifier(card.classifier)
    except UnknownClassifierError as error:
        raise UnknownClassifierError(f"{folder.name}: {error}") from error
    built = spec.build(card.classes, seed=0)
    if TENSORS_FILE in card.files:
        if not hasattr(built, "load_tensors"):
            raise WeightsMismatchError(
                f"{folder.name}: holds a network, and {card.classifier} is not one."
            )
        tensors = bundle.read_tensors(folder, card)
        try:
            if spec.inputs == "photo":
                settings = Preprocessing.from_dict(dict(card.preprocessing))
                built.set_params(preprocessing=settings)
            return card, built.load_tensors(tensors)
        except ValueError as error:
            raise WeightsMismatchError(f"{folder.name}: {error}") from error
    estimator = bundle.read_estimator(folder, spec.trusted_types, card)
    columns = np.asarray(getattr(estimator, "classes_", ()))
    if not np.array_equal(columns, np.arange(len(card.classes))):
        raise WeightsMismatchError(
            f"{folder.name}: the card names {len(card.classes)} classes, and the "
            f"estimator has {columns.size}. Copy the bundle again, or train it again."
        )
    built.estimator_ = estimator
    return card, built
