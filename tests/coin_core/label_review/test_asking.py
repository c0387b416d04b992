from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from coin_core import jobs
from coin_core.classifiers import installed
from coin_core.errors import CoinError, WeightsMissingError
from coin_core.label_review import asking, label_errors


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the classifiers were asked; three are installed."""
    calls: list[dict[str, Any]] = []

    def record(_catalog: object, _predictor: object, ids: Any, **more: Any) -> object:
        calls.append({"ids": ids, "with": more["classifiers"]})
        return SimpleNamespace(photos=len(ids), known=0, left_out=())

    three = tuple(SimpleNamespace(name=name) for name in ("resnet", "vgg", "svm"))
    monkeypatch.setattr(installed, "installed_models", lambda: (three, ()))
    monkeypatch.setattr(label_errors, "record_predictions", record)
    return calls


def arguments_of(monkeypatch: pytest.MonkeyPatch, *request: Any) -> list[str]:
    """The arguments that the job of a request gets."""
    added: list[list[str]] = []
    monkeypatch.setattr(
        jobs, "add_job", lambda kind, title, arguments, **more: added.append(arguments)
    )
    asking.start_asking(*request)
    return added[0]


def test_a_job_asks_all_or_those_that_were_named(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.main(arguments_of(monkeypatch, [3, 4]))
    asking.main(arguments_of(monkeypatch, [5], ["svm", "gone"]))
    assert asked == [
        {"ids": [3, 4], "with": ["resnet", "vgg", "svm"]},
        {"ids": [5], "with": ["svm"]},
    ]


def test_a_classifier_that_is_gone_is_not_replaced_by_others(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsMissingError):
        asking.main(arguments_of(monkeypatch, [5], ["gone"]))
    assert not asked


@pytest.mark.parametrize(
    ("running", "request_", "is_refused"),
    [
        (([3, 4],), ([4, 3],), True),
        (([3, 4, 5], ["svm", "vgg"]), ([4], ["vgg"]), True),
        (([3, 4],), ([3], ["vgg"]), True),
        (([3], ["vgg"]), ([3],), False),
        (([3, 4],), ([4, 5],), False),
    ],
)
def test_what_is_asked_already_is_not_asked_twice(
    running: Any, request_: Any, is_refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "start_waiting", lambda: None)
    first = asking.start_asking(*running)
    if is_refused:
        with pytest.raises(CoinError, match="is running already"):
            asking.start_asking(*request_)
        jobs.stop_job(first.job_id)
    asking.start_asking(*request_)
