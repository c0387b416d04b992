"""Letters of a known legend, found on the letter maps of rendered coins."""

import numpy as np
import pytest
import torch

from coin_core.classifiers.letter_alignment import (
    align_letters,
    find_candidates,
    on_crop,
    score_rulers,
)
from coin_core.classifiers.loading import load_classifier
from coin_core.classifiers.torch_classifier import choose_poses, predict_once
from coin_core.imaging.preprocessing import LegendPose
from coin_core.model_store import bundle
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES, HEBREW_TO_LETTER, LETTERS, RULERS
from coin_core.training.letter_targets import NONE, letter_map
from coin_core.training.rendered_dataset import SETTINGS

SEED = 9_000_011
NUMBERS = {letter.key: number for number, letter in enumerate(LETTERS)}


def clear_coins(count):
    """Rendered coins of which most letters are legible."""
    coins = (render_coin(SEED, number) for number in range(10 * count))
    clear = (
        coin
        for coin in coins
        if np.mean([letter.legibility > 0.6 for letter in coin.letters]) > 0.8
    )
    return [next(clear) for _ in range(count)]


def ideal_logits(coin, hidden=()):
    """The letter map of a net that reads all letters but the hidden ones."""
    targets, _ = letter_map(coin, SETTINGS, coin.legend_pose)
    logits = np.where(np.arange(17)[:, None, None] == targets, 6.0, 0.0)
    for number in hidden:
        letter = coin.letters[number]
        u, v = coin.legend_pose.to_view(
            (letter.left + letter.right) / 2, (letter.top + letter.bottom) / 2
        )
        x, y = int(u * 16), int(v * 16)
        near = logits[:, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        near[:] = 0.0
        near[NONE] = 1.5
    return logits.astype(np.float32)


def hits(coin, letters, least=0.0, to_view=None):
    """How many letters that are sure enough there are, and how many are right."""
    to_view = to_view or coin.legend_pose.to_view
    places = [
        (
            NUMBERS[one.letter],
            *to_view((one.left + one.right) / 2, (one.top + one.bottom) / 2),
        )
        for one in coin.letters
    ]
    sure = right = 0
    for key, (x, y, *_), confidence in zip(
        letters.keys, letters.places, letters.confidence, strict=True
    ):
        if confidence >= least:
            sure += 1
            right += any(
                key == other and np.hypot(x - u, y - v) * 16 < 1.6
                for other, u, v in places
            )
    return sure, right


@pytest.fixture(scope="module")
def coins():
    return clear_coins(5)


def test_finds_every_letter_of_a_map_that_shows_them_all(coins):
    found = [hits(c, align_letters(ideal_logits(c), c.ruler)) for c in coins]
    sure, right = np.sum(found, axis=0)
    assert right > 0.95 * sum(len(coin.letters) for coin in coins)
    assert right > 0.95 * sure


def test_finds_letters_that_are_not_read_between_those_that_are(coins):
    total = sure = right = 0
    for coin in coins:
        hidden = range(2, len(coin.letters), 5)
        letters = align_letters(ideal_logits(coin, hidden), coin.ruler)
        one, other = hits(coin, letters)
        total, sure, right = total + len(coin.letters), sure + one, right + other
    assert right > 0.88 * total


def test_what_is_sure_on_coins_as_a_net_reads_them_is_right(coins):
    _, net = load_classifier(bundle.WEIGHTS_DIR / "resnet")
    crops = np.stack([coin.image for coin in coins])
    poses = choose_poses(net.module_.eval(), crops, net.preparation)
    maps = predict_once(net.module_, crops, net.preparation, poses).letters.numpy()
    found = [
        hits(coin, align_letters(one, coin.ruler), 0.8, pose.to_view)
        for coin, one, pose in zip(coins, maps, poses, strict=True)
    ]
    sure, right = np.sum(found, axis=0)
    assert sure > 0.6 * sum(len(coin.letters) for coin in coins)
    assert right > 0.9 * sure


def test_an_even_map_is_sure_of_nothing():
    letters = align_letters(np.zeros((17, 16, 16), np.float32), "john_hyrcanus_i")
    assert letters.confidence.max() < 0.5


def test_the_right_ruler_fits_best(coins):
    for coin in coins:
        scores = score_rulers(ideal_logits(coin), DEFAULT_CLASSES)
        assert DEFAULT_CLASSES[scores.argmax()] == coin.ruler
        own = align_letters(ideal_logits(coin), coin.ruler)
        assert scores.max() == pytest.approx(own.score, rel=1e-5)


def test_the_rest_of_a_legend_tells_the_ruler_too():
    """Lines are broken in other places on the coins of each."""
    coins = clear_coins(40)
    right = 0
    for coin in coins:
        name = [number for number, one in enumerate(coin.letters) if one.in_name]
        scores = score_rulers(ideal_logits(coin, name), DEFAULT_CLASSES)
        right += DEFAULT_CLASSES[scores.argmax()] == coin.ruler
    assert right > 0.6 * len(coins)


def test_letters_come_back_from_the_view_to_the_crop(coins):
    coin = coins[0]
    letters = align_letters(ideal_logits(coin), coin.ruler)
    there = on_crop(letters, coin.legend_pose)
    back = [coin.legend_pose.to_view(x, y) for x, y, *_ in there.places.tolist()]
    assert np.allclose(back, letters.places[:, :2], atol=1e-5)
    same = on_crop(letters, LegendPose(radius=1 / 2.44))
    assert np.allclose(same.places, letters.places, atol=1e-5)


def test_every_attested_layout_is_a_candidate():
    for key, ruler in RULERS.items():
        known = {one.lines for one in find_candidates(key).legends}
        for layout in ruler.layouts:
            lines = [[HEBREW_TO_LETTER[sign] for sign in line] for line in layout.lines]
            assert tuple(map(tuple, lines)) in known


def test_the_same_map_gives_the_same_letters():
    torch.manual_seed(0)
    logits = torch.randn(17, 16, 16).numpy()
    one, other = (align_letters(logits, "alexander_jannaeus") for _ in range(2))
    assert np.array_equal(one.places, other.places)
    assert np.array_equal(one.confidence, other.confidence)
