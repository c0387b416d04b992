"""What a card says of the machine."""

import os
import platform
from pathlib import Path

from coin_core.training.environment import arithmetic, describe_machine


def test_the_machine_is_described_without_its_name():
    text = describe_machine()
    assert text.startswith(f"{os.cpu_count()} cores, ")
    assert platform.node() not in text
    assert Path.home().name not in text.split(", ")


def test_only_nets_of_photos_are_trained_in_another_precision():
    assert arithmetic("knn") == {"threads": 1, "precision": "float32"}
    assert arithmetic("resnet")["precision"] in ("float32", "bfloat16")
