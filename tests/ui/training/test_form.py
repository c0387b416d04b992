from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.catalog import Catalog, CoinFacts, PhotoRecord
from coin_core.catalog.versions import freeze
from coin_core.errors import CoinError, TrainingDataError
from coin_core.jobs import Job, JobKind, JobState, list_jobs
from coin_core.model_store import bundle
from coin_core.training.data_roots import VARIABLE, collections_dir, count_coins
from tests.ui.dataset.dataset_page import a_photo
from tests.ui.training.history_page import (
    CLASSES,
    PAGE,
    button,
    open_page,
    words_of,
)
from ui.training import form
from ui.training.form import add_training, memory_note, reading_note

NUMBERS = {"train_folds": 3, "train_seed": 7, "train_epochs": 9, "train_patience": 2}


def test_an_empty_history_offers_a_training() -> None:
    page = open_page()
    assert "No training has been run" in words_of(page)
    assert button(page, "Start training").disabled


def test_what_was_chosen_is_there_after_a_look_at_another_page(
    empty: Catalog,
) -> None:
    put_collection()
    page = AppTest.from_file(str(PAGE.parents[1] / "Home.py"), default_timeout=60).run()
    page.switch_page("pages/3_Training_history.py").run()
    page.selectbox(key="train_classifier").set_value("vgg").run()
    page.text_input(key="train_name").set_value("mine")
    for name, value in NUMBERS.items():
        page.number_input(key=name).set_value(value)
    page.checkbox(key="train_weights").uncheck()
    page.checkbox(key="train_frozen").check().run()
    page.selectbox(key="train_start_vgg_photo").set_value("scratch").run()
    page.radio(key="train_data").set_value("The dataset").run()
    page.switch_page("Home.py").run()
    page.switch_page("pages/3_Training_history.py").run()
    assert not page.exception
    assert page.selectbox(key="train_classifier").value == "vgg"
    assert page.text_input(key="train_name").value == "mine"
    assert {name: page.number_input(key=name).value for name in NUMBERS} == NUMBERS
    assert not page.checkbox(key="train_weights").value
    assert page.checkbox(key="train_frozen").value
    assert page.selectbox(key="train_start_vgg_photo").value == "scratch"
    assert page.radio(key="train_data").value == "The dataset"


def test_a_kind_of_data_that_a_classifier_cannot_learn_from_is_not_kept() -> None:
    page = open_page()
    page.radio(key="train_data").set_value("Rendered coins").run()
    page.number_input(key="train_coins").set_value(500)
    page.number_input(key="train_seed").set_value(3).run()
    page.selectbox(key="train_classifier").set_value("alexnet").run()
    assert not page.exception
    assert page.radio(key="train_data").value != "Rendered coins"
    page.selectbox(key="train_classifier").set_value("vgg").run()
    assert not page.exception


def put_collection() -> Path:
    folder = collections_dir() / "dig 4"
    for name, count in (("anchor", 8), ("wreath", 5), ("empty", 0)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            (folder / name / f"{i}.jpg").write_bytes(b"a photo")
    return folder


def test_without_a_folder_the_page_says_where_to_put_one(tmp_path: Path) -> None:
    page = open_page()
    assert str(collections_dir()) in words_of(page)
    assert VARIABLE in words_of(page), "and why no other folder can be named"
    assert not [box for box in page.text_input if box.key == "train_folder"]


def test_a_folder_is_checked_and_its_training_queued() -> None:
    folder = put_collection()
    page = open_page()
    assert "anchor: 8 photos" in words_of(page)
    assert "no photo inside: empty" in words_of(page)
    assert "Fewer than 30 coins" in words_of(page)
    button(page, "Start training").click().run()
    assert not page.exception
    (job,) = list_jobs()
    assert job.arguments[:4] == ("train", "resnet", "--data", str(folder.resolve()))
    assert job.state is JobState.WAITING
    assert "waits for its turn" in words_of(page)
    button(page, "Remove from queue").click().run()
    assert list_jobs()[0].state is JobState.STOPPED
    button(page, "Resume").click().run()
    assert list_jobs()[0].state is JobState.WAITING


def test_a_training_that_cannot_work_is_refused_with_the_counts() -> None:
    folder = put_collection()
    (folder / "wreath" / "4.jpg").unlink()
    page = open_page()
    button(page, "Start training").click().run()
    assert not page.exception
    (error,) = page.error
    assert "at least 5 coins of each class" in error.value
    assert "anchor: 8, wreath: 4" in error.value
    assert list_jobs() == []
    next(box for box in page.number_input if box.label == "Folds").set_value(4).run()
    button(page, "Start training").click().run()
    assert len(list_jobs()) == 1


@pytest.mark.parametrize(
    ("name", "bundle"),
    [
        ("mine", "mine"),
        ("_my best!", "my-best"),
        ("כסף מהגליל", "כסף-מהגליל"),
        (" ", "svm-rendered-[0-9a-f]+"),
        *((name, f"{name}-[0-9a-f]+") for name in ("resnet", "Faces", "together")),
    ],
)
def test_a_training_makes_a_model_of_a_free_name(name: str, bundle: str) -> None:
    job = add_training("svm", "rendered", "scratch", [], name)
    assert re.fullmatch(bundle, Path(job.arguments[-1]).name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my coins!", "It becomes my-coins: a name has"),
        ("γνῶσις", "Choose another one, or leave the field empty."),
        ("כסף-1", ""),
        ("", ""),
    ],
)
def test_what_becomes_of_a_name_is_said_below_it(name: str, said: str) -> None:
    page = open_page()
    page.text_input(key="train_name").set_value(name).run()
    words = words_of(page)
    assert said in words
    assert ("Latin and Hebrew letters" in words) is bool(said)


