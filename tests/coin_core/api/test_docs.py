"""docs/api.md: its commands are run against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from coin_core.api.app import Service
from coin_core.api.uploads import Limits, MiB
from coin_core.model_store.bundle import WEIGHTS_DIR
from tests.coin_core.api.conftest import TOKEN, listen

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path, coin_jpeg):
    for number, name in enumerate(("a.jpg", "b.jpg")):
        (tmp_path / name).write_bytes(coin_jpeg(number))
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as archive:
        for file in (WEIGHTS_DIR / "resnet").iterdir():
            archive.write(file, file.name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_every_command_of_the_page_succeeds(folder, monkeypatch, capsys):
    monkeypatch.setenv("COIN_ADMIN_TOKEN", TOKEN)
    shell = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL))
    commands = [c for c in re.split(r"\n(?=curl)", shell) if c.startswith("curl")]
    assert len(commands) == PAGE.count("\ncurl ") == 12
    python = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with listen(Service()) as server:
        # The classifiers are being loaded at first; curl waits for them.
        ready = ["curl", "-sf", "--retry", "60", "--retry-all-errors", "--retry-delay"]
        subprocess.run([*ready, "1", f"{server.url}/api/ready"], check=True)
        environment = {**os.environ, "SERVER": server.url}
        for command in commands:
            command = command.replace("curl -s ", "curl -sS --fail-with-body ", 1)
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            assert json.loads(done.stdout)
        monkeypatch.chdir(folder)
        exec(python[1], {"SERVER": server.url})
    assert re.match(r"a\.jpg \['\w+'\]\nb\.jpg \['\w+'\]\n", capsys.readouterr().out)


def test_the_limits_of_the_page_are_those_of_the_server():
    limits = Limits()
    for text in (
        f"more than {limits.photos} photos or {limits.request_bytes // MiB} MB",
        f"{limits.requests_of_client} requests of one address",
        f"{limits.requests} requests, {limits.waiting_photos} waiting photos or "
        f"{limits.bytes_in_flight // MiB} MB",
        f"than {limits.start_s:g} s and comes at less than "
        f"{limits.bytes_per_s // 1024} kB",
        f"photo over {limits.photo_bytes // MiB} MB",
    ):
        assert text in PAGE
