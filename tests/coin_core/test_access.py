"""Roles: a change is refused where it is made, not only where it is shown."""

from __future__ import annotations

import getpass
import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from coin_core import access, jobs, recycle_bin
from coin_core.access import RIGHTS, Person, Right, Role, acting_as, role_of
from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CoinFacts,
    PhotoRecord,
    Prediction,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.catalog.exporting.package import start_export
from coin_core.catalog.importing import ingest
from coin_core.catalog.scrape_jobs import ScrapeOrder, start_scrape
from coin_core.catalog.versions import freeze
from coin_core.errors import CatalogError, NotAllowedError
from coin_core.jobs import Job, JobKind
from coin_core.model_store import promotion
from coin_core.storage import data_dir
from coin_core.training.runs import Run, start_run

FACE = CatalogFace(
    box=RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9), side=Side.LEGEND
)


def picture(grey: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((40, 40, 3), grey, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def record(is_rendered: bool = False) -> PhotoRecord:
    return PhotoRecord(
        extension="png",
        width_px=40,
        height_px=40,
        is_rendered=is_rendered,
        coin=CoinFacts(ruler_attributed="john_hyrcanus_i"),
    )


class Place:
    """A data folder with something to change of every kind."""

    def __init__(self) -> None:
        self.catalog: Catalog = open_catalog()
        self.catalog.photos.add(picture(10), record(), [FACE], who="import")
        self.catalog.photos.add(picture(20), record(), [FACE], who="import")
        self.catalog.photos.add(picture(30), record(True), [FACE], who="import")
        for name, ruler in zip(Role, ("alexander_jannaeus", None, "antigonus")):
            for notes in ("done", "undone"):  # something to undo and to redo
                self.catalog.edits.edit_coin(1, {"notes": f"{name} {notes}"}, who=name)
                self.catalog.edits.set_ruler([1], ruler, who=name)
            self.catalog.edits.undo(who=name)
        self.catalog.edits.exclude([2], "duplicate", who="Dora")
        self.run: Run = start_run({"classifier": "svm"})
        self.run.release()
        gone = start_run({"classifier": "knn"})
        gone.release()
        gone.delete()
        self.binned = recycle_bin.list_bin()[0].item_id
        with acting_as(Person(name="Carl")):
            self.job = jobs.add_job(JobKind.IMPORT, "of Carl", ())

    def state(self) -> tuple[Any, ...]:
        """Everything that is kept: the bytes of files, and the rows of tables."""
        files = {
            path.relative_to(data_dir()).as_posix(): path.read_bytes()
            for path in data_dir().rglob("*")
            if path.is_file()
            and "catalog.sqlite" not in path.name
            and path.suffix != ".lock"
            and path.name != "lock"
        }
        with closing(sqlite3.connect(data_dir() / "catalog.sqlite")) as connection:
            return files, tuple(connection.iterdump())


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(jobs, "start_waiting", lambda: None)
    monkeypatch.setattr(promotion, "find_bundle", lambda name: Path(name))
    made = Place()
    yield made
    made.catalog.close()


def order() -> ScrapeOrder:
    return ScrapeOrder(source="commons", query="prutah", who="x")


def prediction() -> Prediction:
    return Prediction(
        photo_id=1,
        classifier="svm",
        model_digest="0" * 64,
        probabilities={"john_hyrcanus_i": 0.9},
        ruler="john_hyrcanus_i",
    )


def a_job(kind: JobKind) -> Callable[[Place, str], object]:
    return lambda place, who: jobs.add_job(kind, "a job", ())


# What each right is asked for: everything that a page can set off.
DOORS: dict[str, tuple[Right, Callable[[Place, str], object]]] = {
    "set_ruler": (
        Right.LABEL,
        lambda p, who: p.catalog.edits.set_ruler([1], None, who=who),
    ),
    "exclude": (
        Right.LABEL,
        lambda p, who: p.catalog.edits.exclude([1], "duplicate", who=who),
    ),
    "restore": (Right.LABEL, lambda p, who: p.catalog.edits.restore([2], who=who)),
    "edit_photos": (
        Right.LABEL,
        lambda p, who: p.catalog.edits.edit_photos({1: {"source": "x"}}, who=who),
    ),
    "edit_coin": (
        Right.LABEL,
        lambda p, who: p.catalog.edits.edit_coin(1, {"notes": "x"}, who=who),
    ),
    "group": (
        Right.LABEL,
        lambda p, who: p.catalog.edits.group_coins([1, 2], who=who),
    ),
    "ungroup": (Right.LABEL, lambda p, who: p.catalog.edits.ungroup([1], who=who)),
    "review": (
        Right.LABEL,
        lambda p, who: p.catalog.reviews.add(1, "john_hyrcanus_i", who=who),
    ),
    "undo": (Right.LABEL, lambda p, who: p.catalog.edits.undo(who=who)),
    "redo": (Right.LABEL, lambda p, who: p.catalog.edits.redo(who=who)),
    "predict": (
        Right.LABEL,
        lambda p, who: p.catalog.predictions.add([prediction()]),
    ),
    "suspect": (
        Right.LABEL,
        lambda p, who: p.catalog.predictions.mark_label_issues({1: 0.9}),
    ),
    "reverse": (
        Right.LABEL,
        lambda p, who: p.catalog.edits.reverse(
            p.catalog.edits.history(2)[-1].group_id, who=who
        ),
    ),
    "crop": (
        Right.CROP,
        lambda p, who: p.catalog.edits.set_faces(1, [], who=who),
    ),
    "uncrop": (Right.CROP, lambda p, who: p.catalog.edits.reset_faces([1], who=who)),
    "freeze": (Right.FREEZE, lambda p, who: freeze(p.catalog, "v1", who=who)),
    "add": (
        Right.IMPORT,
        lambda p, who: p.catalog.photos.add(picture(40), record(), [], who=who),
    ),
    "upload": (
        Right.IMPORT,
        lambda p, who: ingest.stage_uploads(p.catalog, [("a.png", picture(1))]),
    ),
    "import": (
        Right.IMPORT,
        lambda p, who: ingest.start_import_process(p.catalog, [data_dir()], who=who),
    ),
    "strike": (Right.IMPORT, lambda p, who: ingest.start_demo_process(p.catalog)),
    "export": (
        Right.EXPORT,
        lambda p, who: start_export(
            version=None, form="csv", free_only=False, keep_notes=False
        ),
    ),
    "gather": (Right.GATHER, lambda p, who: start_scrape(p.catalog, order())),
    "train": (Right.TRAIN, a_job(JobKind.TRAINING)),
    "note": (Right.TRAIN, lambda p, who: p.run.set_note("x")),
    "promote": (Right.PROMOTE, lambda p, who: promotion.promote("svm")),
    "demote": (Right.PROMOTE, lambda p, who: promotion.demote()),
    "remove": (Right.DELETE, lambda p, who: p.catalog.photos.remove([3], who=who)),
    "remove demo": (Right.DELETE, lambda p, who: ingest.remove_demo(p.catalog)),
    "delete run": (Right.DELETE, lambda p, who: p.run.delete()),
    "restore run": (Right.DELETE, lambda p, who: recycle_bin.restore(p.binned)),
    "empty bin": (Right.DELETE, lambda p, who: recycle_bin.empty_bin()),
    "stop": (Right.MANAGE_JOBS, lambda p, who: jobs.stop_job(p.job.job_id)),
    "start": (Right.MANAGE_JOBS, lambda p, who: jobs.start_job(p.job)),
    "forget": (Right.MANAGE_JOBS, lambda p, who: jobs.forget_job(p.job.job_id)),
}


def test_every_right_has_a_door() -> None:
    assert {right for right, _ in DOORS.values()} == set(Right)


@pytest.mark.parametrize("role", Role)
def test_a_role_does_what_it_may_and_changes_nothing_else(
    place: Place, role: Role
) -> None:
    person = Person(name=role, role=role)
    for name, (right, action) in DOORS.items():
        if right in RIGHTS[role]:
            continue
        before = place.state()
        with acting_as(person), pytest.raises(NotAllowedError, match=f"is {role}: to"):
            action(place, person.name)
        assert place.state() == before, name


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ADMIN])
def test_what_a_role_may_is_done(place: Place, role: Role) -> None:
    """Nothing above is refused for another reason than the role."""
    with acting_as(Person(name=role, role=role)):
        for name, (right, action) in DOORS.items():
            if right in RIGHTS[role]:
                before = place.state()
                action(place, role)
                # These find nothing to do after the others.
                assert place.state() != before or name in ("remove demo", "ungroup")


