"""The coin detector is trained, saved and measured."""

import numpy as np
import pytest
import torch

from coin_core.detection import CoinSegmentationNet
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.model_store.bundle import load_card, read_tensors
from coin_core.training import train_coin_detector
from coin_core.training.rendered_dataset import rendered_in_background


@pytest.fixture
def quick(monkeypatch):
    """Few coins, few measurements."""
    monkeypatch.setattr(train_coin_detector, "_POOL", 1)
    monkeypatch.setattr(train_coin_detector, "_POOL_PX", 64)
    monkeypatch.setattr(
        train_coin_detector, "measure_coin_detector", lambda n, seed, net: {"n": n}
    )


def test_the_finder_is_written_as_a_bundle(tmp_path, quick):
    train_coin_detector.train_coin_detector(
        tmp_path / "faces", scenes=2, epochs=1, batch=2
    )
    card = load_card(tmp_path / "faces")
    assert card.classes == ("flan", "core")
    CoinSegmentationNet().load_state_dict(read_tensors(tmp_path / "faces"))
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


def test_the_truth_maps_hold_a_core_for_each_coin():
    owners = np.zeros((64, 64), np.uint8)
    owners[8:40, 4:32] = 1
    owners[8:40, 32:60] = 2
    flan, core = train_coin_detector.target_maps(owners)
    assert flan.shape == (32, 32)
    assert flan[10, 15] == flan[10, 16] == 1
    assert core[12, 9] == core[12, 23] == 1
    assert core[12, 15] == core[12, 16] == 0


@pytest.mark.parametrize(("coins", "share"), [(1, 1.0), (0, 0.0)])
def test_a_scene_counts_only_when_nothing_else_is_found(monkeypatch, coins, share):
    def find(photo, net=None):
        whole = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
        return (whole,) * coins

    scene = train_coin_detector.Scene(
        photo=np.zeros((40, 40, 3), np.uint8),
        instance_map=np.ones((40, 40), np.uint8),
        boxes=(RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0),),
        kinds=("legend",),
        background="white",
        arrangement="one",
    )
    monkeypatch.setattr(train_coin_detector.detection, "detect_coins", find)
    monkeypatch.setattr(train_coin_detector, "draw_scene", lambda rng: scene)
    figures = train_coin_detector.measure_coin_detector(4, 0)
    assert figures["accuracy"] == share
    assert figures["by"] == {"all": share, "one": share, "on white": share}


def test_scenes_are_the_same_whoever_draws_them():
    pool = train_coin_detector.Pool(3, 1, 64)
    scenes = train_coin_detector._Scenes(pool, 5, 2, 3, 1)
    alone = [*rendered_in_background(0, scenes)]
    beside = [*rendered_in_background(2, scenes)]
    assert len(alone) == len(beside) == 3
    for one, other in zip(alone, beside, strict=True):
        for pair, twin in zip(one, other, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(pair, twin, strict=True))
    later = train_coin_detector._Scenes(pool, 5, 4, 1, 1)[0]
    assert torch.equal(later[0][0], alone[2][0][0])
