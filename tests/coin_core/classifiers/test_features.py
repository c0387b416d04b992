"""The features of svm, knn and mlp."""

import os

import numpy as np
import pytest
import torch

from coin_core import storage
from coin_core.classifiers import feature_extractor, get_classifier, loading
from coin_core.classifiers import features as features_module
from coin_core.classifiers.appearance_net import (
    COARSE_RIM_NUMBERS,
    RIM_PARTS,
    WHOLE_FLAN,
    FeatureMode,
)
from coin_core.classifiers.features import (
    cached_features,
    compute_features,
    feature_width,
    networks_beside,
)
from coin_core.classifiers.picture_trunk import load_pictures
from coin_core.classifiers.rim_reader import load_rim_reader
from coin_core.imaging.preprocessing import Preprocessing
from coin_core.model_store import bundle

CROPS = np.random.default_rng(4).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def vgg():
    return loading.load_classifier(bundle.WEIGHTS_DIR / feature_extractor())[1]


@pytest.mark.parametrize(
    ("mode", "width"),
    [
        ("legend", 4096),
        ("look", 4096),
        ("both", 8192),
        ("rim", 6144),
        ("read rim", 8192),
    ],
)
def test_every_kind_has_the_width_that_models_of_it_expect(vgg, mode, width):
    # "look" and "rim" are the kinds of models that were trained before.
    features = compute_features(vgg, CROPS, mode=mode)
    assert features.shape == (3, feature_width(mode)) == (3, width)
    assert np.isfinite(features).all()
    assert (features.std(0) > 0).any()


def test_they_see_of_other_coins_what_nets_see_in_fewer_numbers(vgg):
    net = get_classifier("vgg").build(("anchor", "lily"), seed=0)
    net.set_params(
        module__rim=True,
        module__coarse=True,
        preprocessing=Preprocessing(**WHOLE_FLAN),
    )
    net.initialize()
    net.module_.trunk.load_state_dict(vgg.module_.trunk.early().state_dict())
    net.module_.pictures.load_state_dict(load_pictures().state_dict())
    net.module_.reader.load_state_dict(load_rim_reader().state_dict())
    expected = net.embed(CROPS)
    assert expected.shape == (3, RIM_PARTS * COARSE_RIM_NUMBERS)
    found = torch.from_numpy(compute_features(vgg, CROPS, mode=FeatureMode.READ_RIM))
    assert torch.allclose(found, expected, atol=1e-2)


def test_other_networks_that_help_vgg_are_another_key(vgg, tmp_path, monkeypatch):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))
    sight = FeatureMode.READ_RIM
    helping = networks_beside(sight)
    assert set(helping) == {"pictures", "rims"}
    assert networks_beside(FeatureMode.LEGEND) == {}
    computed = []

    def count(net, crops, *, mode, progress):
        computed.append(mode)
        return np.ones((len(crops), feature_width(mode)), np.float32)

    monkeypatch.setattr(features_module, "compute_features", count)
    for rims in (helping["rims"], helping["rims"], "0" * 64):
        source = {"name": "vgg", "sha256": "1" * 64, "sight": str(sight)}
        cached_features(vgg, source | helping | {"rims": rims}, CROPS)
    assert computed == [sight, sight]


def test_features_of_datasets_that_have_changed_do_not_fill_the_disk(
    vgg, tmp_path, monkeypatch
):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(features_module, "FEATURES_BYTES", 80_000)
    monkeypatch.setattr(storage, "_FRESH_S", 0)
    source = {"name": "vgg", "sha256": "1" * 64, "sight": "legend"}
    for number in range(6):  # 25 kB each
        cached_features(vgg, source, CROPS + np.uint8(number))
        for path in features_module.features_dir().iterdir():
            os.utime(path, (path.stat().st_mtime - 1000,) * 2)
    assert len(list(features_module.features_dir().iterdir())) == 3
