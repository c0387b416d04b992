"""From photos to crops, and from crops to network inputs; the same for training.

Light and patina say nothing about the ruler, so every crop gets the same mean and
contrast. Dies were struck off the flan's centre, at any angle, and differ in size, so
networks that read the legend get its view, upright, centred and as large as the input
allows. Networks for the appearance get the middle of the flan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.errors import CropOutOfBoundsError

if TYPE_CHECKING:
    from torch import Tensor

CROP_PX = 160
"""Side of the crops of coins; each network scales them to its own input."""
VIEW_MARGIN = 1.22
"""Half the side of the view, in radii of the legend's field."""
_MARGIN = 1.04  # the crop's side over the longer edge of the flan's box


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedBox:
    """A box in fractions of the photo, and the turn that brings the coin upright.

    Attributes:
        left: 0 at the photo's left edge, 1 at its right.
        top: 0 at the photo's top edge, 1 at its bottom.
        right: More than `left`.
        bottom: More than `top`.
        turn_deg: That turn, clockwise.

    Raises:
        CropOutOfBoundsError: The box is empty or reaches outside the photo.
    """

    left: float
    top: float
    right: float
    bottom: float
    turn_deg: float = 0.0

    def __post_init__(self) -> None:
        edges = (self.left, self.top, self.right, self.bottom, self.turn_deg)
        if not all(math.isfinite(edge) for edge in edges):
            raise CropOutOfBoundsError(f"A crop box needs finite numbers, not {edges}.")
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise CropOutOfBoundsError(
                "A crop box is inside the photo, left < right and top < bottom in "
                f"fractions 0 to 1; got left {self.left:g}, top {self.top:g}, right "
                f"{self.right:g}, bottom {self.bottom:g}. Draw it again."
            )


def crop_to_flan(
    photo: NDArray[np.uint8], box: RotatedBox, size_px: int
) -> NDArray[np.uint8]:
    """Crop a square around a coin, a little wider than its box, turned upright.

    Args:
        photo: RGB, uint8 (H, W, 3).
        box: The coin; its `turn_deg` turns the crop clockwise.
        size_px: Side of the crop.

    Returns:
        uint8 (size_px, size_px, 3). Pixels outside the photo have the colour of its
        corners, which are background even if the coin fills the photo.
    """
    height, width = photo.shape[:2]
    centre_x = (box.left + box.right) / 2 * width
    centre_y = (box.top + box.bottom) / 2 * height
    side = _MARGIN * max(
        (box.right - box.left) * width, (box.bottom - box.top) * height, 1.0
    )
    reach = side / 2 * (math.sqrt(2) if box.turn_deg % 90 else 1.0)
    x0, y0 = (max(0, math.floor(at - reach)) for at in (centre_x, centre_y))
    x1, y1 = (math.ceil(at + reach) for at in (centre_x, centre_y))
    times = halvings(side, size_px)  # first, since warping alone skips pixels
    times = min(times, halvings(min(height, width), 1))  # to one pixel at least
    part = shrink_by_halves(photo[y0:y1, x0:x1], times)
    centre = ((centre_x - x0) / 2**times, (centre_y - y0) / 2**times)
    scale = size_px / side * 2**times
    turn = cv2.getRotationMatrix2D(centre, -box.turn_deg, scale)
    turn[:, 2] += np.array([size_px / 2 - centre[0], size_px / 2 - centre[1]])
    # OpenCV puts pixel centres at whole numbers, boxes have them at halves.
    turn[:, 2] += turn[:, :2] @ np.array([0.5, 0.5]) - 0.5
    out = cv2.warpAffine(
        part,
        turn,
        (size_px, size_px),
        flags=cv2.INTER_CUBIC if scale >= 1 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_corner_colour(photo).tolist(),
    )
    return np.asarray(out, np.uint8)


def crop_matrix(box: RotatedBox, width_px: int, height_px: int) -> NDArray[np.float64]:
    """Return the affine map (2, 3) from a crop to the photo that it was cut from.

    Args:
        box: The box that was cropped, as of `crop_to_flan`.
        width_px: Of the photo.
        height_px: Of the photo.

    Returns:
        Maps points in fractions of the crop's side to pixels of the photo.
    """
    centre = np.array(
        [(box.left + box.right) * width_px, (box.top + box.bottom) * height_px]
    )
    side = _MARGIN * max(
        (box.right - box.left) * width_px, (box.bottom - box.top) * height_px, 1.0
    )
    turn = math.radians(box.turn_deg)
    cos, sin = math.cos(turn), math.sin(turn)
    linear = side * np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([linear, centre / 2 - linear @ np.array([0.5, 0.5])])


