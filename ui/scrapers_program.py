"""Asking `python -m scrapers`: the pages know its commands, and nothing else of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from coin_core.errors import CoinError

_ROOT = Path(__file__).resolve().parents[1]
_PATIENCE_S = 60


class ScrapersRefuseError(CoinError, ValueError):
    """The program that gathers says no, in its own sentence."""


def ask_scrapers(*arguments: str) -> tuple[str, ...]:
    """Run one command that asks no site; returns the lines of its answer.

    Raises:
        ScrapersRefuseError: It says no, or does not answer.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "scrapers", *arguments],
            cwd=_ROOT,
            env={**os.environ, "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ScrapersRefuseError(
            f"The program that gathers does not start ({type(error).__name__}). Try "
            "again when less is running."
        ) from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ScrapersRefuseError(said[-1] if said else "It gave no reason.")
    return tuple(done.stdout.strip().splitlines())


def read_contact() -> str:
    """Whom sites may write to; "" if nobody has said so yet."""
    try:
        return _contact_in(ask_scrapers("contact"))
    except ScrapersRefuseError:
        return ""


def store_contact(contact: str) -> str:
    """Keep whom sites may write to; returns it as it is kept.

    Raises:
        ScrapersRefuseError: It is neither a mail address nor a web page.
    """
    return _contact_in(ask_scrapers("--", "contact", contact))


def _contact_in(lines: tuple[str, ...]) -> str:
    return lines[-1].rpartition(" ")[2].removesuffix(".") if lines else ""
