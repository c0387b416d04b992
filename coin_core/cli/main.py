"""The command line: `python -m coin_core COMMAND`, installed as `coin-reader`.

Exit codes: 0 success; 1 something cannot be read or written, such as a photo, and the
rest is done, or `dataset leaks` or `dataset check` finds any; 2 wrong use; 130
interrupted. A command's module holds its help (the
docstring), its arguments and `run`, and imports heavy libraries only inside `run`, so
that `--help` takes a few hundredths of a second.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from coin_core.cli import (
    classify,
    dataset,
    demo,
    evaluate,
    import_photos,
    recycle_bin,
    render,
    study,
    train,
)
from coin_core.errors import (
    CatalogError,
    CoinError,
    TrainingDataError,
    UnknownClassifierError,
    WrongUseError,
    sentence_of,
)

SUCCESS, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130

COMMANDS = {
    "classify": classify,
    "train": train,
    "evaluate": evaluate,
    "render": render,
    "study": study,
    "import": import_photos,
    "demo": demo,
    "dataset": dataset,
    "bin": recycle_bin,
}

# Interrupted, these go on where they were.
RESUMED = ("train", "study", "import")


class _Parser(argparse.ArgumentParser):
    """A parser whose commands refuse an unknown argument with their own usage."""

    def parse_known_args(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments of a command; unknown ones are not left to its caller."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Raises:
        SystemExit: From argparse, with code 2 for wrong arguments and 0 for help.
    """
    argv = sys.argv[1:] if argv is None else argv
    if any("\0" in argument for argument in argv):
        return _report("An argument holds a NUL character; no file has one.", WRONG_USE)
    options = build_parser(argv[0] if argv else "").parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files that are not UTF-8 are printed with escapes.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code: int = COMMANDS[options.command].run(options)
        sys.stdout.flush()
        return code
    except (
        WrongUseError,
        UnknownClassifierError,
        TrainingDataError,
        CatalogError,
    ) as error:
        return _report(error, WRONG_USE)
    except CoinError as error:
        return _report(error, FAILED)
    except BrokenPipeError:
        # The reader of our output has closed it, so nothing can be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return _report(sentence_of(error), FAILED)
    except KeyboardInterrupt:
        goes_on = options.command in RESUMED or getattr(options, "ray", False)
        advice = " Run the same command to resume." if goes_on else ""
        return _report(f"Stopped.{advice}", INTERRUPTED)


def build_parser(selected: str) -> argparse.ArgumentParser:
    """The parser of all commands; only the selected command gets its arguments."""
    installed = Path(sys.argv[0]).stem == "coin-reader"
    parser = _Parser(
        prog="coin-reader" if installed else "python -m coin_core",
        description="Whose coin is it? Attribute Hasmonean bronzes from photos.",
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, dest="command"
    )
    for name, module in COMMANDS.items():
        text = module.__doc__ or ""
        command = commands.add_parser(
            name, help=text.partition("\n")[0], description=text
        )
        if name == selected:
            module.add_arguments(command)
    return parser


def _report(message: object, code: int) -> int:
    sys.stderr.write(f"coin_core: {message}\n")
    return code
