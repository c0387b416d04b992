"""The registry of classifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from coin_core.errors import UnknownClassifierError
from coin_core.rulers import RULERS

Inputs = Literal["photo", "features"]


class Build(Protocol):
    """A function that builds an unfitted classifier.

    The classifier is a scikit-learn estimator: `fit(X, y)` on label names,
    `predict_proba(X)` as float32 (N, labels) whose rows sum to 1, and `classes_`.
    """

    def __call__(self, labels: tuple[str, ...], *, seed: int) -> Any:
        """Build the classifier for these labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSpec:
    """One registered classifier.

    Attributes:
        name: What the command line, the API and the files call it.
        title: What a person reads.
        other_coins_title: The same where not all classes are rulers and it is built
            otherwise; the title if empty.
        short_title: The same where there is little room.
        inputs: "photo" for uint8 crops (N, S, S, 3), "features" for the float32
            features (N, 4096) that the feature extractor computes from a crop.
        build: Builds the unfitted classifier.
        order: Its position in menus, from 1.
        shipped: Whether weights for it are part of the program.
        default_epochs: At most so many epochs on a few hundred photos, where early
            stopping ends most trainings before; None if it does not train in epochs.
        release_epochs: Epochs on the rendered coins of the shipped model; None for
            what the training itself chooses.
        training_mb: Memory that a training on a few dozen photos took at most, in MB,
            libraries included; more photos add 0.5 MB each. None if nobody has
            measured it.
        backbone: The network of `classifiers.legend_net` inside it, which can start
            from weights pretrained on rendered coins or on ImageNet; "" for none.
        extracts_features: Whether its network computes the features of the others.
        trusted_types: Types in the saved estimator beyond those that the shipped ones
            have, such as "sklearn.linear_model._logistic.LogisticRegression".
        study_title: What the study of the first project calls it; the title if empty.
        reported: The figure that the first project reported, by experiment; "" for a
            classifier with one experiment.
    """

    name: str
    title: str
    short_title: str
    inputs: Inputs
    build: Build
    order: int
    shipped: bool = False
    default_epochs: int | None = None
    release_epochs: int | None = None
    other_coins_title: str = ""
    training_mb: int | None = None
    backbone: str = ""
    extracts_features: bool = False
    trusted_types: tuple[str, ...] = ()
    study_title: str = ""
    reported: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ValueError(
                f"A classifier's name is a lower-case word, not {self.name!r}."
            )
        if self.inputs not in ("photo", "features"):
            raise ValueError(
                f"{self.name}: inputs is 'photo' or 'features', not {self.inputs!r}."
            )
        if not self.study_title:
            object.__setattr__(self, "study_title", self.title)

    def title_for(self, classes: Iterable[str]) -> str:
        """What a person reads of one that is trained for these classes."""
        of_rulers = all(name in RULERS for name in classes)
        return self.title if of_rulers else self.other_coins_title or self.title

    @property
    def starts(self) -> tuple[str, ...]:
        """The weights that `--init` can name, the usual ones first."""
        if self.backbone:
            return ("rendered", "imagenet", "scratch")
        return ("rendered",) if self.inputs == "features" else ("scratch",)

    @property
    def trains_on_rendered_coins(self) -> bool:
        """Whether `train --data rendered` accepts it."""
        return "rendered" in self.starts


_specs: dict[str, ClassifierSpec] = {}


def register_classifier(*, name: str, **attributes: Any) -> Callable[[Build], Build]:
    """Register the decorated function as the builder of the classifier `name`.

    Args:
        name: A lower-case word.
        **attributes: The others of `ClassifierSpec`.

    Raises:
        TypeError: An attribute is missing or unknown.
        ValueError: The name is taken, or is not a lower-case word.
    """

    def register(build: Build) -> Build:
        if name in _specs:
            raise ValueError(f"A classifier named {name!r} is registered already.")
        _specs[name] = ClassifierSpec(name=name, build=build, **attributes)
        return build

    return register


def list_classifiers() -> tuple[ClassifierSpec, ...]:
    """Return every classifier, in the order of the menus."""
    return tuple(sorted(_specs.values(), key=lambda spec: (spec.order, spec.name)))


def get_classifier(name: str) -> ClassifierSpec:
    """Return the classifier of that name.

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


def shipped_classifiers() -> tuple[str, ...]:
    """Return the names of the classifiers that ship, in order; the default first."""
    return tuple(spec.name for spec in list_classifiers() if spec.shipped)


def pretrained_classifiers() -> tuple[str, ...]:
    """Return the names of the classifiers that learn to read letters first."""
    return tuple(spec.name for spec in list_classifiers() if spec.backbone)


def feature_extractor() -> str:
    """Return the name of the classifier whose network computes the features."""
    return next(spec.name for spec in list_classifiers() if spec.extracts_features)
