"""How many coins a second the readers learn from, and the finder's net scenes.

    python benchmarks/teaching.py [--workers 1] [--coins 1280]

Nothing is kept. Run it on an idle machine: `train all` teaches both readers side by
side and strikes beside it in so many processes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from coin_core.classifiers import pretrained_classifiers
from coin_core.model_store.bundle import load_card
from coin_core.training import train_coin_detector
from coin_core.training.environment import describe_machine
from coin_core.training.pretraining import pretrain
from coin_core.training.rendered_dataset import SCHEDULE

EPOCHS = 5


def main() -> None:
    """Teach the readers a little of the first round and of the last, and the finder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--coins", type=int, default=1280, help="seen in each round")
    given = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        for title, part in (
            ("first", SCHEDULE.rounds[0]),
            ("last", SCHEDULE.rounds[-1]),
        ):
            part = replace(part, coins=given.coins // part.views)
            plan = replace(SCHEDULE, rounds=(part,), validations=1, validation_coins=1)
            folders = {
                name: Path(folder) / title / name for name in pretrained_classifiers()
            }
            started = time.monotonic()
            pretrain(folders, schedule=plan, workers=given.workers)
            rate = plan.seen / (time.monotonic() - started)
            print(f"both readers, {title} round: {rate:.0f} coins a second", flush=True)
        train_coin_detector.train_coin_detector(
            Path(folder) / "faces", epochs=EPOCHS, workers=given.workers
        )
        made = load_card(Path(folder) / "faces")
        rate = made.training["scenes"] / made.training["seconds"]
        print(f"finder: {rate:.0f} scenes a second", flush=True)


if __name__ == "__main__":
    main()
