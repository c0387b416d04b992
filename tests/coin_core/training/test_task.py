"""What a training config freezes, and what it trains."""

import numpy as np
import pytest
import torch

from coin_core.classifiers import get_classifier, legend_net, loading
from coin_core.classifiers.appearance_net import AppearanceNet
from coin_core.errors import TrainingDataError
from coin_core.model_store import bundle
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.config import TrainingConfig
from coin_core.training.initialization import Start
from coin_core.training.runs import start_run
from coin_core.training.task import learns_in_epochs, start_training, with_copies
from tests.coin_core.training.test_initialization import shipped  # noqa: F401, a fixture

OTHERS = ("anchor", "lily", "star")
MIXED = (*DEFAULT_CLASSES[:2], "lily")
SGD = {"rotations": 0, "momentum": 0.9}
_HEADS = ("ruler.", "anywhere.", "pooled.", "look.")


def train(config, classes, init="scratch", epochs=1, *, name="resnet", twice=False):
    """A net before and after its training, and the inputs it was trained on.

    `twice` asks for the inputs again, as a training that resumes does.
    """
    rng = np.random.default_rng(3)
    y = np.array([classes[i % 3] for i in range(12)])
    crops = rng.integers(0, 255, (12, 64, 64, 3), dtype=np.uint8)
    with start_training(
        name,
        classes=classes,
        folds=1,
        with_final=False,
        start=Start(init=init),
        epochs=epochs,
        seed=1,
        size_px=64,
        config=config,
        run=start_run({"classifier": name}),
    ) as task:
        X = task.inputs(crops, y)
        X = task.inputs(crops, y) if twice else X
        before = task.build(y)
        _, rows = with_copies(X, y, np.arange(12))
        task.initialize(before, X[rows])
        before.module_.eval()
        result = task.fit(task.build(y), X, y, np.arange(12), np.arange(0))
    return before, result.classifier, X, crops


def changes(before, after):
    """By name, how far each tensor moved, as a share of its own size."""
    then, now = before.tensors(), after.tensors()
    return {
        name: float((now[name] - then[name]).norm() / (then[name].norm() + 1e-9))
        for name in then
        if then[name].is_floating_point()
    }


@pytest.mark.parametrize(("classes", "how"), [(OTHERS, SGD), (OTHERS, {}), (MIXED, {})])
def test_a_frozen_net_learns_in_its_last_layers_alone(classes, how):
    before, after, _, _ = train(TrainingConfig(frozen=True, **how), classes)
    for name, moved in changes(before, after).items():
        if not name.startswith(_HEADS):
            assert moved == 0, f"{name} was to stay, batch norms too"
    assert any(moved for moved in changes(before, after).values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classes", "how"),
    [(MIXED, {}), (OTHERS, {"rotations": 0, "momentum": 0.0}), (OTHERS, SGD)],
)
def test_fine_tuning_reaches_the_trunk(shipped, classes, how):  # noqa: F811
    config = TrainingConfig(fresh_head=True, **how)
    before, after, _, _ = train(config, classes, "rendered", epochs=4)
    weights = [
        moved
        for name, moved in changes(before, after).items()
        if name.startswith("trunk.layer2") and name.endswith(".weight")
    ]
    assert min(weights) > 1e-5
    assert max(weights) > 1e-3


@pytest.mark.slow
def test_what_a_frozen_net_sees_is_computed_once(monkeypatch):
    seen, forward = [], legend_net.ResNetTrunk.forward
    monkeypatch.setattr(
        legend_net.ResNetTrunk,
        "forward",
        lambda self, x: seen.append(len(x)) or forward(self, x),
    )
    config = TrainingConfig(frozen=True, rotations=5, momentum=0.9)
    train(config, DEFAULT_CLASSES, epochs=1)
    in_one_epoch = sum(seen)
    seen.clear()
    _, net, X, crops = train(config, DEFAULT_CLASSES, epochs=2)
    assert len(X) == 6 * len(crops)
    # doubtful coins are looked at more than once, but no epoch asks again
    assert sum(seen) == in_one_epoch >= len(X)
    # The net gives the same answer for photos. Batches of other sizes add up their
    # float32 products in another order, by 5e-5 on processors without AVX-512.
    np.testing.assert_allclose(
        net.predict_proba(crops), net.predict_proba(X[: len(crops)]), atol=1e-4
    )


