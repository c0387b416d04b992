"""The 4096 numbers that the vgg net makes of a face, for svm, knn and mlp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coin_core.classifiers._reader import FEATURES, Reading
from coin_core.preprocessing import prepare


@torch.inference_mode()
def read_crops(net: Any, crops: NDArray[np.uint8]) -> Reading:
    """Everything a fitted reader (resnet or vgg) makes of crops (N, S, S, 3)."""
    module = net.module_.eval()
    inputs = torch.from_numpy(prepare(crops, net.preparation)).to(net.device)
    reading: Reading = module.read(inputs)
    return reading


def compute_features(
    net: Any,
    crops: NDArray[np.uint8],
    *,
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Feature vectors of crops.

    Args:
        net: The fitted vgg classifier.
        crops: uint8 (N, S, S, 3).
        batch: Crops at a time.
        progress: Called with the number of crops just done.

    Returns:
        float32 (N, 4096).
    """
    features = np.empty((len(crops), FEATURES), np.float32)
    for first in range(0, len(crops), batch):
        part = crops[first : first + batch]
        features[first : first + len(part)] = read_crops(net, part).features.cpu()
        if progress:
            progress(len(part))
    return features
