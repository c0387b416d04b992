"""Arguments that several commands share, and what they select."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from coin_core.classifiers import list_classifiers, shipped_classifiers
from coin_core.classifiers.together_card import TOGETHER
from coin_core.errors import (
    UnknownClassifierError,
    WeightsMissingError,
    WrongUseError,
)

if TYPE_CHECKING:
    from coin_core.training.datasets import CoinSet


def integer(low: int, high: int, step: int = 1) -> Callable[[str], int]:
    """An argument type: whole numbers from `low` to `high`, multiples of `step`."""

    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high or number % step:
            kind = "a number" if step == 1 else f"a multiple of {step}"
            raise argparse.ArgumentTypeError(f"expected {kind} from {low} to {high}")
        return number

    parse.__name__ = "number"  # argparse names it: "invalid number value: 'x'"
    return parse


count = integer(1, 10_000_000)
folds = integer(2, 1000)
seed = integer(0, 2**31 - 1)
image_size = integer(48, 1024)
input_size = integer(32, 512, step=8)


def fraction(text: str) -> float:
    """An argument type: numbers from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError("expected a fraction from 0 to 1")
    return number


def card_text(text: str) -> str:
    """An argument type: text that a model card can hold."""
    from coin_core.model_store.card import check_text

    try:
        check_text("WHAT", text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


DATA_METAVAR = "DIR|catalog[:VERSION]|rendered"


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add `--data`."""
    parser.add_argument(
        "--data",
        required=True,
        metavar=DATA_METAVAR,
        help="a folder with one subfolder of photos per class, the dataset or a "
        "frozen version of it, or rendered coins",
    )
    add_allow_duplicates(parser)


def add_allow_duplicates(parser: argparse.ArgumentParser) -> None:
    """Add `--allow-duplicates`."""
    parser.add_argument(
        "--allow-duplicates",
        action="store_true",
        help="accept a folder with the same photo in two classes",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add `--model`."""
    parser.add_argument(
        "--model", metavar="BUNDLE", help="name or folder of a model you trained"
    )


def add_json(parser: argparse.ArgumentParser, text: str) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help=text)


# Of settings that are not None when they are not given.
_USUAL = {"class_weights": True, "frozen": False}
_FLAGS = {"class_weights": "--no-class-weights"}


def flags_given(options: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """The flags of those of the settings that were given."""
    return [
        _FLAGS.get(name, "--" + name.replace("_", "-"))
        for name in names
        if getattr(options, name) != _USUAL.get(name)
    ]


def drop(options: argparse.Namespace, names: Sequence[str], reason: str) -> None:
    """Name those of the settings that were given, with a reason, and forget them."""
    if given := flags_given(options, names):
        sys.stderr.write(f"{', '.join(given)}: {reason}.\n")
    for name in names:
        setattr(options, name, _USUAL.get(name))


def selected_models(
    options: argparse.Namespace, *, default: str, with_together: bool = False
) -> tuple[str, ...]:
    """Names of the models that `--model` and `--classifier` select.

    Args:
        options: What was given; at most one of the two.
        default: What `--classifier` is without either.
        with_together: Whether it may be the verdict of all.

    Raises:
        WrongUseError: Both were given, or there is no such model.
        UnknownClassifierError: No classifier has the given name.
    """
    if options.model:
        if options.classifier:
            raise WrongUseError(
                f"--classifier {options.classifier} --model {options.model}: give one "
                "of the two."
            )
        return (_find_model(options.model),)
    name = options.classifier or default
    if name == "all":
        return shipped_classifiers()
    if with_together and name == TOGETHER:
        return (TOGETHER,)
    if name not in (spec.name for spec in list_classifiers()):
        more = ("all", TOGETHER) if with_together else ("all",)
        raise UnknownClassifierError(
            f"No classifier is named {name!r}. --classifier takes one of "
            f"{', '.join((*shipped_classifiers(), *more))}. {_own_models()}"
        )
    return (name,)


def _find_model(name: str) -> str:
    from coin_core.model_store import bundle, sharing

    sharing.follow()
    if name.casefold() in bundle.DETECTION:
        words = f"{name} helps the classifiers and is none."
        raise WrongUseError(f"{words} {_own_models()}")
    try:
        bundle.find_bundle(name)
    except WeightsMissingError as error:
        raise WrongUseError(str(error)) from error
    return name


def _own_models() -> str:
    """A sentence on what `--model` takes."""
    from coin_core.model_store import bundle

    own = [one.name for one in bundle.discover()[0] if one.card.origin == "own"]
    if own:
        return f"--model takes one of your own models: {', '.join(own)}."
    return "--model takes a model that you have trained."


def load_coins(data: str, *, allow_duplicates: bool = False) -> CoinSet:
    """Load a folder or the dataset, and print each file that cannot be read.

    Raises:
        TrainingDataError: The folder or the dataset holds no labelled photo, or a
            photo is in two classes and `allow_duplicates` is False.
        CatalogError: No version of the dataset has the given name.
    """
    from coin_core.training.catalog_dataset import is_catalog, load_catalog, version_of
    from coin_core.training.datasets import load_folder

    if is_catalog(data):
        from coin_core.catalog import open_catalog

        coins = load_catalog(open_catalog(), version_of(data))
    else:
        coins = load_folder(Path(data), allow_duplicates=allow_duplicates)
    for sentence in coins.unreadable:
        sys.stderr.write(f"{sentence}\n")
    return coins
