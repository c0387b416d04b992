"""Canvases on which dies are engraved: strokes, pellets, bodies, letters, borders.

Everything is drawn as filled shapes on a uint8 canvas of twice the size. OpenCV
rasterises integers in fixed point, so the same seed gives the same pixels on every
processor.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.letters import CAPITALS, Point

SUBPIXEL_BITS = 4  # fractional bits of coordinates in OpenCV's drawing functions
_SUPERSAMPLING = 2
_FACE_RADIUS = 0.46  # of a `DieCanvas`, relative to its side


@dataclass(frozen=True, slots=True, kw_only=True)
class DiePlacement:
    """Where a die meets the flan; centre and radius in px, turned clockwise."""

    centre_x: float
    centre_y: float
    radius: float
    turn_deg: float

    def to_px(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert die coordinates (N, 2), radius 1 and y down, to image px (N, 2)."""
        turn = math.radians(self.turn_deg)
        cos, sin = math.cos(turn), math.sin(turn)
        x, y = points[:, 0], points[:, 1]
        out = np.empty_like(points)
        out[:, 0] = self.centre_x + self.radius * (x * cos - y * sin)
        out[:, 1] = self.centre_y + self.radius * (x * sin + y * cos)
        return out

    def place(self, die: NDArray[np.uint8], reach: float = 1.0) -> NDArray[np.uint8]:
        """Return a die drawn on a `DieCanvas` where it meets the flan, uint8 (S, S).

        Args:
            die: Its relief, uint8 (S, S).
            reach: Radius of what is drawn relative to that of the whole die.
        """
        size_px = len(die)
        scale = self.radius / (_FACE_RADIUS * size_px) * reach
        middle = size_px / 2
        turn = cv2.getRotationMatrix2D((middle, middle), -self.turn_deg, scale)
        turn[0, 2] += self.centre_x - middle
        turn[1, 2] += self.centre_y - middle
        placed = cv2.warpAffine(die, turn, (size_px, size_px), flags=cv2.INTER_LINEAR)
        return np.asarray(placed, np.uint8)


