"""The report of a run as one HTML file."""

import re

import numpy as np
import pytest

from coin_core.evaluation.metrics import evaluate, report_json
from coin_core.i18n import _, speaking
from coin_core.training.datasets import CoinSet
from coin_core.training.prediction_store import prediction_rows
from coin_core.training.report import html_report
from coin_core.training.run_comparison import summarise
from coin_core.training.runs import start_run

CLASSES = ("john_hyrcanus_i", "<lily>")


@pytest.fixture
def run():
    """A finished run with two epochs and six photos, one of them a mistake."""
    labels = np.array([CLASSES[i % 2] for i in range(6)])
    coins = CoinSet(
        crops=np.zeros((6, 16, 16, 3), np.uint8),
        labels=labels,
        groups=np.array([str(i) for i in range(6)]),
        names=tuple(f"{label}/{i}.png" for i, label in enumerate(labels)),
        classes=CLASSES,
        source="folder <coins>",
        digest="d" * 64,
        legibility=np.linspace(0, 1, 6, dtype=np.float32),
    )
    p = np.array(
        [[0.9, 0.1] if label == CLASSES[0] else [0.2, 0.8] for label in labels]
    )
    p[1] = [0.7, 0.3]
    run = start_run(
        {"classifier": "mlp", "data": coins.source, "digest": coins.digest},
        {"coins_per_class": dict.fromkeys(CLASSES, 3), "machine": "1 core"},
    )
    for epoch in (1, 2):
        row = {"fold": 0, "epoch": epoch, "train_loss": 1 / epoch, "rate": 0.1}
        run.log(row | {"valid_loss": 0.9 / epoch, "valid_accuracy": 0.5})
    run.write_predictions(
        prediction_rows(coins, p.astype(np.float32), np.zeros(6, int))
    )
    run.note_test(0, 6)
    run.set_note("first line\nsecond <b>line</b>")
    report = evaluate("mlp", labels, p, CLASSES)
    compared = {"coins": 6, "before": 0.9, "after": 0.8, "error": 0.02}
    run.finish({"report": report_json(report), "seconds": 90.0, "comparison": compared})
    return run


def test_a_report_speaks_hebrew(run):
    with speaking("he"):
        page = html_report(run, summarise(run))
        headings = [_("Curves over epochs"), _("Confusion matrix"), _("Settings")]
    assert '<html lang="he" dir="rtl">' in page
    for heading in headings:
        assert f"<h2>{heading}</h2>" in page
    text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    words = r"\b(?:the|held-out|measured|Training|Written|started|predicted|right)\b"
    assert not re.search(words, text)


def test_a_report_shows_everything_and_needs_nothing_else(run):
    page = html_report(run, summarise(run))
    assert "mlp on folder &lt;coins&gt;" in page
    assert "<b>83.3% (43.6% to 97.0%)</b> of 6 held-out photos" in page
    assert "measured once" in page
    assert "It learned to read these coins: on 6 that it did not" in page
    for heading in ("Curves over epochs", "Confusion matrix", "Calibration"):
        assert f"<h2>{heading}</h2>" in page
    assert page.count("data:image/jpeg;base64,") == 1, "the one mistake"
    assert "first line<br>second &lt;b&gt;line&lt;/b&gt;" in page
    assert page.count("Plotly.newPlot(") == 1
    loaded = re.findall(
        r"<(?:script|link|img)[^>]+(?:src|href)=.(https?:[^\"']+)", page
    )
    assert not loaded, "it opens offline"


def test_what_is_not_known_is_left_out():
    run = start_run({"classifier": "knn", "data": "folder x"})
    page = html_report(run, summarise(run))
    assert "knn on folder x" in page
    for missing in ("Curves", "Confusion", "Calibration", "mistakes", "Notes"):
        assert missing not in page
