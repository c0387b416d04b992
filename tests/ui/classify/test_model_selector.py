from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _menu() -> None:
    import streamlit as st

    from ui.classify.model_selector import choose_classifier
    from ui.resources import bundles

    st.text(choose_classifier(bundles()[0]))


def test_the_first_bundle_is_the_default_and_a_removed_one_is_forgotten() -> None:
    page = AppTest.from_function(_menu)
    page.session_state["classifier"] = "removed"
    page.run()
    assert page.text[0].value == "resnet"
    page.button_group(key="classifier").set_value("knn").run()
    assert page.text[0].value == "knn"
    assert not page.exception
