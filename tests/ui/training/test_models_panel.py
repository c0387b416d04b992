"""The Models part of the training page."""

from __future__ import annotations

import io
import shutil
import zipfile

from streamlit.testing.v1 import AppTest

from coin_core import access
from coin_core.access import Person, Role
from coin_core.i18n import speaking
from coin_core.model_store import bundle
from coin_core.model_store.promotion import promote, promoted, roll_back
from tests.ui.training.history_page import CLASSES, PAGE
from ui.formatting import full_title


def _panel() -> None:
    from ui.training.models_panel import show_models

    show_models()


def open_panel() -> AppTest:
    page = AppTest.from_function(_panel, default_timeout=120).run()
    assert not page.exception
    return page


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in (bundle.WEIGHTS_DIR / name).iterdir():
            archive.write(path, path.name)
    return file.getvalue()


def may_undo(page: AppTest) -> bool:
    return any(button.key == "model_roll_back" for button in page.button)


def said(page: AppTest) -> str:
    parts = (*page.text, *page.error, *page.success, *page.caption)
    return " ".join(part.value for part in parts)


def test_a_bundle_is_added_from_a_zip_file():
    page = open_panel()
    page.file_uploader[0].upload("mine.zip", zipped("vgg"), "application/zip")
    page.text_input[0].set_value("mine")
    page.button[-1].click().run()
    assert not page.exception
    assert "mine is installed" in said(page)
    assert bundle.load_card(bundle.models_dir() / "mine").classifier == "vgg"


def test_what_is_no_bundle_is_refused_with_a_sentence():
    page = open_panel()
    page.file_uploader[0].upload("mine.zip", b"no archive", "application/zip")
    page.button[-1].click().run()
    assert not page.exception
    assert "is no ZIP file" in said(page)
    assert not bundle.models_dir().exists()


def test_a_model_is_activated_deactivated_and_the_choice_undone():
    page = open_panel()
    assert "resnet: ResNet-18 (shipped), active" in said(page)
    assert not may_undo(page), "there was no choice"
    page.button(key="activate_svm").click().run()
    assert promoted() == "svm"
    page.button(key="deactivate_svm").click().run()
    assert promoted() is None
    page.button(key="model_roll_back").click().run()
    assert promoted() == "svm"
    page.button(key="model_roll_back").click().run()
    assert not page.exception
    assert promoted() is None
    assert not may_undo(page), "all is undone"


def test_an_undo_that_somebody_else_has_done_meanwhile_changes_nothing():
    promote("svm")
    page = open_panel()
    roll_back()
    page.button(key="model_roll_back").click().run()
    assert not page.exception
    assert promoted() is None
    assert not may_undo(page)


def test_a_model_of_ones_own_is_named_in_hebrew(monkeypatch):
    own = bundle.Card(
        name="mine", classifier="svm", title="SVM, folder dig 4", classes=CLASSES
    )
    folder = bundle.models_dir() / "mine"
    info = bundle.BundleInfo(name="mine", folder=folder, card=own)
    found, problems = bundle.discover()
    monkeypatch.setattr(bundle, "discover", lambda: ((*found, info), problems))
    page = AppTest.from_file(str(PAGE), default_timeout=120)
    page.query_params["lang"] = "he"
    page.run()
    assert not page.exception
    with speaking("he"):
        title = full_title(own)
    assert "folder" not in title
    assert any(f"mine: {title}" in part.value for part in page.text)


def test_a_broken_model_does_not_take_over():
    folder = bundle.models_dir() / "svm"
    shutil.copytree(bundle.WEIGHTS_DIR / "svm", folder)
    (folder / bundle.ESTIMATOR_FILE).write_bytes(b"broken")
    page = open_panel()
    page.button(key="activate_svm").click().run()
    assert not page.exception
    assert "svm" in page.error[0].value
    assert promoted() is None


def test_a_reader_sees_the_models_and_changes_none(monkeypatch):
    promote("svm")
    reader = Person(name="Ruth", role=Role.READER)
    monkeypatch.setattr(access, "_find_person", lambda: reader)
    page = open_panel()
    assert "svm" in said(page)
    assert "you need the role admin" in said(page)
    assert not page.button
