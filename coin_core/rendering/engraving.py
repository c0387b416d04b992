"""A graver for the dies without a wreath legend: strokes, bodies, letters, borders."""

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

_SHIFT = 4
_SUPERSAMPLING = 2

# Capitals as polylines in a box 1 wide and 1 high, y down. Greek shares most forms.
_LETTERS: dict[str, tuple[tuple[Point, ...], ...]] = {
    "A": (((0, 1), (0.5, 0), (1, 1)), ((0.22, 0.62), (0.78, 0.62))),
    "B": (
        ((0.1, 1), (0.1, 0), (0.7, 0.08), (0.7, 0.4), (0.1, 0.48)),
        ((0.1, 0.48), (0.85, 0.58), (0.85, 0.92), (0.1, 1)),
    ),
    "C": (((0.9, 0.15), (0.5, 0), (0.1, 0.3), (0.1, 0.7), (0.5, 1), (0.9, 0.85)),),
    "D": (((0.1, 0), (0.1, 1), (0.6, 0.95), (0.9, 0.5), (0.6, 0.05), (0.1, 0)),),
    "E": (((0.9, 0), (0.1, 0), (0.1, 1), (0.9, 1)), ((0.1, 0.5), (0.7, 0.5))),
    "F": (((0.9, 0), (0.1, 0), (0.1, 1)), ((0.1, 0.5), (0.7, 0.5))),
    "G": (
        ((0.9, 0.15), (0.5, 0), (0.1, 0.3), (0.1, 0.7), (0.5, 1), (0.9, 0.9)),
        ((0.9, 0.9), (0.9, 0.55), (0.55, 0.55)),
    ),
    "H": (((0.1, 0), (0.1, 1)), ((0.9, 0), (0.9, 1)), ((0.1, 0.5), (0.9, 0.5))),
    "I": (((0.5, 0), (0.5, 1)),),
    "K": (((0.1, 0), (0.1, 1)), ((0.9, 0), (0.1, 0.5), (0.9, 1))),
    "L": (((0.15, 0), (0.15, 1), (0.9, 1)),),
    "M": (((0, 1), (0.15, 0), (0.5, 0.7), (0.85, 0), (1, 1)),),
    "N": (((0.1, 1), (0.1, 0), (0.9, 1), (0.9, 0)),),
    "P": (((0.1, 1), (0.1, 0), (0.8, 0.08), (0.8, 0.45), (0.1, 0.52)),),
    "R": (
        ((0.1, 1), (0.1, 0), (0.8, 0.08), (0.8, 0.42), (0.1, 0.5)),
        ((0.4, 0.5), (0.9, 1)),
    ),
    "S": (((0.9, 0.1), (0.4, 0), (0.1, 0.25), (0.9, 0.72), (0.6, 1), (0.1, 0.9)),),
    "T": (((0, 0), (1, 0)), ((0.5, 0), (0.5, 1))),
    "V": (((0, 0), (0.5, 1), (1, 0)),),
    "X": (((0, 0), (1, 1)), ((1, 0), (0, 1))),
    "Z": (((0.1, 0), (0.9, 0), (0.1, 1), (0.9, 1)),),
    "Γ": (((0.9, 0), (0.15, 0), (0.15, 1)),),
    "Δ": (((0, 1), (0.5, 0), (1, 1), (0, 1)),),
    "Θ": (
        ((0.5, 0), (0.9, 0.3), (0.9, 0.7), (0.5, 1), (0.1, 0.7), (0.1, 0.3), (0.5, 0)),
        ((0.3, 0.5), (0.7, 0.5)),
    ),
    "Λ": (((0, 1), (0.5, 0), (1, 1)),),
    "Π": (((0.1, 1), (0.1, 0), (0.9, 0), (0.9, 1)),),
    "Σ": (((0.9, 0), (0.1, 0), (0.6, 0.5), (0.1, 1), (0.9, 1)),),
    "Φ": (
        ((0.5, 0.2), (0.9, 0.5), (0.5, 0.8), (0.1, 0.5), (0.5, 0.2)),
        ((0.5, 0), (0.5, 1)),
    ),
    "Ω": (((0, 1), (0.3, 1), (0.1, 0.3), (0.5, 0), (0.9, 0.3), (0.7, 1), (1, 1)),),
    "1": (((0.2, 0.25), (0.55, 0), (0.55, 1)),),
    "2": (((0.1, 0.2), (0.5, 0), (0.9, 0.25), (0.1, 1), (0.9, 1)),),
    "5": (((0.9, 0), (0.2, 0), (0.15, 0.45), (0.8, 0.5), (0.85, 0.85), (0.1, 1)),),
    "0": (
        ((0.5, 0), (0.9, 0.3), (0.9, 0.7), (0.5, 1), (0.1, 0.7), (0.1, 0.3), (0.5, 0)),
    ),
    "9": (((0.9, 0.4), (0.2, 0.45), (0.2, 0.05), (0.85, 0), (0.85, 0.6), (0.4, 1)),),
}
_LETTERS["O"] = _LETTERS["0"]

