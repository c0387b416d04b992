"""Where the coins lie: the finder net says what is a coin, plain ground how far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import nn

from coin_core.detection.nets import FINDER_PX, STRIDE, finder_maps
from coin_core.detection.plain_background import Box, find_on_plain_ground

if TYPE_CHECKING:
    from torch import nn

_TINY_PX = 16
_CRUMB = 0.35  # of the largest coin: less than any two denominations differ
_SPECK = 0.06  # of the photo's longer side
_SAME = 0.85  # overlap of a coin by the net and by its colour
_OTHER = 0.3  # less is another coin, which the net has not seen


def find_boxes(photo: NDArray[np.uint8], net: nn.Module | None = None) -> list[Box]:
    """Boxes of the coins in px of the photo, in no order."""
    if min(photo.shape[:2]) < _TINY_PX:
        return []
    from coin_core.detection.coin_detector import find_by_net, iou

    boxes = find_by_net(photo, net)
    for exact in find_on_plain_ground(photo) or []:
        shares = [iou(exact, box) for box in boxes]
        best = int(np.argmax(shares)) if shares else 0
        if not shares or shares[best] < _OTHER:
            boxes.append(exact)
        elif shares[best] > _SAME:
            boxes[best] = exact
    return _without_crumbs(boxes, max(photo.shape[:2]))


def _without_crumbs(boxes: list[Box], long_px: int) -> list[Box]:
    """What is far smaller than the largest coin is a pebble, a seed, a letter."""
    sizes = [max(box[2] - box[0], box[3] - box[1]) for box in boxes]
    least = max(_CRUMB * max(sizes, default=0.0), _SPECK * long_px)
    return [box for box, size in zip(boxes, sizes, strict=True) if size >= least]


ZOOM_PX = 96
ZOOM = 1.35  # side of the second look over the longer edge of the first box
FRAME_PX = 4  # grey round the photo, so that a coin cut off by it still has an edge
FRAME_GREY = 128
_SURE = 0.5
_LARGE = 0.4  # of the photo's longer side
_MAX_LOOKS = 32
_LOOKS = 3  # rounds of closer looks, the later for boxes that still moved
_SURE_COIN = 0.75
_FINER = 4


@dataclass(frozen=True, slots=True)
class Region:
    """A coin's box and how sure the net is of its core, 0..1."""

    box: Box
    score: float


def find_by_net(photo: NDArray[np.uint8], net: nn.Module | None = None) -> list[Box]:
    """Boxes in px of the photo: looks at the whole, then closer ones at each coin."""
    height, width = photo.shape[:2]
    long_px = max(height, width)
    seen = _look(photo, FINDER_PX, net)
    largest = max((_longer(region.box) for region in seen), default=0.0)
    if largest < _LARGE * long_px and long_px > FINDER_PX * 1.25:
        # small coins merge or vanish in the small view
        seen += _look(photo, 2 * FINDER_PX, net)
    seen = _best_apart(seen, 0.6)[:_MAX_LOOKS]
    found: list[Region] = []
    for _ in range(_LOOKS):
        again: list[Region] = []
        for before, after in zip(seen, _look_at_each(photo, seen, net), strict=True):
            if after is None:
                continue
            settled = iou(before.box, after.box) > 0.9
            (found if settled else again).append(after)
        seen = _best_apart(again, 0.6)
        if not seen:
            break
    sure = [region for region in found + seen if region.score > _SURE_COIN]
    boxes = [region.box for region in _best_apart(sure, 0.4)]
    return [
        (max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1))
        for x0, y0, x1, y1 in boxes
    ]


def _longer(box: Box) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _best_apart(regions: list[Region], limit: float) -> list[Region]:
    """The surest regions; none covers another, or the half of a smaller one."""
    kept: list[Region] = []
    for region in sorted(regions, key=lambda region: -region.score):
        if all(
            iou(region.box, other.box) < limit
            and _share_inside(region.box, other.box) < max(0.6, limit)
            for other in kept
        ):
            kept.append(region)
    return kept