def _corner_colour(photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The median colour of the photo's four corners."""
    edge = max(1, min(photo.shape[:2]) // 24)
    ends = slice(None, edge), slice(-edge, None)
    corners = [photo[rows, columns].reshape(-1, 3) for rows in ends for columns in ends]
    out: NDArray[np.float64] = np.median(np.concatenate(corners), axis=0)
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendPose:
    """The circle around the letters.

    Attributes:
        centre_x: Fraction of the crop's side, from the left.
        centre_y: Fraction of the crop's side, from the top.
        radius: Fraction of the crop's side, above 0.
        turn_deg: How far the legend is turned clockwise from upright.
    """

    centre_x: float = 0.5
    centre_y: float = 0.5
    radius: float = 0.32
    turn_deg: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.centre_x, self.centre_y, self.radius, self.turn_deg)
        if not all(map(math.isfinite, numbers)) or self.radius <= 0:
            raise ValueError(f"The pose of a legend cannot be {self!r}.")

    def to_view(self, x: float, y: float) -> tuple[float, float]:
        """Convert a point of the crop (fractions of its side) to one of the view."""
        cos, sin = self._direction()
        dx, dy = x - self.centre_x, y - self.centre_y
        scale = 2 * VIEW_MARGIN * self.radius
        return (dx * cos + dy * sin) / scale + 0.5, (dy * cos - dx * sin) / scale + 0.5

    def to_crop(self, u: float, v: float) -> tuple[float, float]:
        """Convert a point of the view (fractions of its side) to one of the crop."""
        cos, sin = self._direction()
        scale = 2 * VIEW_MARGIN * self.radius
        du, dv = (u - 0.5) * scale, (v - 0.5) * scale
        return self.centre_x + du * cos - dv * sin, self.centre_y + du * sin + dv * cos

    def relative_to(self, window: LegendPose) -> LegendPose:
        """Convert this pose on the crop to one on the view of `window`."""
        x, y = window.to_view(self.centre_x, self.centre_y)
        return LegendPose(
            centre_x=x,
            centre_y=y,
            radius=self.radius / (2 * VIEW_MARGIN * window.radius),
            turn_deg=normalize_degrees(self.turn_deg - window.turn_deg),
        )

    def compose(self, window: LegendPose) -> LegendPose:
        """Convert this pose on the view of `window` to one on the crop."""
        x, y = window.to_crop(self.centre_x, self.centre_y)
        return LegendPose(
            centre_x=x,
            centre_y=y,
            radius=self.radius * 2 * VIEW_MARGIN * window.radius,
            turn_deg=normalize_degrees(self.turn_deg + window.turn_deg),
        )

    def _direction(self) -> tuple[float, float]:
        turn = math.radians(self.turn_deg)
        return math.cos(turn), math.sin(turn)

    def matrix(self, crop_px: int, view_px: int) -> NDArray[np.float64]:
        """Return the affine map (2, 3) from view pixels to crop pixels."""
        cos, sin = self._direction()
        scale = 2 * VIEW_MARGIN * self.radius * crop_px / view_px
        turn = np.array([[cos, -sin], [sin, cos]]) * scale
        centre = np.array([self.centre_x, self.centre_y]) * crop_px
        # OpenCV puts pixel centres at whole numbers.
        shift = centre - 0.5 - turn @ np.full(2, view_px / 2 - 0.5)
        return np.column_stack([turn, shift])


def normalize_degrees(degrees: float) -> float:
    """Return the same angle in degrees, from -180 up to 180."""
    return (degrees + 180) % 360 - 180


def warp_to_legend(
    crops: NDArray[np.uint8], poses: Sequence[LegendPose], size_px: int
) -> NDArray[np.uint8]:
    """Return the legends, upright and of one size.

    Args:
        crops: uint8 (N, S, S, 3).
        poses: One for each crop.
        size_px: Side of the views.

    Returns:
        uint8 (N, size_px, size_px, 3); pixels outside the crop repeat its edge.
    """
    out = np.empty((len(crops), size_px, size_px, 3), np.uint8)
    for k, (crop, pose) in enumerate(zip(crops, poses, strict=True)):
        matrix = pose.matrix(crop.shape[0], size_px)
        skipped = 2 * VIEW_MARGIN * pose.radius * crop.shape[0] / size_px
        if skipped > 1.5:  # average first, since warping alone skips pixels
            small = max(size_px, round(crop.shape[0] / skipped))
            crop = np.asarray(
                cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA), np.uint8
            )
            matrix = pose.matrix(small, size_px)
        cv2.warpAffine(
            crop,
            matrix,
            (size_px, size_px),
            dst=out[k],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return out


def warp_to_crop(
    view: NDArray[np.float32], pose: LegendPose, crop_px: int
) -> NDArray[np.float32]:
    """Warp a map (H, H) of the view to one of the crop, (crop_px, crop_px).

    Pixels outside the view are 0.
    """
    matrix = pose.matrix(crop_px, view.shape[0])
    warped = cv2.warpAffine(view, matrix, (crop_px, crop_px), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.float32)


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
        if not (
            0.1 <= self.disc <= 1.5 and 0 < self.clip <= 100 and 0.2 <= self.zoom <= 1
        ):
            raise ValueError(f"zoom, disc or clip are out of range: {self!r}.")

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for the model card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Preprocessing:
        """Create the settings from a model card.

        Raises:
            ValueError: If a setting is missing, unknown or out of range.
        """
        try:
            settings = cls(**values)
        except TypeError as error:
            raise ValueError(f"preprocessing settings are damaged: {error}") from error
        missing = {"size_px", "zoom", "disc", "clip"} - values.keys()
        if missing or not isinstance(settings.size_px, int):
            raise ValueError(f"preprocessing settings are damaged: {values}")
        return settings


def shrink_by_halves(image: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """Return an image (H, W, ...) reduced so many times to half its sides.

    OpenCV averages pairs much faster than any other number of pixels. An odd last row
    or column is left out, and nothing is smaller than one pixel.
    """
    for _ in range(times):
        height, width = image.shape[0] // 2, image.shape[1] // 2
        if not (height and width):
            break
        pairs = image[: 2 * height, : 2 * width]
        half = cv2.resize(pairs, (width, height), interpolation=cv2.INTER_AREA)
        image = np.asarray(half, np.uint8)
    return image


def halvings(px: float, least_px: float) -> int:
    """Return how often so many px can be halved and stay at least `least_px`."""
    return max(0, math.frexp(px / least_px)[1] - 1)


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
    out = np.empty((len(crops), 3, size, size), np.float32)
    for image, planes in zip(small, out, strict=True):
        _standardize_one(image, settings, planes)
    return out


def _standardize_one(
    image: NDArray[np.uint8], settings: Preprocessing, out: NDArray[np.float32]
) -> None:
    """Do what `standardize` does with one image (S, S, 3), into (3, S, S).

    Torch wakes its threads for that, which costs more than they save.
    """
    disc = _mask(image.shape[0], settings.disc)
    means = cv2.mean(image, disc)
    grey = cv2.transform(image.astype(np.float32), np.full((1, 3), 1 / 3))
    _, deviation = cv2.meanStdDev(grey, mask=disc)
    unit = float(deviation.item()) + 4.0
    for plane, mean, done in zip(cv2.split(image), means, out):
        np.subtract(plane, np.float32(mean), out=done)
        done /= np.float32(unit)
    np.clip(out, -settings.clip, settings.clip, out=out)


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
    weights = _disc(images.shape[-1], settings.disc).to(images)
    means = (images * weights).sum((2, 3), keepdim=True)
    grey = (images - means).mean(1, keepdim=True)
    deviation = (grey**2 * weights).sum((2, 3), keepdim=True).sqrt()
    standardized = (images - means) / (deviation + least)
    return standardized.clamp(-settings.clip, settings.clip).contiguous()


def local_contrast_normalize(crops: NDArray[np.uint8]) -> Tensor:
    """Remove colour and light from crops (N, S, S, 3), or grey ones (N, S, S).

    Each pixel becomes its grey less the local mean, over the local standard deviation.
    What a side shows is in the relief; patina, metal and light only distract.

    Returns:
        float (N, 1, S, S), in -3..3.
    """
    import torch

    size = crops.shape[1]
    window = (size // 4 | 1, size // 4 | 1)
    normalized = np.empty((len(crops), 1, size, size), np.float32)
    for k, crop in enumerate(crops):
        flat = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        grey = normalized[k, 0]
        grey[:] = flat
        mean = cv2.blur(grey, window)
        unit = cv2.blur(grey * grey, window)
        unit -= mean * mean  # the variance, which rounding may leave below 0
        np.sqrt(np.maximum(unit, 0, out=unit), out=unit)
        unit += 4
        grey -= mean
        grey /= unit
        np.clip(grey, -3, 3, out=grey)
    return torch.from_numpy(normalized).contiguous(memory_format=torch.channels_last)


@lru_cache(maxsize=8)
def _mask(size_px: int, radius: float) -> NDArray[np.uint8]:
    """The disc of `Preprocessing`, (S, S): 1 inside, else 0."""
    at = (np.arange(size_px) + 0.5) * 2 / size_px - 1
    return (at[:, None] ** 2 + at[None, :] ** 2 < radius**2).astype(np.uint8)


@lru_cache(maxsize=8)
def _disc(size_px: int, radius: float) -> Tensor:
    """Equal weights inside the disc of `Preprocessing`, (S, S); they sum to 1."""
    import torch

    with torch.inference_mode(False):  # a training may use it later
        disc = torch.from_numpy(_mask(size_px, radius)).float()
        return disc / disc.sum()
