"""Random and smooth fields, with the same values on every machine.

OpenCV resizes and blurs 8- and 16-bit integers in fixed point, with the same result
on every processor; its floating-point filters do not promise that. So every field is
made in uint16 and converted to float32 at the end.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""A value at each pixel, float32 (S, S)."""


def blur(field: Field, sigma_px: float) -> Field:
    """Blur a field with values of 0 to 1 by a Gaussian kernel."""
    whole = np.round(np.clip(field, 0, 1) * np.float32(65535)).astype(np.uint16)
    side = 2 * max(1, round(sigma_px * 2.5)) + 1
    soft = cv2.GaussianBlur(whole, (side, side), sigma_px)
    return soft.astype(np.float32) / np.float32(65535)


def noise(rng: np.random.Generator, size_px: int, grains: int) -> Field:
    """A smooth random field of 0 to 1 with about `grains` bumps across."""
    grains = min(max(grains, 2), size_px)
    coarse = rng.integers(0, 65536, (grains + 2, grains + 2), dtype=np.uint16)
    side = size_px + 2 * (size_px // grains)
    fine = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR_EXACT)
    edge = (side - size_px) // 2
    inside = slice(edge, edge + size_px)
    return np.asarray(fine[inside, inside], np.float32) / np.float32(65535)


def smoothstep(x: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, and the cubic 3t² - 2t³ between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (np.float32(3) - np.float32(2) * t), np.float32)
