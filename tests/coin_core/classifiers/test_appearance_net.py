"""What networks for the appearance see of a coin."""

import math

import pytest
import torch

from coin_core.classifiers import get_classifier
from coin_core.classifiers.appearance_net import (
    FeatureMode,
    build_net,
    mixed,
    strip_pool,
    unrolled,
)

CLASSES = ("anchor", "lily", "star")


def marked(clock, radius=0.75, px=160):
    """A flan with one bright spot, `clock` hours clockwise from the top."""
    angle = math.radians(30 * clock - 90)
    at = (torch.arange(px) + 0.5) * 2 / px - 1
    x, y = radius * math.cos(angle), radius * math.sin(angle)
    spot = torch.exp(-((at[None] - x) ** 2 + (at[:, None] - y) ** 2) / 0.003)
    return spot.expand(1, 3, px, px)


@pytest.mark.parametrize("clock", [1, 3, 6.5, 9, 11])
def test_the_rim_is_unrolled_clockwise_from_below(clock):
    strip = unrolled(marked(clock))[0, 0]
    assert strip.shape == (48, 576)
    strip = strip[:, 32:-32]
    row, column = (strip == strip.max()).nonzero().float().mean(0).tolist()
    assert column / 512 == pytest.approx(((clock - 6) % 12) / 12, abs=0.01)
    # from its outer edge to its inner one
    assert row / 48 == pytest.approx((1 - 0.75 * 1.04) / 0.48, abs=0.04)


def test_both_ends_of_a_strip_go_on_with_what_is_at_the_other():
    strip = unrolled(torch.rand(2, 3, 96, 96))
    assert torch.allclose(strip[..., :64], strip[..., -64:], atol=1e-3)


def test_a_coin_in_other_light_has_the_same_strip():
    coin = torch.rand(1, 3, 160, 160) * 4 - 2
    other = unrolled(1.5 * coin + 0.3)
    assert torch.allclose(unrolled(coin), other, atol=0.15)


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
        ("rim", {"coarse": True}),
        ("rim", {"coarse": True, "straight": True}),
        ("rim", {"coarse": True, "spaced": True}),
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
