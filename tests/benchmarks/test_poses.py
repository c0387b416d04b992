"""The poses of legends are judged on the crop that the classifiers get."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import poses
from coin_core.imaging.preprocessing import LegendPose, warp_to_legend

SEED = 31


@pytest.mark.parametrize("kind", poses.KINDS)
def test_the_legend_is_where_it_is_said_to_be(kind):
    """The view of the true pose shows what the photo shows in the pose rendered."""
    draw = poses.KINDS[kind]
    [(crop, pose)] = poses.draw_crops(draw, SEED, 1)
    index = next(k for k in range(1, 9) if draw(SEED, k)[0].name_legibility >= 0.3)
    rendered, (photo, box, _) = draw(SEED, index)
    assert rendered.legend_pose is not None
    side = 1.04 * max(box.right - box.left, box.bottom - box.top)
    assert pose.radius == pytest.approx(rendered.legend_pose.radius / side)
    found, right = (
        warp_to_legend(picture[None], [at], 64)[0].astype(float).ravel()
        for picture, at in ((crop, pose), (photo, rendered.legend_pose))
    )
    aside = replace(pose, centre_x=pose.centre_x + 0.1, turn_deg=pose.turn_deg + 20)
    wrong = warp_to_legend(crop[None], [aside], 64)[0].astype(float).ravel()
    alike = np.corrcoef(found, right)[0, 1]
    assert alike > 0.6
    assert alike > np.corrcoef(wrong, right)[0, 1] + 0.1


def test_poses_are_counted(capsys):
    true = LegendPose(turn_deg=10)
    upside_down = replace(true, turn_deg=-170)
    aside = replace(true, centre_x=0.5 + 0.25 * true.radius)
    found = [(true,), (upside_down, true), (upside_down,), (aside,)]
    poses.report("coins", (true,) * 4, found)
    near, turned, missed = capsys.readouterr().out.split("%), ")
    assert near.startswith("coins: near 1 of 4")
    assert turned.startswith("turned 2 of 4")
    assert missed.startswith("every turn given is wrong 1 of 4")
