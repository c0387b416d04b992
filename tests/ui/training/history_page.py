"""The Training history page and runs for it, for the tests of its parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from coin_core.training.prediction_store import keep_crop
from coin_core.training.runs import Run, start_run

PAGE = Path(__file__).parents[3] / "pages" / "3_Training_history.py"
CLASSES = ("john_hyrcanus_i", "judah_aristobulus_i", "alexander_jannaeus")


def make_run(
    classifier: str = "resnet", wrong_every: int = 3, **settings: object
) -> Run:
    """A finished run with curves, answers and pictures."""
    from coin_core.evaluation.metrics import evaluate, report_json

    config = {"classifier": classifier, "data": "folder coins", "digest": "ab" * 32}
    recipe = {"patience": 6, "frozen": False}
    about = {"coins_per_class": dict.fromkeys(CLASSES, 10), "machine": "2 cores"}
    run = start_run(
        {**config, "seed": 0, "recipe": recipe, "init": "rendered", **settings}, about
    )
    for fold in (0, 1):
        for epoch in (1, 2, 3):
            run.log(
                {
                    **{"fold": fold, "epoch": epoch, "rate": 1e-3 / epoch},
                    **{"train_loss": 1.0 / epoch, "valid_loss": 1.2 / epoch},
                    **{"valid_accuracy": 0.5 + 0.1 * epoch, "valid_n": 10},
                    "seconds": 2.0 * epoch,
                }
            )
        run.note_test(fold, 15)
    rng = np.random.default_rng(0)
    rows, labels, shares = [], [], []
    for i in range(30):
        truth = i % 3
        answer = (truth + 1) % 3 if i % wrong_every == 0 else truth
        p = np.full(3, 0.1)
        p[answer] = 0.8
        crop = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        rows.append(
            {
                **{"photo": f"{CLASSES[truth]}/{i}.png", "coin": f"coin {i}"},
                **{"label": CLASSES[truth], "fold": i % 2, "legibility": (i % 10) / 10},
                "probabilities": dict(zip(CLASSES, p.tolist(), strict=True)),
                "picture": keep_crop(crop),
            }
        )
        labels.append(CLASSES[truth])
        shares.append(p)
    run.write_predictions(rows)
    report = report_json(evaluate(classifier, labels, np.array(shares), CLASSES))
    run.finish({"report": report, "bundle": f"{classifier}-coins", "seconds": 12.0})
    return run


def open_page(*runs: Run) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    if runs:
        page.query_params["run"] = [run.run_id for run in runs]
    page.run()
    assert not page.exception
    return page


def words_of(page: AppTest) -> str:
    kinds = ("html", "markdown", "caption", "header", "subheader", "info", "warning")
    return " ".join(str(part.value) for kind in kinds for part in page.get(kind))


def button(page: AppTest, start: str):
    return next(b for b in page.button if b.label.startswith(start))
