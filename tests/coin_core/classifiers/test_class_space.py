"""What classifiers of other coins learn of how classes differ."""

import numpy as np
import pytest
import torch

from coin_core.classifiers import loading
from coin_core.classifiers.class_space import ClassSpace, class_axes
from coin_core.classifiers.knn import build_knn
from coin_core.classifiers.mlp import build_mlp
from coin_core.model_store import bundle
from coin_core.rulers import DEFAULT_CLASSES

LABELS = ("asp", "bream", "carp")


def draw_coins(labels, count=90, seed=3):
    """Features (N, 40): large differences that say nothing, small ones that tell."""
    rng = np.random.default_rng(seed)
    columns = np.arange(count) % len(labels)
    X = rng.normal(size=(count, 40)) * np.where(np.arange(40) < 20, 3.0, 0.3)
    X[np.arange(count), 20 + columns] += 1.5
    # Mixed, so that no column is one of the differences.
    X = X @ np.linalg.qr(np.random.default_rng(0).normal(size=(40, 40)))[0]
    return X.astype(np.float32), np.array(labels)[columns]


@pytest.mark.parametrize("labels", [LABELS, LABELS[:2]])
def test_neighbours_of_other_coins_are_found_by_what_tells_classes_apart(labels):
    knn = build_knn(labels, seed=0).fit(*draw_coins(labels))
    X, y = draw_coins(labels, seed=5)
    assert knn.score(X, y) >= 0.9
    knn.set_params(learns_axes=False)
    assert knn.fit(*draw_coins(labels)).score(X, y) < 0.75


def test_rulers_are_compared_by_the_legend_as_it_is():
    assert not build_knn(DEFAULT_CLASSES, seed=0).learns_axes


def build_short_mlp(labels, *, seed):
    return build_mlp(labels, seed=seed).set_params(max_epochs=25, batch_size=16)


@pytest.mark.parametrize("by_class", [True, False])
def test_a_perceptron_of_other_coins_learns_where_classes_lie_apart(by_class):
    mlp = build_short_mlp(LABELS, seed=0)
    assert mlp.module__by_class
    mlp.set_params(module__by_class=by_class).fit(*draw_coins(LABELS))
    assert (mlp.score(*draw_coins(LABELS, seed=5)) >= 0.85) == by_class
    assert not build_mlp(DEFAULT_CLASSES, seed=0).module__by_class


@pytest.mark.parametrize(
    ("name", "build"), [("knn", build_knn), ("mlp", build_short_mlp)]
)
def test_what_was_learnt_is_the_same_after_saving(name, build, tmp_path):
    X, y = draw_coins(LABELS)
    fitted = build(LABELS, seed=0).fit(X, y)
    card = bundle.Card(name="own", classifier=name, title="own", classes=LABELS)
    loading.save_classifier(tmp_path / "own", card, fitted, half=True)
    again = loading.load_classifier(tmp_path / "own")[1]
    np.testing.assert_allclose(
        again.predict_proba(X), fitted.predict_proba(X), atol=2e-3
    )


def test_the_pipeline_and_the_network_see_the_same_of_coins():
    X, y = draw_coins(LABELS)
    space = ClassSpace(X.shape[1])
    space.learn(X, np.searchsorted(LABELS, y))
    in_net = space(torch.from_numpy(X)).numpy()[:, : X.shape[1]]
    in_pipeline = build_knn(LABELS, seed=0).fit(X, y).estimator_[:-1].transform(X)
    np.testing.assert_allclose(
        in_net @ in_net.T, in_pipeline @ in_pipeline.T, atol=0.02
    )


def test_coins_of_a_class_differ_alike_along_all_axes_and_classes_in_order():
    X, y = draw_coins(LABELS, count=3000)
    columns = np.searchsorted(LABELS, y)
    axes = class_axes(X, columns)
    unit = X @ (axes / np.linalg.norm(axes, axis=0))
    between = np.array([unit[columns == one].mean(0) for one in range(3)]).std(0)
    # Three classes lie apart along two axes; these are the longest and the last.
    assert (np.argsort(between)[-2:] >= 38).all()
    assert (np.linalg.norm(axes, axis=0) > 0).all()


def test_a_single_class_and_equal_coins_are_no_error():
    X, y = draw_coins(LABELS)
    alone = build_knn(LABELS, seed=0).fit(X[:6], np.repeat("carp", 6))
    assert (alone.predict(X) == "carp").all()
    same = build_knn(LABELS, seed=0).fit(np.ones((6, 40), np.float32), y[:6])
    assert np.isfinite(same.predict_proba(X)).all()
