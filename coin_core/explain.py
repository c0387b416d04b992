"""The evidence for a verdict: letters read, relevant regions, similar coins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from coin_core.classifiers import shipped_classifiers
from coin_core.classifiers.appearance_net import FeatureMode
from coin_core.classifiers.features import whole_flans
from coin_core.classifiers.legend_net import LETTER_CLASSES
from coin_core.classifiers.rim_reader import (
    RimLetter,
    compiled_reader,
    letters_along,
    read_strips,
    unrolled,
)
from coin_core.classifiers.torch_classifier import (
    calibrated,
    choose_poses,
    predict_once,
)
from coin_core.errors import WeightsMismatchError
from coin_core.imaging.preprocessing import (
    CROP_PX,
    LegendPose,
    Preprocessing,
    RotatedBox,
    centred_pose,
    warp_to_crop,
)
from coin_core.models import LoadedModel
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.results import LetterRead
from coin_core.rulers import LETTERS

_NONE = LETTER_CLASSES - 1
_MIN_PROBABILITY = 0.45  # of a letter that is shown, in its best cell
_WINDOW = 3  # cells hidden at a time
_LEAST_LOSS = 0.05  # of the log odds; below it a place does not matter
_MIN_LETTER_DX, _MIN_LINE_DY = 0.07, 0.085  # between letters; fractions of the view
_HALF_LETTER = 0.065, 0.08  # width, height

NEIGHBOUR_MODEL = "knn"
"""The model in whose space coins are similar or not."""

Found = tuple[float, float, float, str]
"""A letter's centre x and y, its probability, and its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearCoin:
    """A known coin: its class, its similarity (0..1), and where it comes from."""

    label: str
    similarity: float
    origin: str


def find_legend_pose(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], name: str | None = None
) -> LegendPose:
    """Return the pose of the legend on a crop (S, S, 3), as a model sees it.

    Args:
        coin_classifier: Holds the models.
        crop: uint8 (S, S, 3).
        name: The model; the default one if None.
    """
    return _pose(_network(coin_classifier, name), crop)


def _network(coin_classifier: CoinClassifier, name: str | None) -> Any:
    """The fitted network that a model uses: its own, or that of its features."""
    return coin_classifier.feature_extractor(
        name or shipped_classifiers()[0]
    ).classifier


def _pose(net: Any, crop: NDArray[np.uint8]) -> LegendPose:
    return choose_poses(net.module_.eval(), crop[None], net.preparation)[0]


def _letter_logits(net: Any, crop: NDArray[np.uint8], pose: LegendPose) -> torch.Tensor:
    """Letter logits (1, 17, H, W) of the view at a pose."""
    module = net.module_.eval()
    logits = predict_once(module, crop[None], net.preparation, [pose]).letters
    return _finite(logits)


def _finite(values: torch.Tensor) -> torch.Tensor:
    if not bool(values.isfinite().all()):
        raise WeightsMismatchError(
            "This classifier is damaged: its answer is no number. Choose another one, "
            "and copy or train this one again."
        )
    return values


def reads_letters(coin_classifier: CoinClassifier, name: str | None = None) -> bool:
    """Whether a model reads letters; others compare the appearance of the coins."""
    return hasattr(_network(coin_classifier, name).module_, "letters")


def read_letters(
    coin_classifier: CoinClassifier,
    crop: NDArray[np.uint8],
    name: str | None = None,
    pose: LegendPose | None = None,
) -> tuple[LetterRead, ...]:
    """Return the letters that a model reads on a crop, in reading order.

    Their boxes are in the view of the pose.

    Args:
        coin_classifier: Holds the models.
        crop: uint8 (S, S, 3).
        name: The model; the default one if None. Classifiers of features get their
            letters from the network of the features.
        pose: Of the legend; that of `find_legend_pose` if None.
    """
    if not reads_letters(coin_classifier, name):
        return ()
    net = _network(coin_classifier, name)
    logits = _letter_logits(net, crop, pose or _pose(net, crop))[0]
    probabilities = logits.softmax(0).cpu().numpy()[:_NONE]  # (16, H, W)
    cells = probabilities.shape[1]
    best, which = probabilities.max(axis=0), probabilities.argmax(axis=0)
    found: list[Found] = []
    # Non-maximum suppression: the most probable letter takes the cells around it.
    for flat in np.argsort(best, axis=None)[::-1]:
        row, column = divmod(int(flat), cells)
        if best[row, column] < _MIN_PROBABILITY:
            break
        letter = int(which[row, column])
        near = (
            slice(max(row - 1, 0), min(row + 2, cells)),
            slice(max(column - 1, 0), min(column + 2, cells)),
        )
        weight = np.where(which[near] == letter, probabilities[letter][near], 0)
        rows, columns = np.mgrid[near]
        y = float((weight * (rows + 0.5)).sum() / weight.sum()) / cells
        x = float((weight * (columns + 0.5)).sum() / weight.sum()) / cells
        if all(
            abs(x - other[0]) > _MIN_LETTER_DX or abs(y - other[1]) > _MIN_LINE_DY
            for other in found
        ):
            found.append((x, y, float(best[row, column]), LETTERS[letter].key))
    return _in_reading_order(found)


