"""Run the first project's experiments on a dataset; write a table and a figure.

A stopped study resumes where it stopped when the command runs again.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from coin_core.cli import arguments

# Seed and number of rendered coins: as many as the first project had photos.
STUDY_SEED = 3_000_017
STUDY_COINS = 600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `study`."""
    add = parser.add_argument
    add("data", metavar=arguments.DATA_METAVAR, help="the training data")
    arguments.add_allow_duplicates(parser)
    add("--out", type=Path, default=Path("study"), metavar="DIR", help="default study")
    add("--only", nargs="+", metavar="KEY", help="only these experiments; default all")
    add(
        "--init",
        choices=("rendered", "imagenet", "scratch"),
        default="rendered",
        help="initial weights of ResNet and VGG (default: the shipped weights)",
    )
    add("--epochs", type=arguments.count, help="maximum per fold")
    add("--folds", type=arguments.folds, default=5, help="default 5")
    add("--seed", type=arguments.seed, default=0, help="default 0")
    add("--size-px", type=arguments.input_size, help="side of a net's input")
    add(
        "--coins",
        type=arguments.count,
        help=f"number of rendered coins (default {STUDY_COINS})",
    )


def run(options: argparse.Namespace) -> int:
    """Run the experiments; return 1 if a photo cannot be read."""
    from coin_core.training.datasets import load_rendered
    from coin_core.training.study import run_study

    if options.data == "rendered":
        coins = load_rendered(STUDY_SEED, options.coins or STUDY_COINS)
    else:
        arguments.drop(options, ("coins",), "no effect on photos")
        coins = arguments.load_coins(
            options.data, allow_duplicates=options.allow_duplicates
        )
    run_study(
        coins,
        options.out,
        command=_command(options),
        chosen=options.only or (),
        init=options.init,
        folds=options.folds,
        epochs=options.epochs,
        seed=options.seed,
        size_px=options.size_px,
    )
    sys.stdout.write((options.out / "study.md").read_text("utf-8"))
    sys.stderr.write(f"The table and the figure are in {options.out}.\n")
    return 1 if coins.unreadable else 0


def _command(options: argparse.Namespace) -> str:
    """The command that repeats the study; tables are published, so no full path."""
    keyword = options.data.partition(":")[0] in ("rendered", "catalog")
    data = options.data if keyword else Path(options.data).resolve().name
    parts = ["python", "-m", "coin_core", "study", data]
    for name in ("init", "folds", "seed", "epochs", "size_px"):
        if (value := getattr(options, name)) is not None:
            parts += ["--" + name.replace("_", "-"), str(value)]
    if options.data == "rendered":
        parts += ["--coins", str(options.coins or STUDY_COINS)]
    return shlex.join(parts)
