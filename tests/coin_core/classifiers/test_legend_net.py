"""The network that predicts the poses of legends."""

import numpy as np
import pytest
import torch

from coin_core.classifiers.legend_net import (
    TURNS,
    best_poses,
    predict_poses,
    shipped_localizer,
)
from coin_core.rendering import render_coin


def test_predicting_a_pose_leaves_the_random_state_alone() -> None:
    shipped_localizer.cache_clear()
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    best_poses(render_coin(4, 1, size_px=96).image[None])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_shipped_net_finds_legends_however_they_lie() -> None:
    """Fresh coins, upright and upside down: nearly all within 20 degrees."""
    right = 0
    for index in range(20):
        crop = render_coin(31, index, size_px=160, wear=0.1).image
        true = render_coin(31, index, size_px=160, wear=0.1).legend_pose
        assert true is not None
        for turned, by in ((crop, 0.0), (crop[::-1, ::-1], 180.0)):
            found = best_poses(np.ascontiguousarray(turned)[None])[0]
            off = abs((found.turn_deg - true.turn_deg - by + 180) % 360 - 180)
            right += off < 20
    assert right >= 32


class StubLocalizer(torch.nn.Module):
    """Gives each crop the same place and turn, and counts what it is shown."""

    def __init__(self, place: tuple[float, float, float], turns: dict[int, float]):
        super().__init__()
        self.place, self.turns, self.shown = place, turns, 0

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.shown += len(crops)
        logits = torch.full((len(crops), TURNS), -20.0)
        for turn, logit in self.turns.items():
            logits[:, turn] = logit
        return torch.tensor([self.place] * len(crops)), logits


@pytest.mark.parametrize(
    ("place", "turns", "views"),
    [
        ((0.1, 0.0, 0.1), {1: 5.0}, 0),  # nearly the crop
        ((0.5, 0.0, 0.0), {0: 5.0}, 2),  # off the middle
        ((0.0, 0.0, -0.5), {0: 5.0}, 2),  # much smaller
        ((0.0, 0.0, 0.0), {9: 5.0}, 2),  # turned
        ((0.0, 0.0, 0.0), {0: 5.0, 18: 5.0}, 4),  # one of two turns
    ],
)
def test_a_pose_is_looked_at_again_unless_its_view_is_nearly_the_crop(
    place: tuple[float, float, float], turns: dict[int, float], views: int
) -> None:
    net = StubLocalizer(place, turns)
    crops = np.zeros((2, 160, 160, 3), np.uint8)
    poses = predict_poses(crops, net)
    assert net.shown == 2 + views
    assert [len(one) for one in poses] == [len(turns)] * 2
