"""What the server of the pages consists of; tests/test_app.py asks a real one."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ui import application
from ui.memory import UploadBudget
from ui.server import RequestGuard


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict:
    """The parts, without the settings of this process being changed."""
    done: list[str] = []
    for name in ("keep_heaps_small", "trust_named_hosts"):
        monkeypatch.setattr(application, name, lambda name=name: done.append(name))
    parts = application.pages(lambda *_: PlainTextResponse("of the API", 403))
    assert done == ["keep_heaps_small", "trust_named_hosts"]
    return parts


def test_requests_are_guarded_before_their_uploads_are_counted(parts: dict) -> None:
    assert [one.cls for one in parts["middleware"]] == [RequestGuard, UploadBudget]


def test_a_foreign_request_is_refused_and_one_of_the_page_is_not(parts: dict) -> None:
    for path in ("/page", "/api/photos"):
        parts["routes"].append(Route(path, lambda _: PlainTextResponse("it")))
    client = TestClient(Starlette(**parts), base_url="http://localhost:8501")
    foreign = {"Origin": "http://evil.example"}
    assert client.get("/page").text == "it"
    assert client.get("/page", headers=foreign).status_code == 403
    refused = client.get("/api/photos", headers=foreign)
    assert refused.text == "of the API"


def test_a_download_that_nobody_offered_is_not_there(parts: dict) -> None:
    client = TestClient(Starlette(**parts), base_url="http://localhost:8501")
    answer = client.get("/exports/20260101-000000000000-abcd/a-code")
    assert answer.status_code == 404
    assert "This download is gone" in answer.text
