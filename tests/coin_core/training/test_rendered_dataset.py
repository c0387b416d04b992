"""The schedule of pretraining, and the batches that are rendered for it."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from coin_core.training import rendered_dataset
from coin_core.training.rendered_dataset import RenderedBatches, Round, Schedule


def test_the_rate_rises_then_falls_to_nearly_nothing() -> None:
    plan = Schedule(rounds=(Round(coins=1000, batch=10),))
    rates = [plan.rate_at(seen) for seen in range(0, 1001, 10)]
    top = int(np.argmax(rates))
    peak = plan.rounds[0].peak_rate
    assert 0 < top < 10
    assert rates[top] == pytest.approx(peak, rel=0.02)
    assert rates[-1] < 0.01 * peak


def test_a_second_round_begins_anew_at_its_own_peak() -> None:
    first = Round(coins=1000, batch=10, peak_rate=1e-3)
    plan = Schedule(rounds=(first, Round(coins=500, batch=10, views=4, peak_rate=5e-4)))
    rates = [plan.rate_at(seen) for seen in range(0, 3001, 10)]
    assert plan.seen == 3000
    assert max(rates[100:]) == pytest.approx(5e-4, rel=0.02)
    assert rates[99] < 1e-5
    assert rates[-1] < 1e-5


def _numbers(plan: Schedule, seen: int, workers: int) -> list[tuple[int, int]]:
    """First coin and view of each batch, as a loader of so many workers takes them."""
    taken = []
    while seen < plan.seen:
        part, before, within = plan.at(seen)
        place, view = rendered_dataset._place(within // part.batch, part, workers)
        taken.append((before + place * part.batch, view))
        seen += part.batch
    return taken


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_coin_is_seen_as_often_as_its_round_says(workers: int) -> None:
    plan = Schedule(
        rounds=(Round(coins=20, batch=4), Round(coins=30, batch=4, views=3))
    )
    taken = _numbers(plan, 0, workers)
    firsts = [0, 4, 8, 12, 16]
    again = [20, 24, 28, 32, 36, 40, 44]
    wanted = [(first, 0) for first in firsts]
    wanted += [(first, view) for first in again for view in range(3)]
    assert taken[:5] == wanted[:5]
    assert sorted(taken) == sorted(wanted)
    if workers > 1:
        # views of one coin are kept apart
        assert all(a[0] != b[0] for a, b in pairwise(taken[:-3]))
    assert _numbers(plan, 32, workers) == taken[8:]


def test_fewer_coins_than_a_batch_are_made_up_to_one() -> None:
    plan = Schedule(rounds=(Round(coins=5, batch=8),))
    assert plan.seen == 8
    assert [len(batch.rulers) for batch in RenderedBatches(3, 0, plan)] == [8]


def test_another_view_shows_the_same_coins_in_other_frames() -> None:
    plan = Schedule(rounds=(Round(coins=2, batch=2, views=2),))
    one, other = RenderedBatches(3, 0, plan)
    assert torch.equal(one.rulers, other.rulers)
    assert torch.equal(one.legible, other.legible)
    assert not torch.equal(one.views, other.views)
    [again] = RenderedBatches(3, 2, plan)
    assert all(torch.equal(a, b) for a, b in zip(again, other, strict=True))


_RENDERED_IN_BACKGROUND = """
import cv2, numpy as np
cv2.setNumThreads(4)
cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (0, 0), 9)
from coin_core.training.rendered_dataset import (
    RenderedBatches, Round, Schedule, rendered_in_background
)
plan = Schedule(rounds=(Round(coins=4, batch=2),))
batches = rendered_in_background(1, RenderedBatches(0, 0, plan))
print([len(batch.rulers) for batch in batches])
"""


@pytest.mark.slow
def test_coins_are_rendered_in_background_although_opencv_has_threads(
    project_root: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _RENDERED_IN_BACKGROUND],
        cwd=project_root,
        capture_output=True,
        text=True,
        # A forked process that waits for threads it has not, waits forever; this only
        # ends the test then, however busy the machine is.
        timeout=1800,
        check=True,
    )
    assert done.stdout.strip() == "[2, 2]"


def test_an_epoch_ends_with_each_validation() -> None:
    plan = Schedule(
        rounds=(Round(coins=20, batch=4), Round(coins=8, batch=8, views=2)),
        validations=4,
    )
    assert plan.seen == 36
    assert plan.epochs() == [[0, 4, 8], [12, 16], [20], [28]]