def test_an_editor_stops_the_own_job_but_not_that_of_another(place: Place) -> None:
    with acting_as(Person(name="Anna", role=Role.EDITOR)):
        own = jobs.add_job(JobKind.IMPORT, "of Anna", ())
        assert jobs.may_change(own)
        assert not jobs.may_change(place.job)
        jobs.stop_job(own.job_id)
        with pytest.raises(NotAllowedError, match="other people's jobs"):
            jobs.stop_job(place.job.job_id)
        jobs.resume_job(own.job_id)
        jobs.forget_job(own.job_id)
    # An import of the same number that somebody starts again stays its owner's.
    with acting_as(Person(name="Root", role=Role.ADMIN)):
        jobs.start_job(place.job)
    found = jobs.find_job(place.job.job_id)
    assert found is not None
    assert found.who == "Carl"


def test_a_job_of_an_older_version_is_nobodys(place: Place) -> None:
    path = place.job.folder / "job.json"
    path.write_text(path.read_text().replace('"who": "Carl",', ""))
    found = jobs.find_job(place.job.job_id)
    assert found is not None
    assert found.who == ""
    with acting_as(Person(name="Carl", role=Role.EDITOR)):
        assert not jobs.may_change(found)


@pytest.mark.parametrize(
    ("admins", "editors", "name", "role"),
    [
        ("", "", "anna", Role.READER),
        ("anna", "", "anna", Role.ADMIN),
        ("ben, anna ,", "", "anna", Role.ADMIN),
        ("Anna", "", "anna", Role.READER),
        ("ann", "annabel", "anna", Role.READER),
        ("", "anna", "anna", Role.EDITOR),
        ("anna", "*", "anna", Role.ADMIN),
        ("anna", "*", "ben", Role.EDITOR),
        ("*", "ben", "ben", Role.ADMIN),
        ("anna", "*", "", Role.READER),
        (",", ",", "", Role.READER),
    ],
)
def test_the_environment_gives_roles(
    monkeypatch: pytest.MonkeyPatch, admins: str, editors: str, name: str, role: Role
) -> None:
    monkeypatch.setenv(access.ADMINS, admins)
    monkeypatch.setenv(access.EDITORS, editors)
    assert role_of(name) is role


