"""The colours of the pages: bronze, verdigris and earth on paper."""

from __future__ import annotations

PAPER = "#f7f2e8"
PAPER_DEEP = "#ece3d2"
INK = "#2e2620"
INK_SOFT = "#6f6357"
BRONZE = "#8a5a24"
MUTED = "#b9ab97"

# Apart from each other in lightness too, for those who see few colours.
_CLASS_COLOURS = (
    "#3f7468",  # verdigris
    "#d09a3c",  # ochre
    "#8c3f26",  # red earth
    "#5b6b8c",
    "#7a6a9c",
    "#9c9a4a",
    "#5f5348",
)


def class_colours(classes: tuple[str, ...]) -> dict[str, str]:
    """One colour for each class, the same in every chart of a page."""
    return {
        name: _CLASS_COLOURS[i % len(_CLASS_COLOURS)] for i, name in enumerate(classes)
    }