def _in_reading_order(found: list[Found]) -> tuple[LetterRead, ...]:
    """Group letters into lines by their height, and sort each line right to left."""
    lines: list[list[Found]] = []
    for item in sorted(found, key=lambda item: item[1]):
        if lines and item[1] - float(np.mean([i[1] for i in lines[-1]])) < _MIN_LINE_DY:
            lines[-1].append(item)
        else:
            lines.append([item])
    half_width, half_height = _HALF_LETTER
    return tuple(
        LetterRead(
            letter=letter,
            box=RotatedBox(
                left=max(0.0, x - half_width),
                top=max(0.0, y - half_height),
                right=min(1.0, x + half_width),
                bottom=min(1.0, y + half_height),
            ),
            probability=probability,
            line=number,
            place=place,
        )
        for number, line in enumerate(lines)
        for place, (x, y, probability, letter) in enumerate(sorted(line, reverse=True))
    )


@torch.inference_mode()
def read_rim(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], name: str
) -> tuple[RimLetter, ...]:
    """Return the capitals that a model reads along the rim, clockwise from below.

    None for a model of the rulers, and for one that was trained before there was a
    reader.

    Args:
        coin_classifier: Holds the models.
        crop: uint8 (S, S, 3).
        name: The model.
    """
    model, net = coin_classifier.model(name), _network(coin_classifier, name)
    if not model.takes_features:
        reader = getattr(net.module_.eval(), "reader", None)
    elif model.card.features_from.get("sight") == FeatureMode.READ_RIM:
        reader = compiled_reader(net.device)
    else:
        reader = None
    if reader is None:
        return ()
    strips = unrolled(whole_flans(net, crop[None]))
    logits, _ = read_strips(reader, strips)
    return letters_along(_finite(logits[0]).cpu())


def heat_map(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], name: str, ruler: str
) -> NDArray[np.float32]:
    """Return how much a class loses when each place of a crop is hidden.

    This is the occlusion map of Zeiler and Fergus 2014. The letter maps are hidden
    ("no letter here"), so it works alike for every model. For a network that was
    fine-tuned to use more than the letters, parts of the photo are hidden.

    Args:
        coin_classifier: Holds the models.
        crop: uint8 (S, S, 3).
        name: The model.
        ruler: The class.

    Returns:
        float32 (160, 160), from 0, no effect, to 1, the strongest. All 0 if no place
        alone takes a twentieth of the odds.
    """
    model = coin_classifier.model(name)
    column = model.card.classes.index(ruler)
    net = _network(coin_classifier, name)
    module = net.module_.eval()
    if model.takes_features:
        beyond_letters = model.card.features_from.get("sight", "legend") != "legend"
    else:
        beyond_letters = hasattr(module, "look") or bool(module.pooled.weight.any())
    if beyond_letters:
        pose = centred_pose(Preprocessing(zoom=1.0))
        grid = _hide_photo(coin_classifier, crop, name, column)
    else:
        pose = _pose(net, crop)
        grid = _hide_letters(model, net, _letter_logits(net, crop, pose), column)
    grid = np.maximum(grid, 0)
    strongest = float(grid.max())
    grid = grid / strongest if strongest > _LEAST_LOSS else np.zeros_like(grid)
    large = torch.nn.functional.interpolate(
        torch.from_numpy(grid.astype(np.float32))[None, None],
        size=(CROP_PX, CROP_PX),
        mode="bicubic",
        align_corners=False,
    )
    return warp_to_crop(large[0, 0].clamp(0, 1).numpy(), pose, CROP_PX)


