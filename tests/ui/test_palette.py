from __future__ import annotations

from coin_core.rulers import DEFAULT_CLASSES, RULERS
from ui.palette import CLASS_COLOURS, class_colours


def test_rulers_keep_their_colours_beside_other_classes() -> None:
    colours = class_colours(("anchor", *DEFAULT_CLASSES))
    for name in DEFAULT_CLASSES:
        assert colours[name] == RULERS[name].colour
    assert len(set(colours.values())) == 4


def test_more_classes_than_colours_still_have_one_each() -> None:
    names = [f"class {i}" for i in range(3 * len(CLASS_COLOURS))]
    assert list(class_colours(names)) == names
