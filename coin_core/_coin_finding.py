"""Where the coins lie: by colour on plain ground, by the finder net elsewhere."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coin_core._plain_ground import Box, find_on_plain_ground

if TYPE_CHECKING:
    from torch import nn

_TINY_PX = 16


def find_boxes(photo: NDArray[np.uint8], net: "nn.Module | None" = None) -> list[Box]:
    """Boxes of the coins in px of the photo, in no order."""
    if min(photo.shape[:2]) < _TINY_PX:
        return []
    plain = find_on_plain_ground(photo)
    if plain:
        return plain
    from coin_core._segmenting import find_by_net

    return find_by_net(photo, net)
