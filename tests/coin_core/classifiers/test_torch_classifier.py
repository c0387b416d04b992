"""How a legend net predicts: the right way up, and from more views if in doubt."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from coin_core.classifiers import torch_classifier
from coin_core.classifiers.legend_net import best_poses, predict_poses
from coin_core.classifiers.torch_classifier import choose_poses, predict, predict_once
from coin_core.imaging.preprocessing import LegendPose, Preprocessing, centred_pose
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import RenderedCoin, render_coin


@pytest.fixture(scope="module")
def net() -> Any:
    classifier = CoinClassifier().model("resnet").classifier
    classifier.module_.eval()
    return classifier


def _fresh(index: int) -> tuple[RenderedCoin, LegendPose]:
    coin = render_coin(91, index, size_px=160, wear=0.0)
    assert coin.legend_pose is not None
    return coin, coin.legend_pose


def _upside_down(frame: LegendPose) -> LegendPose:
    return replace(frame, turn_deg=frame.turn_deg + 180)


@pytest.mark.parametrize("upright_first", [True, False])
def test_the_turn_in_which_more_is_read_is_taken(
    net: Any, monkeypatch: pytest.MonkeyPatch, upright_first: bool
) -> None:
    coins = [_fresh(index) for index in range(6)]
    likely = [
        (frame, _upside_down(frame)) if upright_first else (_upside_down(frame), frame)
        for _, frame in coins
    ]
    monkeypatch.setattr(torch_classifier, "predict_poses", lambda _: likely)
    crops = np.stack([coin.image for coin, _ in coins])
    found = choose_poses(net.module_, crops, net.preparation)
    assert sum(a == frame for a, (_, frame) in zip(found, coins, strict=True)) >= 5


def test_a_second_turn_is_named_only_where_it_may_be() -> None:
    coins = [render_coin(92, index, size_px=160) for index in range(60)]
    crops = np.stack([coin.image for coin in coins])
    likely = predict_poses(crops)
    assert [turns[0] for turns in likely] == best_poses(crops)
    hesitant = [turns for turns in likely if len(turns) == 2]
    assert 0 < len(hesitant) < 30
    for one, other in hesitant:
        assert abs((one.turn_deg - other.turn_deg + 180) % 360 - 180) > 20


def test_doubtful_coins_are_looked_at_again_and_sure_ones_are_not(net: Any) -> None:
    crops = np.stack([render_coin(93, k, size_px=160).image for k in range(24)])
    frames = choose_poses(net.module_, crops, net.preparation)
    once = predict_once(net.module_, crops, net.preparation, frames)
    whole = predict(net.module_, crops, net.preparation)
    sure = once.logits.softmax(1).amax(1) >= 0.95
    assert 0 < int(sure.sum()) < len(crops)
    assert torch.allclose(whole.embedding[sure], once.embedding[sure])
    assert torch.allclose(whole.logits[sure], once.logits[sure], atol=1e-4)
    assert torch.equal(whole.letters, once.letters)
    apart = (whole.embedding - once.embedding)[~sure].abs().amax(1)
    assert bool((apart > 0).all())
    assert torch.allclose(whole.features, whole.embedding[:, : whole.features.shape[1]])


def test_a_coin_is_read_alike_alone_and_among_others(net: Any) -> None:
    crops = np.stack([render_coin(94, k, size_px=160).image for k in range(36)])
    together = net.predict_proba(crops)
    alone = np.concatenate([net.predict_proba(crop[None]) for crop in crops[:6]])
    assert np.allclose(together[:6], alone, atol=2e-3)


def test_what_the_last_layers_judge_by_gives_the_same_answer(net: Any) -> None:
    crops = np.stack([render_coin(95, k, size_px=160).image for k in range(12)])
    with torch.inference_mode():
        told = net.module_.classify(net.embed(crops)).softmax(1).numpy()
    assert np.allclose(told, net.predict_proba(crops), atol=1e-4)


def test_without_legends_to_find_the_middle_is_read(net: Any) -> None:
    crops = np.stack([render_coin(96, k, size_px=160).image for k in range(2)])
    plain = Preprocessing(framed=False)
    poses = [centred_pose(plain)] * 2
    assert choose_poses(net.module_, crops, plain) == poses
    once = predict_once(net.module_, crops, plain, poses)
    assert torch.equal(predict(net.module_, crops, plain).embedding, once.embedding)
