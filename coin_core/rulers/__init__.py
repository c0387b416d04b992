"""The rulers named on the wreath sides, one file each.

A new ruler is one new file here that calls `register_ruler`. Models, label rules,
tables and pages take everything about the ruler from that entry.

The sides are called by what they show, legend side and cornucopia side. "Obverse" would
mislead: in Hendin it is the legend side.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Final

from coin_core.rulers.label_words import LabelWords, Namesake
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
    LegendFrequencies,
    NameOnCoin,
    Reference,
    Ruler,
)
from coin_core.rulers.registry import (
    RULERS,
    find_doubtful_ruler,
    find_name_on_coin,
    find_ruler,
    get_ruler,
    register_ruler,
)

__all__ = [
    "DEFAULT_CLASSES",
    "HEBREW_TO_LETTER",
    "LETTERS",
    "RULERS",
    "Attribution",
    "Evidence",
    "LabelWords",
    "Layout",
    "LegendFrequencies",
    "Letter",
    "NameOnCoin",
    "Namesake",
    "Reference",
    "Ruler",
    "find_doubtful_ruler",
    "find_name_on_coin",
    "find_ruler",
    "get_ruler",
    "register_ruler",
    "to_paleo",
    "transliterate",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

DEFAULT_CLASSES: Final = tuple(key for key, ruler in RULERS.items() if ruler.default)
"""The classes of models trained on rendered coins, in the order of the reigns."""
