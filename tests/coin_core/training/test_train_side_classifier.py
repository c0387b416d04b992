"""The side classifier is trained, saved and measured."""

import numpy as np
import pytest
import torch

from coin_core.detection import SideNet
from coin_core.model_store.bundle import load_card, read_tensors
from coin_core.results import Side
from coin_core.training import train_side_classifier


def few():
    """Eight grey crops, every second a legible legend."""
    crops = np.full((8, 64, 64, 3), 90, np.uint8)
    return train_side_classifier.Sample(crops, np.arange(8) % 2, np.arange(8) % 2 == 0)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train a side net on a few coins; the folder of its bundle."""
    monkeypatch.setattr(train_side_classifier, "_RENDERED_PX", 64)
    monkeypatch.setattr(
        train_side_classifier, "measure_side_classifier", lambda n, *_, **__: {"n": n}
    )
    monkeypatch.setattr(train_side_classifier, "draw_sample", lambda n, seed: few())

    def to(name):
        train_side_classifier.train_side_classifier(
            tmp_path / name, seed=0, coins=28, epochs=1, batch=8
        )
        return tmp_path / name

    return to


def test_the_side_net_is_written_as_a_bundle(train):
    folder = train("sides")
    assert load_card(folder).classes == tuple(side.value for side in Side)
    SideNet().load_state_dict(read_tensors(folder))


def test_harder_coins_are_taught_as_the_sides_that_they_show(train, monkeypatch):
    taught = []
    monkeypatch.setattr(
        train_side_classifier,
        "save_tensors",
        lambda path, tensors, notes: taught.append(tensors.get("labels")),
    )
    train("sides")
    names = [list(Side)[k].value for k in taught[0].tolist()]
    assert (
        names
        == ["legend"] * 8 + ["cornucopia"] * 6 + ["star_anchor"] * 3 + ["other"] * 11
    )


def test_some_photos_are_discs_on_a_plain_ground(monkeypatch):
    def corners(often):
        monkeypatch.setattr(train_side_classifier, "_CUT_OUT", often)
        rng = np.random.default_rng(2)
        noisy = rng.integers(0, 256, (96, 96, 3)).astype(np.uint8)
        whole = np.full((96, 96), 255, np.uint8)
        spread = []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            grey = np.zeros((96, 96), np.uint8)
            crop = train_side_classifier.photograph_anew(rng, noisy, whole, [grey])
            spread.append(float(crop[:5, :5].std()))
        return np.median(spread)

    assert corners(1.0) < corners(0.0) / 2


def test_the_bias_is_the_smallest_that_refuses_no_legible_legend():
    class Undecided(torch.nn.Module):
        def forward(self, crops):
            return torch.tensor([[0.0, 0.55, -1, -1, -1]]).repeat(len(crops), 1)

    assert train_side_classifier.find_legend_bias(Undecided(), few()) == pytest.approx(
        0.6
    )


def test_sides_are_measured_against_the_rendered_side(monkeypatch):
    class SaysLegend(torch.nn.Module):
        def forward(self, crops):
            return torch.tensor([[5.0, 0, 0, 0, 0]]).repeat(len(crops), 1)

    monkeypatch.setattr(train_side_classifier, "draw_sample", lambda n, seed: few())
    figures = train_side_classifier.measure_side_classifier(8, 0, net=SaysLegend())
    assert figures["accuracy"] == 0.5
    assert figures["legible_legends_refused"] == 0.0
    assert figures["others_taken_for_legends"] == 1.0
