"""What all tests share: fixed seeds, few threads, small photos drawn on the spot."""

from __future__ import annotations

import os

# Before torch and OpenCV are imported: two test processes share two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import functools
import io
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from coin_core.object_store import ObjectStore

ROOT = Path(__file__).resolve().parents[1]

# The same examples every time, and no deadline: the machine may be busy.
hypothesis.settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.load_profile("steady")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep browser tests of one file in one process: they share a server."""
    for item in items:
        if "browser" in item.path.stem:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(autouse=True)
def _steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fix the seeds, and keep what a test gathers away from the real data folder."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries draw from the global state
    # Tests that need no torch should not wait for it.
    if "torch" in sys.modules:
        import torch

        torch.manual_seed(0)
        torch.set_num_threads(1)
    # A patch of its own, which a test that undoes its patches leaves in place.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COIN_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _packages_searched_once() -> Iterator[None]:
    """Streamlit's AppTest looks for components in every package, for each page anew."""
    if "streamlit.testing.v1" not in sys.modules:
        yield
        return
    from streamlit.components.v2 import manifest_scanner as scanner

    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(scanner.scan_component_manifests)
        patch.setattr(scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(scope="session")
def project_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs Python with these arguments in the project's folder."""

    def run(*arguments: object, check: bool = True, **options: Any) -> Any:
        command = [sys.executable, *map(str, arguments)]
        options = {"cwd": ROOT, "capture_output": True, "text": True} | options
        done = subprocess.run(command, check=False, **options)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def draw_disc(size_px: int = 120, ground: int = 235) -> np.ndarray:
    """A bronze disc with a few strokes on a plain ground, uint8 (size, size, 3)."""
    image = Image.new("RGB", (size_px, size_px), (ground, ground, ground))
    draw = ImageDraw.Draw(image)
    margin = size_px // 8
    flan = (margin, margin, size_px - margin, size_px - margin)
    draw.ellipse(flan, fill=(110, 84, 56), outline=(80, 60, 40))
    for row in range(3):
        y = size_px // 3 + row * size_px // 6
        draw.line((size_px // 3, y, 2 * size_px // 3, y), fill=(170, 140, 100), width=2)
    return np.asarray(image).copy()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def disc_photo() -> np.ndarray:
    return draw_disc()


@pytest.fixture
def encode_photo() -> Callable[..., bytes]:
    """A function (pixels or Pillow image, format, **options) -> bytes of the file."""

    def encode(
        picture: np.ndarray | Image.Image, kind: str = "PNG", **options: object
    ) -> bytes:
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(picture)
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def store_server() -> Iterator[dict[str, str]]:
    """A running S3-compatible server: the variables by which programs find it."""
    from tests.object_store import serve_store

    with serve_store() as variables:
        yield variables


@pytest.fixture
def team_store(
    store_server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> ObjectStore:
    """An empty store, which COIN_STORAGE_URL names."""
    from coin_core.object_store import ObjectStore
    from tests.object_store import new_prefix

    for name, value in store_server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COIN_STORAGE_URL", url := new_prefix())
    return ObjectStore(url)
