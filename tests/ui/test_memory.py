"""Who may upload how much, and what is said when there is no room."""

from __future__ import annotations

import itertools
import re
import sys
import threading
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from weakref import WeakValueDictionary

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from coin_core.api.problems import RequestRefusedError
from coin_core.api.uploads import Budget, Limits
from ui import memory
from ui.classify.session import UploadSession

MB = 1 << 20
ADDRESS = "/_stcore/upload_file/{}/{}"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The uploads that Streamlit holds, by session."""
    found: dict[str, dict[str, Any]] = {}
    manager = SimpleNamespace(file_storage=found)
    instance = SimpleNamespace(uploaded_file_mgr=manager)
    monkeypatch.setattr(memory.runtime, "exists", lambda: True)
    monkeypatch.setattr(memory.runtime, "get_instance", lambda: instance)
    # Pages that other tests opened may still hold photos.
    monkeypatch.setattr(memory, "upload_sessions", WeakValueDictionary())
    monkeypatch.setattr(memory, "_WAIT_S", 0.0)
    monkeypatch.setattr(memory, "_LOOK_AGAIN_S", 0.01)
    monkeypatch.setenv(memory.VARIABLE, "200")
    return found


@pytest.fixture
def client(files: dict[str, dict[str, Any]]) -> Iterator[TestClient]:
    """A server that keeps uploads as Streamlit does."""

    async def put(request: Request) -> Response:
        data = await request.body()
        session, file = request.path_params["session"], request.path_params["file"]
        files.setdefault(session, {})[file] = SimpleNamespace(data=data)
        return Response(status_code=204)

    route = Route(ADDRESS.format("{session}", "{file}"), put, methods=["PUT", "DELETE"])
    app = Starlette(routes=[route], middleware=[Middleware(memory.UploadBudget)])
    with TestClient(app) as opened:
        yield opened


def upload(client: TestClient, session: str, file: str, mb: int) -> Response:
    return client.put(ADDRESS.format(session, file), content=bytes(mb * MB))


def test_a_visitor_may_upload_half_of_the_budget(client, files) -> None:
    assert upload(client, "one", "a", 60).status_code == 204
    refused = upload(client, "one", "b", 60)
    assert refused.status_code == 413
    assert "100 MB that one visitor may upload" in refused.text
    assert upload(client, "other", "b", 60).status_code == 204
    assert set(files["one"]) == {"a"}


def test_all_visitors_share_one_budget(client, files) -> None:
    for session in ("one", "two"):
        assert upload(client, session, "a", 90).status_code == 204
    refused = upload(client, "three", "a", 30)
    assert refused.status_code == 503
    assert "The server is busy" in refused.text
    del files["one"]
    assert upload(client, "three", "a", 30).status_code == 204


def test_the_pages_and_the_api_share_one_budget(client, files, monkeypatch) -> None:
    monkeypatch.setattr(memory, "_others", [])
    api = Budget(Limits(bytes_in_flight=500 * MB))
    api.shared_room = memory.share_budget(lambda: api.bytes)
    assert upload(client, "one", "a", 90).status_code == 204
    with api.admit("somebody") as lease:
        lease.take(90 * MB)
        with pytest.raises(RequestRefusedError) as refused:
            lease.take(21 * MB)
        assert refused.value.status == 503
        assert refused.value.headers["Retry-After"]
        assert upload(client, "two", "a", 30).status_code == 503
        assert memory.held_bytes() == 180 * MB
        assert memory.held_bytes("one") == 90 * MB
    assert upload(client, "two", "a", 30).status_code == 204


def test_an_upload_waits_for_room(client, files, monkeypatch) -> None:
    monkeypatch.setattr(memory, "_WAIT_S", 60.0)
    for session in ("one", "two"):
        upload(client, session, "a", 90)
    threading.Timer(0.2, files.pop, ["one"]).start()
    assert upload(client, "three", "a", 30).status_code == 204


def test_a_photo_that_is_kept_counts_once_with_its_upload(files) -> None:
    session = UploadSession()
    data = bytes(5 * MB)
    files["one"] = {"a": SimpleNamespace(data=data)}
    session.add([("a.jpg", data), ("b.jpg", b"b" * MB)])
    memory.upload_sessions["one"] = session
    assert memory.held_bytes() == memory.held_bytes("one") == 6 * MB
    assert memory.held_bytes("other") == 0
    files.clear()
    assert memory.held_bytes() == 6 * MB
    del session
    assert memory.held_bytes() == 0


def test_visits_may_begin_and_end_while_their_photos_are_counted(files) -> None:
    ended, every_s = threading.Event(), sys.getswitchinterval()

    def visit() -> None:
        visits: deque[UploadSession] = deque(maxlen=50)
        for number in itertools.count():
            visits.append(UploadSession())
            memory.upload_sessions[str(number)] = visits[-1]
            if ended.is_set():
                return

    visitors = threading.Thread(target=visit)
    sys.setswitchinterval(1e-4)
    visitors.start()
    try:
        assert {memory.held_bytes() for _ in range(10_000)} == {0}
    finally:
        ended.set()
        visitors.join()
        sys.setswitchinterval(every_s)


def _page_that_takes_uploads() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from ui.memory import take_uploads

    files = st.file_uploader("Photos", accept_multiple_files=True)
    context = get_script_run_ctx()
    if files and context is not None:
        manager, session_id = context.uploaded_file_mgr, context.session_id
        ids = [file.file_id for file in files]
        held = [record.data for record in manager.get_files(session_id, ids)]
        taken = take_uploads(files)
        assert [name for name, _ in taken] == ["a.png", "b.png"]
        assert [data for _, data in taken] == [b"one", b"two"]
        pairs = zip(taken, held, strict=True)
        assert all(data is own for (_, data), own in pairs), "copies"
        assert not manager.get_files(session_id, ids)
        st.write("taken")


def test_uploads_are_taken_over_without_a_copy() -> None:
    page = AppTest.from_function(_page_that_takes_uploads).run()
    two = [("a.png", b"one", "image/png"), ("b.png", b"two", "image/png")]
    page.file_uploader[0].set_value(two).run()
    assert not page.exception
    assert page.markdown[0].value == "taken"


def test_what_arrives_counts_until_it_is_there(files, monkeypatch) -> None:
    held = []

    async def put(_: Request) -> Response:
        held.append((memory.held_bytes(), memory.held_bytes("one")))
        return Response(status_code=204)

    route = Route(ADDRESS.format("{session}", "{file}"), put, methods=["PUT"])
    app = Starlette(routes=[route], middleware=[Middleware(memory.UploadBudget)])
    upload(TestClient(app), "one", "a", 3)
    assert held == [(3 * MB, 3 * MB)]
    assert memory.held_bytes() == 0


def test_an_empty_budget_is_the_default(monkeypatch) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    default = memory.budget_bytes()
    monkeypatch.setenv(memory.VARIABLE, "")
    assert memory.budget_bytes() == default


@pytest.mark.parametrize("text", ["much", "100", "-5"])
def test_a_budget_that_is_none_stops_the_start(text, monkeypatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, text)
    with pytest.raises(SystemExit, match="COIN_VISITORS_MB"):
        memory.UploadBudget(Starlette())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other heaps")
def test_threads_share_two_heaps(run_python) -> None:
    script = (
        "import threading; from ui.memory import keep_heaps_small; keep_heaps_small()\n"
        "def fill(): kept.append([bytes(9000) for _ in range(20)]); barrier.wait(30)\n"
        "kept = []; barrier = threading.Barrier(12)\n"
        "threads = [threading.Thread(target=fill) for _ in range(12)]\n"
        "[each.start() for each in threads]; [each.join() for each in threads]\n"
        "import ctypes; ctypes.CDLL(None).malloc_stats()"
    )
    statistics = run_python("-c", script).stderr
    assert 1 <= len(re.findall(r"^Arena \d+:", statistics, re.M)) <= 3


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other heaps")
def test_maps_of_a_few_photos_use_the_same_memory_again(run_python) -> None:
    script = (
        "import resource; from ui.memory import keep_heaps_small; keep_heaps_small()\n"
        "def pages(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "bytearray(5 << 20); before = pages()\n"
        "for _ in range(10): bytearray(5 << 20)\n"
        "print(pages() - before)"
    )
    assert int(run_python("-c", script).stdout) < 2 * (5 << 20) / 4096  # of ten


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other heaps")
def test_what_is_free_amid_a_heap_is_given_back(run_python) -> None:
    script = (
        "import re; from ui.memory import give_memory_back\n"
        "def mb(): return int(re.search(r'VmRSS:\\s+(\\d+)',"
        " open('/proc/self/status').read())[1]) / 1024\n"
        "kept = [bytearray(60_000) for _ in range(2000)]\n"
        "last = kept[-1]; del kept; before = mb(); give_memory_back()\n"
        "print(before - mb())"
    )
    assert float(run_python("-c", script).stdout) > 80
