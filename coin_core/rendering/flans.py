"""Flans: the blanks of coins, cast in strips and cut apart, seldom round."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.engraving import SUBPIXEL_BITS, DiePlacement
from coin_core.rendering.noise import Field, noise, smoothstep


@dataclass(frozen=True, slots=True, kw_only=True)
class FlanShape:
    """Centre, mean radius and outline of a flan in px."""

    centre_x: float
    centre_y: float
    radius: float
    outline: tuple[tuple[float, float], ...]

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in px."""
        xs, ys = zip(*self.outline, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


def draw_shape(rng: np.random.Generator, size_px: int) -> FlanShape:
    """Draw a random outline: bulges, straight cuts, casting lugs, cracks."""
    angles = np.linspace(0, 2 * math.pi, 120, endpoint=False)
    r = np.ones(120)

    def distance_from(angle: float) -> NDArray[np.float64]:
        off: NDArray[np.float64] = np.abs(
            (angles - angle + math.pi) % (2 * math.pi) - math.pi
        )
        return off

    def cut(least: float, most: float) -> NDArray[np.float64]:
        """The radii after a straight cut at a random angle and depth."""
        angle = float(rng.uniform(0, 2 * math.pi))
        depth = float(rng.uniform(least, most))
        cos = np.cos(angles - angle)
        return np.where(cos > 0.2, np.minimum(r, depth / np.maximum(cos, 0.2)), r)

    unevenness = float(rng.uniform(0.2, 1.0))
    for k in range(2, 9):
        amplitude = unevenness * 0.045 / (k - 1) ** 0.7 * float(rng.normal())
        r += amplitude * np.cos(k * angles + float(rng.uniform(0, 2 * math.pi)))
    strip_axis = float(rng.uniform(0, 2 * math.pi))
    for angle in (strip_axis, strip_axis + math.pi):
        if rng.random() < 0.3:  # a lug, where the flan hung in the casting strip
            width = float(rng.uniform(0.06, 0.25))
            height = float(rng.uniform(0.05, 0.2))
            r += height * np.clip(1.6 - distance_from(angle) / width, 0, 1)
    for _ in range(int(rng.integers(0, 4))):
        r = cut(0.92, 1.02)
    for _ in range(int(rng.integers(1, 3)) if rng.random() < 0.4 else 0):  # cracks
        angle = float(rng.uniform(0, 2 * math.pi))
        width = float(rng.uniform(0.04, 0.12))
        depth = float(rng.uniform(0.05, 0.25))
        r -= depth * np.clip(1 - distance_from(angle) / width, 0, 1)
    if rng.random() < 0.1:  # a broken edge
        r = cut(0.65, 0.88)
    x, y = r * np.cos(angles), r * np.sin(angles)
    stretch = float(rng.uniform(0.86, 1.0))
    axis = float(rng.uniform(0, math.pi))
    along = x * math.cos(axis) + y * math.sin(axis)
    x = x - (1 - stretch) * along * math.cos(axis)
    y = y - (1 - stretch) * along * math.sin(axis)
    # the coin detector's crop leaves a narrow margin, sometimes a wider one
    margin = float(
        rng.uniform(0.0, 0.05) if rng.random() < 0.85 else rng.uniform(0, 0.14)
    )
    half_width, half_height = (x.max() - x.min()) / 2, (y.max() - y.min()) / 2
    scale = size_px * (0.5 - margin) / max(half_width, half_height)
    centre_x = size_px / 2 - scale * (x.max() + x.min()) / 2
    centre_y = size_px / 2 - scale * (y.max() + y.min()) / 2
    centre_x += float(rng.normal(0, 0.012)) * size_px
    centre_y += float(rng.normal(0, 0.012)) * size_px
    xs, ys = (x * scale + centre_x).tolist(), (y * scale + centre_y).tolist()
    return FlanShape(
        centre_x=centre_x,
        centre_y=centre_y,
        radius=scale,
        outline=tuple(zip(xs, ys, strict=True)),
    )


def rounded(rng: np.random.Generator, shape: FlanShape) -> FlanShape:
    """The same flan, nearer to a circle: of a mint that cast or cut blanks well."""
    centre = np.array([shape.centre_x, shape.centre_y])
    away = np.array(shape.outline) - centre
    radii = np.hypot(away[:, 0], away[:, 1])[:, None]
    kept = float(rng.uniform(0.2, 0.8))
    even = centre + away / radii * (radii.mean() + kept * (radii - radii.mean()))
    return replace(shape, outline=tuple((x, y) for x, y in even.tolist()))


def draw_mask(shape: FlanShape, size_px: int) -> NDArray[np.uint8]:
    """How much of each pixel the flan covers, uint8 (S, S), 255 inside."""
    mask = np.zeros((size_px, size_px), np.uint8)
    points = np.round(np.array(shape.outline) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [points[:, None]], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return mask


def distance_to_edge(mask: NDArray[np.uint8]) -> Field:
    """City-block distance to the flan's edge in px, 0 outside, float32 (S, S)."""
    inside = (mask > 127).astype(np.uint8)
    padded = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(padded, cv2.DIST_L1, 3)
    return np.asarray(distance[1:-1, 1:-1], np.float32)


def draw_surface(
    rng: np.random.Generator, shape: FlanShape, distance: Field, die: DiePlacement
) -> Field:
    """Draw the height of the struck flan without its design, float32 (S, S).

    The die presses its field down; the metal beyond its edge stays higher.

    Returns:
        Height in units of the relief, 1 for the height of a fresh stroke.
    """
    size = distance.shape[0]
    amplitude = np.float32(float(rng.uniform(0.1, 1.6)))
    height = amplitude * noise(rng, size, int(rng.integers(2, 5)))
    bevel = float(rng.uniform(0.03, 0.16)) * shape.radius
    height += np.float32(rng.uniform(0.5, 2.2)) * smoothstep(distance, 0, bevel)
    if rng.random() < 0.55:
        ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
        dx, dy = xs - np.float32(die.centre_x), ys - np.float32(die.centre_y)
        from_centre = np.sqrt(dx * dx + dy * dy) / np.float32(die.radius)
        edge = float(rng.uniform(0.98, 1.06))
        height += np.float32(rng.uniform(0.3, 1.6)) * smoothstep(
            from_centre, edge, edge + float(rng.uniform(0.08, 0.3))
        )
    return height
