"""Where the coins lie: the finder net says what is a coin, plain ground how far."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coin_core._plain_ground import Box, find_on_plain_ground

if TYPE_CHECKING:
    from torch import nn

_TINY_PX = 16
_CRUMB = 0.35  # of the largest coin: less than any two denominations differ
_SPECK = 0.06  # of the photo's longer side
_SAME = 0.85  # overlap of a coin by the net and by its colour
_OTHER = 0.3  # less is another coin, which the net has not seen


def find_boxes(photo: NDArray[np.uint8], net: "nn.Module | None" = None) -> list[Box]:
    """Boxes of the coins in px of the photo, in no order."""
    if min(photo.shape[:2]) < _TINY_PX:
        return []
    from coin_core._segmenting import find_by_net, overlap

    boxes = find_by_net(photo, net)
    for exact in find_on_plain_ground(photo) or []:
        shares = [overlap(exact, box) for box in boxes]
        best = int(np.argmax(shares)) if shares else 0
        if not shares or shares[best] < _OTHER:
            boxes.append(exact)
        elif shares[best] > _SAME:
            boxes[best] = exact
    return _without_crumbs(boxes, max(photo.shape[:2]))


def _without_crumbs(boxes: list[Box], long_px: int) -> list[Box]:
    """What is far smaller than the largest coin is a pebble, a seed, a letter."""
    sizes = [max(box[2] - box[0], box[3] - box[1]) for box in boxes]
    least = max(_CRUMB * max(sizes, default=0.0), _SPECK * long_px)
    return [box for box, size in zip(boxes, sizes, strict=True) if size >= least]