@pytest.mark.parametrize(
    "name", [pytest.param("resnet", marks=pytest.mark.slow), "vgg"]
)
def test_coins_of_other_kinds_are_learned_on_maps_computed_once(
    shipped,  # noqa: F811
    monkeypatch,
    name,
):
    seen, embed = [], AppearanceNet.embed
    monkeypatch.setattr(
        AppearanceNet,
        "embed",
        lambda self, x: seen.append(len(x)) or embed(self, x),
    )
    if name == "vgg":
        net = get_classifier("vgg").build(DEFAULT_CLASSES, seed=9)
        net.initialize()
        card = bundle.Card(
            name="vgg",
            classifier="vgg",
            title="VGG",
            classes=DEFAULT_CLASSES,
            preprocessing=net.preparation.as_dict(),
        )
        loading.save_classifier(bundle.WEIGHTS_DIR / "vgg", card, net)
    before, after, X, crops = train(
        TrainingConfig(), OTHERS, "rendered", epochs=3, name=name, twice=True
    )
    views = len(X) // len(crops)
    assert views > 1, "changed views teach as well"
    assert sum(n for n in seen if n > 1) == len(X), (
        "neither an epoch nor a resumed training asks again"
    )
    moved = changes(before, after)
    learned = {key for key, far in moved.items() if far}
    assert learned
    assert all(key.startswith("look.rim.") for key in learned), learned
    # The maps are kept in half precision.
    np.testing.assert_allclose(
        after.predict_proba(crops), after.predict_proba(X[: len(crops)]), atol=5e-3
    )
    # A bundle tells its shape by its weights, and so do those of before.
    again = get_classifier(name).build(OTHERS, seed=3)
    again.set_params(preprocessing=after.preparation)
    again.load_tensors(after.tensors())
    np.testing.assert_allclose(
        again.predict_proba(crops), after.predict_proba(crops), atol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "classes", "init", "total", "unit"),
    [
        ("resnet", OTHERS, "rendered", 3, "step"),
        ("resnet", OTHERS, "scratch", 12, "epoch"),
        ("knn", OTHERS, "rendered", 3, "step"),
        ("mlp", DEFAULT_CLASSES, "rendered", 12, "epoch"),
    ],
)
def test_progress_counts_epochs_only_where_there_are_some(
    name, classes, init, total, unit
):
    assert learns_in_epochs(name, classes, Start(init=init), TrainingConfig()) == (
        unit == "epoch"
    )
    with start_training(
        name,
        classes=classes,
        folds=2,
        with_final=True,
        start=Start(init=init),
        epochs=4,
        run=start_run({"classifier": name}),
    ) as task:
        assert (task.bar.total, task.bar.unit) == (total, unit)


def test_many_photos_have_fewer_views_so_that_their_maps_fit_into_memory(shipped):  # noqa: F811
    with start_training(
        "resnet",
        classes=OTHERS,
        folds=1,
        with_final=False,
        start=Start(init="rendered"),
        run=start_run({"classifier": "resnet"}),
    ) as task:
        assert task.views(100) > task.views(2_500) > task.views(5_000) == 1
        assert all(n * task.views(n) <= 6_000 for n in range(1, 6_000))


@pytest.mark.slow
def test_a_fresh_head_forgets_the_classes(shipped):  # noqa: F811
    known, _, _, _ = train(TrainingConfig(), DEFAULT_CLASSES, "rendered")
    config = TrainingConfig(fresh_head=True)
    fresh, _, _, _ = train(config, DEFAULT_CLASSES, "rendered")
    name = "ruler.weight"
    torch.testing.assert_close(known.tensors()[name], shipped[name])
    assert not torch.equal(fresh.tensors()[name], shipped[name])
    name = "legend.layers.0.weight"
    torch.testing.assert_close(fresh.tensors()[name], shipped[name])


@pytest.mark.parametrize(
    ("name", "size_px", "message"),
    [
        ("alexnet", 32, "at least 64 px, not 32: --size-px 64"),
        ("alexnet", 33, "multiple of 8 from 32 to 512, got 33"),
        ("resnet", 8, "multiple of 8 from 32 to 512, got 8"),
    ],
)
def test_an_input_size_that_a_net_cannot_take_is_refused(name, size_px, message):
    with (
        pytest.raises(TrainingDataError, match=message),
        start_training(
            name,
            classes=OTHERS,
            folds=1,
            with_final=False,
            size_px=size_px,
            run=start_run({"classifier": name}),
        ),
    ):
        pass


@pytest.mark.parametrize("name", ["resnet", "vgg"])
@pytest.mark.parametrize("classes", [OTHERS, MIXED, DEFAULT_CLASSES])
def test_the_smallest_inputs_are_trained_on(name, classes):
    rng = np.random.default_rng(0)
    y = np.array([classes[i % 3] for i in range(6)])
    crops = rng.integers(0, 255, (6, 40, 40, 3), dtype=np.uint8)
    with start_training(
        name,
        classes=classes,
        folds=1,
        with_final=False,
        start=Start(init="scratch"),
        epochs=1,
        size_px=32,
        run=start_run({"classifier": name}),
    ) as task:
        result = task.fit(task.build(y), crops, y, np.arange(6), np.arange(0))
    assert result.classifier.predict_proba(crops).shape == (6, 3)


@pytest.mark.parametrize(
    ("name", "classes", "smoothing"),
    [("mlp", OTHERS, 0.0), ("mlp", DEFAULT_CLASSES, 0.05), ("resnet", MIXED, 0.05)],
)
def test_labels_are_not_smoothed_where_rare_classes_would_be_expected_everywhere(
    name, classes, smoothing
):
    with start_training(
        name,
        classes=classes,
        folds=1,
        with_final=False,
        run=start_run({"classifier": name}),
    ) as task:
        net = task.build(np.array(classes))
    assert net.get_params()["criterion__label_smoothing"] == smoothing
