"""The 4096 numbers that the vgg net makes of a face, for svm, knn and mlp."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coin_core._replace import write_file
from coin_core.classifiers._reader import FEATURES, Reading
from coin_core.models import data_dir
from coin_core.preprocessing import prepare

logger = logging.getLogger(__name__)


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


def cached_features(
    net: Any,
    digest: str,
    crops: NDArray[np.uint8],
    *,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Feature vectors of crops, computed once for a net and a set of crops.

    Args:
        net: The fitted vgg classifier.
        digest: The sha256 of its weights.
        crops: uint8 (N, S, S, 3).
        progress: Called with the number of crops just done.

    Returns:
        float32 (N, 4096), rounded to half precision.
    """
    key = hashlib.sha256(f"{digest} {crops.shape} ".encode() + crops.tobytes())
    path = data_dir() / "cache" / "features" / f"own-{key.hexdigest()[:32]}.npz"
    try:
        with np.load(path, allow_pickle=False) as kept:
            features: NDArray[np.float16] = kept["features"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        features = np.empty((0, FEATURES), np.float16)
    if features.shape == (len(crops), FEATURES):
        if progress:
            progress(len(crops))
        return features.astype(np.float32)
    features = compute_features(net, crops, progress=progress).astype(np.float16)
    buffer = io.BytesIO()
    np.savez(buffer, features=features)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, buffer.getvalue())
    except OSError as error:
        logger.warning("The features cannot be kept: %s", error)
    return features.astype(np.float32)
