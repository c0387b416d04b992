"""What networks for the appearance see of a coin."""

import pytest
import torch

from coin_core.classifiers import get_classifier
from coin_core.classifiers.appearance_net import (
    FeatureMode,
    build_net,
    mixed,
    strip_pool,
)

CLASSES = ("anchor", "lily", "star")


def test_a_coin_turned_by_a_sector_has_its_letters_in_the_next_sector():
    maps = torch.rand(2, 5, 6, 72)
    turned = maps.clone()
    around = maps[..., 4:-4].roll(64 // 4, 3)
    turned[..., 4:-4] = around
    before = strip_pool(maps).view(2, 5, 12)
    after = strip_pool(turned).view(2, 5, 12)
    assert torch.allclose(after, before.roll(12 // 4, 2), atol=1e-5)
    assert not torch.allclose(before, before.roll(1, 2), atol=1e-3)


def test_mixed_numbers_keep_inner_products():
    torch.manual_seed(0)
    features = torch.randn(20, 9000)
    features[10:] = features[:10] + 0.3 * features[10:]  # like the first ten
    features = torch.nn.functional.normalize(features)
    products = features @ features.T
    far = []
    for count in (2048, 4096):
        few = mixed(features, count)
        assert few.shape == (20, count)
        assert torch.equal(mixed(features, count), few)
        far.append((few @ few.T - products).abs())
    assert far[0].max() < 0.12
    assert far[1].mean() < 0.8 * far[0].mean()  # more numbers keep more


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("rim", {}),
        ("rim", {"unread": True}),
        ("rim", {"unread": True, "coarse": True}),
        ("rim", {"unread": True, "coarse": True, "straight": True}),
        ("rim", {"unread": True, "coarse": True, "spaced": True}),
        ("rings", {}),
    ],
)
@pytest.mark.parametrize("backbone", ["resnet", "vgg"])
def test_a_model_tells_its_kind_by_its_weights(backbone, kind, shape):
    torch.manual_seed(2)
    mode = FeatureMode.APPEARANCE
    net = build_net(backbone, 3, feature_mode=mode, **{kind: True}, **shape).eval()
    torch.nn.init.normal_(net.look[kind].line.weight)
    if space := getattr(net.look[kind], "space", None):
        torch.nn.init.normal_(space.axes)
    again = get_classifier(backbone).build(CLASSES, seed=1)
    again.load_tensors(net.state_dict())
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = net(x)
        assert torch.allclose(again.module_(x), expected, atol=1e-3)
        again.module_.freeze(64)
        assert torch.allclose(again.module_(x), expected, atol=1e-2)
    assert expected.abs().max() > 1
