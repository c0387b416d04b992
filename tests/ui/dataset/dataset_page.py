"""The Dataset page on a small catalog, for the tests of its parts."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CoinFacts,
    PhotoRecord,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.storage import data_dir

PAGE = Path(__file__).parents[3] / "pages" / "2_Dataset.py"
RULERS = ("john_hyrcanus_i", "judah_aristobulus_i", "alexander_jannaeus", None)
NASTY = '<img src=x onerror="alert(1)">[link](http://evil.example)'


def a_photo(grey: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((60, 120, 3), grey, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def full_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with twelve photos, three of each ruler and three of none."""
    folder = tmp_path_factory.mktemp("full")
    address = f"sqlite:///{folder}/catalog.sqlite"
    opened = open_catalog(address, photos_dir=folder / "photos")
    for k in range(12):
        record = PhotoRecord(
            extension="png",
            width_px=120,
            height_px=60,
            file_name=NASTY if k == 0 else f"locus {k}.png",
            lot_text=NASTY if k == 0 else "",
            source="own camera",
            licence="cc-by-4.0" if k % 2 else None,
            is_rendered=k == 11,
            coin=CoinFacts(ruler_attributed=RULERS[k % 4]),
        )
        face = CatalogFace(
            box=RotatedBox(left=0.05, top=0.1, right=0.95, bottom=0.9), side=Side.LEGEND
        )
        opened.photos.add(a_photo(20 * k + 10), record, [face], who="import")
    opened.close()
    return folder


@pytest.fixture
def empty() -> Catalog:
    return open_catalog()


@pytest.fixture
def catalog(full_folder: Path) -> Catalog:
    """The catalog of a copy of these photos, in the data folder of the test."""
    shutil.copytree(full_folder, data_dir(), dirs_exist_ok=True)
    return open_catalog()


def open_page(part: str = "browse", who: str = "Anna") -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    if who and "dataset_session" in page.session_state:
        page.session_state["dataset_session"].reviewer = who
    if part != "browse":
        page.button_group(key="dataset_part").set_value(part)
    page.run()
    assert not page.exception
    return page


def components(page: AppTest) -> list[dict[str, Any]]:
    """The data of the custom components."""
    return [
        json.loads(part.proto.json or part.proto.mixed.json or "{}")
        for part in page.get("bidi_component")
    ]


def grid_of(page: AppTest) -> dict[str, Any]:
    return next(data for data in components(page) if "photos" in data)


def shown_in(page: AppTest) -> list[str]:
    return [tile["name"] for tile in grid_of(page)["photos"]]


def words_of(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.text, *page.header, *page.subheader]
    return " ".join(str(part.value) for part in parts)


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return wait_for_task(page)


def wait_for_task(page: AppTest) -> AppTest:
    """Wait for the background task, and show its result."""
    task = page.session_state["dataset_session"].task
    if task is not None:
        task.join(60)
        page.run()
        assert not page.exception
    return page
