"""Temperature, biases and threshold on probabilities made to need them."""

import numpy as np
import pytest

from coin_core.classifiers.torch_classifier import (
    apply_logit_bias,
    apply_temperature,
)
from coin_core.errors import TrainingDataError
from coin_core.evaluation.calibration import (
    calibrate_and_measure,
    find_threshold,
    fit_calibration,
    fit_temperature,
)
from coin_core.evaluation.metrics import expected_calibration_error


def honest(n=6000, seed=0):
    """Probabilities that are exactly as often right as they say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 3)) * 2
    p = np.exp(logits)
    p /= p.sum(axis=1, keepdims=True)
    y = np.array([rng.choice(3, p=row) for row in p])
    return p.astype(np.float32), y


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_was_applied_is_found(temperature):
    p, y = honest()
    spoilt = apply_temperature(p, 1 / temperature)
    found = fit_temperature(spoilt, y)
    assert found == pytest.approx(temperature, rel=0.08)
    assert expected_calibration_error(apply_temperature(spoilt, found), y) < 0.03


def test_a_temperature_keeps_sums_and_order():
    p, _ = honest(50)
    scaled = apply_temperature(p, 2.5)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(scaled.argmax(axis=1), p.argmax(axis=1))
    np.testing.assert_allclose(apply_temperature(p, 1.0), p, atol=1e-6)
    certain = apply_temperature([[1.0, 0.0, 0.0]], 2.0)
    assert np.isfinite(certain).all()


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ValueError, match="above 0"):
        apply_temperature([[0.5, 0.5]], temperature)


def test_calibration_does_without_a_class_that_has_no_coins():
    p, y = honest(3000)
    kept = y != 1
    assert 0.05 <= fit_temperature(p[kept], y[kept]) <= 20


def test_two_classes_have_a_temperature_too():
    p, y = honest(9000)
    kept = y != 2
    two = p[kept, :2] / p[kept, :2].sum(axis=1, keepdims=True)
    spoilt = apply_temperature(two, 0.5)
    assert fit_temperature(spoilt, y[kept]) == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("y", [[], [0, 0, 0]])
def test_calibration_needs_two_classes(y):
    p = np.full((len(y), 3), 1 / 3)
    with pytest.raises(TrainingDataError, match="two classes"):
        fit_temperature(p, y)
    with pytest.raises(TrainingDataError, match="two classes"):
        fit_calibration(p, y, ("x", "y", "z"))


def rare(n=8000, seed=0):
    """Honest probabilities of coins of which some classes are rare."""
    p, y = honest(n, seed)
    rng = np.random.default_rng(seed)
    shares = np.array([1.0, 0.2, 0.05])
    kept = rng.random(n) < shares[y]
    p = p[kept] * shares
    return (p / p.sum(axis=1, keepdims=True)).astype(np.float32), y[kept]


def recall(p, y, column):
    return (p[y == column].argmax(axis=1) == column).mean()


@pytest.mark.parametrize("bias", [-4.0, 3.0])
def test_a_rare_class_is_expected_as_often_as_it_should(bias):
    classes = ("x", "y", "z")
    p, y = rare()
    spoilt = apply_logit_bias(p, classes, {"y": bias / 2, "z": bias})
    found = fit_calibration(spoilt, y, classes)
    assert np.sign(found.class_logit_bias["z"]) == -np.sign(bias)
    assert abs(found.class_logit_bias["z"]) > abs(found.class_logit_bias["y"]) > 0
    assert "x" not in found.class_logit_bias  # nothing is added for the largest
    mended = found.apply(spoilt, classes)
    right, before = ((q.argmax(axis=1) == y).mean() for q in (mended, spoilt))
    assert right > before
    if bias < 0:
        assert recall(spoilt, y, 2) < 0.1 < 0.3 < recall(mended, y, 2)


def test_classes_of_the_same_size_get_no_bias():
    p, y = honest(3000)
    kept = np.concatenate([np.flatnonzero(y == k)[:800] for k in range(3)])
    spoilt = apply_temperature(p[kept], 0.5)
    found = fit_calibration(spoilt, y[kept], ("x", "y", "z"))
    assert not found.class_logit_bias
    assert found.temperature == pytest.approx(
        fit_temperature(spoilt, y[kept]), rel=0.01
    )


def test_a_class_without_held_out_coins_gets_no_bias():
    p, y = rare()
    found = fit_calibration(p[y != 2], y[y != 2], ("x", "y", "z"))
    assert set(found.class_logit_bias) <= {"y"}
    assert np.isfinite(found.apply(p, ("x", "y", "z"))).all()


def test_the_bias_of_a_class_with_one_coin_stays_within_that_of_a_card():
    rng = np.random.default_rng(1)
    p = rng.dirichlet([30.0, 1.0], 3000)
    y = np.zeros(3000, int)
    y[0] = 1
    p[0] = (0.999999, 0.000001)
    found = fit_calibration(p, y, ("x", "y"))
    assert all(abs(bias) <= 5 for bias in found.class_logit_bias.values())


def test_the_threshold_is_the_smallest_that_reaches_the_target():
    p, y = honest()
    found = find_threshold(p, y, target=0.9, max_refused=0.9)
    assert found.reached
    best = p.max(axis=1)
    right = p.argmax(axis=1) == y
    assert right[best >= found.value].mean() >= 0.9
    assert right[best >= found.value - 0.01].mean() < 0.9


def test_the_threshold_refuses_few_of_the_legible_ones():
    p, y = honest()
    legible = np.arange(len(y)) % 2 == 0
    found = find_threshold(p, y, legible=legible, target=0.99, max_refused=0.05)
    assert not found.reached
    assert 0.03 < (p[legible].max(axis=1) < found.value).mean() <= 0.05


def test_good_probabilities_need_no_threshold():
    p = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    found = find_threshold(p, [0, 1, 2, 0])
    assert (found.value, found.accuracy, found.refused) == (0.0, 1.0, 0.0)


def test_calibrating_and_measuring_use_different_coins():
    names = np.array(["x", "y", "z"])
    p, y = honest(2000, seed=1)
    q, z = honest(1000, seed=2)
    measured = calibrate_and_measure(
        "knn",
        ("x", "y", "z"),
        held_out=(apply_temperature(p, 0.5), names[y]),
        legible=np.ones(2000, bool),
        test=(apply_temperature(q, 0.5), names[z]),
    )
    assert measured.temperature == pytest.approx(2, rel=0.1)
    assert measured.report.n == 1000
    assert measured.report.ece < 0.06


def test_a_dozen_right_answers_do_not_make_every_answer_certain() -> None:
    few, y = np.tile([[0.9, 0.1], [0.1, 0.9]], (6, 1)), np.tile([0, 1], 6)
    assert fit_temperature(few, y) < 0.1
    assert 0.5 < fit_temperature(few, y, spread=0.4) < 1
    expected = fit_temperature(few, y, spread=0.1, usual=3.0)
    assert 2.7 < expected < 3.0

    rng = np.random.default_rng(3)
    truth = rng.dirichlet([1.0, 1.0], 4000)
    drawn = (rng.random(4000) < truth[:, 1]).astype(int)
    sharpened = truth**2 / (truth**2).sum(1, keepdims=True)
    usual = fit_temperature(sharpened, drawn)
    assert usual == pytest.approx(2, rel=0.15)
    assert fit_temperature(sharpened, drawn, spread=0.4) == pytest.approx(
        usual, rel=0.02
    )
