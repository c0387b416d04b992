import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from coin_core import detection
from coin_core.detection import (
    detect_on_plain_background,
    iou,
    segment,
    split_regions,
    zoom_crop,
)
from coin_core.imaging.preprocessing import RotatedBox, crop_to_flan
from coin_core.model_store.bundle import WEIGHTS_DIR
from coin_core.rendering.backgrounds import draw_background
from coin_core.rendering.clutter import paste
from coin_core.rendering.coins import render_coin
from coin_core.results import MAX_COINS, DetectedFace, Side


def lay_discs(ground, discs, size=(240, 320)):
    """Round flans with a rough surface: (x, y, radius) in px."""
    photo = np.full((*size, 3), ground, np.uint8)
    rng = np.random.default_rng(0)
    grain = rng.integers(60, 130, (*size, 1)).astype(np.uint8).repeat(3, axis=2)
    cover = np.zeros(size, np.uint8)
    for x, y, radius in discs:
        cv2.circle(cover, (x, y), radius, 1, cv2.FILLED)
    return np.where(cover[:, :, None] > 0, grain, photo)


def edges(box):
    return box.left, box.top, box.right, box.bottom


@pytest.mark.parametrize("ground", [255, 0, 200])
@pytest.mark.parametrize(
    "discs",
    [
        [(160, 120, 70)],
        [(160, 120, 119)],
        [(80, 120, 60), (240, 120, 62)],
        [(50, 60, 30), (150, 60, 34), (250, 60, 30), (60, 180, 33), (200, 180, 35)],
    ],
)
def test_coins_on_plain_ground_are_found_in_reading_order(ground, discs):
    found = detection.detect_coins(lay_discs(ground, discs))
    assert len(found) == len(discs)
    for box, (x, y, r) in zip(found, discs, strict=True):
        truth = ((x - r) / 320, (y - r) / 240, (x + r) / 320, (y + r) / 240)
        assert iou(edges(box), truth) > 0.9


@pytest.mark.parametrize("size", [(480, 640), (901, 1203), (2400, 3200)])
def test_colour_finds_a_coin_to_the_hundredth_however_large_its_photo(size):
    height, width = size
    x, y, r = round(0.45 * width), round(0.5 * height), round(0.4 * height)
    photo = lay_discs(255, [(x, y, r)], size)
    (box,) = detect_on_plain_background(photo)
    assert box == pytest.approx((x - r, y - r, x + r, y + r), abs=0.01 * width)


@pytest.mark.parametrize("shape", [(3, 3), (1, 1), (1, 400), (400, 2)])
def test_a_photo_of_next_to_nothing_holds_no_coin(shape):
    assert detection.detect_coins(np.zeros((*shape, 3), np.uint8)) == ()


def test_pebbles_beside_a_coin_are_no_coins():
    photo = lay_discs(255, [(160, 120, 70), (40, 40, 18), (290, 200, 12)])
    assert len(detection.detect_coins(photo)) == 1


def test_a_card_on_plain_ground_is_not_trusted_to_colour():
    photo = np.full((200, 300, 3), 255, np.uint8)
    photo[50:150, 60:200] = 90
    assert detect_on_plain_background(photo) is None


def test_touching_coins_are_left_to_the_net():
    photo = lay_discs(255, [(100, 120, 60), (218, 120, 60)])
    assert detect_on_plain_background(photo) is None


