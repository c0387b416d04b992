"""From crops to network inputs, the same for training and for prediction.

Light and patina say nothing about the ruler, so every crop gets the same mean and
contrast. Networks that read the legend get its view, upright and centred; networks for
the appearance get the middle of the flan.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coin_core.imaging.legend_pose import VIEW_MARGIN, LegendPose, warp_to_legend


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How a square crop becomes a network input; stored in the model card.

    Attributes:
        size_px: The side of the input.
        zoom: The fraction of the crop's side that the input shows, from the middle.
            The rim tells little and would cost a third of the time.
        disc: The radius of the central disc whose mean becomes 0 and whose standard
            deviation becomes 1, as a fraction of half the input's side.
        clip: The largest absolute value of the input.
        framed: Whether the input shows the view of the legend instead of the middle.
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
        """Return plain values for the model card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Preprocessing":
        """Create the settings from a model card.

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
    """Return a square crop at another size, uint8 (size, size, 3)."""
    if crop.shape[0] == size_px:
        return crop
    mode = cv2.INTER_AREA if crop.shape[0] > size_px else cv2.INTER_CUBIC
    return np.asarray(
        cv2.resize(crop, (size_px, size_px), interpolation=mode), np.uint8
    )


def centred_pose(settings: Preprocessing) -> LegendPose:
    """Return the pose whose view is the input of a model without legend views."""
    return LegendPose(radius=settings.zoom / (2 * VIEW_MARGIN))


def prepare(
    crops: NDArray[np.uint8],
    settings: Preprocessing,
    poses: Sequence[LegendPose] | None = None,
) -> NDArray[np.float32]:
    """Turn square crops into network inputs.

    Args:
        crops: uint8 (N, S, S, 3) RGB, any S.
        settings: The model's preprocessing.
        poses: The poses of the legends; used, and required, if `settings.framed`.

    Returns:
        float32 (N, 3, size_px, size_px).

    Raises:
        ValueError: The crops have another shape or type, or the poses are missing.
    """
    if crops.ndim != 4 or crops.shape[3] != 3 or crops.shape[1] != crops.shape[2]:
        raise ValueError(f"crops must be uint8 (N, S, S, 3), got {crops.shape}.")
    if crops.dtype != np.uint8:
        raise ValueError(f"crops must be uint8, got {crops.dtype}.")
    size = settings.size_px
    if settings.framed:
        if poses is None:
            raise ValueError("The settings need the poses of the legends.")
        small = warp_to_legend(crops, poses, size)
    else:
        inner = round(crops.shape[1] * settings.zoom)
        edge = (crops.shape[1] - inner) // 2
        crops = crops[:, edge : edge + inner, edge : edge + inner]
        small = (
            np.stack([resized(crop, size) for crop in crops]) if len(crops) else crops
        )
    images = torch.from_numpy(small.reshape(len(crops), size, size, 3))
    return standardize(images.permute(0, 3, 1, 2).float(), settings).numpy()


def standardize(images: Tensor, settings: Preprocessing, least: float = 4.0) -> Tensor:
    """Give images the same mean and contrast, whatever the light.

    Args:
        images: float (N, 3, S, S), in grey levels or any other unit.
        settings: Gives the measured disc and the clipping.
        least: Added to the standard deviation, in the same unit, so that an even image
            stays even.

    Returns:
        float (N, 3, S, S), on the same device.
    """
    at = (torch.arange(images.shape[-1], device=images.device) + 0.5) * 2
    at = at / images.shape[-1] - 1
    disc = (at[:, None] ** 2 + at[None, :] ** 2 < settings.disc**2).to(images.dtype)
    weights = disc / disc.sum()
    means = (images * weights).sum((2, 3), keepdim=True)
    grey = (images - means).mean(1, keepdim=True)
    deviation = (grey**2 * weights).sum((2, 3), keepdim=True).sqrt()
    standardized = (images - means) / (deviation + least)
    return standardized.clamp(-settings.clip, settings.clip).contiguous()
