"""The benchmarks: their measures are right, and the cheap ones run."""

import os
import sys
import time

import numpy as np
import pytest

from benchmarks import letters, refusal, scenes, soak
from benchmarks.common import stopwatch
from benchmarks.speed import in_turns
from benchmarks.unseen_coins import render_unseen_coin, unseen_forms
from coin_core.classifiers import shipped_classifiers
from coin_core.classifiers.together_card import TOGETHER
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.rendering import render_coin
from coin_core.rendering.letters import LETTER_FORMS


def box(left, top, right, bottom):
    return RotatedBox(left=left, top=top, right=right, bottom=bottom)


LEFT, RIGHT = box(0.0, 0.0, 0.4, 0.4), box(0.5, 0.0, 0.9, 0.4)


@pytest.mark.parametrize(
    ("true", "found", "right"),
    [
        ((LEFT, RIGHT), (RIGHT, LEFT), True),
        ((LEFT, RIGHT), (LEFT,), False),
        ((LEFT,), (LEFT, RIGHT), False),
        ((LEFT,), (box(0.0, 0.0, 0.4, 0.35),), True),
        ((LEFT,), (box(0.0, 0.0, 0.4, 0.33),), False),
        ((LEFT, LEFT), (LEFT, RIGHT), False),
        ((), (), True),
    ],
)
def test_a_scene_is_right_when_the_boxes_match_one_to_one(true, found, right):
    assert scenes.all_found(true, found) is right


def test_a_stopwatch_tells_waiting_from_computing():
    with stopwatch() as elapsed:
        time.sleep(0.2)
    assert elapsed.seconds >= 0.2 > elapsed.cpu_seconds


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
def test_kills_during_reviews_and_exports_lose_nothing(run_python):
    kills = ("--imports", 0, "--reviews", 2, "--exports", 2)
    done = run_python("-m", "benchmarks.kills", *kills, timeout=300)
    assert "0 lost" in done.stdout
    assert "no half export is left" in done.stdout


def test_photos_are_linked_into_one_folder_per_ruler(run_python, tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "labels.csv").write_text("file,ruler\na.png,titus\n", encoding="utf-8")
    arguments = (tmp_path / "labels.csv", tmp_path / "out")
    for _ in range(2):
        run_python("-m", "benchmarks.sort_photos", *arguments)
    assert (tmp_path / "out/titus/a.png").read_bytes() == b"a"


@pytest.mark.parametrize(
    ("few", "said"),
    [
        (["--legible", "9"], "--legible: expected 10 or more"),
        (["--foreign", "0"], "--foreign: expected 1 or more"),
    ],
)
def test_too_few_coins_to_part_are_refused_at_once(few, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["refusal", *few])
    monkeypatch.setattr(refusal, "CoinClassifier", None)
    with pytest.raises(SystemExit) as stopped:
        refusal.main()
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_letters_are_where_the_table_says():
    parts = ("Count", "AvgX", "AvgY", "StdX", "StdY")
    row = {f"{name}_{part}": "0" for name in letters.COLUMNS for part in parts}
    row |= {"Taf_Count": "1", "Taf_AvgX": "100", "Taf_AvgY": "40"}
    row |= {"Nun_Count": "2", "Nun_AvgX": "80", "Nun_StdX": "20", "Nun_AvgY": "40"}
    row |= {"Hei_Count": "3", "Hei_AvgX": "90", "Hei_AvgY": "70", "Hei_StdY": "10"}
    found = letters.letters_of(row, np.random.default_rng(0))
    number = letters.NUMBERS
    assert [x for letter, x, _ in found if letter == number["taw"]] == [100]
    assert sorted(x for letter, x, _ in found if letter == number["nun"]) == [60, 100]
    he = np.array([y for letter, _, y in found if letter == number["he"]])
    assert (he.mean(), he.std()) == pytest.approx((70, 10))
    drawn = letters.draw_map(found, 0.2)
    assert drawn.shape == (17, 16, 16)
    # taw is the only letter of its kind, right of the middle and above it
    row_at, column = np.unravel_index(drawn[number["taw"]].argmax(), (16, 16))
    assert column > 8 > row_at
    assert drawn[number["shin"]].max() < -9


@pytest.mark.slow
def test_a_table_of_letters_is_classified_by_every_classifier(
    tmp_path, monkeypatch, capsys
):
    row = {"Class": "Alexander"}
    for name in letters.COLUMNS:
        for part in ("Count", "AvgX", "AvgY", "StdX", "StdY"):
            row[f"{name}_{part}"] = "0"
    for name, x, y in (("Yod", 150, 40), ("Hei", 120, 40), ("Vav", 90, 40)):
        row |= {f"{name}_Count": "1", f"{name}_AvgX": str(x), f"{name}_AvgY": str(y)}
    row |= {"Taf_Count": "1", "Taf_AvgX": "100", "Taf_AvgY": "70"}
    table = tmp_path / "letters.csv"
    table.write_text("\n".join([",".join(row), ",".join(row.values())]))
    monkeypatch.setattr(sys, "argv", ["letters", str(table)])
    letters.main()
    lines = capsys.readouterr().out.splitlines()
    titles = [line.split(":")[0] for line in lines]
    *of_classifiers, fit, together = titles
    assert of_classifiers[::2] == list(shipped_classifiers())
    assert of_classifiers[1::2] == [
        f"{name} without class logit bias" for name in shipped_classifiers()
    ]
    assert (fit, together) == ("legends that fit", TOGETHER)
    assert all("of 1," in line for line in lines)


def test_growth_of_memory_is_read_after_the_warm_up():
    readings = [(k / 100, 500.0 + (k == 5) * 400 + (k >= 95) * 30) for k in range(100)]
    assert soak.ends(readings) == (500.0, 530.0)
    with pytest.raises(SystemExit, match="measure for longer"):
        soak.ends([(0.0, 500.0), (1.0, 500.0)])


def test_runs_in_turns_are_timed_alike():
    order: list[str] = []
    times = in_turns({"a": lambda _: order.append("a"), "b": order.append}, 3)
    assert order == ["a", 0, "a", 1, "a", 2, "a", 3]
    assert set(times) == {"a", "b"}


def test_unseen_coins_have_letters_of_their_own_and_leave_the_product_alone():
    usual = render_coin(5, 3)
    one, again = (render_unseen_coin(5, 3) for _ in range(2))
    assert np.array_equal(one.image, again.image)
    assert np.array_equal(render_coin(5, 3).image, usual.image)
    assert one.ruler == usual.ruler
    assert one.legend == usual.legend
    assert not np.array_equal(one.image, usual.image)
    known = {form.strokes for forms in LETTER_FORMS.values() for form in forms}
    unseen = unseen_forms()
    assert unseen.keys() == LETTER_FORMS.keys()
    assert not [f for forms in unseen.values() for f in forms if f.strokes in known]
