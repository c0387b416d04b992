"""The 4096 numbers that the vgg net makes of a face, for svm, knn and mlp.

There are two kinds. The rulers' names are told by the legend: which letters stand
where. Other coins are told by their look: what the net's trunk sees in each sixteenth
of the flan, strokes and edges that it learnt on letters and that portraits have too.
"""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coin_core._replace import write_file
from coin_core.classifiers._reader import FEATURES, Reading
from coin_core.models import data_dir
from coin_core.preprocessing import prepare
from coin_core.rulers import DEFAULT_CLASSES

logger = logging.getLogger(__name__)


class FeatureKind(StrEnum):
    """What the features say of a coin."""

    LEGEND = "legend"
    LOOK = "look"


def kind_for(classes: tuple[str, ...]) -> FeatureKind:
    """By what coins of these classes are told apart."""
    known = set(classes) <= set(DEFAULT_CLASSES)
    return FeatureKind.LEGEND if known else FeatureKind.LOOK


@torch.inference_mode()
def read_crops(net: Any, crops: NDArray[np.uint8]) -> Reading:
    """Everything a fitted reader (resnet or vgg) makes of crops (N, S, S, 3)."""
    module = net.module_.eval()
    inputs = torch.from_numpy(prepare(crops, net.preparation)).to(net.device)
    reading: Reading = module.read(inputs)
    return reading


@torch.inference_mode()
def _look_of(net: Any, crops: NDArray[np.uint8]) -> torch.Tensor:
    """The trunk's map at stride 8 in 4 x 4 places, as square roots, (N, 4096).

    Of a net of full width, neighbouring channels are averaged.
    """
    module = net.module_.eval()
    inputs = torch.from_numpy(prepare(crops, net.preparation)).to(net.device)
    seen = torch.nn.functional.adaptive_avg_pool2d(module.trunk(inputs)[0], 4)
    width = FEATURES // 16
    seen = torch.nn.functional.adaptive_avg_pool1d(
        seen.flatten(2).transpose(1, 2), width
    ).transpose(1, 2)
    # Roots: a strong stroke must not drown the others (Arandjelovic, Zisserman 2012).
    rooted: torch.Tensor = seen.sign() * seen.abs().sqrt()
    return rooted.flatten(1)


def compute_features(
    net: Any,
    crops: NDArray[np.uint8],
    *,
    kind: str = FeatureKind.LEGEND,
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Feature vectors of crops.

    Args:
        net: The fitted vgg classifier.
        crops: uint8 (N, S, S, 3).
        kind: Of the legend or of the look.
        batch: Crops at a time.
        progress: Called with the number of crops just done.

    Returns:
        float32 (N, 4096).
    """
    features = np.empty((len(crops), FEATURES), np.float32)
    for first in range(0, len(crops), batch):
        part = crops[first : first + batch]
        if kind == FeatureKind.LOOK:
            made = _look_of(net, part)
        else:
            made = read_crops(net, part).features
        features[first : first + len(part)] = made.cpu()
        if progress:
            progress(len(part))
    return features


def cached_features(
    net: Any,
    digest: str,
    crops: NDArray[np.uint8],
    *,
    kind: str = FeatureKind.LEGEND,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Feature vectors of crops, computed once for a net and a set of crops.

    Args:
        net: The fitted vgg classifier.
        digest: The sha256 of its weights.
        crops: uint8 (N, S, S, 3).
        kind: Of the legend or of the look.
        progress: Called with the number of crops just done.

    Returns:
        float32 (N, 4096), rounded to half precision.
    """
    said = f"{digest} {kind} {crops.shape} ".encode()
    key = hashlib.sha256(said + crops.tobytes())
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
    features = compute_features(net, crops, kind=kind, progress=progress).astype(
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
