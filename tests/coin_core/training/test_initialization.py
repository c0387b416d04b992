"""Where nets start."""

import pytest
import torch

from coin_core.classifiers import get_classifier, loading
from coin_core.classifiers.appearance_net import RIM_NUMBERS, RIM_PARTS
from coin_core.errors import TrainingDataError, WeightsMissingError
from coin_core.model_store import bundle
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.initialization import Start, find_start, start_net

OURS, OTHERS = DEFAULT_CLASSES, ("x", "y", "z")
MIXED = (*DEFAULT_CLASSES, "mattathias_antigonus")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A bundle of untrained weights in the shipped place, beside the other nets."""
    for place in bundle.WEIGHTS_DIR.iterdir():
        if place.name != "resnet":
            (tmp_path / place.name).symlink_to(place)
    monkeypatch.setattr(bundle, "WEIGHTS_DIR", tmp_path)
    net = get_classifier("resnet").build(OURS, seed=9)
    net.initialize()
    card = bundle.Card(
        name="resnet",
        classifier="resnet",
        title="ResNet",
        classes=OURS,
        preprocessing=net.preparation.as_dict(),
    )
    loading.save_classifier(tmp_path / "resnet", card, net)
    return net.tensors()


def begun(classes, init):
    net = get_classifier("resnet").build(classes, seed=1)
    net.initialize()
    start_net(net, "resnet", find_start("resnet", init))
    return net


def test_the_shipped_backbone_is_taken_over_without_a_head_for_others(shipped):
    ours, mixed, others = (
        begun(classes, "rendered").tensors() for classes in (OURS, MIXED, OTHERS)
    )
    for name in ("trunk.layer4.1.conv2.weight", "legend.layers.0.weight"):
        torch.testing.assert_close(ours[name], shipped[name])
        torch.testing.assert_close(mixed[name], shipped[name])
        assert name not in others, "nothing is read on coins without these legends"
    torch.testing.assert_close(ours["ruler.weight"], shipped["ruler.weight"])
    assert mixed["ruler.weight"].shape == (4, 4096)
    name = "trunk.layer2.1.conv2.weight"
    torch.testing.assert_close(others[name], shipped[name])
    assert others["look.0.line.weight"].shape == (3, 128 * 16)


def test_a_training_from_a_model_of_before_sees_what_others_see(shipped, tmp_path):
    before = get_classifier("resnet").build(OTHERS, seed=2)
    before.set_params(module__rim=True, module__coarse=True)
    before.initialize()
    card = bundle.Card(
        name="coarse",
        classifier="resnet",
        title="ResNet",
        classes=OTHERS,
        preprocessing=before.preparation.as_dict(),
    )
    loading.save_classifier(tmp_path / "coarse", card, before)
    net = get_classifier("resnet").build(OTHERS, seed=1)
    net.set_params(module__rim=True)
    net.initialize()
    start_net(
        net, "resnet", find_start("resnet", str(tmp_path / "coarse")), fresh_head=True
    )
    found, first = net.tensors(), "trunk.layer2.1.conv2.weight"
    torch.testing.assert_close(found[first], before.tensors()[first])
    assert found["look.rim.line.weight"].shape == (
        3,
        RIM_PARTS * RIM_NUMBERS,
    )


def test_the_first_layers_are_left_as_they_are(shipped):
    trunk = begun(OTHERS, "rendered").module_.trunk
    assert not trunk.conv1.weight.requires_grad
    assert not trunk.layer1[0].conv1.weight.requires_grad
    assert trunk.layer2[0].conv1.weight.requires_grad
    scratch = begun(OTHERS, "scratch").module_.trunk
    assert scratch.conv1.weight.requires_grad


def test_what_cannot_be_started_from_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "WEIGHTS_DIR", tmp_path)
    with pytest.raises(TrainingDataError, match="no model 'magic'"):
        begun(OURS, "magic")
    with pytest.raises(WeightsMissingError, match="train resnet --data rendered"):
        begun(OURS, "rendered")

    def refused(*given, **options):
        raise OSError("no route")

    monkeypatch.setattr("coin_core.classifiers.legend_net.build_legend_net", refused)
    net = get_classifier("resnet").build(OURS, seed=1)
    net.initialize()
    with pytest.raises(WeightsMissingError, match="--init rendered or --init scratch"):
        start_net(net, "resnet", Start(init="imagenet"))


def save_net(folder, name, classes, data="folder x", digest="d" * 64):
    net = get_classifier(name).build(classes, seed=7)
    net.initialize()
    for place in getattr(net.module_, "look", ()):
        torch.nn.init.ones_(place.line.bias)
    card = bundle.Card(
        name=folder.name,
        classifier=name,
        title=name,
        classes=classes,
        preprocessing=net.preparation.as_dict(),
        training={"data": data, "digest": digest},
    )
    loading.save_classifier(folder, card, net)
    return net.tensors()


@pytest.mark.parametrize("given", ["museum", "folder"])
def test_a_net_starts_from_a_bundle_by_name_and_by_folder(given):
    folder = bundle.models_dir() / "museum"
    kept = save_net(folder, "resnet", OTHERS)
    given = str(folder) if given == "folder" else given
    same, other = begun(OTHERS, given).tensors(), begun(("p", "q"), given).tensors()
    name = "trunk.layer2.0.conv1.weight"
    torch.testing.assert_close(same[name], kept[name])
    torch.testing.assert_close(other[name], kept[name])
    torch.testing.assert_close(same["look.0.line.bias"], kept["look.0.line.bias"])
    assert not other["look.0.line.bias"].any(), "a head for others has to be learnt"


def test_a_start_says_when_figures_become_too_good():
    save_net(bundle.models_dir() / "museum", "resnet", OTHERS)
    start = find_start("resnet", "museum")
    assert start.digest
    assert "these very coins" in start.caution("d" * 64)
    assert "coins that are in both" in start.caution("e" * 64)
    assert find_start("resnet", "rendered").caution("d" * 64) == ""


@pytest.mark.parametrize(
    ("name", "init", "said"),
    [
        ("vgg", "museum", "starts from a bundle of vgg; museum holds resnet"),
        ("knn", "museum", "starts from a bundle of vgg"),
        ("svm", "imagenet", "features of a vgg net"),
        ("resnet", "gone", "there is no model 'gone'"),
        ("resnet", "../../etc", "there is no model"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(name, init, said):
    save_net(bundle.models_dir() / "museum", "resnet", OURS)
    with pytest.raises(TrainingDataError, match=said):
        find_start(name, init)


def test_features_come_from_a_bundle_that_will_be_found_again(tmp_path):
    save_net(bundle.models_dir() / "portraits", "vgg", OURS)
    assert find_start("svm", "portraits").folder == bundle.models_dir() / "portraits"
    save_net(tmp_path / "elsewhere", "vgg", OURS)
    with pytest.raises(TrainingDataError, match="copy that folder"):
        find_start("svm", str(tmp_path / "elsewhere"))


def test_features_are_those_of_the_shipped_net_whatever_else_has_its_name():
    save_net(bundle.models_dir() / "vgg", "vgg", OTHERS)
    assert find_start("svm", "rendered").folder == bundle.WEIGHTS_DIR / "vgg"
    assert find_start("svm", "rendered").caution("d" * 64) == ""
    assert "these very coins" in find_start("svm", "vgg").caution("d" * 64)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [OURS, OTHERS])
def test_vgg_takes_imagenets_width_and_is_found_again(tmp_path, monkeypatch, classes):
    from coin_core.classifiers import legend_net

    build = legend_net.build_legend_net
    monkeypatch.setattr(
        legend_net,
        "build_legend_net",
        lambda name, classes, imagenet: build(name, classes, full_width=imagenet),
    )
    net = get_classifier("vgg").build(classes, seed=1)
    net.initialize()
    start_net(net, "vgg", Start(init="imagenet"))
    assert len(net.module_.trunk.features[0].weight) == 64
    card = bundle.Card(
        name="vgg",
        classifier="vgg",
        title="VGG",
        classes=classes,
        preprocessing=net.preparation.as_dict(),
    )
    loading.save_classifier(tmp_path / "vgg", card, net, half=True)
    _, again = loading.load_classifier(tmp_path / "vgg")
    assert len(again.module_.trunk.features[0].weight) == 64
    assert len(getattr(again.module_, "look", ())) == (3 if classes == OTHERS else 0)
