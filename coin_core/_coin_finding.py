"""Where the coins lie: by colour on plain ground, by the finder net elsewhere."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coin_core._plain_ground import Box, find_on_plain_ground

if TYPE_CHECKING:
    from torch import nn

_TINY_PX = 16
_CRUMB = 0.35  # of the largest coin: less than any two denominations differ
_SPECK = 0.06  # of the photo's longer side


def find_boxes(photo: NDArray[np.uint8], net: "nn.Module | None" = None) -> list[Box]:
    """Boxes of the coins in px of the photo, in no order."""
    if min(photo.shape[:2]) < _TINY_PX:
        return []
    boxes = find_on_plain_ground(photo)
    if not boxes:
        from coin_core._segmenting import find_by_net

        boxes = find_by_net(photo, net)
    return _without_crumbs(boxes, max(photo.shape[:2]))


def _without_crumbs(boxes: list[Box], long_px: int) -> list[Box]:
    """What is far smaller than the largest coin is a pebble, a seed, a letter."""
    sizes = [max(box[2] - box[0], box[3] - box[1]) for box in boxes]
    least = max(_CRUMB * max(sizes, default=0.0), _SPECK * long_px)
    return [box for box, size in zip(boxes, sizes, strict=True) if size >= least]