def test_a_name_of_which_nothing_can_be_kept_is_refused() -> None:
    with pytest.raises(CoinError, match="Choose another one"):
        add_training("svm", "rendered", "scratch", [], "γνῶσις")
    assert list_jobs() == []


def test_trainings_queued_under_one_name_at_once_make_two_models(monkeypatch) -> None:
    def look_and_wait(kind: JobKind) -> list[Job]:
        found = list_jobs(kind)
        time.sleep(0.3)  # the others look as well
        return found

    monkeypatch.setattr(form, "list_jobs", look_and_wait)
    arguments = ("svm", "rendered", "scratch", [], "mine")
    with ThreadPoolExecutor(3) as visitors:
        several = [visitors.submit(add_training, *arguments) for _ in range(3)]
    names = {Path(each.result().arguments[-1]).name for each in several}
    assert len(names) == 3
    assert "mine" in names


def test_photos_of_one_coin_count_once(tmp_path: Path) -> None:
    folder = put_collection()
    for i in range(9):  # three photos each of three coins more
        (folder / "wreath" / f"coin {i // 3}__{i}.jpg").write_bytes(b"a photo")
    assert count_coins(folder) == {"anchor": 8, "wreath": 8}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("catalog", "Alexander Jannaeus: 3, John Hyrcanus I: 3"),
        ("catalog:spring", "The training split of this version has photos of fewer"),
    ],
)
def test_too_few_coins_of_the_dataset_are_refused_with_the_counts(
    empty: Catalog, data: str, said: str
) -> None:
    for k in range(6):
        ruler = ("john_hyrcanus_i", "alexander_jannaeus")[k % 2]
        record = PhotoRecord(
            extension="png",
            width_px=120,
            height_px=60,
            coin=CoinFacts(ruler_attributed=ruler),
        )
        empty.photos.add(a_photo(40 * k), record, (), who="Anna")
    if data != "catalog":
        hyrcanus = [
            photo.photo_id
            for photo in empty.queries.find().photos
            if photo.ruler == "john_hyrcanus_i"
        ]
        empty.edits.exclude(hyrcanus, "noise", who="Anna")
        freeze(empty, "spring")
    with pytest.raises(TrainingDataError, match=said):
        add_training("resnet", data, "rendered", ["--folds", "5"])
    assert list_jobs() == []


def test_a_training_starts_from_a_model_of_ones_own(monkeypatch) -> None:
    def own_bundle(name: str, classifier: str) -> bundle.BundleInfo:
        card = bundle.Card(
            name=name, classifier=classifier, title=name, classes=CLASSES
        )
        folder = bundle.models_dir() / name
        return bundle.BundleInfo(name=name, folder=folder, card=card)

    own = (own_bundle("museum", "resnet"), own_bundle("portraits", "vgg"))
    monkeypatch.setattr(bundle, "discover", lambda: (own, ()))
    put_collection()
    page = open_page()
    start = next(box for box in page.selectbox if box.label == "Start from")
    assert start.options[-1] == "my model museum"
    start.set_value("museum").run()
    button(page, "Start training").click().run()
    assert list_jobs()[-1].arguments[-3] == "museum"
    page.selectbox(key="train_classifier").set_value("svm").run()
    features = next(box for box in page.selectbox if box.label == "Features of")
    features.set_value("portraits").run()
    button(page, "Start training").click().run()
    assert list_jobs()[-1].arguments[-4:-2] == ("--init", "portraits")


def test_of_rulers_a_net_learns_the_letters_and_the_form_says_so(
    tmp_path: Path,
) -> None:
    for name, labels in {
        "ours": ("john_hyrcanus_i", "alexander_jannaeus"),
        "others": ("john_hyrcanus_i", "anchor"),
    }.items():
        for label in labels:
            (tmp_path / name / label).mkdir(parents=True)
            (tmp_path / name / label / "1.jpg").touch()
    ours, others = str(tmp_path / "ours"), str(tmp_path / "others")
    for classifier in ("resnet", "vgg"):
        assert "read these coins" in reading_note(classifier, ours, "rendered", [])
        assert reading_note(classifier, others, "rendered", []) == ""
        assert reading_note(classifier, ours, "scratch", []) == ""
        assert reading_note(classifier, ours, "rendered", ["--frozen"]) == ""
    assert "If all classes" in reading_note("vgg", "catalog", "rendered", [])
    for classifier, data in (("svm", ours), ("alexnet", ours), ("vgg", "rendered")):
        assert reading_note(classifier, data, "rendered", []) == ""


def test_the_memory_of_a_training_is_said_before_it_starts(tmp_path: Path) -> None:
    for ruler in ("one", "two"):
        (tmp_path / ruler).mkdir()
        for number in range(1000):
            (tmp_path / ruler / f"{number}.jpg").touch()
    note = memory_note("resnet", "catalog", keeps_maps=True)
    assert "about 1.6 GB of memory. 1,000 photos take 0.8 GB more" in note
    assert "takes about 2.5 GB of memory." in memory_note("vgg", str(tmp_path))
    # Few photos are learned from in more views each.
    assert "1,000 photos take 1.5 GB more" in memory_note("vgg", "catalog")
    maps = memory_note("vgg", str(tmp_path), keeps_maps=True)
    assert "takes about 2.5 GB of memory." in maps
    assert "has not been measured" in memory_note("alexnet", "catalog")
    assert "has not been measured" in memory_note("resnet", "rendered")
