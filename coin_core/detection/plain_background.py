"""Coins on a background of one colour, detected by colour alone, to the pixel."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]

LONG_PX = 400
_SMALLEST = 0.0012  # fraction of the photo
_ROUND = 0.8  # area over that of the ellipse in the same box
_WHOLE = 0.92  # area over that of the convex hull
_WHOLE_AT_EDGE = 0.95  # things at the edge of a photo merge with coins
_SHARP = 0.96  # area of the box at a stricter level; lower with a shadow


def detect_on_plain_background(photo: NDArray[np.uint8]) -> list[Box] | None:
    """Return boxes in px of a photo (H, W, 3), or None if colour alone is unreliable.

    It is on uneven or patterned backgrounds, for coins that touch, with shadows, and if
    anything has another shape than a coin.
    """
    height, width = photo.shape[:2]
    scale = min(1.0, LONG_PX / max(height, width))
    small = photo
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = np.asarray(
            cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8
        )
    distances = _distances_from_background(small)
    if distances is None:
        return None
    boxes = _coin_boxes(distances, min(small.shape[:2]))
    if boxes is None:
        return None
    sx, sy = width / small.shape[1], height / small.shape[0]
    return [(x0 * sx, y0 * sy, x1 * sx, y1 * sy) for x0, y0, x1, y1 in boxes]


def _distances_from_background(small: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Distance of each pixel from the background's colour, or None if there is none."""
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32)
    height, width = lab.shape[:2]
    edge = max(1, min(height, width) // 24)
    rows = (slice(0, edge), slice(height - edge, height))
    columns = (slice(0, edge), slice(width - edge, width))
    corners = [lab[r, c].reshape(-1, 3) for r in rows for c in columns]
    middles = np.stack([np.median(corner, axis=0) for corner in corners])
    background = np.median(middles, axis=0)
    off = np.sqrt(((middles - background) ** 2).sum(axis=1))
    # One corner may be covered by a coin.
    if np.sort(off)[2] > 9:
        return None
    away = np.sqrt(((lab - background) ** 2).sum(axis=2))
    ring = np.concatenate(
        (
            away[:edge].ravel(),
            away[-edge:].ravel(),
            away[:, :edge].ravel(),
            away[:, -edge:].ravel(),
        )
    )
    similar = float((ring < 14).mean())
    grain = float(np.median(np.abs(ring[ring < 14]))) if similar else 99.0
    if similar < 0.45 or grain > 5:
        return None
    return np.asarray(np.clip(away, 0, 255), np.uint8)


def _coin_boxes(away: NDArray[np.uint8], short: int) -> list[Box] | None:
    otsu, _ = cv2.threshold(away, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    above = away[away > max(otsu, 8)]
    if above.size < _SMALLEST * away.size:
        return []
    level = min(max(0.35 * float(above.mean()), 12.0), 60.0)
    mask = np.asarray(away > level, np.uint8)
    # A shadow is between background and coin: the box must not depend on the level.
    stricter = np.asarray(away > min(level * 1.7, 200), np.uint8)
    boxes = []
    least = max(40.0, _SMALLEST * away.size)
    for contour in _outlines(mask, short):
        area = cv2.contourArea(contour)
        if area < least:
            continue
        x, y, w, h = cv2.boundingRect(contour)
        at_edge = min(x, y) <= 0 or x + w >= away.shape[1] or y + h >= away.shape[0]
        if not _is_coin_shaped(contour, area, w, h, at_edge):
            return None
        inside = stricter[y : y + h, x : x + w]
        xs, ys = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
        if not len(xs):
            return None
        tight = (xs[-1] - xs[0] + 1) * (ys[-1] - ys[0] + 1)
        if tight < _SHARP * w * h:
            return None
        boxes.append((float(x), float(y), float(x + w), float(y + h)))
    return boxes


def _outlines(mask: NDArray[np.uint8], short: int) -> list[NDArray[np.int32]]:
    """Outer outlines without thin lines and specks."""
    width = max(3, short // 60 * 2 + 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    padded = cv2.copyMakeBorder(
        mask, width, width, width, width, cv2.BORDER_CONSTANT, value=0
    )
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)
    outer, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    full = np.zeros_like(closed)
    cv2.drawContours(full, outer, -1, 1, cv2.FILLED)
    opened = cv2.morphologyEx(full, cv2.MORPH_OPEN, disc)
    found, _ = cv2.findContours(
        opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(-width, -width)
    )
    return [np.asarray(contour, np.int32) for contour in found]


def _is_coin_shaped(
    contour: NDArray[np.int32], area: float, width: int, height: int, at_edge: bool
) -> bool:
    if max(width, height) > 1.6 * min(width, height):
        return False
    if area < _ROUND * math.pi / 4 * width * height:
        return False
    hull = cv2.contourArea(cv2.convexHull(contour))
    if area < (_WHOLE_AT_EDGE if at_edge else _WHOLE) * hull:
        return False
    # A card fills its box, however it is turned; a coin does not fill the corners.
    _, (wide, high), _ = cv2.minAreaRect(contour)
    return area < 0.9 * (wide + 1) * (high + 1)
