"""The training loop: schedule, resuming, best epoch, early stopping, stop requests."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from coin_core.detection import SideNet, side_probabilities
from coin_core.imaging.preprocessing import local_contrast_normalize
from coin_core.training.trainer import Trainer, fit, fit_small_net, warmup_cosine


@pytest.mark.parametrize(
    ("step", "settings", "fraction"),
    [
        (0, {}, 0.2),
        (5, {}, 0.6),
        (10, {}, 1.0),
        (55, {}, 0.55),
        (100, {}, 0.1),
        (120, {}, 0.1),
        (10, {"fall_from": 0}, 0.978),
        (0, {"warmup": 0}, 1.0),
        (0, {"warmup": 0, "fall_from": 100}, 1.0),
    ],
)
def test_the_rate_rises_in_a_line_and_falls_along_a_cosine(step, settings, fraction):
    usual = {"warmup": 10, "start": 0.2, "end": 0.1}
    found = warmup_cosine(step, 100, **(usual | settings))
    assert found == pytest.approx(fraction, abs=1e-3)


def trainer(folder, losses, **settings):
    """A trainer of one weight whose validation losses are given."""
    net = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.fill_(0.0)
    given = iter(losses)

    def compute_loss(batch):
        return (net(batch) - 1).square().mean(), len(batch)

    return Trainer(
        net=net,
        optimizer=torch.optim.SGD(net.parameters(), lr=0.1),
        compute_loss=compute_loss,
        learning_rate=lambda epoch, step: 0.1,
        checkpoint=folder / "latest.safetensors",
        validate=lambda: {"valid_loss": next(given)},
        **settings,
    )


def batches(epoch):
    return [torch.ones(4, 1)] * 2


def test_the_best_epoch_is_kept_and_patience_ends_the_training(tmp_path):
    rows = []
    one = trainer(tmp_path, [3.0, 1.0, 2.0, 2.0, 0.0], patience=2, report=rows.append)
    assert not fit([one], batches, epochs=9)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert one.notes["best_epoch"] == 2
    best = 1 - (1 - 0.2) ** 4
    assert one.net.weight.item() == pytest.approx(best)
    assert rows[0]["train_loss"] == pytest.approx((1 + 0.8**2) / 2)


def test_a_stop_leaves_the_open_epoch(tmp_path):
    requests = itertools.chain([False] * 3, itertools.repeat(True))
    one = trainer(tmp_path, [2.0, 1.0])
    assert fit([one], batches, epochs=9, stop_requested=lambda: next(requests))
    assert one.epoch == 1
    assert one.net.weight.item() == pytest.approx(1 - 0.8**2)


def test_nets_side_by_side_wait_for_the_one_behind(tmp_path):
    ahead = trainer(tmp_path / "a", [1.0, 1.0])
    fit([ahead], batches, epochs=2)
    behind = trainer(tmp_path / "b", [3.0, 2.0, 1.0])
    drawn = []
    again = trainer(tmp_path / "a", [0.5])
    fit([again, behind], lambda epoch: drawn.append(epoch) or batches(epoch), epochs=3)
    assert drawn == [0, 1, 2]
    assert again.epoch == behind.epoch == 3
    assert again.net.weight.item() == pytest.approx(behind.net.weight.item())


class KilledError(Exception):
    pass


def striped(rng, down):
    """Stripes across or down, in the noise."""
    stripes = np.where(np.arange(32) // 4 % 2, 160, 90)[:, None].repeat(32, axis=1)
    noise = rng.integers(-20, 21, (32, 32))
    return ((stripes.T if down else stripes) + noise).astype(np.uint8)


def train_to_tell_across_from_down(folder, *, killed_after=None, decay=None, seed=0):
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

    def compute_loss(net, batch):
        return torch.nn.functional.cross_entropy(net(batch[0]), batch[1])

    fit_small_net(
        net,
        draw_epoch,
        compute_loss,
        folder=folder,
        name="probe",
        settings={"seed": seed},
        epochs=4,
        steps=3,
        peak_rate=3e-3,
        decay=decay,
    )
    return net


@pytest.mark.parametrize("decay", [None, 0.5])
def test_a_killed_training_goes_on_to_the_same_end(tmp_path, decay):
    whole = train_to_tell_across_from_down(tmp_path / "whole", decay=decay)
    with pytest.raises(KilledError):
        train_to_tell_across_from_down(tmp_path / "cut", killed_after=2, decay=decay)
    resumed = train_to_tell_across_from_down(tmp_path / "cut", decay=decay)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    crops = np.stack([striped(np.random.default_rng(9), down) for down in (0, 1)])
    assert side_probabilities(crops, whole).argmax(axis=1).tolist() == [0, 1]


def test_a_training_with_other_settings_does_not_go_on_from_there(tmp_path):
    with pytest.raises(KilledError):
        train_to_tell_across_from_down(tmp_path, killed_after=2)
    with pytest.raises(KilledError):  # its first epoch is the first
        train_to_tell_across_from_down(tmp_path, killed_after=0, seed=1)
    train_to_tell_across_from_down(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1, "the other one never ended an epoch"


def test_the_weights_in_the_end_are_the_mean_of_those_over_the_steps(tmp_path):
    net = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.fill_(0.0)
    taken = []

    def compute_loss(forward, batch):
        taken.append(net.weight.item())  # before each step
        return (forward(batch) - 1).square().mean()

    fit_small_net(
        net,
        lambda epoch: iter([torch.ones(4, 1)] * 6),
        compute_loss,
        folder=tmp_path,
        name="probe",
        settings={},
        epochs=1,
        steps=6,
        peak_rate=0.1,
        least_rate=1.0,
        decay=0.5,
    )
    # The first of the mean is the weight after the first step.
    mean = taken[1]
    for weight in taken[2:]:
        mean = 0.5 * mean + 0.5 * weight
    last = 2 * net.weight.item() - mean  # the weight after the last step
    assert taken[-1] < last < taken[-1] + 0.11
    assert net.weight.item() < last
