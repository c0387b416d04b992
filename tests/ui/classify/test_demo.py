from __future__ import annotations

import hashlib

import pytest
from streamlit.testing.v1 import AppTest

from ui.classify.demo import DEMO_COINS, render_demo_coin


def _demo_coins() -> None:
    from ui.classify.demo import show_demo_coins
    from ui.classify.session import upload_session

    show_demo_coins(upload_session())


@pytest.mark.parametrize("coin", DEMO_COINS, ids=lambda coin: coin.label)
def test_a_demo_coin_shows_what_its_kind_says(coin) -> None:
    image, ruler = render_demo_coin(coin)
    assert image.shape == (360, 360, 3)
    assert (ruler is not None) == (coin.kind == "legend")


def test_a_demo_coin_is_uploaded_by_its_button() -> None:
    page = AppTest.from_function(_demo_coins, default_timeout=60).run()
    page.button(key="demo_Anchor").click().run()
    assert not page.exception
    (photo,) = page.session_state["upload_session"].photos.values()
    assert photo.name == "Anchor (rendered).png"
    assert photo.rendered_as == "a star-and-anchor coin"
    assert photo.digest == hashlib.sha256(photo.data).hexdigest()
