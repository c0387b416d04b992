"""From a face to a net's input: one way, for training and for prediction.

The light on a coin and its patina say nothing about the ruler, so every crop is
set to the same mean and contrast before a net sees it.
"""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How a square crop becomes input; travels in the model card.

    `size_px` is the side of the input, `zoom` the central share of the crop's side
    that it shows: the legend stands in the middle, and wreath and rim, which name
    nobody, would cost a third of the time. The input's central disc of `disc` of
    its half side is set to mean 0 and standard deviation 1, then clipped to
    +-`clip`.
    """

    size_px: int = 128
    zoom: float = 0.84
    disc: float = 0.95
    clip: float = 4.0

    def __post_init__(self) -> None:
        if not 32 <= self.size_px <= 512 or self.size_px % 8:
            raise ValueError(
                f"size_px must be a multiple of 8 from 32 to 512, got {self.size_px}."
            )
        if not 0 < self.disc <= 1.5 or not self.clip > 0 or not 0.2 <= self.zoom <= 1:
            raise ValueError(f"zoom, disc or clip are out of range: {self!r}.")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the model card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Preprocessing":
        """Read from a model card.

        Raises:
            ValueError: If a setting is missing, unknown or out of range.
        """
        try:
            return cls(
                size_px=int(values["size_px"]),
                zoom=float(values["zoom"]),
                disc=float(values["disc"]),
                clip=float(values["clip"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"preprocessing settings are damaged: {error}") from error


def resized(crop: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """A square crop at another size, uint8 (size, size, 3)."""
    if crop.shape[0] == size_px:
        return crop
    way = cv2.INTER_AREA if crop.shape[0] > size_px else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop, (size_px, size_px), interpolation=way), np.uint8)


def to_crop(fraction: float, settings: Preprocessing) -> float:
    """A place in the input (0..1 along one axis) as a place in the whole crop."""
    return 0.5 + (fraction - 0.5) * settings.zoom


def prepare(crops: NDArray[np.uint8], settings: Preprocessing) -> NDArray[np.float32]:
    """Make net input of square crops.

    Args:
        crops: uint8 (N, S, S, 3) RGB, any S.
        settings: The model's preprocessing.

    Returns:
        float32 (N, 3, size_px, size_px).

    Raises:
        ValueError: If the crops have another shape or type.
    """
    if crops.ndim != 4 or crops.shape[3] != 3 or crops.shape[1] != crops.shape[2]:
        raise ValueError(f"crops must be uint8 (N, S, S, 3), got {crops.shape}.")
    if crops.dtype != np.uint8:
        raise ValueError(f"crops must be uint8, got {crops.dtype}.")
    size = settings.size_px
    inner = round(crops.shape[1] * settings.zoom)
    edge = (crops.shape[1] - inner) // 2
    crops = crops[:, edge : edge + inner, edge : edge + inner]
    small = np.stack([resized(crop, size) for crop in crops]) if len(crops) else crops
    images = small.reshape(len(crops), size, size, 3).astype(np.float32)
    at = (np.arange(size, dtype=np.float32) + 0.5) / (size / 2) - 1
    disc = (at[:, None] ** 2 + at[None, :] ** 2) < settings.disc**2
    inside = images[:, disc]  # (N, P, 3)
    mean = inside.mean(axis=1)[:, None, None, :]
    deviation = inside.mean(axis=2).std(axis=1)[:, None, None, None]
    images = (images - mean) / (deviation + np.float32(4.0))
    images = np.clip(images, -settings.clip, settings.clip)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)
