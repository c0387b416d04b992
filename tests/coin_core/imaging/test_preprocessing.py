"""Preparing crops: shape, light, and what is refused."""

import math
import subprocess
import sys

import cv2
import numpy as np
import pytest

from coin_core.errors import CropOutOfBoundsError
from coin_core.imaging.preprocessing import (
    LegendPose,
    Preprocessing,
    RotatedBox,
    centred_pose,
    crop_matrix,
    crop_to_flan,
    halvings,
    prepare,
    shrink_by_halves,
    standardize,
    warp_to_legend,
)


def _crops(count: int = 2, size: int = 160) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [48, 128, 160, 333])
def test_any_crop_becomes_input_of_one_size(size: int) -> None:
    out = prepare(_crops(2, size), Preprocessing(size_px=96))
    assert out.shape == (2, 3, 96, 96)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()


def test_brightness_and_contrast_do_not_matter() -> None:
    crop = (_crops(1) // 4 + 60).astype(np.uint8)
    brighter = (crop.astype(int) + 40).astype(np.uint8)
    settings = Preprocessing()
    assert np.allclose(prepare(crop, settings), prepare(brighter, settings), atol=0.05)


def test_a_blank_crop_is_no_number_trouble() -> None:
    out = prepare(np.zeros((1, 64, 64, 3), np.uint8), Preprocessing())
    assert np.isfinite(out).all()


def test_inputs_are_standardized_as_in_training() -> None:
    import torch

    settings = Preprocessing(framed=True)
    crops = np.random.default_rng(5).integers(0, 256, (3, 90, 90, 3)).astype(np.uint8)
    crops[1] //= 4
    crops[2] = 77
    poses = [LegendPose(radius=0.3, turn_deg=turn) for turn in (0.0, 20.0, 180.0)]
    views = warp_to_legend(crops, poses, settings.size_px)
    images = torch.from_numpy(views).permute(0, 3, 1, 2).float()
    expected = standardize(images, settings).numpy()
    assert np.abs(prepare(crops, settings, poses) - expected).max() < 1e-5


def test_the_crops_are_left_as_they_were() -> None:
    crops = _crops()
    before = crops.copy()
    prepare(crops, Preprocessing())
    assert np.array_equal(crops, before)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((2, 64, 64), np.uint8),
        np.zeros((2, 64, 32, 3), np.uint8),
        np.zeros((2, 64, 64, 3), np.float32),
    ],
)
def test_other_arrays_are_refused(crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="crops must be uint8"):
        prepare(crops, Preprocessing())


@pytest.mark.parametrize(
    "setting", [{"size_px": 100}, {"size_px": 8}, {"zoom": 0}, {"clip": -1}]
)
def test_impossible_settings_are_refused(setting: dict) -> None:
    with pytest.raises(ValueError, match=r"must be|out of range"):
        Preprocessing(**setting)


def test_settings_travel_in_a_card() -> None:
    settings = Preprocessing(size_px=96, zoom=0.7)
    assert Preprocessing.from_dict(settings.as_dict()) == settings
    with pytest.raises(ValueError, match="damaged"):
        Preprocessing.from_dict({"size_px": 96})


def test_a_card_from_before_frames_means_the_middle_of_the_flan() -> None:
    values = Preprocessing(zoom=0.7).as_dict()
    del values["framed"]
    assert Preprocessing.from_dict(values) == Preprocessing(zoom=0.7, framed=False)


def test_the_frame_of_a_zoomed_input_is_its_central_share() -> None:
    frame = centred_pose(Preprocessing(zoom=0.8))
    assert frame.to_crop(0.5, 0.5) == pytest.approx((0.5, 0.5))
    assert frame.to_crop(0.0, 1.0) == pytest.approx((0.1, 0.9))


def test_framed_input_shows_the_legend_and_not_the_middle() -> None:
    crop = np.full((160, 160, 3), 90, np.uint8)
    crop[40:60, 100:120] = 220  # an upright square, right above the middle
    frame = LegendPose(centre_x=110 / 160, centre_y=50 / 160, radius=0.1)
    settings = Preprocessing(size_px=64, framed=True)
    out = prepare(crop[None], settings, [frame])[0, 0]
    assert out[32, 32] > 1
    assert out[2, 2] < 0
    assert out[32 - 3 : 32 + 4, 32 - 3 : 32 + 4].std() < 0.01


def test_framed_input_needs_poses_from_outside() -> None:
    with pytest.raises(ValueError, match="poses"):
        prepare(_crops(1), Preprocessing(framed=True))


