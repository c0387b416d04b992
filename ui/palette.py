"""The colours of the pages: bronze, verdigris and earth on paper."""

from __future__ import annotations

from collections.abc import Sequence

from coin_core.rulers import RULERS

PAPER = "#f7f2e8"
PAPER_DEEP = "#ece3d2"
INK = "#2e2620"
INK_SOFT = "#60564b"
BRONZE = "#7a4e1c"
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


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_on(colour: str, opacity: float = 1.0) -> str:
    """Black or white, whichever is easier to read on a colour laid over paper.

    One of the two always has a contrast of 4.5 or more.
    """
    mixed = "#" + "".join(
        f"{round(opacity * top + (1 - opacity) * under):02x}"
        for top, under in zip(_channels(colour), _channels(PAPER), strict=True)
    )
    return max("#000000", "#ffffff", key=lambda text: contrast(text, mixed))


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def _luminance(colour: str) -> float:
    linear = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """One colour for each class, the same in every chart of a page."""
    known = {name: RULERS[name].colour for name in classes if name in RULERS}
    others = [name for name in classes if name not in known]
    free = [colour for colour in CLASS_COLOURS if colour not in known.values()]
    known |= {name: free[i % len(free)] for i, name in enumerate(others)}
    return {name: known[name] for name in classes}
