"""What lies beside coins in photos and is none: rulers, labels, cards, pebbles."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.backgrounds import Picture

Colour = tuple[float, float, float]


def _colour(rng: np.random.Generator, low: float = 0, high: float = 255) -> Colour:
    r, g, b = (float(v) for v in rng.uniform(low, high, 3))
    return r, g, b


def _turned(picture: Picture, part: Picture, at: tuple[int, int], angle: float) -> None:
    """Lay a small picture on a large one, turned, its middle at `at`."""
    height, width = part.shape[:2]
    reach = math.ceil(math.hypot(width, height))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    turn[:, 2] += np.array([(reach - width) / 2, (reach - height) / 2])
    laid = cv2.warpAffine(part, turn, (reach, reach))
    cover = cv2.warpAffine(
        np.full((height, width), 255, np.uint8), turn, (reach, reach)
    )
    paste(picture, np.asarray(laid, np.uint8), np.asarray(cover, np.uint8), at)


def paste(
    picture: Picture,
    part: Picture,
    cover: NDArray[np.uint8],
    at: tuple[int, int],
) -> None:
    """Lay `part` over `picture` where `cover` says, its middle at `at`."""
    height, width = part.shape[:2]
    x0, y0 = at[0] - width // 2, at[1] - height // 2
    xa, ya = max(x0, 0), max(y0, 0)
    xb = min(x0 + width, picture.shape[1])
    yb = min(y0 + height, picture.shape[0])
    if xa >= xb or ya >= yb:
        return
    inside = (slice(ya - y0, yb - y0), slice(xa - x0, xb - x0))
    share = cover[inside].astype(np.float32)[:, :, None] / np.float32(255)
    below = picture[ya:yb, xa:xb].astype(np.float32)
    mixed = below + (part[inside].astype(np.float32) - below) * share
    picture[ya:yb, xa:xb] = np.round(mixed).astype(np.uint8)


def _scale_bar(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    long = max(20, int(min(width, height) * rng.uniform(0.3, 0.9)))
    high = max(3, int(long * rng.uniform(0.03, 0.12)))
    bar = np.full((high, long, 3), 250, np.uint8)
    count = int(rng.integers(2, 11))
    for k in range(0, count, 2):
        bar[: high // 2, k * long // count : (k + 1) * long // count] = 10
        bar[high // 2 :, (k + 1) * long // count : (k + 2) * long // count] = 10
    _turned(picture, bar, _edge_spot(rng, width, height), _upright(rng))


def _ruler(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    long = max(30, int(max(width, height) * rng.uniform(0.5, 1.3)))
    high = max(8, int(min(width, height) * rng.uniform(0.06, 0.14)))
    body = np.full((high, long, 3), _colour(rng, 120, 255), np.uint8)
    step = max(3, int(long / rng.integers(20, 90)))
    for number, x in enumerate(range(2, long, step)):
        tick = high // 2 if number % 10 == 0 else high // 4
        cv2.line(body, (x, 0), (x, tick), (20, 20, 20), 1)
        if number % 10 == 0:
            size = high / 60
            cv2.putText(
                body, str(number // 10), (x, high - 2), 0, size, (20, 20, 20), 1
            )
    _turned(picture, body, _edge_spot(rng, width, height), _upright(rng))


def _label(rng: np.random.Generator, picture: Picture) -> None:
    """A find tag, written by hand or printed."""
    height, width = picture.shape[:2]
    wide = max(16, int(min(width, height) * rng.uniform(0.2, 0.5)))
    high = max(8, int(wide * rng.uniform(0.3, 0.8)))
    tag = np.full((high, wide, 3), _colour(rng, 200, 255), np.uint8)
    ink = _colour(rng, 0, 110)
    rows = int(rng.integers(1, 4))
    for row in range(rows):
        y = (row + 1) * high / (rows + 0.7)
        if rng.random() < 0.6:  # by hand
            count = int(rng.integers(12, 40))
            xs = np.linspace(wide * 0.08, wide * rng.uniform(0.5, 0.92), count)
            ys = y + rng.normal(0, high / (rows * 6), count)
            line = np.stack((xs, ys), axis=1).round().astype(np.int32)
            cv2.polylines(tag, [line], False, ink, max(1, high // 40), cv2.LINE_AA)
        else:
            text = "".join(str(int(k)) for k in rng.integers(0, 10, 6)) + " AE"
            cv2.putText(tag, text, (2, int(y)), 0, wide / 230, ink, 1, cv2.LINE_AA)
    if rng.random() < 0.4:
        cv2.rectangle(tag, (0, 0), (wide - 1, high - 1), ink, 1)
    angle = float(rng.normal(0, 12))
    _turned(picture, tag, _edge_spot(rng, width, height), angle)


def _colour_card(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    cell = max(3, int(min(width, height) * rng.uniform(0.03, 0.08)))
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(3, 8))
    colours = rng.integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    card = np.repeat(np.repeat(colours, cell, axis=0), cell, axis=1)
    at = _edge_spot(rng, width, height)
    _turned(picture, np.ascontiguousarray(card), at, _upright(rng))


def _pebbles(rng: np.random.Generator, picture: Picture) -> None:
    """Stones, crumbs and seeds; too knobbly and too plain to be coins."""
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(1, 8))):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        r = max(2.0, min(width, height) * float(rng.uniform(0.005, 0.05)))
        angles = np.arange(9) * (2 * math.pi / 9)
        radii = r * rng.uniform(0.4, 1.2, 9)
        points = np.stack(
            (at[0] + radii * np.cos(angles), at[1] + radii * np.sin(angles)), axis=1
        )
        tone = _colour(rng, 30, 230)
        dark = (tone[0] * 0.6, tone[1] * 0.6, tone[2] * 0.6)
        shape = points.round().astype(np.int32)
        cv2.fillPoly(picture, [shape + max(1, int(r / 5))], dark, cv2.LINE_AA)
        cv2.fillPoly(picture, [shape], tone, cv2.LINE_AA)


def _strokes(rng: np.random.Generator, picture: Picture) -> None:
    """Cables, pencils, twigs, scratches, drawn rings."""
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        thick = max(1, int(min(width, height) * rng.uniform(0.003, 0.04)))
        points = rng.uniform(-0.1, 1.1, (4, 2)) * np.array([width, height])
        if rng.random() < 0.25:
            at = (int(points[0, 0]), int(points[0, 1]))
            r = int(min(width, height) * rng.uniform(0.05, 0.3))
            cv2.circle(picture, at, r, _colour(rng), max(1, thick // 3), cv2.LINE_AA)
        else:
            line = points.round().astype(np.int32)
            cv2.polylines(picture, [line], False, _colour(rng), thick, cv2.LINE_AA)


def _edge_spot(rng: np.random.Generator, width: int, height: int) -> tuple[int, int]:
    """A spot near one of the four edges."""
    along, away = float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.02, 0.16))
    spots = ((along, away), (along, 1 - away), (away, along), (1 - away, along))
    x, y = spots[int(rng.integers(4))]
    return int(x * width), int(y * height)


def _upright(rng: np.random.Generator) -> float:
    return float(rng.choice([0, 90])) + float(rng.normal(0, 4))


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
    """Lay `count` things on the ground, in place."""
    for _ in range(count):
        _KINDS[int(rng.integers(len(_KINDS)))](rng, picture)
