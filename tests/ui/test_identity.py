"""Who visits: by the header of a proxy, by a log-in, or by a name that is typed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from coin_core import jobs
from coin_core.access import ADMINS, EDITORS, Person, acting_as, operator
from coin_core.catalog import Catalog
from coin_core.jobs import JobKind
from tests.ui.dataset.dataset_page import PAGE, components, words_of
from tests.ui.training import history_page

LOGIN = {"auth": {"client_id": "coins", "cookie_secret": "x" * 32}}


@pytest.fixture
def proxy(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A proxy that names the visitor; anna is an admin, ben is an editor."""
    monkeypatch.setenv(ADMINS, "anna")
    monkeypatch.setenv(EDITORS, "ben")
    before = config.get_option("server.trustedUserHeaders")
    config.set_option("server.trustedUserHeaders", {"X-Forwarded-User": "name"})
    yield
    config.set_option("server.trustedUserHeaders", before)


@pytest.fixture(autouse=True)
def _no_job_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coin_core.jobs.start_waiting", lambda: None)
    monkeypatch.setattr("ui.components.job_panel.start_waiting", lambda: None)


def open_as(page: AppTest, name: str | None, part: str = "browse") -> AppTest:
    page.user = {} if name is None else {"name": name}
    page.run()
    assert not page.exception
    if part != "browse":
        page.button_group(key="dataset_part").set_value(part)
        page.run()
        assert not page.exception
    return page


def dataset_page() -> AppTest:
    return AppTest.from_file(str(PAGE), default_timeout=60)


def keys_of(page: AppTest) -> set[str]:
    return {button.key for button in page.button if button.key}


def sidebar_of(page: AppTest) -> str:
    return " ".join(part.value for part in page.sidebar.text)


def select(page: AppTest, *photo_ids: int) -> None:
    page.session_state["dataset_session"].select(photo_ids)
    page.run()
    assert not page.exception


@pytest.mark.parametrize(
    ("name", "role"), [("anna", "admin"), ("ben", "editor"), ("carl", "reader")]
)
def test_a_proxy_names_the_visitor_who_cannot_type_another(
    proxy: None, catalog: Catalog, name: str, role: str
) -> None:
    page = open_as(dataset_page(), name)
    assert f"Signed in as {name}, {role}" in sidebar_of(page)
    session = page.session_state["dataset_session"]
    session.reviewer = session.typed_name = "Mallory"  # as the browser would send it
    select(page, 1)
    assert "reviewer_asked" not in {field.key for field in page.text_input}
    assert "log_out" not in keys_of(page)
    assert not any("forget" in data for data in components(page))
    if role == "reader":
        assert "set_ruler_john_hyrcanus_i" not in keys_of(page)
        assert "you need the role editor" in words_of(page)
    else:
        page.button(key="set_ruler_alexander_jannaeus").click().run()
        assert not page.exception
        assert catalog.edits.history(1)[-1].who == name


@pytest.mark.parametrize(
    "user", [{}, {"name": None}, {"name": "  "}, {"email": "anna"}]
)
def test_a_stranger_at_the_proxy_sees_nothing(
    proxy: None, catalog: Catalog, user: dict[str, Any]
) -> None:
    page = dataset_page()
    page.user = user
    page.run()
    assert not page.exception
    assert "has not said who you are" in page.error[0].value
    assert not page.button
    assert "dataset_session" not in page.session_state


def test_a_forged_event_of_a_reader_changes_nothing(
    proxy: None, catalog: Catalog
) -> None:
    """The buttons belong to an editor; the events come from a reader."""
    for key, part in (
        ("set_ruler_alexander_jannaeus", "browse"),
        ("crop_all_Turn 90° left", "browse"),
        ("demo_remove", "bring"),
        ("export_prepare", "versions"),
    ):
        page = open_as(dataset_page(), "anna", part)
        if part == "browse":
            select(page, 1, 2)
        before = catalog.edits.history(1)
        page.user = {"name": "carl"}
        page.button(key=key).click().run()
        assert not page.exception
        if (task := page.session_state["dataset_session"].task) is not None:
            task.join(60)
        assert catalog.edits.history(1) == before, key
        assert catalog.queries.progress().total == 12
        assert not jobs.list_jobs()


def call_review() -> None:
    import streamlit as st

    from ui.dataset.review import ReviewQueue, apply_decision
    from ui.dataset.session import dataset_session
    from ui.resources import catalog

    session = dataset_session()
    session.typed_name = "anna"
    for what, value in st.session_state["decisions"]:
        decision = {"photo": 1, "turn": 0, "what": what, "value": value}
        apply_decision(session, catalog(), ReviewQueue(), decision)
        st.text(session.error)


