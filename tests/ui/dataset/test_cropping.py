from __future__ import annotations

from dataclasses import replace

import pytest

from coin_core.catalog import Catalog, CatalogFace, CatalogPhoto, RotatedBox, Side
from tests.ui.dataset.dataset_page import open_page, press
from ui.dataset import cropping
from ui.dataset.face_edits import Faces


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


@pytest.mark.parametrize("change", [{}, {"turn_deg": -2.0}, {"right": 0.998}])
def test_the_least_change_of_a_box_can_be_saved(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, change: dict[str, float]
) -> None:
    start = RotatedBox(left=0.1, top=0.1, right=1.0, bottom=0.9)
    drawn = replace(start, **change)
    catalog.edits.set_faces(2, [CatalogFace(box=start, side=None)], who="Anna")
    monkeypatch.setattr(cropping, "correct_crop", lambda *_, **__: drawn)
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    page.toggle(key="draw_2").set_value(True).run()
    assert page.button(key="keep_box").disabled == (not change)
    if change:
        press(page, "keep_box")
        assert catalog.photos.faces(2)[0].box == drawn


def test_what_somebody_else_crops_during_a_long_edit_stays(catalog: Catalog) -> None:
    turn = cropping.rotation(90)

    def crop_two_meanwhile(
        of: Catalog, photo: CatalogPhoto, faces: Faces
    ) -> tuple[CatalogFace, ...]:
        if photo.photo_id == 3:
            cropping.edit_photos(of, [2], cropping.rotation(17), who="Bert")
        return turn(of, photo, faces)

    changed = cropping.edit_photos(catalog, [2, 3], crop_two_meanwhile, who="Anna")
    assert changed == 1
    turns = [catalog.photos.faces(photo_id)[0].box.turn_deg for photo_id in (2, 3)]
    assert turns == [17, 90]
