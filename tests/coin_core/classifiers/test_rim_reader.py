"""The rim as a strip, and the capitals that are read on it."""

import math

import numpy as np
import pytest
import torch

from coin_core.classifiers.appearance_net import WHOLE_FLAN
from coin_core.classifiers.rim_reader import (
    CAPITALS,
    NO_LETTER,
    RimReader,
    letters_along,
    letters_on_rims,
    load_rim_reader,
    unrolled,
)
from coin_core.imaging.preprocessing import Preprocessing, standardize
from coin_core.model_store.graph import compiled
from coin_core.rendering import render_coin
from coin_core.rendering.coins import CAPITALS_KIND
from coin_core.training.train_rim_reader import measure_rim_reader

SECTORS, PAIRS = 24 * len(CAPITALS), 2 * len(CAPITALS) ** 2


def marked(clock, radius=0.75, px=160):
    """A flan with one bright spot, `clock` hours clockwise from the top."""
    angle = math.radians(30 * clock - 90)
    at = (torch.arange(px) + 0.5) * 2 / px - 1
    x, y = radius * math.cos(angle), radius * math.sin(angle)
    spot = torch.exp(-((at[None] - x) ** 2 + (at[:, None] - y) ** 2) / 0.003)
    return spot.expand(1, 3, px, px)


@pytest.mark.parametrize("clock", [1, 3, 6.5, 9, 11])
def test_the_rim_is_unrolled_clockwise_from_below(clock):
    strip = unrolled(marked(clock))[0, 0]
    assert strip.shape == (48, 576)
    strip = strip[:, 32:-32]
    row, column = (strip == strip.max()).nonzero().float().mean(0).tolist()
    assert column / 512 == pytest.approx(((clock - 6) % 12) / 12, abs=0.01)
    # from its outer edge to its inner one
    assert row / 48 == pytest.approx((1 - 0.75 * 1.04) / 0.48, abs=0.04)


def test_both_ends_of_a_strip_go_on_with_what_is_at_the_other():
    strip = unrolled(torch.rand(2, 3, 96, 96))
    assert torch.allclose(strip[..., :64], strip[..., -64:], atol=1e-3)


def test_a_coin_in_other_light_has_the_same_strip():
    coin = torch.rand(1, 3, 160, 160) * 4 - 2
    other = unrolled(1.5 * coin + 0.3)
    assert torch.allclose(unrolled(coin), other, atol=0.15)


@pytest.fixture(scope="module")
def reader():
    return load_rim_reader()


def strips_of(*numbers):
    """The rims of rendered coins that fill their photos, hardly worn."""
    coins = [
        render_coin(3, k, size_px=160, kind=CAPITALS_KIND, wear=0.2) for k in numbers
    ]
    crops = torch.from_numpy(np.stack([coin.image for coin in coins]))
    flans = Preprocessing(framed=False, **WHOLE_FLAN)
    return unrolled(standardize(crops.permute(0, 3, 1, 2).float(), flans))


@torch.inference_mode()
def test_what_is_read_is_the_same_in_onnx_runtime(reader):
    strips = strips_of(0, 1, 2)
    fast = compiled(reader, strips[:1, :1])
    assert fast is not reader, "each of its layers is known there"
    expected = letters_on_rims(reader, strips)
    assert torch.allclose(letters_on_rims(fast, strips), expected, atol=1e-3)
    assert expected.max() > 0.5


@torch.inference_mode()
def test_letters_that_follow_each_other_are_the_same_in_any_turn(reader):
    strips = strips_of(4, 5)
    turned = strips.clone()
    sixth = 512 // 8
    once = strips[..., 32:-32].roll(sixth, 3)
    turned[..., 32:-32] = once
    turned[..., :32], turned[..., -32:] = once[..., -32:], once[..., :32]
    before, after = letters_on_rims(reader, strips), letters_on_rims(reader, turned)
    pairs = slice(SECTORS, SECTORS + PAIRS)
    assert torch.allclose(after[:, pairs], before[:, pairs], atol=0.02)
    sectors = before[:, :SECTORS].view(2, -1, 24)
    moved = after[:, :SECTORS].view(2, -1, 24)
    assert torch.allclose(moved, sectors.roll(24 // 8, 2), atol=0.05)
    assert not torch.allclose(moved, sectors, atol=0.3)


def answer(*letters):
    """An answer of a reader that is sure of letters at places once around."""
    logits = torch.zeros(NO_LETTER + 1, 144)
    logits[NO_LETTER] = 8
    for letter, place, strength in letters:
        # What is in the first quarter of a turn is repeated after the end.
        for at in (place + 8, place + 8 - 128, place + 8 + 128):
            if 0 <= at < 144:
                logits[CAPITALS.index(letter), at] = 8 + strength
    return logits


def test_letters_come_clockwise_from_below_each_once():
    found = letters_along(
        answer(("T", 96, 4), ("R", 32, 6), ("R", 33, 5), ("P", 34, 4), ("X", 64, -2))
    )
    assert [(one.letter, round(one.turn_deg)) for one in found] == [
        ("R", round(360 * 32.5 / 128)),
        ("T", round(360 * 96.5 / 128)),
    ]
    assert found[0].probability > 0.9


def test_a_letter_where_the_strip_begins_is_found_once():
    found = letters_along(answer(("S", 0, 5), ("S", 127, 6)))
    assert [one.letter for one in found] == ["S"]


def test_nothing_is_found_where_there_is_none():
    assert letters_along(answer()) == ()


def test_the_shipped_reader_reads_legible_letters():
    figures = measure_rim_reader(64, seed=77)
    assert figures["accuracy"] > 0.3  # chance is 0.03
    assert figures["invented"] < 0.15


@torch.inference_mode()
def test_an_untrained_reader_has_an_answer_for_each_place():
    logits, maps = RimReader().eval()(torch.zeros(2, 1, 48, 576))
    assert logits.shape == (2, NO_LETTER + 1, 1, 144)
    assert maps.shape[2:] == (1, 144)
