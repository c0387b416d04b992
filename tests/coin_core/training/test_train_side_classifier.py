"""The side classifier is trained, saved and measured."""

import numpy as np
import pytest
import torch

from coin_core.detection import faces
from coin_core.detection.nets import SideNet
from coin_core.model_store.bundle import load_card, read_tensors, weights_digest
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

    def to(name, seed=0, start=None):
        train_side_classifier.train_side_classifier(
            tmp_path / name, seed=seed, coins=24, epochs=1, batch=8, start=start
        )
        return tmp_path / name

    return to


def test_the_side_net_is_written_as_a_bundle(train):
    folder = train("sides")
    assert load_card(folder).classes == tuple(side.value for side in faces.Side)
    SideNet().load_state_dict(read_tensors(folder))


def test_a_training_goes_on_from_another_net(train):
    def apart(one, other):
        first = "trunk.0.0.weight"
        difference = read_tensors(one)[first] - read_tensors(other)[first]
        return float(difference.abs().mean())

    start = train("start")
    further, anew = train("further", 1, start), train("anew", 1)
    assert apart(further, start) < apart(anew, start) / 4
    assert load_card(further).training["init"] == weights_digest(load_card(start))
    assert "init" not in load_card(anew).training


def test_harder_coins_are_taught_as_the_sides_that_they_show(train, monkeypatch):
    taught = []
    monkeypatch.setattr(
        train_side_classifier,
        "save_tensors",
        lambda path, tensors, notes: taught.append(tensors.get("labels")),
    )
    train("sides")
    names = [list(faces.Side)[k].value for k in taught[0].tolist()]
    assert (
        names
        == ["legend"] * 8 + ["cornucopia"] * 5 + ["star_anchor"] * 3 + ["other"] * 8
    )


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
