"""The custom components: their files exist and their data fields match."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ui.components import custom

FOLDER = Path(custom.__file__).parent


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.js")), ids=lambda p: p.stem)
def test_every_script_belongs_to_a_component_and_inserts_no_html(script: Path) -> None:
    declared = re.findall(r'_component\(\s*"(\w+)"', Path(custom.__file__).read_text())
    assert script.stem in declared
    source = script.read_text(encoding="utf-8")
    assert "export default function" in source
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write", source)


@pytest.mark.parametrize("style", sorted(FOLDER.glob("*.css")), ids=lambda p: p.stem)
def test_every_class_of_a_style_is_used(style: Path) -> None:
    used = style.with_suffix(".js").read_text("utf-8") + Path(
        custom.__file__
    ).read_text("utf-8")
    used += (FOLDER.parent / "dataset" / "gallery.py").read_text("utf-8")
    for name in set(re.findall(r"\.([a-z]+)(?=[\s.:,\[{>])", style.read_text("utf-8"))):
        assert re.search(rf"\b{name}\b", used), name
