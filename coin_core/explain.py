"""Why a verdict should be believed: letters read, where it looked, coins like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from coin_core.classifiers.legend_net import LETTER_CLASSES
from coin_core.classifiers.tta import frames_read, look
from coin_core.detection.faces import RotatedBox
from coin_core.evaluation.calibration import calibrated
from coin_core.imaging.legend_pose import LegendPose, on_crop
from coin_core.imaging.preprocessing import Preprocessing, frames_for
from coin_core.pipeline import CROP_PX, CoinClassifier, LoadedModel
from coin_core.rendering import render_coin
from coin_core.rulers import LETTERS

_NONE = LETTER_CLASSES - 1
_SEEN = 0.45  # a letter is shown when the net gives it this share of a cell
_WINDOW = 3  # cells covered at a time when asking where the net looked


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRead:
    """A letter the net saw: its key, its box in fractions of the legend's view.

    `probability` is the share of its best cell, uncalibrated, 0..1. `line` counts
    from the top, `place` from the right, both from 0: the reading order.
    """

    letter: str
    box: RotatedBox
    probability: float
    line: int
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NearCoin:
    """A known coin: its class, how alike it is (0..1), and which coin it is."""

    label: str
    similarity: float
    origin: str


def frame_seen(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], name: str = "resnet"
) -> LegendPose:
    """What the net behind a model sees of a crop (S, S, 3): where, and how turned."""
    return _frame_of(coin_classifier.feature_extractor(name).classifier, crop)


def _frame_of(net: Any, crop: NDArray[np.uint8]) -> LegendPose:
    return frames_read(net.module_.eval(), crop[None], net.preparation)[0]


def _letters_seen(net: Any, crop: NDArray[np.uint8], frame: LegendPose) -> torch.Tensor:
    """Letter logits (1, 17, H, W) of one look."""
    return look(net.module_.eval(), crop[None], net.preparation, [frame]).letters


def read_letters(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], name: str = "resnet"
) -> tuple[LetterRead, ...]:
    """The letters that the net behind a model reads on a crop, in reading order.

    Their places are those in the view of `frame_seen`.

    Args:
        coin_classifier: Holds the models.
        crop: uint8 (S, S, 3).
        name: The model; svm, knn and mlp see through the vgg net.
    """
    net = coin_classifier.feature_extractor(name).classifier
    if not hasattr(net.module_, "letters"):
        return ()  # it learnt to tell other coins by their look
    logits = _letters_seen(net, crop, _frame_of(net, crop))[0]
    shares = logits.softmax(0).cpu().numpy()[:_NONE]  # (16, H, W)
    cells = shares.shape[1]
    best, which = shares.max(axis=0), shares.argmax(axis=0)
    found: list[tuple[float, float, float, str]] = []
    # strongest first; a letter takes the cells around it with it
    for flat in np.argsort(best, axis=None)[::-1]:
        row, column = divmod(int(flat), cells)
        if best[row, column] < _SEEN:
            break
        letter = int(which[row, column])
        near = (
            slice(max(row - 1, 0), min(row + 2, cells)),
            slice(max(column - 1, 0), min(column + 2, cells)),
        )
        weight = np.where(which[near] == letter, shares[letter][near], 0)
        rows, columns = np.mgrid[near]
        y = float((weight * (rows + 0.5)).sum() / weight.sum()) / cells
        x = float((weight * (columns + 0.5)).sum() / weight.sum()) / cells
        if all(
            abs(x - other_x) > 0.07 or abs(y - other_y) > 0.085
            for other_x, other_y, _, _ in found
        ):
            found.append((x, y, float(best[row, column]), LETTERS[letter].key))
    return _in_reading_order(found)


def _in_reading_order(
    found: list[tuple[float, float, float, str]],
) -> tuple[LetterRead, ...]:
    """Group letters into lines by their height, and each line right to left."""
    lines: list[list[tuple[float, float, float, str]]] = []
    for item in sorted(found, key=lambda item: item[1]):
        if lines and item[1] - float(np.mean([i[1] for i in lines[-1]])) < 0.085:
            lines[-1].append(item)
        else:
            lines.append([item])
    half_w, half_h = 0.065, 0.08
    read = []
    for number, line in enumerate(lines):
        for place, (x, y, share, letter) in enumerate(sorted(line, reverse=True)):
            box = RotatedBox(
                left=max(0.0, x - half_w),
                top=max(0.0, y - half_h),
                right=min(1.0, x + half_w),
                bottom=min(1.0, y + half_h),
            )
            read.append(
                LetterRead(
                    letter=letter, box=box, probability=share, line=number, place=place
                )
            )
    return tuple(read)


def heat_map(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], name: str, ruler: str
) -> NDArray[np.float32]:
    """Where a model looked: how much the ruler loses when a place is covered.

    Covering works on the letter maps ("no letter here"), so it is the same for
    every model; a net that was fine-tuned to look past the letters is covered on
    the photo itself (Zeiler and Fergus 2014, occlusion).

    Returns:
        float32 (160, 160), 0 no effect, 1 the strongest.
    """
    model = coin_classifier.model(name)
    column = model.card.classes.index(ruler)
    net = coin_classifier.feature_extractor(name).classifier
    module = net.module_.eval()
    if model.takes_features:
        on_photo = model.card.features_from.get("sight", "legend") != "legend"
    else:
        on_photo = hasattr(module, "look") or bool(module.pooled.weight.any())
    if on_photo:
        frame = frames_for(crop[None], Preprocessing(zoom=1.0))[0]
        grid = _cover_photo(coin_classifier, crop, name, column)
    else:
        frame = _frame_of(net, crop)
        grid = _cover_letters(model, net, _letters_seen(net, crop, frame), column)
    grid = np.maximum(grid, 0)
    grid = grid / max(float(grid.max()), 1e-6)
    return _enlarged(grid.astype(np.float32), frame)


@torch.inference_mode()
def _cover_letters(
    model: LoadedModel, net: Any, letters: torch.Tensor, column: int
) -> NDArray[np.float32]:
    """The grid for letter logits (1, 17, H, W)."""
    cells = letters.shape[-1]
    # covered maps: letter logits far below that of "none"
    covered = letters.repeat(cells * cells + 1, 1, 1, 1)
    reach = _WINDOW // 2
    for number in range(cells * cells):
        row, at = divmod(number, cells)
        part = (
            slice(max(row - reach, 0), row + reach + 1),
            slice(max(at - reach, 0), at + reach + 1),
        )
        covered[number][(slice(0, _NONE), *part)] = -12.0
        covered[number][(_NONE, *part)] = 12.0
    features = net.module_.legend(covered)
    if model.takes_features:
        raw = model.classifier.predict_proba(features.cpu().numpy())
    else:
        raw = net.module_.judge(features).softmax(1).cpu().numpy()
    shares = np.log(calibrated(raw, model.card)[:, column] + 1e-6)
    out: NDArray[np.float32] = (shares[-1] - shares[:-1]).reshape(cells, cells)
    return out


def _cover_photo(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], name: str, column: int
) -> NDArray[np.float32]:
    steps, size = 8, crop.shape[0]
    grey = crop.reshape(-1, 3).mean(axis=0).astype(np.uint8)
    covered = np.repeat(crop[None], steps * steps + 1, axis=0)
    edges = np.linspace(0, size, steps + 1).astype(int)
    margin = size // 16
    for number in range(steps * steps):
        row, at = divmod(number, steps)
        covered[
            number,
            max(edges[row] - margin, 0) : edges[row + 1] + margin,
            max(edges[at] - margin, 0) : edges[at + 1] + margin,
        ] = grey
    shares = np.log(coin_classifier.probabilities(covered, name)[:, column] + 1e-6)
    out: NDArray[np.float32] = (shares[-1] - shares[:-1]).reshape(steps, steps)
    return out


def _enlarged(grid: NDArray[np.float32], frame: LegendPose) -> NDArray[np.float32]:
    """A grid over the input as a map over the whole crop."""
    large = torch.nn.functional.interpolate(
        torch.from_numpy(grid)[None, None],
        size=(CROP_PX, CROP_PX),
        mode="bicubic",
        align_corners=False,
    )
    return on_crop(large[0, 0].clamp(0, 1).numpy(), frame, CROP_PX)


def nearest_coins(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], count: int = 8
) -> list[tuple[NearCoin, NDArray[np.uint8] | None]]:
    """The known coins most like a crop, the likest first, with their pictures.

    The coins are those that the knn model learnt from. Rendered ones are struck
    again from their number; others have no picture here.
    """
    model = coin_classifier.model("knn")
    pipeline = model.classifier.estimator_
    features = coin_classifier.features(crop[None], "knn")
    projected = pipeline[:-1].transform(features)
    neighbours: KNeighborsClassifier = pipeline[-1]
    learnt = neighbours.n_samples_fit_
    seed = int(model.card.training.get("coins_seed", -1))
    rendered = model.card.training.get("data") == "rendered" and seed >= 0
    # a rendered coin was learnt from more than once, with other letters hidden
    coins = int(model.card.training["coins"]) if rendered else learnt
    asked = min(count * (learnt // coins), learnt)
    distances, rows = neighbours.kneighbors(projected, n_neighbors=asked)
    near: dict[int, tuple[NearCoin, NDArray[np.uint8] | None]] = {}
    for distance, row in zip(distances[0].tolist(), rows[0].tolist(), strict=True):
        number = row % coins
        if number in near:
            continue
        if len(near) == count:
            break
        # unit vectors: half the squared distance is one minus the cosine
        similarity = float(np.clip(1 - distance**2 / 2, 0, 1))
        label = model.card.classes[int(neighbours._y[row])]
        coin = NearCoin(
            label=label,
            similarity=similarity,
            origin=f"{'rendered' if rendered else 'training'} coin {number}",
        )
        picture = render_coin(seed, number, size_px=CROP_PX).image if rendered else None
        near[number] = coin, picture
    return list(near.values())
