"""That the small nets learn, go on after a kill, and are measured rightly."""

import numpy as np
import pytest
import torch

from coin_core.detection import faces
from coin_core.detection.faces import RotatedBox
from coin_core.detection.nets import (
    CoinSegmentationNet,
    SideNet,
    local_contrast_normalize,
    side_probabilities,
)
from coin_core.model_store.bundle import load_card, read_tensors
from coin_core.training import train_coin_detector, train_side_classifier
from coin_core.training.rendered_dataset import rendered_in_background
from coin_core.training.trainer import fit_small_net


def few():
    """Eight grey crops, every second a legible legend."""
    crops = np.full((8, 64, 64, 3), 90, np.uint8)
    return train_side_classifier.Sample(crops, np.arange(8) % 2, np.arange(8) % 2 == 0)


@pytest.fixture
def quick(monkeypatch):
    """Few coins, few measurements."""
    monkeypatch.setattr(train_coin_detector, "_POOL", 1)
    monkeypatch.setattr(train_coin_detector, "_POOL_PX", 64)
    monkeypatch.setattr(train_side_classifier, "_STRUCK_PX", 64)
    monkeypatch.setattr(
        train_coin_detector, "measure_finder", lambda n, seed, net: {"n": n}
    )
    monkeypatch.setattr(
        train_side_classifier, "measure_sides", lambda n, *_, **__: {"n": n}
    )
    monkeypatch.setattr(train_side_classifier, "draw_sample", lambda n, seed: few())


def test_the_finder_is_written_as_a_bundle(tmp_path, quick):
    train_coin_detector.train_finder(tmp_path / "faces", scenes=2, epochs=1, batch=2)
    card = load_card(tmp_path / "faces")
    assert card.classes == ("flan", "core")
    CoinSegmentationNet().load_state_dict(read_tensors(tmp_path / "faces"))
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


def test_the_side_net_is_written_as_a_bundle(tmp_path, quick):
    train_side_classifier.train_sides(tmp_path / "sides", coins=8, epochs=1, batch=4)
    card = load_card(tmp_path / "sides")
    assert card.classes == tuple(side.value for side in faces.Side)
    SideNet().load_state_dict(read_tensors(tmp_path / "sides"))


def test_the_truth_maps_hold_a_core_for_each_coin():
    owners = np.zeros((64, 64), np.uint8)
    owners[8:40, 4:32] = 1
    owners[8:40, 32:60] = 2
    flan, core = train_coin_detector.maps_of(owners)
    assert flan.shape == (32, 32)
    assert flan[10, 15] == flan[10, 16] == 1
    assert core[12, 9] == core[12, 23] == 1
    assert core[12, 15] == core[12, 16] == 0


def test_the_lift_is_the_most_that_takes_no_other_side_for_a_legend():
    class Undecided(torch.nn.Module):
        def forward(self, crops):
            return torch.tensor([[0.0, 0.55, -1, -1, -1]]).repeat(len(crops), 1)

    assert train_side_classifier.find_lift(Undecided(), few()) == pytest.approx(0.5)


def test_sides_are_measured_against_what_was_struck(monkeypatch):
    class SaysLegend(torch.nn.Module):
        def forward(self, crops):
            return torch.tensor([[5.0, 0, 0, 0, 0]]).repeat(len(crops), 1)

    monkeypatch.setattr(train_side_classifier, "draw_sample", lambda n, seed: few())
    figures = train_side_classifier.measure_sides(8, 0, net=SaysLegend())
    assert figures["accuracy"] == 0.5
    assert figures["legible_legends_refused"] == 0.0
    assert figures["others_taken_for_legends"] == 1.0


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
    monkeypatch.setattr(train_coin_detector.faces, "detect_coins", find)
    monkeypatch.setattr(train_coin_detector, "draw_scene", lambda rng: scene)
    figures = train_coin_detector.measure_finder(4, 0)
    assert figures["accuracy"] == share
    assert figures["by"] == {"all": share, "one": share, "on white": share}


class KilledError(Exception):
    pass


def striped(rng, down):
    """Stripes across or down, in the noise."""
    stripes = np.where(np.arange(32) // 4 % 2, 160, 90)[:, None].repeat(32, axis=1)
    noise = rng.integers(-20, 21, (32, 32))
    return ((stripes.T if down else stripes) + noise).astype(np.uint8)


def train_to_tell_across_from_down(work, *, killed_after=None):
    torch.manual_seed(0)
    net = SideNet(sides=2)

    def draw_epoch(epoch):
        if killed_after is not None and epoch >= killed_after:
            raise KilledError
        rng = np.random.default_rng(epoch)
        for _ in range(3):
            y = torch.from_numpy(rng.integers(0, 2, 8))
            crops = np.stack([striped(rng, bool(k)) for k in y])
            yield local_contrast_normalize(crops), y

    def loss(net, batch):
        return torch.nn.functional.cross_entropy(net(batch[0]), batch[1])

    fit_small_net(
        net,
        draw_epoch,
        loss,
        work=work,
        name="probe",
        epochs=4,
        steps=3,
        rate=3e-3,
    )
    return net


def test_a_killed_training_goes_on_to_the_same_end(tmp_path):
    whole = train_to_tell_across_from_down(tmp_path / "whole")
    with pytest.raises(KilledError):
        train_to_tell_across_from_down(tmp_path / "cut", killed_after=2)
    resumed = train_to_tell_across_from_down(tmp_path / "cut")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    crops = np.stack([striped(np.random.default_rng(9), down) for down in (0, 1)])
    assert side_probabilities(crops, whole).argmax(axis=1).tolist() == [0, 1]


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
