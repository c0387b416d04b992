"""What coins are photographed on: plain card, wood, cloth, gravel, print."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.noise import Field
from coin_core.rendering.photo import parse_colours

Picture = NDArray[np.uint8]
"""A colour at each pixel, uint8 (H, W, 3) RGB."""

_COLOURS = parse_colours(
    "c8beaa 785a3c 3c506e 962828 285a3c 5a5a5f d2b478 1e2228 a0aab4 647850"
)
_WOODS = parse_colours("96643c be9664 5a3c28 786e64")
# A table, because numpy's sine may differ in the last bit between machines.
_SINES = np.array(
    [round(math.sin(2 * math.pi * k / 64), 4) for k in range(64)], np.float32
)
_GREY_LEVELS = {"white": (235, 255), "black": (0, 24), "grey": (60, 220)}


def draw_background(
    rng: np.random.Generator, width: int, height: int, kind: str
) -> Picture:
    """Draw a random background of a kind, one of `BACKGROUNDS`."""
    if kind in _GREY_LEVELS:
        grey = rng.uniform(*_GREY_LEVELS[kind])
        return _plain(rng, width, height, np.array([grey] * 3))
    base = _COLOURS[int(rng.integers(len(_COLOURS)))].astype(np.float64)
    base = np.clip(base * rng.uniform(0.7, 1.3) + rng.normal(0, 8, 3), 5, 250)
    return _TEXTURES[kind](rng, width, height, base)


def draw_clouds(
    rng: np.random.Generator, width: int, height: int, cells: tuple[int, int]
) -> Field:
    """Smooth noise from -1 to 1, float32 (H, W), with `cells` across and down."""
    grid = rng.integers(0, 256, (max(2, cells[1]), max(2, cells[0]))).astype(np.uint8)
    large = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float32) / np.float32(127.5) - np.float32(1)


def _grain(rng: np.random.Generator, width: int, height: int) -> Field:
    """Noise of single pixels from -1 to 1, repeated every 128 px."""
    side = 128
    tile = rng.integers(-100, 101, (side, side)).astype(np.float32) / np.float32(100)
    rows, columns = -(-height // side), -(-width // side)
    return np.tile(tile, (rows, columns))[:height, :width]


def _paint(base: NDArray[np.float64], shade: Field) -> Picture:
    """One colour, lighter or darker by `shade`."""
    picture = base.astype(np.float32) + shade[:, :, None]
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _plain(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    shade = np.zeros((height, width), np.float32)
    if rng.random() < 0.5:
        shade += np.float32(rng.uniform(0, 4)) * _grain(rng, width, height)
    if rng.random() < 0.2:
        shade += np.float32(rng.uniform(0, 8)) * draw_clouds(rng, width, height, (4, 4))
    return _paint(base, shade)


def _wood(
    rng: np.random.Generator, width: int, height: int, _base: NDArray[np.float64]
) -> Picture:
    colour = _WOODS[int(rng.integers(4))] * rng.uniform(0.8, 1.2)
    along = (int(rng.integers(2, 5)), int(rng.integers(30, 120)))
    shade = draw_clouds(rng, width, height, along) * np.float32(rng.uniform(8, 30))
    shade += draw_clouds(rng, width, height, (3, 9)) * np.float32(rng.uniform(5, 25))
    picture = _paint(colour, shade)
    if rng.random() < 0.5:  # boards
        for _ in range(int(rng.integers(1, 5))):
            y = int(rng.integers(height))
            cv2.line(picture, (0, y), (width, y), (40, 28, 20), max(1, height // 150))
    if rng.random() < 0.5:  # knots
        for _ in range(int(rng.integers(1, 4))):
            at = (int(rng.integers(width)), int(rng.integers(height)))
            r = max(2, int(height * rng.uniform(0.01, 0.05)))
            for k in (1, 2, 3):
                axes = (r * k, r * k // 2)
                cv2.ellipse(picture, at, axes, 0, 0, 360, (70, 45, 28), 1)
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture.transpose(1, 0, 2))
        picture = np.asarray(cv2.resize(picture, (width, height)), np.uint8)
    return picture


def _cloth(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    period = max(2.0, min(width, height) * float(rng.uniform(0.006, 0.03)))
    angle = float(rng.uniform(0, math.pi))
    xs = np.arange(width, dtype=np.float32)[None]
    ys = np.arange(height, dtype=np.float32)[:, None]
    turn = _SINES.size / period
    cos, sin = np.float32(math.cos(angle) * turn), np.float32(math.sin(angle) * turn)
    along = np.asarray(xs * cos + ys * sin, np.int32) % _SINES.size
    across = np.asarray(ys * cos - xs * sin, np.int32) % _SINES.size
    weave = _SINES[along] * _SINES[across]
    shade = weave * np.float32(rng.uniform(4, 26))
    folds = (int(rng.integers(2, 6)), int(rng.integers(2, 6)))
    shade += draw_clouds(rng, width, height, folds) * np.float32(rng.uniform(4, 34))
    shade += _grain(rng, width, height) * np.float32(rng.uniform(0, 12))
    return _paint(base, shade.astype(np.float32))


def _gravel(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    """Stones in all sizes, the hardest background because they are round too."""
    picture = _paint(base * 0.5, _grain(rng, width, height) * np.float32(20))
    unit = min(width, height)
    largest = float(rng.uniform(0.012, 0.07))
    count = int(min(900, 1.4 * width * height / (unit * largest) ** 2))
    spots = rng.random((count, 2))
    sizes = rng.uniform(0.3, 1.0, (count, 2)) * largest * unit
    gains = rng.uniform(0.5, 1.5, count)
    tints = rng.normal(0, 14, (count, 3))
    for k in range(count):
        colour = np.clip(base * gains[k] + tints[k], 0, 255)
        at = (int(spots[k, 0] * width), int(spots[k, 1] * height))
        axes = (max(1, int(sizes[k, 0])), max(1, int(sizes[k, 1])))
        angle = float(180 * spots[k, 0] * 7 % 180)
        shadow = (at[0] + max(1, axes[0] // 6), at[1] + max(1, axes[1] // 6))
        for centre, fill in ((shadow, colour * 0.45), (at, colour)):
            ink = fill.tolist()
            cv2.ellipse(picture, centre, axes, angle, 0, 360, ink, cv2.FILLED)
    shade = draw_clouds(rng, width, height, (60, 60)) * np.float32(rng.uniform(4, 24))
    return np.asarray(np.clip(picture + shade[:, :, None], 0, 255), np.uint8)


def _print(
    rng: np.random.Generator, width: int, height: int, _base: NDArray[np.float64]
) -> Picture:
    """A printed page."""
    paper = np.array([250, 247, 238]) * rng.uniform(0.75, 1.0)
    picture = _plain(rng, width, height, paper)
    scale = max(0.25, min(width, height) * float(rng.uniform(0.0008, 0.003)))
    step = max(7, int(30 * scale))
    ink = rng.uniform(0, 90, 3).tolist()
    thickness = max(1, round(scale * rng.uniform(1, 2.4)))
    letters = "abcdeghiklmnoprstuvwy ABCDEHMNOPRST  0123456789 ,."
    for y in range(int(rng.integers(0, step)), height + step, step):
        if rng.random() < 0.08:
            continue
        picks = rng.integers(0, len(letters), max(4, int(width / (14 * scale))))
        text = "".join(letters[int(k)] for k in picks)
        at = (int(rng.integers(-9, 9)), y)
        cv2.putText(picture, text, at, 0, scale, ink, thickness, cv2.LINE_AA)
    return picture


def _squared(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    picture = _plain(rng, width, height, np.minimum(base + rng.uniform(0, 120), 255))
    step = max(4, int(min(width, height) * rng.uniform(0.03, 0.2)))
    ink = rng.uniform(0, 255, 3).tolist()
    thickness = max(1, int(step * rng.uniform(0.01, 0.12)))
    for x in range(int(rng.integers(step)), width, step):
        cv2.line(picture, (x, 0), (x, height), ink, thickness)
    for y in range(int(rng.integers(step)), height, step):
        cv2.line(picture, (0, y), (width, y), ink, thickness)
    return picture


def _marbled(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    cells = int(rng.integers(3, 40))
    coarse = draw_clouds(rng, width, height, (cells, cells))
    fine = draw_clouds(rng, width, height, (cells * 3, cells * 3))
    fraction = (coarse + fine * np.float32(0.5))[:, :, None] * np.float32(0.5)
    other = rng.uniform(0, 255, 3).astype(np.float32)
    first = base.astype(np.float32)
    picture = first + (other - first) * np.clip(fraction + np.float32(0.4), 0, 1)
    grain = _grain(rng, width, height) * np.float32(rng.uniform(0, 20))
    return np.asarray(np.clip(picture + grain[:, :, None], 0, 255), np.uint8)


_TEXTURES: dict[
    str, Callable[[np.random.Generator, int, int, NDArray[np.float64]], Picture]
] = {
    "coloured": _plain,
    "wood": _wood,
    "cloth": _cloth,
    "gravel": _gravel,
    "print": _print,
    "marbled": _marbled,
    "squared": _squared,
}
BACKGROUNDS = (*_GREY_LEVELS, *_TEXTURES)
PLAIN_BACKGROUNDS = (*_GREY_LEVELS, "coloured")
