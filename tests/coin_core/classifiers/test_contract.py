"""What every registered classifier keeps to."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC

from coin_core.classifiers import (
    get_classifier,
    list_classifiers,
    loading,
    register_classifier,
    registry,
)
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import UnknownClassifierError, WeightsMismatchError
from coin_core.model_store import bundle
from coin_core.rulers import DEFAULT_CLASSES

LABELS = ("carp", "bream", "asp")
N, SIDE_PX, FEATURES = 12, 64, 96


def draw_rows(inputs):
    rng = np.random.default_rng(4)
    y = np.array([LABELS[i % 3] for i in range(N)])
    if inputs == "features":
        X = rng.normal(size=(N, FEATURES)).astype(np.float32)
        for row, label in zip(X, y, strict=True):
            row[LABELS.index(label) * 30 : LABELS.index(label) * 30 + 30] += 3
        return X, y
    X = rng.integers(0, 60, (N, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    for crop, label in zip(X, y, strict=True):
        crop[..., LABELS.index(label)] += 120
    return X, y


def build(spec, labels=LABELS, seed=7):
    classifier = spec.build(labels, seed=seed)
    if isinstance(classifier, NetClassifier):
        classifier.set_params(max_epochs=1, device="cpu")
    return classifier


@pytest.fixture(scope="module", params=[spec.name for spec in list_classifiers()])
def fitted(request):
    """A classifier's spec, fitted once for the whole file, with what it learnt from."""
    spec = get_classifier(request.param)
    X, y = draw_rows(spec.inputs)
    return spec, build(spec).fit(X, y), X, y


def test_probabilities_have_shape_range_and_sum(fitted):
    _, classifier, X, _ = fitted
    p = classifier.predict_proba(X)
    assert p.shape == (N, len(LABELS))
    assert p.dtype == np.float32
    assert np.isfinite(p).all()
    assert p.min() >= 0
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)


def test_labels_keep_their_order_and_names(fitted):
    _, classifier, X, y = fitted
    assert tuple(classifier.classes_) == LABELS
    given = classifier.predict(X)
    assert set(given) <= set(LABELS)
    best = np.array(LABELS)[classifier.predict_proba(X).argmax(axis=1)]
    np.testing.assert_array_equal(given, best)
    assert classifier.score(X, y) == (given == y).mean()


def test_the_same_seed_gives_the_same_answer(fitted):
    spec, classifier, X, y = fitted
    again = clone(build(spec)).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_saving_and_loading_changes_nothing(fitted, tmp_path):
    spec, classifier, X, _ = fitted
    preparation = getattr(classifier, "preparation", None)
    card = bundle.Card(
        name="kept",
        classifier=spec.name,
        title=spec.title,
        classes=LABELS,
        preprocessing=preparation.as_dict() if preparation else {},
    )
    loading.save_classifier(tmp_path / "kept", card, classifier)
    read, loaded = loading.load_classifier(tmp_path / "kept")
    assert read.classes == tuple(loaded.classes_) == LABELS
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))


@pytest.mark.parametrize(
    ("labels", "kernel", "in_title"),
    [
        (DEFAULT_CLASSES, "poly", "polynomial"),
        (LABELS, "linear", "linear"),
        ((*DEFAULT_CLASSES, "carp"), "linear", "linear"),
    ],
)
def test_the_title_of_svm_names_the_kernel_that_it_has(labels, kernel, in_title):
    spec = get_classifier("svm")
    values = build(spec, labels).get_params().values()
    assert kernel in {one.kernel for one in values if isinstance(one, SVC)}
    assert f"{in_title} kernel" in spec.title_for(labels)


def test_unfitted_it_says_so(fitted):
    spec, _, X, _ = fitted
    with pytest.raises(NotFittedError):
        build(spec).predict_proba(X)


def test_an_unknown_label_is_refused(fitted):
    spec, _, X, y = fitted
    with pytest.raises(ValueError, match="Unknown labels: pike"):
        build(spec).fit(X, np.where(y == "asp", "pike", y))


@pytest.mark.parametrize(
    "name", [spec.name for spec in list_classifiers() if spec.inputs == "features"]
)
def test_a_label_without_coins_keeps_its_column(name):
    X, y = draw_rows("features")
    kept = y != "bream"
    p = build(get_classifier(name)).fit(X[kept], y[kept]).predict_proba(X)
    assert p.shape == (N, 3)
    assert p[:, 1].max() < 0.7


def test_a_last_batch_of_one_is_survived():
    X, y = draw_rows("features")
    classifier = build(get_classifier("mlp"))
    classifier.set_params(batch_size=N - 1)
    assert np.isfinite(classifier.fit(X, y).predict_proba(X)).all()


def test_training_leaves_the_random_state_alone():
    import torch

    X, y = draw_rows("features")
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    build(get_classifier("mlp")).fit(X, y)
    torch.testing.assert_close(torch.rand(3), expected)


def test_the_menu_lists_the_shipped_ones_in_order():
    specs = list_classifiers()
    shipped = [spec.name for spec in specs if spec.shipped]
    assert shipped[:5] == ["resnet", "vgg", "svm", "knn", "mlp"]
    orders = [spec.order for spec in specs]
    assert orders == sorted(set(orders)), "two classifiers have the same order"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownClassifierError, match=r"'oracle'.*resnet, vgg, svm"):
        get_classifier("oracle")


@pytest.mark.parametrize(
    ("name", "inputs", "said"),
    [
        ("knn", "features", "registered already"),
        ("two words", "photo", "lower-case word"),
        ("new", "sound", "'photo' or 'features'"),
    ],
)
def test_a_wrong_registration_is_refused(monkeypatch, name, inputs, said):
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))
    with pytest.raises(ValueError, match=said):
        register_classifier(
            name=name, title="x", short_title="x", inputs=inputs, order=9
        )(lambda labels, seed: 0)


def test_a_registration_needs_every_attribute(monkeypatch):
    monkeypatch.setattr(registry, "_specs", {})
    with pytest.raises(TypeError, match="short_title"):
        register_classifier(name="new", title="x", inputs="photo", order=9)(
            lambda labels, seed: 0
        )


def test_listing_needs_no_heavy_library():
    code = (
        "import sys; from coin_core.classifiers import list_classifiers;"
        "assert list_classifiers();"
        "print([m for m in ('torch', 'sklearn', 'cv2', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("count", [2, 4])
def test_a_card_with_more_or_fewer_classes_than_the_model_is_refused(
    fitted, tmp_path, count
):
    spec, classifier, _, _ = fitted
    preparation = getattr(classifier, "preparation", None)
    card = bundle.Card(
        name="t",
        classifier=spec.name,
        title="t",
        classes=LABELS,
        preprocessing=preparation.as_dict() if preparation else {},
    )
    loading.save_classifier(tmp_path / "t", card, classifier)
    path = tmp_path / "t" / "card.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["classes"] = [*LABELS, "roach"][:count]
    path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(WeightsMismatchError, match=f"card names {count} classes") as e:
        loading.load_classifier(tmp_path / "t")
    assert "has 3" in str(e.value)
