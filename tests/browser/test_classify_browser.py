"""A visit to the Classify page in a real browser, with the shipped classifiers."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.action_chains import ActionBuilder
from selenium.webdriver.common.keys import Keys

from coin_core.rendering import render_coin
from tests.browser.visit import MOST_BYTES, Visit, counted_bytes
from ui.classify.demo import DEMO_COINS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Grips = dict[str, tuple[float, float]]


@pytest.fixture
def visit(module_browser: Chrome, app_address: str) -> Visit:
    """A new visit: every page load opens a session of its own."""
    return Visit(module_browser, app_address)


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    """One coin, both sides of one, and a file that is no photo at all."""
    legend = render_coin(2026, 1, size_px=240).image
    other = render_coin(2026, 2, size_px=240, kind="cornucopia").image
    files = {
        "one": tmp_path / "locus 12.png",
        "both": tmp_path / "locus 13, both sides.jpg",
        "broken": tmp_path / "notes.jpg",
    }
    Image.fromarray(legend).save(files["one"])
    Image.fromarray(np.hstack([other, legend])).save(files["both"], quality=92)
    files["broken"].write_bytes(b"a shopping list")
    return files


def test_home_opens_and_leads_to_classify(visit: Visit) -> None:
    visit.open("/")
    visit.see("John Hyrcanus I")
    visit.go_to("/Classify")
    visit.see("Whose coin is it?")


def test_a_visit_from_drop_to_download(
    visit: Visit, photos: dict[str, Path], module_downloads: Path
) -> None:
    visit.open("/Classify")
    visit.drop(photos["one"])
    visit.see("How the classifiers agree")
    visit.see("The nearest known coins")
    assert visit.all(".coin-sentence")

    visit.drop(photos["broken"], photos["both"])
    visit.see("notes.jpg is")
    visit.see("2 photos")

    for title in ("VGG", "ResNet"):
        visit.choose_classifier(title)
        assert visit.all(".coin-sentence")

    visit.press("Download CSV")
    table = visit.until(lambda: list(module_downloads.glob("*.csv")), "No CSV came")[0]
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [photos[key].name for key in ("one", "both")]
    assert [row["photo"] for row in rows] == [name for name in names for _ in range(6)]
    assert len({row["classifier"] for row in rows}) == 6  # all together, too

    visit.go_to("")
    visit.see("The three names")
    visit.go_to("/Classify")
    visit.see("2 photos kept for this session")
    assert visit.all(".coin-sentence")

    visit.press("Clear all")
    visit.see("No photo at hand?")


def test_a_photo_too_large_to_send_is_named_and_the_others_are_answered(
    visit: Visit, photos: dict[str, Path], tmp_path: Path
) -> None:
    huge = tmp_path / "drone film.jpg"
    with huge.open("wb") as file:
        file.truncate(101 * 2**20)
    visit.open("/Classify")
    visit.drop(huge, photos["one"])
    visit.see("drone film.jpg is larger than 100 MB; accepted are JPEG")
    visit.see("1 photo kept")
    assert visit.all(".coin-sentence")
    visit.drop(photos["both"])
    visit.see("2 photos")
    assert "drone film.jpg" not in visit.text()


def test_a_demo_coin_is_read_and_its_crop_corrected(visit: Visit) -> None:
    visit.open("/Classify")
    visit.press("Bronze A")
    visit.see("rendered coin, not a photograph")
    visit.wait_until_idle()
    switch_crop(visit)
    visit.until(lambda: visit.within(".handle"), "The box is not drawn")
    (viewer,) = visit.within(".viewer")
    visit.chrome.execute_script("arguments[0].focus()", viewer)
    (before,) = visit.within(".crop")
    size = before.size["width"]
    found = drawn_box(visit)
    keys = ActionChains(visit.chrome)
    keys.send_keys(Keys.ARROW_RIGHT, "]", "]").key_down(Keys.SHIFT)
    keys.send_keys(*[Keys.ARROW_LEFT] * 5).key_up(Keys.SHIFT).perform()
    visit.wait_until_idle()
    (after,) = visit.within(".crop")
    assert "rotate(4" in drawn_box(visit)
    assert after.size["width"] != size
    visit.see("resize it")  # the keys are named
    switch_crop(visit)
    visit.until(lambda: not visit.within(".crop"), "The box is still drawn")
    switch_crop(visit)
    visit.until(lambda: visit.within(".crop"), "The box is not drawn")
    assert drawn_box(visit) == found  # the box that is read now


def grips(visit: Visit) -> Grips:
    """Where the corners of the drawn box are on the screen, in pixels."""
    found = visit.chrome.execute_script(
        """return arguments[0].map((grip) => {
          const { x, y, width, height } = grip.getBoundingClientRect();
          return [grip.dataset.edge, x + width / 2, y + height / 2]; })""",
        visit.within("circle.grip"),
    )
    return {edge: (x, y) for edge, x, y in found}


def drag(visit: Visit, at: tuple[float, float], by: tuple[int, int]) -> None:
    """Drag from a place on the screen, with a rest in the middle."""
    mouse = ActionBuilder(visit.chrome, duration=50)
    hand = mouse.pointer_action
    x, y = (round(place) for place in at)
    hand.move_to_location(x, y).pointer_down()
    hand.move_to_location(x + by[0] // 2, y + by[1] // 2).pause(1.5)
    hand.move_to_location(x + by[0], y + by[1]).pointer_up()
    mouse.perform()


@pytest.mark.parametrize("keys", ["", "}}}]]]]]", "}}}}}}"], ids=["0", "55", "90"])
def test_a_box_follows_the_hand_and_its_far_corner_stays(
    visit: Visit, keys: str
) -> None:
    visit.open("/Classify")
    visit.press("Bronze A")
    visit.wait_until_idle()
    switch_crop(visit)
    (viewer,) = visit.until(lambda: visit.within(".viewer"), "No viewer")
    visit.until(lambda: visit.within(".handle"), "The box is not drawn")
    visit.chrome.execute_script(
        "arguments[0].scrollIntoView({block: 'center'}); arguments[0].focus()", viewer
    )
    drag(visit, grips(visit)["left top"], (100, 100))
    drag(visit, grips(visit)["right bottom"], (-60, -60))
    ActionChains(visit.chrome).send_keys(*keys).perform()
    visit.wait_until_idle()
    before = grips(visit)
    drag(visit, before["left top"], (14, 10))
    after = grips(visit)
    assert moved(before, after, "left top") == pytest.approx((14, 10), abs=0.5)
    assert moved(before, after, "right bottom") == pytest.approx((0, 0), abs=0.5)
    x, y = (sum(place) / 4 for place in zip(*after.values(), strict=True))
    drag(visit, (x, y), (-12, 8))
    dragged = grips(visit)
    for corner in after:
        assert moved(after, dragged, corner) == pytest.approx((-12, 8), abs=0.5)
    resize = ActionChains(visit.chrome).key_down(Keys.SHIFT)
    resize.send_keys(Keys.ARROW_LEFT, Keys.ARROW_UP).key_up(Keys.SHIFT).perform()
    resized = grips(visit)
    assert moved(dragged, resized, "left top") == pytest.approx((0, 0), abs=0.5)
    assert moved(dragged, resized, "right bottom") != pytest.approx((0, 0), abs=2)
    shown = drawn_box(visit)
    visit.wait_until_idle()
    assert drawn_box(visit) == shown  # also once the page has heard of it


def moved(before: Grips, after: Grips, corner: str) -> tuple[float, float]:
    (x, y), (to_x, to_y) = before[corner], after[corner]
    return to_x - x, to_y - y


def switch_crop(visit: Visit) -> None:
    switch = next(
        label
        for label in visit.all('[data-testid="stCheckbox"] label')
        if "Correct the crop" in label.text
    )
    visit.chrome.execute_script(
        "arguments[0].scrollIntoView({block: 'center'})", switch
    )
    switch.click()
    visit.wait_until_idle()


def drawn_box(visit: Visit) -> str:
    """The turn, place and size of the box in the photo."""
    return visit.chrome.execute_script(
        """const box = arguments[0];
        return ["x", "y", "width", "height"].map((one) => box.getAttribute(one))
          .concat(box.parentNode.getAttribute("transform")).join(" ");""",
        *visit.within("rect.crop"),
    )


def read_bronze_a(visit: Visit) -> None:
    """Let the page read a demo coin, whose letters it shows."""
    visit.open("/Classify")
    visit.press("Bronze A")
    visit.see("Which name the letters fit")
    visit.wait_until_idle()


def test_a_letter_lights_its_place_in_the_legend_and_the_other_way_round(
    visit: Visit,
) -> None:
    read_bronze_a(visit)
    letters = visit.until(lambda: visit.within(".glyph"), "No letters are drawn")
    visit.chrome.execute_script("arguments[0].focus()", letters[1])
    lit = visit.until(lambda: visit.all("[data-letter].lit"), "Nothing is lit")
    assert {cell.get_attribute("data-letter") for cell in lit} == {"1"}
    cell = visit.all('.coin-legend[open] .coin-aligned [data-letter="2"]')[0]
    visit.chrome.execute_script("arguments[0].focus()", cell)
    (shown,) = visit.until(lambda: visit.within(".glyph.lit"), "No letter is lit")
    assert shown.get_attribute("data-letter") == "2"
    assert "clear" in shown.get_attribute("aria-label") or "doubtful" in (
        shown.get_attribute("aria-label")
    )


def test_the_photo_zooms_by_keys_and_shows_the_heat_map_when_asked(
    visit: Visit,
) -> None:
    read_bronze_a(visit)
    (viewer,) = visit.until(lambda: visit.within(".viewer"), "There is no viewer")
    visit.chrome.execute_script("arguments[0].focus()", viewer)
    ActionChains(visit.chrome).send_keys("+", "+").perform()
    assert float(viewer.get_attribute("data-zoom")) > 1.5
    ActionChains(visit.chrome).send_keys("0").perform()
    assert float(viewer.get_attribute("data-zoom")) == 1
    assert not visit.within(".stage image")
    heat = visit.within(".layers input[type=checkbox]")[1]
    visit.chrome.execute_script("arguments[0].click()", heat)
    visit.until(lambda: visit.within(".stage image"), "No heat map came")
    visit.until(
        lambda: "hiding a warm place" in visit.text() or "is empty" in visit.text(),
        "The heat map was not explained",
    )


@pytest.mark.parametrize("coin", [coin.label for coin in DEMO_COINS])
def test_every_demo_coin_is_answered_and_explained(visit: Visit, coin: str) -> None:
    visit.open("/Classify")
    visit.press(coin)
    visit.see("rendered coin, not a photograph")
    visit.wait_until_idle()
    visit.see("How the classifiers agree")


def test_an_address_opens_its_page_directly(visit: Visit) -> None:
    visit.open("/Classify")
    visit.see("Drop photos of coins here")


@pytest.fixture
def received(visit: Visit) -> Iterator[Callable[[], int]]:
    """The bytes that the page was sent since the last call."""
    with counted_bytes(visit) as count:
        yield count


def test_rows_and_keys_lead_from_photo_to_photo(
    visit: Visit, tmp_path: Path, received: Callable[[], int]
) -> None:
    names = ["a.png", "b.png", "לוקוס 12.png", *(f"{n}.png" for n in range(4, 11))]
    for number, name in enumerate(names, 1):
        image = render_coin(2026, number, size_px=240).image
        Image.fromarray(image).save(tmp_path / name)
    visit.open("/Classify")
    assert 0 < received() < MOST_BYTES
    visit.drop(*(tmp_path / name for name in names))

    def shown() -> str:
        return visit.all(".coin-photo b")[0].text

    def marked() -> str:
        (row,) = visit.within("tr[aria-selected=true]")
        return row.find_element("css selector", ".name").text

    def both(name: str) -> None:
        visit.until(lambda: shown() == marked() == name, f"{name} is not shown")

    both("a.png")
    assert received() < MOST_BYTES
    visit.within("tr[data-id] .reason")[1].click()
    both("b.png")
    assert received() < MOST_BYTES
    for key, name in ((Keys.ARROW_RIGHT, names[2]), (Keys.ARROW_LEFT, "b.png")):
        visit.chrome.switch_to.active_element.send_keys(key)
        both(name)
        assert received() < MOST_BYTES
    visit.choose_classifier("SVM")
    both("b.png")
    assert received() < MOST_BYTES
    # In a field the keys move the cursor.
    field = visit.all('input[aria-label="Find or context"]')[0]
    field.send_keys("L.12", Keys.ARROW_LEFT, Keys.ARROW_LEFT, "0", Keys.ENTER)
    visit.until(lambda: [n.text for n in visit.within(".note")] == ["L.012"], "no note")
    both("b.png")


def paste(visit: Visit, photo: Path, text: str, selector: str) -> int:
    """Paste a picture and a text into an element; how many files the page takes."""
    return visit.chrome.execute_script(
        """const [bytes, name, text, selector] = arguments;
        const data = new DataTransfer();
        const file = new File([Uint8Array.from(bytes)], name, { type: "image/png" });
        data.items.add(file);
        if (text) data.setData("text/plain", text);
        let taken = 0;
        const field = document.querySelector("input[type=file]");
        const count = (event) => {
          taken += event.target.files.length;
          event.stopImmediatePropagation();
        };
        field.addEventListener("change", count, { once: true });
        document.querySelector(selector).dispatchEvent(new ClipboardEvent("paste",
          { clipboardData: data, bubbles: true, composed: true }));
        field.removeEventListener("change", count);
        return taken;""",
        list(photo.read_bytes()),
        photo.name,
        text,
        selector,
    )


def test_only_a_picture_that_is_pasted_for_the_page_becomes_a_photo(
    visit: Visit, photos: dict[str, Path]
) -> None:
    visit.open("/Classify")
    visit.drop(photos["both"])
    picture = photos["one"]
    assert paste(visit, picture, "", "body") == 1
    assert paste(visit, picture, picture.name, "body") == 1  # a file, with its name
    assert paste(visit, picture, "12.3\t4", "body") == 0  # cells of a table
    visit.until(lambda: visit.all('[aria-label="Find or context"]'), "No field")
    assert paste(visit, picture, "", '[aria-label="Find or context"]') == 0
    visit.go_to("")
    visit.until(lambda: visit.all("input[type=file]"), "There was no drop zone")
    assert paste(visit, picture, "", "body") == 0


def test_a_name_that_the_browser_keeps_is_known_on_classify(visit: Visit) -> None:
    visit.open("/Classify")
    visit.chrome.execute_script("localStorage.setItem('coin-reviewer', 'Anna')")
    try:
        visit.open("/Classify")
        sidebar = "section[data-testid=stSidebar]"
        visit.until(
            lambda: "Working as Anna" in visit.all(sidebar)[0].text, "It is not known"
        )
    finally:
        visit.chrome.execute_script("localStorage.removeItem('coin-reviewer')")


# What visitors wrote, and Streamlit's words, as they are in the page.
WORDS = """const box = document.createElement("div");
box.id = "words";
box.innerHTML = `<p data-testid="stText" title="Print">Page 12</p>
  <p data-testid="stFileChipName" title="Page 12">Page 12</p>
  <i>Page 12.jpg</i><b title="Print">Page 12</b>
  <b>Error: </b><b>File must be 100.0MB or smaller.</b>`;
