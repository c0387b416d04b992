"""The program answers as it did, and opens the data folder of the version before.

expected.json is the part of a recording of `outputs.py` that does not depend on the
processor. After an intended change of answers, record again and run

    python tests/golden/test_golden.py RECORDING.json
"""

from __future__ import annotations

import json
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOLERANCE = 0.02
NEAR = 0.05  # answers this near to a threshold may change on another processor

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("golden")]


def load(name: str) -> Any:
    spec = spec_from_file_location(f"golden_{name}", HERE / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reduce_recording(recording: dict[str, Any]) -> dict[str, Any]:
    """What must be the same on every processor, but for `TOLERANCE`."""
    catalog = recording["catalog"]
    columns = ("file", "coin_id", "ruler", "split", "status")
    labels = [
        [row.get(name) for name in columns] for row in catalog["export"]["labels.csv"]
    ]
    svm = recording["train"]["svm"]
    return {
        "verdicts": {
            f"{answer['photo']} {answer['classifier']}": {
                "answer": answer["ruler"] or answer["reason"],
                "sides": [face["side"] for face in answer["faces"]],
                "probabilities": {
                    name: round(p, 3) for name, p in answer["probabilities"].items()
                },
            }
            for answer in recording["classify"]
        },
        "frozen": {k: v for k, v in catalog["frozen"].items() if k != "digest"},
        "exported": sorted(catalog["export"]),
        "labels": labels,
        "svm": {"n": svm["report"]["n"], "confusion": svm["evaluate"]["confusion"]},
        "study": [line.split("|")[1].strip() for line in recording["study"]["table"]],
    }


def is_near_threshold(verdict: dict[str, Any], threshold: float) -> bool:
    return any(abs(p - threshold) < NEAR for p in verdict["probabilities"].values())


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """The data folder that the version before wrote."""
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    with zipfile.ZipFile(HERE / "installation.zip") as archive:
        archive.extractall(tmp_path / "data")
    return tmp_path / "data"


def test_the_answers_are_those_of_before(tmp_path, monkeypatch):
    outputs, compare = load("outputs"), load("compare")
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    recording = {
        "classify": outputs.record_classify(tmp_path),
        "catalog": outputs.record_catalog(tmp_path),
        "train": outputs.record_training(tmp_path),
        "study": outputs.record_study(tmp_path),
    }
    expected = json.loads((HERE / "expected.json").read_text("utf-8"))
    answers = reduce_recording(recording)
    assert len(answers["verdicts"]) == 300
    answers["verdicts"] = {k: answers["verdicts"][k] for k in expected["verdicts"]}
    assert not [*compare.differences(expected, answers, TOLERANCE)]


def test_the_catalog_of_before_opens(data_dir):
    from coin_core.catalog import open_catalog
    from coin_core.catalog.versions import list_versions, load_version
    from coin_core.training.catalog_dataset import load_catalog

    catalog = open_catalog()
    [summary] = list_versions(catalog)
    version = load_version(catalog, summary.name)
    assert len(version.items) == 11
    coins = load_catalog(catalog, summary.name)
    assert not coins.unreadable
    assert coins.digest == version.digest or len(coins) == 11
    photos = catalog.photos.get_many(range(1, 13))
    assert len(photos) == 12
    catalog.close()


def test_the_run_of_before_is_listed(data_dir):
    from coin_core.training.runs import list_runs

    [run] = list_runs()
    assert run.run_id == "20261128-190932-knn-0103"
    assert run.config()["classifier"] == "knn"
    assert run.report()["state"] == "done"
    assert run.report()["report"]["n"] == 12


def test_the_model_of_before_classifies(data_dir, run_python):
    [photo, *_] = sorted((data_dir / "photos").glob("*.png"))
    done = run_python(
        *("-m", "coin_core", "classify", photo, "--model", "knn-old", "--json")
    )
    answer = json.loads(done.stdout)
    assert answer["classifier"] == "knn-old"
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_the_waiting_training_of_before_is_in_the_queue(data_dir):
    from coin_core.jobs import JobState, list_jobs

    [job] = list_jobs()
    assert job.title == "kNN on old coins"
    assert job.state is JobState.WAITING
    assert list(job.arguments)[:2] == ["train", "knn"]


def main() -> None:
    recording = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    expected = reduce_recording(recording)
    thresholds = {
        name: json.loads((ROOT / f"weights/{name}/card.json").read_text())["threshold"]
        for name in ("resnet", "vgg", "svm", "knn", "mlp")
    }
    expected["verdicts"] = {
        key: verdict
        for key, verdict in expected["verdicts"].items()
        if not is_near_threshold(verdict, thresholds[key.split()[1]])
    }
    text = json.dumps(expected, sort_keys=True, ensure_ascii=False)
    (HERE / "expected.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
