"""The measuring scripts: their measures are right, and their help comes."""

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from coin_core.faces import CropBox


def load(root, name):
    spec = spec_from_file_location(f"benchmark_{name}", root / f"benchmarks/{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def box(left, top, right, bottom):
    return CropBox(left=left, top=top, right=right, bottom=bottom)


LEFT, RIGHT = box(0.0, 0.0, 0.4, 0.4), box(0.5, 0.0, 0.9, 0.4)


@pytest.mark.parametrize(
    ("true", "found", "right"),
    [
        ((LEFT, RIGHT), (RIGHT, LEFT), True),
        ((LEFT, RIGHT), (LEFT,), False),
        ((LEFT,), (LEFT, RIGHT), False),
        ((LEFT,), (box(0.0, 0.0, 0.4, 0.35),), True),
        ((LEFT,), (box(0.0, 0.0, 0.4, 0.33),), False),
        ((LEFT, LEFT), (LEFT, RIGHT), False),
        ((), (), True),
    ],
)
def test_a_scene_is_right_when_the_boxes_match_one_to_one(
    project_root, true, found, right
):
    assert load(project_root, "scenes").all_found(true, found) is right


@pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
def test_kills_amid_reviews_and_exports_lose_nothing(project_root):
    kills = ("--imports", "0", "--reviews", "2", "--exports", "2")
    done = subprocess.run(
        [sys.executable, project_root / "benchmarks/kills.py", *kills],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "0 lost" in done.stdout
    assert "no half is left" in done.stdout


def test_photos_are_linked_into_one_folder_per_ruler(project_root, tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "labels.csv").write_text("file,ruler\na.png,titus\n", encoding="utf-8")
    command = [sys.executable, project_root / "benchmarks/sort_photos.py"]
    for _ in range(2):
        subprocess.run(
            [*command, tmp_path / "labels.csv", tmp_path / "out"], check=True
        )
    assert (tmp_path / "out/titus/a.png").read_bytes() == b"a"
