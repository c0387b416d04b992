"""What coins are photographed on: plain card, wood, cloth, gravel, print."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_COLOURS = (
    (200, 190, 170),
    (120, 90, 60),
    (60, 80, 110),
    (150, 40, 40),
    (40, 90, 60),
    (90, 90, 95),
    (210, 180, 120),
    (30, 34, 40),
    (160, 170, 180),
    (100, 120, 80),
)
BACKGROUNDS = (
    "white",
    "black",
    "grey",
    "coloured",
    "wood",
    "cloth",
    "gravel",
    "print",
    "marbled",
    "squared",
)
# a table, for numpy's own sine may differ in the last bit from machine to machine
_SINES = np.array(
    [round(math.sin(2 * math.pi * k / 64), 4) for k in range(64)], np.float32
)


def draw_background(
    rng: np.random.Generator, width: int, height: int, kind: str
) -> Picture:
    """One ground, uint8 (height, width, 3)."""
    if kind == "white":
        return _even(rng, width, height, np.array([rng.uniform(235, 255)] * 3))
    if kind == "black":
        return _even(rng, width, height, np.array([rng.uniform(0, 24)] * 3))
    if kind == "grey":
        return _even(rng, width, height, np.array([rng.uniform(60, 220)] * 3))
    base = np.array(_COLOURS[int(rng.integers(len(_COLOURS)))], np.float64)
    base = np.clip(base * rng.uniform(0.7, 1.3) + rng.normal(0, 8, 3), 5, 250)
    if kind == "coloured":
        return _even(rng, width, height, base)
    if kind == "wood":
        return _wood(rng, width, height)
    if kind == "cloth":
        return _cloth(rng, width, height, base)
    if kind == "gravel":
        return _gravel(rng, width, height, base)
    if kind == "print":
        return _print(rng, width, height)
    if kind == "squared":
        return _squared(rng, width, height, base)
    return _marbled(rng, width, height, base)


def clouds(
    rng: np.random.Generator, width: int, height: int, cells: tuple[int, int]
) -> NDArray[np.float32]:
    """Smooth noise, -1..1; `cells` across and down."""
    grid = rng.integers(0, 256, (max(2, cells[1]), max(2, cells[0]))).astype(np.uint8)
    big = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    out: NDArray[np.float32] = big.astype(np.float32) / np.float32(127.5) - np.float32(
        1
    )
    return out


def _grain(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    side = 128
    tile = rng.integers(-100, 101, (side, side)).astype(np.float32) / np.float32(100)
    rows, columns = -(-height // side), -(-width // side)
    out: NDArray[np.float32] = np.tile(tile, (rows, columns))[:height, :width]
    return out


def _paint(base: NDArray[np.float64], shade: NDArray[np.float32]) -> Picture:
    picture = base.astype(np.float32) + shade[:, :, None]
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _even(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    shade = np.zeros((height, width), np.float32)
    if rng.random() < 0.5:
        shade += np.float32(rng.uniform(0, 4)) * _grain(rng, width, height)
    if rng.random() < 0.2:
        shade += np.float32(rng.uniform(0, 8)) * clouds(rng, width, height, (4, 4))
    return _paint(base, shade)


def _wood(rng: np.random.Generator, width: int, height: int) -> Picture:
    base = np.array([(150, 100, 60), (190, 150, 100), (90, 60, 40), (120, 110, 100)])
    tone = base[int(rng.integers(4))] * rng.uniform(0.8, 1.2)
    along = (int(rng.integers(2, 5)), int(rng.integers(30, 120)))
    shade = clouds(rng, width, height, along) * np.float32(rng.uniform(8, 30))
    shade += clouds(rng, width, height, (3, 9)) * np.float32(rng.uniform(5, 25))
    picture = _paint(tone, shade)
    if rng.random() < 0.5:  # boards
        for _ in range(int(rng.integers(1, 5))):
            y = int(rng.integers(height))
            cv2.line(picture, (0, y), (width, y), (40, 28, 20), max(1, height // 150))
    if rng.random() < 0.5:  # knots
        for _ in range(int(rng.integers(1, 4))):
            at = (int(rng.integers(width)), int(rng.integers(height)))
            r = max(2, int(height * rng.uniform(0.01, 0.05)))
            for k in range(3):
                cv2.ellipse(
                    picture,
                    at,
                    (r * (k + 1), r * (k + 1) // 2),
                    0,
                    0,
                    360,
                    (70, 45, 28),
                    1,
                )
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture.transpose(1, 0, 2))
        picture = np.asarray(cv2.resize(picture, (width, height)), np.uint8)
    return picture


def _cloth(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    period = max(2.0, min(width, height) * float(rng.uniform(0.006, 0.03)))
    lean = float(rng.uniform(0, math.pi))
    xs = np.arange(width, dtype=np.float32)[None]
    ys = np.arange(height, dtype=np.float32)[:, None]
    turn = _SINES.size / period
    cos, sin = np.float32(math.cos(lean) * turn), np.float32(math.sin(lean) * turn)
    along = np.asarray(xs * cos + ys * sin, np.int32) % _SINES.size
    across = np.asarray(ys * cos - xs * sin, np.int32) % _SINES.size
    weave = _SINES[along] * _SINES[across]
    shade = weave * np.float32(rng.uniform(4, 26))
    folds = (int(rng.integers(2, 6)), int(rng.integers(2, 6)))
    shade += clouds(rng, width, height, folds) * np.float32(rng.uniform(4, 34))
    shade += _grain(rng, width, height) * np.float32(rng.uniform(0, 12))
    return _paint(base, shade.astype(np.float32))


def _gravel(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    """Stones in all sizes: the hardest ground, for they are round too."""
    picture = _paint(base * 0.5, _grain(rng, width, height) * np.float32(20))
    unit = min(width, height)
    largest = float(rng.uniform(0.012, 0.07))
    count = int(min(900, 1.4 * width * height / (unit * largest) ** 2))
    spots = rng.random((count, 2))
    sizes = rng.uniform(0.3, 1.0, (count, 2)) * largest * unit
    tones = rng.uniform(0.5, 1.5, count)
    tints = rng.normal(0, 14, (count, 3))
    for k in range(count):
        tone = np.clip(base * tones[k] + tints[k], 0, 255)
        at = (int(spots[k, 0] * width), int(spots[k, 1] * height))
        axes = (max(1, int(sizes[k, 0])), max(1, int(sizes[k, 1])))
        lean = float(180 * spots[k, 0] * 7 % 180)
        dark = [float(v) for v in tone * 0.45]
        below = (at[0] + max(1, axes[0] // 6), at[1] + max(1, axes[1] // 6))
        cv2.ellipse(picture, below, axes, lean, 0, 360, dark, cv2.FILLED)
        light = [float(v) for v in tone]
        cv2.ellipse(picture, at, axes, lean, 0, 360, light, cv2.FILLED)
    shade = clouds(rng, width, height, (60, 60)) * np.float32(rng.uniform(4, 24))
    return np.asarray(np.clip(picture + shade[:, :, None], 0, 255), np.uint8)


def _print(rng: np.random.Generator, width: int, height: int) -> Picture:
    paper = np.array([250, 247, 238]) * rng.uniform(0.75, 1.0)
    picture = _even(rng, width, height, paper)
    scale = max(0.25, min(width, height) * float(rng.uniform(0.0008, 0.003)))
    step = max(7, int(30 * scale))
    ink = [float(v) for v in rng.uniform(0, 90, 3)]
    thick = max(1, round(scale * rng.uniform(1, 2.4)))
    letters = "abcdeghiklmnoprstuvwy ABCDEHMNOPRST  0123456789 ,."
    for y in range(int(rng.integers(0, step)), height + step, step):
        if rng.random() < 0.08:
            continue
        picks = rng.integers(0, len(letters), max(4, int(width / (14 * scale))))
        text = "".join(letters[int(k)] for k in picks)
        cv2.putText(
            picture,
            text,
            (int(rng.integers(-9, 9)), y),
            0,
            scale,
            ink,
            thick,
            cv2.LINE_AA,
        )
    return picture


def _squared(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    picture = _even(rng, width, height, np.minimum(base + rng.uniform(0, 120), 255))
    step = max(4, int(min(width, height) * rng.uniform(0.03, 0.2)))
    ink = [float(v) for v in rng.uniform(0, 255, 3)]
    thick = max(1, int(step * rng.uniform(0.01, 0.12)))
    for x in range(int(rng.integers(step)), width, step):
        cv2.line(picture, (x, 0), (x, height), ink, thick)
    for y in range(int(rng.integers(step)), height, step):
        cv2.line(picture, (0, y), (width, y), ink, thick)
    return picture


def _marbled(
    rng: np.random.Generator, width: int, height: int, base: NDArray[np.float64]
) -> Picture:
    cells = int(rng.integers(3, 40))
    mixed = clouds(rng, width, height, (cells, cells))
    fine = clouds(rng, width, height, (cells * 3, cells * 3))
    share = (mixed + fine * np.float32(0.5))[:, :, None] * np.float32(0.5)
    other = rng.uniform(0, 255, 3).astype(np.float32)
    first = base.astype(np.float32)
    picture = first + (other - first) * np.clip(share + np.float32(0.4), 0, 1)
    grain = _grain(rng, width, height) * np.float32(rng.uniform(0, 20))
    return np.asarray(np.clip(picture + grain[:, :, None], 0, 255), np.uint8)
