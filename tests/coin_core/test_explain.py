"""The evidence: letters, heat map, nearest coins, on the shipped models."""

import itertools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coin_core.classifiers import get_classifier, shipped_classifiers
from coin_core.classifiers.appearance_net import WHOLE_FLAN
from coin_core.classifiers.knn import build_knn
from coin_core.classifiers.rim_reader import load_rim_reader
from coin_core.explain import (
    find_legend_pose,
    heat_map,
    nearest_coins,
    read_letters,
    read_rim,
)
from coin_core.imaging.preprocessing import CROP_PX, Preprocessing
from coin_core.model_store.card import Card
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.rendering.coins import CAPITALS_KIND
from coin_core.rulers import DEFAULT_CLASSES, LETTERS


@pytest.fixture(scope="module")
def coin_classifier() -> CoinClassifier:
    return CoinClassifier()


def _fresh(index: int) -> tuple[np.ndarray, list]:
    coin = render_coin(88, index, size_px=CROP_PX, wear=0.0)
    return coin.image, list(coin.letters)


def test_letters_are_read_where_they_stand(coin_classifier: CoinClassifier) -> None:
    """Most of what is read on fresh coins is there, within half a letter."""
    right = total = 0
    for index in range(8):
        crop, truth = _fresh(index)
        frame = find_legend_pose(coin_classifier, crop)
        for read in read_letters(coin_classifier, crop):
            x, y = frame.to_crop(
                (read.box.left + read.box.right) / 2,
                (read.box.top + read.box.bottom) / 2,
            )
            total += 1
            right += any(
                letter.letter == read.letter
                and abs((letter.left + letter.right) / 2 - x) < 0.07
                and abs((letter.top + letter.bottom) / 2 - y) < 0.07
                for letter in truth
            )
    assert total > 40
    assert right / total > 0.6


@pytest.mark.parametrize("shift", [(0, 40), (40, 0), (0, -40), (-40, 0)])
def test_letters_at_the_edge_of_the_view_are_read_too(
    coin_classifier: CoinClassifier, shift: tuple[int, int]
) -> None:
    for index in range(4):
        crop, _ = _fresh(index)
        moved = np.roll(crop, shift, axis=(0, 1))
        for read in read_letters(coin_classifier, moved):
            assert 0 <= read.box.left < read.box.right <= 1


def test_reading_order_is_from_the_right(coin_classifier: CoinClassifier) -> None:
    crop, _ = _fresh(2)
    letters = read_letters(coin_classifier, crop)
    known = {letter.key for letter in LETTERS}
    for one, following in itertools.pairwise(letters):
        assert one.letter in known
        if one.line == following.line:
            assert one.box.left >= following.box.left
            assert following.place == one.place + 1
        else:
            assert following.line == one.line + 1


@pytest.mark.parametrize("name", shipped_classifiers())
def test_every_model_shows_where_it_looked(
    coin_classifier: CoinClassifier, name: str
) -> None:
    crop, _ = _fresh(1)
    heat = heat_map(coin_classifier, crop, name, DEFAULT_CLASSES[0])
    assert heat.shape == (CROP_PX, CROP_PX)
    assert heat.dtype == np.float32
    assert 0 <= heat.min() <= heat.max() <= 1


def test_near_coins_come_with_their_pictures_the_nearest_first(
    coin_classifier: CoinClassifier,
) -> None:
    crop, _ = _fresh(1)
    near = nearest_coins(coin_classifier, crop, count=4)
    assert len(near) == 4
    likeness = [coin.similarity for coin, _ in near]
    assert likeness == sorted(likeness, reverse=True)
    for coin, picture in near:
        assert coin.label in DEFAULT_CLASSES
        assert picture is not None
        assert picture.shape == (CROP_PX, CROP_PX, 3)


def test_a_coin_that_was_learnt_in_several_views_is_near_once() -> None:
    labels, views, coins = ("asp", "bream"), 3, 12
    rng = np.random.default_rng(0)
    X = np.tile(rng.normal(size=(coins, 30)), (views, 1)).astype(np.float32)
    X += 0.01 * rng.normal(size=X.shape).astype(np.float32)
    knn = build_knn(labels, seed=0).fit(X, np.array(labels)[np.arange(len(X)) % 2])
    card = Card(
        name="knn",
        classifier="knn",
        title="own",
        classes=labels,
        training={"data": "folder x", "coins": coins, "views": views},
    )
    own = SimpleNamespace(
        model=lambda name: SimpleNamespace(card=card, classifier=knn),
        features=lambda crops, name: X[coins + 5 : coins + 6],
    )
    near = nearest_coins(own, np.zeros((4, 4, 3), np.uint8), count=5)
    origins = [coin.origin for coin, _ in near]
    assert origins[0] == "training coin 5"
    assert len(set(origins)) == len(origins) == 5


def _of_other_coins(*, sight: str = "") -> Any:
    """Holds a model of other coins: of features of this kind, or a net."""
    net = get_classifier("vgg").build(("lily", "anchor"), seed=0)
    net.set_params(module__rim=True, preprocessing=Preprocessing(**WHOLE_FLAN))
    net.initialize()
    net.module_.reader.load_state_dict(load_rim_reader().state_dict())
    model = SimpleNamespace(
        takes_features=bool(sight),
        classifier=net,
        card=SimpleNamespace(features_from={"sight": sight}),
    )
    return SimpleNamespace(model=lambda _: model, feature_extractor=lambda _: model)


@pytest.mark.parametrize("sight", ["", "read rim"])
def test_capitals_are_read_where_they_stand_on_the_rim(sight: str) -> None:
    models = _of_other_coins(sight=sight)
    right = total = 0
    for index in range(8):
        coin = render_coin(88, index, size_px=CROP_PX, kind=CAPITALS_KIND, wear=0.1)
        for read in read_rim(models, coin.image, "own"):
            turn = math.radians(read.turn_deg + 90)
            at = 0.5 + 0.39 * math.cos(turn), 0.5 + 0.39 * math.sin(turn)
            total += 1
            right += any(
                letter.letter == read.letter
                and abs((letter.left + letter.right) / 2 - at[0]) < 0.1
                and abs((letter.top + letter.bottom) / 2 - at[1]) < 0.1
                for letter in coin.letters
            )
    assert total > 25
    assert right / total > 0.5  # chance is 0.03


def test_models_of_the_rulers_and_those_of_before_read_no_rim(
    coin_classifier: CoinClassifier,
) -> None:
    crop = render_coin(88, 0, size_px=CROP_PX, kind=CAPITALS_KIND, wear=0.1).image
    assert read_rim(_of_other_coins(sight="rim"), crop, "own") == ()
    for name in ("vgg", "svm"):
        assert read_rim(coin_classifier, crop, name) == ()