def test_preprocessing_imports_no_detection() -> None:
    code = (
        "import sys, coin_core.imaging.preprocessing;"
        "print([m for m in sys.modules if m.startswith('coin_core.detection')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "box",
    [
        (0.5, 0.1, 0.5, 0.9),
        (0.6, 0.1, 0.5, 0.9),
        (-0.01, 0.1, 0.5, 0.9),
        (0.1, 0.1, 0.5, 1.01),
        (math.nan, 0.1, 0.5, 0.9),
    ],
)
def test_a_box_that_leaves_the_photo_is_refused(box):
    left, top, right, bottom = box
    with pytest.raises(CropOutOfBoundsError):
        RotatedBox(left=left, top=top, right=right, bottom=bottom)


@pytest.mark.parametrize("turn", [90.0, -90.0, 37.0, 180.0])
def test_a_crop_turns_clockwise(turn):
    photo = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(photo, (100, 60), 8, (255, 255, 255), cv2.FILLED)
    box = RotatedBox(left=0.2, top=0.2, right=0.8, bottom=0.8, turn_deg=turn)
    crop = crop_to_flan(photo, box, 125)
    y, x = np.argwhere(crop[:, :, 0] > 128).mean(axis=0)
    reach = 40 * 125 / (120 * 1.04)
    angle = math.radians(turn)
    assert x == pytest.approx(62 + reach * math.sin(angle), abs=1.5)
    assert y == pytest.approx(62 - reach * math.cos(angle), abs=1.5)


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, -90.0, 170.0])
def test_the_matrix_of_a_crop_leads_back_to_the_photo(turn_deg: float) -> None:
    photo = np.full((300, 500, 3), 20, np.uint8)
    photo[118:123, 218:223] = 255
    box = RotatedBox(left=0.3, top=0.2, right=0.7, bottom=0.9, turn_deg=turn_deg)
    crop = crop_to_flan(photo, box, 200)
    y, x = (np.argwhere(crop[..., 0] > 120).mean(axis=0) + 0.5) / 200
    at = crop_matrix(box, 500, 300) @ np.array([x, y, 1.0])
    assert at == pytest.approx([220.5, 120.5], abs=1.0)


@pytest.mark.parametrize("size_px", [64, 160])
@pytest.mark.parametrize("edge", [0.02, 0.27, 0.41], ids=["whole", "half", "small"])
@pytest.mark.parametrize("turn", [0.0, 30.0])
def test_a_large_photo_gives_the_crop_of_its_reduced_copy(
    size_px: int, edge: float, turn: float
) -> None:
    rng = np.random.default_rng(1)
    rough = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    large = cv2.resize(rough, (2203, 2203), interpolation=cv2.INTER_CUBIC)
    reduced = cv2.resize(large, (880, 880), interpolation=cv2.INTER_AREA)
    box = RotatedBox(left=edge, top=edge, right=0.98, bottom=0.98, turn_deg=turn)
    crops = [crop_to_flan(photo, box, size_px) for photo in (large, reduced)]
    # Both show the same place to a fraction of a pixel.
    (dx, dy), _ = cv2.phaseCorrelate(
        *(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float64) for crop in crops)
    )
    assert max(abs(dx), abs(dy)) < 0.3
    assert np.abs(crops[0].astype(float) - crops[1]).mean() < 5


@pytest.mark.parametrize(
    ("px", "least", "times"),
    [(480, 240, 1), (479, 240, 0), (4000, 240, 4), (100, 320, 0), (960, 240, 2)],
)
def test_photos_are_halved_while_they_stay_large_enough(
    px: int, least: int, times: int
) -> None:
    assert halvings(px, least) == times
    assert shrink_by_halves(np.zeros((px, 40), np.uint8), times).shape == (
        px >> times,
        40 >> times,
    )


def test_halves_are_means_and_no_side_vanishes() -> None:
    photo = _crops(1, 64)[0]
    means = photo.reshape(16, 4, 16, 4, 3).mean((1, 3))
    assert np.abs(shrink_by_halves(photo, 2) - means).max() <= 1
    assert shrink_by_halves(photo[:2], 5).shape == (1, 32, 3)


@pytest.mark.parametrize(("height", "width"), [(16, 4096), (4096, 17), (100, 1000)])
@pytest.mark.parametrize("size_px", [64, 160])
def test_a_crop_of_a_thin_photo_has_the_background_beside_it(
    height: int, width: int, size_px: int
) -> None:
    photo = np.full((height, width, 3), (200, 180, 160), np.uint8)
    photo[height // 4 : -height // 4, width // 4 : -width // 4] = 30
    whole = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
    crop = crop_to_flan(photo, whole, size_px)
    assert crop.shape == (size_px, size_px, 3)
    assert crop[0, 0].tolist() == crop[-1, -1].tolist() == [200, 180, 160]
    if height == 100:  # of thinner ones, nothing may be left
        assert crop[size_px // 2, size_px // 2].max() < 120
