"""Random fields for surfaces, exact in integers.

OpenCV resizes and blurs 8- and 16-bit integers in fixed point, bit for bit the
same everywhere; its floating-point filters are not. So every field is made in
uint16 and becomes float32 only at the end.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def blurred(field: Field, sigma_px: float) -> Field:
    """Gaussian blur of a field of values 0..1, float32 (S, S)."""
    whole = np.round(np.clip(field, 0, 1) * np.float32(65535)).astype(np.uint16)
    side = 2 * max(1, round(sigma_px * 2.5)) + 1
    soft = cv2.GaussianBlur(whole, (side, side), sigma_px)
    return soft.astype(np.float32) / np.float32(65535)


def noise(rng: np.random.Generator, size_px: int, grains: int) -> Field:
    """A smooth field of 0..1 with about `grains` bumps across, (S, S)."""
    grains = min(max(grains, 2), size_px)
    coarse = rng.integers(0, 65536, (grains + 2, grains + 2), dtype=np.uint16)
    side = size_px + 2 * (size_px // grains)
    fine = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR_EXACT)
    edge = (side - size_px) // 2
    field: Field = fine[edge : edge + size_px, edge : edge + size_px].astype(
        np.float32
    ) / np.float32(65535)
    return field


def smoothstep(x: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, an S between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    out: Field = t * t * (np.float32(3) - np.float32(2) * t)
    return out
