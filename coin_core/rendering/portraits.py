"""Portrait heads, which most ancient coins of other series carry."""

import math
from collections.abc import Callable

import numpy as np

from coin_core.rendering.engraving import DieCanvas, bezier, ellipse
from coin_core.rendering.letters import Point, parse_strokes

_ToDie = Callable[[float, float], Point]
"""Converts a point in units of the head's height to die coordinates."""

# Outlines of a head to the right, in hundredths of its height: brow to throat, and
# nape to brow.
_PROFILE, _SKULL = parse_strokes(
    "18,-42 30,-33 33,-20 34,-12 31,-8 40,6 41,9 34,11 37,16 34,20 37,24 33,28 36,36 "
    "30,43 18,40 12,42; -16,44 -22,28 -34,12 -40,-8 -36,-28 -22,-42 0,-48"
)


def draw_head(die: DieCanvas, rng: np.random.Generator) -> None:
    """Engrave a head in profile: bare, laureate, radiate, diademed or helmeted."""
    size = float(rng.uniform(0.46, 0.68))
    facing = 1 if rng.random() < 0.7 else -1
    width = float(rng.uniform(0.78, 1.05))
    centre = (float(rng.normal(0, 0.012)), float(rng.uniform(-0.06, 0.0)))
    tilt = float(rng.normal(0, 0.08))
    cos, sin = math.cos(tilt), math.sin(tilt)

    def at(x: float, y: float) -> Point:
        u, v = x * width * size, y * size
        return (centre[0] + facing * (u * cos - v * sin), centre[1] + u * sin + v * cos)

    weight = float(rng.uniform(0.7, 1.5))
    nose = float(rng.uniform(0.85, 1.2))
    bust = rng.random() < 0.45
    _neck(die, rng, at, size, bust)
    outline = [
        (x + 0.34 * (nose - 1) if 0 <= y < 0.1 else x, y + float(rng.normal(0, 0.006)))
        for x, y in _PROFILE
    ]
    die.body([at(x, y) for x, y in (*outline, *_SKULL)], 0.16 * size, 245, 105)
    # eye, brow, mouth, ear
    die.line([at(0.16, -0.15), at(0.29, -0.14)], 0.016 * weight, 255)
    die.body([at(x, y) for x, y in ellipse((0.21, -0.08), 0.05, 0.03)], 0.012, 235, 110)
    die.line([at(0.26, 0.2), at(0.34, 0.2)], 0.01 * weight, 90)
    die.line([at(0.24, 0.06), at(0.33, 0.12)], 0.008 * weight, 130)
    die.ring(at(-0.04, 0.0), 0.05 * size, 0.012 * weight, 250)
    _hair(die, rng, at, size, weight)
    if rng.random() < 0.4:
        _beard(die, rng, at, weight)
    _headgear(die, rng, at, size, weight)


def _neck(
    die: DieCanvas, rng: np.random.Generator, at: _ToDie, size: float, bust: bool
) -> None:
    base = float(rng.uniform(0.62, 0.74))
    neck = [at(0.14, 0.38), at(0.13, 0.5), at(0.2, base - 0.02)]
    neck += [at(0.0, base + 0.05), at(-0.3, base - 0.04), at(-0.2, 0.35)]
    die.body(neck, 0.09 * size, 225, 110)
    if not bust:
        return
    shoulders = [at(0.13, 0.5), at(0.38, base), at(0.3, base + 0.12)]
    shoulders += [at(0.0, base + 0.17), at(-0.42, base + 0.1), at(-0.4, base - 0.1)]
    shoulders += [at(-0.2, 0.48)]
    die.body(shoulders, 0.06 * size, 215, 110)
    for k in range(int(rng.integers(3, 7))):
        fold = bezier(
            at(-0.36 + 0.1 * k, base - 0.06),
            at(-0.2 + 0.1 * k, base),
            at(-0.1 + 0.09 * k, base + 0.13),
        )
        die.line(fold, 0.012, 245 if k % 2 else 110)