def test_a_command_acts_as_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_find_person", access.operator)
    assert access.current_person() == Person(name=getpass.getuser(), role=Role.ADMIN)
    assert Job(job_id="a", kind=JobKind.IMPORT, title="", arguments=()).who
    monkeypatch.setattr(getpass, "getuser", lambda: {}["no user of that number"])
    assert access.operator().name == "command line"


def test_the_actions_of_one_visit_begin_alike(place: Place) -> None:
    with acting_as(Person(name="Anna", visit="abcdef012345")):
        place.catalog.edits.set_ruler([1], None, who="Anna")
    place.catalog.edits.set_ruler([2], None, who="Anna")
    groups = {edit.entity_id: edit.group_id for edit in place.catalog.edits.history(1)}
    later = place.catalog.edits.find_next(who="Anna", undo=True)
    assert groups[1].startswith("abcdef012345")
    assert later is not None
    assert not later.group_id.startswith("abcdef012345")
    assert len(later.group_id) == len(groups[1]) == 32


def test_an_undo_reverts_only_what_was_looked_at(place: Place) -> None:
    place.catalog.edits.set_ruler([1], None, who="Anna")
    looked_at = place.catalog.edits.find_next(who="Anna", undo=True)
    assert looked_at is not None
    place.catalog.edits.set_ruler([2], None, who="Anna")
    with pytest.raises(CatalogError, match="something else since"):
        place.catalog.edits.undo(who="Anna", expected=looked_at.group_id)
    place.catalog.edits.undo(who="Anna")
    done = place.catalog.edits.undo(who="Anna", expected=looked_at.group_id)
    assert done is not None
    assert done.group_id == looked_at.group_id
