"""How soon the Training history page opens with 500 runs, in a real Chromium.

    python benchmarks/history_page.py [--runs 500] [--loads 5]

Times run from the request for the page to the frame in which what was waited for is
painted, as the browser's own clock sees them. Each run has five folds of 20 epochs
and its answers to 539 photos.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

from dataset_page import Page, browsing, say, serving

from coin_core.classifiers import shipped_classifiers
from coin_core.rulers import DEFAULT_CLASSES

CLASSES = DEFAULT_CLASSES
CLASSIFIERS = shipped_classifiers()
FOLDS, EPOCHS, PHOTOS = 5, 20, 539
TABLE = "document.querySelector('[data-testid=stDataFrame] canvas')"
CURVES = "document.querySelectorAll('.js-plotly-plot .main-svg').length > 1"


def main() -> None:
    """Fill, serve, open, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--loads", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        names = [write_run(data / "runs", number) for number in range(given.runs)]
        with serving(data) as address, browsing(Path(scratch)) as chrome:
            page = Page(chrome, address)
            first = open_page(page, "", f"{TABLE} && {said(f'{given.runs} runs')}")
            say("opened for the first time since the start", [first])
            for what, query, test in (
                ("the page opened", "", said(f"{given.runs} runs")),
                ("with a run", f"?run={names[0]}", CURVES),
                ("with six compared", "?" + asked(names[:6]), CURVES),
            ):
                taken = []
                for _ in range(given.loads):
                    taken.append(open_page(page, query, f"{TABLE} && {test}"))
                    page.rest()
                say(what, taken)


def open_page(page: Page, query: str, test: str) -> float:
    """Milliseconds from the request to the frame in which `test` holds."""
    page.chrome.get(f"{page.address}/Training_history{query}")
    page.chrome.execute_script(f"waitFor(() => {test})")
    return page.answer()


def said(words: str) -> str:
    """Whether the page says so."""
    return f"document.body.innerText.includes({json.dumps(words)})"


def asked(names: list[str]) -> str:
    """The runs in the address."""
    return "&".join(f"run={name}" for name in names)


def write_run(root: Path, number: int) -> str:
    """A finished run as a training leaves it; returns its name."""
    rng = random.Random(number)
    classifier = CLASSIFIERS[number % len(CLASSIFIERS)]
    name = (
        f"2026{1 + number // 28 % 12:02}{1 + number % 28:02}-{number:06}-{classifier}"
    )
    folder = root / name
    folder.mkdir(parents=True)
    rows = [
        {
            **{"fold": fold, "epoch": epoch, "rate": 1e-3 / epoch},
            **{"train_loss": 1.1 / epoch**0.5, "valid_loss": 1.0 / epoch**0.4},
            **{"valid_accuracy": 0.5 + 0.01 * epoch, "valid_n": 62},
            **{"seconds": 8.0 * epoch, "at": "2026-01-01T00:00:00+00:00"},
        }
        for fold in range(FOLDS)
        for epoch in range(1, EPOCHS + 1)
    ]
    right, predictions = 0, []
    for i in range(PHOTOS):
        shares = [rng.random() for _ in CLASSES]
        shares[i % 3] += 0.4
        right += max(shares) == shares[i % 3]
        told = [round(share / sum(shares), 6) for share in shares]
        predictions.append(
            {
                **{"photo": f"{CLASSES[i % 3]}/{i}.jpg", "coin": f"coin {i}"},
                **{"label": CLASSES[i % 3], "fold": i % FOLDS},
                "probabilities": dict(zip(CLASSES, told, strict=True)),
            }
        )
    share = right / PHOTOS
    config = {
        **{"coins": PHOTOS, "photos": PHOTOS, "classes": CLASSES},
        **{"coins_per_class": dict.fromkeys(CLASSES, PHOTOS // 3), "unreadable": 0},
        **{"machine": "2 cores", "command": f"python -m coin_core train {classifier}"},
        **{"classifier": classifier, "data": "folder coins", "digest": "ab" * 32},
        **{"init": "rendered", "epochs": None, "folds": FOLDS, "seed": number},
        **{"size_px": None, "started": "2026-01-01T00:00:00+00:00"},
        "recipe": {"patience": 6, "class_weights": True, "frozen": number % 2 == 0},
    }
    report = {
        **{"state": "done", "latest": rows[-1], "bundle": f"{classifier}-{number}"},
        "best": {str(fold): rows[EPOCHS * (fold + 1) - 1] for fold in range(FOLDS)},
        "tests": [{"fold": fold, "coins": PHOTOS // FOLDS} for fold in range(FOLDS)],
        "report": {
            **{"classes": CLASSES, "n": PHOTOS, "accuracy": share},
            **{"accuracy_low": share - 0.04, "accuracy_high": share + 0.04},
        },
        **{"seconds": 480.0, "finished": "2026-01-01T00:10:00+00:00"},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "report.json").write_text(json.dumps(report, indent=2))
    for file, lines in (("history", rows), ("predictions", predictions)):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{file}.jsonl").write_text(text)
    return name


if __name__ == "__main__":
    main()
