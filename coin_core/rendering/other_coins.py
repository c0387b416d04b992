"""Coins of other places: portraits, figures, animals, emblems, numerals, blanks."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.engraving import (
    DieCanvas,
    bezier,
    ellipse,
    polar,
    tapered_band,
)
from coin_core.rendering.letters import GREEK, LATIN, Point
from coin_core.rendering.portraits import draw_head


def draw_die(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Engrave a random die; relief 0 (field) to 1, float32 (size_px, size_px)."""
    die = DieCanvas(size_px)
    chance = rng.random()
    if chance < 0.5:
        draw_head(die, rng)
        legend_probability = 0.92
    elif chance < 0.97:
        _EMBLEMS[int(rng.integers(len(_EMBLEMS)))](die, rng)
        legend_probability = 0.65
    else:  # a worn blank
        legend_probability = 0.2
    if rng.random() < legend_probability:
        _rim_legend(die, rng)
    die.border(rng)
    return die.relief(float(rng.uniform(0.002, 0.006)))


def draw_picture(die: DieCanvas, rng: np.random.Generator) -> None:
    """Engrave what a legend runs around: a head, on one coin of four an emblem."""
    if rng.random() < 0.75:
        draw_head(die, rng)
    else:
        _EMBLEMS[int(rng.integers(len(_EMBLEMS)))](die, rng)


def _rim_legend(die: DieCanvas, rng: np.random.Generator) -> None:
    """One legend along the whole rim, or one on either side."""
    letters = LATIN if rng.random() < 0.7 else GREEK
    size = float(rng.uniform(0.05, 0.085))
    radius = 0.415 - size / 2 - float(rng.uniform(0, 0.02))
    width = size * float(rng.uniform(0.14, 0.24))
    if rng.random() < 0.6:
        start = math.pi * float(rng.uniform(0.55, 0.85))
        spans = [(start, float(rng.uniform(3.6, 5.6)))]
    else:
        sweep = float(rng.uniform(1.2, 2.4))
        spans = [(math.pi - sweep / 2, sweep), (-sweep / 2, sweep)]
    for start, sweep in spans:
        shape = {"radius": radius, "size": size, "width": width}
        die.rim_legend(rng, letters, **shape, start=start, sweep=sweep)


def _standing(die: DieCanvas, rng: np.random.Generator) -> None:
    """A standing figure in drapery with a staff or a wreath."""
    tilt = float(rng.uniform(-0.03, 0.03))
    width = float(rng.uniform(0.06, 0.1))
    body = [
        (tilt - width * 0.7, -0.2),
        (tilt + width * 0.7, -0.2),
        (tilt + width * 0.6, 0.0),
        (width * 1.1, 0.3),
        (-width * 1.1, 0.3),
        (tilt - width * 0.6, 0.0),
    ]
    die.body(body, 0.04, 240, 130)
    die.body(ellipse((tilt, -0.255), 0.036, 0.045), 0.03)
    for k in range(int(rng.integers(2, 6))):
        x = float(rng.uniform(-width, width)) * 0.8
        die.line([(tilt + x * 0.5, -0.05 + 0.03 * k), (x, 0.28)], 0.008, 120)
    for side in (-1, 1):
        hand = (side * float(rng.uniform(0.12, 0.22)), float(rng.uniform(-0.25, 0.05)))
        elbow = (side * 0.12, -0.1)
        die.line([(tilt + side * width * 0.6, -0.18), elbow, hand], 0.028, 220)
        attribute = rng.random()
        if attribute < 0.4:
            die.line([(hand[0], -0.33), (hand[0], 0.3)], 0.014, 210)
        elif attribute < 0.7:
            die.ring(hand, 0.035, 0.012, 220)
    if rng.random() < 0.6:
        die.line([(-0.25, 0.31), (0.25, 0.31)], 0.012, 200)


