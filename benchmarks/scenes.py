"""Faces: how many rendered photos have every coin found where it lies.

    python benchmarks/scenes.py [--count 600] [--seed 5000011]

A photo counts as right when each of its coins has a box of its own that overlaps the
true one by more than 0.85 (intersection over union) and no box is left over.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from tqdm import tqdm

from coin_core.detection import faces
from coin_core.detection.faces import RotatedBox
from coin_core.evaluation.metrics import format_proportion
from coin_core.rendering.scenes import draw_scene

ENOUGH = 0.85


def main() -> None:
    """Measure and print one line per arrangement and per ground."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=5_000_011)
    given = parser.parse_args()
    marks: dict[str, list[bool]] = defaultdict(list)
    for index in tqdm(range(given.count), unit="photo"):
        scene = draw_scene(np.random.default_rng([given.seed, index, 77]))
        right = all_found(scene.boxes, faces.detect_coins(scene.photo))
        count = len(scene.boxes)
        marks["one or two coins" if count < 3 else "three or more"].append(right)
        marks[f"  arrangement {scene.arrangement}"].append(right)
        marks[f"  ground {scene.background}"].append(right)
    for name in sorted(marks, key=lambda name: (name.startswith("  "), name)):
        print(f"{name}: {format_proportion(sum(marks[name]), len(marks[name]))}")


def all_found(true: tuple[RotatedBox, ...], found: tuple[RotatedBox, ...]) -> bool:
    """Whether the boxes match one to one."""
    left = list(found)
    for box in true:
        best = max(left, key=lambda other: iou(box, other), default=None)
        if best is None or iou(box, best) <= ENOUGH:
            return False
        left.remove(best)
    return not left


def iou(a: RotatedBox, b: RotatedBox) -> float:
    """Intersection over union, 0 to 1."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    both = max(0.0, width) * max(0.0, height)
    either = sum((c.right - c.left) * (c.bottom - c.top) for c in (a, b)) - both
    return both / either if either else 0.0


if __name__ == "__main__":
    main()