def test_touching_coins_are_cut_apart_where_their_cores_are():
    maps = np.zeros((2, 64, 64), np.float32)
    for x, r in ((20, 14), (46, 12)):
        cv2.circle(maps[0], (x, 32), r, 1.0, cv2.FILLED)
        cv2.circle(maps[1], (x, 32), r // 2, 1.0, cv2.FILLED)
    boxes = sorted(region.box for region in split_regions(maps))
    assert len(boxes) == 2
    assert iou(boxes[0], (12, 36, 70, 94)) > 0.85
    assert iou(boxes[1], (68, 40, 118, 90)) > 0.85


@pytest.mark.parametrize(
    ("by_net", "by_colour", "found"),
    [
        ([(10, 10, 91, 90)], [(10, 10, 90, 90)], [(10, 10, 90, 90)]),
        # a shadow belongs to the coin by its colour alone
        ([(10, 10, 90, 90)], [(10, 10, 110, 90)], [(10, 10, 90, 90)]),
        # a dark coin on black
        ([(10, 10, 90, 90), (110, 10, 190, 90)], [(10, 10, 90, 90)], None),
        ([], [(10, 10, 90, 90)], [(10, 10, 90, 90)]),
        ([(10, 10, 90, 90)], None, [(10, 10, 90, 90)]),
    ],
)
def test_the_net_says_what_is_a_coin_and_colour_how_far(
    monkeypatch, by_net, by_colour, found
):
    monkeypatch.setattr(
        detection, "detect_by_network", lambda photos, net: [list(by_net)]
    )
    monkeypatch.setattr(detection, "detect_on_plain_background", lambda _: by_colour)
    (boxes,) = detection.detect_boxes([np.zeros((200, 200, 3), np.uint8)])
    assert boxes == (by_net if found is None else found)


def test_the_finder_sees_a_photo_and_its_mirror_images_alike():
    class SeesOneCorner(nn.Module):
        def forward(self, photos):
            maps = torch.full((len(photos), 2, 16, 16), -50.0)
            maps[..., :8, :8] = 50.0
            return maps

    (maps,) = segment(np.zeros((1, 32, 32, 3), np.uint8), SeesOneCorner())
    assert maps == pytest.approx(0.25)


def test_no_more_coins_are_given_than_a_person_would_look_at():
    discs = [(25 + 45 * (k % 6), 25 + 45 * (k // 6), 18) for k in range(30)]
    assert len(detection.detect_coins(lay_discs(255, discs))) == MAX_COINS


def test_maps_without_a_core_hold_no_coin():
    maps = np.zeros((2, 32, 32), np.float32)
    maps[0] = 1
    assert split_regions(maps) == []


def test_a_closer_look_knows_where_it_looks():
    photo = lay_discs(255, [(20, 120, 60)])
    view, scale, (x, y), _ = zoom_crop(photo, (0, 60, 80, 180))
    assert view.shape == (96, 96, 3)
    assert (view[:, 0] == 128).all()  # outside the photo
    assert -x * scale == pytest.approx(24, abs=2)
    assert y * scale + 48 == pytest.approx(120 * scale, abs=2)


@pytest.mark.parametrize("size_px", [32, 96, 300])
def test_a_crop_is_square_and_centred(size_px):
    photo = lay_discs(0, [(200, 100, 50)])
    photo[photo > 0] = 200
    box = RotatedBox(left=150 / 320, top=50 / 240, right=250 / 320, bottom=150 / 240)
    crop = crop_to_flan(photo, box, size_px)
    assert crop.shape == (size_px, size_px, 3)
    assert crop.dtype == np.uint8
    mask = crop[:, :, 0] > 100
    assert mask.mean() == pytest.approx(math.pi / 4 / 1.04**2, abs=0.03)
    assert np.argwhere(mask).mean(axis=0) == pytest.approx(
        [(size_px - 1) / 2] * 2, abs=size_px * 0.012
    )


def test_a_crop_beyond_the_photo_takes_the_colour_of_its_corners():
    photo = lay_discs(255, [(160, 120, 119)])
    box = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
    crop = crop_to_flan(photo, box, 64)
    assert (crop[:4] > 250).all()
    assert (crop[-4:] > 250).all()


def test_the_surest_legend_side_is_the_one():
    box = RotatedBox(left=0.1, top=0.1, right=0.4, bottom=0.9)
    sides = [(Side.CORNUCOPIA, 0.99), (Side.LEGEND, 0.6), (Side.LEGEND, 0.8)]
    judged = [DetectedFace(box=box, side=side, confidence=p) for side, p in sides]
    assert detection.legend_side(judged) == 2
    assert detection.legend_side(judged[:1]) is None
    assert detection.legend_side([]) is None


@pytest.mark.parametrize(
    ("classes", "with_legend", "without"),
    [
        (("john_hyrcanus_i", "alexander_jannaeus"), 1, 2),
        (("herod", "philip"), 0, 0),
        (("herod", "john_hyrcanus_i"), 1, 0),
    ],
)
def test_rulers_are_read_on_the_legend_side_and_other_coins_on_the_first(
    classes, with_legend, without
):
    boxes = [
        RotatedBox(left=left, top=0.1, right=left + width, bottom=0.1 + width)
        for left, width in ((0.0, 0.2), (0.3, 0.2), (0.6, 0.3))
    ]
    other, legend, third = (
        DetectedFace(box=box, side=side, confidence=0.9)
        for box, side in zip(boxes, (Side.OTHER, Side.LEGEND, Side.OTHER), strict=True)
    )
    assert detection.face_to_read((other, legend, third), classes) == with_legend
    unknown = replace(legend, side=Side.OTHER)
    assert detection.face_to_read((other, unknown, third), classes) == without
    assert detection.face_to_read((), classes) is None


def test_no_boxes_need_no_net():
    assert detection.classify_sides(np.zeros((40, 40, 3), np.uint8), []) == ()


@pytest.mark.skipif(
    not (WEIGHTS_DIR / "sides" / "card.json").exists(), reason="no weights are shipped"
)
def test_the_shipped_net_tells_struck_sides_apart():
    kinds = ["legend", "cornucopia", "star_anchor", "other"] * 4
    whole = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
    right = 0
    for number, kind in enumerate(kinds):
        coin = render_coin(321, number, size_px=128, kind=kind, wear=0.3)
        (face,) = detection.classify_sides(coin.image, [whole])
        assert 0 <= face.confidence <= 1
        right += face.side.value == kind
    assert right >= 13


@pytest.mark.skipif(
    not (WEIGHTS_DIR / "faces" / "card.json").exists(), reason="no weights are shipped"
)
def test_the_shipped_finder_cuts_touching_coins_apart():
    coins = [render_coin(9, k, size_px=160, wear=0.2) for k in range(2)]
    ground = draw_background(np.random.default_rng(2), 360, 200, "cloth")
    truth = []
    for number, coin in enumerate(coins):
        middle = (95 + 165 * number, 100)
        paste(ground, coin.image, coin.mask, middle)
        left, top, right, bottom = coin.flan_box
        x, y = middle[0] - 80, middle[1] - 80
        truth.append((x + left * 160, y + top * 160, x + right * 160, y + bottom * 160))
    found = [
        (box.left * 360, box.top * 200, box.right * 360, box.bottom * 200)
        for box in detection.detect_coins(ground)
    ]
    assert len(found) == 2
    for box, other in zip(found, truth, strict=True):
        assert iou(box, other) > 0.8


@pytest.mark.parametrize("left", [30, -8], ids=["whole", "cut off by the edge"])
def test_a_coin_on_plain_ground_is_not_zoomed_in_on_and_has_the_same_box(
    monkeypatch, left
):
    coin = render_coin(77, 1, size_px=200, wear=0.1)
    page = np.full((260, 276, 3), 255, np.uint8)
    first = 8 + left
    page[30:230, first : first + 200][coin.mask > 127] = coin.image[coin.mask > 127]
    page = page[:, 8:268]
    rounds: list[int] = []
    refine = detection._refine

    def count(*args):
        rounds.append(1)
        return refine(*args)

    monkeypatch.setattr(detection, "_refine", count)
    (at_a_glance,) = detection.detect_boxes([page])
    assert rounds == []
    monkeypatch.setattr(detection, "_agree", lambda *_: False)
    (zoomed_in,) = detection.detect_boxes([page])
    assert rounds
    assert at_a_glance == zoomed_in


@pytest.mark.parametrize(
    ("size_px", "looks"), [(210, 0), (130, 1)], ids=["large", "small"]
)
def test_a_large_coin_whose_side_is_beyond_doubt_needs_no_network_for_its_box(
    monkeypatch, size_px, looks
):
    coin = render_coin(77, 1, size_px=size_px, wear=0.1)
    page = np.full((260, 260, 3), 255, np.uint8)
    first = (260 - size_px) // 2
    place = page[first : first + size_px, first : first + size_px]
    place[coin.mask > 127] = coin.image[coin.mask > 127]
    looked: list[int] = []
    whole = detection._detect_in_whole

    def count(photos, *args):
        looked.extend([1] * len(photos))
        return whole(photos, *args)

    monkeypatch.setattr(detection, "_detect_in_whole", count)
    (found,) = detection.find_coins([page])
    assert len(looked) == looks
    assert found.faces[0].side is Side.LEGEND
    assert found.faces[0].confidence > 0.9
    monkeypatch.setattr(detection, "_ALONE", 2.0)
    assert detection.find_coins([page])[0].faces == found.faces
    assert len(looked) == looks + 1
