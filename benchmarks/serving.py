"""Requests a second over HTTP: this server, and two straightforward ones beside it.

    python -m benchmarks.serving [--seconds 20] [--clients 1 8 32]

Each client of wrk (in Debian: apt install wrk) sends the photo of a rendered coin,
waits for the answer, and sends the next one. All servers get the same photos, in turns
on the same machine:

- ours, as `python server.py` starts it;
- one that loads a ResNet-18 (224 px) from disk for each request, as the first project
  did, behind Python's own threading server;
- one that keeps it in memory and answers one request at a time.

The other two only resize the photo and run the network: they find no coin, choose no
side and read no letter. A turn lasts until each client had some ten answers, or longer:
those that are on their way at its end do not count. Beside the answers a second stands
the processor time that the server and its decoders took for each, which other work on
the machine changes less.
"""

from __future__ import annotations

import io
import math
import subprocess
import tempfile
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmarks.common import argument_parser, encode_jpeg
from coin_core.classifiers.torchvision_import import torchvision
from coin_core.rendering import render_coin
from coin_core.training.environment import describe_machine
from tests.serving import READY, SERVER, serve

SEED = 4_000_039
PHOTOS = 20
SIZE_PX = 480
INPUT_PX = 224
TURNS = 4
ROUNDS = 10  # so many answers a client has in a turn
LONGEST_ANSWER_S = 600
SCRIPT = Path(__file__).with_name("post_photos.lua")
SERVERS = {
    "ours": "/api/classify",
    "loads the network for each request": "/",
    "keeps it, one at a time": "/",
}


def main() -> None:
    """Measure every server, or be one of the straightforward ones."""
    parser = argument_parser(__doc__, seconds=20)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--be", choices=["loading", "keeping"])
    parser.add_argument("--port", type=int)
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    if args.be:
        answer_plainly(args.port, args.weights, keep=args.be == "keeping")
        return
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        photos = [Path(folder) / f"{number}.jpg" for number in range(PHOTOS)]
        for number, path in enumerate(photos):
            image = render_coin(SEED, number, size_px=SIZE_PX).image
            path.write_bytes(encode_jpeg(image))
        weights = Path(folder) / "resnet18.safetensors"
        network = torchvision.models.resnet18(num_classes=3)
        save_file(network.state_dict(), weights)
        ours, loading, keeping = SERVERS
        be = ["-m", "benchmarks.serving", "--weights", str(weights)]
        be += ["--port", "PORT", "--be"]
        commands = {
            ours: SERVER,
            loading: [*be, "loading"],
            keeping: [*be, "keeping"],
        }
        print("requests a second; p50, p95 and p99 of the answer in ms")
        with ExitStack() as stack:
            urls, processes = {}, {}
            for name, command in commands.items():
                server = serve(Path(folder), command, ready=READY)
                served = stack.enter_context(server)
                urls[name] = served.address + SERVERS[name]
                processes[name] = psutil.Process(served.process.pid)
            for count in args.clients:
                rates = measure(urls, processes, photos, count, args.seconds)
                print(
                    f"{count} clients: ours answers "
                    f"{rates[ours] / rates[loading]:.1f} times as many as the one that "
                    f"loads, {rates[ours] / rates[keeping]:.2f} times as many as the "
                    "one that keeps it",
                    flush=True,
                )


def measure(
    urls: dict[str, str],
    processes: dict[str, psutil.Process],
    photos: list[Path],
    clients: int,
    seconds: float,
) -> dict[str, float]:
    """Load the servers in turns, so that other work on the machine slows all alike.

    Returns:
        The requests a second of each.
    """
    loads: dict[str, list[Load]] = {name: [] for name in urls}
    cpu_s = dict.fromkeys(urls, 0.0)
    turn_s = {}
    for name, url in urls.items():
        warm_up = load(url, photos, clients, seconds / TURNS)
        while warm_up.answers < clients:
            warm_up = load(url, photos, clients, 2 * warm_up.seconds)
        turn_s[name] = max(seconds / TURNS, ROUNDS * clients / warm_up.rate)
    for _ in range(TURNS):
        for name, url in urls.items():
            before = processor_s(processes[name])
            loads[name].append(load(url, photos, clients, turn_s[name]))
            cpu_s[name] += processor_s(processes[name]) - before
    rates = {}
    for name, turns in loads.items():
        answers = sum(turn.answers for turn in turns)
        rates[name] = answers / sum(turn.seconds for turn in turns)
        ms = np.concatenate([turn.percentiles_ms for turn in turns])
        p50, p95, p99 = np.percentile(ms, [50, 95, 99])
        print(
            f"{name}, {clients} clients: {rates[name]:.1f} a second; "
            f"{p50:.0f}, {p95:.0f}, {p99:.0f} ms; "
            f"{1000 * cpu_s[name] / answers:.0f} ms of processor time each",
            flush=True,
        )
    return rates


def processor_s(process: psutil.Process) -> float:
    """Processor time of a server and its processes, those that have ended too."""
    seconds = sum(process.cpu_times()[:4])
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            seconds += sum(child.cpu_times()[:4])
    return float(seconds)


@dataclass(frozen=True)
class Load:
    """What wrk has seen of a server; the percentiles are those from 1 to 99."""

    answers: int
    seconds: float
    percentiles_ms: list[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def load(address: str, photos: list[Path], clients: int, seconds: float) -> Load:
    """Let so many clients ask for so long."""
    command = ["wrk", f"--connections={clients}", f"--duration={math.ceil(seconds)}s"]
    command += ["--threads=1", f"--timeout={LONGEST_ANSWER_S}s", f"--script={SCRIPT}"]
    try:
        done = subprocess.run(
            [*command, address, "--", *photos], capture_output=True, text=True
        )
    except FileNotFoundError:
        raise SystemExit("There is no wrk. In Debian: apt install wrk") from None
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, list[float]] = {}
    for line in done.stdout.splitlines():
        name, _, number = line.partition(" ")
        if name in ("answers", "micros", "faults", "percentile"):
            found.setdefault(name, []).append(float(number))
    (answers,), (micros,), (faults,) = (
        found["answers"],
        found["micros"],
        found["faults"],
    )
    if faults:
        raise SystemExit(f"{faults:.0f} requests to {address} failed.")
    ms = [one / 1000 for one in found["percentile"]]
    return Load(int(answers), micros / 1e6, ms)


def answer_plainly(port: int, weights: Path, *, keep: bool) -> None:
    """Be a straightforward server, until killed."""
    kept = load_network(weights) if keep else None
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            photo = body[body.index(b"\r\n\r\n") + 4 : body.rindex(b"\r\n--")]
            if kept is None:
                row = predict(load_network(weights), photo)
            else:
                with one_at_a_time:
                    row = predict(kept, photo)
            self.answer(f'{{"probabilities": {row}}}'.encode())

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # all clients connect at once

    Server(("127.0.0.1", port), Handler).serve_forever()


def load_network(weights: Path) -> torch.nn.Module:
    """A ResNet-18 with weights from disk."""
    network = torchvision.models.resnet18(num_classes=3)
    network.load_state_dict(load_file(weights))
    return network.eval()


@torch.inference_mode()
def predict(network: torch.nn.Module, photo: bytes) -> list[float]:
    """The probabilities of a photo, resized to the network's input."""
    image = Image.open(io.BytesIO(photo)).convert("RGB").resize((INPUT_PX, INPUT_PX))
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    row: list[float] = network((pixels - 0.45) / 0.225).softmax(1)[0].tolist()
    return row


if __name__ == "__main__":
    main()
