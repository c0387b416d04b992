"""The legend localizer is trained, saved and measured."""

import math

import numpy as np
import pytest

from coin_core.model_store.bundle import load_card
from coin_core.rendering import render_coin
from coin_core.training import train_legend_localizer
from coin_core.training.rendered_dataset import rendered_in_background


def test_the_localizer_is_written_as_a_bundle(tmp_path, monkeypatch):
    monkeypatch.setattr(train_legend_localizer, "_BATCH", 4)
    monkeypatch.setattr(
        train_legend_localizer, "measure_legend_localizer", lambda n, net: {"n": n}
    )
    figures = train_legend_localizer.train_legend_localizer(
        tmp_path / "frames", coins=8, placements=2, epochs=2, workers=0
    )
    card = load_card(tmp_path / "frames")
    assert card.metrics == (figures,) == ({"n": 2000},)
    assert card.training["coins"] == 8
    assert card.training["command"].endswith(" --seed 0 --coins 8")
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_a_pose_is_measured_on_the_crop_of_the_coin(monkeypatch):
    coins = [
        render_coin(train_legend_localizer._TEST_SEED, k, size_px=160) for k in (0, 1)
    ]
    poses = [train_legend_localizer.crop_to_coin(coin)[1] for coin in coins]
    monkeypatch.setattr(
        train_legend_localizer, "best_poses", lambda crops, net: poses[: len(crops)]
    )
    figures = train_legend_localizer.measure_legend_localizer(2)
    assert figures["accuracy"] == 1.0
    assert figures["centre_error"] == figures["turn_error_deg"] == 0.0


def test_targets_are_places_and_directions():
    crops, places, turns = train_legend_localizer._place(
        np.random.default_rng(0), [render_coin(1, k, size_px=64) for k in range(3)]
    )
    assert crops.shape[0] == 3
    assert places.shape == (3, 3)
    assert turns.shape == (3, 36)
    assert turns.sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    assert all(math.isfinite(value) for value in places.flatten().tolist())


def test_a_coin_without_a_legend_is_refused():
    with pytest.raises(ValueError, match="has no legend"):
        train_legend_localizer.crop_to_coin(render_coin(1, 0, size_px=64, kind="other"))


def test_each_batch_has_other_coins(monkeypatch):
    monkeypatch.setattr(train_legend_localizer, "_BATCH", 2)
    batches = train_legend_localizer._placements(5, range(3), 1)
    alone = [float(crops.sum()) for crops, _, _ in rendered_in_background(0, batches)]
    assert len(set(alone)) == 3
