"""Scripts that nobody writes: the letters of foreign coins, drawn by chance.

A net that knows the rulers' letters has to see that a coin bears others. Each script
has letters of one manner: straight, hanging from a line, joined along one, of square
signs, round or slanted. What they say is nothing.
"""

import math
from collections.abc import Callable

import numpy as np

from coin_core.rendering.engraving import DieCanvas, bezier
from coin_core.rendering.letters import Point

_LETTERS = 14
_HEIGHT = 235  # of the relief
_Stroke = list[Point]


class Script:
    """A manner of writing with its own letters.

    Attributes:
        letters: Each is a list of strokes in a square of side 1, y down.
        pitch: From one letter to the next, relative to their height.
        line: Where a line joins the letters, from the top; None for none.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        manner = _MANNERS[int(rng.integers(len(_MANNERS)))]
        self.letters = [manner(rng) for _ in range(_LETTERS)]
        lines: dict[object, float] = {_hanging: 0.0, _joined: 0.75}
        self.line = lines.get(manner)
        self.pitch = float(rng.uniform(0.7, 1.05))

    def write(
        self,
        die: DieCanvas,
        rng: np.random.Generator,
        start: Point,
        count: int,
        size: float,
        width: float,
        *,
        turn: float = 0.0,
    ) -> None:
        """Write letters in a straight line; the middle of the first is at `start`."""
        cos, sin = math.cos(turn), math.sin(turn)

        def at(x: float, y: float) -> Point:
            return (start[0] + x * cos - y * sin, start[1] + x * sin + y * cos)

        step = size * self.pitch
        for place in range(count):
            for stroke in self.letters[int(rng.integers(_LETTERS))]:
                points = [
                    at(place * step + (u - 0.5) * step * 0.9, (v - 0.5) * size)
                    for u, v in stroke
                ]
                if len(points) == 1:
                    die.pellet(points[0], width * 0.9, _HEIGHT)
                else:
                    die.line(points, width, _HEIGHT)
        if self.line is not None:
            y = (self.line - 0.5) * size
            ends = [at(-step / 2, y), at((count - 0.5) * step, y)]
            die.line(ends, width, _HEIGHT)

    def lines(
        self,
        die: DieCanvas,
        rng: np.random.Generator,
        *,
        rows: int,
        size: float,
        half_width: float,
        middle: float = 0.0,
    ) -> None:
        """Write lines below each other, each across a chord of the die."""
        width = size * float(rng.uniform(0.1, 0.2))
        turn = float(rng.normal(0, 0.05))
        spacing = size * float(rng.uniform(1.1, 1.5))
        for row in range(rows):
            y = middle + (row - (rows - 1) / 2) * spacing
            chord = math.sqrt(max(half_width**2 - y**2, 0.02)) * 2
            count = max(
                1, round(chord * float(rng.uniform(0.7, 1)) / size / self.pitch)
            )
            left = -(count - 1) / 2 * size * self.pitch
            self.write(die, rng, (left, y), count, size, width, turn=turn)

    def around(
        self,
        die: DieCanvas,
        rng: np.random.Generator,
        *,
        radius: float,
        size: float,
        start: float,
        sweep: float,
    ) -> None:
        """Write along an arc that begins at the angle `start`."""
        width = size * float(rng.uniform(0.12, 0.22))
        inward = 1 if rng.random() < 0.6 else -1
        step = size * self.pitch / radius
        for place in range(int(sweep / step)):
            angle = start + (place + 0.5) * step
            at = (radius * math.cos(angle), radius * math.sin(angle))
            turn = angle + inward * math.pi / 2
            self.write(die, rng, at, 1, size, width, turn=turn)


def _grid(rng: np.random.Generator) -> Point:
    return (float(rng.integers(3)) / 2, float(rng.integers(3)) / 2)


def _arc(centre: Point, radius: float, start: float, sweep: float) -> _Stroke:
    angles = np.linspace(start, start + sweep, 9).tolist()
    return [
        (centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a))
        for a in angles
    ]


def _bow(
    rng: np.random.Generator, x: Point, y: Point, radius: Point, sweep: Point
) -> _Stroke:
    """An arc drawn from these ranges, from any direction."""
    centre = (float(rng.uniform(*x)), float(rng.uniform(*y)))
    return _arc(
        centre,
        float(rng.uniform(*radius)),
        float(rng.uniform(0, 6)),
        float(rng.uniform(*sweep)),
    )


def _straight(rng: np.random.Generator) -> list[_Stroke]:
    """Strokes between nine points, circles and dots."""
    strokes: list[_Stroke] = [[(0.5, 0.0), (0.5, 1.0)]] if rng.random() < 0.5 else []
    for _ in range(int(rng.integers(1, 4))):
        kind = rng.random()
        if kind < 0.7:
            strokes.append([_grid(rng), _grid(rng)])
        elif kind < 0.85:
            strokes.append(_arc(_grid(rng), 0.25, 0, 2 * math.pi))
        else:
            strokes.append([_grid(rng)])
    return strokes


def _hanging(rng: np.random.Generator) -> list[_Stroke]:
    """A stem and a bow that hang from the line."""
    strokes: list[_Stroke] = []
    stem = float(rng.uniform(0.55, 0.9))
    if rng.random() < 0.8:
        strokes.append([(stem, 0.0), (stem, 1.0)])
    for _ in range(int(rng.integers(1, 3))):
        strokes.append(_bow(rng, (0.2, 0.5), (0.3, 0.75), (0.15, 0.3), (2.5, 5.5)))
    if rng.random() < 0.3:
        strokes.append(bezier((0.2, -0.05), (0.4, -0.35), (stem, -0.05), 6))
    return strokes


def _joined(rng: np.random.Generator) -> list[_Stroke]:
    """Tall stems, loops and tails on the line, with dots."""
    strokes: list[_Stroke] = []
    kind = rng.random()
    if kind < 0.4:
        lean = float(rng.normal(0, 0.08))
        strokes.append([(0.5 + lean, float(rng.uniform(-0.4, 0.1))), (0.5, 0.75)])
    elif kind < 0.65:
        strokes.append(_arc((0.5, 0.6), 0.2, 0, 2 * math.pi))
    elif kind < 0.85:
        strokes.append(bezier((0.9, 0.75), (0.5, 1.5), (-0.2, 0.9), 7))
    else:
        strokes += [[(x, 0.45), (x, 0.75)] for x in (0.15, 0.5, 0.85)]
    for _ in range(int(rng.integers(0, 3))):
        strokes.append([(float(rng.uniform(0.2, 0.8)), float(rng.choice([0.2, 1.05])))])
    return strokes


def _square(rng: np.random.Generator) -> list[_Stroke]:
    """Many level and upright strokes in a square."""
    strokes: list[_Stroke] = []
    for y in sorted(rng.uniform(0, 1, int(rng.integers(2, 5))).tolist()):
        left = float(rng.choice([0.0, 0.2, 0.5]))
        right = float(rng.choice([0.5, 0.8, 1.0]))
        strokes.append([(left, y), (max(right, left + 0.4), y)])
    for _ in range(int(rng.integers(1, 4))):
        x, top = float(rng.uniform(0, 1)), float(rng.choice([0.0, 0.3]))
        strokes.append([(x, top), (x, float(rng.choice([0.6, 1.0])))])
    if rng.random() < 0.4:
        strokes += [[(0.5, 0.4), (0.0, 1.0)], [(0.5, 0.4), (1.0, 1.0)]]
    return strokes


def _round(rng: np.random.Generator) -> list[_Stroke]:
    """Bows and loops that run into each other."""
    strokes: list[_Stroke] = []
    for _ in range(int(rng.integers(2, 4))):
        strokes.append(_bow(rng, (0.25, 0.75), (0.25, 0.75), (0.15, 0.45), (3, 6.3)))
    return strokes


def _slanted(rng: np.random.Generator) -> list[_Stroke]:
    """Leaning stems with hooks at their ends."""
    lean = float(rng.uniform(0.15, 0.4))
    strokes: list[_Stroke] = [[(0.5 + lean, 0.0), (0.5 - lean, 1.0)]]
    for _ in range(int(rng.integers(1, 3))):
        y = float(rng.choice([0.05, 0.4, 0.9]))
        x = 0.5 + lean * (1 - 2 * y)
        side = float(rng.choice([-1.0, 1.0]))
        bend = (x + side * 0.3, y - 0.2)
        strokes.append(bezier((x, y), bend, (x + side * 0.45, y + 0.2), 6))
    return strokes


_Manner = Callable[[np.random.Generator], list[_Stroke]]
_MANNERS: tuple[_Manner, ...] = (
    *(_straight, _hanging, _hanging, _joined, _joined, _joined),
    *(_square, _round, _round, _slanted),
)
