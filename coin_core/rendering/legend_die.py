"""The die of the wreath side: the legend in a wreath, engraved stroke by stroke.

Lengths are in units of the die's radius, with the centre at (0, 0) and y down.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coin_core.legends import Legend, draw_legend
from coin_core.rendering.engraving import PlacedCanvas, polar
from coin_core.rendering.letters import Hand

# Letters that many engravers cut lower than the others, and the least relative height.
_LOW_LETTERS = {"taw": 0.55, "dalet": 0.7, "yod": 0.75}
_NARROW_LETTERS = frozenset({"waw", "nun", "gimel", "lamed"})
_LEAF = np.array(((0, 0), (0.3, 0.5), (0.65, 0.42), (1, 0), (0.65, -0.42), (0.3, -0.5)))


@dataclass(frozen=True, slots=True, kw_only=True)
class EngravedLetter:
    """A letter on the placed die.

    Attributes:
        letter: Its key, as in `rulers.LETTERS`.
        box_px: Left, top, right and bottom in the image.
        upright_px: Width and height before the die is turned.
        in_name: Whether the letter is part of the ruler's name.
    """

    letter: str
    box_px: tuple[float, float, float, float]
    upright_px: tuple[float, float]
    in_name: bool


class _Strokes:
    """Letters in one hand, collected to be drawn together."""

    def __init__(self, rng: np.random.Generator, canvas: PlacedCanvas) -> None:
        self.rng, self.canvas = rng, canvas
        self.hand = Hand.draw(rng)
        self.lines: list[NDArray[np.float64]] = []
        self.widths: list[tuple[float, float, float]] = []
        self.letters: list[EngravedLetter] = []

    def add(
        self,
        letter: str,
        left: float,
        top: float,
        width: float,
        height: float,
        in_name: bool,
    ) -> None:
        """Write a letter into a box."""
        lines = self._draw(letter, left, top, width, height)
        self.lines.extend(lines)
        px = self.canvas.placement.to_px(np.concatenate(lines))
        radius = self.canvas.placement.radius
        self.letters.append(
            EngravedLetter(
                letter=letter,
                box_px=(*px.min(axis=0).tolist(), *px.max(axis=0).tolist()),
                upright_px=(width * radius, height * radius),
                in_name=in_name,
            )
        )

    def _draw(
        self, letter: str, left: float, top: float, width: float, height: float
    ) -> list[NDArray[np.float64]]:
        """The polylines of a letter; appends their widths."""
        rng, hand = self.rng, self.hand
        form = hand.pick_form(letter, rng)
        slant = float(rng.normal(0.0, 0.05)) + hand.slant
        counts = [len(stroke) for stroke in form.strokes]
        points = np.array([point for stroke in form.strokes for point in stroke])
        points = points + rng.normal(0, hand.jitter, points.shape)
        x = left + points[:, 0] * width - (points[:, 1] - 0.5) * slant * height
        placed = np.stack([x, top + points[:, 1] * height], axis=1)
        lines = np.split(placed, np.cumsum(counts)[:-1])
        chances = rng.random((len(counts), 3)).tolist()
        for number, (chance, flip, leaf) in enumerate(chances):
            thickness = hand.thickness * height * (0.8 + 0.4 * chance)
            if leaf < hand.leaf:  # thick in the middle, pointed at both ends
                self.widths.append(
                    (0.25 * thickness, 1.35 * thickness, 0.25 * thickness)
                )
                if len(lines[number]) == 2:
                    middle = lines[number].mean(0)
                    lines[number] = np.insert(lines[number], 1, middle, 0)
                continue
            start = thickness * (1 + 0.4 * hand.wedge)
            end = thickness * (1 - hand.wedge)
            if flip >= 0.7:
                start, end = end, start
            self.widths.append((start, (start + end) / 2, end))
        return lines


def engrave_legend(
    rng: np.random.Generator,
    canvas: PlacedCanvas,
    legend: Legend,
    field_radius: float,
) -> list[EngravedLetter]:
    """Engrave a legend into a round field; returns its letters in reading order."""
    strokes = _Strokes(rng, canvas)
    rows = len(legend.lines) + (1 if legend.greek_a else 0)
    pitch = 2 * field_radius * float(rng.uniform(0.9, 1.08)) / max(rows, 4)
    letter_height = pitch * float(rng.uniform(0.74, 0.96))
    top = -pitch * rows / 2 + float(rng.normal(0, 0.03))
    wave = float(rng.normal(0, 0.03))
    row = 0
    if legend.greek_a:
        height = letter_height * float(rng.uniform(0.8, 1.1))
        x = float(rng.normal(0, 0.06))
        strokes.add("greek_a", x - height * 0.42, top, height * 0.85, height, False)
        row = 1
    for line in legend.lines:
        middle = top + (row + 0.5) * pitch
        chord = 2 * math.sqrt(max(field_radius**2 - middle**2, 0.25 * field_radius**2))
        mean_width = letter_height * 0.74
        natural = len(line) * mean_width * float(rng.uniform(1.15, 1.6))
        across = min(natural, chord * float(rng.uniform(0.95, 1.15)))
        right = across / 2 + float(rng.normal(0, 0.04))
        step = across / len(line)
        for place, letter in enumerate(line):
            height = letter_height * float(rng.uniform(0.82, 1.15))
            if letter in _LOW_LETTERS:
                height *= float(rng.uniform(_LOW_LETTERS[letter], 1.0))
            width = step * float(rng.uniform(0.76, 1.02))
            if letter in _NARROW_LETTERS:
                width *= 0.88
            x = right - (place + 0.5) * step - width / 2
            y = middle - height / 2 + wave * math.sin(3 * x + row)
            y += float(rng.normal(0, 0.06)) * letter_height
            width = min(width, height * 1.05)
            in_name = len(strokes.letters) - legend.greek_a < legend.name_letters
            strokes.add(letter, x, y, width, height, in_name)
        row += 1
    canvas.strokes(strokes.lines, strokes.widths)
    return strokes.letters


def _leaf(
    x: float, y: float, angle: float, length: float, width: float
) -> NDArray[np.float64]:
    along = np.array(polar(1, angle)) * length
    across = np.array([-math.sin(angle), math.cos(angle)]) * width
    return np.array([x, y]) + _LEAF[:, :1] * along + _LEAF[:, 1:] * across


def engrave_wreath(
    rng: np.random.Generator, canvas: PlacedCanvas, inner_radius: float
) -> None:
    """Engrave two branches tied below: groups of leaves, and pellets between them."""
    groups = int(rng.integers(4, 8))
    length = float(rng.uniform(0.24, 0.44))
    width = length * float(rng.uniform(0.12, 0.26))
    spread = float(rng.uniform(0.25, 0.6))
    step = length * float(rng.uniform(0.0, 0.4))  # from one leaf's foot to the next
    leaves = 3 if rng.random() < 0.6 else 2
    tilt = float(rng.normal(0.25, 0.15))
    has_stem = rng.random() < 0.3
    shapes, pellets, pellet_radii = [], [], []
    for side in (-1, 1):
        # angles run from the tie at six o'clock up to twelve
        angles = np.linspace(0.12, math.pi - 0.45, groups)
        for angle in (angles + rng.normal(0, 0.05, groups)).tolist():
            around = math.pi / 2 - side * angle
            x, y = polar(inner_radius + float(rng.uniform(0.04, 0.1)), around)
            heading = around - side * (math.pi / 2 - tilt)
            for leaf in range(leaves):
                turn = (leaf - (leaves - 1) / 2) * spread
                ahead = step if abs(turn) < 0.01 else 0.0
                leaf_length = length * float(rng.uniform(0.85, 1.1))
                foot = x + ahead * math.cos(heading), y + ahead * math.sin(heading)
                shapes.append(_leaf(*foot, heading + turn, leaf_length, width))
            if rng.random() < 0.5:
                radius = inner_radius + float(rng.uniform(-0.04, 0.22))
                between = around - side * float(rng.uniform(0.15, 0.3))
                pellets.append(polar(radius, between))
                pellet_radii.append(float(rng.uniform(0.03, 0.06)))
        if has_stem:
            arc = math.pi / 2 - side * np.linspace(0.02, math.pi - 0.3, 16)
            stem = (inner_radius + 0.06) * np.stack([np.cos(arc), np.sin(arc)], axis=1)
            canvas.strokes([stem], [(0.04, 0.03, 0.02)], 160)
    if rng.random() < 0.7:  # the tie
        ties = [
            np.array([[0.0, inner_radius + 0.05], [dx * 0.2, inner_radius + 0.22]])
            for dx in (-1, 1)
        ]
        canvas.strokes(ties, [(0.06, 0.055, 0.05)] * 2, 235)
    if rng.random() < 0.5:  # a leaf and two pellets close the wreath at the top
        shapes.append(_leaf(-0.13, -inner_radius - 0.06, 0.0, 0.26, 0.15))
        pellets += [(-0.24, -inner_radius - 0.03), (0.24, -inner_radius - 0.03)]
        pellet_radii += [0.05, 0.05]
    canvas.polygons(np.stack(shapes), 235)
    border = rng.random()
    ring = np.linspace(0, 2 * math.pi, int(rng.integers(40, 64)))
    circle = np.stack([np.cos(ring), np.sin(ring)], axis=1) * (inner_radius + 0.34)
    if border < 0.3:
        pellets += circle.tolist()
        pellet_radii += [0.022] * len(circle)
    elif border < 0.45:
        canvas.strokes([circle], [(0.03, 0.03, 0.03)], 190)
    if pellets:
        canvas.pellets(np.array(pellets), np.array(pellet_radii))


def engrave_stray_marks(
    rng: np.random.Generator, canvas: PlacedCanvas, field_radius: float
) -> None:
    """Engrave leaves, pellets and strokes that are not part of the legend.

    Half of them are above the first line, where some dies of Hyrcanus have the Greek
    A, the others at the ends of lines, where a leaf is easily mistaken for a letter.
    """
    for _ in range(1 + int(rng.integers(0, 3))):
        kind, above = rng.random(2).tolist()
        if above < 0.5:
            x = float(rng.normal(0, 0.12))
            y = -field_radius * float(rng.uniform(0.8, 1.1))
        else:
            around = float(rng.uniform(0, 2 * math.pi))
            x, y = polar(field_radius * float(rng.uniform(0.85, 1.08)), around)
        length = float(rng.uniform(0.1, 0.26))
        heading = float(rng.uniform(0, 2 * math.pi))
        if kind < 0.4:
            width = length * float(rng.uniform(0.2, 0.6))
            canvas.polygons(_leaf(x, y, heading, length, width)[None], 235)
        elif kind < 0.7:
            count = int(rng.integers(1, 4))
            centres = np.array([x, y]) + rng.normal(0, 0.07, (count, 2))
            canvas.pellets(centres, rng.uniform(0.025, 0.06, count))
        else:  # one stroke, or two that meet in a point
            opening = float(rng.uniform(0.4, 1.2))
            thickness = float(rng.uniform(0.03, 0.06))
            headings = [heading, heading + opening][: 1 if kind < 0.85 else 2]
            tip = np.array([x, y])
            canvas.strokes(
                [
                    np.array([tip, tip + length * np.array(polar(1, a))])
                    for a in headings
                ],
                [(thickness, thickness, 0.6 * thickness)] * len(headings),
            )


def engrave_legend_die(
    rng: np.random.Generator, canvas: PlacedCanvas, ruler: str
) -> tuple[Legend, list[EngravedLetter], float]:
    """Engrave the wreath and a legend of a ruler.

    Returns:
        The legend, its letters in reading order, and the radius of the legend's field.
    """
    legend = draw_legend(rng, ruler)
    inner_radius = float(rng.uniform(0.6, 0.78))
    if rng.random() < 0.94:
        engrave_wreath(rng, canvas, inner_radius)
    field_radius = inner_radius * float(rng.uniform(0.92, 1.02))
    letters = engrave_legend(rng, canvas, legend, field_radius)
    if rng.random() < 0.4:
        engrave_stray_marks(rng, canvas, inner_radius)
    return legend, letters, field_radius
