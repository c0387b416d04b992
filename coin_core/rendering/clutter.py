"""Things beside coins in photos: scale bars, rulers, labels, cards, pebbles."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.backgrounds import Picture

Colour = tuple[float, float, float]


def overlap(
    whole: tuple[int, ...], part: tuple[int, ...], centre: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a part with its centre at (x, y) overlaps a whole.

    Args:
        whole: Shape of the whole, (H, W, ...).
        part: Shape of the part.
        centre: Column and row in the whole of the part's centre.

    Returns:
        Rows and columns of the overlap in the whole, and in the part; empty slices if
        there is none.
    """
    left, top = centre[0] - part[1] // 2, centre[1] - part[0] // 2
    rows = slice(max(top, 0), max(top, 0, min(top + part[0], whole[0])))
    columns = slice(max(left, 0), max(left, 0, min(left + part[1], whole[1])))
    return (rows, columns), (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )


def paste(
    picture: Picture,
    part: Picture,
    cover: NDArray[np.uint8],
    centre: tuple[int, int],
) -> None:
    """Blend a part into a picture, in place.

    Args:
        picture: uint8 (H, W, 3).
        part: uint8 (h, w, 3); what is outside the picture is cut off.
        cover: Opacity of the part, uint8 (h, w), 255 for opaque.
        centre: Column and row in the picture of the part's centre.
    """
    there, here = overlap(picture.shape, part.shape, centre)
    opacity = cover[here].astype(np.float32)[:, :, None] / np.float32(255)
    below = picture[there].astype(np.float32)
    blended = below + (part[here].astype(np.float32) - below) * opacity
    picture[there] = np.round(blended).astype(np.uint8)


def _paste_near_edge(
    rng: np.random.Generator,
    picture: Picture,
    part: Picture,
    angle_deg: float | None = None,
) -> None:
    """Paste a part near an edge, turned by an angle or about 0 or 90 degrees."""
    along, away = float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.02, 0.16))
    spots = ((along, away), (along, 1 - away), (away, along), (1 - away, along))
    x, y = spots[int(rng.integers(4))]
    centre = (int(x * picture.shape[1]), int(y * picture.shape[0]))
    if angle_deg is None:
        angle_deg = float(rng.choice([0, 90])) + float(rng.normal(0, 4))
    height, width = part.shape[:2]
    side = math.ceil(math.hypot(width, height))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1)
    turn[:, 2] += np.array([(side - width) / 2, (side - height) / 2])
    opaque = np.full((height, width), 255, np.uint8)
    turned, cover = (
        np.asarray(cv2.warpAffine(image, turn, (side, side)), np.uint8)
        for image in (part, opaque)
    )
    paste(picture, turned, cover, centre)


def _draw_colour(rng: np.random.Generator, low: float = 0, high: float = 255) -> Colour:
    r, g, b = (float(v) for v in rng.uniform(low, high, 3))
    return r, g, b


