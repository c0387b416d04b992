from __future__ import annotations

from coin_core.catalog import Catalog
from tests.ui.dataset.dataset_page import NASTY, open_page, press


def test_the_coin_is_edited_and_a_wrong_measure_refused(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    weight = next(n for n in page.number_input if n.label == "Weight in g")
    weight.set_value(1.97)
    next(b for b in page.button if b.label == "Save").click().run()
    assert not page.exception
    assert catalog.photos.coin(catalog.photos.get(2).coin_id).weight_g == 1.97


def test_references_are_written_as_one_reads_them(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    field = next(t for t in page.text_input if t.label == "References")
    field.set_value("Hendin 1132 (5th edition); TJC A12")
    next(b for b in page.button if b.label == "Save").click().run()
    assert not page.exception
    first, second = catalog.photos.coin(catalog.photos.get(2).coin_id).references
    assert (first.catalogue, first.number, first.edition) == (
        "Hendin",
        "1132",
        "5th edition",
    )
    assert second.number == "A12"


def test_where_a_photo_comes_from_is_corrected_and_taken_back(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(1)  # whose texts are hostile
    page.run()
    field = next(t for t in page.text_input if t.label == "Licence")
    field.set_value("CC BY 4.0")
    next(b for b in page.button if "told_1" in b.form_id).click().run()
    assert not page.exception
    photo = catalog.photos.get(1)
    assert (photo.licence, photo.licence_raw) == ("cc-by-4.0", "CC BY 4.0")
    assert (photo.source, photo.lot_text) == ("own camera", NASTY)
    press(page, "undo_edit")
    assert catalog.photos.get(1).licence is None


def test_texts_of_several_lines_are_edited_as_such(catalog: Catalog) -> None:
    coin_id = catalog.photos.get(2).coin_id
    lines = {"notes": "found\nworn", "denomination": "prutah\nor half"}
    catalog.edits.edit_coin(coin_id, lines, who="Anna")
    catalog.edits.edit_photos({2: {"source": "a\nb", "credit": "c\nd"}}, who="Anna")
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    areas = {area.label: area.value for area in page.text_area}
    assert areas["Notes"] == "found\nworn"
    assert areas["Denomination"] == "prutah\nor half"
    assert areas["Source"] == "a\nb"
    assert areas["Credit: who must be named"] == "c\nd"
    assert "Name on the coin" not in areas


def test_words_of_a_source_keep_their_order_beside_another_script(
    catalog: Catalog,
) -> None:
    lot = "Judaea, Hasmoneans. Prutah, 1.85 g."
    changes = {"lot_text": lot, "source_url": "https://example.org/12/"}
    catalog.edits.edit_photos({2: changes}, who="Anna")
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    said = [text.value for text in page.text]
    assert f"lot text: \u2068{lot}\u2069" in said
    assert "address: https://example.org/12/" in said  # to be copied
