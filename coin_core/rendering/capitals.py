"""Dies with a legend of Latin or Greek capitals along the rim, around a picture.

Most Roman and provincial coins have one. Lengths are in units of the die's radius, with
the centre at (0, 0) and y down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.engraving import DieCanvas, PlacedCanvas, polar
from coin_core.rendering.legend_die import EngravedLetter
from coin_core.rendering.letters import CAPITALS, LetterForm, parse_strokes
from coin_core.rendering.other_coins import draw_picture

# Widths relative to the height, where they are not 0.75.
_WIDTHS = {
    **{"I": 0.25, "F": 0.58, "E": 0.6, "L": 0.62, "P": 0.62, "S": 0.62, "B": 0.65},
    **{"R": 0.7, "T": 0.78, "D": 0.8, "G": 0.8, "H": 0.8, "X": 0.8, "A": 0.85},
    **{"N": 0.85, "O": 0.85, "Q": 0.85, "V": 0.85, "Ω": 0.95, "M": 1.0},
}
# Other forms that engravers cut. Where a letter has any, the plain one is among them.
_FORMS = {
    "A": (
        *("0,100 50,0 100,100; 22,62 78,62", "0,100 50,0 100,100"),
        *("0,100 45,0 100,100; 45,0 35,60", "5,100 40,0 60,0 95,100; 22,62 78,62"),
        *(
            "0,100 50,0 100,100; 22,62 50,80 78,62",
            "8,100 28,0 72,0 92,100; 18,55 82,55",
        ),
    ),
    "C": ("95,15 50,0 12,25 5,50 12,75 50,100 95,85", "80,5 20,5 10,50 20,95 80,95"),
    "E": (
        *(
            "80,0 15,0 15,100 80,100; 15,50 70,50",
            "90,0 15,0 15,100 90,100; 15,50 90,50",
        ),
        "95,10 50,0 10,30 10,70 50,100 95,90; 10,50 75,50",
    ),
    "F": ("85,0 15,0 15,100; 15,48 65,48",),
    "G": (
        "90,15 50,0 10,30 10,70 50,100 90,90; 90,95 90,55",
        "90,15 50,0 10,30 10,70 50,100 90,85 90,60 60,60",
    ),
    "L": ("15,0 15,100 90,100", "15,0 15,100 70,95"),
    "M": (
        *("5,100 5,0 50,70 95,0 95,100", "0,100 20,0 50,80 80,0 100,100"),
        "0,100 25,0 50,100 75,0 100,100",
    ),
    "N": (
        *("10,100 10,0 90,100 90,0", "10,100 10,0 90,70 90,0"),
        "5,100 25,0 75,100 95,0",
    ),
    "P": (
        *("15,100 15,0 75,5 80,40 15,52", "15,100 15,0 70,0 90,25 70,50 15,50"),
        "15,100 15,0 80,10 85,35 50,45",
    ),
    "Q": ("50,0 90,30 90,70 50,100 10,70 10,30 50,0; 60,75 100,110",),
    "R": (
        "15,100 15,0 75,5 80,40 15,50; 40,50 95,100",
        "15,100 15,0 80,10 80,40 40,50 95,100",
    ),
    "S": (
        "90,10 40,0 10,25 90,72 60,100 10,90",
        "85,12 55,0 20,12 25,38 75,60 82,88 45,100 12,88",
        "90,5 30,0 15,30 80,60 85,90 15,95",
    ),
    "T": ("0,0 100,0; 50,0 50,100", "15,0 85,0; 50,0 50,100"),
    "V": ("0,0 50,100 100,0", "10,0 50,100 90,0", "10,0 10,60 50,100 90,60 90,0"),
    "Y": ("0,0 50,50 100,0; 50,50 50,100",),
    "Σ": ("90,0 10,0 60,50 10,100 90,100", "95,15 50,0 10,30 10,70 50,100 95,85"),
    "Ω": (
        "0,100 30,100 10,30 50,0 90,30 70,100 100,100",
        "5,0 10,80 30,95 50,50 70,95 90,80 95,0",
    ),
}
# What legends are drawn from, roughly as frequent as on coins.
_LATIN = "AAABCCDEEEFGHIIIILMMNNOPPPRRSSSTTVVVXQ"
_GREEK = "AABΓΔEEHΘIIKΛMNNOOΠPPΣΣTYΦΩXZ"
_FULL_TURN = 2 * math.pi

CAPITAL_FORMS: dict[str, tuple[LetterForm, ...]] = {
    letter: tuple(
        LetterForm(width=_WIDTHS.get(letter, 0.75), strokes=strokes)
        for strokes in (
            map(parse_strokes, _FORMS[letter])
            if letter in _FORMS
            else [CAPITALS[letter]]
        )
    )
    for letter in sorted({*_LATIN, *_GREEK})
}
"""The forms of each capital that legends on rims are drawn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    """How one engraver cuts capitals: heights in radii, the others per height.

    With little `evenness`, upright strokes are thick and the others thin, as on late
    Roman bronzes.
    """

    height: float
    thickness: float
    evenness: float
    wedge: float
    serif: float
    slant: float
    jitter: float
    squeeze: float
    gap: float
    word_ends: float
    form_of: dict[str, int]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _Manner:
        return cls(
            height=float(rng.uniform(0.11, 0.21)),
            thickness=float(rng.uniform(0.12, 0.36)),
            evenness=float(rng.uniform(0.2, 1)) if rng.random() < 0.6 else 1.0,
            wedge=float(rng.uniform(0, 0.6)) if rng.random() < 0.6 else 0.0,
            serif=float(rng.uniform(0.25, 0.7)) if rng.random() < 0.5 else 0.0,
            slant=float(rng.normal(0, 0.06)),
            jitter=float(rng.uniform(0.01, 0.05)),
            squeeze=float(rng.uniform(0.75, 1.1)),
            gap=float(rng.uniform(0.06, 0.4)),
            word_ends=float(rng.uniform(0, 0.2)),
            form_of={
                letter: int(rng.integers(len(forms)))
                for letter, forms in CAPITAL_FORMS.items()
            },
        )

    def pick_form(self, letter: str, rng: np.random.Generator) -> LetterForm:
        """The engraver's form of a letter, or in a tenth of cases a random one."""
        forms = CAPITAL_FORMS[letter]
        slips = rng.random() < 0.1
        return forms[int(rng.integers(len(forms))) if slips else self.form_of[letter]]


