"""Random changes to training images: of a user's photos, and of rendered coins."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

TURN_DEG = 15.0
SCALE = (0.88, 1.12)
SHIFT = 0.06


def augment(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn, shift, relight, blur and partly hide crops, uint8 (N, S, S, 3).

    Crops are never mirrored: letters have a direction. The random numbers are seeded
    from torch's random state, and so by the epoch.
    """
    rng = np.random.default_rng(int(torch.randint(2**31, (1,))))
    return np.stack([_change(crop, rng) for crop in crops])


def augment_mirrored(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Augment crops, one in three mirrored.

    For coins that differ in their pictures: a portrait facing left is of the same
    ruler.
    """
    mirrored = (torch.rand(len(crops)) < 1 / 3).numpy()
    turned = np.where(mirrored[:, None, None, None], crops[:, :, ::-1], crops)
    return augment(turned)


def jitter(crops: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn, shift, scale, relight and blur crops a little, uint8 (N, S, S, 3).

    The legend stays legible, and where it was within a letter or so.
    """
    return np.stack([_jittered(crop, rng) for crop in crops])


def _jittered(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    size = crop.shape[0]
    middle = ((size - 1) / 2, (size - 1) / 2)
    matrix = cv2.getRotationMatrix2D(
        middle, rng.uniform(-8, 8), rng.uniform(0.93, 1.07)
    )
    matrix[:, 2] += rng.uniform(-0.03, 0.03, 2) * size
    image: NDArray[Any] = cv2.warpAffine(
        crop, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.0)))
    image = 255 * (image / 255) ** rng.uniform(0.7, 1.4)
    changed: NDArray[np.uint8] = np.clip(image, 0, 255).astype(np.uint8)
    return changed


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
    # The tint of patina and lamp, then the saturation.
    image *= rng.uniform(0.9, 1.1, 3).astype(np.float32)
    luminance = image.mean(axis=2, keepdims=True)
    image = luminance + (image - luminance) * rng.uniform(0.2, 1.3)
    if rng.random() < 0.4:
        height, width = (rng.uniform(0.1, 0.3, 2) * size).astype(int)
        top, left = rng.integers(0, size - height), rng.integers(0, size - width)
        image[top : top + height, left : left + width] = grey
    changed: NDArray[np.uint8] = np.clip(image, 0, 255).astype(np.uint8)
    return changed


_UNCHANGED = 0.5  # fraction of the coins
_BEND_PX = ((4, 1.8), (12, 0.8))  # points across, and how far each is moved
_NEGATIVE = 0.06  # earth may be lighter or darker than the letters


def randomize_appearance(inputs: Tensor) -> Tensor:
    """Randomize how coins look, but not what is on them (domain randomization).

    Args:
        inputs: float (N, 3, S, S), mean 0 and deviation 1, as nets get coins.

    Returns:
        The same shape, no longer standardized. The changes are drawn from torch's
        random state.
    """
    changed = torch.rand(len(inputs), device=inputs.device) >= _UNCHANGED
    out = inputs.clone()
    if changed.any():
        out[changed] = _randomize(inputs[changed])
    return out


def _randomize(inputs: Tensor) -> Tensor:
    x = _bend(inputs)
    chance = torch.rand(12, len(x), 1, 1, 1, device=x.device)
    x = torch.where(chance[0] < 0.3, x.mean(1, keepdim=True).expand_as(x), x)
    thick = functional.max_pool2d(x, 3, 1, 1)
    thin = -functional.max_pool2d(-x, 3, 1, 1)
    x = torch.lerp(x, torch.where(chance[1] < 0.5, thick, thin), _half(chance[2], 0.8))
    soft = _mean_around(_mean_around(x, 3), 3)
    x = x + (x - soft) * (2.2 * _half(chance[3], 1.0) - 0.9 * _half(chance[4], 1.0))
    x = x - _mean_around(x, 31) * _half(chance[5], 0.8)
    x = x * (1 + 0.4 * _field(x, 3)) + 0.5 * _field(x, 3) * _half(chance[6], 1.0)
    hard = 0.4 + 1.2 * _half(chance[7], 1.0)
    x = torch.tanh(x * hard) / hard
    x = x + (chance[8] - 0.5) * 0.5 * (x * x - 1)
    x = torch.where(chance[9] < _NEGATIVE, -x, x)
    x = x + torch.randn_like(x) * _half(chance[10], 0.25)
    return x + _field(x, x.shape[-1] // 3) * _half(chance[11], 0.35)


def _half(chance: Tensor, most: float) -> Tensor:
    """0 for half of the coins, for the others uniform up to `most`."""
    return (2 * chance - 1).clamp(min=0) * most


def _field(like: Tensor, across: int) -> Tensor:
    """Smooth noise of deviation about 1, equal in all channels: (N, 1, S, S)."""
    coarse = torch.randn(len(like), 1, across, across, device=like.device)
    return functional.interpolate(coarse, size=like.shape[-2:], mode="bicubic")


def _mean_around(x: Tensor, across: int) -> Tensor:
    """The mean of a square around each pixel."""
    for size in ((across, 1), (1, across)):
        reach = (size[0] // 2, size[1] // 2)
        x = functional.avg_pool2d(x, size, 1, reach, count_include_pad=False)
    return x


def _bend(x: Tensor) -> Tensor:
    count, _, height, width = x.shape
    straight = functional.affine_grid(
        torch.eye(2, 3, device=x.device).expand(count, 2, 3), list(x.shape), False
    )
    away = torch.zeros(count, 2, height, width, device=x.device)
    for across, far_px in _BEND_PX:
        moves = torch.randn(count, 2, across, across, device=x.device)
        far = far_px * 2 / width * torch.rand(count, 1, 1, 1, device=x.device)
        away = away + functional.interpolate(
            moves * far, size=(height, width), mode="bicubic"
        )
    return functional.grid_sample(
        x,
        straight + away.permute(0, 2, 3, 1),
        padding_mode="border",
        align_corners=False,
    )
