"""Letters of real coins: marks, their turn, and what is read at them."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks import real_letters
from benchmarks.real_letters import (
    MARKS,
    NOTHING,
    Mark,
    Tally,
    add,
    marks_of,
    measure,
    on_crop,
    turn_of,
)
from coin_core.imaging.preprocessing import CROP_PX, normalize_degrees
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.rulers import LETTERS


def coin_and_marks(index, size_px=CROP_PX):
    coin = render_coin(88, index, size_px=size_px, wear=0.0)
    return coin, marks_of(coin)


@pytest.fixture(scope="module")
def classifier():
    return CoinClassifier()


def test_the_marks_are_letters_in_lines():
    rows = [line.split(",") for line in MARKS.read_text("utf-8").split()]
    assert rows[0] == ["file", "line", "letter", "in_name", "x", "y"]
    keys = {letter.key for letter in LETTERS}
    for name, line, letter, in_name, x, y in rows[1:]:
        assert letter in keys
        assert in_name in ("0", "1")
        assert 0 < float(x) < 1
        assert 0 < float(y) < 1
        lines = [row[1] for row in rows[1:] if row[0] == name]
        assert lines == sorted(lines)
        assert line in lines
        assert len(lines) > len(set(lines))  # or it tells no turn


def test_every_letter_is_judged_once():
    coin, marks = coin_and_marks(2)
    read = [(m.letter, *coin.legend_pose.to_view(m.x, m.y)) for m in marks]
    whole = Tally()
    add(whole, marks, coin.legend_pose, read)
    assert whole.recall() == whole.precision() == (len(marks), len(marks))
    assert whole.elsewhere == 0
    # One is missed, one taken for aleph, and one is read beside the legend.
    wrong = [("aleph", *read[1][1:]), *read[2:], ("he", 0.01, 0.01)]
    spoilt = Tally()
    add(spoilt, marks, coin.legend_pose, wrong)
    assert spoilt.recall() == (len(marks) - 2, len(marks))
    assert spoilt.precision() == (len(marks) - 2, len(marks) - 1)
    assert spoilt.elsewhere == 1
    assert spoilt.read[:2] == [(marks[0].letter, NOTHING), (marks[1].letter, "aleph")]
    assert spoilt.confusions(marks[1].letter).startswith("aleph 1")


@pytest.mark.parametrize("index", range(6))
def test_the_lines_tell_the_turn(index):
    coin, marks = coin_and_marks(index)
    assert abs(normalize_degrees(turn_of(marks) - coin.turn_deg)) < 6
    upside_down = [replace(m, x=1 - m.x, y=1 - m.y) for m in marks]
    turned = normalize_degrees(turn_of(upside_down) - coin.turn_deg)
    assert abs(abs(turned) - 180) < 6


def test_a_mark_is_at_the_same_spot_on_the_crop():
    coin, _ = coin_and_marks(3)
    photo = np.full((300, 400, 3), 255, np.uint8)
    photo[90:250, 200:360] = coin.image
    photo[150:156, 270:276] = 255, 0, 0
    crop, [mark] = on_crop(photo, [Mark(letter="he", line=0, x=273 / 400, y=153 / 300)])
    red = (crop[..., 0] > 200) & (crop[..., 1:] < 80).all(2)
    row, column = np.argwhere(red).mean(0) + 0.5
    assert (mark.x * CROP_PX, mark.y * CROP_PX) == pytest.approx((column, row), abs=1.5)


def test_a_coin_turned_by_a_quarter_is_read_in_the_turn_of_its_marks(classifier):
    coins = [coin_and_marks(index) for index in (0, 2)]
    photos = [(coin.image, marks) for coin, marks in coins]
    straight = measure(classifier, "resnet", photos, in_true_turn=True)
    right, marks = straight.recall()
    assert straight.coins == 2
    assert right > 0.85 * marks
    turned = [
        (np.rot90(photo, -1), [replace(m, x=1 - m.y, y=m.x) for m in own])
        for photo, own in photos
    ]
    after = measure(classifier, "resnet", turned, in_true_turn=True)
    assert after.recall()[0] > 0.85 * marks


@pytest.mark.slow
def test_photos_and_rendered_coins_are_measured(tmp_path, monkeypatch, capsys):
    coin, marks = coin_and_marks(2, size_px=240)
    rows = [f"a.png,{m.line},{m.letter},0,{m.x},{m.y}" for m in marks]
    head = "file,line,letter,in_name,x,y"
    (tmp_path / "marks.csv").write_text("\n".join([head, *rows]), "utf-8")
    Image.fromarray(coin.image).save(tmp_path / "a.png")
    monkeypatch.setattr(real_letters, "MARKS", tmp_path / "marks.csv")
    monkeypatch.setattr(sys, "argv", ["real_letters", str(tmp_path), "--coins", "2"])
    real_letters.main()
    lines = capsys.readouterr().out.splitlines()
    assert f"of {len(marks)}," in lines[0]
    assert lines[0].startswith("real, 200 px and more, resnet, found pose: read")
    assert any(line.startswith("he, rendered, vgg: read") for line in lines)
