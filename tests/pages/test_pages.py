"""Every page opens, and the Classify page does its work, on a stand-in model."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from coin_core.classifiers.together_card import TOGETHER
from coin_core.model_store import bundle
from coin_core.model_store.bundle import BundleProblem
from tests import fakes

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "Home.py", *sorted((ROOT / "pages").glob("*.py"))]
CLASSIFY = ROOT / "pages" / "1_Classify.py"


def a_photo(width: int = 120, height: int = 120, grey: int = 120) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), grey, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def open_page(path: Path = CLASSIFY) -> AppTest:
    page = AppTest.from_file(str(path), default_timeout=60).run()
    assert not page.exception
    return page


def drop(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    page.file_uploader[0].set_value([(n, data, "image/png") for n, data in files]).run()
    assert not page.exception
    return page


def html_of(page: AppTest) -> str:
    return " ".join(str(part.value) for part in page.get("html"))


def component_with(page: AppTest, name: str) -> dict[str, Any]:
    """The data of the custom component that has this name among them."""
    found: dict[str, Any] = next(
        data
        for part in page.get("bidi_component")
        if name in (data := json.loads(part.proto.json or "{}"))
    )
    return found


def results_of(page: AppTest) -> dict[str, Any]:
    """The data of the table of results."""
    return component_with(page, "columns")


def viewer_of(page: AppTest) -> dict[str, Any]:
    """The data of the photo's viewer."""
    return component_with(page, "widthPx")


def errors_of(page: AppTest) -> list[str]:
    return [error.value for error in page.error]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_page_opens(path: Path) -> None:
    open_page(path)


def test_home_names_the_three_rulers_and_links_to_classify() -> None:
    shown = html_of(open_page(ROOT / "Home.py"))
    for name in ("John Hyrcanus I", "Judah Aristobulus I", "Alexander Jannaeus"):
        assert name in shown
    for name_on_coin in ("יהוחנן", "יהודה", "יהונתן"):
        assert name_on_coin in shown


def test_a_dropped_photo_gets_a_verdict_in_one_sentence() -> None:
    page = drop(open_page(), ("coin.png", a_photo(grey=121)))
    assert "Judah Aristobulus I, 91 %" in html_of(page)
    assert "4 of 5" in " ".join(part.value for part in page.markdown)


def test_the_uploader_is_emptied_and_the_photo_kept() -> None:
    page = drop(open_page(), ("coin.png", a_photo()))
    assert page.session_state["upload_session"].photos
    page.run()
    assert not page.exception
    assert "91 %" in html_of(page)


def test_another_classifier_is_one_click_away() -> None:
    page = drop(open_page(), ("coin.png", a_photo()))
    switch = next(group for group in page.button_group if group.key == "classifier")
    switch.set_value("mlp").run()
    assert not page.exception
    assert "Cannot tell" in html_of(page)


def test_a_broken_file_is_named_and_the_others_are_answered() -> None:
    page = drop(open_page(), ("notes.jpg", b"a shopping list"), ("coin.png", a_photo()))
    (error,) = errors_of(page)
    assert "notes.jpg" in error
    assert "91 %" in html_of(page)


def test_only_broken_files_leave_an_empty_tray() -> None:
    page = drop(open_page(), ("notes.jpg", b"a shopping list"))
    assert "notes.jpg" in errors_of(page)[0]
    assert not page.session_state["upload_session"].photos


def test_letters_lie_over_the_photo_and_a_turned_legend_can_be_brought_upright() -> (
    None
):
    page = drop(open_page(), ("coin.png", a_photo(grey=124)))
    viewer = viewer_of(page)
    assert len(viewer["letters"]) == 12
    assert any(letter["named"] for letter in viewer["letters"])
    assert viewer["upright"] == 170
    assert [layer["name"] for layer in viewer["layers"]] == ["letters", "heat"]
    assert "heat" not in viewer  # computed when it is asked for
    assert 'data-letter="0"' in html_of(page)


def test_a_coin_without_its_legend_side_has_no_bars_letters_or_heat_map() -> None:
    page = drop(open_page(), ("dark.png", a_photo(grey=2)))
    viewer = viewer_of(page)
    assert (viewer["faces"], viewer["layers"]) == ([], [])
    assert "letters" not in viewer
    assert not page.get("plotly_chart")


def test_a_photo_without_a_coin_says_so() -> None:
    page = drop(open_page(), ("dark.png", a_photo(grey=2)))
    assert "no coin was found" in html_of(page)


