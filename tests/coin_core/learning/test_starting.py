"""Where nets start."""

import pytest
import torch

from coin_core import models
from coin_core.classifiers import get_classifier
from coin_core.errors import TrainingDataError, WeightsMissingError
from coin_core.learning.starting import start_net

OURS, OTHERS = ("a", "b", "c"), ("x", "y", "z")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A bundle of untrained weights in the shipped place."""
    monkeypatch.setattr(models, "WEIGHTS_DIR", tmp_path)
    net = get_classifier("resnet").build(OURS, seed=9)
    net.initialize()
    card = models.Card(name="resnet", classifier="resnet", title="ResNet", classes=OURS)
    models.save_classifier(tmp_path / "resnet", card, net)
    return net.tensors()


def begun(classes, init):
    net = get_classifier("resnet").build(classes, seed=1)
    net.initialize()
    start_net(net, "resnet", init)
    return net


def test_the_shipped_backbone_is_taken_over_without_a_head_for_others(shipped):
    ours, others = begun(OURS, "rendered"), begun(OTHERS, "rendered")
    for name in ("trunk.layer4.1.conv2.weight", "legend.layers.0.weight"):
        torch.testing.assert_close(ours.tensors()[name], shipped[name])
        torch.testing.assert_close(others.tensors()[name], shipped[name])
    torch.testing.assert_close(ours.tensors()["ruler.weight"], shipped["ruler.weight"])
    assert not torch.equal(others.tensors()["ruler.weight"], shipped["ruler.weight"])


def test_the_first_layers_are_left_as_they_are(shipped):
    trunk = begun(OTHERS, "rendered").module_.trunk
    assert not trunk.conv1.weight.requires_grad
    assert not trunk.layer1[0].conv1.weight.requires_grad
    assert trunk.layer2[0].conv1.weight.requires_grad
    scratch = begun(OTHERS, "scratch").module_.trunk
    assert scratch.conv1.weight.requires_grad


def test_what_cannot_be_started_from_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "WEIGHTS_DIR", tmp_path)
    with pytest.raises(TrainingDataError, match="not from 'magic'"):
        begun(OURS, "magic")
    with pytest.raises(WeightsMissingError, match="train resnet --data rendered"):
        begun(OURS, "rendered")

    def refused(*given, **options):
        raise OSError("no route")

    monkeypatch.setattr("coin_core.classifiers._trunks.build_reader", refused)
    net = get_classifier("resnet").build(OURS, seed=1)
    net.initialize()
    with pytest.raises(WeightsMissingError, match="--init rendered or --init scratch"):
        start_net(net, "resnet", "imagenet")


def test_vgg_takes_imagenets_width_and_is_found_again(tmp_path, monkeypatch):
    from coin_core.classifiers import _trunks

    build = _trunks.build_reader
    monkeypatch.setattr(
        _trunks,
        "build_reader",
        lambda name, classes, imagenet: build(name, classes, full_width=imagenet),
    )
    net = get_classifier("vgg").build(OURS, seed=1)
    net.initialize()
    start_net(net, "vgg", "imagenet")
    assert len(net.module_.trunk.features[0].weight) == 64
    card = models.Card(
        name="vgg",
        classifier="vgg",
        title="VGG",
        classes=OURS,
        preprocessing=net.preparation.as_dict(),
    )
    models.save_classifier(tmp_path / "vgg", card, net, half=True)
    _, again = models.load_classifier(tmp_path / "vgg")
    assert len(again.module_.trunk.features[0].weight) == 64
