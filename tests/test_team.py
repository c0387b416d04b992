"""Two servers with one dataset and one store of models, behind nginx.

One is killed, both are replaced, and a model is exchanged, while clients ask.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from PIL import Image
from sqlalchemy import create_engine, make_url, text

from coin_core.catalog import (
    CatalogFace,
    PhotoRecord,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.model_store.bundle import WEIGHTS_DIR, load_card, weights_digest
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES
from tests.browser.conftest import open_browser
from tests.browser.visit import DatasetVisit
from tests.object_store import new_prefix
from tests.serving import (
    PATIENCE_S,
    READY,
    ROOT,
    SERVER,
    Served,
    answering,
    free_port,
    serve,
)

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
DATABASES = os.environ.get("COIN_TEST_DATABASE_URL")
TOKEN = "a token of this test"
CLIENTS = 4
_CONNECTED = '[data-test-connection-state="CONNECTED"]'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
    pytest.mark.skipif(
        DATABASES is None, reason="COIN_TEST_DATABASE_URL names no server"
    ),
]


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    url = make_url(str(DATABASES)).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"coins_{uuid.uuid4().hex[:12]}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


class Team:
    """Two machines, each with a data folder and a port of its own, and a proxy."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.variables = variables
        self.ports = {name: free_port() for name in ("one", "two")}
        self.proxy = free_port()
        self.servers: dict[str, Served] = {}
        self._stack: dict[str, ExitStack] = {}

    @property
    def address(self) -> str:
        """That of the proxy."""
        return f"http://localhost:{self.proxy}"

    def start(self, name: str) -> None:
        """Start the server of a machine, and wait until it is ready."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        self._stack[name] = ExitStack()
        self.servers[name] = self._stack[name].enter_context(
            serve(
                folder,
                SERVER,
                ready=READY,
                environment=self.variables,
                port=self.ports[name],
            )
        )

    def end(self, name: str, number: int) -> None:
        """Send a signal to the server of a machine, and wait for its end."""
        process = self.servers[name].process
        process.send_signal(number)
        process.wait(PATIENCE_S)
        self._stack.pop(name).close()

    def asked(self, visitor: str) -> list[str]:
        """The machines that answered the requests with a cookie, in their order."""
        names = {str(port): name for name, port in self.ports.items()}
        lines = (self.folder / "nginx" / "requests.txt").read_text().splitlines()
        # A line ends with the addresses that were tried, the last of which answered.
        found = [line.split()[-1] for line in lines if line.startswith(visitor)]
        return [names[address.rpartition(":")[2]] for address in found]

    def close(self) -> None:
        """End all servers."""
        for stack in self._stack.values():
            stack.close()

    @contextmanager
    def proxied(self) -> Iterator[None]:
        """Run nginx with the file of deploy/, and the addresses of this test."""
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        for name, address in (("one", "10.0.0.11"), ("two", "10.0.0.12")):
            assert f"{address}:8501" in text
            text = text.replace(f"{address}:8501", f"127.0.0.1:{self.ports[name]}")
        text = text.replace("listen 80;", f"listen 127.0.0.1:{self.proxy};")
        folder = self.folder / "nginx"
        folder.mkdir()
        (folder / "site.conf").write_text(text)
        user = "user root;" if os.getuid() == 0 else ""
        paths = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"{user}\ndaemon off;\npid {folder}/pid;\nworker_processes 1;\n"
            f"error_log {folder}/errors.txt;\nevents {{}}\n"
            "http {\nlog_format who '$cookie_coin_visitor $upstream_addr';\n"
            f"access_log {folder}/requests.txt who;\n{paths}"
            f"include {folder}/site.conf;\n}}\n"
        )
        command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        process = subprocess.Popen(command)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def team(tmp_path_factory, store_server, database_url) -> Iterator[Team]:
    variables = {
        **store_server,
        "COIN_STORAGE_URL": new_prefix(),
        "COIN_DATABASE_URL": database_url,
        "COIN_ADMIN_TOKEN": TOKEN,
        "COIN_DRAIN_S": "3",
    }
    made = Team(tmp_path_factory.mktemp("team"), variables)
    try:
        for name in made.ports:
            made.start(name)
        with made.proxied():
            yield made
    finally:
        made.close()


class Load:
    """Clients that classify one photo again and again, and what they are told."""

    def __init__(self, team: Team, photo: bytes) -> None:
        self.statuses: list[int] = []
        self.models: list[str] = []
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(team.address, photo), daemon=True)
            for _ in range(CLIENTS)
        ]

    def _ask(self, address: str, photo: bytes) -> None:
        with httpx.Client(timeout=PATIENCE_S) as client:
            while not self._ended.is_set() and len(self.failures) < 20:
                try:
                    answer = client.post(
                        f"{address}/api/classify",
                        files={"photo": ("coin.jpg", photo, "image/jpeg")},
                    )
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                self.statuses.append(answer.status_code)
                if answer.status_code != 200:
                    self.failures.append(answer.text)
                    continue
                (verdict,) = answer.json()["photos"][0]["verdicts"]
                self.models.append(verdict["model"])

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        self.more()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def more(self, count: int = 2 * CLIENTS) -> None:
        """Wait for so many more answers."""
        wanted = len(self.models) + count
        wait_until(lambda: len(self.models) >= wanted or bool(self.failures))
        assert self.failures == []


def wait_until(holds: Callable[[], bool]) -> float:
    """Wait; the seconds that it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + PATIENCE_S
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.fixture(scope="module")
def photo() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(render_coin(71, 1, size_px=240, wear=0.2).image).save(
        buffer, "JPEG"
    )
    return buffer.getvalue()


