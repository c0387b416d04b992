"""Networks in ONNX Runtime answer as torch does, for every kind of network we build."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from coin_core import detection
from coin_core.classifiers.appearance_net import FeatureMode, build_net
from coin_core.classifiers.legend_net import LegendLocalizerNet
from coin_core.classifiers.loading import load_classifier
from coin_core.model_store.bundle import find_bundle, find_detection_bundle
from coin_core.model_store.graph import Graph, compiled, load_small_net
from coin_core.models import open_model

TOLERANCE = 1e-4


def randomized(net: nn.Module) -> nn.Module:
    """The network with weights and statistics unlike those that it starts with."""
    torch.manual_seed(3)
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            spread = torch.rand_like(value) * 0.1
            value.copy_(spread + 0.5 if "var" in name else value + spread)
    return net.eval()


@pytest.fixture(autouse=True)
def _keep_random_state():
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.mark.parametrize(
    ("bundle", "build", "shape", "others"),
    [
        ("faces", detection.CoinSegmentationNet, (1, 3, 96, 96), (5, 3, 64, 128)),
        ("sides", detection.SideNet, (1, 1, 64, 64), (3, 1, 64, 64)),
        ("frames", LegendLocalizerNet, (1, 1, 128, 128), (2, 1, 128, 128)),
    ],
)
def test_the_nets_of_detection_answer_as_in_torch(bundle, build, shape, others):
    net = load_small_net(find_detection_bundle(bundle), build)
    fast = compiled(net, torch.zeros(shape))
    assert isinstance(fast, Graph)
    inputs = torch.rand(others) * 2 - 1
    with torch.inference_mode():
        expected, found = net(inputs), fast(inputs)
    if isinstance(expected, torch.Tensor):
        expected, found = (expected,), (found,)
    for one, other in zip(expected, found, strict=True):
        assert torch.allclose(one, other, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["resnet", "vgg"])
def test_a_shipped_legend_net_answers_as_in_torch(name):
    inputs = torch.randn(3, 3, 128, 128)
    plain = load_classifier(find_bundle(name))[1].module_.eval()
    fast = open_model(name).classifier.module_
    assert isinstance(fast.frozen, Graph)
    assert isinstance(fast.legend, Graph)
    with torch.inference_mode():
        expected, found = plain.read_letters(inputs), fast.read_letters(inputs)
        early = plain.trunk.early()(inputs)
        assert torch.allclose(early, fast.trunk(inputs), atol=TOLERANCE)
    for output in ("letters", "features", "embedding", "logits"):
        one, other = getattr(expected, output), getattr(found, output)
        assert torch.allclose(one, other, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("backbone", "size_px", "mode", "deep"),
    [
        ("resnet", 96, FeatureMode.LEGEND, False),
        ("vgg", 64, FeatureMode.LEGEND, False),
        ("vgg", 64, FeatureMode.BOTH, False),
        ("resnet", 64, FeatureMode.APPEARANCE, False),
        ("resnet", 64, FeatureMode.APPEARANCE, True),
        ("vgg", 96, FeatureMode.APPEARANCE, True),
    ],
)
def test_a_net_of_every_shape_answers_as_before(backbone, size_px, mode, deep):
    net = randomized(build_net(backbone, 3, feature_mode=mode, deep=deep))
    inputs = torch.rand(2, 3, size_px, size_px) - 0.5
    with torch.inference_mode():
        expected = net(inputs), net.embed(inputs)
        net.freeze(size_px)
        found = net(inputs), net.embed(inputs)
    assert any(isinstance(part, Graph) for part in net.modules())
    for one, other in zip(expected, found, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-3)


def test_it_answers_only():
    fast = compiled(nn.Sequential(nn.Conv2d(1, 2, 3)).eval(), torch.zeros(1, 1, 8, 8))
    fast.eval()
    with pytest.raises(TypeError, match="cannot be trained"):
        fast.train()


@pytest.mark.parametrize(
    "layer",
    [
        nn.GELU(),
        nn.Conv2d(1, 2, 3, padding="same"),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.AdaptiveMaxPool2d(3),
        nn.Upsample(scale_factor=2, mode="bicubic"),
    ],
)
def test_an_unknown_layer_is_left_to_torch(layer):
    net = nn.Sequential(layer).eval()
    assert compiled(net, torch.zeros(1, 1, 8, 8)) is net


def test_weights_that_are_no_numbers_are_left_to_torch():
    net = nn.Sequential(nn.Conv2d(1, 2, 3)).eval()
    with torch.no_grad():
        net[0].weight[0, 0, 1, 1] = torch.nan
    assert compiled(net, torch.zeros(1, 1, 8, 8)) is net


def test_networks_are_rewritten_in_several_threads_while_others_answer():
    """A tracing network once caught the calls of all threads."""
    build = (detection.SideNet, LegendLocalizerNet)
    other, x = randomized(detection.SideNet()), torch.zeros(1, 1, 64, 64)
    expected = other(x)
    stop = threading.Event()

    def answer():
        count = 0
        while not stop.is_set() or not count:
            with torch.inference_mode():
                torch.testing.assert_close(other(x), expected)
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        answering = pool.submit(answer)
        px = (64, 128)
        made = [
            pool.submit(
                compiled,
                randomized(build[k % 2]()),
                torch.zeros(1, 1, px[k % 2], px[k % 2]),
            )
            for k in range(12)
        ]
        graphs = [one.result(60) for one in made]
        stop.set()
        assert answering.result(60)
    assert all(isinstance(graph, Graph) for graph in graphs)


def test_weights_are_in_memory_once():
    net = nn.Sequential(nn.Conv2d(3, 64, 9), nn.ReLU()).eval()
    graph = compiled(net, torch.zeros(1, 3, 16, 16))
    assert isinstance(graph, Graph)
    kept = [v for v in vars(graph._session).values() if isinstance(v, bytes)]
    assert sum(map(len, kept)) < 1000


@pytest.mark.slow
def test_answering_loads_nothing_of_trainings(run_python):
    script = (
        "import sys; from coin_core.pipeline import CoinClassifier\n"
        "CoinClassifier().load(('resnet', 'mlp'))\n"
        "print([one for one in ('torch._dynamo', 'torchvision') if one in sys.modules])"
    )
    assert run_python("-c", script).stdout.strip() == "[]"


@pytest.mark.slow
def test_the_backbone_is_that_of_torchvision():
    from coin_core.classifiers.legend_net import ResNetTrunk
    from coin_core.classifiers.torchvision_import import torchvision

    torch.manual_seed(4)
    theirs = torchvision.models.resnet18().state_dict()
    torch.manual_seed(4)
    ours = ResNetTrunk().state_dict()
    assert list(ours) == [name for name in theirs if not name.startswith("fc.")]
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
