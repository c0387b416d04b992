"""The 4096 numbers that the vgg net makes of a face, for svm, knn and mlp.

There are two kinds. The rulers' names are told by the legend: which letters stand
where. Other coins are told by their look: what the net's trunk sees in each sixteenth
of the flan. Where rulers stand among other coins, both kinds make up the vector.
"""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coin_core.classifiers.appearance_net import PLACES, FeatureMode, spatial_pool
from coin_core.classifiers.legend_net import FEATURES, LegendOutput
from coin_core.classifiers.tta import read
from coin_core.imaging.preprocessing import prepare
from coin_core.model_store.bundle import data_dir
from coin_core.storage import write_file

logger = logging.getLogger(__name__)

_CHANNELS = FEATURES // PLACES**2


def read_crops(net: Any, crops: NDArray[np.uint8]) -> LegendOutput:
    """Everything a fitted reader (resnet or vgg) makes of crops (N, S, S, 3)."""
    return read(net.module_.eval(), crops, net.preparation)


@torch.inference_mode()
def drop_letters(net: Any, letters: torch.Tensor, seed: int) -> torch.Tensor:
    """Features of the legend (N, 4096) from letter logits, some letters hidden.

    What learns from them learns of coins on which letters are missed, as the reader
    itself did.

    Args:
        net: The fitted vgg classifier.
        letters: Logits (N, 17, H, W).
        seed: Which letters are hidden.
    """
    legend = net.module_.eval().legend
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        legend.fading.train()
        faded: torch.Tensor = legend(letters)
    legend.fading.eval()
    return faded


@torch.inference_mode()
def _look_of(net: Any, crops: NDArray[np.uint8]) -> torch.Tensor:
    """What stands in each sixteenth of the flan at stride 8, (N, 4096).

    Of a net of full width, neighbouring channels are averaged.
    """
    module = net.module_.eval()
    flans = replace(net.preparation, framed=False)
    inputs = torch.from_numpy(prepare(crops, flans)).to(net.device)
    early = module.trunk.early() if hasattr(module.trunk, "early") else module.trunk
    seen: torch.Tensor = early(inputs)
    if seen.shape[1] != _CHANNELS:
        shape = (_CHANNELS, *seen.shape[2:])
        seen = torch.nn.functional.adaptive_avg_pool3d(seen[:, None], shape)[:, 0]
    return spatial_pool(seen)


@torch.inference_mode()
def _features_of(net: Any, crops: NDArray[np.uint8], sight: str) -> torch.Tensor:
    if sight == FeatureMode.LEGEND:
        return read_crops(net, crops).features
    look = _look_of(net, crops)
    if sight == FeatureMode.LOOK:
        return look
    return torch.cat([read_crops(net, crops).features, look], dim=1)


def width_of(sight: str) -> int:
    """How many numbers a feature vector has."""
    return FEATURES * (2 if sight == FeatureMode.BOTH else 1)


def compute_features(
    net: Any,
    crops: NDArray[np.uint8],
    *,
    sight: str = FeatureMode.LEGEND,
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Feature vectors of crops.

    Args:
        net: The fitted vgg classifier.
        crops: uint8 (N, S, S, 3).
        sight: Of the legend, of the look, or of both.
        batch: Crops at a time.
        progress: Called with the number of crops just done.

    Returns:
        float32 (N, 4096), or (N, 8192) of both.
    """
    features = np.empty((len(crops), width_of(sight)), np.float32)
    for first in range(0, len(crops), batch):
        part = crops[first : first + batch]
        features[first : first + len(part)] = _features_of(net, part, sight).cpu()
        if progress:
            progress(len(part))
    return features


def cached_features(
    net: Any,
    digest: str,
    crops: NDArray[np.uint8],
    *,
    sight: str = FeatureMode.LEGEND,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Feature vectors of crops, computed once for a net and a set of crops.

    Args:
        net: The fitted vgg classifier.
        digest: The sha256 of its weights.
        crops: uint8 (N, S, S, 3).
        sight: Of the legend, of the look, or of both.
        progress: Called with the number of crops just done.

    Returns:
        float32 (N, 4096), or (N, 8192) of both, rounded to half precision.
    """
    said = f"{digest} {sight} {crops.shape} ".encode()
    key = hashlib.sha256(said + crops.tobytes())
    path = data_dir() / "cache" / "features" / f"own-{key.hexdigest()[:32]}.npz"
    try:
        with np.load(path, allow_pickle=False) as kept:
            features: NDArray[np.float16] = kept["features"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        features = np.empty((0, 0), np.float16)
    if features.shape == (len(crops), width_of(sight)):
        if progress:
            progress(len(crops))
        return features.astype(np.float32)
    features = compute_features(net, crops, sight=sight, progress=progress).astype(
        np.float16
    )
    buffer = io.BytesIO()
    np.savez(buffer, features=features)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, buffer.getvalue())
    except OSError as error:
        logger.warning("The features cannot be kept: %s", error)
    return features.astype(np.float32)
