"""What the program answers on fixed input, as one JSON document.

    python tests/golden/outputs.py OUT.json

Run it before and after a change that must not change any answer, and compare the two
files with `compare.py`. Everything goes through the command line; the catalog's
edits, which have no command, go through `coin_core.catalog`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WHO = "golden"


def main() -> None:
    """Record all outputs into the file that the command names."""
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["COIN_DATA_DIR"] = str(folder / "data")
        recorded = {
            "classify": record_classify(folder),
            "catalog": record_catalog(folder),
            "train": record_training(folder),
            "study": record_study(folder),
        }
    out.write_text(json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=False))


def run(*arguments: str | Path, ok: tuple[int, ...] = (0,)) -> str:
    """Standard output of a command of `python -m coin_core`."""
    done = subprocess.run(
        [sys.executable, "-m", "coin_core", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in ok:
        raise RuntimeError(f"{arguments} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def render_photos(folder: Path) -> list[Path]:
    """60 photos: legend sides, other sides and kinds, pairs, and whole scenes."""
    made = (
        ("legend", 24, ()),
        ("cornucopia", 5, ("--kind", "cornucopia")),
        ("star", 4, ("--kind", "star_anchor")),
        ("other", 5, ("--kind", "other")),
        ("pair", 8, ("--two-sided",)),
        ("scene", 14, ("--scenes",)),
    )
    found: list[Path] = []
    for name, count, flags in made:
        out = folder / "photos" / name
        run("render", "--count", str(count), "--seed", "77", "--out", out, *flags)
        found += sorted(out.glob("*.png"))
    return found


def record_classify(folder: Path) -> list[dict[str, Any]]:
    """Every verdict of the five classifiers, without the time it took."""
    photos = render_photos(folder)
    assert len(photos) == 60
    lines = run("classify", *photos, "--classifier", "all", "--json").splitlines()
    answers = [json.loads(line) for line in lines]
    for answer in answers:
        del answer["seconds"]
        photo = Path(answer["photo"])
        answer["photo"] = f"{photo.parent.name}/{photo.name}"
    return answers


def record_catalog(folder: Path) -> dict[str, Any]:
    """Import, crop, label, freeze and export, with what lies in the export."""
    from coin_core.catalog import CatalogFace, RotatedBox, open_catalog

    photos = folder / "photos"
    run("import", photos / "legend", photos / "pair", "--labels", "none", "--who", WHO)
    catalog = open_catalog()
    rulers = ("john_hyrcanus_i", "judah_aristobulus_i", "alexander_jannaeus")
    for photo_id in range(1, 31):
        catalog.edits.set_ruler([photo_id], rulers[photo_id % 3], who=WHO)
    box = RotatedBox(left=0.2, top=0.25, right=0.75, bottom=0.8, turn_deg=15.0)
    catalog.edits.set_faces(2, [CatalogFace(box=box)], who=WHO)
    catalog.edits.exclude([5], "wrong_coin", who=WHO)
    catalog.reviews.add(7, rulers[0], who=WHO)
    catalog.edits.set_ruler([9], None, who=WHO)
    catalog.edits.undo(who=WHO)
    frozen = json.loads(run("dataset", "freeze", "v1", "--who", WHO, "--json"))
    export = folder / "export"
    run("dataset", "export", export, "--version", "v1", "--form", "imagefolder")
    faces = {
        str(photo_id): [
            [getattr(face.box, name) for name in type(face.box).__slots__]
            + [face.side and str(face.side)]
            for face in catalog.photos.faces(photo_id)
        ]
        for photo_id in range(1, 33)
    }
    catalog.close()
    return {
        "faces": faces,
        "frozen": {k: v for k, v in frozen.items() if "at" not in k.split("_")},
        "export": {
            str(path.relative_to(export)): describe_file(path)
            for path in sorted(export.rglob("*"))
            if path.is_file()
        },
    }


def describe_file(path: Path) -> Any:
    """The sha256 of a file, or the rows of a table without dates."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        return [{k: v for k, v in row.items() if v[:2] != "20"} for row in rows]
    if path.suffix in (".json", ".txt", ".md"):
        return "text"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def record_training(folder: Path) -> dict[str, Any]:
    """One seeded tiny training of a net, of a feature classifier, and their answers."""
    coins = folder / "coins"
    run("render", "--count", "30", "--seed", "5", "--out", coins, "--folders")
    options = ("--data", coins, "--folds", "2", "--seed", "1", "--json")
    told: dict[str, Any] = {}
    for name, more in (
        ("resnet", ("--epochs", "2", "--size-px", "64")),
        ("svm", ()),
        ("mlp", ("--epochs", "5")),
    ):
        bundle = folder / f"golden-{name}"
        report = run("train", name, *options, *more, "--out", bundle)
        line = run("evaluate", "--data", coins, "--model", bundle, "--json")
        card = json.loads((bundle / "card.json").read_text())
        told[name] = {
            "report": json.loads(report),
            "evaluate": json.loads(line),
            "temperature": card.get("temperature"),
            "threshold": card.get("threshold"),
        }
    return told


def record_study(folder: Path) -> Any:
    """Three of the study's experiments at tiny size."""
    out = folder / "study"
    run(
        *("study", folder / "coins", "--out", out, "--folds", "2", "--epochs", "1"),
        *("--size-px", "64", "--only", "knn", "alexnet", "resnet-frozen-plain"),
    )
    text = (out / "study.json").read_text() if (out / "study.json").exists() else None
    return {
        "files": sorted(path.name for path in out.iterdir() if path.is_file()),
        "table": [
            line
            for line in (out / "study.md").read_text().splitlines()
            if line.startswith("|")
        ],
        "json": text,
    }


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
