"""Which requests the server answers; tests/test_app.py asks a real one."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from streamlit import config

from ui import server
from ui.server import RequestGuard, find_refusal, named_hosts

ROOT = Path(__file__).parents[2]
LOCAL = ("localhost", "127.0.0.1", "::1")
NAMED = ("coins.example.org", "*.museum.example")
REBOUND = "name in the address"
FOREIGN = "those of other sites"


def refusal(*headers: tuple[str, str], named: tuple[str, ...] = NAMED) -> str:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return find_refusal(Headers(raw=raw), (*LOCAL, *named), named)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8501", "LOCALHOST:1", "localhost.", "127.0.0.1:8501"),
        *("[::1]", "[::1]:8501", "coins.example.org", "coins.example.org:8443"),
        *("a.museum.example", "a.b.museum.example:80"),
    ],
)
def test_a_named_host_is_answered(host):
    assert refusal(("host", host)) == ""


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:8501",
            "localhost.evil.example",
            "",
            "10.0.0.1",
        ),
        *("localhost@evil.example", "localhost/evil", "localhost:x", "localhost:1:2"),
        *("museum.example", "xmuseum.example", "evil.example#localhost", "[::2]"),
        *("localhost evil.example", "local\xadhost", "localhost,evil.example"),
    ],
)
def test_another_host_is_refused(host):
    assert REBOUND in refusal(("host", host))
    assert REBOUND in refusal(("host", host), ("origin", f"http://{host}"))


def test_a_request_names_one_host():
    assert REBOUND in refusal()
    assert REBOUND in refusal(("host", "localhost"), ("host", "localhost"))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8501", "http://localhost:8501"),
        ("LOCALHOST:8501", "http://localhost:8501"),
        ("localhost", "http://localhost"),
        ("localhost:80", "http://localhost"),
        ("[::1]:8501", "http://[::1]:8501"),
        ("coins.example.org", "https://coins.example.org"),
        ("coins.example.org:443", "https://coins.example.org"),
        # Proxies that change the Host, or leave out its port.
        ("127.0.0.1:8501", "https://coins.example.org"),
        ("coins.example.org", "https://coins.example.org:8443"),
    ],
)
def test_the_servers_own_pages_are_answered(host, origin):
    assert refusal(("host", host), ("origin", origin)) == ""


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "http://localhost:3000", "http://localhost", "null"),
        *(
            "https://localhost",
            "http://127.0.0.1:8501",
            "file://",
            "",
            "localhost:8501",
        ),
        *("http://localhost:8501@evil.example", "http://localhost:8501/", "http://"),
        "http://coins.example.org.evil.example",
    ],
)
def test_pages_of_other_sites_are_refused(origin):
    assert FOREIGN in refusal(("host", "localhost:8501"), ("origin", origin))


def test_a_request_comes_from_one_page():
    own, other = ("origin", "http://localhost"), ("origin", "http://evil.example")
    for origins in ((own, other), (other, own), (own, own)):
        assert FOREIGN in refusal(("host", "localhost"), *origins)


def test_any_host_is_not_any_page():
    everything = ("*",)
    own = (("host", "a.example"), ("origin", "https://a.example"))
    assert refusal(*own, named=everything) == ""
    assert refusal(("host", "a.example"), named=everything) == ""
    foreign = (("host", "a.example"), ("origin", "https://evil.example"))
    assert FOREIGN in refusal(*foreign, named=everything)
    assert REBOUND in refusal(("host", "a b"), named=everything)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_from_another_site_leads_here_but_a_picture_or_frame_does_not(site):
    def asked(mode: str, dest: str) -> str:
        return refusal(
            ("host", "localhost"),
            ("sec-fetch-site", site),
            ("sec-fetch-mode", mode),
            ("sec-fetch-dest", dest),
        )

    assert asked("navigate", "document") == ""
    for mode, dest in (("no-cors", "image"), ("no-cors", "script"), ("cors", "empty")):
        assert FOREIGN in asked(mode, dest)
    assert FOREIGN in asked("navigate", "iframe")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        (" ", ()),
        ("coins.example.org", ("coins.example.org",)),
        (
            "A.example, b.example  *.c.example",
            ("a.example", "b.example", "*.c.example"),
        ),
        ("10.0.0.5,[fd00::1] fd00::2 *", ("10.0.0.5", "fd00::1", "fd00::2", "*")),
        ("coins.example.org.", ("coins.example.org",)),
    ],
)
def test_hosts_are_separated_by_commas_or_spaces(text, names):
    assert named_hosts(text) == names


@pytest.mark.parametrize(
    "text", ["https://a.example", "a.example:80", "a/b", "*a", ","]
)
def test_what_names_no_host_is_told(text, monkeypatch):
    monkeypatch.setenv("COIN_HOSTS", text)
    with pytest.raises(SystemExit, match=r"COIN_HOSTS names .*which is not a host"):
        server.trust_named_hosts()


def test_the_settings_name_this_computer_only():
    assert config.get_option("server.allowedHosts") == list(LOCAL)


def test_visitors_see_no_traceback():
    """Tests do: `fakes.install`."""
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert settings["client"]["showErrorDetails"] == "type"
    assert settings["client"]["showErrorLinks"] is False


def ask(guard: RequestGuard, scope_type: str, **headers: str) -> list[dict]:
    """The messages that a guarded app sends for one request."""
    sent: list[dict] = []
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": scope_type, "headers": raw, "method": "GET", "path": "/"}

    async def send(message: dict) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": "http.request"}

    asyncio.run(guard(scope, receive, send))
    return sent


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> RequestGuard:
    """A guard before an app that answers with the Host that it was told."""
    monkeypatch.setenv("COIN_HOSTS", "coins.example.org")

    async def app(scope, receive, send):
        host = dict(scope["headers"])[b"host"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": host})

    return RequestGuard(app)


def test_streamlit_gets_the_host_of_the_page(guard):
    """It compares both as texts, and asks a public service where they differ."""
    origin = "https://coins.example.org"
    for host in ("127.0.0.1:8501", "coins.example.org:443"):
        sent = ask(guard, "http", host=host, origin=origin)
        assert sent[1]["body"] == b"coins.example.org"
    assert ask(guard, "http", host="localhost:1")[1]["body"] == b"localhost:1"


def test_every_answer_says_what_a_page_may_load(guard):
    for host in ("localhost", "evil.example"):
        start = ask(guard, "http", host=host)[0]
        policy = Headers(raw=start["headers"])["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "img-src 'self' data: blob:;" in policy
        assert "http" not in policy
    assert start["status"] == 403


def test_a_foreign_websocket_is_closed_before_it_opens(guard):
    (closed,) = ask(guard, "websocket", host="localhost", origin="http://evil.example")
    assert closed["type"] == "websocket.close"
