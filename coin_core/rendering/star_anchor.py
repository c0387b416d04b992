"""The lepton with star and anchor, the coin most often mistaken for a prutah."""

import math

import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.engraving import (
    DieCanvas,
    bezier,
    ellipse,
    polar,
    tapered_band,
)
from coin_core.rendering.letters import GREEK

# Capitals that resemble the crude letters of the Aramaic and Hebrew legends.
_CRUDE = "HZLTFΓNXVAK"


def draw_die(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Engrave either side; relief 0 (field) to 1, float32 (size_px, size_px)."""
    if rng.random() < 0.5:
        return draw_star(rng, size_px)
    return draw_anchor(rng, size_px)


def draw_star(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Engrave a star of six to eight rays in a diadem or a circle of pellets."""
    die = DieCanvas(size_px)
    thickness = float(rng.uniform(0.7, 1.5))
    rays = int(rng.choice([6, 7, 8, 8, 8, 8]))
    length = float(rng.uniform(0.2, 0.34))
    first = float(rng.uniform(0, 2 * math.pi))
    detached = rng.random() < 0.5
    wedge = rng.random() < 0.6
    hub = float(rng.uniform(0.02, 0.05)) * thickness
    for k in range(rays):
        angle = first + 2 * math.pi * k / rays + float(rng.normal(0, 0.03))
        r0 = hub * (1.6 if detached else 0.3)
        r1 = length * float(rng.uniform(0.9, 1.08))
        spine = [polar(r, angle) for r in (r0, (r0 + r1) / 2, r1)]
        if wedge:
            widths = [0.022 * thickness, 0.034 * thickness, 0.05 * thickness]
            if rng.random() < 0.3:
                widths.reverse()
            die.body(tapered_band(spine, widths), 0.02, 235, 130)
        else:
            die.line(spine, 0.03 * thickness, 225)
        rng.random()  # unused, but it keeps the later draws the same
    die.body(ellipse((0, 0), hub, hub), hub, 255, 150)
    frame = rng.random()
    ring = length + float(rng.uniform(0.035, 0.07))
    if frame < 0.45:  # a diadem, with its ends tied
        die.ring((0, 0), ring, 0.028 * thickness, 210)
        if rng.random() < 0.5:
            angle = float(rng.uniform(0, 2 * math.pi))
            x, y = polar(ring, angle)
            for side in (-0.5, 0.5):
                dx, dy = polar(0.13, angle + side)
                die.line([(x, y), (x + dx, y + dy)], 0.018 * thickness, 200)
    elif frame < 0.85:
        die.pellet_ring(ring, 0.012 * thickness, float(rng.uniform(2.2, 3.4)))
    if rng.random() < 0.4:  # letters between the rays
        for k in range(rays):
            if rng.random() < 0.25:
                continue
            angle = first + 2 * math.pi * (k + 0.5) / rays
            letter = _CRUDE[int(rng.integers(len(_CRUDE)))]
            at, turn = polar(length * 0.72, angle), angle + math.pi / 2
            die.text(letter, at, 0.075, 0.014 * thickness, turn=turn)
    if ring < 0.36 and rng.random() < 0.7:
        _rim_legend(die, rng, _CRUDE, ring + 0.065, thickness)
    return die.relief(float(rng.uniform(0.003, 0.007)))


def draw_anchor(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Engrave an anchor, mostly upside down, in a circle with a Greek legend."""
    die = DieCanvas(size_px)
    thickness = float(rng.uniform(0.7, 1.5))
    down = -1 if rng.random() < 0.75 else 1  # -1: upside down
    half_height = float(rng.uniform(0.15, 0.25))
    half_width = float(rng.uniform(0.13, 0.22))
    width = 0.034 * thickness
    crown = down * half_height
    stock = -crown * float(rng.uniform(0.55, 0.8))
    die.line([(0, crown), (0, -crown)], width, 230)
    for side in (-1, 1):
        tip = (side * half_width, crown - down * float(rng.uniform(0.08, 0.14)))
        control = (side * half_width, crown + down * 0.03)
        die.line(bezier((0, crown), control, tip), width, 235)
        if rng.random() < 0.6:
            fluke = (side * (half_width - 0.05), tip[1] + down * 0.01)
            die.line([tip, fluke], width * 0.8, 220)
    bar = half_width * float(rng.uniform(0.6, 0.95))
    die.line([(-bar, stock), (bar, stock)], width, 230)
    if rng.random() < 0.7:
        for side in (-1, 1):
            die.pellet((side * bar, stock), 0.022 * thickness)
    if rng.random() < 0.75:
        eye = (0, -down * (half_height + 0.03))
        die.ring(eye, 0.032 * thickness, 0.016 * thickness, 220)
    ring = math.hypot(half_width, half_height) + float(rng.uniform(0.02, 0.06))
    kind = rng.random()
    if kind < 0.6:
        die.ring((0, 0), min(ring, 0.36), 0.016 * thickness, 200)
    elif kind < 0.8:
        die.pellet_ring(min(ring, 0.4), 0.011 * thickness)
    if rng.random() < 0.75:
        _rim_legend(die, rng, GREEK, min(ring, 0.36) + 0.06, thickness)
    elif rng.random() < 0.5:
        for side in (-1, 1):
            letter = _CRUDE[int(rng.integers(len(_CRUDE)))]
            die.text(letter, (side * 0.13, 0.0), 0.08, 0.016 * thickness)
    if rng.random() < 0.4:
        die.border(rng)
    return die.relief(float(rng.uniform(0.003, 0.007)))


def _rim_legend(
    die: DieCanvas,
    rng: np.random.Generator,
    letters: str,
    radius: float,
    thickness: float,
) -> None:
    die.rim_legend(
        rng,
        letters,
        radius=min(radius, 0.41),
        size=float(rng.uniform(0.06, 0.09)),
        width=0.014 * thickness,
        start=float(rng.uniform(0, 2 * math.pi)),
        sweep=float(rng.uniform(3.5, 6.2)),
    )
