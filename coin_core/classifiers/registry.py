"""The list every menu, command and test of classifiers reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coin_core.errors import UnknownClassifierError

Inputs = Literal["photo", "features"]

# The order of menus and tables; a classifier not named here comes after these.
_MENU_ORDER = ("resnet", "vgg", "svm", "knn", "mlp", "alexnet")


class Classifier(Protocol):
    """What a classifier can do: a scikit-learn estimator that knows its labels."""

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, in the order of the columns of `predict_proba`."""

    def fit(self, X: NDArray[Any], y: ArrayLike) -> Any:
        """Learn from inputs and their label names."""

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """The name of the most probable label of each input."""

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Probabilities, float32 (N, labels); each row sums to 1."""


class Build(Protocol):
    """A function that makes an unfitted classifier."""

    def __call__(self, labels: tuple[str, ...], *, seed: int) -> Any:
        """The unfitted classifier for these labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSpec:
    """One classifier that can be built.

    Attributes:
        name: What the command line and the files call it.
        title: What a person reads.
        inputs: "photo" for uint8 crops (N, S, S, 3), "features" for the float32
            feature vectors (N, 4096) that the vgg net computes from a crop.
        build: Makes an unfitted classifier.
        order: Its place in menus.
    """

    name: str
    title: str
    inputs: Inputs
    build: Build
    order: int

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ValueError(
                f"A classifier's name is a lower-case word, not {self.name!r}."
            )
        if self.inputs not in ("photo", "features"):
            raise ValueError(
                f"{self.name}: inputs is 'photo' or 'features', not {self.inputs!r}."
            )


_specs: dict[str, ClassifierSpec] = {}


def register_classifier(
    *, name: str, title: str, inputs: Inputs
) -> Callable[[Build], Build]:
    """Declare the function below as the maker of the classifier `name`.

    Raises:
        ValueError: The name is taken, or is no lower-case word.
    """

    def register(build: Build) -> Build:
        if name in _specs:
            raise ValueError(f"A classifier named {name!r} is registered already.")
        order = (
            _MENU_ORDER.index(name)
            if name in _MENU_ORDER
            else len(_MENU_ORDER) + len(_specs)
        )
        _specs[name] = ClassifierSpec(
            name=name, title=title, inputs=inputs, build=build, order=order
        )
        return build

    return register


def list_classifiers() -> tuple[ClassifierSpec, ...]:
    """Every classifier, in the order of the menus."""
    return tuple(sorted(_specs.values(), key=lambda spec: spec.order))


def get_classifier(name: str) -> ClassifierSpec:
    """The classifier of that name.

    Raises:
        UnknownClassifierError: There is none; the message lists those there are.
    """
    try:
        return _specs[name]
    except KeyError:
        known = ", ".join(spec.name for spec in list_classifiers())
        raise UnknownClassifierError(
            f"No classifier is named {name!r}. There are: {known}."
        ) from None
