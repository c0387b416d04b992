"""What ships is taught, calibrated, measured and saved in one go."""

import numpy as np
import pytest

from coin_core import models
from coin_core.classifiers._trunks import build_reader
from coin_core.errors import TrainingDataError, WeightsMissingError
from coin_core.learning import shipping
from coin_core.learning.history import list_runs
from coin_core.legend_frame import LegendFrame
from coin_core.rulers import DEFAULT_CLASSES


@pytest.fixture(autouse=True)
def _tiny(tmp_path, monkeypatch):
    """A dozen coins where thousands are struck, and readers that know nothing."""
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(models, "WEIGHTS_DIR", tmp_path / "weights")
    monkeypatch.setattr(shipping, "CALIBRATION_COINS", 12)
    monkeypatch.setattr(shipping, "TEST_COINS", 9)

    def train_reader(name, folder, **options):
        notes = {"coins": 5, "seconds": 7, "validation": {}}
        return build_reader(name, len(DEFAULT_CLASSES)).eval(), notes

    monkeypatch.setattr("coin_core.learning.pretraining.train_reader", train_reader)
    monkeypatch.setattr(
        "coin_core.classifiers._reading.likely_frames",
        lambda crops: [(LegendFrame(),)] * len(crops),
    )


def test_vgg_then_knn_ship_and_belong_together():
    card, report = shipping.train_shipped("vgg", seed=3)
    assert report.n == 9
    assert card.classes == tuple(DEFAULT_CLASSES)
    assert card.training["command"] == (
        "python -m coin_core train vgg --data rendered --seed 3"
    )
    assert card.metrics[0]["n"] == 9
    assert card.preprocessing
    knn, _ = shipping.train_shipped("knn", coins=15)
    assert knn.features_from == {
        "name": "vgg",
        "sha256": models.weights_digest(card),
    }
    found, problems = models.discover()
    assert [info.name for info in found] == ["knn", "vgg"]
    assert not problems
    _, loaded = models.load_classifier(models.find_bundle("knn"))
    p = loaded.predict_proba(np.zeros((2, 4096), dtype=np.float32))
    assert p.shape == (2, 3)
    assert {run.report()["state"] for run in list_runs()} == {"done"}


def test_a_reader_that_ships_takes_judah_for_less_likely(monkeypatch):
    taught = build_reader("resnet", len(DEFAULT_CLASSES)).eval()
    before = taught.ruler.bias.detach().clone()
    monkeypatch.setattr(
        "coin_core.learning.pretraining.train_reader",
        lambda *_, **__: (taught, {"coins": 5, "seconds": 7, "validation": {}}),
    )
    shipping.train_shipped("resnet")
    _, loaded = models.load_classifier(models.find_bundle("resnet"))
    less = before - loaded.module_.ruler.bias
    judah = DEFAULT_CLASSES.index("judah_aristobulus_i")
    wanted = [shipping.JUDAH_LESS * (k == judah) for k in range(len(less))]
    assert less.tolist() == pytest.approx(wanted, abs=1e-3)


def test_classifiers_of_features_need_the_vgg_net():
    with pytest.raises(WeightsMissingError, match="train vgg --data rendered"):
        shipping.train_shipped("knn")


def test_what_does_not_ship_is_trained_on_a_folder():
    with pytest.raises(TrainingDataError, match="train alexnet --data DIR"):
        shipping.train_shipped("alexnet")