@torch.inference_mode()
def _hide_letters(
    model: LoadedModel, net: Any, letters: torch.Tensor, column: int
) -> NDArray[np.float32]:
    """The losses for each cell of letter logits (1, 17, H, W), (H, W)."""
    cells = letters.shape[-1]
    # The last row stays as it is.
    hidden = letters.repeat(cells * cells + 1, 1, 1, 1)
    reach = _WINDOW // 2
    for number in range(cells * cells):
        row, at = divmod(number, cells)
        window = (
            slice(max(row - reach, 0), row + reach + 1),
            slice(max(at - reach, 0), at + reach + 1),
        )
        hidden[number][(slice(0, _NONE), *window)] = -12.0
        hidden[number][(_NONE, *window)] = 12.0
    features = net.module_.legend(hidden)
    if model.takes_features:
        raw = model.classifier.predict_proba(features.cpu().numpy())
    else:
        raw = net.module_.classify_features(features).softmax(1).cpu().numpy()
    return _losses(calibrated(raw, model.card)[:, column])


def _hide_photo(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], name: str, column: int
) -> NDArray[np.float32]:
    """The losses for each of 8 x 8 parts of the crop, (8, 8)."""
    steps, size = 8, crop.shape[0]
    grey = crop.reshape(-1, 3).mean(axis=0).astype(np.uint8)
    hidden = np.repeat(crop[None], steps * steps + 1, axis=0)
    edges = np.linspace(0, size, steps + 1).astype(int)
    margin = size // 16
    for number in range(steps * steps):
        row, at = divmod(number, steps)
        hidden[
            number,
            max(edges[row] - margin, 0) : edges[row + 1] + margin,
            max(edges[at] - margin, 0) : edges[at + 1] + margin,
        ] = grey
    return _losses(coin_classifier.probabilities(hidden, name)[:, column])


def _losses(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Loss of log odds against the last row, as a square grid.

    The odds of a sure answer still fall where its probability hardly does.
    """
    sure = _finite(torch.from_numpy(probabilities)).double().numpy()
    odds = np.log(sure + 1e-6) - np.log(1 - sure + 1e-6)
    side = math.isqrt(len(odds) - 1)
    losses: NDArray[np.float32] = (odds[-1] - odds[:-1]).reshape(side, side)
    return losses


def similarity_vectors(
    coin_classifier: CoinClassifier, crops: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Return unit vectors (N, D) of crops (N, S, S, 3), in the space of the knn model.

    The scalar product of two is the similarity of the coins.
    """
    pipeline = coin_classifier.model(NEIGHBOUR_MODEL).classifier.estimator_
    features = coin_classifier.features(crops, NEIGHBOUR_MODEL)
    _finite(torch.from_numpy(features))
    return np.asarray(pipeline[:-1].transform(features), np.float32)


def nearest_coins(
    coin_classifier: CoinClassifier, crop: NDArray[np.uint8], count: int = 8
) -> list[tuple[NearCoin, NDArray[np.uint8] | None]]:
    """Return the training coins most similar to a crop, the most similar first.

    They are the coins that the knn model was fitted to. Rendered ones are rendered
    again from their number; others come without a picture.
    """
    model = coin_classifier.model(NEIGHBOUR_MODEL)
    if model.card.classifier != NEIGHBOUR_MODEL:
        return []  # a user's own bundle of that name is something else
    projected = similarity_vectors(coin_classifier, crop[None])
    neighbours: KNeighborsClassifier = model.classifier.estimator_[-1]
    rows_fitted = neighbours.n_samples_fit_
    seed = int(model.card.training.get("coins_seed", -1))
    rendered = model.card.training.get("data") == "rendered" and seed >= 0
    # A rendered coin has several rows, each with other letters spoilt; of other coins
    # there may be several views.
    training = model.card.training
    coins = rows_fitted // max(1, int(training.get("views", 1)))
    coins = max(1, int(training.get("coins", coins)) if rendered else coins)
    most = min(count * max(1, rows_fitted // coins), rows_fitted)
    distances, rows = neighbours.kneighbors(projected, n_neighbors=most)
    near: dict[int, tuple[NearCoin, NDArray[np.uint8] | None]] = {}
    for distance, row in zip(distances[0].tolist(), rows[0].tolist(), strict=True):
        number = row % coins
        if number in near:
            continue
        if len(near) == count:
            break
        coin = NearCoin(
            label=model.card.classes[int(neighbours._y[row])],
            # On unit vectors, 1 - d^2 / 2 is the cosine.
            similarity=float(np.clip(1 - distance**2 / 2, 0, 1)),
            origin=f"{'rendered' if rendered else 'training'} coin {number}",
        )
        picture = render_coin(seed, number, size_px=CROP_PX).image if rendered else None
        near[number] = coin, picture
    return list(near.values())