def _scale_bar(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    length = max(20, int(min(width, height) * rng.uniform(0.3, 0.9)))
    breadth = max(3, int(length * rng.uniform(0.03, 0.12)))
    bar = np.full((breadth, length, 3), 250, np.uint8)
    count = int(rng.integers(2, 11))
    for k in range(0, count, 2):
        bar[: breadth // 2, k * length // count : (k + 1) * length // count] = 10
        bar[breadth // 2 :, (k + 1) * length // count : (k + 2) * length // count] = 10
    _paste_near_edge(rng, picture, bar)


def _ruler(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    length = max(30, int(max(width, height) * rng.uniform(0.5, 1.3)))
    breadth = max(8, int(min(width, height) * rng.uniform(0.06, 0.14)))
    ruler = np.full((breadth, length, 3), _draw_colour(rng, 120, 255), np.uint8)
    step = max(3, int(length / rng.integers(20, 90)))
    ink = (20, 20, 20)
    for number, x in enumerate(range(2, length, step)):
        tick = breadth // 2 if number % 10 == 0 else breadth // 4
        cv2.line(ruler, (x, 0), (x, tick), ink, 1)
        if number % 10 == 0:
            text, at = str(number // 10), (x, breadth - 2)
            cv2.putText(ruler, text, at, 0, breadth / 60, ink, 1)
    _paste_near_edge(rng, picture, ruler)


def _label(rng: np.random.Generator, picture: Picture) -> None:
    """A find label, written by hand or printed."""
    height, width = picture.shape[:2]
    length = max(16, int(min(width, height) * rng.uniform(0.2, 0.5)))
    breadth = max(8, int(length * rng.uniform(0.3, 0.8)))
    label = np.full((breadth, length, 3), _draw_colour(rng, 200, 255), np.uint8)
    ink = _draw_colour(rng, 0, 110)
    rows = int(rng.integers(1, 4))
    for row in range(rows):
        y = (row + 1) * breadth / (rows + 0.7)
        if rng.random() < 0.6:  # by hand
            count = int(rng.integers(12, 40))
            xs = np.linspace(length * 0.08, length * rng.uniform(0.5, 0.92), count)
            ys = y + rng.normal(0, breadth / (rows * 6), count)
            line = np.stack((xs, ys), axis=1).round().astype(np.int32)
            thickness = max(1, breadth // 40)
            cv2.polylines(label, [line], False, ink, thickness, cv2.LINE_AA)
        else:
            text = "".join(str(int(k)) for k in rng.integers(0, 10, 6)) + " AE"
            at = (2, int(y))
            cv2.putText(label, text, at, 0, length / 230, ink, 1, cv2.LINE_AA)
    if rng.random() < 0.4:
        cv2.rectangle(label, (0, 0), (length - 1, breadth - 1), ink, 1)
    _paste_near_edge(rng, picture, label, float(rng.normal(0, 12)))


def _colour_card(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    cell = max(3, int(min(width, height) * rng.uniform(0.03, 0.08)))
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(3, 8))
    colours = rng.integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    card = np.ascontiguousarray(colours.repeat(cell, axis=0).repeat(cell, axis=1))
    _paste_near_edge(rng, picture, card)


def _pebbles(rng: np.random.Generator, picture: Picture) -> None:
    """Stones, crumbs and seeds, with more corners and less relief than coins."""
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(1, 8))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        r = max(2.0, min(width, height) * float(rng.uniform(0.005, 0.05)))
        angles = np.arange(9) * (2 * math.pi / 9)
        radii = r * rng.uniform(0.4, 1.2, 9)
        xs, ys = x + radii * np.cos(angles), y + radii * np.sin(angles)
        colour = _draw_colour(rng, 30, 230)
        shadow = tuple(0.6 * channel for channel in colour)
        shape = np.stack((xs, ys), axis=1).round().astype(np.int32)
        cv2.fillPoly(picture, [shape + max(1, int(r / 5))], shadow, cv2.LINE_AA)
        cv2.fillPoly(picture, [shape], colour, cv2.LINE_AA)


def _strokes(rng: np.random.Generator, picture: Picture) -> None:
    """Cables, pencils, twigs, scratches, drawn rings."""
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        thickness = max(1, int(min(width, height) * rng.uniform(0.003, 0.04)))
        points = rng.uniform(-0.1, 1.1, (4, 2)) * np.array([width, height])
        if rng.random() < 0.25:
            centre = (int(points[0, 0]), int(points[0, 1]))
            r = int(min(width, height) * rng.uniform(0.05, 0.3))
            thin = max(1, thickness // 3)
            cv2.circle(picture, centre, r, _draw_colour(rng), thin, cv2.LINE_AA)
        else:
            line = [points.round().astype(np.int32)]
            colour = _draw_colour(rng)
            cv2.polylines(picture, line, False, colour, thickness, cv2.LINE_AA)


_KINDS: tuple[Callable[[np.random.Generator, Picture], None], ...] = (
    _scale_bar,
    _ruler,
    _label,
    _label,
    _colour_card,
    _pebbles,
    _strokes,
)


def draw_clutter(rng: np.random.Generator, picture: Picture, count: int) -> None:
    """Draw `count` random things onto a picture, uint8 (H, W, 3), in place."""
    for _ in range(count):
        _KINDS[int(rng.integers(len(_KINDS)))](rng, picture)
