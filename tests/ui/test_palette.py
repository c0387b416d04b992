from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import pytest

from coin_core.rulers import DEFAULT_CLASSES, RULERS
from ui.palette import (
    BRONZE,
    CLASS_COLOURS,
    INK,
    INK_SOFT,
    PAPER,
    PAPER_DEEP,
    class_colours,
    contrast,
    text_on,
)

ROOT = Path(__file__).parents[2]
READABLE = 4.5  # WCAG 2.2, AA


def test_rulers_keep_their_colours_beside_other_classes() -> None:
    colours = class_colours(("anchor", *DEFAULT_CLASSES))
    for name in DEFAULT_CLASSES:
        assert colours[name] == RULERS[name].colour
    assert len(set(colours.values())) == 4


def test_more_classes_than_colours_still_have_one_each() -> None:
    names = [f"class {i}" for i in range(3 * len(CLASS_COLOURS))]
    assert list(class_colours(names)) == names


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("text", [INK, INK_SOFT, BRONZE])
def test_text_is_readable_on_every_ground(text: str) -> None:
    pressed = "#e2d5c1"  # Streamlit's ground of a chosen segment: bronze over paper
    for ground in (PAPER, PAPER_DEEP, pressed):
        assert contrast(text, ground) >= READABLE


def test_the_theme_has_the_colours_of_the_palette() -> None:
    theme = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))["theme"]
    assert theme["primaryColor"] == theme["linkColor"] == BRONZE
    assert theme["backgroundColor"] == PAPER
    assert theme["secondaryBackgroundColor"] == PAPER_DEEP
    assert theme["textColor"] == INK


def test_text_on_any_colour_is_readable() -> None:
    steps = range(0, 256, 51)
    for channels in itertools.product(steps, steps, steps):
        colour = "#" + "".join(f"{one:02x}" for one in channels)
        assert contrast(text_on(colour), colour) >= READABLE
    assert text_on("#000000", 0.0) == text_on(PAPER)