def _seated(die: DieCanvas, rng: np.random.Generator) -> None:
    """A figure on a throne, seen from the side."""
    facing = 1 if rng.random() < 0.5 else -1
    torso = [(-0.06, -0.2), (0.06, -0.2), (0.09, 0.05), (-0.09, 0.07)]
    die.body([(facing * x, y) for x, y in torso], 0.04, 240, 130)
    legs = [(-0.08, 0.02), (0.14, 0.0), (0.19, 0.27), (0.11, 0.27), (0.08, 0.1)]
    legs += [(-0.08, 0.12)]
    die.body([(facing * x, y) for x, y in legs], 0.04, 235, 120)
    die.body(ellipse((facing * 0.01, -0.26), 0.04, 0.05), 0.03)
    for x in (-0.12, 0.02):
        die.line([(facing * x, 0.1), (facing * x, 0.28)], 0.016, 200)
    die.line(
        [(-facing * 0.13, -0.12), (-facing * 0.13, 0.1), (facing * 0.03, 0.1)],
        0.016,
        200,
    )
    die.line(
        [(facing * 0.05, -0.15), (facing * 0.15, -0.08), (facing * 0.2, -0.17)],
        0.026,
        220,
    )
    die.line([(-facing * 0.05, -0.15), (-facing * 0.2, -0.2)], 0.024, 220)
    die.line([(-facing * 0.2, -0.33), (-facing * 0.2, 0.28)], 0.012, 200)
    die.line([(-0.26, 0.3), (0.26, 0.3)], 0.012, 200)


def _eagle(die: DieCanvas, rng: np.random.Generator) -> None:
    """An eagle, wings spread or closed."""
    facing = 1 if rng.random() < 0.5 else -1
    die.body(ellipse((0, 0.02), 0.085, 0.15, facing * 0.15), 0.07, 245, 130)
    die.body(ellipse((facing * 0.03, -0.17), 0.045, 0.05), 0.04)
    die.line([(facing * 0.06, -0.18), (facing * 0.1, -0.16)], 0.02, 220)
    spread = float(rng.uniform(0.16, 0.28))
    count = int(rng.integers(4, 8))
    for side in (-1, 1):
        for k in range(count):
            t = k / count
            root = (side * 0.06, -0.1 + 0.12 * t)
            tip = (side * spread * (1 - 0.4 * t), -0.25 + 0.42 * t)
            die.line([root, tip], 0.024, 215)
        die.line([(side * 0.03, 0.14), (side * 0.06, 0.25)], 0.024, 210)
    for k in (-1, 0, 1):
        die.line([(0, 0.14), (k * 0.05 - facing * 0.03, 0.28)], 0.022, 205)
    if rng.random() < 0.5:
        die.line(bezier((-0.2, 0.27), (0, 0.31), (0.2, 0.26)), 0.016, 200)


def _animal(die: DieCanvas, rng: np.random.Generator) -> None:
    """A bull, lion, horse or wolf walking."""
    facing = 1 if rng.random() < 0.5 else -1
    heavy = float(rng.uniform(0.75, 1.2))

    def at(x: float, y: float) -> Point:
        return (facing * x, y)

    back = ellipse((0, 0), 0.19, 0.085 * heavy)
    die.body([at(x, y) for x, y in back], 0.07, 240, 130)
    neck = [at(0.1, 0.03), at(0.12, -0.06), at(0.24, -0.15), at(0.26, -0.04)]
    die.body(neck, 0.04, 235, 130)
    die.body([at(x, y) for x, y in ellipse((0.25, -0.12), 0.065, 0.045, 0.4)], 0.04)
    for x in (-0.15, -0.1, 0.08, 0.14):
        knee = x + float(rng.uniform(-0.04, 0.05))
        die.line([at(x, 0.04), at(knee, 0.13), at(knee - 0.01, 0.24)], 0.03, 220)
    die.line(bezier(at(-0.18, -0.03), at(-0.28, -0.02), at(-0.25, 0.14)), 0.018, 210)
    kind = rng.random()
    if kind < 0.35:
        die.line(bezier(at(0.25, -0.16), at(0.29, -0.24), at(0.33, -0.2)), 0.018)
    elif kind < 0.65:
        for k in range(5):
            die.line([at(0.1 + 0.02 * k, -0.1), at(0.07 + 0.02 * k, 0.01)], 0.014, 170)
    die.line([(-0.28, 0.26), (0.28, 0.26)], 0.012, 200)


def _palm(die: DieCanvas, rng: np.random.Generator) -> None:
    """A palm tree or a palm branch."""
    die.line([(0, -0.16), (0, 0.28)], float(rng.uniform(0.022, 0.05)), 225)
    if rng.random() < 0.4:  # a branch
        for k in range(int(rng.integers(5, 9))):
            y = -0.24 + 0.055 * k
            for side in (-1, 1):
                die.line([(0, y + 0.05), (side * 0.13, y - 0.04)], 0.02, 220)
        return
    fronds = int(rng.integers(3, 5))
    for side in (-1, 1):
        for k in range(fronds):
            a = math.pi * (0.06 + 0.42 * k / fronds)
            tip = (side * 0.26 * math.cos(a), -0.16 - 0.2 * math.sin(a) + 0.09)
            rise = (side * 0.16 * math.cos(a), -0.22 - 0.13 * math.sin(a))
            die.line(bezier((0, -0.16), rise, tip), 0.026, 225)
        die.line([(side * 0.03, -0.12), (side * 0.1, -0.02)], 0.014, 200)
        die.pellet((side * 0.1, 0.0), 0.03, 220)
        die.line([(0, 0.26), (side * 0.1, 0.3)], 0.02, 200)


