"""Poses of legends: conversions and back, and the views at them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coin_core.imaging.preprocessing import (
    VIEW_MARGIN,
    LegendPose,
    warp_to_crop,
    warp_to_legend,
)
from coin_core.rendering import render_coin

POSES = st.builds(
    LegendPose,
    centre_x=st.floats(0.2, 0.8),
    centre_y=st.floats(0.2, 0.8),
    radius=st.floats(0.05, 0.6),
    turn_deg=st.floats(-180, 180),
)
PLACES = st.floats(-0.5, 1.5)


@given(POSES, PLACES, PLACES)
def test_a_place_goes_to_the_view_and_back(
    frame: LegendPose, x: float, y: float
) -> None:
    there = frame.to_view(x, y)
    assert frame.to_crop(*there) == pytest.approx((x, y), abs=1e-9)


@given(POSES, POSES)
def test_a_frame_goes_to_the_view_of_another_and_back(
    frame: LegendPose, window: LegendPose
) -> None:
    back = frame.relative_to(window).compose(window)
    assert (back.centre_x, back.centre_y, back.radius) == pytest.approx(
        (frame.centre_x, frame.centre_y, frame.radius), abs=1e-9
    )
    off = (back.turn_deg - frame.turn_deg + 180) % 360 - 180
    assert off == pytest.approx(0, abs=1e-9)


@given(POSES, st.floats(0, 1), st.floats(0, 1))
def test_the_matrix_says_the_same_as_the_frame(
    frame: LegendPose, u: float, v: float
) -> None:
    crop_px, view_px = 160, 128
    pixel = frame.matrix(crop_px, view_px) @ (u * view_px - 0.5, v * view_px - 0.5, 1)
    x, y = frame.to_crop(u, v)
    assert pixel + 0.5 == pytest.approx((x * crop_px, y * crop_px), abs=1e-6)


@pytest.mark.parametrize("turn_deg", [0.0, 90.0, 180.0, -37.0])
@pytest.mark.parametrize("size_px", [160, 640])
def test_a_view_shows_a_turned_legend_upright(turn_deg: float, size_px: int) -> None:
    frame = LegendPose(centre_x=0.45, centre_y=0.55, radius=0.25, turn_deg=turn_deg)
    crop = np.zeros((size_px, size_px, 3), np.uint8)
    # a mark where the legend's first line begins: at its top, on the right
    x, y = (round(at * size_px) for at in frame.to_crop(0.75, 0.2))
    half = size_px // 40
    crop[y - half : y + half, x - half : x + half] = 255
    view = warp_to_legend(crop[None], [frame], 128)[0, :, :, 0]
    row, column = np.unravel_index(int(view.argmax()), view.shape)
    assert (column / 128, row / 128) == pytest.approx((0.75, 0.2), abs=0.06)


def test_a_map_of_the_view_lies_on_the_crop_where_it_was_seen() -> None:
    frame = LegendPose(centre_x=0.4, centre_y=0.5, radius=0.2, turn_deg=30)
    seen = np.zeros((64, 64), np.float32)
    seen[14:18, 46:50] = 1
    laid = warp_to_crop(seen, frame, 160)
    row, column = np.unravel_index(int(laid.argmax()), laid.shape)
    x, y = frame.to_crop(48 / 64, 16 / 64)
    assert (column / 160, row / 160) == pytest.approx((x, y), abs=0.02)
    assert laid[0, 0] == 0  # beyond the view nothing was seen


@pytest.mark.parametrize("wrong", [{"radius": 0}, {"turn_deg": math.nan}])
def test_impossible_poses_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        LegendPose(**wrong)


def test_a_rendered_coin_knows_the_circle_that_holds_its_letters() -> None:
    for index in range(12):
        coin = render_coin(4, index, size_px=128)
        assert coin.legend_pose is not None
        assert coin.legend_pose.turn_deg == pytest.approx(coin.turn_deg)
        inside = 0
        for letter in coin.letters:
            u, v = coin.legend_pose.to_view(
                (letter.left + letter.right) / 2, (letter.top + letter.bottom) / 2
            )
            inside += 0 < u < 1 and 0 < v < 1
        assert inside == len(coin.letters)
    assert render_coin(4, 0, size_px=128, kind="cornucopia").legend_pose is None
    assert VIEW_MARGIN > 1
