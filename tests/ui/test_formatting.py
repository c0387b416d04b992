from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coin_core.classifiers import list_classifiers
from coin_core.i18n import speaking
from coin_core.results import Side
from coin_core.training.holdout import how_measured
from coin_core.training.initialization import Start
from tests import fakes
from ui.formatting import (
    NBSP,
    SIDE_TITLES,
    as_text,
    classifier_names,
    classifier_title,
    data_title,
    duration,
    how_often_right,
    measured,
    measured_on,
    measured_together,
    menu_titles,
    percent,
    plural,
    probability_text,
)

_CARD = fakes.bundles()[0].card


def test_every_side_has_a_title() -> None:
    assert set(SIDE_TITLES) == set(Side)


def test_classifiers_come_from_the_registry_and_strangers_keep_their_names() -> None:
    assert classifier_names() == [spec.name for spec in list_classifiers()]
    assert classifier_title("resnet") == "ResNet"
    assert classifier_title("gone") == "gone"


def test_the_menu_tells_the_visitor_s_own_bundles_apart() -> None:
    shipped = fakes.bundles()[0]
    card = replace(shipped.card, name="museum", origin="own")
    own = replace(shipped, name="museum", card=card)
    assert menu_titles([shipped, own]) == {
        "resnet": "ResNet",
        "museum": "ResNet, museum (yours)",
    }
    with speaking("he"):
        title = menu_titles([own])["museum"]
    # Hebrew runs on after the Latin name, wherever the title is shown.
    assert (title[0], title[-1]) == ("\u2067", "\u2069")
    assert title[1:-1].startswith("ResNet, museum (")


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


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Hendin 1132 (5th edition); 2.1 g", "Hendin 1132 (5th edition); 2.1 g"),
        (
            "mine: the card is damaged. Use --data",
            "mine: the card is damaged. Use --data",
        ),
        ("python -m coin_core train", "python -m coin_core train"),
        ("https://example.org/a_b", r"https\://example.org/a_b"),
        ("![a](http://x/y)", r"!\[a\](http\://x/y)"),
        ("[a](javascript:b)", r"\[a\](javascript\:b)"),
        ("<img src=x>", r"\<img src=x>"),
        (":red[a] :b", r"\:red\[a\] \:b"),
        (":material/toll: :smile:", ":\u2060material/toll: :\u2060smile:"),
        (":material_toll:", ":\u2060material_toll:"),
        ("at 10:30, see www.b.c", r"at 10:30, see www\.b.c"),
        ("**b** __c__ `d` ~e~ $f$", r"\*\*b\*\* \_\_c\_\_ \`d\` \~e\~ \$f\$"),
        ("C:\\new & &lt;", "C:\\\\new & \\&lt;"),
        ("# a", r"\# a"),
        ("> a", r"\> a"),
        ("- a", r"\- a"),
        ("12. a", r"12\. a"),
        ("  a\n\n    b\x00\tc ", "a b c"),
        (f"91{NBSP}%", f"91{NBSP}%"),
        ("יהוחנן", "יהוחנן"),
        (None, "None"),
        ("", ""),
    ],
)
def test_text_is_no_markdown(typed: object, shown: str) -> None:
    assert as_text(typed) == shown


