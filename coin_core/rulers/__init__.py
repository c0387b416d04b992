"""The rulers whose names the wreath sides carry, and what is known of their coins."""

from __future__ import annotations

from coin_core.rulers.letters import (
    HEBREW_TO_LETTER,
    LETTERS,
    Letter,
    to_paleo,
    transliterate,
)
from coin_core.rulers.records import (
    Attribution,
    Evidence,
    Layout,
    Reference,
    Ruler,
    Spelling,
)
from coin_core.rulers.registry import (
    DEFAULT_CLASSES,
    RULERS,
    find_name_on_coin,
    find_ruler,
    get_ruler,
)

__all__ = [
    "DEFAULT_CLASSES",
    "HEBREW_TO_LETTER",
    "LETTERS",
    "RULERS",
    "Attribution",
    "Evidence",
    "Layout",
    "Letter",
    "Reference",
    "Ruler",
    "Spelling",
    "find_name_on_coin",
    "find_ruler",
    "get_ruler",
    "to_paleo",
    "transliterate",
]
