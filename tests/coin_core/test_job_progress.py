"""The progress of the four kinds of jobs, as the code that does the work reports it."""

import json
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from coin_core.catalog import open_catalog
from coin_core.catalog.exporting import package
from coin_core.cli.main import main
from coin_core.jobs import Job, JobKind, find_job, hold_job, list_jobs
from coin_core.training import cross_validation, pretraining
from coin_core.training.rendered_dataset import Round, Schedule
from coin_core.training.runs import runs_dir, start_run

CLASSES = ("a", "b", "c")


def write_photos(folder, count):
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def a_job(kind=JobKind.TRAINING):
    return Job(job_id="x", kind=kind, title="x", arguments=())


def progress_file(job_id):
    return json.loads((find_job(job_id).folder / "progress.json").read_text())


def test_a_training_counts_epochs_of_all_folds():
    rng = np.random.default_rng(0)
    y = np.array([CLASSES[i % 3] for i in range(24)])
    X = rng.normal(size=(24, 8)).astype(np.float32)
    with hold_job(a_job()):
        run = start_run({"classifier": "mlp"})
        cross_validation.fit_classifier(
            "mlp", X, y, np.arange(24), classes=CLASSES, folds=2, epochs=3, run=run
        )
        progress = find_job("x").progress()
        assert (progress.done, progress.total, progress.unit) == (9, 9, "epoch")
        assert progress.words == "last fit, on all coins"
        assert progress.details["run"] == run.run_id
        run.finish({})


def test_a_training_on_rendered_coins_counts_coins():
    plan = Schedule(
        rounds=(Round(coins=8, batch=4),), validations=2, validation_coins=4
    )
    with hold_job(a_job()):
        pretraining.pretrain({"resnet": runs_dir() / "a"}, schedule=plan, workers=0)
        progress = find_job("x").progress()
    assert (progress.done, progress.total) == (8, 8)
    assert progress.text == "training resnet on rendered coins: 8 of 8 coins"
    assert progress.seconds == 0


def test_an_import_and_an_export_count_photos(tmp_path):
    write_photos(tmp_path / "in", 3)
    (tmp_path / "in" / "3.png").write_bytes(b"no photo")
    assert main(["import", str(tmp_path / "in"), "--who", "ada"]) == 1
    [job] = list_jobs(JobKind.IMPORT)
    assert job.state == "done", "although a photo failed"
    raw = progress_file(job.job_id)
    assert (raw["done"], raw["total"]) == (4, 4)
    assert "4 of 4 photos" in raw["words"]
    with hold_job(a_job(JobKind.EXPORT)):
        assert package.main(["", "zip", "False", "False"]) == 0
    progress = find_job("x").progress()
    assert progress.text == "exporting: 3 of 3 photos"
    assert progress.details["photos"] == 3
    assert (find_job("x").folder / progress.details["file"]).exists()
    open_catalog().close()


@pytest.mark.parametrize("kind", ["photos", "demo"])
def test_an_import_of_the_version_before_is_listed_and_resumed(
    kind, tmp_path, monkeypatch
):
    from coin_core.catalog.importing import ingest, ledger

    write_photos(tmp_path / "in", 3)
    catalog = open_catalog()
    if kind == "photos":
        steps = ingest.import_photos(
            catalog, [tmp_path / "in"], who="ada", stop=lambda: True
        )
    else:
        steps = ingest.make_demo(catalog, 3, stop=lambda: True)
    *_, last = steps
    job = find_job(ledger.job_id(last.import_id))
    (job.folder / "job.json").unlink()  # that version kept no jobs
    assert list_jobs() == []
    ledger.adopt_unfinished(catalog)
    assert list_jobs() == []  # somebody may be adding it at this moment
    monkeypatch.setattr(ledger, "_JUST_ADDED", timedelta())
    ledger.adopt_unfinished(catalog)
    [adopted] = list_jobs()
    assert adopted.can_resume
    assert (adopted.module, adopted.arguments) == (job.module, job.arguments)
    assert main(list(adopted.arguments)) == 0
    assert ledger.progress_of(catalog, last.import_id).done == 3
    assert list_jobs()[0].state == "done"
    catalog.close()


def test_an_import_that_is_being_added_is_not_shown_as_interrupted(monkeypatch):
    from coin_core.catalog.importing import ledger

    catalog = open_catalog()
    import_id = ledger.create(catalog, "photos", {})
    assert ledger.progress_of(catalog, import_id).state == "running"
    monkeypatch.setattr(ledger, "_JUST_ADDED", timedelta())
    assert ledger.progress_of(catalog, import_id).state == "stopped"
    catalog.close()
