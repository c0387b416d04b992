"""An export as one file: what stays where it is not finished."""

import os
import zipfile

import numpy as np
import pytest

from coin_core.catalog import PhotoRecord
from coin_core.catalog.exporting import package
from coin_core.errors import CatalogError, JobStoppedError
from coin_core.jobs import Job, JobKind, hold_job

RECORD = PhotoRecord(extension="png", width_px=64, height_px=64)


@pytest.fixture
def job(catalog, encode_photo, monkeypatch):
    """An export of three photos as COCO."""
    monkeypatch.setattr(package, "open_catalog", lambda: catalog)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no waiting for the disk
    for number in range(3):
        data = encode_photo(np.full((64, 64, 3), number, np.uint8))
        catalog.photos.add(data, RECORD, [], who="ada")
    arguments = ("", "coco", "False", "True")
    return Job(job_id="a", kind=JobKind.EXPORT, title="a", arguments=arguments)


def run(job):
    with hold_job(job):
        package.main(job.arguments)


def exported(job):
    return sorted(path.name for path in job.folder.glob("*coins*"))


def test_a_folder_is_packed_and_the_disk_holds_it_once(job):
    run(job)
    assert exported(job) == ["coins-all-coco.zip"]
    with zipfile.ZipFile(job.folder / "coins-all-coco.zip") as archive:
        names = archive.namelist()
    assert len([name for name in names if "/images/" in name]) == 3


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (JobStoppedError("It was stopped."), JobStoppedError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(28, "No space left on device"), CatalogError),
    ],
)
def test_of_an_export_that_ends_while_it_is_packed_nothing_stays(
    job, monkeypatch, fault, raised
):
    write = zipfile.ZipFile.write
    written = []

    def fail_at_the_second(archive, path, *rest):
        written.append(path)
        if len(written) == 2:
            raise fault
        write(archive, path, *rest)

    monkeypatch.setattr(zipfile.ZipFile, "write", fail_at_the_second)
    with pytest.raises(raised):
        run(job)
    assert exported(job) == []
