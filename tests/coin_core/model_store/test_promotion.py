"""The chosen model, and the way back."""

from __future__ import annotations

import shutil

import pytest

from coin_core.errors import CoinError, WeightsMissingError
from coin_core.model_store.bundle import WEIGHTS_DIR, models_dir
from coin_core.model_store.promotion import (
    can_roll_back,
    demote,
    promote,
    promoted,
    roll_back,
)
from coin_core.storage import data_dir, write_json


def test_choices_are_undone_one_by_one():
    for name in ("vgg", "svm"):
        promote(name)
    demote()
    demote()  # changes nothing
    assert promoted() is None
    assert [roll_back() for _ in range(3)] == ["svm", "vgg", None]
    assert promoted() is None
    with pytest.raises(CoinError, match="No model was chosen before"):
        roll_back()


def test_the_same_choice_again_is_none_to_undo():
    promote("vgg")
    promote("vgg")
    assert roll_back() is None
    assert not can_roll_back()
    # As an older version kept it.
    write_json(data_dir() / "promoted.json", {"model": "svm", "before": [None, "svm"]})
    assert can_roll_back()
    assert roll_back() is None
    write_json(data_dir() / "promoted.json", {"model": "svm", "before": ["svm"]})
    assert not can_roll_back()


def test_a_model_that_is_gone_does_not_come_back():
    shutil.copytree(WEIGHTS_DIR / "svm", models_dir() / "mine")
    promote("mine")
    promote("vgg")
    shutil.rmtree(models_dir() / "mine")
    with pytest.raises(WeightsMissingError):
        roll_back()
    assert promoted() == "vgg"


@pytest.mark.parametrize(
    ("stored", "name"),
    [({"model": "vgg"}, "vgg"), ({"model": 3, "before": 4}, None), ({}, None)],
)
def test_older_and_damaged_files_are_read(stored, name):
    data_dir().mkdir(parents=True, exist_ok=True)
    write_json(data_dir() / "promoted.json", stored)
    assert promoted() == name
    promote("svm")
    assert roll_back() == name