def test_a_forged_decision_of_a_reader_changes_nothing(
    proxy: None, catalog: Catalog
) -> None:
    page = AppTest.from_function(call_review)
    page.session_state["decisions"] = [
        ("ruler", "alexander_jannaeus"),
        ("exclude", "duplicate"),
    ]
    before = catalog.edits.history(1)
    import ui.identity  # noqa: F401

    page.user = {"name": "carl"}
    page.run()
    assert not page.exception
    assert [text.value.partition(":")[0] for text in page.text] == [
        "Your role is reader"
    ] * 2
    assert catalog.edits.history(1) == before
    assert not catalog.reviews.of_photo(1)
    page.user = {"name": "ben"}
    page.run()
    assert [review.reviewer for review in catalog.reviews.of_photo(1)] == ["ben"]


@pytest.mark.parametrize(
    ("name", "trains", "deletes"),
    [("anna", True, True), ("ben", False, False), ("carl", False, False)],
)
def test_the_training_page_by_role(
    proxy: None, name: str, trains: bool, deletes: bool
) -> None:
    run = history_page.make_run()
    page = AppTest.from_file(str(history_page.PAGE), default_timeout=60)
    page.query_params["run"] = [run.run_id]
    open_as(page, name)
    labels = {button.label for button in page.button}
    assert ("Start training" in labels) is trains
    assert ("Delete the run" in labels) is deletes
    (notes,) = [area for area in page.text_area if area.label == "Notes"]
    assert notes.disabled is not trains
    if not trains:
        assert "to train classifiers you need the role admin" in words_of(page)


def test_a_deleted_run_needs_an_admin_even_if_the_button_is_pressed(
    proxy: None,
) -> None:
    run = history_page.make_run()
    page = AppTest.from_file(str(history_page.PAGE), default_timeout=60)
    page.query_params["run"] = [run.run_id]
    open_as(page, "anna")
    page.user = {"name": "ben"}
    page.button(key="delete_now").click().run()
    assert run.folder.is_dir()
    page.user = {"name": "anna"}
    page.run()
    page.button(key="delete_now").click().run()
    assert not run.folder.is_dir()


def show_imports() -> None:
    import ui.identity  # noqa: F401
    from coin_core.jobs import JobKind
    from ui.components.job_panel import JobPanel

    class Panel(JobPanel):
        kinds = (JobKind.IMPORT,)

    Panel().show()


def test_a_job_is_stopped_by_its_owner_or_an_admin(proxy: None) -> None:
    with acting_as(Person(name="ben")):
        job = jobs.add_job(JobKind.IMPORT, "of ben", ())
    for name, has_button in (("ben", True), ("anna", True), ("carl", False)):
        page = open_as(AppTest.from_function(show_imports), name)
        assert (f"stop_{job.job_id}" in keys_of(page)) is has_button
        assert ("Started by ben" in words_of(page)) is (name != "ben")
        assert ("or an admin can change it" in words_of(page)) is not has_button
    page = open_as(AppTest.from_function(show_imports), "ben")
    page.user = {"name": "carl"}
    page.button(key=f"stop_{job.job_id}").click().run()
    found = jobs.find_job(job.job_id)
    assert found is not None
    assert found.is_open


def log_in(user: dict[str, Any]) -> AppTest:
    page = dataset_page()
    page.secrets = LOGIN
    page.user = user
    page.run()
    assert not page.exception
    return page


def test_without_a_log_in_a_page_shows_only_how_to_log_in(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.identity.find_spec", lambda name: None)
    page = log_in({"is_logged_in": False})
    assert "Authlib" in page.error[0].value
    assert not page.button
    monkeypatch.setattr("ui.identity.find_spec", lambda name: object())
    for user in ({"is_logged_in": False}, {}, {"email": "a@b.c", "sub": "1"}):
        page = log_in(user)
        assert keys_of(page) == {"log_in"}
        assert not page.error


@pytest.mark.parametrize(
    ("claims", "name", "role"),
    [
        ({"email": "anna@x.org", "email_verified": True}, "anna@x.org", "admin"),
        # Whoever logs in may write any name, and any address that nobody has checked.
        ({"email": "anna@x.org", "sub": "77"}, "77", "reader"),
        ({"email": "anna@x.org", "email_verified": False, "sub": "7"}, "7", "reader"),
        ({"name": "anna@x.org", "sub": "ben-id"}, "ben-id", "editor"),
    ],
)
def test_a_log_in_names_the_visitor(
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, Any],
    name: str,
    role: str,
) -> None:
    monkeypatch.setenv(ADMINS, "anna@x.org")
    monkeypatch.setenv(EDITORS, "ben-id")
    page = log_in({"is_logged_in": True, **claims})
    assert f"Signed in as {name}, {role}" in sidebar_of(page)
    assert "log_out" in keys_of(page)


