"""Pages while the store of a team does not answer: a sentence, or what is here."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.catalog import CatalogFace, PhotoRecord, RotatedBox, Side, open_catalog
from coin_core.errors import StoreError
from coin_core.model_store import sharing
from coin_core.object_store import ObjectStore

PAGES = sorted((Path(__file__).parents[2] / "pages").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_breaks(page, team_store, monkeypatch):
    monkeypatch.setattr(sharing, "_following", None)
    catalog = open_catalog()
    face = CatalogFace(
        box=RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9), side=Side.LEGEND
    )
    record = PhotoRecord(extension="jpg", width_px=4, height_px=4, file_name="a.jpg")
    catalog.photos.add(b"a photo", record, [face], who="ada")
    catalog.close()

    def fail(*_: object, **__: object) -> None:
        raise StoreError("The store does not answer. Start it.")

    for way in ("find", "facts", "read", "write", "replace", "delete"):
        monkeypatch.setattr(ObjectStore, way, fail)
    shown = AppTest.from_file(str(page), default_timeout=300).run()
    assert not shown.exception
    said = [error.value for error in shown.error]
    if page.stem.endswith("Dataset"):
        assert said == ["The store does not answer. Start it."]
    monkeypatch.setattr(sharing, "_following", None)  # the thread ends
