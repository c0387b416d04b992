"""Render coins from a seed; write PNG files and truth.jsonl, the truth about them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coin_core.cli import arguments
from coin_core.errors import TrainingDataError
from coin_core.storage import dump_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from coin_core.rendering import RenderedCoin

TRUTH_FILE = "truth.jsonl"
_SIZE_PX = 160
_BOX_SIDES = ("left", "top", "right", "bottom")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `render`."""
    add = parser.add_argument
    add("--count", type=arguments.count, required=True, help="how many")
    add("--out", type=Path, required=True, metavar="DIR")
    add("--seed", type=arguments.seed, default=0, help="default 0")
    add("--size-px", type=arguments.image_size, help=f"default {_SIZE_PX}")
    add(
        "--kind",
        choices=("legend", "cornucopia", "star_anchor", "other", "foreign"),
        default="legend",
        help="which side (default legend)",
    )
    add("--folders", action="store_true", help="one folder per ruler, as for train")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument(
        "--two-sided", action="store_true", help="obverse and reverse side by side"
    )
    shape.add_argument(
        "--scenes", action="store_true", help="photos of one, two or several coins"
    )


def run(options: argparse.Namespace) -> int:
    """Write the images, and one line of JSON for each into truth.jsonl."""
    from PIL import Image

    from coin_core.jobs import track

    out: Path = options.out
    if options.folders and (options.scenes or options.kind != "legend"):
        raise TrainingDataError(
            "--folders sorts by ruler, and only the legend side names a ruler. "
            "Leave out --scenes and --kind."
        )
    truth_path = out / TRUTH_FILE
    if truth_path.exists() and truth_path.stat().st_size:
        raise TrainingDataError(
            f"{out} holds rendered coins already, which {TRUTH_FILE} describes. Name "
            "another folder, or delete that one."
        )
    if options.scenes:
        usual = options.kind == "legend"
        names = ("size_px",) if usual else ("size_px", "kind")
        arguments.drop(options, names, "no effect on scenes, which show several coins")
    try:
        out.mkdir(parents=True, exist_ok=True)
        # a line at a time, so that it names the coins even after a kill
        with truth_path.open("w", buffering=1, encoding="utf-8") as truth_file:
            for index in track(range(options.count), "coins", unit="coin"):
                image, truth = _render(options, index)
                name = f"coin-{options.seed}-{index:06d}.png"
                if options.folders:
                    name = f"{truth['ruler']}/{name}"
                    (out / name).parent.mkdir(exist_ok=True)
                Image.fromarray(image).save(out / name)
                line = {"file": name, "seed": options.seed, "index": index, **truth}
                truth_file.write(dump_json(line) + "\n")
    except OSError as error:
        raise TrainingDataError(
            f"{out} cannot be written ({error.strerror or error})."
        ) from error
    sys.stderr.write(f"{options.count} images and {TRUTH_FILE} are in {out}.\n")
    return 0


def _render(
    options: argparse.Namespace, index: int
) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    import numpy as np

    from coin_core.rendering import render_coin

    if options.scenes:
        from coin_core.rendering.scenes import render_scene

        scene = render_scene(options.seed, index)
        faces = [
            {
                "box": _box_json([getattr(box, side) for side in _BOX_SIDES]),
                "kind": kind,
            }
            for box, kind in zip(scene.boxes, scene.kinds, strict=True)
        ]
        return scene.photo, {"faces": faces}
    size_px = options.size_px or _SIZE_PX
    coin = render_coin(options.seed, index, size_px=size_px, kind=options.kind)
    if not options.two_sided:
        return coin.image, describe_coin(coin)
    # By custom the reverse, which carries the legend, is on the right.
    obverse = render_coin(options.seed, index, size_px=size_px, kind="cornucopia")
    image = np.concatenate([obverse.image, coin.image], axis=1)
    return image, describe_coin(coin, offset=0.5, width=0.5)


def describe_coin(
    coin: RenderedCoin, *, offset: float = 0.0, width: float = 1.0
) -> dict[str, Any]:
    """The truth about a rendered coin, as JSON."""

    def box_json(left: float, top: float, right: float, bottom: float) -> Any:
        return _box_json((offset + left * width, top, offset + right * width, bottom))

    return {
        "kind": coin.kind,
        "ruler": coin.ruler,
        "legend": list(coin.legend),
        "turn_deg": round(float(coin.turn_deg), 3),
        "flan": box_json(*coin.flan_box),
        "name_legibility": round(coin.name_legibility, 4),
        "letters": [
            {
                "letter": letter.letter,
                "box": box_json(letter.left, letter.top, letter.right, letter.bottom),
                "legibility": round(letter.legibility, 4),
                "in_name": letter.in_name,
            }
            for letter in coin.letters
        ],
    }


def _box_json(box: Iterable[float]) -> dict[str, float]:
    return {side: round(float(x), 5) for side, x in zip(_BOX_SIDES, box, strict=True)}
