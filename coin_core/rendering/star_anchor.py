"""The lepton with star and anchor: the coin most often taken for a prutah."""

import math

import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.engraving import GREEK, Engraver, bent, oval, tapered

# letters of the Aramaic and Hebrew legends, cut so crudely that strokes must do
_CRUDE = "HZLTFΓNXVAK"


def draw_die(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Cut either side; relief 0..1, float32 (size_px, size_px)."""
    if rng.random() < 0.5:
        return draw_star(rng, size_px)
    return draw_anchor(rng, size_px)


def draw_star(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Cut a star of six to eight rays in a diadem or a circle of pellets."""
    die = Engraver(size_px)
    thick = float(rng.uniform(0.7, 1.5))
    rays = int(rng.choice([6, 7, 8, 8, 8, 8]))
    long = float(rng.uniform(0.2, 0.34))
    first = float(rng.uniform(0, 2 * math.pi))
    detached = rng.random() < 0.5
    wedge = rng.random() < 0.6
    hub = float(rng.uniform(0.02, 0.05)) * thick
    for k in range(rays):
        a = first + 2 * math.pi * k / rays + float(rng.normal(0, 0.03))
        r0 = hub * (1.6 if detached else 0.3)
        r1 = long * float(rng.uniform(0.9, 1.08))
        cos, sin = math.cos(a), math.sin(a)
        spine = [(r * cos, r * sin) for r in (r0, (r0 + r1) / 2, r1)]
        if wedge:
            widths = [0.022 * thick, 0.034 * thick, 0.05 * thick]
            if rng.random() < 0.3:
                widths.reverse()
            die.body(tapered(spine, widths), 0.02, 235, 130)
        else:
            die.line(spine, 0.03 * thick, 225)
        if rng.random() < 0.06:
            continue
    die.body(oval((0, 0), hub, hub), hub, 255, 150)
    round_it = rng.random()
    ring = long + float(rng.uniform(0.035, 0.07))
    if round_it < 0.45:  # the diadem, its ends tied
        die.ring((0, 0), ring, 0.028 * thick, 210)
        if rng.random() < 0.5:
            a = float(rng.uniform(0, 2 * math.pi))
            knot = (ring * math.cos(a), ring * math.sin(a))
            for side in (-0.5, 0.5):
                tip = (
                    knot[0] + 0.13 * math.cos(a + side),
                    knot[1] + 0.13 * math.sin(a + side),
                )
                die.line([knot, tip], 0.018 * thick, 200)
    elif round_it < 0.85:
        die.pellets(ring, 0.012 * thick, float(rng.uniform(2.2, 3.4)))
    if rng.random() < 0.4:  # letters between the rays
        for k in range(rays):
            if rng.random() < 0.25:
                continue
            a = first + 2 * math.pi * (k + 0.5) / rays
            at = (long * 0.72 * math.cos(a), long * 0.72 * math.sin(a))
            letter = _CRUDE[int(rng.integers(len(_CRUDE)))]
            die.text(letter, at, 0.075, 0.014 * thick, turn=a + math.pi / 2)
    if ring < 0.36 and rng.random() < 0.7:
        _rim_legend(die, rng, _CRUDE, ring + 0.065, thick)
    return die.relief(float(rng.uniform(0.003, 0.007)))


def draw_anchor(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Cut an anchor, mostly upside down, in a circle with a Greek legend."""
    die = Engraver(size_px)
    thick = float(rng.uniform(0.7, 1.5))
    up = -1 if rng.random() < 0.75 else 1  # -1: arms above
    reach = float(rng.uniform(0.15, 0.25))
    half = float(rng.uniform(0.13, 0.22))
    width = 0.034 * thick
    arms, stock = up * reach, -up * reach * float(rng.uniform(0.55, 0.8))
    die.line([(0, arms), (0, -up * reach)], width, 230)
    for side in (-1, 1):
        tip = (side * half, arms - up * float(rng.uniform(0.08, 0.14)))
        die.line(bent((0, arms), (side * half, arms + up * 0.03), tip), width, 235)
        if rng.random() < 0.6:
            fluke = (side * (half - 0.05), tip[1] + up * 0.01)
            die.line([tip, fluke], width * 0.8, 220)
    bar = half * float(rng.uniform(0.6, 0.95))
    die.line([(-bar, stock), (bar, stock)], width, 230)
    if rng.random() < 0.7:
        for side in (-1, 1):
            die.dot((side * bar, stock), 0.022 * thick)
    if rng.random() < 0.75:
        die.ring((0, -up * (reach + 0.03)), 0.032 * thick, 0.016 * thick, 220)
    ring = math.hypot(half, reach) + float(rng.uniform(0.02, 0.06))
    kind = rng.random()
    if kind < 0.6:
        die.ring((0, 0), min(ring, 0.36), 0.016 * thick, 200)
    elif kind < 0.8:
        die.pellets(min(ring, 0.4), 0.011 * thick)
    if rng.random() < 0.75:
        _rim_legend(die, rng, GREEK, min(ring, 0.36) + 0.06, thick)
    elif rng.random() < 0.5:
        for side in (-1, 1):
            letter = _CRUDE[int(rng.integers(len(_CRUDE)))]
            die.text(letter, (side * 0.13, 0.0), 0.08, 0.016 * thick)
    if rng.random() < 0.4:
        die.border(rng)
    return die.relief(float(rng.uniform(0.003, 0.007)))


def _rim_legend(
    die: Engraver, rng: np.random.Generator, letters: str, radius: float, thick: float
) -> None:
    die.legend(
        rng,
        letters,
        radius=min(radius, 0.41),
        size=float(rng.uniform(0.06, 0.09)),
        width=0.014 * thick,
        start=float(rng.uniform(0, 2 * math.pi)),
        sweep=float(rng.uniform(3.5, 6.2)),
    )