class PlacedCanvas:
    """A canvas of the image that takes shapes in the coordinates of a placed die.

    The die has radius 1, its centre at (0, 0), y down. Shapes are antialiased.
    """

    def __init__(self, size_px: int, placement: DiePlacement) -> None:
        self.size_px = size_px
        self.placement = placement
        side = size_px * _SUPERSAMPLING
        self.canvas: NDArray[np.uint8] = np.zeros((side, side), np.uint8)

    def _fixed(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        scale = _SUPERSAMPLING * (1 << SUBPIXEL_BITS)
        px = self.placement.to_px(points)
        return np.asarray(np.round(px * scale), np.int32)

    def polygons(self, shapes: NDArray[np.float64], height: int = 255) -> None:
        """Fill convex polygons (K, N, 2) at a relief height of 0 to 255."""
        fixed = self._fixed(shapes.reshape(-1, 2)).reshape(shapes.shape)
        for shape in fixed:
            cv2.fillConvexPoly(self.canvas, shape, height, cv2.LINE_AA, SUBPIXEL_BITS)

    def pellets(
        self,
        centres: NDArray[np.float64],
        radii: NDArray[np.float64],
        height: int = 255,
    ) -> None:
        """Fill discs with centres (N, 2) and radii (N,)."""
        scale = self.placement.radius * _SUPERSAMPLING * (1 << SUBPIXEL_BITS)
        fixed_radii = np.round(radii * scale).astype(int).tolist()
        for centre, radius in zip(
            self._fixed(centres).tolist(), fixed_radii, strict=True
        ):
            cv2.circle(
                self.canvas, centre, radius, height, -1, cv2.LINE_AA, SUBPIXEL_BITS
            )

    def strokes(
        self,
        polylines: list[NDArray[np.float64]],
        widths: list[tuple[float, float, float]],
        height: int = 255,
    ) -> None:
        """Draw polylines (N, 2) with the widths at their start, middle and end."""
        counts = [len(points) for points in polylines]
        points = np.concatenate(polylines)
        half_widths = np.concatenate(
            [
                np.interp(np.arange(n) / (n - 1), (0, 0.5, 1), three)
                for n, three in zip(counts, widths, strict=True)
            ]
        )[:, None]
        half_widths = half_widths / 2
        ends = np.cumsum(counts)
        within = np.ones(len(points) - 1, bool)
        within[ends[:-1] - 1] = False  # no segment from one stroke to the next
        a, b = points[:-1][within], points[1:][within]
        along = b - a
        length = np.sqrt((along**2).sum(axis=1, keepdims=True)) + 1e-9
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / length
        wa, wb = half_widths[:-1][within] * normal, half_widths[1:][within] * normal
        self.polygons(np.stack([a + wa, b + wb, b - wb, a - wa], axis=1), height)
        joint = np.ones(len(points), bool)
        joint[ends - 1] = False
        joint[np.concatenate([[0], ends[:-1]])] = False
        if joint.any():
            self.pellets(points[joint], half_widths[joint, 0], height)

    def relief(self) -> NDArray[np.uint8]:
        """The canvas at the image's size, uint8 (S, S): the mean of 2 x 2 blocks."""
        fine = self.canvas.astype(np.uint16)
        total = fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2]
        return (total // 4).astype(np.uint8)


class DieCanvas:
    """A canvas of a whole die: side 1, centre (0, 0), y down.

    The die face has a radius of 0.46. Lengths are fractions of the die's side, angles
    are in radians clockwise from the right, heights run from 0 (field) to 255.
    """

    def __init__(self, size_px: int) -> None:
        self.size_px = size_px
        self.side = size_px * _SUPERSAMPLING
        self.canvas: NDArray[np.uint8] = np.zeros((self.side, self.side), np.uint8)

    def _fixed(self, points: Iterable[Point]) -> NDArray[np.int32]:
        scale = self.side * (1 << SUBPIXEL_BITS)
        rows = [(round((x + 0.5) * scale), round((y + 0.5) * scale)) for x, y in points]
        return np.array(rows, np.int32)

    def _px(self, length: float) -> int:
        return max(1, round(length * self.side))

    def _circle(self, centre: Point, radius: int, height: int, thickness: int) -> None:
        at = tuple(self._fixed([centre])[0].tolist())
        cv2.circle(
            self.canvas, at, radius, height, thickness, cv2.LINE_8, SUBPIXEL_BITS
        )

    def line(self, points: Sequence[Point], width: float, height: int = 255) -> None:
        """Draw a stroke of even width through the points."""
        fixed = [self._fixed(points)]
        width_px = self._px(width)
        cv2.polylines(
            self.canvas, fixed, False, height, width_px, cv2.LINE_8, SUBPIXEL_BITS
        )

    def pellet(self, centre: Point, radius: float, height: int = 255) -> None:
        """Fill a disc."""
        fixed_radius = max(1, round(radius * self.side * (1 << SUBPIXEL_BITS)))
        self._circle(centre, fixed_radius, height, cv2.FILLED)

    def ring(
        self, centre: Point, radius: float, width: float, height: int = 255
    ) -> None:
        """Draw a circle."""
        fixed_radius = round(radius * self.side * (1 << SUBPIXEL_BITS))
        self._circle(centre, fixed_radius, height, self._px(width))

    def fill(self, points: Sequence[Point], height: int = 255) -> None:
        """Fill a flat polygon."""
        cv2.fillPoly(
            self.canvas, [self._fixed(points)], height, cv2.LINE_8, SUBPIXEL_BITS
        )

    def body(
        self, points: Sequence[Point], rise: float, top: int = 255, foot: int = 90
    ) -> None:
        """Fill a polygon; over `rise`, it rises from `foot` at its outline to `top`."""
        fixed = self._fixed(points)
        # only the part of the canvas it covers, with a margin for the distances
        x, y = (int(v) >> SUBPIXEL_BITS for v in fixed.min(axis=0))
        right, bottom = (int(v) >> SUBPIXEL_BITS for v in fixed.max(axis=0))
        x, y = max(x - 2, 0), max(y - 2, 0)
        right, bottom = min(right + 3, self.side), min(bottom + 3, self.side)
        if right - x < 3 or bottom - y < 3:
            return
        part = np.zeros((bottom - y, right - x), np.uint8)
        fixed -= np.array([x, y], np.int32) << SUBPIXEL_BITS
        cv2.fillPoly(part, [fixed], 1, cv2.LINE_8, SUBPIXEL_BITS)
        distance = cv2.distanceTransform(part, cv2.DIST_L1, 3)
        rise_px = np.float32(max(rise * self.side, 1.0))
        up = np.minimum(distance / rise_px, np.float32(1))
        dome = np.float32(foot) + np.float32(top - foot) * up * (np.float32(2) - up)
        target = self.canvas[y:bottom, x:right]
        np.copyto(target, dome.astype(np.uint8), where=part > 0)

    def text(
        self,
        letters: str,
        start: Point,
        size: float,
        width: float,
        *,
        turn: float = 0.0,
        pitch: float = 0.75,
        height: int = 230,
    ) -> None:
        """Write a straight line of capitals; a sign not in `CAPITALS` leaves a gap.

        `start` is the centre of the first letter, `size` the height of the letters,
        `width` that of their strokes, `turn` the direction of the line, and `pitch`
        the distance between letters relative to `size`.
        """
        for number, letter in enumerate(letters):
            away = number * size * pitch
            centre = (
                start[0] + away * math.cos(turn),
                start[1] + away * math.sin(turn),
            )
            self._letter(letter, centre, size, width, turn, height)

    def _letter(
        self,
        letter: str,
        centre: Point,
        size: float,
        width: float,
        turn: float,
        height: int,
        serifs: bool = False,
    ) -> None:
        cos, sin = math.cos(turn), math.sin(turn)
        for stroke in CAPITALS.get(letter, ()):
            points = []
            for u, v in stroke:
                x, y = (u - 0.5) * size * 0.6, (v - 0.5) * size
                points.append(
                    (centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos)
                )
            self.line(points, width, height)
            if serifs:
                self.pellet(points[0], width * 0.8, height)
                self.pellet(points[-1], width * 0.8, height)

    def rim_legend(
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
        """Write random letters of an alphabet along an arc, most with feet inwards.

        The arc has this radius, begins at the angle `start` and spans the angle
        `sweep`; `size` is the height of the letters, `width` that of their strokes.
        """
        step = size * float(rng.uniform(0.72, 0.95)) / radius
        serifs = rng.random() < 0.3
        height = int(rng.integers(170, 256))
        outward = 1 if rng.random() < 0.9 else -1
        for number in range(int(sweep / step)):
            angle = start + (number + 0.5) * step
            if rng.random() < 0.06:
                continue
            letter = alphabet[int(rng.integers(len(alphabet)))]
            turn = angle + outward * math.pi / 2
            self._letter(
                letter, polar(radius, angle), size, width, turn, height, serifs
            )

    def pellet_ring(self, radius: float, pellet: float, spacing: float = 2.6) -> None:
        """Draw a circle of pellets of radius `pellet`, `spacing` of these apart."""
        count = max(8, round(2 * math.pi * radius / (pellet * spacing)))
        for k in range(count):
            self.pellet(polar(radius, 2 * math.pi * k / count), pellet, 200)

    def border(self, rng: np.random.Generator) -> None:
        """Draw a border of pellets, a plain circle, both, teeth, or none."""
        kind = int(rng.integers(6))
        radius = float(rng.uniform(0.425, 0.46))
        if kind in (0, 1, 2):
            self.pellet_ring(radius, float(rng.uniform(0.005, 0.013)))
        if kind in (2, 3):
            self.ring((0, 0), radius - 0.02, float(rng.uniform(0.006, 0.016)), 190)
        if kind == 4:
            count = int(rng.integers(50, 90))
            for k in range(count):
                angle = 2 * math.pi * k / count
                tooth = [polar(radius - 0.03, angle), polar(radius, angle)]
                self.line(tooth, 0.008, 180)

    def relief(self, softness: float) -> NDArray[np.float32]:
        """The die's relief, float32 (S, S), 0 (field) to 1 (highest).

        Args:
            softness: Standard deviation of the blur of the edges.
        """
        # 8-bit blur and downscaling by area are integer work: the same everywhere
        sigma = max(0.6, softness * self.side)
        soft = cv2.GaussianBlur(self.canvas, (0, 0), sigma)
        size = (self.size_px, self.size_px)
        small = cv2.resize(soft, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32) / np.float32(255)


def polar(radius: float, angle: float) -> Point:
    """The point at this distance from the centre, `angle` clockwise from the right."""
    return (radius * math.cos(angle), radius * math.sin(angle))


def bezier(start: Point, control: Point, end: Point, segments: int = 12) -> list[Point]:
    """Points along a quadratic Bézier curve."""
    out = []
    for k in range(segments + 1):
        t = k / segments
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        x = a * start[0] + b * control[0] + c * end[0]
        y = a * start[1] + b * control[1] + c * end[1]
        out.append((x, y))
    return out


def ellipse(
    centre: Point, rx: float, ry: float, turn: float = 0.0, count: int = 20
) -> list[Point]:
    """The outline of an ellipse as a polygon of `count` points."""
    cos, sin = math.cos(turn), math.sin(turn)
    out = []
    for k in range(count):
        a = 2 * math.pi * k / count
        x, y = rx * math.cos(a), ry * math.sin(a)
        out.append((centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos))
    return out


def tapered_band(spine: Sequence[Point], widths: Sequence[float]) -> list[Point]:
    """The outline of a band along a spine, with a width at each of its points."""
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