def test_roles_without_anything_that_names_visitors_are_a_mistake(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADMINS, "anna")
    page = dataset_page().run()
    assert "nothing says who visits" in page.error[0].value
    assert not page.button


def test_one_persons_machine_is_as_it_was(catalog: Catalog) -> None:
    page = dataset_page().run()
    select(page, 1)
    page.text_input(key="reviewer_asked").set_value("Anna").run()
    assert "Working as Anna" in sidebar_of(page)
    page.button(key="set_ruler_alexander_jannaeus").click().run()
    assert catalog.edits.history(1)[-1].who == "Anna"


def test_undoing_what_may_be_somebody_elses_asks_first(catalog: Catalog) -> None:
    catalog.edits.set_ruler([1, 2], "alexander_jannaeus", who="Anna")
    page = dataset_page().run()
    page.session_state["dataset_session"].reviewer = "Anna"
    page.run()
    before = catalog.edits.history(1)
    page.button(key="undo_edit").click().run()
    assert catalog.edits.history(1) == before
    asked = words_of(page)
    assert "signed Anna" in asked
    assert "Photos affected: 2" in asked
    assert "ruler" in asked
    page.button(key="asked_no").click().run()
    assert catalog.edits.history(1) == before
    assert "asked_no" not in keys_of(page)
    page.button(key="undo_edit").click().run()
    page.button(key="asked_yes").click().run()
    assert not page.exception
    assert catalog.edits.history(1)[-1].undone
    # What is done in this visit is undone without a question.
    select(page, 1)
    page.button(key="set_ruler_alexander_jannaeus").click().run()
    page.button(key="undo_edit").click().run()
    assert "asked_no" not in keys_of(page)
    assert catalog.edits.history(1)[-1].undone


def test_who_is_known_undoes_an_earlier_change_at_once(
    proxy: None, catalog: Catalog
) -> None:
    with acting_as(operator()):
        catalog.edits.set_ruler([1], "alexander_jannaeus", who="ben")
    page = open_as(dataset_page(), "ben")
    page.button(key="undo_edit").click().run()
    assert "asked_no" not in keys_of(page)
    assert catalog.edits.history(1)[-1].undone


def test_the_keyboard_review_asks_too(catalog: Catalog) -> None:
    for photo_id in range(1, 13):
        catalog.reviews.add(photo_id, "alexander_jannaeus", who="Anna")
    page = dataset_page().run()
    page.session_state["dataset_session"].reviewer = "Anna"
    page.button_group(key="dataset_part").set_value("review")
    page.run()
    next(b for b in page.button if b.label == "Undo the last decision").click().run()
    assert "signed Anna" in words_of(page)
    assert len(catalog.reviews.of_photo(12)) == 1
    page.button(key="asked_yes").click().run()
    assert not page.exception
    assert not catalog.reviews.of_photo(12)
    assert len(catalog.reviews.of_photo(11)) == 1
    assert next(data for data in components(page) if "reasons" in data)["photo"] == 12


@pytest.mark.parametrize(("name", "may"), [("ben", True), ("carl", False)])
def test_an_editor_undoes_a_change_of_somebody_else_after_a_question(
    proxy: None, catalog: Catalog, name: str, may: bool
) -> None:
    with acting_as(operator()):
        catalog.edits.set_ruler([1, 2], "alexander_jannaeus", who="anna")
    page = open_as(dataset_page(), name)
    page.session_state["dataset_session"].open_photo(1)
    page.run()
    menus = [menu for menu in page.selectbox if menu.label.startswith("Undo one")]
    assert bool(menus) is may
    if not may:
        return
    before = catalog.edits.history(1)
    menus[0].set_value(before[-1].group_id).run()
    assert not page.exception
    assert "signed anna" in words_of(page)
    assert "Photos affected: 2" in words_of(page)
    assert catalog.edits.history(1) == before
    page.user = {"name": "carl"}  # a forged answer
    page.button(key="asked_yes").click().run()
    assert catalog.edits.history(1) == before
    page.user = {"name": "ben"}
    page.run()
    menu = next(m for m in page.selectbox if m.label.startswith("Undo one"))
    menu.set_value(None).run()
    menu.set_value(before[-1].group_id).run()
    page.button(key="asked_yes").click().run()
    assert not page.exception
    assert catalog.photos.get(1).ruler == "john_hyrcanus_i"
    last = catalog.edits.history(1)[-1]
    assert (last.who, last.after) == ("ben", {"ruler_attributed": "john_hyrcanus_i"})
    catalog_edit = catalog.edits.find_next(who="ben", undo=True)
    assert catalog_edit is not None
    assert catalog_edit.group_id == last.group_id
