"""Coins a second in the pretraining of the networks, and scenes in the coin detector's.

    python -m benchmarks.training_speed [--workers 1] [--coins 1280]

Nothing is kept. Run it on an idle machine: the networks train side by side, and
`--workers` processes render coins beside them.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.common import argument_parser, stopwatch
from coin_core.classifiers import pretrained_classifiers
from coin_core.model_store.bundle import load_card
from coin_core.training.environment import describe_machine
from coin_core.training.pretraining import pretrain
from coin_core.training.rendered_dataset import SCHEDULE
from coin_core.training.train_coin_detector import train_coin_detector

SCENES, EPOCHS = 2000, 5


def main() -> None:
    """Train for a part of the first and the last round, and train the coin detector."""
    args = argument_parser(__doc__, workers=1, coins=1280).parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as scratch:
        for title, number in (("first", 0), ("last", -1)):
            part = SCHEDULE.rounds[number]
            part = replace(part, coins=args.coins // part.views)
            plan = replace(SCHEDULE, rounds=(part,), validations=1, validation_coins=1)
            names = pretrained_classifiers()
            folders = {name: Path(scratch) / title / name for name in names}
            with stopwatch() as elapsed:
                pretrain(folders, schedule=plan, workers=args.workers)
            rate = plan.seen / elapsed.seconds
            print(f"networks, {title} round: {rate:.0f} coins a second", flush=True)
        folder = Path(scratch) / "faces"
        train_coin_detector(folder, scenes=SCENES, epochs=EPOCHS, workers=args.workers)
        facts = load_card(folder).training
        print(
            f"coin detector: {facts['scenes'] / facts['seconds']:.0f} scenes a second"
        )


if __name__ == "__main__":
    main()
