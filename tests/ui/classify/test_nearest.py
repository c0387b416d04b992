"""The row of the most similar known coins."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from streamlit.testing.v1 import AppTest

from coin_core.catalog import Catalog
from tests.ui.dataset.dataset_page import NASTY

_PATIENCE_S = 120  # of a busy machine


def _nearest(data: bytes) -> None:
    from coin_core.imaging.preprocessing import RotatedBox
    from ui.classify.nearest import show_nearest_coins
    from ui.classify.session import upload_session

    session = upload_session()
    session.add([("coin.png", data)])
    (photo,) = session.photos.values()
    show_nearest_coins(photo, RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0))


def run_until(page: AppTest, words: str) -> None:
    """Run the page until its caption begins so: photos are prepared beside it."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        page.run()
        assert not page.exception
        if any(caption.value.startswith(words) for caption in page.caption):
            return
        assert time.monotonic() < end, [caption.value for caption in page.caption]
        time.sleep(0.1)


def test_own_coins_come_first_with_source_and_licence_then_rendered_ones(
    catalog: Catalog, encode_photo: Callable[..., bytes]
) -> None:
    data = encode_photo(np.full((60, 60, 3), 12, np.uint8))
    page = AppTest.from_function(_nearest, default_timeout=60, kwargs={"data": data})
    run_until(page, "The most similar first")
    (shown,) = [p.value for p in page.get("html") if "coin-near" in p.value]
    figures = shown.split("<figure>")[1:]
    assert len(figures) > 5
    assert ["rendered</span>" in one for one in figures[:5]] == [False] * 5
    assert all("rendered</span>" in one for one in figures[5:])
    assert "own camera" in figures[0]
    assert "cc-by-4.0" in shown
    assert "licence not stated" in figures[0]
    assert NASTY not in shown
    assert "&lt;img src=x" in figures[0]


def test_without_own_photos_all_are_called_rendered(
    empty: Catalog, encode_photo: Callable[..., bytes]
) -> None:
    data = encode_photo(np.full((60, 60, 3), 12, np.uint8))
    page = AppTest.from_function(_nearest, default_timeout=60, kwargs={"data": data})
    run_until(page, "All of these are rendered.")
