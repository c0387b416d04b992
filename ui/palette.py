"""The colours of the pages: bronze, verdigris and earth on paper."""

from __future__ import annotations

from collections.abc import Sequence

from coin_core.rulers import RULERS

PAPER = "#f7f2e8"
PAPER_DEEP = "#ece3d2"
INK = "#2e2620"
INK_SOFT = "#6f6357"
BRONZE = "#8a5a24"
MUTED = "#b9ab97"
SHADOW = "#5f5548"  # outlines that are not bronze

# They differ in lightness too, for colour-blind visitors.
CLASS_COLOURS = (
    "#3f7468",  # verdigris
    "#d09a3c",  # ochre
    "#8c3f26",  # red earth
    "#5b6b8c",
    "#7a6a9c",
    "#9c9a4a",
    "#5f5348",
)


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """One colour for each class, the same in every chart of a page."""
    known = {name: RULERS[name].colour for name in classes if name in RULERS}
    others = [name for name in classes if name not in known]
    free = [colour for colour in CLASS_COLOURS if colour not in known.values()]
    known |= {name: free[i % len(free)] for i, name in enumerate(others)}
    return {name: known[name] for name in classes}
