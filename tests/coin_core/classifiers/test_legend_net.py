"""The network that predicts the poses of legends."""

import numpy as np
import torch

from coin_core.classifiers.legend_net import best_poses, shipped_localizer
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
