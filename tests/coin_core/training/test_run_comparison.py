"""What runs say of themselves, and whether two really differ."""

import pytest

from coin_core.training.run_comparison import (
    compare_pairs,
    flat_settings,
    mean_curve,
    record_of_tests,
    setting_rows,
    summarise,
)
from coin_core.training.runs import RunState, start_run

SAME = dict.fromkeys(("one", "other", "x", "y", "z"), "d" * 64)


def row(i, label, share_of_a, **more):
    shares = {"a": share_of_a, "b": 1 - share_of_a}
    name = str(i)
    return {
        "photo": name,
        "coin": name,
        "label": label,
        "probabilities": shares,
        **more,
    }


def test_mcnemar_counts_only_coins_that_one_got_right():
    right = [row(i, "a", 0.9) for i in range(20)]
    wrong = [row(i, "a", 0.1 if i < 8 else 0.9) for i in range(20)]
    (pair,), apart = compare_pairs({"one": right, "other": wrong}, SAME)
    assert (pair.coins, pair.only_one, pair.only_other) == (20, 8, 0)
    # Eight of eight on one side: 2 / 2 ** 8.
    assert pair.p == pytest.approx(2 / 2**8)
    assert pair.is_real
    assert apart == []
    (pair,), _ = compare_pairs({"one": right, "other": right}, SAME)
    assert pair.p == 1.0
    assert not pair.is_real


def test_photos_of_one_coin_are_one_piece_of_evidence():
    photos = [row(i, "a", 0.9) | {"coin": "same"} for i in range(20)]
    other = [row(i, "a", 0.1) | {"coin": "same"} for i in range(20)]
    (pair,), _ = compare_pairs({"one": photos, "other": other}, SAME)
    assert (pair.coins, pair.only_one) == (1, 1)
    assert not pair.is_real


def test_runs_without_a_common_coin_are_not_compared():
    several = {"x": [row(1, "a", 1.0)], "y": [row(2, "a", 1.0)]}
    pairs, apart = compare_pairs(several, SAME)
    assert pairs == []
    assert "no coin in common" in apart[0]


def compared(one, other):
    """How many coins two runs on different photos share."""
    pairs, _ = compare_pairs(
        {"one": one, "other": other}, {"one": "d" * 64, "other": "e" * 64}
    )
    return sum(pair.coins for pair in pairs)


def test_coins_with_the_same_number_in_two_collections_are_not_paired():
    one, other = (
        [row(i, "a", 0.9, picture=f"{museum} {i}") for i in range(20)]
        for museum in ("Berlin", "London")
    )
    assert compared(one, other) == 0
    renamed = [photo | {"coin": f"V{i}"} for i, photo in enumerate(one)]
    assert compared(one, [*other, *renamed[:4]]) == 4
    assert compared(one, renamed) == 20
    assert compared([row(1, "a", 0.9)], [row(1, "a", 0.9)]) == 0  # nothing tells them


def test_a_coin_with_another_photo_is_another_measurement():
    pair = [row(i, "a", 0.9, picture=f"p{i}") | {"coin": "id V1"} for i in range(2)]
    assert compared(pair, list(reversed(pair))) == 1
    assert compared(pair, pair[:1]) == 0


def test_versions_of_the_dataset_share_coins_that_were_cropped_anew():
    one, other = (
        [
            row(i, "a", 0.9, picture=f"{crop} {i}")
            | {"coin": f"coin {i}", "photo": f"photo {i}"}
            for i in range(5)
        ]
        for crop in ("old", "new")
    )
    assert compared(one, other) == 5


def test_several_pairs_make_each_less_sure():
    right = [row(i, "a", 0.9) for i in range(20)]
    wrong = [row(i, "a", 0.1 if i < 6 else 0.9) for i in range(20)]
    pairs, _ = compare_pairs({"x": right, "y": wrong, "z": right}, SAME)
    assert [round(pair.p, 3) for pair in pairs] == [0.094, 1.0, 0.094]
    assert not any(pair.is_real for pair in pairs)


def test_a_run_is_summed_up_and_read_again_when_it_changes():
    run = start_run(
        {"classifier": "mlp", "data": "folder x", "recipe": {"patience": 6}},
        {"coins_per_class": {"a": 5}},
    )
    assert summarise(run).state is RunState.RUNNING
    for fold, epoch, loss in ((0, 1, 0.9), (0, 2, 0.4), (0, 3, 0.6), (1, 1, 0.5)):
        run.log(
            {
                **{"fold": fold, "epoch": epoch, "valid_loss": loss},
                **{"valid_accuracy": 0.8, "valid_n": 10, "seconds": 3.0 * epoch},
            }
        )
    told = summarise(run)
    assert told.best_epochs == (2, 1)
    assert told.valid_accuracy[0] == pytest.approx(0.8)
    assert told.valid_accuracy[1] > 0.55, "both folds' coins together"
    assert told.settings["patience"] == 6
    assert "a (5)" in told.few
    assert mean_curve(run.rows(), "valid_loss")[0] == (1, pytest.approx(0.7))
    run.finish({}, state=RunState.STOPPED)
    assert summarise(run).state is RunState.STOPPED


def test_a_second_look_at_test_coins_is_told():
    run = start_run({"classifier": "mlp"})
    assert not record_of_tests(run)[1]
    run.note_test(0, 10)
    run.note_test(1, 10)
    assert record_of_tests(run)[1]
    run.note_test(1, 10)
    sentence, once = record_of_tests(run)
    assert not once
    assert "fold 2" in sentence


@pytest.mark.parametrize(
    ("planned", "given", "has_epochs"),
    [(1, None, False), (1, 1, True), (12, None, True)],
)
def test_a_training_without_epochs_has_no_settings_of_them(planned, given, has_epochs):
    run = start_run({"classifier": "svm", "epochs": given, "recipe": {}, "seed": 0})
    run.amend({"plan": {"folds": 5, "epochs": planned, "fits": 6}})
    net = start_run({"classifier": "resnet", "epochs": None, "recipe": {}, "seed": 0})
    told = summarise(run)
    assert {"epochs", "patience"} <= told.settings.keys() or not has_epochs
    assert {"epochs", "patience"}.isdisjoint(told.settings) or has_epochs
    assert told.settings["seed"] == 0
    if not has_epochs:
        rows = {
            name: values for name, values, _ in setting_rows([told, summarise(net)])
        }
        assert rows["epochs"] == ["", None]


def test_the_splits_of_a_version_are_no_folds():
    run = start_run({"classifier": "svm", "folds": None})
    assert "folds" not in summarise(run).settings


def test_settings_that_differ_come_first():
    runs = []
    for seed in (0, 1):
        run = start_run({"classifier": "mlp", "init": "scratch", "seed": seed})
        runs.append(summarise(run))
    rows = setting_rows(runs)
    assert rows[0] == ("seed", [0, 1], True)
    assert all(not differs for _, _, differs in rows[1:])
    # A run from before a setting was there does not differ by it.
    assert flat_settings({"recipe": {}}) == flat_settings({"recipe": {"patience": 6}})
    assert flat_settings({"schedule": {"batch": 8}}) == {"schedule: batch": 8}
    assert list(flat_settings({"threads": 1, "seed": 0})) == ["seed", "threads"]
