"""From letters to the ruler, on the letters that were seen on real coins.

    python benchmarks/letters.py TABLE.csv

TABLE has a row for each coin, made by a letter detector: `Class` ("John", "Judah" or
"Alexander") and of each letter, named as in `COLUMNS`, `_Count`, `_AvgX`, `_AvgY`,
`_StdX`, `_StdY` in pixels. The photos are not needed: each letter is drawn into a
letter map, as a reader would have seen it, and the classifiers judge by that. Of three
or more of one letter the table tells the mean and spread alone, so they are strewn
about: it is the last step alone that is measured, and that roughly. Each is asked
twice, the second time without the leans of its card.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from numpy.typing import NDArray

from coin_core.classifiers import shipped_classifiers
from coin_core.classifiers.legend_net import LETTER_CLASSES, STRIDE_PX
from coin_core.evaluation.calibration import apply_logit_bias
from coin_core.evaluation.metrics import format_proportion
from coin_core.imaging.preprocessing import Preprocessing
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES, LETTERS

SEED = 7_000_003
# Too few letters say nothing of how large the legend is.
FEWEST = 4
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

Seen = list[tuple[int, float, float]]  # letter's number, x, y


def main() -> None:
    """Judge every coin of the table with every classifier."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    given = parser.parse_args()
    rng = np.random.default_rng(SEED)
    with given.table.open(newline="", encoding="utf-8") as file:
        rows = [
            (RULERS[row["Class"]], letters_of(row, rng)) for row in csv.DictReader(file)
        ]
    rows = [(ruler, seen) for ruler, seen in rows if len(seen) >= FEWEST]
    true = np.array([ruler for ruler, _ in rows])
    spread = usual_spread()
    maps = torch.from_numpy(np.stack([drawn(seen, spread) for _, seen in rows]))
    coin_classifier = CoinClassifier()
    for name in shipped_classifiers():
        told = judged(coin_classifier, name, maps)
        card = coin_classifier.model(name).card
        show(name, apply_logit_bias(told, card.classes, card.class_logit_bias), true)
        show(f"{name} without leans", told, true)


def show(title: str, told: NDArray[np.floating], true: NDArray[np.str_]) -> None:
    """Print how many are right, and how many of each ruler."""
    right = np.array(DEFAULT_CLASSES)[told.argmax(1)] == true
    parts = [right] + [right[true == ruler] for ruler in DEFAULT_CLASSES]
    whole, *each = [format_proportion(int(part.sum()), len(part)) for part in parts]
    named = [f"{ruler} {one}" for ruler, one in zip(DEFAULT_CLASSES, each, strict=True)]
    print("; ".join([f"{title}: {whole}", *named]))


def letters_of(row: dict[str, str], rng: np.random.Generator) -> Seen:
    """The letters of a coin, in pixels."""
    seen: Seen = []
    for column, key in COLUMNS.items():
        count = round(float(row[f"{column}_Count"]))
        x, y, wide, tall = (
            float(row[f"{column}_{part}"]) for part in ("AvgX", "AvgY", "StdX", "StdY")
        )
        if count < 3:  # two lie one deviation to either side, on one diagonal or other
            down = float(rng.choice([-1, 1]))
            at = np.array([[1, down], [-1, -down]][:count]) * (count == 2)
        else:
            at = rng.normal(size=(count, 2))
            at = (at - at.mean(0)) / at.std(0)
        seen += [(NUMBERS[key], x + a * wide, y + b * tall) for a, b in at.tolist()]
    return seen


def usual_spread() -> float:
    """How widely letters lie about their middle in the view, on rendered coins."""
    found = []
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
        if len(at) >= FEWEST:
            found.append(float(np.sqrt(at.var(0).mean())))
    return float(np.mean(found))


def drawn(seen: Seen, spread: float) -> NDArray[np.float32]:
    """Letter logits (17, 16, 16) of letters, laid into the middle of the view."""
    cells = Preprocessing().size_px // STRIDE_PX
    at = np.array([place for _, *place in seen])
    at = (at - at.mean(0)) / max(float(np.sqrt(at.var(0).mean())), 1e-6)
    shares = np.zeros((LETTER_CLASSES, cells, cells))
    rows, columns = np.mgrid[:cells, :cells] + 0.5
    for (letter, *_), (x, y) in zip(seen, (0.5 + at * spread) * cells, strict=True):
        near = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 2)
        shares[letter] = np.maximum(shares[letter], np.minimum(0.97, 1.26 * near))
    shares[:-1] /= np.maximum(shares[:-1].sum(0) / 0.98, 1)
    shares[-1] = np.maximum(1 - shares[:-1].sum(0), 0.02)
    return np.log(shares + 1e-4).astype(np.float32)


@torch.inference_mode()
def judged(
    coin_classifier: CoinClassifier, name: str, maps: torch.Tensor
) -> NDArray[np.float32]:
    """Probabilities (N, 3), as learnt, that a model makes of maps (N, 17, 16, 16)."""
    module = coin_classifier.feature_extractor(name).classifier.module_.eval()
    features = torch.cat([module.legend(part) for part in maps.split(64)])
    model = coin_classifier.model(name)
    told: NDArray[np.float32] = (
        model.classifier.predict_proba(features.numpy())
        if model.takes_features
        else module.classify_features(features).softmax(1).numpy()
    )
    return told


if __name__ == "__main__":
    main()
