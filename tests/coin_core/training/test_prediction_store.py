"""The predictions of a run and their crops."""

import numpy as np
from PIL import Image

from coin_core.storage import write_file
from coin_core.training import prediction_store
from coin_core.training.datasets import load_rendered
from coin_core.training.prediction_store import (
    keep_crop,
    picture_path,
    prediction_rows,
)

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]], dtype=np.float32)


def test_a_crop_is_kept_once():
    crop = np.full((32, 32, 3), 90, np.uint8)
    name = keep_crop(crop)
    path = picture_path(name)
    changed = path.stat().st_mtime_ns
    assert keep_crop(crop) == name
    assert path.stat().st_mtime_ns == changed
    assert np.abs(np.asarray(Image.open(path)).astype(int) - 90).max() < 4


def test_measured_coins_are_written_with_label_and_crop():
    coins = load_rendered(3, 3, size_px=48)
    rows = list(prediction_rows(coins, P, np.array([0, -1, 1])))
    assert [row["photo"] for row in rows] == ["0", "2"]
    assert [row["fold"] for row in rows] == [0, 1]
    assert rows[0]["label"] == coins.labels[0]
    assert list(rows[0]["probabilities"].values()) == [0.7, 0.2, 0.1]
    assert all(0 <= row["legibility"] <= 1 for row in rows)
    assert all(picture_path(row["picture"]).is_file() for row in rows)


def test_a_full_disk_costs_the_crops_only(monkeypatch, caplog):
    def full(path, data):
        raise OSError(28, "No space left on device")

    assert prediction_store.write_file is write_file
    monkeypatch.setattr(prediction_store, "write_file", full)
    coins = load_rendered(3, 3, size_px=48)
    rows = list(prediction_rows(coins, P, np.zeros(3, int)))
    assert len(rows) == 3
    assert not any("picture" in row for row in rows)
    assert caplog.text.count("cannot be saved") == 1
