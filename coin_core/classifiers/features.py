"""The features that the VGG network computes of a crop, for svm, knn and mlp.

The names of the rulers are in the legend: which letters are where, 4096 numbers. Other
coins differ in their appearance, 8192 numbers of `rim_embedding`. For rulers among
other coins, the vector holds the legend's and 4096 of what the backbone finds in each
sixteenth of the flan, which in models of before stand for the appearance.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from coin_core.classifiers.appearance_net import (
    COARSE_RIM_NUMBERS,
    GRID,
    RIM_PARTS,
    UNREAD_PARTS,
    WHOLE_FLAN,
    FeatureMode,
    rim_embedding,
    spatial_pool,
)
from coin_core.classifiers.legend_net import FEATURES, LegendOutput
from coin_core.classifiers.picture_trunk import BUNDLE, compiled_pictures
from coin_core.classifiers.rim_reader import RIM_BUNDLE, compiled_reader
from coin_core.classifiers.torch_classifier import predict
from coin_core.errors import WeightsMismatchError
from coin_core.imaging.preprocessing import prepare
from coin_core.model_store.bundle import (
    find_detection_bundle,
    load_card,
    weights_digest,
)
from coin_core.storage import (
    UNREADABLE_ARRAYS,
    data_dir,
    dump_json,
    mark_used,
    write_cached,
)

logger = logging.getLogger(__name__)

FEATURES_BYTES: Final = 2 << 30
"""How much is kept of what was computed; 6,000 photos take 98 MB."""

_CHANNELS = FEATURES // GRID**2
_PARTS: dict[str, int] = {
    FeatureMode.READ_RIM: RIM_PARTS,
    FeatureMode.RIM: UNREAD_PARTS,
}
_BESIDE: dict[str, tuple[str, ...]] = {
    FeatureMode.READ_RIM: (BUNDLE, RIM_BUNDLE),
    FeatureMode.RIM: (BUNDLE,),
}


def features_dir() -> Path:
    """Where features that were computed are kept, up to `FEATURES_BYTES`."""
    return data_dir() / "cache" / "features"


def read_crops(net: Any, crops: NDArray[np.uint8]) -> LegendOutput:
    """Return the outputs of a fitted legend net for crops (N, S, S, 3)."""
    return predict(net.module_.eval(), crops, net.preparation)


@torch.inference_mode()
def legend_features(net: Any, probabilities: torch.Tensor) -> torch.Tensor:
    """Return legend features (N, 4096) of letter probabilities (N, 16, H, W).

    Args:
        net: The fitted vgg classifier, as training loads it.
        probabilities: Of the letters in each cell.
    """
    features: torch.Tensor = net.module_.eval().legend.layers(probabilities)
    return features


@torch.inference_mode()
def _appearance_features(net: Any, crops: NDArray[np.uint8]) -> torch.Tensor:
    """Return the pooled maps at stride 8, (N, 4096), of the flans as they are.

    Neighbouring channels of a net of full width are averaged.
    """
    flans = replace(net.preparation, framed=False)
    inputs = torch.from_numpy(prepare(crops, flans)).to(net.device)
    maps: torch.Tensor = _early(net)(inputs)
    if maps.shape[1] != _CHANNELS:
        shape = (_CHANNELS, *maps.shape[2:])
        maps = torch.nn.functional.adaptive_avg_pool3d(maps[:, None], shape)[:, 0]
    return spatial_pool(maps)


def _early(net: Any) -> torch.nn.Module:
    """The layers up to stride 8; a net that only answers has no others."""
    trunk: Any = net.module_.eval().trunk
    layers: torch.nn.Module = trunk.early() if hasattr(trunk, "early") else trunk
    return layers


@torch.inference_mode()
def _rim_features(net: Any, crops: NDArray[np.uint8], *, reads: bool) -> torch.Tensor:
    """Return what nets see of other coins, in fewer numbers, (N, 8192).

    Models of before do not read the letters on the rim, and see 6144.
    """
    return rim_embedding(
        _early(net),
        compiled_pictures(net.device),
        compiled_reader(net.device) if reads else None,
        whole_flans(net, crops),
        COARSE_RIM_NUMBERS,
    )


def whole_flans(net: Any, crops: NDArray[np.uint8]) -> torch.Tensor:
    """Return the inputs of a net that show all of the flans, (N, 3, 160, 160)."""
    flans = replace(net.preparation, framed=False, **WHOLE_FLAN)
    return torch.from_numpy(prepare(crops, flans)).to(net.device)


def _features(net: Any, crops: NDArray[np.uint8], mode: str) -> torch.Tensor:
    if mode in _PARTS:
        return _rim_features(net, crops, reads=mode == FeatureMode.READ_RIM)
    parts = []
    if mode != FeatureMode.APPEARANCE:
        parts.append(read_crops(net, crops).features)
    if mode != FeatureMode.LEGEND:
        parts.append(_appearance_features(net, crops))
    return torch.cat(parts, dim=1)


def feature_width(mode: str) -> int:
    """Return the length of a feature vector."""
    if mode in _PARTS:
        return _PARTS[mode] * COARSE_RIM_NUMBERS
    return FEATURES * (2 if mode == FeatureMode.BOTH else 1)


def networks_beside(mode: str) -> dict[str, str]:
    """Return the digests of the program's networks that help vgg, by bundle name.

    Raises:
        WeightsMissingError: One is missing.
    """
    return {
        name: weights_digest(load_card(find_detection_bundle(name)))
        for name in _BESIDE.get(mode, ())
    }


def compute_features(
    net: Any,
    crops: NDArray[np.uint8],
    *,
    mode: str = FeatureMode.LEGEND,
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Compute the feature vectors of crops.

    Args:
        net: The fitted vgg classifier.
        crops: uint8 (N, S, S, 3).
        mode: Which features, a `FeatureMode`.
        batch: Crops at a time.
        progress: Called with the number of crops just done.

    Returns:
        float32 (N, 4096) of the legend, or (N, 8192) of the appearance or of both.
    """
    features = np.empty((len(crops), feature_width(mode)), np.float32)
    for first in range(0, len(crops), batch):
        part = crops[first : first + batch]
        features[first : first + len(part)] = _features(net, part, mode).cpu()
        if progress:
            progress(len(part))
    return features


