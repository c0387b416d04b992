"""The app behind a proxy: who visits, over a real websocket with a real header."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import websocket
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.serving import PAGES, READY, SERVER, serve

pytestmark = pytest.mark.slow


@pytest.fixture(
    scope="module",
    params=[(SERVER, READY), (PAGES, "/_stcore/health")],
    ids=["server", "pages"],
)
def port(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Of the app with its API, and of the pages alone."""
    arguments, ready = request.param
    folder = tmp_path_factory.mktemp("visitors")
    variables = {
        "COIN_ADMINS": "anna",
        "STREAMLIT_SERVER_TRUSTED_USER_HEADERS": '{"X-Forwarded-User": "name"}',
    }
    with serve(folder, arguments, ready=ready, environment=variables) as served:
        yield served.port


def visit(port: int, **headers: str) -> str:
    """Everything that one run of the Home page sends to the browser, as text."""
    link = websocket.create_connection(
        f"ws://localhost:{port}/_stcore/stream",
        header=[
            f"{name.replace('_', '-')}: {value}" for name, value in headers.items()
        ],
        subprotocols=["streamlit"],
        origin=f"http://localhost:{port}",
        timeout=120,
    )
    try:
        message = BackMsg()
        message.rerun_script.query_string = ""
        link.send_binary(message.SerializeToString())
        sent = b""
        while True:
            data = link.recv()
            sent += data
            if ForwardMsg.FromString(data).WhichOneof("type") == "script_finished":
                return sent.decode("utf-8", errors="replace")
    finally:
        link.close()


@pytest.mark.parametrize(("name", "role"), [("anna", "admin"), ("ben", "reader")])
def test_the_header_of_the_proxy_names_the_visitor(
    port: int, name: str, role: str
) -> None:
    page = visit(port, X_Forwarded_User=name)
    assert f"Signed in as {name}, {role}" in page
    assert "The three names" in page


def test_another_header_names_nobody(port: int) -> None:
    page = visit(port, X_Remote_User="anna")
    assert "has not said who you are" in page
    assert "The three names" not in page
