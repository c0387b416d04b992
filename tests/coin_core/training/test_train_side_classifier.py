"""The side classifier is trained, saved and measured."""

import numpy as np
import pytest
import torch

from coin_core.detection import faces
from coin_core.detection.nets import SideNet
from coin_core.model_store.bundle import load_card, read_tensors
from coin_core.training import train_side_classifier


def few():
    """Eight grey crops, every second a legible legend."""
    crops = np.full((8, 64, 64, 3), 90, np.uint8)
    return train_side_classifier.Sample(crops, np.arange(8) % 2, np.arange(8) % 2 == 0)


def test_the_side_net_is_written_as_a_bundle(tmp_path, monkeypatch):
    monkeypatch.setattr(train_side_classifier, "_RENDERED_PX", 64)
    monkeypatch.setattr(
        train_side_classifier, "measure_side_classifier", lambda n, *_, **__: {"n": n}
    )
    monkeypatch.setattr(train_side_classifier, "draw_sample", lambda n, seed: few())
    train_side_classifier.train_side_classifier(
        tmp_path / "sides", coins=8, epochs=1, batch=4
    )
    card = load_card(tmp_path / "sides")
    assert card.classes == tuple(side.value for side in faces.Side)
    SideNet().load_state_dict(read_tensors(tmp_path / "sides"))


def test_the_bias_is_the_largest_that_calls_no_other_side_a_legend():
    class Undecided(torch.nn.Module):
        def forward(self, crops):
            return torch.tensor([[0.0, 0.55, -1, -1, -1]]).repeat(len(crops), 1)

    assert train_side_classifier.find_legend_bias(Undecided(), few()) == pytest.approx(
        0.5
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
