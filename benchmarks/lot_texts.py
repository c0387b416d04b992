"""Precision and recall of the labels from lot texts.

    python -m benchmarks.lot_texts tests/scrapers/labels/other_lot_texts.tsv

The file has one text a line: language, what it is (hyrcanus, aristobulus, jannaeus, or
why it names no coin), text; separated by tabs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from coin_core.evaluation.metrics import wilson
from coin_core.rulers import RULERS
from scrapers.labels.reader import read_label


def main() -> None:
    """Measure one table of texts and list the coins that are wrong or missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    lines = parser.parse_args().table.read_text("utf-8").splitlines()
    given = right = wanted = 0
    for line in lines:
        if not line or line.startswith("#"):
            continue
        language, truth, text = line.split("\t")
        expected = next((key for key in RULERS if truth in key), None)
        label = read_label(text)
        given += label.ruler is not None
        wanted += expected is not None
        hit = label.ruler is not None and label.ruler == expected
        right += hit
        if not hit and (label.ruler or expected):
            print(f"{language} {truth}: {label.outcome}, {label.rule}: {text[:80]}")
    for what, count in (("precision", given), ("recall", wanted)):
        low, high = wilson(right, count)
        print(f"{what}: {right} of {count} ({low:.0%} to {high:.0%})")


if __name__ == "__main__":
    main()