def packed(name: str) -> bytes:
    """The shipped knn under a name of one's own, as a ZIP file."""
    card = json.loads((WEIGHTS_DIR / "knn" / "card.json").read_text())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in (WEIGHTS_DIR / "knn").iterdir():
            data = path.read_bytes()
            if path.name == "card.json":
                data = json.dumps(card | {"name": name}).encode()
            archive.writestr(path.name, data)
    return buffer.getvalue()


def test_a_model_that_one_machine_takes_answers_on_both(team, photo):
    before = weights_digest(load_card(WEIGHTS_DIR / "resnet"))
    after = weights_digest(load_card(WEIGHTS_DIR / "knn"))
    one, two = (team.servers[name].address for name in ("one", "two"))
    with httpx.Client(timeout=PATIENCE_S) as client, Load(team, photo) as load:

        def default_of(address: str) -> str:
            listed = client.get(f"{address}/api/classifiers").json()
            return next(x["model"] for x in listed if x["default"])

        assert default_of(one) == default_of(two) == before
        answer = client.post(
            f"{one}/api/models?name=ours&activate=true",
            content=packed("ours"),
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": "application/zip",
            },
        )
        assert answer.status_code == 201, answer.text
        assert default_of(one) == after
        delay = wait_until(lambda: default_of(two) == after)
        sys.stdout.write(f"The other machine followed {delay:.1f} s later.\n")
        switched = len(load.models)
        load.more()
        undone = client.post(
            f"{two}/api/models/roll-back", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert undone.status_code == 200, undone.text
        wait_until(lambda: default_of(one) == before)
    assert load.failures == []
    assert set(load.models) == {before, after}
    assert after in load.models[switched:]


def decide(team: Team, name: str) -> subprocess.Popen[bytes]:
    """Add photos and decisions on a machine, until it is killed; tells their ids."""
    writers = ROOT / "tests" / "coin_core" / "catalog"
    code = (
        f"import sys; sys.path.insert(0, {str(writers)!r}); from writers import write"
    )
    return subprocess.Popen(
        [sys.executable, "-c", f"{code}; write({name!r}, 1)"],
        cwd=ROOT,
        env={
            **os.environ,
            **team.variables,
            "COIN_DATA_DIR": str(team.folder / name / "data"),
        },
        stdout=subprocess.PIPE,
    )


def test_one_machine_is_killed_and_the_other_goes_on(team, photo, monkeypatch):
    writers = {name: decide(team, name) for name in team.ports}
    promised: dict[str, list[bytes]] = {}
    with Load(team, photo) as load:
        for writer in writers.values():
            assert writer.stdout is not None
            writer.stdout.readline()
        writers["one"].kill()
        team.end("one", signal.SIGKILL)
        load.more()
        for name, writer in writers.items():
            writer.kill()
            promised[name] = writer.communicate()[0].splitlines()
        with httpx.Client(timeout=PATIENCE_S) as client:
            page = client.get(f"{team.address}/Classify")
            assert page.status_code == 200
            assert page.cookies["coin_visitor"]
    assert load.failures == []
    assert len(promised["two"]) >= 1, "the living machine goes on"

    for variable, value in team.variables.items():
        monkeypatch.setenv(variable, value)
    catalog = open_catalog()
    assert catalog.check(digests=True) == []
    for line in (*promised["one"], *promised["two"]):
        if line.isdigit():
            assert catalog.reviews.of_photo(int(line))
    catalog.close()
    team.start("one")


def test_a_rolling_update_under_load_fails_no_request(team, photo):
    with Load(team, photo) as load:
        for name in team.ports:
            old = team.servers[name].process.pid
            team.end(name, signal.SIGTERM)
            load.more()
            team.start(name)
            assert team.servers[name].process.pid != old
            load.more()
    assert load.failures == []
    assert set(load.statuses) == {200}


def test_a_visitor_stays_on_one_machine(team):
    visitors = []
    for _ in range(12):
        with httpx.Client(timeout=PATIENCE_S) as client:
            for _ in range(4):
                assert client.get(f"{team.address}/Classify").status_code == 200
            visitors.append(client.cookies["coin_visitor"])
    assert len({*visitors}) == 12
    machines: dict[str, list[str]] = {}

    def is_logged() -> bool:
        for visitor in visitors:
            machines[visitor] = team.asked(visitor)
        return all(len(seen) == 3 for seen in machines.values())  # those with a cookie

    wait_until(is_logged)
    assert all(len({*seen}) == 1 for seen in machines.values())
    assert {seen[0] for seen in machines.values()} == {*team.ports}


@pytest.mark.parametrize("path", ["/", "/api/ready"])
def test_requests_at_once_reach_the_machine_that_is_back(tmp_path, path):
    """It was away before, and the other one is now: nobody gets an error."""

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(1)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    pair = Team(tmp_path, {})

    def ask_at_once(name: str) -> set[int]:
        """The answers to eight visitors while one machine alone is there."""
        server = ThreadingHTTPServer(("127.0.0.1", pair.ports[name]), Slow)
        with answering(server), ThreadPoolExecutor(8) as threads:
            answers = threads.map(httpx.get, [pair.address + path] * 8)
            return {answer.status_code for answer in answers}

    with pair.proxied():
        assert ask_at_once("one") == {200}
        time.sleep(6)  # a proxy that leaves machines out tries each again by now
        assert ask_at_once("two") == {200}


@pytest.mark.browser
def test_decisions_on_a_page_outlive_its_machine(team, photo, monkeypatch, tmp_path):
    """A reviewer in a browser goes on after the machine of the page is killed."""
    for variable, value in team.variables.items():
        monkeypatch.setenv(variable, value)
    catalog = open_catalog()
    box = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
    for number in range(8):
        catalog.photos.add(
            photo + bytes([number]),  # after the end of a JPEG
            PhotoRecord(extension="jpg", width_px=240, height_px=240),
            [CatalogFace(box=box, side=Side.LEGEND)],
            who="import",
        )
    decisions: dict[int, str | None] = {}
    rulers = {str(k): ruler for k, ruler in enumerate(DEFAULT_CLASSES, 1)}
    chrome = open_browser(tmp_path / "profile", tmp_path)
    try:
        page = DatasetVisit(chrome, team.address)

        def begin() -> None:
            if not page.reviewed_photo():
                page.press("Review")
            if page.all("input[placeholder^='Asked once']"):
                page.enter_name("Anna")
            page.until(page.reviewed_photo, "No photo was shown")

        def decide(keys: str) -> None:
            for key in keys:
                here = page.reviewed_photo()
                page.keys(key)
                page.until(
                    lambda here=here: page.reviewed_photo() not in (0, here),
                    "The next photo was not shown",
                )
                decisions[here] = rulers.get(key)  # the page has taken it

        page.open("/Dataset")
        begin()
        decide("120")
        visitor = chrome.get_cookie("coin_visitor")["value"]
        machine = team.asked(visitor)[-1]
        team.end(machine, signal.SIGKILL)
        page.keys("3")  # nobody hears it, and the page does not go on
        page.until(lambda: page.all(_CONNECTED), "The page did not connect again")
        page.wait_until_idle()
        begin()
        decide("321")
        assert team.asked(visitor)[-1] != machine
    finally:
        chrome.quit()
    assert len(decisions) == 6, "none is asked again"
    for photo_id, ruler in decisions.items():
        (review,) = catalog.reviews.of_photo(photo_id)
        assert (review.ruler, review.reviewer) == (ruler, "Anna")
    assert catalog.check(digests=True) == []
    catalog.close()
    team.start(machine)
