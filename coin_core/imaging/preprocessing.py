"""From a face to a net's input: one way, for training and for prediction.

The light on a coin and its patina say nothing about the ruler, so every crop is
set to the same mean and contrast before a net sees it. Nets that read see the legend
alone, upright and in the middle; nets that look see the flan as it lies.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coin_core.imaging.legend_pose import (
    VIEW_MARGIN,
    LegendPose,
    find_frames,
    warp_to_legend,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How a square crop becomes input; travels in the model card.

    `size_px` is the side of the input. If `framed`, it shows the legend wherever it
    lies; else the central share `zoom` of the crop's side: the rim tells little and
    would cost a third of the time. The input's central disc of `disc` of
    its half side is set to mean 0 and standard deviation 1, then clipped to
    +-`clip`.
    """

    size_px: int = 128
    zoom: float = 0.84
    disc: float = 0.95
    clip: float = 4.0
    framed: bool = False

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
                framed=bool(values.get("framed", False)),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"preprocessing settings are damaged: {error}") from error


def resized(crop: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """A square crop at another size, uint8 (size, size, 3)."""
    if crop.shape[0] == size_px:
        return crop
    way = cv2.INTER_AREA if crop.shape[0] > size_px else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop, (size_px, size_px), interpolation=way), np.uint8)


def frames_for(crops: NDArray[np.uint8], settings: Preprocessing) -> list[LegendPose]:
    """What the input shows of each crop (N, S, S, 3): the legend, or the middle."""
    if settings.framed:
        return find_frames(crops)
    return [LegendPose(radius=settings.zoom / (2 * VIEW_MARGIN))] * len(crops)


def prepare(
    crops: NDArray[np.uint8],
    settings: Preprocessing,
    frames: Sequence[LegendPose] | None = None,
) -> NDArray[np.float32]:
    """Make net input of square crops.

    Args:
        crops: uint8 (N, S, S, 3) RGB, any S.
        settings: The model's preprocessing.
        frames: Where the legends lie; found if None and the settings ask for it.

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
    if not settings.framed:
        inner = round(crops.shape[1] * settings.zoom)
        edge = (crops.shape[1] - inner) // 2
        crops = crops[:, edge : edge + inner, edge : edge + inner]
        small = (
            np.stack([resized(crop, size) for crop in crops]) if len(crops) else crops
        )
    else:
        small = warp_to_legend(
            crops, frames_for(crops, settings) if frames is None else frames, size
        )
    images = torch.from_numpy(small.reshape(len(crops), size, size, 3))
    return standardize(images.permute(0, 3, 1, 2).float(), settings).numpy()


def standardize(images: Tensor, settings: Preprocessing, least: float = 4.0) -> Tensor:
    """Pictures of one mean and contrast, whatever the light.

    Args:
        images: float (N, 3, S, S), in grey levels or any other unit.
        settings: Names the disc that is measured, and where to clip.
        least: Added to the deviation, so that an even picture stays even; in the same
            unit.

    Returns:
        float (N, 3, S, S), on the same device.
    """
    at = (torch.arange(images.shape[-1], device=images.device) + 0.5) * 2
    at = at / images.shape[-1] - 1
    disc = (at[:, None] ** 2 + at[None, :] ** 2 < settings.disc**2).to(images.dtype)
    share = disc / disc.sum()
    means = (images * share).sum((2, 3), keepdim=True)
    off = (images - means).mean(1, keepdim=True)
    spread = (off**2 * share).sum((2, 3), keepdim=True).sqrt()
    clipped = ((images - means) / (spread + least)).clamp(-settings.clip, settings.clip)
    return clipped.contiguous()
