"""The coins in a photo: their boxes, the side each shows, square crops."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.errors import CropOutOfBoundsError

if TYPE_CHECKING:
    from torch import nn

MAX_COINS = 24
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


class Side(StrEnum):
    """The side that a face shows."""

    LEGEND = "legend"
    CORNUCOPIA = "cornucopia"
    STAR_ANCHOR = "star_anchor"
    OTHER = "other"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedFace:
    """The visible side of one coin; `confidence` is the probability of `side`."""

    box: RotatedBox
    side: Side
    confidence: float


def detect_coins(
    photo: NDArray[np.uint8], *, net: "nn.Module | None" = None
) -> tuple[RotatedBox, ...]:
    """Detect the coins in a photo.

    Args:
        photo: RGB, uint8 (H, W, 3), on any background.
        net: The network; the shipped one if None.

    Returns:
        Tight boxes around the flans, row by row from the top, each row from the left.
        At most `MAX_COINS`, the largest ones.

    Raises:
        WeightsMissingError: The network's weights are missing.
    """
    return _detect_in_each([photo], net)[0]


def _detect_in_each(
    photos: Sequence[NDArray[np.uint8]], net: "nn.Module | None" = None
) -> list[tuple[RotatedBox, ...]]:
    from coin_core.detection.nets import detect_boxes

    found = []
    for photo, boxes in zip(photos, detect_boxes(photos, net), strict=True):
        height, width = photo.shape[:2]
        boxes.sort(key=lambda b: (b[2] - b[0]) * (b[3] - b[1]), reverse=True)
        found.append(
            _in_reading_order(
                [
                    RotatedBox(
                        left=max(0.0, left / width),
                        top=max(0.0, top / height),
                        right=min(1.0, right / width),
                        bottom=min(1.0, bottom / height),
                    )
                    for left, top, right, bottom in boxes[:MAX_COINS]
                ]
            )
        )
    return found


def _in_reading_order(boxes: list[RotatedBox]) -> tuple[RotatedBox, ...]:
    """Sort by rows from the top; a row overlaps the middle of its first coin."""
    remaining = sorted(boxes, key=lambda box: box.top + box.bottom)
    ordered: list[RotatedBox] = []
    while remaining:
        bottom = remaining[0].bottom
        row = [box for box in remaining if (box.top + box.bottom) / 2 < bottom]
        remaining = [box for box in remaining if box not in row]
        ordered += sorted(row, key=lambda box: box.left + box.right)
    return tuple(ordered)


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
    x0, y0 = math.floor(centre_x - reach), math.floor(centre_y - reach)
    x1, y1 = math.ceil(centre_x + reach), math.ceil(centre_y + reach)
    part = photo[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    outside = (max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0))
    if any(outside):
        background = [float(v) for v in _corner_colour(photo)]
        part = np.asarray(
            cv2.copyMakeBorder(part, *outside, cv2.BORDER_CONSTANT, value=background),
            np.uint8,
        )
    scale = size_px / side
    if scale < 0.5:  # average first, since warping alone skips pixels
        small = (
            max(1, round(part.shape[1] * scale * 2)),
            max(1, round(part.shape[0] * scale * 2)),
        )
        ratio_x, ratio_y = small[0] / part.shape[1], small[1] / part.shape[0]
        part = np.asarray(
            cv2.resize(part, small, interpolation=cv2.INTER_AREA), np.uint8
        )
    else:
        ratio_x = ratio_y = 1.0
    centre = ((centre_x - x0) * ratio_x, (centre_y - y0) * ratio_y)
    step = 2 if scale < 1 else 1
    big = size_px * step
    turn = cv2.getRotationMatrix2D(centre, -box.turn_deg, scale * step / ratio_x)
    turn[:, 2] += np.array([big / 2 - centre[0], big / 2 - centre[1]])
    # OpenCV puts pixel centres at whole numbers, boxes have them at halves.
    turn[:, 2] += turn[:, :2] @ np.array([0.5, 0.5]) - 0.5
    smooth = cv2.INTER_CUBIC if scale >= 1 else cv2.INTER_LINEAR
    out = cv2.warpAffine(
        part, turn, (big, big), flags=smooth, borderMode=cv2.BORDER_REPLICATE
    )
    if step > 1:
        out = cv2.resize(out, (size_px, size_px), interpolation=cv2.INTER_AREA)
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
    ends = np.r_[:edge, -edge:0]
    corners = photo[np.ix_(ends, ends)].reshape(-1, 3)
    out: NDArray[np.float64] = np.median(corners, axis=0)
    return out


def classify_sides(
    photo: NDArray[np.uint8], boxes: Sequence[RotatedBox]
) -> tuple[DetectedFace, ...]:
    """Classify the side of each coin, all boxes in one batch.

    Raises:
        WeightsMissingError: The network's weights are missing.
    """
    return _classify_in_each([photo], [boxes])[0]


def find_faces(
    photos: Sequence[NDArray[np.uint8]],
) -> list[tuple[DetectedFace, ...]]:
    """Detect the coins in each photo, and classify their sides, all in batches.

    Raises:
        WeightsMissingError: A network's weights are missing.
    """
    return _classify_in_each(photos, _detect_in_each(photos))


def _classify_in_each(
    photos: Sequence[NDArray[np.uint8]], boxes: Sequence[Sequence[RotatedBox]]
) -> list[tuple[DetectedFace, ...]]:
    from coin_core.detection.nets import SIDE_PX, side_probabilities

    crops = [
        crop_to_flan(photo, box, SIDE_PX)
        for photo, own in zip(photos, boxes, strict=True)
        for box in own
    ]
    rows = iter(side_probabilities(np.stack(crops)) if crops else ())
    return [tuple(_face(box, next(rows)) for box in own) for own in boxes]


def _face(box: RotatedBox, row: NDArray[np.float32]) -> DetectedFace:
    best = int(row.argmax())
    return DetectedFace(box=box, side=tuple(Side)[best], confidence=float(row[best]))


def legend_side(faces: Sequence[DetectedFace]) -> int | None:
    """Return the index of the face that most probably has the legend, or None."""
    legends = [k for k, face in enumerate(faces) if face.side is Side.LEGEND]
    return max(legends, key=lambda k: faces[k].confidence, default=None)
