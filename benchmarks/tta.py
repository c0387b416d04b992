"""Accuracy of the networks with and without test-time augmentation.

    python -m benchmarks.tta [--count 2500]

Each network classifies the legible ones of `--count` rendered coins four times: in the
most likely legend pose, in the pose of the two turns in which it reads more letters,
in several nearby poses where it is not certain, and in the true pose, which is the
most that a better legend localizer can reach.
"""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

from benchmarks.common import argument_parser
from coin_core.classifiers import pretrained_classifiers
from coin_core.classifiers.legend_net import best_poses
from coin_core.classifiers.torch_classifier import (
    apply_logit_bias,
    choose_poses,
    predict,
    predict_once,
)
from coin_core.evaluation.metrics import format_proportion
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.train_legend_localizer import crop_to_coin

SEED = 434_343


def main() -> None:
    """Print the accuracy of each network in each way."""
    args = argument_parser(__doc__, count=2500).parse_args()
    rendered = (render_coin(SEED, k) for k in tqdm(range(args.count), unit="coin"))
    coins = [coin for coin in rendered if coin.name_legibility >= 0.5]
    crops, true_poses = zip(*map(crop_to_coin, coins), strict=True)
    crops = np.stack(crops)
    rulers = np.array([DEFAULT_CLASSES.index(coin.ruler) for coin in coins])
    likely_poses = best_poses(crops)
    for name in pretrained_classifiers():
        model = CoinClassifier().model(name)
        card = model.card
        net, settings = model.classifier.module_.eval(), model.classifier.preparation
        poses = {
            "most likely pose": likely_poses,
            "turn with more letters": choose_poses(net, crops, settings),
            "true pose": true_poses,
        }
        outputs = {
            way: predict_once(net, crops, settings, poses[way]) for way in poses
        } | {"test-time augmentation": predict(net, crops, settings)}
        for way, output in outputs.items():
            probabilities = apply_logit_bias(
                output.logits.softmax(1), card.classes, card.class_logit_bias
            )
            correct = int((probabilities.argmax(1) == rulers).sum())
            print(
                f"{name}, {way}: {format_proportion(correct, len(coins))}", flush=True
            )


if __name__ == "__main__":
    main()