def _lily(die: DieCanvas, rng: np.random.Generator) -> None:
    """A lily in bloom."""
    die.line([(0, -0.05), (0, 0.28)], 0.024, 215)
    die.body(ellipse((0, -0.13), 0.035, 0.11), 0.03)
    for side in (-1, 1):
        petal = bezier((0, 0.0), (side * 0.06, -0.2), (side * 0.2, -0.18))
        petal += bezier((side * 0.2, -0.18), (side * 0.13, -0.06), (0, 0.05))
        die.body(petal, 0.03, 245, 130)
        leaf = bezier((0, 0.25), (side * 0.06, 0.1), (side * 0.15, 0.08))
        if rng.random() < 0.7:
            die.line(leaf, 0.022, 210)


def _helmet(die: DieCanvas, rng: np.random.Generator) -> None:
    """A crested helmet."""
    facing = 1 if rng.random() < 0.5 else -1
    bowl = [(-0.17, 0.06), (-0.16, -0.07), (-0.07, -0.15), (0.07, -0.15), (0.16, -0.05)]
    bowl += [(0.17, 0.06)]
    die.body([(facing * x, y) for x, y in bowl], 0.07, 240, 120)
    die.line([(-0.2 * facing, 0.07), (0.24 * facing, 0.07)], 0.026, 220)
    cheek = [(facing * 0.02, 0.08), (facing * 0.15, 0.08), (facing * 0.11, 0.24)]
    die.body(cheek, 0.03, 230, 130)
    crest = bezier(
        (facing * 0.14, -0.17), (-facing * 0.1, -0.33), (-facing * 0.24, 0.1)
    )
    die.line(crest, float(rng.uniform(0.03, 0.06)), 225)


def _ship(die: DieCanvas, rng: np.random.Generator) -> None:
    """A galley with oars, sometimes with a mast."""
    hull = bezier((-0.27, -0.06), (0, 0.19), (0.27, -0.02))
    hull += [(0.24, 0.09), (0.1, 0.13), (-0.14, 0.12)]
    die.body(hull, 0.03, 230, 120)
    for k in range(int(rng.integers(5, 10))):
        x = -0.17 + 0.045 * k
        die.line([(x, 0.1), (x - 0.05, 0.2)], 0.012, 210)
    die.line(bezier((-0.27, -0.05), (-0.3, -0.17), (-0.2, -0.19)), 0.022, 220)
    if rng.random() < 0.6:
        die.line([(0, 0.08), (0, -0.28)], 0.02, 215)
        sail = [(-0.13, -0.25), (0.13, -0.25), (0.11, -0.04), (-0.11, -0.04)]
        die.body(sail, 0.04, 220, 130)


def _tripod(die: DieCanvas, rng: np.random.Generator) -> None:
    """A tripod or a temple front."""
    if rng.random() < 0.5:
        for x in (-0.15, 0.0, 0.15):
            die.line([(x, -0.14), (x * 1.2, 0.27)], 0.024, 215)
        die.line([(-0.17, 0.05), (0.17, 0.05)], 0.014, 200)
        die.body(ellipse((0, -0.15), 0.19, 0.05), 0.04, 240, 130)
        for x in (-0.12, 0.12):
            die.ring((x, -0.23), 0.036, 0.014, 210)
        return
    columns = int(rng.integers(4, 8))
    for k in range(columns):
        x = -0.2 + 0.4 * k / (columns - 1)
        die.line([(x, -0.1), (x, 0.2)], 0.024, 220)
    die.line([(-0.24, -0.11), (0, -0.26), (0.24, -0.11), (-0.24, -0.11)], 0.018, 220)
    for y in (0.22, 0.26):
        die.line([(-0.25, y), (0.25, y)], 0.018, 210)