def cached_features(
    net: Any,
    features_from: Mapping[str, str],
    crops: NDArray[np.uint8],
    *,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Compute the feature vectors of crops once for each net and set of crops.

    Args:
        net: The fitted vgg classifier.
        features_from: Which features, and the networks that compute them, as a card
            names them.
        crops: uint8 (N, S, S, 3).
        progress: Called with the number of crops just done.

    Returns:
        float32 (N, D) as `compute_features` returns them, rounded to half precision.

    Raises:
        WeightsMismatchError: The net is damaged: some are no numbers.
    """
    mode = features_from["sight"]
    what = f"{dump_json(features_from, sort_keys=True)} {crops.shape} "
    key = hashlib.sha256(what.encode() + crops.tobytes())
    path = features_dir() / f"own-{key.hexdigest()[:32]}.npz"
    mark_used(path)
    try:
        with np.load(path, allow_pickle=False) as stored:
            features: NDArray[np.float16] = stored["features"]
    except UNREADABLE_ARRAYS:
        features = np.empty((0, 0), np.float16)
    if features.shape == (len(crops), feature_width(mode)) and (
        np.isfinite(features).all()
    ):
        if progress:
            progress(len(crops))
        return features.astype(np.float32)
    features = compute_features(net, crops, mode=mode, progress=progress).astype(
        np.float16
    )
    if not np.isfinite(features).all():
        raise WeightsMismatchError(
            "The network that computes the features is damaged: its answer is no "
            "number. Copy its bundle again, or train it again."
        )
    buffer = io.BytesIO()
    np.savez(buffer, features=features)
    try:
        write_cached(path, buffer.getvalue(), features_dir(), FEATURES_BYTES)
    except OSError as error:
        logger.warning("The features are not cached: %s", error)
    return features.astype(np.float32)