def engrave_rim_die(
    rng: np.random.Generator, canvas: PlacedCanvas
) -> tuple[list[EngravedLetter], NDArray[np.uint8]]:
    """Engrave a legend of random capitals, a border, and most often a picture.

    Returns:
        The letters, and the whole die where it meets the flan, 0 to 255, (S, S).
    """
    manner = _Manner.draw(rng)
    edge = float(rng.uniform(0.8, 0.98))
    letters = _engrave_legend(rng, canvas, manner, edge)
    _engrave_border(rng, canvas, edge + float(rng.uniform(0.02, 0.08)))
    ink = canvas.relief()
    if rng.random() < 0.93:
        # A bust may reach into the legend.
        reach = (edge - manner.height) * float(rng.uniform(1.05, 1.35))
        ink = np.maximum(ink, _engrave_picture(rng, canvas, min(1.0, reach)))
    return letters, ink


def _draw_arcs(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Where legends begin, clockwise from the right, and the angles that they span."""
    chance = rng.random()
    if chance < 0.55:  # around, beginning below on the left
        start = math.pi * float(rng.uniform(0.52, 0.95))
        return [(start, float(rng.uniform(3.2, 5.9)))]
    if chance < 0.85:  # on both sides
        left, right = rng.uniform(1.2, 2.7, 2).tolist()
        middles = rng.normal((math.pi, 0), 0.2).tolist()
        return [(middles[0] - left / 2, left), (middles[1] - right / 2, right)]
    return [(float(rng.uniform(0, _FULL_TURN)), float(rng.uniform(2, 6)))]


def _engrave_legend(
    rng: np.random.Generator, canvas: PlacedCanvas, manner: _Manner, edge: float
) -> list[EngravedLetter]:
    """Engrave capitals whose tops, or feet, are at a radius; return them."""
    alphabet = _LATIN if rng.random() < 0.75 else _GREEK
    radius = edge - manner.height / 2 - float(rng.uniform(0, 0.05))
    outward = 1 if rng.random() < 0.88 else -1  # tops outside, as on most coins
    relief = int(rng.integers(190, 256))
    lines: list[NDArray[np.float64]] = []
    widths: list[tuple[float, float, float]] = []
    letters = []
    for start, sweep in _draw_arcs(rng):
        at = 0.0
        while True:
            letter = alphabet[int(rng.integers(len(alphabet)))]
            form = manner.pick_form(letter, rng)
            height = manner.height * float(rng.uniform(0.9, 1.1))
            width = height * form.width * manner.squeeze
            width *= float(rng.uniform(0.88, 1.12))
            gap = height * manner.gap * float(rng.uniform(0.7, 1.3))
            if rng.random() < manner.word_ends:
                gap += height * float(rng.uniform(0.2, 0.9))
            step = (width + gap) / radius
            if at + step > sweep:
                break
            middle = at + step / 2
            at += step
            if rng.random() < 0.03:
                continue
            angle = start + (middle if outward == 1 else sweep - middle)
            turn = angle + outward * math.pi / 2 + float(rng.normal(0, 0.05))
            centre = polar(radius + float(rng.normal(0, 0.04)) * height, angle)
            strokes, thicknesses = _place_letter(
                rng, manner, form, (width, height), centre, turn
            )
            lines += strokes
            widths += thicknesses
            px = canvas.placement.to_px(np.concatenate(strokes))
            die_px = canvas.placement.radius
            letters.append(
                EngravedLetter(
                    letter=letter,
                    box_px=(*px.min(axis=0).tolist(), *px.max(axis=0).tolist()),
                    upright_px=(width * die_px, height * die_px),
                    in_name=False,
                )
            )
    if lines:
        canvas.strokes(lines, widths, relief)
    return letters


def _place_letter(
    rng: np.random.Generator,
    manner: _Manner,
    form: LetterForm,
    size: tuple[float, float],
    centre: tuple[float, float],
    turn: float,
) -> tuple[list[NDArray[np.float64]], list[tuple[float, float, float]]]:
    """The polylines of a letter on the die, serifs included, and their widths."""
    width, height = size
    cos, sin = math.cos(turn), math.sin(turn)
    lines, widths = [], []
    for stroke in form.strokes:
        points = np.array(stroke) - 0.5
        points = points + rng.normal(0, manner.jitter, points.shape)
        x = points[:, 0] * width - points[:, 1] * manner.slant * height
        y = points[:, 1] * height
        across = centre[0] + x * cos - y * sin
        line = np.stack([across, centre[1] + x * sin + y * cos], axis=1)
        thickness = manner.thickness * height * float(rng.uniform(0.85, 1.15))
        ends = [1 + 0.4 * manner.wedge, 1 - manner.wedge]
        if rng.random() < 0.5:
            ends.reverse()
        # A stroke whose width depends on its direction is cut at its corners.
        even = manner.evenness == 1
        cuts = [0, len(line) - 1] if even else range(len(line))
        for first, last in pairwise(cuts):
            over, up = abs(x[last] - x[first]), abs(y[last] - y[first])
            upright = 1.0 if even else up / (over + up + 1e-9)
            middle = thickness * (manner.evenness + (1 - manner.evenness) * upright**2)
            lines.append(line[first : last + 1])
            widths.append((ends[0] * middle, sum(ends) / 2 * middle, ends[1] * middle))
        for tip, other in ((line[0], line[1]), (line[-1], line[-2])):
            if manner.serif:
                along = (tip - other) / (np.hypot(*(tip - other)) + 1e-9)
                half = np.array([-along[1], along[0]]) * height * manner.serif * 0.35
                lines.append(np.stack([tip - half, tip + half]))
                widths.append((0.6 * thickness,) * 3)
    return lines, widths


def _engrave_border(
    rng: np.random.Generator, canvas: PlacedCanvas, radius: float
) -> None:
    """Engrave pellets, a circle, both, teeth, or nothing around the legend."""
    kind = int(rng.integers(6))
    if kind < 3:
        around = _circle(int(rng.integers(45, 110)), radius)
        pellet = float(rng.uniform(0.012, 0.034))
        canvas.pellets(around, np.full(len(around), pellet), 200)
    if kind in (2, 3):
        around = _circle(64, radius - 0.02)
        canvas.strokes([np.concatenate([around, around[:1]])], [(0.02,) * 3], 180)
    if kind == 4:
        around = _circle(int(rng.integers(50, 90)), radius)
        reach = 0.04 / radius
        teeth = [np.stack([at * (1 - reach), at * (1 + reach)]) for at in around]
        canvas.strokes(teeth, [(0.02,) * 3] * len(teeth), 180)


def _circle(count: int, radius: float) -> NDArray[np.float64]:
    """Points along a circle, (count, 2)."""
    angles = np.linspace(0, _FULL_TURN, count, endpoint=False)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _engrave_picture(
    rng: np.random.Generator, canvas: PlacedCanvas, reach: float
) -> NDArray[np.uint8]:
    """A head or an emblem within a radius, where it meets the flan, uint8 (S, S)."""
    size_px = canvas.size_px
    die = DieCanvas(size_px)
    draw_picture(die, rng)
    relief = die.relief(float(rng.uniform(0.002, 0.006)))
    return canvas.placement.place(np.round(relief * 255).astype(np.uint8), reach)
