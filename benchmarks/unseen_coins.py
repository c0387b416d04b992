"""Coins in a style that no classifier was taught: as far away as real ones may be.

The product renders coins in known letter forms, strokes, patinas and cameras, and its
classifiers learn from those. Here letters have other forms, which are the same on all
coins as on those of one mint; strokes are hollow, hair-thin or fat; stains, lamps,
grain and compression are outside of the usual ranges. What is true of a coin (ruler,
legend, places of the letters) is true here as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any
from unittest import mock

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering import RenderedCoin, coins, legend_die, photo, render_coin
from coin_core.rendering.letters import LETTER_FORMS, Hand, LetterForm
from coin_core.rendering.photo import compress_jpeg, parse_colours

_FORMS_SEED = 20_240_607
_STYLE_STREAM = 907  # of what is changed after the camera, beside the coin's own
_FORMS_PER_LETTER = 2
_PATINAS = parse_colours("2f6b5e 7fb09a 8a2f1e a8442c d8d2c0 b9a7c4 1c2a4a c9b458")
_EARTHS = parse_colours("f4f0e8 e8c9b0 b03a20 0a0a0a 9fd0c0")


def _other_form(form: LetterForm, rng: np.random.Generator) -> LetterForm:
    """A form with the same strokes, sheared, bent and of another width."""
    shear, bow = rng.normal(0, 0.22), rng.normal(0, 0.16)
    moves = rng.normal(0, 0.11, (4, 4, 2))  # a grid of shifts, read by bilinear
    strokes = []
    for stroke in form.strokes:
        points: list[tuple[float, float]] = []
        for (x0, y0), (x1, y1) in pairwise(stroke):
            for t in np.linspace(0, 1, 5)[bool(points) :]:
                # Each segment bulges to one side.
                bulge = bow * math.sin(math.pi * t)
                x = x0 + (x1 - x0) * t - (y1 - y0) * bulge
                y = y0 + (y1 - y0) * t + (x1 - x0) * bulge
                column, row = (int(np.clip(v, 0, 0.99) * 4) for v in (x, y))
                dx, dy = moves[row, column]
                points.append((x + dx - shear * (y - 0.5), y + dy))
        strokes.append(tuple((float(x), float(y)) for x, y in points))
    width = form.width * float(rng.uniform(0.75, 1.35))
    return LetterForm(width=width, strokes=tuple(strokes))


def unseen_forms() -> dict[str, tuple[LetterForm, ...]]:
    """The letter forms of these coins, by letter key."""
    rng = np.random.default_rng(_FORMS_SEED)
    return {
        letter: tuple(
            _other_form(forms[int(rng.integers(len(forms)))], rng)
            for _ in range(_FORMS_PER_LETTER)
        )
        for letter, forms in LETTER_FORMS.items()
    }


class _UnseenHand(Hand):
    """An engraver with the forms of `unseen_forms`, and other strokes."""

    forms = unseen_forms()

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Hand:
        """Draw a random hand; strokes are hair-thin or fat, seldom wedges."""
        thin = rng.random() < 0.5
        usual = Hand.draw(rng)
        hand = replace(
            usual,
            thickness=float(rng.uniform(0.08, 0.13) if thin else rng.uniform(0.3, 0.4)),
            wedge=float(rng.uniform(0.0, 0.2)),
            leaf=0.0,
        )
        return cls(**{name: getattr(hand, name) for name in Hand.__dataclass_fields__})

    def pick_form(self, letter: str, rng: np.random.Generator) -> LetterForm:
        """The engraver's form of a letter."""
        return self.forms[letter][self.choice[letter] % _FORMS_PER_LETTER]


@contextmanager
def _unseen_dies() -> Iterator[None]:
    with (
        mock.patch.object(legend_die, "Hand", _UnseenHand),
        mock.patch.object(photo, "PATINAS", _PATINAS),
        mock.patch.object(photo, "EARTHS", _EARTHS),
        mock.patch.object(coins, "strike", _hollow_strike(coins.strike)),
    ):
        yield


def _hollow_strike(strike: Callable[..., NDArray[np.float32]]) -> Callable[..., Any]:
    """Strokes of half of the coins sink in along their middle."""

    def strike_hollow(
        ink: NDArray[np.uint8], sigma: float, rise_px: float = 0.0
    ) -> NDArray[np.float32]:
        relief = strike(ink, sigma, rise_px)
        if int(ink.astype(np.int64).sum()) % 2:
            return np.asarray(relief, np.float32)
        inner = cv2.erode(ink, np.ones((3, 3), np.uint8))
        hollow = relief - np.float32(0.7) * cv2.GaussianBlur(
            inner.astype(np.float32) / 255, (0, 0), 0.8
        )
        return np.asarray(np.clip(hollow, 0, 1), np.float32)

    return strike_hollow


def _photograph(
    image: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Stains, a coloured lamp from one side, coloured grain, a bad JPEG."""
    size = image.shape[0]
    real = image.astype(np.float32)
    coarse = rng.normal(0, 1, (5, 5, 3)).astype(np.float32)
    stains = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    real += stains * np.float32(rng.uniform(5, 22))
    across = np.linspace(-1, 1, size, dtype=np.float32)
    towards = float(rng.uniform(0, 2 * math.pi))
    lamp = across[None] * math.cos(towards) + across[:, None] * math.sin(towards)
    colour = rng.uniform(-28, 28, 3).astype(np.float32)
    real += lamp[:, :, None] * colour
    real = 128 + (real - 128) * np.float32(rng.uniform(0.45, 0.8))
    real += rng.normal(0, 1, (size, size, 3)) * float(rng.uniform(4, 11))
    out = np.clip(np.round(real), 0, 255).astype(np.uint8)
    return compress_jpeg(out, int(rng.integers(25, 55)))


def render_unseen_coin(seed: int, index: int, *, size_px: int = 160) -> RenderedCoin:
    """Render a coin of the unseen style."""
    with _unseen_dies():
        coin = render_coin(seed, index, size_px=size_px)
    rng = np.random.default_rng([seed, index, _STYLE_STREAM])
    return replace(coin, image=_photograph(coin.image, rng))
