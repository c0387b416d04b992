import numpy as np
import pytest

from coin_core.rendering.letters import (
    CAPITALS,
    GREEK,
    LATIN,
    LETTER_FORMS,
    Hand,
    parse_strokes,
)
from coin_core.rulers import LETTERS


def test_every_letter_of_the_legends_has_forms():
    assert set(LETTER_FORMS) == {letter.key for letter in LETTERS}
    assert all(len(forms) >= 2 for forms in LETTER_FORMS.values())


@pytest.mark.parametrize("key", LETTER_FORMS)
def test_forms_fill_their_box(key):
    for form in LETTER_FORMS[key]:
        points = np.array([point for stroke in form.strokes for point in stroke])
        assert points.min() >= 0
        assert points.max() <= 1
        assert (np.ptp(points, axis=0) > 0.5).all()
        assert 0.4 < form.width < 1
        assert all(len(stroke) >= 2 for stroke in form.strokes)
    assert len(set(LETTER_FORMS[key])) == len(LETTER_FORMS[key])


def test_random_legends_have_a_shape_for_each_capital():
    assert {*LATIN, *GREEK, *"0123456789"} - set(CAPITALS) == set("34678")


def test_points_are_hundredths_of_the_box():
    assert parse_strokes("0,100 5,-7; 1,2 3,4") == (
        ((0.0, 1.0), (0.05, -0.07)),
        ((0.01, 0.02), (0.03, 0.04)),
    )


def test_a_hand_keeps_to_its_form_and_slips_now_and_then():
    rng = np.random.default_rng(4)
    hand = Hand.draw(rng)
    own = LETTER_FORMS["he"][hand.choice["he"]]
    same = sum(hand.pick_form("he", rng) is own for _ in range(400))
    assert 330 < same < 390
    assert Hand.draw(np.random.default_rng(4)) == hand
    assert Hand.draw(np.random.default_rng(5)) != hand
