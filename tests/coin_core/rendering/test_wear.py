import numpy as np

from coin_core.rendering.wear import apply_wear


def bars() -> np.ndarray:
    relief = np.zeros((96, 96), np.float32)
    relief[:, ::8] = relief[:, 1::8] = 1
    return relief


def test_wear_takes_relief_and_legibility():
    kept, height = {}, {}
    for wear in (0.0, 0.5, 1.0):
        worn = [apply_wear(np.random.default_rng(k), bars(), wear) for k in range(12)]
        kept[wear] = np.mean([one.kept.mean() for one in worn])
        height[wear] = np.mean([one.relief.max() for one in worn])
    assert kept[0.0] > kept[0.5] > kept[1.0]
    assert height[0.0] > height[1.0] + 0.2


def test_where_the_relief_is_cut_off_less_of_it_is_kept():
    for seed in range(8):
        worn = apply_wear(np.random.default_rng(seed), bars(), 1.0)
        assert np.quantile(worn.kept, 0.95) < 0.95


def test_what_is_kept_is_a_fraction():
    for seed in range(8):
        worn = apply_wear(np.random.default_rng(seed), bars(), 1.0)
        assert worn.kept.min() >= 0
        assert worn.kept.max() <= 1
        assert worn.relief.max() <= 1.01
        assert (worn.relief[worn.kept == 0] == 0).all()


def test_a_plain_coin_corrodes_but_has_no_relief():
    worn = apply_wear(np.random.default_rng(2), np.zeros((64, 64), np.float32), 0.8)
    assert worn.relief.max() == 0
    assert worn.corrosion.std() > 0