def test_many_photos_make_a_table() -> None:
    photos = [(f"locus-{i}.png", a_photo(grey=100 + i)) for i in range(5)]
    page = drop(open_page(), *photos)
    table = results_of(page)
    assert [row["name"] for row in table["photos"]] == [name for name, _ in photos]
    assert {row["percent"] for row in table["photos"]} == {"91\N{NO-BREAK SPACE}%"}
    assert page.get("download_button")


def test_the_row_shown_is_the_row_marked_through_arrows_and_classifiers() -> None:
    photos = [(f"locus-{i}.png", a_photo(grey=100 + i)) for i in range(3)]
    page = drop(open_page(), *photos)
    digests = list(page.session_state["upload_session"].photos)

    def check(place: int) -> None:
        assert results_of(page)["selected"] == digests[place]
        assert f'<b dir="auto">locus-{place}.png</b>' in html_of(page)

    check(0)
    for step, place in (("next", 1), ("next", 2), ("previous", 1)):
        page.button(key=f"{step}_photo").click().run()
        check(place)
    assert not page.button(key="next_photo").disabled
    switch = next(group for group in page.button_group if group.key == "classifier")
    switch.set_value("mlp").run()
    assert not page.exception
    check(1)


def test_notes_stay_with_their_photo() -> None:
    page = drop(open_page(), ("a.png", a_photo()), ("b.png", a_photo(grey=90)))
    first, _ = page.session_state["upload_session"].photos
    page.text_input(key=f"context_{first}").set_value("L.12 <b>").run()
    page.selectbox(key=f"ruler_{first}_en").set_value("john_hyrcanus_i").run()
    page.button(key="next_photo").click().run()
    assert not page.exception
    row = results_of(page)["photos"][0]
    assert (row["context"], row["own"]) == ("L.12 <b>", "you: John Hyrcanus I")
    page.button(key="previous_photo").click().run()
    assert page.text_input(key=f"context_{first}").value == "L.12 <b>"


def test_a_name_that_is_typed_on_classify_is_kept_in_the_browser() -> None:
    page = drop(open_page(), ("a.png", a_photo()))
    assert component_with(page, "forget") == {"name": "", "forget": False}
    page.text_input(key="reviewer_asked").set_value("Anna").run()
    assert not page.exception
    assert component_with(page, "forget") == {"name": "Anna", "forget": False}
    assert "Working as Anna" in [text.value for text in page.sidebar.text]


def test_a_report_is_made_and_offered() -> None:
    page = drop(open_page(), ("a.png", a_photo()), ("b.png", a_photo(grey=90)))
    page.button(key="make_report").click().run()
    if (task := page.session_state["report_task"].task) is not None:
        task.join(60)
        page.run()  # one run is enough to see it
    assert any("coins.pdf" in one.label for one in page.get("download_button"))
    assert not page.exception
    report = page.session_state["report_made"]
    assert report.name == "coins.pdf"
    assert report.data.startswith(b"%PDF")


def test_the_other_classifiers_have_read_when_the_page_is_drawn() -> None:
    page = drop(open_page(), ("a.png", a_photo()), ("b.png", a_photo(grey=90)))
    session = page.session_state["upload_session"]
    names = {bundle.name for bundle in fakes.bundles()}
    asked = {*names, TOGETHER}
    assert set(session.results) == {(d, n) for d in session.photos for n in asked}
    assert {name for _, _, name in session.letters} == names


def test_a_demo_coin_is_marked_as_rendered() -> None:
    page = open_page()
    next(b for b in page.button if b.key == "demo_Bronze A").click().run()
    assert not page.exception
    assert "rendered coin, not a photograph" in html_of(page)


def test_clear_all_empties_the_tray() -> None:
    page = drop(open_page(), ("coin.png", a_photo()))
    next(b for b in page.button if b.label == "Clear all").click().run()
    assert not page.exception
    assert not page.session_state["upload_session"].photos


def test_missing_weights_say_which_command_makes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle, "discover", lambda: ((), ()))
    page = open_page()
    assert "python -m coin_core train" in errors_of(page)[0]


def test_a_damaged_bundle_is_named_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = BundleProblem(folder=Path("mine"), sentence="mine: the card is damaged.")
    monkeypatch.setattr(bundle, "discover", lambda: (fakes.bundles(), (problem,)))
    page = drop(open_page(), ("coin.png", a_photo()))
    assert errors_of(page) == ["mine: the card is damaged."]
    assert "91 %" in html_of(page)