document.body.append(box);"""
SHOWN = """return [...document.querySelectorAll("#words > *")].map(
  (one) => one.textContent + "|" + (one.title ?? ""))"""


def test_the_scripts_of_a_page_speak_its_language(visit: Visit) -> None:
    def shown() -> list[str]:
        return visit.chrome.execute_script(SHOWN)

    def too_large() -> str:
        return visit.chrome.execute_script("return window.coinDrops.sentence")

    visit.open("/Classify?lang=he")
    visit.chrome.execute_script(WORDS)
    visit.until(lambda: "Error" not in " ".join(shown()), "It stays English")
    text, name, file, page, error, size = shown()
    assert (text, name) == ("Page 12|Print", "Page 12|Page 12")
    assert file == "Page 12.jpg|"
    assert not re.search("[A-Za-z]", page)
    assert error == "שגיאה: |"
    assert "100.0MB" in size
    assert not re.search("File|must", size)
    assert "larger" not in too_large()
    visit.press("English")
    visit.until(lambda: "larger than" in too_large(), "The script speaks Hebrew")
    assert shown() == [
        *("Page 12|Print", "Page 12|Page 12", "Page 12.jpg|", "Page 12|Print"),
        *("Error: |", "File must be 100.0MB or smaller.|"),
    ]


def test_a_refusal_is_gone_once_another_upload_is_taken(visit: Visit) -> None:
    visit.open("/Classify")

    def after_upload(sentence: str) -> str:
        """What stands below the uploader after an upload that is refused so."""
        return visit.chrome.execute_async_script(
            """const [sentence, done] = arguments;
            const upload = () => fetch("/_stcore/upload_file/a/b", { method: "PUT" });
            upload().then(async ({ status }) => {
              window.coinRoom = sentence ? { [status]: sentence } : {};
              await upload();
              setTimeout(() =>
                done(document.getElementById("coin-no-room").textContent), 500);
            });""",
            sentence,
        )

    assert after_upload("No room.") == "No room."
    assert after_upload("") == ""


@pytest.mark.parametrize("width", [390, 1280])
def test_no_column_of_the_results_is_cut_off(
    visit: Visit, tmp_path: Path, width: int
) -> None:
    files = [tmp_path / f"{'a long name of a photo ' * 4}{n}.png" for n in (1, 2)]
    for number, file in enumerate(files, 1):
        Image.fromarray(render_coin(2026, number, size_px=240).image).save(file)
    size = {
        "width": width,
        "height": 900,
        "deviceScaleFactor": 1,
        "mobile": width < 640,
    }
    visit.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        visit.open("/Classify")
        visit.drop(*files)
        visit.until(lambda: len(visit.within("tr[data-id]")) == 2, "no table")
        visit.wait_until_idle()
        for cell in visit.within("tr[data-id] td, tr[data-id] th, tr[data-id] .name"):
            box = cell.rect
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        wide = "return document.documentElement.scrollWidth"
        assert visit.chrome.execute_script(wide) <= width
        (camera,) = visit.within(".camera")
        assert camera.is_displayed() == (width < 640)
    finally:
        visit.chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
