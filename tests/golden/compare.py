"""Compare two recordings of `outputs.py`: floats within a tolerance, the rest equal.

python tests/golden/compare.py BEFORE.json AFTER.json [TOLERANCE]
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOLERANCE = 1e-5


def differences(
    before: Any, after: Any, tolerance: float = TOLERANCE, where: str = ""
) -> Iterator[str]:
    """One sentence for each place where two recordings differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            if key not in before or key not in after:
                side = "after" if key in after else "before"
                yield f"{where}/{key} is only in {side}"
            else:
                yield from differences(
                    before[key], after[key], tolerance, f"{where}/{key}"
                )
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{where} has {len(before)} entries before, {len(after)} after"
        for number, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from differences(one, other, tolerance, f"{where}/{number}")
    elif isinstance(before, float) and isinstance(after, int | float):
        if not math.isclose(before, after, rel_tol=0, abs_tol=tolerance):
            yield f"{where} is {before} before, {after} after"
    elif before != after:
        yield f"{where} is {before!r} before, {after!r} after"


if __name__ == "__main__":
    one, other = (json.loads(Path(name).read_text()) for name in sys.argv[1:3])
    tolerance = float(sys.argv[3]) if len(sys.argv) > 3 else TOLERANCE
    found = list(differences(one, other, tolerance))
    sys.stdout.write("\n".join([*found[:50], f"{len(found)} differences"]) + "\n")
    sys.exit(bool(found))
