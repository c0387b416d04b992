"""Flans: the blanks. Cast in strips, cut apart, seldom round."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.noise import Field, noise, smoothstep

_SHIFT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FlanShape:
    """Centre, mean radius and outline of a flan in canvas px."""

    centre_x: float
    centre_y: float
    radius: float
    outline: tuple[tuple[float, float], ...]

    def box(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom in px."""
        xs = [x for x, _ in self.outline]
        ys = [y for _, y in self.outline]
        return min(xs), min(ys), max(xs), max(ys)


def draw_shape(rng: np.random.Generator, size_px: int) -> FlanShape:
    """An outline with bulges, straight cuts, lugs of the casting strip, cracks."""
    angles = np.linspace(0, 2 * math.pi, 120, endpoint=False)
    r = np.ones(120)
    uneven = float(rng.uniform(0.2, 1.0))
    for k in range(2, 9):
        amount = uneven * 0.045 / (k - 1) ** 0.7 * float(rng.normal())
        r += amount * np.cos(k * angles + float(rng.uniform(0, 2 * math.pi)))
    lug_axis = float(rng.uniform(0, 2 * math.pi))
    for at in (lug_axis, lug_axis + math.pi):
        if rng.random() < 0.3:  # a lug, where the flan hung in the strip
            off = np.abs((angles - at + math.pi) % (2 * math.pi) - math.pi)
            wide, high = float(rng.uniform(0.06, 0.25)), float(rng.uniform(0.05, 0.2))
            r += high * np.clip(1.6 - off / wide, 0, 1)
    for _ in range(int(rng.integers(0, 4))):  # straight cuts
        at, depth = float(rng.uniform(0, 2 * math.pi)), float(rng.uniform(0.92, 1.02))
        cos = np.cos(angles - at)
        r = np.where(cos > 0.2, np.minimum(r, depth / np.maximum(cos, 0.2)), r)
    for _ in range(int(rng.integers(1, 3)) if rng.random() < 0.4 else 0):  # cracks
        at = float(rng.uniform(0, 2 * math.pi))
        off = np.abs((angles - at + math.pi) % (2 * math.pi) - math.pi)
        wide, deep = float(rng.uniform(0.04, 0.12)), float(rng.uniform(0.05, 0.25))
        r -= deep * np.clip(1 - off / wide, 0, 1)
    if rng.random() < 0.1:  # a broken edge
        at, depth = float(rng.uniform(0, 2 * math.pi)), float(rng.uniform(0.65, 0.88))
        cos = np.cos(angles - at)
        r = np.where(cos > 0.2, np.minimum(r, depth / np.maximum(cos, 0.2)), r)
    x, y = r * np.cos(angles), r * np.sin(angles)
    stretch = float(rng.uniform(0.86, 1.0))
    lean = float(rng.uniform(0, math.pi))
    along = x * math.cos(lean) + y * math.sin(lean)
    x, y = (
        x - (1 - stretch) * along * math.cos(lean),
        y - (1 - stretch) * along * math.sin(lean),
    )
    # the crop of the face finder leaves a narrow margin, now and then a wider one
    margin = float(
        rng.uniform(0.0, 0.05) if rng.random() < 0.85 else rng.uniform(0, 0.14)
    )
    half_w, half_h = (x.max() - x.min()) / 2, (y.max() - y.min()) / 2
    scale = size_px * (0.5 - margin) / max(half_w, half_h)
    shift_x = size_px / 2 - scale * (x.max() + x.min()) / 2
    shift_y = size_px / 2 - scale * (y.max() + y.min()) / 2
    shift_x += float(rng.normal(0, 0.012)) * size_px
    shift_y += float(rng.normal(0, 0.012)) * size_px
    outline = tuple(
        zip((x * scale + shift_x).tolist(), (y * scale + shift_y).tolist(), strict=True)
    )
    return FlanShape(centre_x=shift_x, centre_y=shift_y, radius=scale, outline=outline)


def draw_mask(shape: FlanShape, size_px: int) -> NDArray[np.uint8]:
    """The flan's cover of each pixel, uint8 (S, S), 255 inside."""
    mask = np.zeros((size_px, size_px), np.uint8)
    points = np.round(np.array(shape.outline) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [points[:, None]], 255, cv2.LINE_AA, _SHIFT)
    return mask


def distance_inside(mask: NDArray[np.uint8]) -> Field:
    """Distance to the flan's edge in px, 0 outside, float32 (S, S).

    The 3 x 3 integer distance: steps of 3 and 4 thirds of a pixel, exact.
    """
    padded = cv2.copyMakeBorder(
        (mask > 127).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0
    )
    away = cv2.distanceTransform(padded, cv2.DIST_L1, 3)
    out: Field = away[1:-1, 1:-1].astype(np.float32)
    return out


def surface(
    rng: np.random.Generator,
    shape: FlanShape,
    away: Field,
    die: tuple[float, float, float],
) -> Field:
    """Height of the bare flan, relief units, float32 (S, S).

    `die` is centre x, y and radius in px: the die presses the field down, the
    metal beyond its edge stays higher.
    """
    size = away.shape[0]
    height = np.float32(float(rng.uniform(0.1, 1.6))) * noise(
        rng, size, int(rng.integers(2, 5))
    )
    bevel = float(rng.uniform(0.03, 0.16)) * shape.radius
    height += np.float32(rng.uniform(0.5, 2.2)) * smoothstep(away, 0, bevel)
    if rng.random() < 0.55:
        x, y, radius = die
        ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
        dx, dy = xs - np.float32(x), ys - np.float32(y)
        out = np.sqrt(dx * dx + dy * dy) / np.float32(radius)
        rim = float(rng.uniform(0.98, 1.06))
        height += np.float32(rng.uniform(0.3, 1.6)) * smoothstep(
            out, rim, rim + float(rng.uniform(0.08, 0.3))
        )
    return height
