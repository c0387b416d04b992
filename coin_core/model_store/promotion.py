"""The model that the Classify page opens with, if a user has promoted one."""

from __future__ import annotations

import json

from coin_core.access import Right, check
from coin_core.model_store.bundle import find_bundle
from coin_core.storage import data_dir, write_file


def promoted() -> str | None:
    """Return the name of the promoted model, or None."""
    try:
        name = json.loads((data_dir() / "promoted.json").read_text("utf-8"))["model"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return name if isinstance(name, str) else None


def promote(name: str) -> None:
    """Make the Classify page open with a model.

    Raises:
        WeightsMissingError: There is no such model.
    """
    check(Right.PROMOTE)
    find_bundle(name)
    text = json.dumps({"model": name}, ensure_ascii=False)
    data_dir().mkdir(parents=True, exist_ok=True)
    write_file(data_dir() / "promoted.json", text.encode())


def demote() -> None:
    """Make the Classify page open with the shipped models again."""
    check(Right.PROMOTE)
    (data_dir() / "promoted.json").unlink(missing_ok=True)
