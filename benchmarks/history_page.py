"""Speed of the Training history page with 500 runs, in a real Chromium.

    python -m benchmarks.history_page [--runs 500] [--loads 5]

Times run from the request for the page to the frame in which the awaited part is
painted, by the browser's own clock. Each run has five folds of 20 epochs and its
predictions for 539 photos.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.browser import Page, open_browser, print_times
from benchmarks.common import argument_parser
from coin_core.classifiers import shipped_classifiers
from coin_core.evaluation.metrics import evaluate, report_json
from coin_core.rulers import DEFAULT_CLASSES as CLASSES
from coin_core.training.runs import Run, start_run
from tests.serving import serve

FOLDS, EPOCHS, PHOTOS = 5, 20, 539
TABLE = "document.querySelector('[data-testid=stDataFrame] canvas')"
CURVES = "document.querySelectorAll('.js-plotly-plot .main-svg').length > 1"


def main() -> None:
    """Write the runs, then measure the page with none, one and six of them open."""
    args = argument_parser(__doc__, runs=500, loads=5).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        os.environ["COIN_DATA_DIR"] = str(data)
        names = write_runs(args.runs)
        with (
            serve(Path(scratch)) as served,
            open_browser(Path(scratch)) as chrome,
        ):
            page = Page(chrome, served.address)
            listed = f"document.body.innerText.includes('{args.runs} runs')"
            print_times("first load since the start", [open_page(page, "", listed)])
            several = "?" + "&".join(f"run={name}" for name in names[:6])
            for title, query, test in (
                ("the page", "", listed),
                ("with a run", f"?run={names[0]}", CURVES),
                ("with six runs compared", several, CURVES),
            ):
                times_ms = []
                for _ in range(args.loads):
                    times_ms.append(open_page(page, query, test))
                    page.rest()
                print_times(title, times_ms)


def open_page(page: Page, query: str, test: str) -> float:
    """Milliseconds from the request to the table, and to `test` being true."""
    page.chrome.get(f"{page.address}/Training_history{query}")
    page.chrome.execute_script(f"waitFor(() => {TABLE} && {test})")
    return page.answer()


def write_runs(count: int) -> list[str]:
    """Write finished runs into the data folder; returns their names."""
    runs = [write_run(classifier) for classifier in shipped_classifiers()]
    names = [run.run_id for run in runs][:count]
    for number in range(len(names), count):
        source = runs[number % len(runs)].folder
        names.append(f"{source.name}-{number}")
        shutil.copytree(source, source.with_name(names[-1]))
    return names


def write_run(classifier: str) -> Run:
    """Write a finished run as a training does."""
    settings = {"classifier": classifier, "data": "folder coins", "init": "rendered"}
    settings |= {"digest": "ab" * 32, "folds": FOLDS, "seed": 0, "epochs": None}
    settings |= {"size_px": None, "recipe": {"patience": 6, "class_weights": True}}
    facts = {"photos": PHOTOS, "coins": PHOTOS, "unreadable": 0, "classes": CLASSES}
    facts |= {"coins_per_class": dict.fromkeys(CLASSES, PHOTOS // 3)}
    facts |= {
        "command": f"python -m coin_core train {classifier}",
        "machine": "2 cores",
    }
    run = start_run(settings, facts)
    for fold in range(FOLDS):
        for epoch in range(1, EPOCHS + 1):
            losses = {"train_loss": 1.1 / epoch**0.5, "valid_loss": 1 / epoch**0.4}
            scores = {"valid_accuracy": 0.5 + 0.01 * epoch, "valid_n": 62}
            times = {"rate": 1e-3 / epoch, "seconds": 8.0 * epoch}
            run.log({"fold": fold, "epoch": epoch, **losses, **scores, **times})
        run.note_test(fold, PHOTOS // FOLDS)
    labels = [CLASSES[i % 3] for i in range(PHOTOS)]
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], PHOTOS)
    probabilities = (probabilities + 0.4 * np.eye(3)[np.arange(PHOTOS) % 3]) / 1.4
    run.write_predictions(
        {
            "photo": f"{label}/{i}.jpg",
            "coin": f"coin {i}",
            "label": label,
            "fold": i % FOLDS,
            "probabilities": dict(zip(CLASSES, row, strict=True)),
        }
        for i, (label, row) in enumerate(
            zip(labels, probabilities.tolist(), strict=True)
        )
    )
    report = report_json(evaluate(classifier, labels, probabilities, CLASSES))
    run.finish({"bundle": f"{classifier}-own", "seconds": 480.0, "report": report})
    return run


if __name__ == "__main__":
    main()