LATIN = "AAABCCDEEEFGHIIIILMMNNOPPPRRSSSTTVVVX"
GREEK = "AABΓΔEEHΘIIKΛMNNOOPRΣΣTΦΩ"


class Engraver:
    """A die of side 1, centre (0, 0), y down; the die face has radius 0.46."""

    def __init__(self, size_px: int) -> None:
        self.size_px = size_px
        self.side = size_px * _SUPERSAMPLING
        self.canvas: NDArray[np.uint8] = np.zeros((self.side, self.side), np.uint8)

    def _fixed(self, points: Iterable[Point]) -> NDArray[np.int32]:
        scale = self.side * (1 << _SHIFT)
        rows = [(round((x + 0.5) * scale), round((y + 0.5) * scale)) for x, y in points]
        return np.array(rows, np.int32)

    def _px(self, length: float) -> int:
        return max(1, round(length * self.side))

    def line(self, points: Sequence[Point], width: float, height: int = 255) -> None:
        """A stroke through points, `width` in fractions of the die's side."""
        cv2.polylines(
            self.canvas,
            [self._fixed(points)],
            False,
            height,
            self._px(width),
            cv2.LINE_8,
            _SHIFT,
        )

    def dot(self, at: Point, radius: float, height: int = 255) -> None:
        """A pellet."""
        x, y = self._fixed([at])[0]
        r = max(1, round(radius * self.side * (1 << _SHIFT)))
        cv2.circle(
            self.canvas, (int(x), int(y)), r, height, cv2.FILLED, cv2.LINE_8, _SHIFT
        )

    def ring(self, at: Point, radius: float, width: float, height: int = 255) -> None:
        """A circle."""
        x, y = self._fixed([at])[0]
        r = round(radius * self.side * (1 << _SHIFT))
        cv2.circle(
            self.canvas,
            (int(x), int(y)),
            r,
            height,
            self._px(width),
            cv2.LINE_8,
            _SHIFT,
        )

    def fill(self, points: Sequence[Point], height: int = 255) -> None:
        """A flat body."""
        cv2.fillPoly(self.canvas, [self._fixed(points)], height, cv2.LINE_8, _SHIFT)

    def body(
        self, points: Sequence[Point], rise: float, top: int = 255, foot: int = 90
    ) -> None:
        """A rounded body: it rises from its outline over `rise` of the die's side."""
        fixed = self._fixed(points)
        # the part of the canvas it covers, with a free margin for the distances
        x, y = (int(v) >> _SHIFT for v in fixed.min(axis=0))
        right, bottom = (int(v) >> _SHIFT for v in fixed.max(axis=0))
        x, y = max(x - 2, 0), max(y - 2, 0)
        right, bottom = min(right + 3, self.side), min(bottom + 3, self.side)
        if right - x < 3 or bottom - y < 3:
            return
        part = np.zeros((bottom - y, right - x), np.uint8)
        fixed -= np.array([x, y], np.int32) << _SHIFT
        cv2.fillPoly(part, [fixed], 1, cv2.LINE_8, _SHIFT)
        away = cv2.distanceTransform(part, cv2.DIST_L1, 3)
        up = np.minimum(away / np.float32(max(rise * self.side, 1.0)), np.float32(1))
        dome = np.float32(foot) + np.float32(top - foot) * up * (np.float32(2) - up)
        target = self.canvas[y:bottom, x:right]
        np.copyto(target, dome.astype(np.uint8), where=part > 0)

    def text(
        self,
        letters: str,
        at: Point,
        size: float,
        width: float,
        *,
        turn: float = 0.0,
        pitch: float = 0.75,
        height: int = 230,
    ) -> None:
        """A straight line of capitals from `at`, `turn` in radians clockwise."""
        for number, letter in enumerate(letters):
            away = number * size * pitch
            x, y = at[0] + away * math.cos(turn), at[1] + away * math.sin(turn)
            self._letter(letter, (x, y), size, width, turn, height)

    def _letter(
        self,
        letter: str,
        at: Point,
        size: float,
        width: float,
        turn: float,
        height: int,
        serifs: bool = False,
    ) -> None:
        cos, sin = math.cos(turn), math.sin(turn)
        for stroke in _LETTERS.get(letter, ()):
            moved = []
            for u, v in stroke:
                x, y = (u - 0.5) * size * 0.6, (v - 0.5) * size
                moved.append((at[0] + x * cos - y * sin, at[1] + x * sin + y * cos))
            self.line(moved, width, height)
            if serifs:
                self.dot(moved[0], width * 0.8, height)
                self.dot(moved[-1], width * 0.8, height)

    def legend(
        self,
        rng: np.random.Generator,
        alphabet: str,
        *,
        radius: float,
        size: float,
        width: float,
        start: float,
        sweep: float,
    ) -> None:
        """Capitals round the rim; `start` and `sweep` in radians, feet inwards."""
        step = size * float(rng.uniform(0.72, 0.95)) / radius
        serifs = rng.random() < 0.3
        height = int(rng.integers(170, 256))
        outward = 1 if rng.random() < 0.9 else -1
        for number in range(int(sweep / step)):
            angle = start + (number + 0.5) * step
            if rng.random() < 0.06:
                continue
            letter = alphabet[int(rng.integers(len(alphabet)))]
            at = (radius * math.cos(angle), radius * math.sin(angle))
            turn = angle + outward * math.pi / 2
            self._letter(letter, at, size, width, turn, height, serifs)

    def pellets(self, radius: float, dot: float, spacing: float = 2.6) -> None:
        """A circle of pellets."""
        count = max(8, round(2 * math.pi * radius / (dot * spacing)))
        for k in range(count):
            a = 2 * math.pi * k / count
            self.dot((radius * math.cos(a), radius * math.sin(a)), dot, 200)

    def border(self, rng: np.random.Generator) -> None:
        """Pellets, a plain circle, both, teeth, or nothing at all."""
        kind = int(rng.integers(6))
        radius = float(rng.uniform(0.425, 0.46))
        if kind in (0, 1, 2):
            self.pellets(radius, float(rng.uniform(0.005, 0.013)))
        if kind in (2, 3):
            self.ring((0, 0), radius - 0.02, float(rng.uniform(0.006, 0.016)), 190)
        if kind == 4:
            count = int(rng.integers(50, 90))
            for k in range(count):
                a = 2 * math.pi * k / count
                inner, cos, sin = radius - 0.03, math.cos(a), math.sin(a)
                self.line(
                    [(inner * cos, inner * sin), (radius * cos, radius * sin)],
                    0.008,
                    180,
                )

    def relief(self, softness: float) -> NDArray[np.float32]:
        """The die, float32 (S, S) in 0..1; `softness` is a sigma in die sides."""
        # eight-bit blur and the halving by area are integer work: the same anywhere
        sigma = max(0.6, softness * self.side)
        soft = cv2.GaussianBlur(self.canvas, (0, 0), sigma)
        small = cv2.resize(
            soft, (self.size_px, self.size_px), interpolation=cv2.INTER_AREA
        )
        out: NDArray[np.float32] = small.astype(np.float32) / np.float32(255)
        return out


