from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.classifiers import installed
from coin_core.errors import WeightsMissingError
from coin_core.model_store import bundle
from tests import fakes
from ui import resources


def test_the_menu_order_is_the_registry_s_with_own_bundles_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped = fakes.bundles()
    card = replace(shipped[0].card, origin="own")
    own = replace(shipped[0], name="museum", card=card)
    monkeypatch.setattr(bundle, "discover", lambda: ((own, *shipped[::-1]), ()))
    names = [one.name for one in resources.bundles()[0]]
    assert names == ["resnet", "vgg", "svm", "knn", "mlp", "museum"]
    monkeypatch.setattr(installed, "promoted", lambda: "museum")
    assert resources.bundles()[0][0].name == "museum"


def test_new_weights_are_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resources.weights_version()
    first, *rest = fakes.bundles()
    changed = replace(first, card=replace(first.card, threshold=0.7))
    monkeypatch.setattr(bundle, "discover", lambda: ((changed, *rest), ()))
    assert resources.weights_version() != before


def test_a_run_of_a_page_looks_for_bundles_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []

    def discover() -> tuple[object, tuple[()]]:
        looks.append(len(looks))
        return fakes.bundles()[len(looks) - 1 :], ()

    monkeypatch.setattr(bundle, "discover", discover)

    def page() -> None:
        import streamlit as st

        from ui import resources
        from ui.layout import begin_page

        begin_page("Title")
        for _ in range(3):
            st.text(resources.weights_version())

    app = AppTest.from_function(page, default_timeout=60).run()
    first = {text.value for text in app.text}
    assert len(looks) == len(first) == 1
    app.run()
    assert len(looks) == 2
    assert {text.value for text in app.text} != first


def test_a_bundle_that_does_not_load_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(self: object, names: tuple[str, ...]) -> None:
        if names == ("svm",):
            raise WeightsMissingError("svm: model.skops is missing.")

    monkeypatch.setattr(fakes.FakeCoinClassifier, "load", load)
    assert resources.load_errors() == {"svm": "svm: model.skops is missing."}


def test_the_pages_use_the_pipeline_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = resources.coin_classifier()
    assert resources.coin_classifier() is own
    of_server = fakes.FakeCoinClassifier()
    monkeypatch.setattr(resources, "_find_shared", None)
    resources.share_pipeline(lambda: of_server)
    resources._pipeline.clear()
    assert resources.coin_classifier() is of_server
    resources._pipeline.clear()


def test_the_catalog_is_opened_once() -> None:
    assert resources.catalog() is resources.catalog()
