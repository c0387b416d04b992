"""What a recipe leaves alone, and what it lets learn."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from coin_core.classifiers import backbones
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.config import Recipe, with_copies
from coin_core.training.initialization import Start
from coin_core.training.task import Task
from coin_core.training.trainer import NetTraining
from tests.coin_core.training.test_initialization import shipped  # noqa: F401, a fixture

OTHERS = ("anchor", "lily", "star")
MIXED = (*DEFAULT_CLASSES[:2], "lily")
SGD = {"rotations": 0, "momentum": 0.9}
_HEADS = ("ruler.", "anywhere.", "pooled.", "look.")


def learn(tmp_path, recipe, classes, init="scratch", epochs=1):
    """A net before and after it learnt, and the inputs it learnt from."""
    rng = np.random.default_rng(3)
    y = np.array([classes[i % 3] for i in range(12)])
    crops = rng.integers(0, 255, (12, 64, 64, 3), dtype=np.uint8)
    task = Task(
        name="resnet",
        classes=classes,
        start=Start(init=init),
        epochs=epochs,
        seed=1,
        run=SimpleNamespace(stop_asked=lambda: False),
        size_px=64,
        recipe=recipe,
        bar=None,
        extra=None,
    )
    X = task.inputs(crops)
    names, rows = with_copies(X, y, np.arange(12))
    training = NetTraining(
        name="resnet",
        start=task.start,
        epochs=epochs,
        folder=tmp_path / "checkpoints",
        fold=0,
        run_log=lambda row: None,
        bar=SimpleNamespace(update=lambda n: None, set_postfix=lambda shown: None),
        recipe=recipe,
    )
    before, after = task.build(y), task.build(y)
    begun = replace(training, epochs=0, folder=tmp_path / "begun")
    begun.run(before, X, names, rows, np.arange(0))
    training.run(after, X, names, rows, np.arange(0))
    return before, after, X, crops


def changes(before, after):
    """By name, how far each tensor moved, as a share of its own size."""
    then, now = before.tensors(), after.tensors()
    return {
        name: float((now[name] - then[name]).norm() / (then[name].norm() + 1e-9))
        for name in then
        if then[name].is_floating_point()
    }


@pytest.mark.parametrize(("classes", "how"), [(OTHERS, SGD), (OTHERS, {}), (MIXED, {})])
def test_a_frozen_net_learns_in_its_last_layers_alone(tmp_path, classes, how):
    before, after, _, _ = learn(tmp_path, Recipe(frozen=True, **how), classes)
    for name, moved in changes(before, after).items():
        if not name.startswith(_HEADS):
            assert moved == 0, f"{name} was to stay, batch norms too"
    assert any(moved for moved in changes(before, after).values())


@pytest.mark.parametrize("how", [{}, {"rotations": 0, "momentum": 0.0}, SGD])
def test_fine_tuning_reaches_the_trunk(tmp_path, shipped, how):  # noqa: F811
    recipe = Recipe(fresh_head=True, **how)
    before, after, _, _ = learn(tmp_path, recipe, OTHERS, "rendered", epochs=4)
    weights = [
        moved
        for name, moved in changes(before, after).items()
        if name.startswith("trunk.layer2") and name.endswith(".weight")
    ]
    assert min(weights) > 1e-5
    assert max(weights) > 1e-3


def test_what_a_frozen_net_sees_is_worked_out_once(tmp_path, monkeypatch):
    seen, forward = [], backbones.ResNetTrunk.forward
    monkeypatch.setattr(
        backbones.ResNetTrunk,
        "forward",
        lambda self, x: seen.append(len(x)) or forward(self, x),
    )
    recipe = Recipe(frozen=True, rotations=5, momentum=0.9)
    learn(tmp_path / "one", recipe, DEFAULT_CLASSES, epochs=1)
    in_one_epoch = sum(seen)
    seen.clear()
    _, net, X, crops = learn(tmp_path / "two", recipe, DEFAULT_CLASSES, epochs=2)
    assert len(X) == 6 * len(crops)
    # doubtful coins are looked at more than once, but no epoch asks again
    assert sum(seen) == in_one_epoch >= len(X)
    # It is the same net that is asked about photos.
    np.testing.assert_allclose(
        net.predict_proba(crops), net.predict_proba(X[: len(crops)]), atol=1e-5
    )


def test_a_fresh_head_forgets_the_classes(tmp_path, shipped):  # noqa: F811
    known, _, _, _ = learn(tmp_path, Recipe(), DEFAULT_CLASSES, "rendered", epochs=0)
    fresh, _, _, _ = learn(
        tmp_path, Recipe(fresh_head=True), DEFAULT_CLASSES, "rendered", epochs=0
    )
    name = "ruler.weight"
    torch.testing.assert_close(known.tensors()[name], shipped[name])
    assert not torch.equal(fresh.tensors()[name], shipped[name])
    name = "legend.layers.0.weight"
    torch.testing.assert_close(fresh.tensors()[name], shipped[name])
