"""Whether there are coins enough to believe what is measured on them."""

from __future__ import annotations

from collections.abc import Mapping

from coin_core.results import class_title

# Below this the figures of a class say little: 20 of 25 is 61 to 91 %.
FEW_COINS = 30


def few_coins_warning(per_class: Mapping[str, int]) -> str:
    """One sentence on the classes with too few coins to trust; "" without any."""
    few = {label: count for label, count in per_class.items() if count < FEW_COINS}
    if not few:
        return ""
    named = ", ".join(f"{class_title(key)} ({count})" for key, count in few.items())
    return (
        f"Fewer than {FEW_COINS} coins of {named}: what is measured for so few may be "
        "far off. Add coins before relying on it."
    )
