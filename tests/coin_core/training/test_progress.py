"""How far a training has come, from its epochs or, before them, from its log."""

import pytest

from coin_core.training.progress import progress_of, reading_progress
from coin_core.training.runs import start_run


@pytest.mark.parametrize(
    ("log", "share", "words"),
    [
        ("", 0.0, "reading the photos …"),
        ("Left out, as there is no photo inside: lily.", 0.0, "reading the photos …"),
        (
            "photos:  65%|██████▍   | 70/108 [00:19<00:15,  2.43photo/s]",
            70 / 108,
            "finding the coins: 70 of 108 photos",
        ),
        (
            "photos: 100%|██████████| 1200/1200 [00:26<00:00,  7.12photo/s]\n"
            "features:   5%|▌         | 60/1200 [00:19<00:15,  2.43coin/s]",
            0.05,
            "computing features: 60 of 1,200 photos",
        ),
        ("photos:   0%|          | 0/0 [00:00<?, ?photo/s]", 0.0, None),
    ],
)
def test_before_there_is_a_run_the_log_says_how_far_it_is(log, share, words):
    progress = reading_progress(log)
    assert progress.share == pytest.approx(share)
    assert progress.seconds is None
    assert words is None or progress.words == words


def test_progress_counts_epochs_of_all_folds_and_the_last_fit():
    run = start_run({"classifier": "mlp"})
    assert progress_of(run).seconds is None
    run.amend({"plan": {"folds": 2, "epochs": 4}})
    for epoch in (1, 2):
        run.log({"fold": 1, "epoch": epoch, "seconds": 10.0 * epoch})
    progress = progress_of(run)
    assert progress.share == pytest.approx(6 / 12)
    assert progress.seconds == pytest.approx(60, abs=11)
    run.log({"fold": "final", "epoch": 1, "seconds": 10.0})
    assert progress_of(run).share == pytest.approx(9 / 12)


def test_progress_of_rendered_coins_counts_coins():
    run = start_run({"classifier": "vgg", "schedule": {"images": 1000}})
    run.log({"epoch": 1, "seen": 250, "seconds": 50.0})
    assert progress_of(run).share == 0.25
    assert progress_of(run).seconds == pytest.approx(150)
