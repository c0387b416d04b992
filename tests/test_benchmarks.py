"""The measuring scripts: their measures are right, and their help comes."""

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest

from coin_core.detection.faces import RotatedBox


def load(root, name):
    spec = spec_from_file_location(f"benchmark_{name}", root / f"benchmarks/{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def box(left, top, right, bottom):
    return RotatedBox(left=left, top=top, right=right, bottom=bottom)


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


def test_letters_of_a_table_stand_where_it_says(project_root):
    letters = load(project_root, "letters")
    parts = ("Count", "AvgX", "AvgY", "StdX", "StdY")
    row = {f"{name}_{part}": "0" for name in letters.COLUMNS for part in parts}
    row |= {"Taf_Count": "1", "Taf_AvgX": "100", "Taf_AvgY": "40"}
    row |= {"Nun_Count": "2", "Nun_AvgX": "80", "Nun_StdX": "20", "Nun_AvgY": "40"}
    row |= {"Hei_Count": "3", "Hei_AvgX": "90", "Hei_AvgY": "70", "Hei_StdY": "10"}
    seen = letters.letters_of(row, np.random.default_rng(0))
    number = letters.NUMBERS
    assert [x for letter, x, _ in seen if letter == number["taw"]] == [100]
    assert sorted(x for letter, x, _ in seen if letter == number["nun"]) == [60, 100]
    he = np.array([y for letter, _, y in seen if letter == number["he"]])
    assert (he.mean(), he.std()) == pytest.approx((70, 10))
    drawn = letters.drawn(seen, 0.2)
    assert drawn.shape == (17, 16, 16)
    # taw is the only letter of its kind, right of the middle and above it
    row_at, column = np.unravel_index(drawn[number["taw"]].argmax(), (16, 16))
    assert column > 8 > row_at
    assert drawn[number["shin"]].max() < -9


def test_a_table_of_letters_is_judged_by_every_classifier(project_root, tmp_path):
    letters = load(project_root, "letters")
    row = {"Class": "Alexander"}
    for name in letters.COLUMNS:
        for part in ("Count", "AvgX", "AvgY", "StdX", "StdY"):
            row[f"{name}_{part}"] = "0"
    for name, x, y in (("Yod", 150, 40), ("Hei", 120, 40), ("Vav", 90, 40)):
        row |= {f"{name}_Count": "1", f"{name}_AvgX": str(x), f"{name}_AvgY": str(y)}
    row |= {"Taf_Count": "1", "Taf_AvgX": "100", "Taf_AvgY": "70"}
    table = tmp_path / "letters.csv"
    table.write_text("\n".join([",".join(row), ",".join(row.values())]))
    done = subprocess.run(
        [sys.executable, str(project_root / "benchmarks/letters.py"), str(table)],
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    told = [line.split(":")[0] for line in said]
    assert told[::2] == list(letters.shipped_classifiers())
    assert told[1::2] == [f"{name} without leans" for name in letters.shipped_classifiers()]
    assert all("of 1," in line for line in said)
