"""Coin detection: in how many rendered photos every coin is found, and nothing else.

    python -m benchmarks.scenes [--count 600] [--seed 5000011]

A photo counts as correct if each of its coins has its own box with an intersection
over union of more than 0.85 with the true one, and no box is left.
"""

from __future__ import annotations

from collections import defaultdict

from tqdm import tqdm

from benchmarks.common import argument_parser
from coin_core.detection import detect_coins, iou
from coin_core.evaluation.metrics import format_proportion
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.rendering.scenes import render_scene

MIN_IOU = 0.85


def main() -> None:
    """Print a line for each number of coins, arrangement and background."""
    args = argument_parser(__doc__, count=600, seed=5_000_011).parse_args()
    results: dict[str, list[bool]] = defaultdict(list)
    for index in tqdm(range(args.count), unit="photo"):
        scene = render_scene(args.seed, index)
        correct = all_found(scene.boxes, detect_coins(scene.photo))
        count = len(scene.boxes)
        results["one or two coins" if count < 3 else "three or more"].append(correct)
        results[f"  arrangement {scene.arrangement}"].append(correct)
        results[f"  background {scene.background}"].append(correct)
    for name in sorted(results, key=lambda name: (name.startswith("  "), name)):
        print(f"{name}: {format_proportion(sum(results[name]), len(results[name]))}")


def all_found(true: tuple[RotatedBox, ...], found: tuple[RotatedBox, ...]) -> bool:
    """Whether the boxes match one to one."""
    remaining = [edges(box) for box in found]
    for box in map(edges, true):
        best = max(remaining, key=lambda other: iou(box, other), default=None)
        if best is None or iou(box, best) <= MIN_IOU:
            return False
        remaining.remove(best)
    return not remaining


def edges(box: RotatedBox) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of an upright box."""
    return (box.left, box.top, box.right, box.bottom)


if __name__ == "__main__":
    main()
