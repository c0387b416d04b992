"""The reader of capitals is trained, saved and measured."""

import numpy as np
import pytest

from coin_core.classifiers.rim_reader import CAPITALS, NO_LETTER, RimReader
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.model_store.bundle import load_card, read_tensors
from coin_core.rendering.coins import CAPITALS_KIND, RenderedCoin, RenderedLetter
from coin_core.training import train_rim_reader
from coin_core.training.train_rim_reader import letters_of

WHOLE = {"left": 0.02, "top": 0.02, "right": 0.98, "bottom": 0.98}


def coin_with(letter, x, y, legibility=1.0):
    """A coin with one letter, its middle at (x, y)."""
    return RenderedCoin(
        image=np.zeros((160, 160, 3), np.uint8),
        mask=np.zeros((160, 160), np.uint8),
        kind=CAPITALS_KIND,
        ruler=None,
        legend=(),
        letters=(
            RenderedLetter(
                letter=letter,
                left=x - 0.03,
                top=y - 0.03,
                right=x + 0.03,
                bottom=y + 0.03,
                upright_width=0.06,
                upright_height=0.06,
                legibility=legibility,
                in_name=False,
            ),
        ),
        turn_deg=0.0,
        flan_box=(0.02, 0.02, 0.98, 0.98),
    )


@pytest.mark.parametrize(
    ("x", "y", "turn_deg", "place"),
    [
        (0.5, 0.12, 0.0, 72),  # above: half way round, after what the end repeats
        (0.12, 0.5, 0.0, 40),
        (0.88, 0.5, 0.0, 104),
        (0.5, 0.12, 90.0, 104),  # the crop is turned clockwise
    ],
)
def test_a_letter_is_where_the_strip_shows_it(x, y, turn_deg, place):
    box = RotatedBox(**WHOLE, turn_deg=turn_deg)
    letters, weights = letters_of(coin_with("R", x, y), box)
    places = np.flatnonzero(letters != NO_LETTER)
    assert places.mean() + 0.5 == pytest.approx(place, abs=1)
    assert 1 <= len(places) <= 5
    assert set(letters[places]) == {CAPITALS.index("R")}
    assert (weights[places] == 1).all()
    assert (weights < 0.5).sum() == 144 - len(places)


def test_a_letter_where_the_strip_begins_is_at_both_ends():
    letters, _ = letters_of(coin_with("M", 0.5, 0.88), RotatedBox(**WHOLE))
    places = np.flatnonzero(letters == CAPITALS.index("M"))
    assert {places.min() // 16, places.max() // 16} == {0, 8}


@pytest.mark.parametrize(
    ("at", "legibility"), [((0.5, 0.12), 0.2), ((0.5, 0.4), 1.0), ((0.5, 0.0), 1.0)]
)
def test_what_cannot_be_read_there_is_neither_a_letter_nor_none(at, legibility):
    letters, weights = letters_of(coin_with("S", *at, legibility), RotatedBox(**WHOLE))
    assert (letters == NO_LETTER).all()
    assert (weights == 0).any()


def test_the_reader_is_written_as_a_bundle(tmp_path, monkeypatch):
    monkeypatch.setattr(train_rim_reader, "_BATCH", 4)
    measured = {"accuracy": 0.5}
    monkeypatch.setattr(train_rim_reader, "measure_rim_reader", lambda n, net: measured)
    figures = train_rim_reader.train_rim_reader(
        tmp_path / "rims", coins=8, views=2, epochs=2, workers=0
    )
    assert figures == measured
    card = load_card(tmp_path / "rims")
    assert "".join(card.classes) == CAPITALS
    RimReader().load_state_dict(read_tensors(tmp_path / "rims"))
    assert [path.name for path in tmp_path.iterdir()] == ["rims"]


def test_batches_are_the_same_each_time_and_their_views_differ(monkeypatch):
    monkeypatch.setattr(train_rim_reader, "_BATCH", 2)
    first, again = (list(train_rim_reader._strips(5, range(3, 5), 2)) for _ in range(2))
    assert len(first) == 4
    for one, other in zip(first, again, strict=True):
        assert all(bool((a == b).all()) for a, b in zip(one, other, strict=True))
    assert not bool((first[0][0] == first[1][0]).all())
