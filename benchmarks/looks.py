"""What it brings to choose between two turns of a legend, and to look again in doubt.

    python benchmarks/looks.py [--count 2500]

The readers judge the same legible rendered coins four times: in the likeliest frame, in
the turn in which they read more, with doubtful coins read again from nearby, and in
the true frame, which is as far as finding legends can bring them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from tqdm import tqdm

from coin_core.classifiers import pretrained_classifiers
from coin_core.classifiers.tta import choose_poses, predict, predict_once
from coin_core.detection.legend_localizer import best_poses
from coin_core.evaluation.calibration import apply_logit_bias
from coin_core.evaluation.metrics import format_proportion
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.train_legend_localizer import crop_to_coin

SEED = 434_343


def main() -> None:
    """Judge the coins in every way and print how many were right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2500, help="coins that are struck")
    given = parser.parse_args()
    struck = (render_coin(SEED, k) for k in tqdm(range(given.count), unit="coin"))
    coins = [coin for coin in struck if coin.name_legibility >= 0.5]
    crops, true = zip(*map(crop_to_coin, coins), strict=True)
    crops = np.stack(crops)
    rulers = np.array([DEFAULT_CLASSES.index(coin.ruler) for coin in coins])
    likeliest = best_poses(crops)
    for name in pretrained_classifiers():
        model = CoinClassifier().model(name)
        net, card = model.classifier, model.card
        reader, settings = net.module_.eval(), net.preparation
        turned = choose_poses(reader, crops, settings)
        for way, reading in (
            ("the likeliest frame", predict_once(reader, crops, settings, likeliest)),
            (
                "the turn in which more is read",
                predict_once(reader, crops, settings, turned),
            ),
            ("and again where in doubt", predict(reader, crops, settings)),
            ("the true frame", predict_once(reader, crops, settings, true)),
        ):
            told = apply_logit_bias(
                reading.logits.softmax(1), card.classes, card.class_logit_bias
            )
            right = int((told.argmax(1) == rulers).sum())
            print(f"{name}, {way}: {format_proportion(right, len(coins))}", flush=True)


if __name__ == "__main__":
    main()
