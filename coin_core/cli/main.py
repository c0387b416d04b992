"""The command line: classify, train, evaluate, render, import, demo, dataset.

Exit codes: 0 done; 1 when a photo could not be read or weights are missing, with
everything else answered; 2 for wrong use. Whatever is heavy is imported by the
command that needs it, so that help comes at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

from coin_core.cli.study import add_study
from coin_core.errors import (
    CatalogError,
    CoinError,
    TrainingDataError,
    UnknownClassifierError,
)

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
SIZES_PX = range(32, 1025)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = build_parser()
    given = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        code: int = given.run(given)
        sys.stdout.flush()
        return code
    except (UnknownClassifierError, TrainingDataError, CatalogError) as error:
        return _say(error, WRONG_USE)
    except CoinError as error:
        return _say(error, FAILED)
    except KeyboardInterrupt:
        return _say("Stopped. The same command goes on where it was.", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing may be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _say(what: object, code: int) -> int:
    sys.stderr.write(f"coin_core: {what}\n")
    return code


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m coin_core",
        description="Whose coin is it? Attribute Hasmonean bronzes from photos.",
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, dest="command"
    )
    _add_classify(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_render(commands)
    add_study(commands)
    _add_import(commands)
    _add_demo(commands)
    _add_dataset(commands)
    return parser


def _known() -> str:
    """The names of the classifiers, read from their files without importing them."""
    folder = Path(__file__).parents[1] / "classifiers"
    names = [module.name for module in pkgutil.iter_modules([str(folder)])]
    return ", ".join(name for name in names if not name.startswith("_"))


Commands = argparse._SubParsersAction


def _add_classify(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "classify",
        help="say whose coin is in a photo",
        description=_run_classify.__doc__,
    )
    parser.add_argument(
        "photos", nargs="+", metavar="PHOTO", help="a photo, or a folder of photos"
    )
    parser.add_argument(
        "--classifier",
        default="resnet",
        help="resnet (default), vgg, svm, knn, mlp, or all",
    )
    _add_model(parser)
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line for each answer"
    )
    parser.set_defaults(run=_run_classify)


def _add_train(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train", help="train a classifier", description=_run_train.__doc__
    )
    parser.add_argument(
        "classifier",
        metavar="CLASSIFIER",
        help=f"{_known()}; with --data rendered also faces, sides, or all",
    )
    _add_data(parser)
    parser.add_argument(
        "--init",
        metavar="START",
        help="where a net starts: rendered (the shipped weights, default), imagenet, "
        "scratch, or a model's name or folder",
    )
    parser.add_argument("--epochs", type=_count, help="at most this many per fold")
    parser.add_argument(
        "--folds", type=_count, help="of the cross-validation (default 5)"
    )
    parser.add_argument("--seed", type=_seed, default=0, help="default 0")
    parser.add_argument(
        "--size-px", type=_net_size, help="side of a net's input; a multiple of 8"
    )
    _add_recipe(parser)
    parser.add_argument(
        "--coins", type=_count, help="rendered coins to learn from (--data rendered)"
    )
    parser.add_argument(
        "--workers",
        type=_count,
        default=1,
        help="processes that strike coins beside the training (default 1)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="BUNDLE", help="folder of the trained model"
    )
    parser.add_argument(
        "--json", action="store_true", help="the result as one JSON object"
    )
    parser.set_defaults(run=_run_train)


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--patience", type=_count, help="epochs without a better one that end a fold"
    )
    parser.add_argument(
        "--no-class-weights",
        dest="class_weights",
        action="store_false",
        help="let rare classes weigh less than frequent ones",
    )
    parser.add_argument(
        "--frozen", action="store_true", help="only a net's last layers learn"
    )
    parser.add_argument(
        "--rotations", type=int, help="turned copies in place of random changes"
    )
    parser.add_argument(
        "--momentum", type=float, help="plain gradient descent with this momentum"
    )


def _add_evaluate(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="measure classifiers on photos or rendered coins",
        description=_run_evaluate.__doc__,
    )
    _add_data(parser)
    parser.add_argument(
        "--classifier", default="all", help="one of them, or all (default)"
    )
    _add_model(parser)
    parser.add_argument(
        "--count", type=_count, default=3000, help="rendered coins (default 3000)"
    )
    parser.add_argument(
        "--seed", type=_seed, help="collection of rendered coins; the test one if left"
    )
    parser.add_argument(
        "--legible",
        type=_share,
        metavar="SHARE",
        help="only rendered coins of whose name's letters this share is legible",
    )
    parser.add_argument(
        "--by-legibility",
        action="store_true",
        help="accuracy by share of legible letters as well (--data rendered)",
    )
    parser.add_argument(
        "--keep",
        metavar="WHAT",
        help='note the figures in the cards as measured on WHAT, say "real photos"',
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line per classifier"
    )
    parser.set_defaults(run=_run_evaluate)


def _add_render(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "render",
        help="strike coins and write them with the truth about them",
        description=_run_render.__doc__,
    )
    parser.add_argument("--count", type=_count, required=True, help="how many")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=_seed, default=0, help="default 0")
    parser.add_argument(
        "--size-px", type=_picture_size, default=160, help="default 160"
    )
    parser.add_argument(
        "--kind",
        choices=("legend", "cornucopia", "star_anchor", "other"),
        default="legend",
        help="which side (default legend)",
    )
    parser.add_argument(
        "--folders", action="store_true", help="one folder per ruler, as train reads"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument(
        "--two-sided", action="store_true", help="obverse and reverse side by side"
    )
    shape.add_argument(
        "--scenes", action="store_true", help="photos of one, two or several coins"
    )
    parser.set_defaults(run=_run_render)


def _add_import(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "import",
        help="bring photos into the catalog",
        description=_run_import.__doc__,
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="photos, folders, ZIP archives; CSV or Excel tables that name photos",
    )
    parser.add_argument(
        "--mapping",
        type=Path,
        metavar="FILE.json",
        help="JSON object, field to column of the tables; proposed ones if left away",
    )
    parser.add_argument(
        "--labels",
        choices=("folder", "none"),
        default="folder",
        help="whether a photo's folder is named after the ruler (default folder)",
    )
    parser.add_argument("--who", metavar="NAME", help="who signs it; you by default")
    parser.add_argument(
        "--resume", type=_count, metavar="ID", help="go on with an interrupted import"
    )
    parser.set_defaults(run=_run_import)


def _add_demo(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo",
        help="strike a rendered collection into the catalog, or remove it",
        description=_run_demo.__doc__,
    )
    parser.add_argument(
        "--remove", action="store_true", help="take every rendered photo out again"
    )
    parser.add_argument("--count", type=_count, default=300, help="default 300")
    parser.add_argument("--seed", type=_seed, default=2026, help="default 2026")
    parser.set_defaults(run=_run_demo)


def _add_dataset(commands: Commands[argparse.ArgumentParser]) -> None:
    from coin_core.cli.dataset import add_arguments

    parser = commands.add_parser(
        "dataset",
        help="freeze, list, compare, check and export versions of the catalog",
        description=_run_dataset.__doc__,
    )
    add_arguments(parser)
    parser.set_defaults(run=_run_dataset)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="BUNDLE", help="a model bundle of yours, by name or folder"
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        required=True,
        metavar="DIR|catalog[:VERSION]|rendered",
        help="a folder with one folder of photos per class, the catalog as it stands "
        "or a frozen version of it, or rendered coins",
    )


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 10_000_000:
        raise argparse.ArgumentTypeError("expected a number from 1 to 10,000,000")
    return number


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError("expected a number from 0 to 2147483647")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError("expected a share from 0 to 1")
    return number


def _picture_size(text: str) -> int:
    number = int(text)
    if number not in SIZES_PX:
        raise argparse.ArgumentTypeError("expected a size from 32 to 1024")
    return number


def _net_size(text: str) -> int:
    number = int(text)
    if not 32 <= number <= 512 or number % 8:
        raise argparse.ArgumentTypeError("expected a multiple of 8 from 32 to 512")
    return number


def _run_classify(given: argparse.Namespace) -> int:
    """Say whose coin is in each photo."""
    from coin_core.cli.classify import run

    return run(given)


def _run_train(given: argparse.Namespace) -> int:
    """Train a classifier on a folder of photos, or what ships on rendered coins."""
    from coin_core.cli.train import run

    return run(given)


def _run_evaluate(given: argparse.Namespace) -> int:
    """Measure classifiers: accuracy with its interval, calibration, confusion."""
    from coin_core.cli.evaluate import run

    return run(given)


def _run_render(given: argparse.Namespace) -> int:
    """Strike coins from a seed; write PNG files and truth.jsonl."""
    from coin_core.cli.render import run

    return run(given)


def _run_import(given: argparse.Namespace) -> int:
    """Bring photos into the catalog: coins found, sides told, copies recognised."""
    from coin_core.cli.import_photos import run

    return run(given)


def _run_demo(given: argparse.Namespace) -> int:
    """Strike a collection of rendered coins to try everything on, or remove it."""
    from coin_core.cli.import_photos import run_demo

    return run_demo(given)


def _run_dataset(given: argparse.Namespace) -> int:
    """Versions of the catalog: named data sets that never change."""
    from coin_core.cli.dataset import run

    return run(given)
