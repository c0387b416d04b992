"""What classifiers of other coins learn of how classes differ."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from coin_core.classifiers import loading
from coin_core.classifiers.appearance_net import DirectionHead
from coin_core.classifiers.base import Directions
from coin_core.classifiers.class_space import (
    ClassSpace,
    Standardized,
    class_axes,
    class_planes,
)
from coin_core.classifiers.knn import build_knn
from coin_core.classifiers.mlp import build_mlp
from coin_core.classifiers.svm import build_svm
from coin_core.errors import WeightsMismatchError
from coin_core.model_store import bundle
from coin_core.model_store.estimator_io import dump_estimator, load_estimator
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
    assert knn.score(X, y) >= 0.8
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
    mlp.set_params(module__by_class=by_class, module__parts=3)
    mlp.fit(*draw_coins(LABELS))
    assert (mlp.score(*draw_coins(LABELS, seed=5)) >= 0.85) == by_class
    assert not build_mlp(DEFAULT_CLASSES, seed=0).module__by_class


@pytest.mark.parametrize(
    ("name", "build", "before"),
    [
        ("knn", build_knn, {}),
        ("svm", build_svm, {}),
        ("mlp", build_short_mlp, {}),
        ("mlp", build_short_mlp, {"module__parts": 1}),
        ("mlp", build_short_mlp, {"module__parts": 3}),
        ("knn", build_knn, {"estimator__scale__parts": 3}),
        ("svm", build_svm, {"estimator__scale__parts": 3}),
    ],
)
def test_what_was_learnt_is_the_same_after_saving(name, build, before, tmp_path):
    """So it is with models of before, whose features had fewer parts or none."""
    X, y = draw_coins(LABELS)
    fitted = build(LABELS, seed=0).set_params(**before).fit(X, y)
    card = bundle.Card(name="own", classifier=name, title="own", classes=LABELS)
    loading.save_classifier(tmp_path / "own", card, fitted, half=True)
    again = loading.load_classifier(tmp_path / "own")[1]
    np.testing.assert_allclose(
        again.predict_proba(X), fitted.predict_proba(X), atol=2e-3
    )


def test_a_pipeline_of_before_is_opened_as_it_was():
    X, y = draw_coins(LABELS)
    steps = (StandardScaler(), Normalizer(), PCA(20), Normalizer())
    before = make_pipeline(*steps, KNeighborsClassifier(10, algorithm="brute"))
    before.fit(X, np.searchsorted(LABELS, y))
    again = load_estimator(dump_estimator(before))
    np.testing.assert_array_equal(again.predict_proba(X), before.predict_proba(X))


def test_the_pipeline_and_the_network_see_the_same_of_coins():
    X, y = draw_coins(LABELS)
    space = ClassSpace(X.shape[1], parts=4)
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


def test_each_part_of_the_features_counts_the_same_in_nets_and_pipelines():
    X = draw_coins(LABELS)[0]
    X[:, :14] = X[:, :1] * np.arange(1.0, 15.0)  # alike, so longer in sum
    unit = Standardized(40, parts=3).standardize(X)
    lengths = [np.linalg.norm(unit[:, i:j], axis=1) for i, j in ((0, 14), (14, 27))]
    np.testing.assert_allclose(lengths, 3**-0.5, atol=1e-6)
    np.testing.assert_allclose(Directions(3).fit_transform(X), unit, atol=1e-5)


@pytest.mark.parametrize("balanced", [True, False])
def test_planes_are_those_of_a_weighted_ridge_regression(balanced):
    X, y = draw_coins(LABELS)
    columns = np.searchsorted(LABELS, y)
    kept = np.r_[0:9, np.flatnonzero(columns == 1), np.flatnonzero(columns == 2)]
    X, columns = X[kept], columns[kept]
    weights = 1 / np.bincount(columns)[columns] if balanced else np.ones(len(columns))
    weights *= len(weights) / weights.sum()
    ridge = Ridge(3e-4 * len(X)).fit(X, np.eye(3)[columns], sample_weight=weights)
    planes, biases = class_planes(X, columns, 3, balanced=balanced)
    np.testing.assert_allclose(planes, 6 * ridge.coef_, atol=0.01)
    np.testing.assert_allclose(biases, 6 * ridge.intercept_, atol=0.01)


def test_a_head_is_computed_from_the_coins_and_finds_rare_classes():
    X, y = draw_coins(LABELS, count=600)
    columns = np.searchsorted(LABELS, y)
    rare = np.r_[np.flatnonzero(columns != 2), np.flatnonzero(columns == 2)[:8]]
    found = {}
    for balanced in (True, False):
        head = DirectionHead(40, 4, parts=2)
        head.learn(X[rare], columns[rare], balanced)
        with torch.inference_mode():
            logits = head(torch.from_numpy(X)).numpy()
        right = logits.argmax(1) == columns
        found[balanced] = right[columns == 2].mean()
        assert right[columns != 2].mean() > 0.8
        # The fourth class has no coin to learn from.
        assert torch.softmax(torch.from_numpy(logits), 1)[:, 3].max() < 1e-6
    assert found[True] > 0.7 > 0.5 > found[False]


def test_several_views_of_coins_do_not_make_a_machine_too_sure():
    X, y = draw_coins(LABELS)
    noise = np.random.default_rng(2).normal(size=X.shape, scale=0.02)
    views = np.concatenate([X, X + noise.astype(np.float32), X - noise])
    held_out, truth = draw_coins(LABELS, seed=5)
    columns = np.searchsorted(LABELS, truth)
    losses = []
    for rows, names in ((X, y), (views, np.tile(y, 3))):
        p = build_svm(LABELS, seed=0).fit(rows, names).predict_proba(held_out)
        losses.append(-np.log(p[np.arange(len(p)), columns]).mean())
    assert losses[1] < losses[0] + 0.1


def test_a_file_with_parts_that_nothing_computes_is_refused(tmp_path):
    X, y = draw_coins(LABELS)
    fitted = build_knn(LABELS, seed=0).fit(X, y).estimator_
    assert load_estimator(dump_estimator(fitted)).get_params()["scale__parts"] == 4
    fitted.set_params(scale__parts=9)
    with pytest.raises(WeightsMismatchError, match=r"Directions\.parts is 9"):
        load_estimator(dump_estimator(fitted))
    mlp = build_short_mlp(LABELS, seed=0).set_params(max_epochs=1).fit(X, y)
    strange = mlp.tensors() | {"space.parts": torch.tensor(9)}
    with pytest.raises(WeightsMismatchError, match="features of 9 parts"):
        build_mlp(LABELS, seed=0).load_tensors(strange)


def test_rulers_alone_have_no_parts():
    pipeline = build_knn(DEFAULT_CLASSES, seed=0).estimator
    assert isinstance(pipeline.named_steps["scale"], StandardScaler)
    assert build_mlp(DEFAULT_CLASSES, seed=0).module__parts == 1
