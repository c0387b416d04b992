"""Where the legend lies on a coin, and the view that turns it upright.

Dies were struck off their flan's middle, at any turn, and not all of one size. A net
that reads letters reads more of them when the legend always stands upright, in the
middle, as large as the input allows: so that is done first, by a small net.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# The view shows a little more than the legend's field, in radii of the field.
VIEW_MARGIN = 1.22


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendPose:
    """The circle in which the letters stand.

    Centre and radius are fractions of the crop's side; `turn_deg` is how far the
    legend is turned clockwise from upright.
    """

    centre_x: float = 0.5
    centre_y: float = 0.5
    radius: float = 0.32
    turn_deg: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.centre_x, self.centre_y, self.radius, self.turn_deg)
        if not all(map(math.isfinite, numbers)) or self.radius <= 0:
            raise ValueError(f"A legend's frame cannot be {self!r}.")

    def to_view(self, x: float, y: float) -> tuple[float, float]:
        """A place on the crop (fractions of its side) as one in the view (0..1)."""
        cos, sin = self._direction()
        dx, dy = x - self.centre_x, y - self.centre_y
        scale = 2 * VIEW_MARGIN * self.radius
        return (dx * cos + dy * sin) / scale + 0.5, (dy * cos - dx * sin) / scale + 0.5

    def to_crop(self, u: float, v: float) -> tuple[float, float]:
        """A place in the view as one on the crop."""
        cos, sin = self._direction()
        scale = 2 * VIEW_MARGIN * self.radius
        du, dv = (u - 0.5) * scale, (v - 0.5) * scale
        return self.centre_x + du * cos - dv * sin, self.centre_y + du * sin + dv * cos

    def relative_to(self, window: LegendPose) -> LegendPose:
        """This frame of the crop as one of the view of another."""
        x, y = window.to_view(self.centre_x, self.centre_y)
        return LegendPose(
            centre_x=x,
            centre_y=y,
            radius=self.radius / (2 * VIEW_MARGIN * window.radius),
            turn_deg=least_turn(self.turn_deg - window.turn_deg),
        )

    def compose(self, window: LegendPose) -> LegendPose:
        """This frame of the view of another as one of the crop."""
        x, y = window.to_crop(self.centre_x, self.centre_y)
        return LegendPose(
            centre_x=x,
            centre_y=y,
            radius=self.radius * 2 * VIEW_MARGIN * window.radius,
            turn_deg=least_turn(self.turn_deg + window.turn_deg),
        )

    def _direction(self) -> tuple[float, float]:
        turn = math.radians(self.turn_deg)
        return math.cos(turn), math.sin(turn)

    def matrix(self, crop_px: int, view_px: int) -> NDArray[np.float64]:
        """The affine map (2, 3) from view pixels to crop pixels."""
        cos, sin = self._direction()
        scale = 2 * VIEW_MARGIN * self.radius * crop_px / view_px
        turn = np.array([[cos, -sin], [sin, cos]]) * scale
        centre = np.array([self.centre_x, self.centre_y]) * crop_px
        # whole numbers are the middles of pixels
        shift = centre - 0.5 - turn @ np.full(2, view_px / 2 - 0.5)
        return np.column_stack([turn, shift])


def least_turn(degrees: float) -> float:
    """The same turn in degrees, -180 to 180."""
    return (degrees + 180) % 360 - 180


def warp_to_legend(
    crops: NDArray[np.uint8], frames: Sequence[LegendPose], size_px: int
) -> NDArray[np.uint8]:
    """The legends, upright and of one size.

    Args:
        crops: uint8 (N, S, S, 3).
        frames: One for each crop.
        size_px: Side of the views.

    Returns:
        uint8 (N, size_px, size_px, 3); beyond the crop its edge goes on.
    """
    out = np.empty((len(crops), size_px, size_px, 3), np.uint8)
    for k, (crop, frame) in enumerate(zip(crops, frames, strict=True)):
        matrix = frame.matrix(crop.shape[0], size_px)
        skipped = 2 * VIEW_MARGIN * frame.radius * crop.shape[0] / size_px
        if skipped > 1.5:  # averaging first: warping alone would skip pixels
            small = max(size_px, round(crop.shape[0] / skipped))
            crop = np.asarray(
                cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA), np.uint8
            )
            matrix = frame.matrix(small, size_px)
        cv2.warpAffine(
            crop,
            matrix,
            (size_px, size_px),
            dst=out[k],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return out


def on_crop(
    view: NDArray[np.float32], frame: LegendPose, crop_px: int
) -> NDArray[np.float32]:
    """A map (H, H) over the view as one (crop_px, crop_px) over the crop; else 0."""
    matrix = frame.matrix(crop_px, view.shape[0])
    laid = cv2.warpAffine(view, matrix, (crop_px, crop_px), flags=cv2.INTER_LINEAR)
    return np.asarray(laid, np.float32)


def predict_poses(crops: NDArray[np.uint8]) -> list[tuple[LegendPose, ...]]:
    """Where the legend lies on crops (N, S, S, 3) of coins: the likeliest frame first.

    A second one, turned otherwise, follows where the legend may lie that way too. On a
    coin without a legend the answer is about the middle of the flan.

    Raises:
        WeightsMissingError: The net's weights are not there.
    """
    from coin_core.detection import legend_localizer

    return legend_localizer.predict_poses(crops)


def find_frames(crops: NDArray[np.uint8]) -> list[LegendPose]:
    """The likeliest frames alone."""
    from coin_core.detection import legend_localizer

    return legend_localizer.frames_of(crops)
