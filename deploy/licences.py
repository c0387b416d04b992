"""Write the table of docs/licences.md: every package that an installation can have.

Run it in the project: make licences
"""

from __future__ import annotations

import re
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = PROJECT / "docs" / "licences.md"
START: Final = "| package | version | licence |"

ELSEWHERE: Final = {
    "colorama": "BSD License",
    "cuda-bindings": "Apache-2.0",
    "cuda-pathfinder": "Apache-2.0",
    "nvidia-nvtx": "Apache-2.0",
    "skops": "MIT",
    "triton": "MIT License",
    "tzdata": "Apache-2.0",
}
"""Licences of packages that only other systems have, or that state none."""


def pinned() -> dict[str, str]:
    """The version of every package in constraints*.txt."""
    texts = [path.read_text("utf-8") for path in PROJECT.glob("constraints*.txt")]
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", "\n".join(texts), re.MULTILINE)
    # Builds of one package, as of torch, differ after the plus sign.
    return {name: version.partition("+")[0] for name, version in sorted(pins)}


def licence_of(name: str) -> str:
    """The licence of a package in the words of its metadata.

    Raises:
        LookupError: It is not known.
    """
    try:
        facts: Message = metadata(name)
    except PackageNotFoundError:
        if name.startswith(("nvidia-", "cuda-")):
            return ELSEWHERE.get(name, "NVIDIA's own, proprietary")
        return ELSEWHERE[name]
    kinds = [c.split(" :: ") for c in facts.get_all("Classifier", [])]
    names = [kind[-1] for kind in kinds if kind[0] == "License" and len(kind) > 2]
    words = str(facts.get("License", "")).strip().partition("\n")[0]
    found = facts.get("License-Expression") or "; ".join(names) or words
    return str(found or ELSEWHERE[name])


def table() -> str:
    """The rows of the table, by package."""
    rows = [
        f"| {name} | {version} | {licence_of(name)} |"
        for name, version in pinned().items()
    ]
    return "\n".join([START, "| --- | --- | --- |", *rows]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text("utf-8").partition(START)[0] + table(), "utf-8")
