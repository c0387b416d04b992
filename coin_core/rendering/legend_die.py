"""The wreath-and-legend die, cut stroke by stroke.

Everything is drawn as filled shapes on a uint8 canvas of twice the size: OpenCV
rasterises integers in fixed point, so the same seed gives the same pixels on
every processor.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.legends import Legend, draw_legend
from coin_core.rendering.letters import Hand

SUPERSAMPLING = 2
_SHIFT = 4  # sub-pixel bits of OpenCV's drawing functions


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Where a die meets the flan: centre and radius in px, turn clockwise."""

    centre_x: float
    centre_y: float
    radius: float
    turn_deg: float

    def to_canvas(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Die coordinates (N, 2), radius 1 and y down, to canvas px (N, 2)."""
        turn = math.radians(self.turn_deg)
        cos, sin = math.cos(turn), math.sin(turn)
        out = np.empty_like(points)
        out[:, 0] = self.centre_x + self.radius * (
            points[:, 0] * cos - points[:, 1] * sin
        )
        out[:, 1] = self.centre_y + self.radius * (
            points[:, 0] * sin + points[:, 1] * cos
        )
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class CutLetter:
    """A letter on the die: its key, its box in canvas px, part of the name?

    `wide` and `tall` are its size before the die is turned, in canvas px.
    """

    letter: str
    left: float
    top: float
    right: float
    bottom: float
    wide: float
    tall: float
    in_name: bool


class Ink:
    """A canvas that takes wedge strokes and filled shapes in die coordinates."""

    def __init__(self, size_px: int, placing: Placing) -> None:
        self.size_px = size_px
        self.placing = placing
        side = size_px * SUPERSAMPLING
        self.canvas: NDArray[np.uint8] = np.zeros((side, side), np.uint8)

    def _fixed(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        scale = SUPERSAMPLING * (1 << _SHIFT)
        out: NDArray[np.int32] = np.round(
            self.placing.to_canvas(points) * scale
        ).astype(np.int32)
        return out

    def polygons(self, shapes: NDArray[np.float64], height: int = 255) -> None:
        """Fill convex polygons (K, N, 2) at a relief height of 0..255."""
        fixed = self._fixed(shapes.reshape(-1, 2)).reshape(shapes.shape)
        for shape in fixed:
            cv2.fillConvexPoly(self.canvas, shape, height, cv2.LINE_AA, _SHIFT)

    def dots(
        self,
        centres: NDArray[np.float64],
        radii: NDArray[np.float64],
        height: int = 255,
    ) -> None:
        """Fill pellets: centres (N, 2), radii (N,)."""
        scale = self.placing.radius * SUPERSAMPLING * (1 << _SHIFT)
        rounds = np.round(radii * scale).astype(int).tolist()
        for centre, r in zip(self._fixed(centres).tolist(), rounds, strict=True):
            cv2.circle(self.canvas, centre, r, height, -1, cv2.LINE_AA, _SHIFT)

    def strokes(
        self,
        polylines: list[NDArray[np.float64]],
        widths: list[tuple[float, float, float]],
        height: int = 255,
    ) -> None:
        """Draw polylines (N, 2); widths at their start, middle and end."""
        counts = [len(points) for points in polylines]
        everything = np.concatenate(polylines)
        half = np.concatenate(
            [
                np.interp(np.arange(n) / (n - 1), (0, 0.5, 1), three)
                for n, three in zip(counts, widths, strict=True)
            ]
        )[:, None]
        half = half / 2
        ends = np.cumsum(counts)
        within = np.ones(len(everything) - 1, bool)
        within[ends[:-1] - 1] = False  # no segment from one stroke to the next
        a, b = everything[:-1][within], everything[1:][within]
        along = b - a
        length = np.sqrt((along**2).sum(axis=1, keepdims=True)) + 1e-9
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / length
        wa, wb = half[:-1][within] * normal, half[1:][within] * normal
        self.polygons(np.stack([a + wa, b + wb, b - wb, a - wa], axis=1), height)
        joint = np.ones(len(everything), bool)
        joint[ends - 1] = False
        joint[np.concatenate([[0], ends[:-1]])] = False
        if joint.any():
            self.dots(everything[joint], half[joint, 0], height)

    def relief(self) -> NDArray[np.uint8]:
        """The canvas at its final size, uint8 (S, S): mean of each 2 x 2 block."""
        fine = self.canvas.astype(np.uint16)
        total = fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2]
        return (total // 4).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One letter's strokes in die coordinates, with their widths."""

    lines: list[NDArray[np.float64]]
    widths: list[tuple[float, float, float]]


def _draw_letter(
    rng: np.random.Generator,
    hand: Hand,
    letter: str,
    box: tuple[float, float, float, float],
) -> _Drawn:
    left, top, width, height = box
    form = hand.form(letter, rng)
    lean = float(rng.normal(0.0, 0.05)) + hand.slant
    counts = [len(stroke) for stroke in form.strokes]
    points = np.array([point for stroke in form.strokes for point in stroke])
    points = points + rng.normal(0, hand.jitter, points.shape)
    x = left + points[:, 0] * width - (points[:, 1] - 0.5) * lean * height
    placed = np.stack([x, top + points[:, 1] * height], axis=1)
    lines = np.split(placed, np.cumsum(counts)[:-1])
    widths: list[tuple[float, float, float]] = []
    for number, (chance, flip, leaf) in enumerate(
        rng.random((len(counts), 3)).tolist()
    ):
        thick = hand.thickness * height * (0.8 + 0.4 * chance)
        if leaf < hand.leaf:  # thick in the middle, pointed at both ends
            widths.append((0.25 * thick, 1.35 * thick, 0.25 * thick))
            if len(lines[number]) == 2:
                lines[number] = np.insert(lines[number], 1, lines[number].mean(0), 0)
            continue
        head, tail = thick * (1 + 0.4 * hand.wedge), thick * (1 - hand.wedge)
        if flip >= 0.7:
            head, tail = tail, head
        widths.append((head, (head + tail) / 2, tail))
    return _Drawn(lines, widths)


# letters that many engravers cut lower than the others: down to this share
_SHORT = {"taw": 0.55, "dalet": 0.7, "yod": 0.75}


def cut_legend(
    rng: np.random.Generator, ink: Ink, legend: Legend, field_radius: float
) -> list[CutLetter]:
    """Cut the legend into a field of this radius (die radius 1)."""
    hand = Hand.draw(rng)
    rows = len(legend.lines) + (1 if legend.greek_a else 0)
    pitch = 2 * field_radius * float(rng.uniform(0.9, 1.08)) / max(rows, 4)
    tall = pitch * float(rng.uniform(0.74, 0.96))
    top = -pitch * rows / 2 + float(rng.normal(0, 0.03))
    wave = float(rng.normal(0, 0.03))
    cut: list[CutLetter] = []

    lines: list[NDArray[np.float64]] = []
    widths: list[tuple[float, float, float]] = []

    def put(letter: str, box: tuple[float, float, float, float], name: bool) -> None:
        drawn = _draw_letter(rng, hand, letter, box)
        lines.extend(drawn.lines)
        widths.extend(drawn.widths)
        px = ink.placing.to_canvas(np.concatenate(drawn.lines))
        left, top = px.min(axis=0).tolist()
        right, bottom = px.max(axis=0).tolist()
        cut.append(
            CutLetter(
                letter=letter,
                left=left,
                top=top,
                right=right,
                bottom=bottom,
                wide=box[2] * ink.placing.radius,
                tall=box[3] * ink.placing.radius,
                in_name=name,
            )
        )

    row = 0
    if legend.greek_a:
        high = tall * float(rng.uniform(0.8, 1.1))
        x = float(rng.normal(0, 0.06))
        put("greek_a", (x - high * 0.42, top, high * 0.85, high), False)
        row = 1
    seen = 0
    for line in legend.lines:
        middle = top + (row + 0.5) * pitch
        chord = 2 * math.sqrt(max(field_radius**2 - middle**2, 0.25 * field_radius**2))
        mean_width = tall * 0.74
        natural = len(line) * mean_width * float(rng.uniform(1.15, 1.6))
        across = min(natural, chord * float(rng.uniform(0.95, 1.15)))
        right = across / 2 + float(rng.normal(0, 0.04))
        step = across / len(line)
        for place, letter in enumerate(line):
            high = tall * float(rng.uniform(0.82, 1.15))
            if letter in _SHORT:
                high *= float(rng.uniform(_SHORT[letter], 1.0))
            wide = step * float(rng.uniform(0.76, 1.02))
            if letter in {"waw", "nun", "gimel", "lamed"}:
                wide *= 0.88
            x = right - (place + 0.5) * step - wide / 2
            y = middle - high / 2 + wave * math.sin(3 * x + row)
            y += float(rng.normal(0, 0.06)) * tall
            wide = min(wide, high * 1.05)
            put(letter, (x, y, wide, high), seen < legend.name_letters)
            seen += 1
        row += 1
    ink.strokes(lines, widths)
    return cut


_LEAF = np.array(((0, 0), (0.3, 0.5), (0.65, 0.42), (1, 0), (0.65, -0.42), (0.3, -0.5)))


def _leaf(
    x: float, y: float, angle: float, length: float, width: float
) -> NDArray[np.float64]:
    along = np.array([math.cos(angle), math.sin(angle)]) * length
    across = np.array([-math.sin(angle), math.cos(angle)]) * width
    return np.array([x, y]) + _LEAF[:, :1] * along + _LEAF[:, 1:] * across


def cut_wreath(rng: np.random.Generator, ink: Ink, inner: float) -> None:
    """Two branches tied below: groups of leaves, and pellets between them."""
    groups = int(rng.integers(4, 8))
    length = float(rng.uniform(0.24, 0.44))
    width = length * float(rng.uniform(0.12, 0.26))
    spread = float(rng.uniform(0.25, 0.6))
    step = length * float(rng.uniform(0.0, 0.4))  # from one leaf's foot to the next
    leaves = 3 if rng.random() < 0.6 else 2
    lean = float(rng.normal(0.25, 0.15))
    stem = rng.random() < 0.3
    shapes, pellets, pellet_radii = [], [], []
    for side in (-1, 1):
        angles = np.linspace(0.12, math.pi - 0.45, groups)
        for angle in (angles + rng.normal(0, 0.05, groups)).tolist():
            # the angle runs from the tie at six o'clock up to twelve
            around = math.pi / 2 - side * angle
            radius = inner + float(rng.uniform(0.04, 0.1))
            x, y = radius * math.cos(around), radius * math.sin(around)
            heading = around - side * (math.pi / 2 - lean)
            for leaf in range(leaves):
                turn = (leaf - (leaves - 1) / 2) * spread
                on = step if abs(turn) < 0.01 else 0.0
                long = length * float(rng.uniform(0.85, 1.1))
                foot = x + on * math.cos(heading), y + on * math.sin(heading)
                shapes.append(_leaf(*foot, heading + turn, long, width))
            if rng.random() < 0.5:
                r = inner + float(rng.uniform(-0.04, 0.22))
                at = around - side * float(rng.uniform(0.15, 0.3))
                pellets.append((r * math.cos(at), r * math.sin(at)))
                pellet_radii.append(float(rng.uniform(0.03, 0.06)))
        if stem:
            arc = math.pi / 2 - side * np.linspace(0.02, math.pi - 0.3, 16)
            line = (inner + 0.06) * np.stack([np.cos(arc), np.sin(arc)], axis=1)
            ink.strokes([line], [(0.04, 0.03, 0.02)], 160)
    if rng.random() < 0.7:  # the tie
        ties = [
            np.array([[0.0, inner + 0.05], [dx * 0.2, inner + 0.22]]) for dx in (-1, 1)
        ]
        ink.strokes(ties, [(0.06, 0.055, 0.05)] * 2, 235)
    if rng.random() < 0.5:  # what closes the wreath at the top
        shapes.append(_leaf(-0.13, -inner - 0.06, 0.0, 0.26, 0.15))
        pellets += [(-0.24, -inner - 0.03), (0.24, -inner - 0.03)]
        pellet_radii += [0.05, 0.05]
    ink.polygons(np.stack(shapes), 235)
    border = rng.random()
    ring = np.linspace(0, 2 * math.pi, int(rng.integers(40, 64)))
    circle = np.stack([np.cos(ring), np.sin(ring)], axis=1) * (inner + 0.34)
    if border < 0.3:
        pellets += circle.tolist()
        pellet_radii += [0.022] * len(circle)
    elif border < 0.45:
        ink.strokes([circle], [(0.03, 0.03, 0.03)], 190)
    if pellets:
        ink.dots(np.array(pellets), np.array(pellet_radii))


def cut_strays(rng: np.random.Generator, ink: Ink, field: float) -> None:
    """Leaves, pellets and strokes that stray into the field and mean nothing.

    Most stand above the first line, where some dies of Hyrcanus have the Greek A, the
    others at the ends of lines, where a leaf is easily taken for a letter.
    """
    for _ in range(1 + int(rng.integers(0, 3))):
        kind, above = rng.random(2).tolist()
        if above < 0.5:
            x, y = float(rng.normal(0, 0.12)), -field * float(rng.uniform(0.8, 1.1))
        else:
            around = float(rng.uniform(0, 2 * math.pi))
            out = field * float(rng.uniform(0.85, 1.08))
            x, y = out * math.cos(around), out * math.sin(around)
        long = float(rng.uniform(0.1, 0.26))
        heading = float(rng.uniform(0, 2 * math.pi))
        if kind < 0.4:
            leaf = _leaf(x, y, heading, long, long * float(rng.uniform(0.2, 0.6)))
            ink.polygons(leaf[None], 235)
        elif kind < 0.7:
            count = int(rng.integers(1, 4))
            centres = np.array([x, y]) + rng.normal(0, 0.07, (count, 2))
            ink.dots(centres, rng.uniform(0.025, 0.06, count))
        else:  # one stroke, or two that meet in a point
            meet, thick = float(rng.uniform(0.4, 1.2)), float(rng.uniform(0.03, 0.06))
            tip = np.array([x, y])
            ends = [
                tip + long * np.array([math.cos(turn), math.sin(turn)])
                for turn in (heading, heading + meet)
            ][: 1 if kind < 0.85 else 2]
            ink.strokes(
                [np.array([tip, end]) for end in ends],
                [(thick, thick, 0.6 * thick)] * len(ends),
            )


def cut_legend_die(
    rng: np.random.Generator, ink: Ink, ruler: str
) -> tuple[Legend, list[CutLetter], float]:
    """Cut wreath and legend of a ruler.

    Returns:
        The legend, its letters, and the radius of their field (die radius 1).
    """
    legend = draw_legend(rng, ruler)
    inner = float(rng.uniform(0.6, 0.78))
    if rng.random() < 0.94:
        cut_wreath(rng, ink, inner)
    field = inner * float(rng.uniform(0.92, 1.02))
    letters = cut_legend(rng, ink, legend, field)
    if rng.random() < 0.4:
        cut_strays(rng, ink, inner)
    return legend, letters, field