def test_figures_on_real_coins_are_those_of_the_card() -> None:
    real = {"data": "photos", "what": "photos of real coins", "n": 18}
    real |= {"accuracy": 14 / 18, "accuracy_low": 0.548, "accuracy_high": 0.91}
    card = replace(_CARD, metrics=(*_CARD.metrics, real))
    assert measured(card) == (
        "On 18 photos of real coins, ResNet put the right ruler first on 14 "
        f"(55 to 91{NBSP}%)."
    )
    mine = {**real, "what": "my finds"}
    assert measured(replace(card, metrics=(*_CARD.metrics, mine))) == measured(card)
    own = {**real, "data": "flavians", "how": "5-fold cross-validation by coin"}
    assert measured(replace(_CARD, metrics=(own,))) == (
        "Measured on flavians, 5-fold cross-validation by coin: 14 of 18 right "
        f"(55 to 91{NBSP}%)."
    )


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ("catalog (rendered)", "the dataset (rendered)"),
        ("catalog:dig (rendered)", "dig (rendered)"),
        ("catalog (3 of 18 rendered)", "the dataset (3 of 18 rendered)"),
    ],
)
def test_figures_of_a_training_with_rendered_coins_are_not_of_real_ones(
    data: str, title: str
) -> None:
    own = {"data": data, "how": "5-fold cross-validation by coin", "n": 18}
    own |= {"accuracy": 14 / 18, "accuracy_low": 0.548, "accuracy_high": 0.91}
    card = replace(_CARD, metrics=(own,), origin="own")
    assert how_often_right(card) == "not measured on real photos"
    assert measured(card) == (
        f"Measured on {title}, 5-fold cross-validation by coin: 14 of 18 right "
        f"(55 to 91{NBSP}%)."
    )
    folder = replace(card, metrics=({**own, "data": "folder finds (rendered)"},))
    assert how_often_right(folder) == "14 of 18 of folder finds (rendered)"


START = Start(init="museum", folder=Path("museum"), data="catalog", data_digest="d")


@pytest.mark.parametrize("caution", [START.caution("d"), START.caution("e")])
@pytest.mark.parametrize(
    "splits", [None, np.array(["test"]), np.array(["validation"])], ids=str
)
def test_how_a_training_measured_is_in_the_language_of_the_page(
    splits: np.ndarray | None, caution: str
) -> None:
    way = how_measured(splits, 5) + ", stopped when 20 of 47 were measured"
    figures = {"data": "catalog (rendered)", "how": f"{way}; {caution}"}
    assert measured_on(figures) == f"coins of the dataset (rendered), {way}; {caution}"
    with speaking("he"):
        words = re.sub("museum|catalog", "", measured_on(figures))
    assert re.search("[\u0590-\u05ff]", words)
    assert not re.search("[A-Za-z]", words), words


def test_what_was_not_measured_on_real_coins_says_so() -> None:
    assert measured(_CARD) == (
        f"ResNet was measured on rendered coins only: 97{NBSP}% of 3,000 right."
    )
    named = {**_CARD.metrics[0], "data": "rendered", "what": "photos of real coins"}
    assert measured(replace(_CARD, metrics=(named,))) == measured(_CARD)
    for metrics in ((), ({"data": "elsewhere", "n": 3, "accuracy": 1.0},)):
        assert measured(replace(_CARD, metrics=metrics)) == (
            "ResNet was never measured on real coins."
        )


def test_figures_of_several_classifiers_are_one_sentence() -> None:
    real = {"data": "photos", "what": "photos of real coins", "n": 18}
    real |= {"accuracy": 14 / 18, "accuracy_low": 0.548, "accuracy_high": 0.91}
    words = measured_together([replace(_CARD, metrics=(real,)), _CARD])
    assert words.endswith(
        "ResNet: 14 of 18 real photos, ResNet: not measured on real photos."
    )


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ("catalog", "the dataset"),
        ("catalog (rendered)", "the dataset (rendered)"),
        ("catalog:dig-2026", "dig-2026"),
        ("catalog:dig (3 of 47 rendered)", "dig (3 of 47 rendered)"),
        ("catalog (something else)", "catalog (something else)"),
        ("coins of a museum", "coins of a museum"),
        ("", ""),
    ],
)
def test_training_data_have_the_name_of_the_pages(data: str, title: str) -> None:
    assert data_title(data) == title


def test_a_folder_of_training_data_is_named_in_the_language_of_the_page() -> None:
    assert data_title("folder finds (old)") == "folder finds (old)"
    with speaking("he"):
        assert "folder" not in data_title("folder finds (old)")
