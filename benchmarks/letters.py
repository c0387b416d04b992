"""From letters to the ruler, with the letters that were detected on real coins.

    python -m benchmarks.letters TABLE.csv

TABLE has a row for each coin, made by a letter detector: `Class` ("John", "Judah" or
"Alexander"), and for each letter, named as in `COLUMNS`, `_Count`, `_AvgX`, `_AvgY`,
`_StdX`, `_StdY` in pixels. The photos are not needed: the letters are drawn into a
letter map as a network would output it, and the classifiers start from there. If a
letter occurs three times or more, the table has only the mean and spread of its
places, so they are drawn at random: this is a rough measure of the last step alone.
Each classifier is measured with and without the class logit bias of its card. Then come
the legends that fit the letters (`coin_core/classifiers/letter_alignment.py`), and the
verdict of all, which weighs both; here each net reads every coin in one turn. With
`--rows odd` only those coins are measured from which `benchmarks/layouts.py` learned
nothing.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from benchmarks.common import argument_parser
from coin_core.classifiers import shipped_classifiers
from coin_core.classifiers.legend_net import LETTER_CLASSES, STRIDE_PX
from coin_core.classifiers.letter_alignment import score_rulers
from coin_core.classifiers.together import READERS, weigh
from coin_core.classifiers.together_card import TOGETHER
from coin_core.classifiers.torch_classifier import (
    apply_logit_bias,
    apply_temperature,
    log_probabilities,
)
from coin_core.evaluation.metrics import format_proportion
from coin_core.imaging.preprocessing import Preprocessing
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES, LETTERS

SEED = 7_000_003
MIN_LETTERS = 4  # fewer do not show how large the legend is
COLUMNS = {
    "A": "greek_a",
    "Bet": "bet",
    "Gimel": "gimel",
    "Dalet": "dalet",
    "Hei": "he",
    "Vav": "waw",
    "Het": "het",
    "Yod": "yod",
    "Kaf": "kaf",
    "Lamed": "lamed",
    "Mem": "mem",
    "Nun": "nun",
    "Resh": "resh",
    "Taf": "taw",
}
RULERS = dict(zip(("John", "Judah", "Alexander"), DEFAULT_CLASSES, strict=True))
NUMBERS = {letter.key: number for number, letter in enumerate(LETTERS)}

LetterList = list[tuple[int, float, float]]
"""The number of each letter in `LETTERS`, and its x and y."""


def main() -> None:
    """Classify every coin of the table with every classifier."""
    parser = argument_parser(__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", choices=("odd", "all"), default="all")
    args = parser.parse_args()
    rng = np.random.default_rng(SEED)
    with args.table.open(newline="", encoding="utf-8") as file:
        rows = [
            (RULERS[row["Class"]], letters_of(row, rng)) for row in csv.DictReader(file)
        ]
    rows = rows[1::2] if args.rows == "odd" else rows
    rows = [(ruler, letters) for ruler, letters in rows if len(letters) >= MIN_LETTERS]
    rulers = np.array([ruler for ruler, _ in rows])
    spread = mean_spread()
    maps = torch.from_numpy(
        np.stack([draw_map(letters, spread) for _, letters in rows])
    )
    coin_classifier = CoinClassifier()
    logs = {}
    for name in shipped_classifiers():
        unbiased = classify(coin_classifier, name, maps)
        card = coin_classifier.model(name).card
        biased = apply_logit_bias(unbiased, card.classes, card.class_logit_bias)
        report(name, biased, rulers)
        report(f"{name} without class logit bias", unbiased, rulers)
        logs[name] = log_probabilities(apply_temperature(biased, card.temperature))
    scores = np.stack([score_rulers(one, DEFAULT_CLASSES) for one in maps.numpy()])
    fit = log_softmax(scores.astype(np.float64), axis=1)
    report("legends that fit", np.exp(fit), rulers)
    nets = [logs[name] for name in READERS]
    others = np.mean([rows for name, rows in logs.items() if name not in READERS], 0)
    parts = np.stack([*nets, others, *nets, fit], axis=1)
    report(TOGETHER, weigh(parts), rulers)


def report(
    title: str, probabilities: NDArray[np.floating], rulers: NDArray[np.str_]
) -> None:
    """Print how many coins are right, in all and of each ruler."""
    right = np.array(DEFAULT_CLASSES)[probabilities.argmax(1)] == rulers
    parts = {title: right}
    parts |= {ruler: right[rulers == ruler] for ruler in DEFAULT_CLASSES}
    figures = (
        f"{name}: {format_proportion(int(part.sum()), len(part))}"
        for name, part in parts.items()
    )
    print("; ".join(figures))


def letters_of(row: dict[str, str], rng: np.random.Generator) -> LetterList:
    """The letters of a coin, in pixels."""
    letters: LetterList = []
    for column, key in COLUMNS.items():
        count = round(float(row[f"{column}_Count"]))
        x, y, std_x, std_y = (
            float(row[f"{column}_{part}"]) for part in ("AvgX", "AvgY", "StdX", "StdY")
        )
        if count < 3:  # two are one deviation to either side, on a random diagonal
            down = float(rng.choice([-1, 1]))
            at = np.array([[1, down], [-1, -down]][:count]) * (count == 2)
        else:
            at = rng.normal(size=(count, 2))
            at = (at - at.mean(0)) / at.std(0)
        letters += [
            (NUMBERS[key], x + a * std_x, y + b * std_y) for a, b in at.tolist()
        ]
    return letters


def mean_spread() -> float:
    """Mean standard deviation of the letters' places in the view, on rendered coins."""
    spreads = []
    for index in range(200):
        coin = render_coin(SEED, index)
        assert coin.legend_pose is not None
        at = np.array(
            [
                coin.legend_pose.to_view((a.left + a.right) / 2, (a.top + a.bottom) / 2)
                for a in coin.letters
                if a.legibility >= 0.5
            ]
        )
        if len(at) >= MIN_LETTERS:
            spreads.append(float(np.sqrt(at.var(0).mean())))
    return float(np.mean(spreads))


def draw_map(letters: LetterList, spread: float) -> NDArray[np.float32]:
    """Letter logits (17, 16, 16) of letters, centred in the view."""
    cells = Preprocessing().size_px // STRIDE_PX
    at = np.array([place for _, *place in letters])
    at = (at - at.mean(0)) / max(float(np.sqrt(at.var(0).mean())), 1e-6)
    p = np.zeros((LETTER_CLASSES, cells, cells))
    rows, columns = np.mgrid[:cells, :cells] + 0.5
    places = (0.5 + at * spread) * cells
    for (letter, *_), (x, y) in zip(letters, places, strict=True):
        near = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 2)
        p[letter] = np.maximum(p[letter], np.minimum(0.97, 1.26 * near))
    p[:-1] /= np.maximum(p[:-1].sum(0) / 0.98, 1)
    p[-1] = np.maximum(1 - p[:-1].sum(0), 0.02)
    return np.log(p + 1e-4).astype(np.float32)


@torch.inference_mode()
def classify(
    coin_classifier: CoinClassifier, name: str, maps: torch.Tensor
) -> NDArray[np.float32]:
    """Probabilities (N, 3), without calibration, from letter maps (N, 17, 16, 16)."""
    module = coin_classifier.feature_extractor(name).classifier.module_.eval()
    features = torch.cat([module.legend(part) for part in maps.split(64)])
    model = coin_classifier.model(name)
    if model.takes_features:
        return model.classifier.predict_proba(features.numpy())
    return module.classify_features(features).softmax(1).numpy()


if __name__ == "__main__":
    main()
