"""Small changes to a crop that leave its coin the same coin."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

TURN_DEG = 15.0
SCALE = (0.88, 1.12)
SHIFT = 0.06


def augment(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turned, shifted, relit, blurred and partly hidden crops, uint8 (N, S, S, 3).

    Never mirrored: letters have a side. Draws from torch's random state, so that the
    epoch's seed settles it.
    """
    rng = np.random.default_rng(int(torch.randint(2**31, (1,))))
    return np.stack([_change(crop, rng) for crop in crops])


def augment_mirrored(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same, with one in three mirrored.

    For coins that are told apart by their pictures: a portrait that looks left is of
    the same ruler.
    """
    mirrored = (torch.rand(len(crops)) < 1 / 3).numpy()
    turned = np.where(mirrored[:, None, None, None], crops[:, :, ::-1], crops)
    return augment(turned)


def _change(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    size = crop.shape[0]
    middle = ((size - 1) / 2, (size - 1) / 2)
    matrix = cv2.getRotationMatrix2D(
        middle, rng.uniform(-TURN_DEG, TURN_DEG), rng.uniform(*SCALE)
    )
    matrix[:, 2] += rng.uniform(-SHIFT, SHIFT, 2) * size
    image: NDArray[Any] = cv2.warpAffine(
        crop, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4)))
    grey = image.mean()
    image = (image - grey) * rng.uniform(0.75, 1.3) + grey + rng.uniform(-30, 30)
    # The tint of patina and lamp, then how much colour there is at all.
    image *= rng.uniform(0.9, 1.1, 3).astype(np.float32)
    luminance = image.mean(axis=2, keepdims=True)
    image = luminance + (image - luminance) * rng.uniform(0.2, 1.3)
    if rng.random() < 0.4:
        height, width = (rng.uniform(0.1, 0.3, 2) * size).astype(int)
        top, left = rng.integers(0, size - height), rng.integers(0, size - width)
        image[top : top + height, left : left + width] = grey
    changed: NDArray[np.uint8] = np.clip(image, 0, 255).astype(np.uint8)
    return changed
