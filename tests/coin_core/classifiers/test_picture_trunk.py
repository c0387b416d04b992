"""The first layers of EfficientNet-Lite0, and how its file is made."""

import pytest
import torch
from torch.nn import functional

from coin_core.classifiers import picture_trunk
from coin_core.classifiers.picture_trunk import PictureTrunk, load_pictures
from coin_core.errors import WeightsMismatchError, WeightsMissingError
from coin_core.model_store.graph import compiled
from deploy.picture_weights import trunk_weights

# Channels outside, expansion, kernel and stride of each published block.
PUBLISHED = (
    (16, 1, 3, 1),
    (24, 6, 3, 2),
    (24, 6, 3, 1),
    (40, 6, 5, 2),
    (40, 6, 5, 1),
    (80, 6, 3, 2),
    (80, 6, 3, 1),
    (80, 6, 3, 1),
    (112, 6, 5, 1),
    (112, 6, 5, 1),
    (112, 6, 5, 1),
    (192, 6, 5, 2),
)


def published_network():
    """Random weights under the published names."""
    torch.manual_seed(5)
    weights = {}

    def layer(name, norm, outward, inward, kernel):
        size = (inward * kernel**2) ** -0.5
        weights[f"{name}.weight"] = size * torch.randn(outward, inward, kernel, kernel)
        weights[f"{norm}.weight"] = 1 + 0.2 * torch.randn(outward)
        weights[f"{norm}.bias"] = 0.5 * torch.randn(outward)
        weights[f"{norm}.running_mean"] = 0.2 * torch.randn(outward)
        weights[f"{norm}.running_var"] = 0.5 + torch.rand(outward)

    layer("_conv_stem", "_bn0", 32, 3, 3)
    inward = 32
    for number, (outward, wider, kernel, _) in enumerate(PUBLISHED):
        at = f"_blocks.{number}."
        if wider > 1:
            layer(at + "_expand_conv", at + "_bn0", wider * inward, inward, 1)
        layer(at + "_depthwise_conv", at + "_bn1", wider * inward, 1, kernel)
        layer(at + "_project_conv", at + "_bn2", outward, wider * inward, 1)
        inward = outward
    return weights


def as_published(weights, x):
    """The expansion of the twelfth block, as TensorFlow computes it."""

    def layer(x, name, norm, stride=1):
        weight = weights[f"{name}.weight"]
        kernel = weight.shape[-1]
        if stride == 1:
            before = after = kernel // 2
        else:  # "same": the odd pixel is on the right and below
            before, after = (kernel - 2) // 2, (kernel - 1) // 2
        x = functional.pad(x, (before, after, before, after))
        groups = x.shape[1] // weight.shape[1]
        x = functional.conv2d(x, weight, stride=stride, groups=groups)
        means, variances, gains, shifts = (
            weights[f"{norm}.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(x, means, variances, gains, shifts, eps=1e-3)

    x = functional.relu6(layer(x, "_conv_stem", "_bn0", 2))
    for number, (_, wider, _, stride) in enumerate(PUBLISHED):
        at, before = f"_blocks.{number}.", x
        if wider > 1:
            x = functional.relu6(layer(x, at + "_expand_conv", at + "_bn0"))
        if number == len(PUBLISHED) - 1:
            return x
        x = functional.relu6(layer(x, at + "_depthwise_conv", at + "_bn1", stride))
        x = layer(x, at + "_project_conv", at + "_bn2")
        if x.shape == before.shape:
            x = x + before
    return x


@torch.inference_mode()
def test_the_file_has_the_published_layers_with_their_norms_in_them():
    weights = published_network()
    trunk = PictureTrunk().eval()
    trunk.load_state_dict(trunk_weights(weights))
    x = torch.randn(2, 3, 64, 96)
    expected = as_published(weights, x)
    assert expected.std() > 0.1
    assert torch.allclose(trunk(x), expected, atol=1e-3)


@torch.inference_mode()
def test_the_shipped_network_is_the_same_in_onnx_runtime():
    trunk = load_pictures()
    x = torch.randn(2, 3, 64, 64)
    fast = compiled(trunk, x[:1])
    assert fast is not trunk, "each of its layers is known there"
    assert torch.allclose(fast(x), trunk(x), atol=1e-3)


def test_loading_it_draws_no_random_numbers():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    load_pictures()
    assert torch.rand(1) == expected


def test_a_missing_or_damaged_file_is_told(tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    shipped = picture_trunk.WEIGHTS_DIR / "pictures"
    monkeypatch.setattr(picture_trunk, "WEIGHTS_DIR", tmp_path)
    with pytest.raises(WeightsMissingError):
        load_pictures()
    for file in shipped.iterdir():
        (tmp_path / "pictures" / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "pictures" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(WeightsMismatchError, match="pictures"):
        load_pictures()
