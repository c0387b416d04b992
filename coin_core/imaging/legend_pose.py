"""The pose of the legend on a coin, and the view that turns it upright.

Dies were struck off the flan's centre, at any angle, and differ in size. A network
reads more letters when the legend is always upright, centred and as large as the input
allows. `detection.legend_localizer` predicts the pose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

VIEW_MARGIN = 1.22
"""Half the side of the view, in radii of the legend's field."""


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