def _hair(
    die: DieCanvas, rng: np.random.Generator, at: _ToDie, size: float, weight: float
) -> None:
    kind = rng.random()
    rows = int(rng.integers(4, 7))
    if kind < 0.45:  # combed strands
        for row in range(rows):
            t = row / rows
            strand = bezier(
                at(0.2 - 0.52 * t, -0.42 + 0.1 * t * t),
                at(0.02 - 0.4 * t, -0.3 + 0.2 * t),
                at(0.16 - 0.38 * t, -0.2 + 0.42 * t),
                6,
            )
            die.line(strand, 0.016 * weight, 250 if row % 2 else 140)
        for row in range(rows):
            t = row / rows
            die.line(
                bezier(
                    at(-0.36, -0.2 + 0.3 * t), at(-0.2, -0.3 + 0.4 * t), at(0, -0.3)
                ),
                0.012 * weight,
                240,
            )
    elif kind < 0.85:  # curls
        for row in range(rows):
            for k in range(7):
                a = math.pi * (0.98 + 0.78 * k / 6)
                r = 0.46 - 0.075 * row
                x, y = r * math.cos(a) * 0.86, r * math.sin(a)
                if x > 0.2 or (row > 3 and x > 0.02):
                    continue
                if rng.random() < 0.5:
                    die.pellet(
                        at(x, y), 0.026 * size * weight, int(rng.integers(150, 256))
                    )
                else:
                    die.ring(at(x, y), 0.026 * size, 0.011 * weight, 245)
    if rng.random() < 0.2:  # a woman's bun
        die.body(
            [at(x, y) for x, y in ellipse((-0.42, 0.05), 0.12, 0.1)], 0.06 * size, 235
        )


def _beard(die: DieCanvas, rng: np.random.Generator, at: _ToDie, weight: float) -> None:
    long = float(rng.uniform(0.0, 0.2))
    for k in range(int(rng.integers(10, 26))):
        x = float(rng.uniform(-0.1, 0.3))
        y = float(rng.uniform(0.22, 0.44 + long)) - (0.3 - x) * 0.2
        tip = at(x + float(rng.uniform(-0.03, 0.03)), y + 0.07)
        die.line([at(x, y), tip], 0.013 * weight, 250 if k % 2 else 150)


def _headgear(
    die: DieCanvas, rng: np.random.Generator, at: _ToDie, size: float, weight: float
) -> None:
    kind = rng.random()
    band = bezier(at(0.26, -0.28), at(0.0, -0.26), at(-0.4, -0.02), 9)
    if kind < 0.4:  # laurel
        for x, y in band:
            for side in (-1, 1):
                lift = side * 0.028 * size
                leaf = ellipse(
                    (x, y + lift), 0.042 * size, 0.016 * size, 0.3 + 0.4 * side
                )
                die.body(leaf, 0.012, 255, 150)
    elif kind < 0.55:  # rays
        die.line(band, 0.02 * weight, 255)
        for x, y in band[1:8]:
            away = (x - at(-0.02, 0.0)[0], y - at(0, 0.05)[1])
            scale = 0.62
            die.line([(x, y), (x + away[0] * scale, y + away[1] * scale)], 0.018, 235)
    elif kind < 0.75:  # diadem
        die.line(band, 0.026 * weight, 255)
    elif kind < 0.85:  # helmet
        bowl = [at(0.28, -0.26), at(0.12, -0.52), at(-0.24, -0.5), at(-0.45, -0.2)]
        die.body([*bowl, at(-0.34, 0.06)], 0.1 * size, 245, 140)
        crest = bezier(at(0.1, -0.55), at(-0.4, -0.7), at(-0.55, -0.05))
        die.line(crest, 0.04 * weight, 225)
    else:
        return
    for k in range(2):  # the ties at the nape
        tie = bezier(at(-0.4, -0.02), at(-0.5, 0.08), at(-0.42 - 0.08 * k, 0.3))
        die.line(tie, 0.014 * weight, 220)
