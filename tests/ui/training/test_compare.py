from __future__ import annotations

from tests.ui.training.history_page import make_run, open_page, words_of


def test_runs_are_compared_and_a_small_difference_is_called_none() -> None:
    one, same, worse = (
        make_run(wrong_every=10),
        make_run("vgg", wrong_every=9, init="imagenet"),
        make_run("knn", wrong_every=1),
    )
    said = words_of(open_page(one, same))
    assert "No real difference" in said
    page = open_page(one, worse)
    assert "really is better than" in words_of(page)
    settings = page.dataframe[-1].value
    assert list(settings["setting"][:1]) == ["classifier"], "what differs comes first"
