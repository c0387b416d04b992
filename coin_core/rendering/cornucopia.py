"""The obverse of the priestly prutah: two horns of plenty, ribbons, pomegranate."""

import math

import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.engraving import Engraver, Point, bent, oval, tapered


def draw_die(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Cut one obverse die.

    Args:
        rng: Source of chance; the same state cuts the same die.
        size_px: Side of the square; the die face has a radius of 0.46 of it.

    Returns:
        Relief 0 (field) to 1 (highest), float32 (size_px, size_px).
    """
    die = Engraver(size_px)
    thick = float(rng.uniform(0.75, 1.5))
    spread = float(rng.uniform(0.18, 0.3))  # how far the mouths stand apart
    foot = (0.0, float(rng.uniform(0.2, 0.32)))
    top = float(rng.uniform(-0.3, -0.16))
    crossed = rng.random() < 0.15
    ribs = int(rng.integers(0, 9))
    plain = rng.random() < 0.3
    fruit = int(rng.integers(3, 8))
    curl = float(rng.uniform(0.0, 0.12))
    belly = float(rng.uniform(0.9, 1.5))
    ribbon = float(rng.uniform(0.12, 0.3)) if rng.random() < 0.85 else 0.0
    for side in (-1, 1):
        jitter = rng.normal(0, 0.012, 4)
        mouth = (side * spread + jitter[0], top + jitter[1])
        start = (-side * 0.05 if crossed else side * 0.025, foot[1])
        middle = (
            side * spread * belly + jitter[2],
            (foot[1] + top) / 2 + 0.09 + jitter[3],
        )
        _horn(die, start, middle, mouth, thick, 0 if plain else ribs)
        _tail(die, start, side, curl, thick)
        _mouth(die, rng, mouth, side, fruit, thick)
        if ribbon:
            _ribbon(die, rng, side, spread, foot[1], ribbon, thick)
    _middle(die, rng, top, foot[1], thick)
    if rng.random() < 0.25:
        die.dot((0.0, foot[1] + 0.04), 0.02 * thick)
    if rng.random() < 0.12:  # a control letter
        letter = "AΠΛ"[int(rng.integers(3))]
        at = (float(rng.choice([-0.34, 0.34])), float(rng.uniform(-0.05, 0.2)))
        die.text(letter, at, 0.09, 0.018)
    die.border(rng)
    return die.relief(float(rng.uniform(0.003, 0.007)))


def _horn(
    die: Engraver, start: Point, middle: Point, mouth: Point, thick: float, ribs: int
) -> None:
    spine = bent(start, middle, mouth, 14)
    widths = [(0.025 + 0.085 * (k / 14) ** 1.3) * thick for k in range(15)]
    die.body(tapered(spine, widths), 0.035 * thick, 235, 120)
    for k in range(ribs):
        at = 2 + round(k * 12 / max(ribs, 1))
        (x0, y0), (x1, y1) = spine[max(at - 1, 0)], spine[min(at + 1, 14)]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        nx, ny = -(y1 - y0) / length, (x1 - x0) / length
        half = widths[min(at, 14)] / 2
        x, y = spine[min(at, 14)]
        die.line(
            [(x + nx * half, y + ny * half), (x - nx * half, y - ny * half)], 0.008, 90
        )


def _tail(die: Engraver, start: Point, side: int, curl: float, thick: float) -> None:
    x, y = start
    end = (x + side * curl * 1.4, y + 0.03)
    die.line(
        bent(start, (x - side * 0.02, y + 0.06 + curl / 3), end), 0.024 * thick, 210
    )


def _mouth(
    die: Engraver,
    rng: np.random.Generator,
    mouth: Point,
    side: int,
    fruit: int,
    thick: float,
) -> None:
    x, y = mouth
    lean = side * float(rng.uniform(-0.5, 0.2))
    die.body(oval(mouth, 0.065 * thick, 0.022 * thick, lean), 0.02, 250, 170)
    for k in range(fruit):
        a = -math.pi * (0.15 + 0.7 * k / max(fruit - 1, 1))
        r = float(rng.uniform(0.03, 0.06)) * thick
        at = (x + 1.1 * r * math.cos(a), y - 0.012 + r * math.sin(a))
        die.dot(at, float(rng.uniform(0.011, 0.02)) * thick, 235)
    if rng.random() < 0.6:  # a bunch or an ear hanging over the rim
        to = (x + side * 0.075, y + float(rng.uniform(0.02, 0.09)))
        for px, py in bent((x + side * 0.04, y - 0.02), (to[0], y - 0.02), to, 3):
            die.dot((px, py), 0.014 * thick, 225)


def _ribbon(
    die: Engraver,
    rng: np.random.Generator,
    side: int,
    spread: float,
    foot: float,
    length: float,
    thick: float,
) -> None:
    x, y = side * spread * 0.95, foot - float(rng.uniform(0.12, 0.24))
    wave = float(rng.uniform(0.03, 0.07))
    points = []
    for k in range(9):
        t = k / 8
        points.append(
            (
                x + side * (0.03 + length * 0.45 * t),
                y + length * 0.8 * t + wave * math.sin(2.2 * math.pi * t) * (0.4 + t),
            )
        )
    points = [(px, py) for px, py in points if math.hypot(px, py) < 0.45] or points[:2]
    die.line(points, 0.016 * thick, 190)
    if rng.random() < 0.5:
        die.dot(points[-1], 0.016 * thick, 190)


def _middle(
    die: Engraver, rng: np.random.Generator, top: float, foot: float, thick: float
) -> None:
    """What stands between the horns: mostly a pomegranate on its stem."""
    at = (float(rng.normal(0, 0.012)), top + float(rng.uniform(0.06, 0.15)))
    stem = [at, (at[0] * 0.5, (at[1] + foot) / 2), (0.0, foot)]
    die.line(stem, 0.014 * thick, 190)
    kind = rng.random()
    if kind < 0.75:
        r = float(rng.uniform(0.04, 0.062)) * thick
        die.body(oval(at, r, r * float(rng.uniform(0.9, 1.15))), r, 255, 120)
        for k in (-1, 0, 1):
            tip = (at[0] + k * r * 0.6, at[1] - r * 1.65)
            die.line([(at[0], at[1] - r * 0.8), tip], 0.014 * thick, 220)
    elif kind < 0.9:  # an ear of barley
        for k in range(5):
            y = at[1] + 0.035 * k - 0.05
            for side in (-1, 1):
                tip = (at[0] + side * 0.035 * thick, y - 0.03)
                die.line([(at[0], y), tip], 0.017 * thick, 220)
        die.line([(at[0], at[1] - 0.1), (at[0], at[1] + 0.1)], 0.014, 220)
    else:
        die.dot(at, 0.03 * thick)
