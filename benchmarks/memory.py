"""Memory of the server while visitors classify many large photos at the same time.

    python -m benchmarks.memory [--visitors 2] [--photos 18] [--megapixels 12]
    python -m benchmarks.memory --clients 32        of the HTTP API, a photo from each

Starts the app on a port of its own, with an empty data folder. Each visitor drops all
photos of their own at once and waits for the table. Counted are all pages of the
server that are in memory, those of libraries too, and what its decoders do not share.
"""

from __future__ import annotations

import re
import tempfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from benchmarks.common import argument_parser, encode_jpeg, stopwatch
from coin_core.api import Client
from tests.serving import READY, SERVER, serve

LONGEST_S = 900.0


def main() -> None:
    """Measure and print."""
    parser = argument_parser(__doc__, visitors=2, photos=18, megapixels=12, clients=0)
    args = parser.parse_args()
    if args.clients:
        ask_api(args.clients, args.megapixels)
        return
    seeds = iter(range(args.visitors * args.photos))
    trays = [
        [large_photo(args.megapixels, next(seeds)) for _ in range(args.photos)]
        for _ in range(args.visitors)
    ]
    size_mb = sum(map(len, trays[0])) / 2**20
    print(f"{args.photos} photos of {args.megapixels} megapixels, {size_mb:.0f} MB")
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder)) as served,
        Peak(psutil.Process(served.process.pid)) as peak,
    ):
        first = Visitor(served.address)
        first.open_page()
        print(f"with the classifiers loaded: {peak.now():.0f} MB")
        first.close()
        with stopwatch() as elapsed, ThreadPoolExecutor(args.visitors) as pool:
            verdicts = pool.map(
                lambda photos: visit(served.address, photos), trays, timeout=LONGEST_S
            )
            print("photos in the tables:", *verdicts)
        print(
            f"peak of {args.visitors} visitors: {peak.highest:.0f} MB, of which "
            f"decoders {peak.decoders_mb:.0f} MB",
            end=", ",
        )
        print(f"after them {peak.now():.0f} MB, {elapsed.seconds:.0f} s")


def ask_api(clients: int, megapixels: int) -> None:
    """Let clients send a large photo each at once, again until they have an answer."""
    photos = [large_photo(megapixels, seed) for seed in range(clients)]
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), SERVER, ready=READY) as served,
        Client(served.address, timeout_s=LONGEST_S, retries=100) as client,
        Peak(psutil.Process(served.process.pid)) as peak,
        ThreadPoolExecutor(clients) as pool,
    ):
        client.classify([photos[0]])
        print(f"with the classifiers loaded: {peak.now():.0f} MB")
        with stopwatch() as elapsed:
            answers = list(pool.map(lambda photo: client.classify([photo]), photos))
        read = sum(photo.problem is None for one in answers for photo in one.photos)
        print(
            f"{read} of {clients} photos of {megapixels} megapixels answered, peak "
            f"{peak.highest:.0f} MB, of which decoders {peak.decoders_mb:.0f} MB; "
            f"after them {peak.now():.0f} MB, {elapsed.seconds:.0f} s"
        )


def large_photo(megapixels: int, seed: int) -> bytes:
    """A JPEG in the detail of a telephone's, of a disc on a ground."""
    rng = np.random.default_rng(seed)
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = round(width * 3 / 4)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    disc = np.hypot(x - width / 2, y - height / 2) < height / 3
    grey = np.where(disc, 110 + 40 * np.sin(x / 37 + seed), 215)
    noise = rng.normal(0, 12, (height, width)).astype(np.float32)
    pixels = np.clip(grey + noise, 0, 255).astype(np.uint8)
    return encode_jpeg(np.repeat(pixels[..., None], 3, axis=2))


class Peak:
    """The highest memory of a process and its children, in MB."""

    def __init__(self, process: psutil.Process) -> None:
        self.process, self.highest, self.decoders_mb = process, 0.0, 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def now(self) -> float:
        """The memory at this moment."""
        decoders = [
            one
            for one in self.process.children(recursive=True)
            if any("decoder" in word for word in _command(one))
        ]
        server_mb = self.process.memory_info().rss / 2**20
        decoders_mb = [own_memory_mb(one) for one in decoders]
        total_mb = server_mb + sum(decoders_mb)
        if total_mb > self.highest:
            self.highest, self.decoders_mb = total_mb, sum(decoders_mb)
        return total_mb

    def _look(self) -> None:
        while not self._is_over.wait(0.1):
            with suppress(psutil.Error):  # it has ended
                self.now()

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()


