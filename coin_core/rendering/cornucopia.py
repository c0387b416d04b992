"""The obverse of the priestly prutah: two cornucopias, ribbons, pomegranate."""

import math

import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.engraving import DieCanvas, bezier, ellipse, tapered_band
from coin_core.rendering.letters import Point


def draw_die(
    rng: np.random.Generator, size_px: int, *, rough: bool = False
) -> NDArray[np.float32]:
    """Engrave a random die; relief 0 (field) to 1, float32 (size_px, size_px).

    A `rough` one is by any hand: narrow or wide, thin or clumsy, and not symmetric.
    """
    die = DieCanvas(size_px)

    def draw(usual: tuple[float, float], any_hand: tuple[float, float]) -> float:
        return float(rng.uniform(*(any_hand if rough else usual)))

    thickness = draw((0.75, 1.5), (0.5, 1.9))
    spread = draw((0.18, 0.3), (0.1, 0.34))  # of the mouths from the middle
    foot = draw((0.2, 0.32), (0.14, 0.36))
    top = draw((-0.3, -0.16), (-0.36, -0.1))
    shift = 0.03 if rough else 0.012
    crossed = rng.random() < 0.15
    ribs = int(rng.integers(0, 9))
    if rng.random() < 0.3:
        ribs = 0
    fruits = int(rng.integers(3, 8))
    curl = float(rng.uniform(0.0, 0.12))
    bulge = draw((0.9, 1.5), (0.4, 1.9))
    ribbon = float(rng.uniform(0.12, 0.3)) if rng.random() < 0.85 else 0.0
    for side in (-1, 1):
        jitter = rng.normal(0, shift, 4)
        mouth = (side * spread + jitter[0], top + jitter[1])
        start = (-side * 0.05 if crossed else side * 0.025, foot)
        control = (
            side * spread * bulge + jitter[2],
            (foot + top) / 2 + 0.09 + jitter[3],
        )
        _horn(die, bezier(start, control, mouth, 14), thickness, ribs)
        bend = (start[0] - side * 0.02, foot + 0.06 + curl / 3)
        end = (start[0] + side * curl * 1.4, foot + 0.03)
        die.line(bezier(start, bend, end), 0.024 * thickness, 210)
        _mouth(die, rng, mouth, side, fruits, thickness)
        if ribbon:
            _ribbon(die, rng, side, spread, foot, ribbon, thickness)
    _centre(die, rng, top, foot, thickness)
    if rng.random() < 0.25:
        die.pellet((0.0, foot + 0.04), 0.02 * thickness)
    if rng.random() < 0.12:  # a control letter
        letter = "AΠΛ"[int(rng.integers(3))]
        at = (float(rng.choice([-0.34, 0.34])), float(rng.uniform(-0.05, 0.2)))
        die.text(letter, at, 0.09, 0.018)
    die.border(rng)
    return die.relief(float(rng.uniform(0.003, 0.007)))


def _horn(die: DieCanvas, spine: list[Point], thickness: float, ribs: int) -> None:
    """A horn along a spine of 15 points, with ribs across."""
    widths = [(0.025 + 0.085 * (k / 14) ** 1.3) * thickness for k in range(15)]
    die.body(tapered_band(spine, widths), 0.035 * thickness, 235, 120)
    for k in range(ribs):
        at = 2 + round(k * 12 / max(ribs, 1))
        (x0, y0), (x1, y1) = spine[max(at - 1, 0)], spine[min(at + 1, 14)]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        nx, ny = -(y1 - y0) / length, (x1 - x0) / length
        half = widths[min(at, 14)] / 2
        x, y = spine[min(at, 14)]
        rib = [(x + nx * half, y + ny * half), (x - nx * half, y - ny * half)]
        die.line(rib, 0.008, 90)


def _mouth(
    die: DieCanvas,
    rng: np.random.Generator,
    mouth: Point,
    side: int,
    fruits: int,
    thickness: float,
) -> None:
    """The mouth of a horn, filled with fruit."""
    x, y = mouth
    tilt = side * float(rng.uniform(-0.5, 0.2))
    rim = ellipse(mouth, 0.065 * thickness, 0.022 * thickness, tilt)
    die.body(rim, 0.02, 250, 170)
    for k in range(fruits):
        a = -math.pi * (0.15 + 0.7 * k / max(fruits - 1, 1))
        r = float(rng.uniform(0.03, 0.06)) * thickness
        at = (x + 1.1 * r * math.cos(a), y - 0.012 + r * math.sin(a))
        die.pellet(at, float(rng.uniform(0.011, 0.02)) * thickness, 235)
    if rng.random() < 0.6:  # grapes or an ear of grain over the rim
        end = (x + side * 0.075, y + float(rng.uniform(0.02, 0.09)))
        for at in bezier((x + side * 0.04, y - 0.02), (end[0], y - 0.02), end, 3):
            die.pellet(at, 0.014 * thickness, 225)


def _ribbon(
    die: DieCanvas,
    rng: np.random.Generator,
    side: int,
    spread: float,
    foot: float,
    length: float,
    thickness: float,
) -> None:
    x, y = side * spread * 0.95, foot - float(rng.uniform(0.12, 0.24))
    wave = float(rng.uniform(0.03, 0.07))
    points = []
    for k in range(9):
        t = k / 8
        px = x + side * (0.03 + length * 0.45 * t)
        py = y + length * 0.8 * t + wave * math.sin(2.2 * math.pi * t) * (0.4 + t)
        points.append((px, py))
    points = [point for point in points if math.hypot(*point) < 0.45] or points[:2]
    die.line(points, 0.016 * thickness, 190)
    if rng.random() < 0.5:
        die.pellet(points[-1], 0.016 * thickness, 190)


def _centre(
    die: DieCanvas,
    rng: np.random.Generator,
    top: float,
    foot: float,
    thickness: float,
) -> None:
    """A pomegranate, an ear of barley or a pellet between the horns, on a stem."""
    at = (float(rng.normal(0, 0.012)), top + float(rng.uniform(0.06, 0.15)))
    stem = [at, (at[0] * 0.5, (at[1] + foot) / 2), (0.0, foot)]
    die.line(stem, 0.014 * thickness, 190)
    kind = rng.random()
    if kind < 0.75:
        r = float(rng.uniform(0.04, 0.062)) * thickness
        die.body(ellipse(at, r, r * float(rng.uniform(0.9, 1.15))), r, 255, 120)
        for k in (-1, 0, 1):
            tip = (at[0] + k * r * 0.6, at[1] - r * 1.65)
            die.line([(at[0], at[1] - r * 0.8), tip], 0.014 * thickness, 220)
    elif kind < 0.9:
        for k in range(5):
            y = at[1] + 0.035 * k - 0.05
            for side in (-1, 1):
                tip = (at[0] + side * 0.035 * thickness, y - 0.03)
                die.line([(at[0], y), tip], 0.017 * thickness, 220)
        die.line([(at[0], at[1] - 0.1), (at[0], at[1] + 0.1)], 0.014, 220)
    else:
        die.pellet(at, 0.03 * thickness)
