"""Rendered coins that the tests share; nobody may change them."""

from collections.abc import Callable

import numpy as np
import pytest

from coin_core.rendering import KINDS, RenderedCoin, render_coin


@pytest.fixture(scope="session")
def legend_coins() -> list[RenderedCoin]:
    """Legend sides as worn as real ones."""
    return [render_coin(3, index, size_px=128) for index in range(40)]


@pytest.fixture(scope="session")
def fresh_coins() -> list[RenderedCoin]:
    """Legend sides as struck."""
    return [render_coin(11, index, size_px=128, wear=0.0) for index in range(12)]


@pytest.fixture(scope="session")
def coin_source() -> Callable[[np.random.Generator, str, int], RenderedCoin]:
    """A source of coins for scenes that gives the same coin of a kind every time."""
    coins = {kind: render_coin(3, 0, size_px=64, kind=kind) for kind in KINDS}
    return lambda _rng, kind, _size_px: coins[kind]