def _numerals(die: DieCanvas, rng: np.random.Generator) -> None:
    """A modern coin: value, year, sprigs."""
    value = ("1", "2", "5", "10", "20", "50", "100")[int(rng.integers(7))]
    size = float(rng.uniform(0.2, 0.4)) / (1 + 0.25 * (len(value) - 1))
    pitch = 0.8
    left = -(len(value) - 1) * size * pitch / 2
    y = float(rng.uniform(-0.1, 0.05))
    die.text(value, (left, y), size, size * 0.18, pitch=pitch, height=255)
    if rng.random() < 0.7:
        year = "19" if rng.random() < 0.6 else "20"
        year += "".join("0125912"[int(rng.integers(7))] for _ in range(2))
        die.text(year, (-0.1, 0.24), 0.085, 0.016, pitch=0.8)
    for side in (-1, 1) if rng.random() < 0.5 else ():
        stem = bezier((side * 0.05, 0.32), (side * 0.3, 0.2), (side * 0.28, -0.15), 8)
        die.line(stem, 0.012, 200)
        for x, y in stem[1:]:
            die.body(
                ellipse((x + side * 0.02, y), 0.014, 0.032, side * 0.4), 0.014, 220
            )


def _lines_of_text(die: DieCanvas, rng: np.random.Generator) -> None:
    """An inscription in lines, Latin or Greek, as on many provincial bronzes."""
    rows = int(rng.integers(2, 4))
    size = float(rng.uniform(0.1, 0.15))
    letters = LATIN if rng.random() < 0.5 else GREEK
    for row in range(rows):
        count = int(rng.integers(2, 5))
        line = "".join(letters[int(rng.integers(len(letters)))] for _ in range(count))
        y = (row - (rows - 1) / 2) * size * 1.3
        die.text(line, (-(count - 1) * size * 0.375, y), size, size * 0.2)
    if rng.random() < 0.5:  # the laurel wreath of Roman bronzes: small, even, dense
        for k in range(40):
            a = 2 * math.pi * k / 40
            r = 0.33 + (0.02 if k % 2 else -0.02)
            leaf = ellipse(polar(r, a), 0.014, 0.035, a + 0.3)
            die.body(leaf, 0.012, 215)


def _emblem(die: DieCanvas, rng: np.random.Generator) -> None:
    """A wheel, a crescent, a cross, a shield, a caduceus or an owl."""
    kind = int(rng.integers(6))
    if kind == 0:
        spokes = int(rng.integers(4, 9))
        for k in range(spokes):
            die.line([(0, 0), polar(0.22, 2 * math.pi * k / spokes)], 0.026, 220)
        die.ring((0, 0), 0.23, 0.036, 230)
    elif kind == 1:
        moon = bezier((-0.2, -0.1), (0, 0.34), (0.2, -0.1))
        die.body(moon + bezier((0.2, -0.1), (0, 0.16), (-0.2, -0.1)), 0.03)
        die.pellet((0, -0.06), 0.035)
    elif kind == 2:
        arm = float(rng.uniform(0.2, 0.36))
        for a in (0.0, math.pi / 2):
            cos, sin = math.cos(a), math.sin(a)
            end = [(-arm * cos, -arm * sin), (0, 0), (arm * cos, arm * sin)]
            die.fill(tapered_band(end, [0.1, 0.03, 0.1]), 230)
    elif kind == 3:
        shield = [(-0.18, -0.22), (0.18, -0.22), (0.17, 0.06), (0, 0.27), (-0.17, 0.06)]
        die.body(shield, 0.03, 200, 110)
        for k in range(int(rng.integers(1, 4))):
            y = -0.13 + 0.11 * k
            die.line([(-0.16, y), (0.16, y)], 0.03, 245)
    elif kind == 4:
        die.line([(0, -0.2), (0, 0.3)], 0.02, 215)
        for side in (-1, 1):
            snake = [
                (side * 0.07 * math.sin(k * 0.8), 0.15 - 0.03 * k) for k in range(12)
            ]
            die.line(snake, 0.018, 225)
    else:
        die.body(ellipse((0, 0.05), 0.13, 0.18), 0.1, 240, 110)
        die.body(ellipse((0, -0.14), 0.11, 0.09), 0.08, 245, 130)
        for side in (-1, 1):
            die.ring((side * 0.045, -0.14), 0.03, 0.012, 90)


_Emblem = Callable[[DieCanvas, np.random.Generator], None]
_FIGURES: tuple[_Emblem, ...] = (_standing, _seated, _eagle, _animal)
_THINGS: tuple[_Emblem, ...] = (_palm, _lily, _helmet, _ship, _tripod)
# the more frequent ones twice
_EMBLEMS = tuple(figure for figure in _FIGURES for _ in range(2)) + _THINGS
_EMBLEMS += (_numerals, _numerals, _lines_of_text, _emblem, _emblem)
