from __future__ import annotations

from coin_core.catalog import Catalog, Side
from tests.ui.dataset.dataset_page import open_page, press


def test_the_tools_split_turn_swap_and_go_back(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    before = catalog.photos.faces(2)
    press(page, "crop_Split in two")
    first, second = catalog.photos.faces(2)
    assert first.box.right == second.box.left
    press(page, "crop_Swap sides")
    assert [f.side for f in catalog.photos.faces(2)] != [first.side, second.side]
    press(page, "crop_Turn 90° left")
    assert catalog.photos.faces(2)[0].box.turn_deg == -90
    press(page, "crop_original")
    assert catalog.photos.faces(2) == before
    press(page, "undo_edit")
    assert catalog.photos.faces(2)[0].box.turn_deg == -90


def test_a_face_is_turned_by_any_angle_and_told_its_side(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    page.slider[0].set_value(17).run()
    assert catalog.photos.faces(2)[0].box.turn_deg == 17
    side = next(s for s in page.selectbox if s.label == "Face 1 shows")
    side.set_value(Side.CORNUCOPIA).run()
    assert catalog.photos.faces(2)[0].side is Side.CORNUCOPIA
    assert not page.exception
