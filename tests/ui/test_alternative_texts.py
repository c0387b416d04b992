"""Every picture says in words what it shows."""

from __future__ import annotations

import ast

import pytest

from tests.ui.test_markdown import ROOT, SOURCES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_picture_has_an_alternative_text(path) -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "image"
    ]
    names = {"alt", "alt_text"}  # of a page, of a PDF
    without = [
        node.lineno
        for node in calls
        if names.isdisjoint(one.arg for one in node.keywords)
    ]
    assert not without
