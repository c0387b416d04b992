"""Which model the Classify page opens with: the shipped ones, unless told otherwise."""

from __future__ import annotations

import json

from coin_core.model_store.bundle import data_dir, find_bundle
from coin_core.storage import write_file


def promoted() -> str | None:
    """The name of the model that was promoted; None when there is none any more."""
    try:
        said = json.loads((data_dir() / "promoted.json").read_text("utf-8"))
        name = said["model"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return name if isinstance(name, str) else None


def promote(name: str) -> None:
    """Have the Classify page open with this model.

    Raises:
        WeightsMissingError: There is no such model.
    """
    find_bundle(name)
    text = json.dumps({"model": name}, ensure_ascii=False)
    data_dir().mkdir(parents=True, exist_ok=True)
    write_file(data_dir() / "promoted.json", text.encode())


def demote() -> None:
    """Go back to the shipped models."""
    (data_dir() / "promoted.json").unlink(missing_ok=True)
