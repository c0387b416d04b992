"""The judge is taught on letters that stand still."""

import numpy as np
import pytest
import torch

from coin_core.classifiers._reader import LETTER_CLASSES, Reader
from coin_core.classifiers._trunks import build_reader
from coin_core.learning.judging import (
    JudgeSchedule,
    ReadCoins,
    kept_readings,
    read_coins,
    teach_judge,
    upset,
)

NONE = LETTER_CLASSES - 1
QUICK = JudgeSchedule(epochs=12, batch=16, shift_cells=1)


@pytest.fixture(scope="module")
def reader() -> Reader:
    torch.manual_seed(0)
    return build_reader("vgg", 3).eval()


def _coins(count: int, seed: int) -> ReadCoins:
    """Each ruler's coins have a letter of their own somewhere in the second row."""
    rng = np.random.default_rng(seed)
    letters = np.full((count, LETTER_CLASSES, 16, 16), -5, np.float16)
    letters[:, NONE] = 5
    rulers = rng.integers(0, 3, count)
    for coin, ruler in enumerate(rulers):
        at = rng.integers(2, 12)
        letters[coin, ruler, 3:5, at : at + 2] = 8
    return ReadCoins(
        letters=letters,
        rulers=rulers.astype(np.int64),
        legible=np.ones(count, np.float32),
    )


def test_a_judge_learns_from_letters_alone_and_leaves_the_reading(reader: Reader):
    trunk = {k: v.clone() for k, v in reader.trunk.state_dict().items()}
    letters = {k: v.clone() for k, v in reader.letters.state_dict().items()}
    teach_judge(reader, _coins(96, 1), schedule=QUICK)
    fresh = _coins(60, 2)
    with torch.inference_mode():
        read = torch.from_numpy(fresh.letters).float()
        told = reader.judge(reader.legend(read)).argmax(1).numpy()
    assert (told == fresh.rulers).mean() > 0.8
    assert all(v.equal(trunk[k]) for k, v in reader.trunk.state_dict().items())
    assert all(v.equal(letters[k]) for k, v in reader.letters.state_dict().items())


def test_the_same_seed_gives_the_same_judge(reader: Reader):
    quick = JudgeSchedule(epochs=1)
    losses = [
        teach_judge(reader, _coins(32, 1), seed=4, schedule=quick) for _ in range(2)
    ]
    assert losses[0] == losses[1]


def test_upset_letters_move_by_no_more_than_they_may():
    letters = torch.full((1, LETTER_CLASSES, 16, 16), -5.0)
    letters[:, NONE] = 5
    letters[0, 2, 8, 8] = 9
    calm = JudgeSchedule(strays=0.0, shift_cells=2)
    torch.manual_seed(0)
    seen = set()
    for _ in range(40):
        moved = upset(letters, calm)
        assert moved.shape == letters.shape
        ((y, x),) = (moved[0].argmax(0) == 2).nonzero().tolist()
        assert max(abs(y - 8), abs(x - 8)) <= 2
        seen.add((y, x))
    assert len(seen) > 5


def test_strays_are_another_coins_letters():
    letters = torch.full((2, LETTER_CLASSES, 16, 16), -5.0)
    letters[0, 3] = 5
    letters[1, 7] = 5
    torch.manual_seed(0)
    mixed = upset(letters, JudgeSchedule(strays=1.0, shift_cells=0)).argmax(1)
    assert set(mixed.unique().tolist()) == {3, 7}


def test_readings_are_kept_for_the_next_try(reader: Reader, tmp_path):
    path = tmp_path / "readings.npz"
    first = kept_readings(path, reader, 16, workers=0)
    assert first.letters.shape == (16, LETTER_CLASSES, 16, 16)
    assert set(first.rulers) <= {0, 1, 2}
    written = path.stat().st_mtime_ns
    again = kept_readings(path, reader, 16, workers=0)
    assert path.stat().st_mtime_ns == written
    np.testing.assert_array_equal(first.letters, again.letters)
    kept_readings(path, reader, 32, workers=0)
    assert path.stat().st_mtime_ns != written


def test_coins_are_read_as_they_are_struck(reader: Reader):
    coins = read_coins(reader, 20, seed=9, workers=0)
    assert len(coins.letters) == len(coins.rulers) == len(coins.legible) == 20
    assert 0 <= coins.legible.min() <= coins.legible.max() <= 1
