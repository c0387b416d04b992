"""The client: what it sends, when it tries again, and how it fails."""

from __future__ import annotations

import httpx
import pytest

from coin_core.api import ApiError, Client, client
from coin_core.api.app import Service
from coin_core.api.uploads import Limits
from tests.coin_core.api.conftest import StubClassifier, listen, png, until

PROBLEM = {"title": "Service Unavailable", "status": 503, "detail": "Busy."}


def answering(*responses: httpx.Response, retries: int = 3) -> tuple[Client, list]:
    asked: list[httpx.Request] = []
    left = iter(responses)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return next(left)

    transport = httpx.MockTransport(answer)
    return Client("http://x", transport=transport, retries=retries), asked


@pytest.fixture
def pauses(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(client.time, "sleep", slept.append)
    return slept


def test_photos_are_sent_by_path_or_as_bytes(tmp_path):
    path = tmp_path / "my coin é.png"
    path.write_bytes(png(1))
    with listen(Service(StubClassifier())) as server, Client(server.url) as one:
        answer = one.classify([path, png(2)], classifier="vgg")
        assert [photo.photo for photo in answer.photos] == ["my coin é.png", "photo 2"]
        assert answer.photos[0].verdicts[0].classifier == "vgg"
        assert "resnet" in {known.name for known in one.classifiers()}
        with pytest.raises(ApiError, match="no such classifier") as refused:
            one.classify([path], classifier="other")
        assert refused.value.problem.status == 422
        with pytest.raises(OSError, match="absent"):
            one.classify([tmp_path / "absent.png"])


def test_a_busy_server_is_asked_again_after_its_pause(pauses):
    busy = httpx.Response(503, json=PROBLEM, headers={"Retry-After": "7"})
    many = httpx.Response(429, json=PROBLEM, headers={"Retry-After": "900"})
    one, asked = answering(busy, many, httpx.Response(200, json=[]))
    assert one.classifiers() == []
    assert len(asked) == 3
    assert pauses == [7, 60]


def test_it_gives_up_after_so_many_tries(pauses):
    busy = httpx.Response(503, json=PROBLEM, headers={"Retry-After": "1"})
    one, asked = answering(busy, busy, retries=1)
    with pytest.raises(ApiError, match=r"Busy. \(HTTP 503\)"):
        one.classifiers()
    assert len(asked) == 2


def test_what_waiting_does_not_mend_is_not_tried_again(pauses):
    one, asked = answering(httpx.Response(503, json=PROBLEM))
    with pytest.raises(ApiError):
        one.classifiers()
    assert (len(asked), pauses) == (1, [])


def test_a_change_of_models_is_sent_once(pauses, tmp_path):
    (bundle := tmp_path / "mine.zip").write_bytes(b"PK")
    for change in (
        lambda one: one.activate("vgg"),
        lambda one: one.deactivate("vgg"),
        lambda one: one.roll_back(),
        lambda one: one.add_model(bundle),
    ):
        busy = httpx.Response(503, json=PROBLEM, headers={"Retry-After": "1"})
        one, asked = answering(busy, busy)
        with pytest.raises(ApiError, match="Busy"):
            change(one)
        assert (len(asked), pauses) == (1, [])


def test_an_answer_of_another_server_is_an_error():
    one, _ = answering(httpx.Response(502, text="<html>Bad Gateway"))
    with pytest.raises(ApiError, match="did not answer as this API does") as refused:
        one.classifiers()
    assert refused.value.problem.status == 502


def test_photos_are_resent_whole(pauses):
    limits = Limits(requests_of_client=0)
    with listen(Service(StubClassifier(), limits)) as server:
        with Client(server.url, retries=2) as one, pytest.raises(ApiError):
            one.classify([png()])
        sent = server.service.metrics.requests.labels("POST", "/classify", 429)
        until(lambda: sent._value.get() == 3)  # counted after the last byte
