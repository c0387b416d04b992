"""The predictions of a run, and the crops that they were made from."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coin_core.storage import data_dir, write_file

if TYPE_CHECKING:
    from coin_core.training.datasets import CoinSet

logger = logging.getLogger(__name__)

# The legend stays readable, and 500 coins take less than 4 MB.
_QUALITY = 85


def picture_path(picture: str) -> Path:
    """The file of the crop of that name; it may have been removed."""
    return data_dir() / "cache" / "pictures" / picture[:2] / f"{picture}.jpg"


def keep_crop(crop: NDArray[np.uint8]) -> str:
    """Save a crop (S, S, 3) under its digest, once for all runs; returns its name."""
    from PIL import Image

    name = hashlib.sha256(crop.tobytes()).hexdigest()[:32]
    path = picture_path(name)
    if not path.exists():
        buffer = io.BytesIO()
        Image.fromarray(crop).save(buffer, "JPEG", quality=_QUALITY)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, buffer.getvalue())
    return name


def prediction_rows(
    coins: CoinSet, probabilities: NDArray[np.float32], fold_of: NDArray[np.int64]
) -> Iterable[dict[str, Any]]:
    """One row per measured photo, as `Run.predictions` returns them.

    Args:
        coins: The coins with their crops.
        probabilities: From the fold that held out the coin, (N, C).
        fold_of: That fold, (N,); coins with -1 were not measured and are left out.
    """
    pictures = True
    for i in np.flatnonzero(fold_of >= 0):
        row = {
            "photo": coins.names[i],
            "coin": str(coins.groups[i]),
            "label": str(coins.labels[i]),
            "fold": int(fold_of[i]),
            "probabilities": {
                name: round(float(probability), 6)
                for name, probability in zip(
                    coins.classes, probabilities[i], strict=True
                )
            },
        }
        if coins.legibility is not None:
            row["legibility"] = round(float(coins.legibility[i]), 3)
        if pictures:
            try:
                row["picture"] = keep_crop(coins.crops[i])
            except OSError as error:
                # The figures are kept even if the disk is full.
                logger.warning("The crops cannot be saved: %s", error)
                pictures = False
        yield row