def _command(process: psutil.Process) -> list[str]:
    """The command of a process; that of its parent while it shares its memory."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def own_memory_mb(process: psutil.Process) -> float:
    """The memory in MB that a process shares with no other; 0 if it has ended."""
    try:
        return float(process.memory_full_info().uss) / 2**20
    except psutil.Error:  # it has ended
        return 0.0


def process_memory_mb(process: psutil.Process) -> float:
    """The memory of a process in MB, its share of what it shares; 0 if it has ended."""
    try:
        return float(process.memory_full_info().pss) / 2**20
    except psutil.Error:  # it has ended
        return 0.0


class Visitor:
    """A session of Streamlit without a browser."""

    def __init__(self, address: str) -> None:
        self.base = address
        self.http = httpx.Client(trust_env=False, timeout=300, base_url=self.base)
        self.http.get("/_stcore/health")
        self._opened = ExitStack()
        self.socket = self._opened.enter_context(
            connect(
                f"{address.replace('http', 'ws', 1)}/_stcore/stream",
                origin=self.base,
                subprotocols=["streamlit"],
                max_size=None,
                ping_interval=None,
            )
        )
        self.session_id = ""
        self.uploader: Any = None
        self.texts: list[str] = []

    def receive(self) -> ForwardMsg:
        """The next message of the server."""
        message = ForwardMsg()
        message.ParseFromString(self.socket.recv(timeout=LONGEST_S))
        return message

    def open_page(self, *widgets: Any) -> None:
        """Run the page Classify to its end."""
        request = BackMsg()
        request.rerun_script.page_name = "Classify"
        request.rerun_script.widget_states.widgets.extend(widgets)
        self.socket.send(request.SerializeToString())
        self.until_done()

    def until_done(self) -> None:
        """Take what the page shows until its script ends."""
        while True:
            message = self.receive()
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session_id = message.new_session.initialize.session_id
            elif kind == "delta" and message.delta.HasField("new_element"):
                element = message.delta.new_element
                self.texts.append(str(element))
                if element.WhichOneof("type") == "file_uploader":
                    self.uploader = element.file_uploader
            elif kind == "script_finished" and not message.script_finished:
                return

    def upload(self, name: str, data: bytes) -> Any:
        """Upload a file; returns the addresses that a widget names it by."""
        request = BackMsg()
        request.file_urls_request.request_id = str(uuid.uuid4())
        request.file_urls_request.file_names.append(name)
        request.file_urls_request.session_id = self.session_id
        self.socket.send(request.SerializeToString())
        while (message := self.receive()).WhichOneof("type") != "file_urls_response":
            pass
        urls = message.file_urls_response.file_urls[0]
        token = self.http.cookies.get("_streamlit_xsrf", "")
        self.http.put(
            urls.upload_url,
            files={"file": (name, data)},
            headers={"X-Xsrftoken": token},
        ).raise_for_status()
        return urls

    def drop(self, photos: list[bytes]) -> None:
        """Upload photos and wait until the page has classified them."""
        from streamlit.proto.WidgetStates_pb2 import WidgetState

        state = WidgetState(id=self.uploader.id)
        for number, data in enumerate(photos):
            urls = self.upload(f"coin{number}.jpg", data)
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.name, info.size = f"coin{number}.jpg", len(data)
            info.file_id = urls.file_id
            info.file_urls.CopyFrom(urls)
        self.texts.clear()
        self.open_page(state)

    def close(self) -> None:
        """Leave the page."""
        self._opened.close()
        self.http.close()


def visit(address: str, photos: list[bytes]) -> str:
    """One visitor; what the page says of their photos."""
    visitor = Visitor(address)
    visitor.open_page()
    visitor.drop(photos)
    while not (found := re.findall(r"\*\*(\d+) photos\*\*", "".join(visitor.texts))):
        visitor.until_done()
    visitor.close()
    return found[-1]


if __name__ == "__main__":
    main()
