"""A taught net beside the one that it started from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FEWEST: Final = 150
"""Of fewer photos a net learns as many mistakes as letters, so it stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Log loss on coins that were not learned from.

    Attributes:
        coins: How many they are.
        before: As the net reads them that it starts from.
        after: As the taught net does, or the same where there were too few to teach it.
        error: The standard error of the difference.
    """

    coins: int
    before: float
    after: float
    error: float

    @property
    def is_kept(self) -> bool:
        """Whether the taught net is kept, or else the one before."""
        return self.after < self.before
