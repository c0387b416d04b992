import numpy as np

from coin_core.rendering.engraving import DieCanvas
from coin_core.rendering.portraits import draw_head


def head(seed: int) -> np.ndarray:
    die = DieCanvas(100)
    draw_head(die, np.random.default_rng(seed))
    return die.relief(0)


def test_a_head_fills_the_middle_of_the_die():
    for seed in range(12):
        relief = head(seed)
        assert (relief[35:60, 40:60] > 0.2).mean() > 0.9
        assert 0.12 < (relief > 0.2).mean() < 0.6


def test_heads_face_both_sides():
    """The second number drawn decides the side; the mean heads mirror each other."""
    heads: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for seed in range(30):
        heads[bool(np.random.default_rng(seed).random(2)[1] < 0.7)].append(head(seed))
    right, left = (np.mean(heads[side], axis=0) for side in (True, False))
    mirrored = np.corrcoef(right.ravel(), left[:, ::-1].ravel())[0, 1]
    assert mirrored > np.corrcoef(right.ravel(), left.ravel())[0, 1] + 0.01
