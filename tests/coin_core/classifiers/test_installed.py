"""The order of the menus."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from coin_core.classifiers import shipped_classifiers
from coin_core.classifiers.installed import installed_models
from coin_core.model_store import bundle
from coin_core.model_store.promotion import promote


def test_ones_own_models_are_last_but_for_those_in_the_place_of_a_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))

    def names() -> list[str]:
        return [one.name for one in installed_models()[0]]

    first, second, *others = shipped_classifiers()
    shutil.copytree(bundle.WEIGHTS_DIR / second, bundle.models_dir() / "mine")
    shutil.copytree(bundle.WEIGHTS_DIR / second, bundle.models_dir() / first)
    assert names() == [first, second, *others, "mine"]
    assert installed_models()[0][0].card.classifier == second
    promote("mine")
    assert names() == ["mine", first, second, *others]
