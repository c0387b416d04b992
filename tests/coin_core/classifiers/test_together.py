"""The verdict of all: other turns are read where the nets are in doubt."""

import math
from dataclasses import replace

import numpy as np
import pytest

from coin_core.classifiers import (
    legend_net,
    shipped_classifiers,
    together,
    torch_classifier,
)
from coin_core.classifiers.together import in_doubt, read_by_both
from coin_core.classifiers.together_card import TOGETHER, can_read_together
from coin_core.errors import WeightsMismatchError
from coin_core.imaging.preprocessing import (
    CROP_PX,
    RotatedBox,
    crop_to_flan,
    normalize_degrees,
)
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.results import RejectReason
from coin_core.rulers import DEFAULT_CLASSES

NAMES = (*shipped_classifiers(), TOGETHER)


@pytest.fixture(scope="module")
def coin_classifier() -> CoinClassifier:
    return CoinClassifier()


def photo_and_box(number: int):
    coin = render_coin(78, number, wear=0.1)
    left, top, right, bottom = np.clip(coin.flan_box, 0, 1).tolist()
    box = RotatedBox(left=left, top=top, right=right, bottom=bottom)
    return coin.image, box, coin.ruler


def turn_poses(monkeypatch: pytest.MonkeyPatch, degrees: float) -> None:
    """Let the net that finds legends be wrong by so much."""
    found = legend_net.predict_poses

    def predict_poses(crops):
        return [
            (replace(one, turn_deg=normalize_degrees(one.turn_deg + degrees)),)
            for one, *_ in found(crops)
        ]

    monkeypatch.setattr(torch_classifier, "predict_poses", predict_poses)
    monkeypatch.setattr(together, "predict_poses", predict_poses)


def test_a_coin_is_in_doubt_where_a_net_is_unsure_or_they_disagree() -> None:
    sure, unsure = [0.98, 0.01, 0.01], [0.9, 0.05, 0.05]
    other = [0.01, 0.98, 0.01]
    first = np.array([sure, sure, sure], np.float32)
    second = np.array([sure, unsure, other], np.float32)
    assert in_doubt(first, second).tolist() == [False, True, True]


def test_one_net_that_reads_much_makes_up_for_the_other() -> None:
    limits = [2.0, 4.0]
    read = np.array([[2.1, 4.1], [1.0, 9.0], [1.0, 7.0], [0.0, 99.0], [np.nan, 1.0]])
    sure = np.ones(len(read), np.float32)
    unturned = np.full_like(read, -np.inf)
    both = read_by_both(read, unturned, sure, limits)
    assert (both < 1).tolist() == [False, False, True, True, False]
    assert both[1] == pytest.approx(math.sqrt(1.0 / 2.0 * 9.0 / 4.0))
    turned = np.maximum(unturned, [[2.0, 8.0]])
    assert read_by_both(read[2:3], turned[:1], sure[:1], limits) == pytest.approx(
        [2**0.5]
    )


def test_a_legend_that_was_found_turned_is_read_all_the_same(
    coin_classifier: CoinClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, all_together = 0, 0
    for number, degrees in ((0, 90.0), (1, 180.0), (2, -90.0)):
        with monkeypatch.context() as patched:
            turn_poses(patched, degrees)
            photo, box, ruler = photo_and_box(number)
            result = coin_classifier.classify(photo, classifiers=NAMES, box=box)
        alone += result.verdicts[0].ruler == ruler
        all_together += result.verdicts[-1].ruler == ruler
    assert all_together == 3 > alone


def test_the_others_answer_the_same_and_clear_coins_are_not_read_again(
    coin_classifier: CoinClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, box, ruler = photo_and_box(0)
    before = coin_classifier.classify(photo, classifiers=NAMES[:-1], box=box)

    def fail(*_args):
        raise AssertionError("read again")

    monkeypatch.setattr(together, "predict_once", fail)
    after = coin_classifier.classify(photo, classifiers=NAMES, box=box)
    for one, other in zip(before.verdicts, after.verdicts[:-1], strict=True):
        assert one.classifier == other.classifier
        assert one.probabilities == other.probabilities
    last = after.verdicts[-1]
    assert (last.classifier, last.ruler, last.reason) == (TOGETHER, ruler, None)
    assert sum(last.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert tuple(last.probabilities) == tuple(before.verdicts[0].probabilities)


def test_the_legends_that_fit_are_a_part_of_the_verdict(
    coin_classifier: CoinClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "in_doubt", lambda rows, _: np.ones(len(rows), bool))
    nets = {name: coin_classifier.model(name).classifier for name in together.READERS}
    for number in range(3):
        photo, box, ruler = photo_and_box(number)
        crops = crop_to_flan(photo, box, CROP_PX)[None]
        rows = {name: coin_classifier.probabilities(crops, name) for name in NAMES[:-1]}
        parts, _ = together.evidence(crops, rows, nets, np.zeros(3))
        assert parts.shape == (1, 6, 3)
        assert DEFAULT_CLASSES[parts[0, 5].argmax()] == ruler
        assert np.exp(parts[0, 5]).sum() == pytest.approx(1)


def test_it_can_be_asked_alone_and_names_nobody_without_a_coin(
    coin_classifier: CoinClassifier,
) -> None:
    photos = [photo_and_box(0)[0], np.zeros((64, 64, 3), np.uint8)]
    coin, blank = coin_classifier.classify_batch(photos, (TOGETHER,))
    assert [one.classifier for one in coin.verdicts] == [TOGETHER]
    assert coin.verdicts[0].ruler == photo_and_box(0)[2]
    assert blank.verdicts[0].reason is RejectReason.NO_COIN
    assert blank.verdicts[0].probabilities == {}


def test_a_classifier_of_ones_own_does_not_take_part(
    coin_classifier: CoinClassifier,
) -> None:
    models = {name: coin_classifier.model(name) for name in shipped_classifiers()}
    cards = {name: model.card for name, model in models.items()}
    assert can_read_together(cards)
    own = replace(models["svm"], card=replace(cards["svm"], origin="own"))
    assert not can_read_together(cards | {"svm": own.card})
    assert not can_read_together({"resnet": cards["resnet"]})
    replaced = coin_classifier.pinned(NAMES)
    replaced._models["svm"] = own
    with pytest.raises(WeightsMismatchError, match="Rename yours"):
        replaced.classify(photo_and_box(0)[0], classifiers=(TOGETHER,))