def _share_inside(a: Box, b: Box) -> float:
    """The share of the smaller box that lies in the other."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return max(0.0, wide) * max(0.0, high) / smaller


def _look(
    photo: NDArray[np.uint8], long_px: int, net: nn.Module | None
) -> list[Region]:
    view, scale, _ = frame_whole(photo, long_px)
    corner = (-FRAME_PX / scale, -FRAME_PX / scale)
    maps = finder_maps(view[None], net)[0]
    return [_from_view(region, 1 / scale, corner) for region in cut_regions(maps)]


def _look_at_each(
    photo: NDArray[np.uint8], regions: list[Region], net: nn.Module | None
) -> list[Region | None]:
    """Each region as a closer look shows it, None where there is no coin after all."""
    if not regions:
        return []
    views = [zoom_crop(photo, region.box) for region in regions]
    every = finder_maps(np.stack([view[0] for view in views]), net)
    out: list[Region | None] = []
    for first, maps, (_, scale, origin, _) in zip(regions, every, views, strict=True):
        seen = [_from_view(region, 1 / scale, origin) for region in cut_regions(maps)]
        best = max(seen, key=lambda one: iou(one.box, first.box), default=None)
        if best is None or iou(best.box, first.box) < 0.3:
            out.append(None)
        else:
            out.append(_whole(best, first.box, photo.shape[:2]))
    return out


def _whole(region: Region, looked_at: Box, shape: tuple[int, int]) -> Region:
    """The region, made larger where it runs out of the view it was seen in."""
    reach = ZOOM / 2 * _longer(looked_at)
    x = (looked_at[0] + looked_at[2]) / 2
    y = (looked_at[1] + looked_at[3]) / 2
    height, width = shape
    x0, y0, x1, y1 = region.box
    close, more = 0.04 * reach, 0.6 * reach
    return Region(
        (
            x0 - more if x0 < x - reach + close and x0 > close else x0,
            y0 - more if y0 < y - reach + close and y0 > close else y0,
            x1 + more if x1 > x + reach - close and x1 < width - close else x1,
            y1 + more if y1 > y + reach - close and y1 < height - close else y1,
        ),
        region.score,
    )


def frame_whole(
    photo: NDArray[np.uint8],
    long_px: int = FINDER_PX,
    *,
    square: bool = False,
    owners: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.uint8], float, NDArray[np.uint8]]:
    """The photo reduced into a grey frame whose sides are multiples of 32.

    Args:
        photo: RGB, uint8 (H, W, 3).
        long_px: Longer side of the view, frame included.
        square: Pad to a square, as batches for training need it.
        owners: The truth (H, W) of the same photo, reduced alike.

    Returns:
        The view, its px per px of the photo, and the owners in the view (zeros
        without any). The photo starts `FRAME_PX` in.
    """
    height, width = photo.shape[:2]
    scale = (long_px - 2 * FRAME_PX) / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    sides = [long_px, long_px] if square else [n + 2 * FRAME_PX for n in size[::-1]]
    rows, columns = (math.ceil(n / 32) * 32 for n in sides)
    at = (FRAME_PX, FRAME_PX)
    view = np.full((rows, columns, 3), FRAME_GREY, np.uint8)
    _lay(view, photo, size, at)
    truth = np.zeros((rows, columns), np.uint8)
    if owners is not None:
        _lay(truth, owners, size, at)
    return view, scale, truth


def zoom_crop(
    photo: NDArray[np.uint8], box: Box, owners: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.uint8], float, tuple[float, float], NDArray[np.uint8]]:
    """A square around a box at `ZOOM_PX`, grey outside the photo.

    Returns:
        The view, its px per px of the photo, the photo's px at its corner, and the
        owners in the view (zeros without any).
    """
    left, top, right, bottom = box
    side = max(4, math.ceil(ZOOM * max(right - left, bottom - top)))
    x0 = math.floor((left + right - side) / 2)
    y0 = math.floor((top + bottom - side) / 2)
    height, width = photo.shape[:2]
    inside = (
        slice(max(y0, 0), min(y0 + side, height)),
        slice(max(x0, 0), min(x0 + side, width)),
    )
    scale = ZOOM_PX / side
    at = (round((inside[1].start - x0) * scale), round((inside[0].start - y0) * scale))
    size = (
        max(1, min(ZOOM_PX - at[0], round((inside[1].stop - inside[1].start) * scale))),
        max(1, min(ZOOM_PX - at[1], round((inside[0].stop - inside[0].start) * scale))),
    )
    view = np.full((ZOOM_PX, ZOOM_PX, 3), FRAME_GREY, np.uint8)
    _lay(view, photo[inside], size, at)
    truth = np.zeros((ZOOM_PX, ZOOM_PX), np.uint8)
    if owners is not None:
        _lay(truth, owners[inside], size, at)
    return view, scale, (float(x0), float(y0)), truth


def _lay(
    view: NDArray[np.uint8],
    part: NDArray[np.uint8],
    size: tuple[int, int],
    at: tuple[int, int],
) -> None:
    """Scale a part of a photo, or of its owners, and lay it into a view."""
    if part.ndim == 2:
        way = cv2.INTER_NEAREST_EXACT
    else:
        way = cv2.INTER_AREA if size[0] < part.shape[1] else cv2.INTER_LINEAR
    x, y = at
    scaled = cv2.resize(part, size, interpolation=way)
    view[y : y + size[1], x : x + size[0]] = scaled


def _from_view(region: Region, scale: float, origin: tuple[float, float]) -> Region:
    x, y = origin
    x0, y0, x1, y1 = region.box
    box = (x + x0 * scale, y + y0 * scale, x + x1 * scale, y + y1 * scale)
    return Region(box, region.score)


def cut_regions(maps: NDArray[np.float32]) -> list[Region]:
    """Coins, boxes in px of the view, from maps (2, H/2, W/2) of flan and core.

    Each patch of core is a coin; each flan pixel goes to the core it is nearest to,
    measured in that core's radii, so that large coins keep their wide rims.
    """
    flan, core = maps
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        np.asarray(core > _SURE, np.uint8), connectivity=4
    )
    seeds = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= 4]
    seeds = [k for k in seeds if float(core[labels == k].max()) > 0.7]
    if not seeds:
        return []
    distances = []
    for k in seeds:
        away = cv2.distanceTransform(np.asarray(labels != k, np.uint8), cv2.DIST_L2, 5)
        distances.append(away / math.sqrt(stats[k, cv2.CC_STAT_AREA] / math.pi))
    stacked = np.stack(distances)
    owner = stacked.argmin(axis=0)
    # nothing lies farther from its core than about the core's own width
    near = stacked.min(axis=0) < 1.6
    regions = []
    for number, k in enumerate(seeds):
        own = np.where((owner == number) & near, flan, 0).astype(np.float32)
        box = _soft_box(own, labels == k)
        if box is not None:
            regions.append(Region(box, float(core[labels == k].mean())))
    return regions


def _soft_box(own: NDArray[np.float32], seed: NDArray[np.bool_]) -> Box | None:
    """The box of the part above one half that holds the seed, in px of the view."""
    height, width = own.shape
    fine = cv2.resize(
        own, (width * _FINER, height * _FINER), interpolation=cv2.INTER_LINEAR
    )
    mask = np.asarray(fine > _SURE, np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return None
    rows, columns = np.nonzero(seed)
    hits = labels[rows * _FINER + _FINER // 2, columns * _FINER + _FINER // 2]
    hits = hits[hits > 0]
    if not len(hits):
        return None
    best = int(np.bincount(hits).argmax())
    x, y, w, h = (int(v) for v in stats[best, :4])
    unit = STRIDE / _FINER
    if min(w, h) * unit < 4:
        return None
    return x * unit, y * unit, (x + w) * unit, (y + h) * unit


def iou(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return both / (whole - both)
