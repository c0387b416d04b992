from __future__ import annotations

import pytest

from coin_core.training.run_comparison import summarise
from coin_core.training.runs import RunState, find_run
from tests.ui.training.history_page import make_run
from ui.formatting import NBSP
from ui.training import formatting


def test_every_state_has_a_title() -> None:
    assert set(formatting.STATE_TITLES) == set(RunState)


def test_only_unusual_settings_are_in_the_short_form() -> None:
    usual = summarise(make_run())
    assert formatting.short_settings(usual) == "from the shipped weights"
    other = summarise(make_run(init="scratch", seed=3, folds=2))
    assert formatting.short_settings(other) == "from scratch, 2 folds, seed 3"
    of_version = summarise(make_run(folds=None))
    assert formatting.short_settings(of_version) == "from the shipped weights"
    assert formatting.run_title(usual).startswith("ResNet on folder coins, ")


def test_folds_count_from_one() -> None:
    run = find_run(make_run().run_id)
    curves = formatting.curves_by_fold(run.rows(), "train_loss")
    assert curves["fold 1"] == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]
    assert set(curves) == {"fold 1", "fold 2"}
    assert formatting.fold_title("all") == "all coins"


@pytest.mark.parametrize(
    ("accuracy", "text"),
    [((0.75, 0.61, 0.83), f"61 to 83{NBSP}%"), ((1.0, 1.0, 1.0), ""), (None, "")],
)
def test_an_interval_without_width_is_unknown(accuracy, text: str) -> None:
    assert formatting.interval(accuracy) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("epochs", None, "usual"),
        ("init_digest", None, "–"),
        ("epochs", "", "–"),
        ("frozen", True, "yes"),
        ("rate", 0.0001, "0.0001"),
        ("digest", "ab" * 32, "abababababab…"),
    ],
)
def test_values_of_settings_are_short(name: str, value: object, text: str) -> None:
    assert formatting.setting_value(name, value) == text


def test_a_time_that_cannot_be_read_is_a_question_mark() -> None:
    assert formatting.when("yesterday") == "?"
    assert formatting.when("2026-11-22T17:50:00+00:00").startswith("22 Nov 2026 ")
