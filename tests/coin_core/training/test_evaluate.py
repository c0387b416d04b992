"""Models are measured on crops and on whole photos."""

import numpy as np
import pytest
from PIL import Image

from coin_core.classifiers import get_classifier, loading
from coin_core.errors import TrainingDataError
from coin_core.jobs import Progress
from coin_core.model_store import bundle
from coin_core.pipeline import CoinClassifier
from coin_core.training import evaluate as measuring
from coin_core.training.datasets import list_photos, load_folder, load_rendered
from coin_core.training.evaluate import measure_crops, measure_photos
from tests.conftest import draw_disc

CLASSES = ("dark", "light")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A bundle of an untrained net."""
    folder = tmp_path_factory.mktemp("models") / "probe"
    net = get_classifier("alexnet").build(CLASSES, seed=1)
    net.initialize()
    card = bundle.Card(
        name="probe",
        classifier="alexnet",
        title="Probe",
        classes=CLASSES,
        preprocessing=net.preparation.as_dict(),
    )
    loading.save_classifier(folder, card, net)
    return folder


@pytest.fixture
def photos(tmp_path):
    """Two photos a class with a coin, one without, one that is torn."""
    for label, ground in zip(CLASSES, (20, 235), strict=True):
        (tmp_path / label).mkdir()
        for number in range(2):
            disc = Image.fromarray(draw_disc(120 + 8 * number, ground))
            disc.save(tmp_path / label / f"{number}.png")
    Image.new("RGB", (80, 80), "white").save(tmp_path / "light" / "empty.png")
    (tmp_path / "dark" / "torn.png").write_bytes(b"torn")
    return tmp_path


def test_photos_and_their_crops_are_measured(model, photos):
    classifier, name = CoinClassifier(), str(model)
    [report], unreadable = measure_photos(
        classifier, [name], photos, list_photos(photos)[0]
    )
    assert report.n == 5
    assert report.answered <= 4
    assert [line.split(":")[0] for line in unreadable] == ["dark/torn.png"]
    [(on_crops, p)] = measure_crops(classifier, [name], load_folder(photos))
    assert on_crops.n == 5
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)


def test_the_bar_moves_while_a_model_computes(model, photos, monkeypatch):
    order = []

    class Bar(Progress):
        def update(self, count=1):
            order.append(count)
            super().update(count)

    class Watched(CoinClassifier):
        def probabilities(self, *arguments, **options):
            order.append("computed")
            return super().probabilities(*arguments, **options)

    monkeypatch.setattr(measuring, "Progress", Bar)
    monkeypatch.setattr(measuring, "_BATCH", 2)
    measure_crops(Watched(), [str(model)], load_folder(photos))
    assert order == ["computed", 2, "computed", 2, "computed", 1]


def test_labels_that_a_model_does_not_know_are_refused(model):
    classifier = CoinClassifier()
    with pytest.raises(TrainingDataError, match="was not trained on this"):
        measure_crops(classifier, [str(model)], load_rendered(3, 2))


@pytest.mark.parametrize("name", ["resnet", "knn"])
def test_a_coin_is_answered_on_which_enough_is_read(name, monkeypatch):
    coins = load_rendered(5, 4, at_least_legible=0.5)
    classifier = CoinClassifier()
    [(before, _)] = measure_crops(classifier, [name], coins)
    assert before.answered > 0
    card = classifier.model(name).card
    monkeypatch.setitem(card.limits, "least_read", 1e3)
    [(after, _)] = measure_crops(classifier, [name], coins)
    assert after.answered == 0
    assert after.accuracy == before.accuracy
