"""`study`: the first project's experiments again, on a data set of one's own."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coin_core.training.datasets import CoinSet

# Rendered coins for a study: as many as the first project had photos.
STUDY_SEED = 3_000_017
STUDY_COINS = 600


def add_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The flags of the command."""
    parser = commands.add_parser(
        "study",
        help="run the first project's experiments on a data set",
        description=run.__doc__,
    )
    parser.add_argument(
        "data", metavar="DIR|catalog[:VERSION]|rendered", help="what to learn from"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("study"), metavar="DIR", help="default study"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="KEY", help="these experiments; all if left away"
    )
    parser.add_argument(
        "--init",
        choices=("rendered", "imagenet", "scratch"),
        default="rendered",
        help="where ResNet and VGG start (default: the shipped weights)",
    )
    parser.add_argument("--epochs", type=int, help="at most this many per fold")
    parser.add_argument("--folds", type=int, default=5, help="default 5")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--size-px", type=int, help="side of a net's input")
    parser.add_argument(
        "--coins",
        type=int,
        default=STUDY_COINS,
        help=f"rendered coins to study (default {STUDY_COINS})",
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Run the experiments, and write a table and a figure; goes on where it was."""
    from coin_core.training.study import run_study

    coins = _coins(given)
    for sentence in coins.unreadable:
        sys.stderr.write(f"{sentence}\n")
    run_study(
        coins,
        given.out,
        command=_command(given),
        chosen=given.only or (),
        init=given.init,
        folds=given.folds,
        epochs=given.epochs,
        seed=given.seed,
        size_px=given.size_px,
    )
    sys.stdout.write((given.out / "study.md").read_text("utf-8"))
    sys.stderr.write(f"The table and the figure are in {given.out}.\n")
    return 1 if coins.unreadable else 0


def _command(given: argparse.Namespace) -> str:
    """What does it again, with the folder's name alone: tables are passed on."""
    known = given.data == "rendered" or given.data.partition(":")[0] == "catalog"
    data = given.data if known else Path(given.data).resolve().name
    parts = ["python", "-m", "coin_core", "study", data, "--init", given.init]
    parts += ["--folds", str(given.folds), "--seed", str(given.seed)]
    parts += ["--epochs", str(given.epochs)] if given.epochs else []
    parts += ["--size-px", str(given.size_px)] if given.size_px else []
    if given.data == "rendered":
        parts += ["--coins", str(given.coins)]
    return shlex.join(parts)


def _coins(given: argparse.Namespace) -> CoinSet:
    from coin_core.training.datasets import load_folder, load_rendered

    if given.data == "rendered":
        return load_rendered(STUDY_SEED, given.coins)
    if given.data.partition(":")[0] == "catalog":
        from coin_core.catalog import open_catalog
        from coin_core.training.catalog_dataset import load_catalog, version_of

        return load_catalog(open_catalog(), version_of(given.data))
    return load_folder(Path(given.data))
