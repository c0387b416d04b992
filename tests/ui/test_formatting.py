from __future__ import annotations

from dataclasses import replace

import pytest

from coin_core.classifiers import list_classifiers
from coin_core.detection.faces import Side
from tests import fakes
from ui.formatting import (
    NBSP,
    SIDE_TITLES,
    classifier_names,
    classifier_title,
    duration,
    menu_titles,
    percent,
    plural,
    probability_text,
)


def test_every_side_has_a_title() -> None:
    assert set(SIDE_TITLES) == set(Side)


def test_classifiers_come_from_the_registry_and_strangers_keep_their_names() -> None:
    assert classifier_names() == [spec.name for spec in list_classifiers()]
    assert classifier_title("resnet") == "ResNet"
    assert classifier_title("gone") == "gone"


def test_the_menu_tells_the_visitor_s_own_bundles_apart() -> None:
    shipped = fakes.bundles()[0]
    card = replace(shipped.card, name="museum")
    own = replace(shipped, name="museum", card=card, origin="own")
    assert menu_titles([shipped, own]) == {
        "resnet": "ResNet",
        "museum": "ResNet, museum (yours)",
    }


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "<1"), (0.004, "<1"), (0.006, "1"), (0.914, "91"), (0.999, "99"), (1, "99")],
)
def test_no_probability_is_none_or_all(probability: float, text: str) -> None:
    shown = probability_text(probability).replace(NBSP, " ")
    assert shown.replace("< ", "<") == f"{text} %"
    assert percent(1.0) == f"100{NBSP}%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.2, "1 s"), (59, "59 s"), (90, "2 min"), (7500, "2 h 05 min")],
)
def test_durations_have_two_units_at_most(seconds: float | None, text: str) -> None:
    assert duration(seconds).replace(NBSP, " ") == text


def test_one_thing_is_singular() -> None:
    assert [plural(n, "photo") for n in (0, 1, 1200)] == [
        "0 photos",
        "1 photo",
        "1,200 photos",
    ]