def bent(start: Point, middle: Point, end: Point, count: int = 12) -> list[Point]:
    """Points along a quadratic curve."""
    out = []
    for k in range(count + 1):
        t = k / count
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        out.append(
            (
                a * start[0] + b * middle[0] + c * end[0],
                a * start[1] + b * middle[1] + c * end[1],
            )
        )
    return out


def oval(
    at: Point, rx: float, ry: float, turn: float = 0.0, count: int = 20
) -> list[Point]:
    """The outline of an ellipse."""
    cos, sin = math.cos(turn), math.sin(turn)
    out = []
    for k in range(count):
        a = 2 * math.pi * k / count
        x, y = rx * math.cos(a), ry * math.sin(a)
        out.append((at[0] + x * cos - y * sin, at[1] + x * sin + y * cos))
    return out


def tapered(spine: Sequence[Point], widths: Sequence[float]) -> list[Point]:
    """The outline of a band of changing width along a spine."""
    left, right = [], []
    last = len(spine) - 1
    for k, (x, y) in enumerate(spine):
        x0, y0 = spine[max(k - 1, 0)]
        x1, y1 = spine[min(k + 1, last)]
        dx, dy = x1 - x0, y1 - y0
        length = math.hypot(dx, dy) or 1.0
        nx, ny = -dy / length * widths[k] / 2, dx / length * widths[k] / 2
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return left + right[::-1]
