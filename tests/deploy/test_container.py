"""Dockerfile, .dockerignore and compose: what no engine is needed to check."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from coin_core.rendering import render_coin
from server import LAST_ANSWERS_S
from tests.deploy.manifests import ROOT, api_routes

PINNED = r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}"
# What the program does not need to run.
LEFT_OUT = {
    *(".ci", ".github", "benchmarks", "deploy", "docs", "tests"),
    *(".dockerignore", ".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md"),
    *("CONTRIBUTING.md", "Dockerfile", "Makefile", "README.md", "pyproject.toml"),
}


@pytest.fixture(scope="module")
def stages():
    """The instructions of each stage, as pairs of word and rest."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [x for x in text.splitlines() if x.strip() and not x.startswith("#")]
    found = [[]]
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, " ".join(rest.split())))
    return found


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))


def only(stage, word):
    (rest,) = (rest for name, rest in stage if name == word)
    return rest


def context_files():
    """The tracked files that .dockerignore sends to the engine."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, done.stdout.decode().split("\0")):
        sent = True
        for rule in rules:
            pattern = rule.removeprefix("!").rstrip("/").removeprefix("**/")
            parts = Path(name).parts
            heads = ["/".join(parts[: k + 1]) for k in range(len(parts))]
            tails = parts if rule.startswith("**/") else heads
            if any(fnmatch.fnmatch(one, pattern) for one in tails):
                sent = rule.startswith("!")
        if sent and (ROOT / name).is_file():
            yield name


def test_bases_are_pinned_by_digest(stages):
    assert re.fullmatch(f"PYTHON_IMAGE={PINNED}", only(stages[0], "ARG"))
    bases = [stage[0][1].split()[0] for stage in stages[1:]]
    assert bases == ["${PYTHON_IMAGE}"] * 3
    # The version for which the hash of torch is listed.
    assert ":3.11." in only(stages[0], "ARG")


def test_the_image_runs_as_nobody_in_particular_and_writes_to_its_volume(stages):
    last = stages[-1]
    user, _, group = only(last, "USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert only(last, "VOLUME") == "/data"
    assert "COIN_DATA_DIR=/data" in only(last, "ENV").split()
    # Nothing of the program is its own.
    copies = [rest for word, rest in last if word == "COPY"]
    assert len(copies) == 2
    assert not any("--chown" in rest for rest in copies)


def test_signals_reach_the_program(stages):
    """The exec form has no shell between, which would keep SIGTERM to itself."""
    command = json.loads(only(stages[-1], "CMD"))
    assert command[:2] == ["python", "server.py"]
    port = command[command.index("--server.port") + 1]
    assert only(stages[-1], "EXPOSE") == port
    health = only(stages[-1], "HEALTHCHECK").partition("CMD ")[2]
    url = urlsplit(re.search(r"urlopen\('([^']+)'", json.loads(health)[2])[1])
    assert url.port == int(port)
    assert url.path == "/api/health"
    assert url.path in api_routes()


def test_the_image_says_what_it_is(stages):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    label = only(stages[-1], "LABEL")
    for name in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in label
    assert f'image.licenses="{project["license"]}"' in label
    versions = [rest for word, rest in stages[-1] if word == "ARG"]
    assert f'VERSION="{project["version"]}"' in versions


def test_the_image_holds_the_program_and_nothing_else():
    files = set(context_files())
    assert {"server.py", "Home.py", ".streamlit/config.toml", "LICENSE"} <= files
    tops = {Path(name).parts[0] for name in files}
    assert {"coin_core", "ui", "pages", "scrapers", "weights", "locale"} <= tops
    assert not tops & (LEFT_OUT | {".git", "data", ".venv"})
    command = ["git", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    tracked = {Path(x).parts[0] for x in done.stdout.decode().split("\0") if x}
    # A new folder is either listed in .dockerignore or above.
    unknown = {t for t in tracked - tops - LEFT_OUT if "requirements" not in t}
    assert {t for t in unknown if not t.startswith("constraints")} == set()
    assert not [x for x in files if "__pycache__" in x or x.endswith(".env")]


@pytest.mark.slow
def test_what_the_image_holds_is_enough(tmp_path, encode_photo):
    for name in context_files():
        (tmp_path / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / "app" / name)
    photo = tmp_path / "coin.jpg"
    photo.write_bytes(encode_photo(render_coin(71, 1, size_px=240).image, "JPEG"))
    environment = {**os.environ, "COIN_DATA_DIR": str(tmp_path / "data")}
    environment.pop("PYTHONPATH", None)
    for command in (
        ["server.py", "--help"],
        ["-m", "coin_core", "classify", "--json", str(photo)],
        ["-m", "coin_core", "dataset", "check"],
        ["-m", "scrapers", "--help"],
    ):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path / "app",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"


def test_compose_pins_what_it_does_not_build(compose):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for name, service in compose["services"].items():
        own = service["image"] == f"coin-reader:{project['version']}"
        assert own == ("build" in service), name
        assert own or re.fullmatch(PINNED, service["image"])


def test_compose_alone_is_the_program_alone(compose):
    services = compose["services"]
    assert [n for n, s in services.items() if "profiles" not in s] == ["coin-reader"]
    app = services["coin-reader"]
    assert app["read_only"] is True
    assert app["cap_drop"] == ["ALL"]
    assert app["volumes"] == ["coin-data:/data"]
    for needed in app["depends_on"].values():
        assert needed["required"] is False
    for service in services.values():
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["mem_limit"]
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
    assert int(app["stop_grace_period"].removesuffix("s")) > LAST_ANSWERS_S


def test_the_variables_of_compose_have_a_default_or_an_example(compose):
    text = (ROOT / "deploy" / "compose.yaml").read_text("utf-8")
    assert not re.findall(r"\$\{\w+\}|\$\w", text)  # without one, compose warns
    example = (ROOT / "deploy" / "team.env.example").read_text("utf-8")
    given = dict(re.findall(r"^(\w+)=(.*)$", example, re.M))
    used = set(re.findall(r"\$\{(\w+)", text)) | {"COMPOSE_PROFILES"}
    assert set(given) <= used
    for secret in ("POSTGRES_PASSWORD", "AWS_SECRET_ACCESS_KEY", "COIN_ADMIN_TOKEN"):
        assert given[secret] == ""
    host = urlsplit(given["COIN_DATABASE_URL"]).hostname
    assert "team" in compose["services"][host]["profiles"]
    store = urlsplit(given["AWS_ENDPOINT_URL"])
    assert f":{store.port}" in compose["services"][store.hostname]["command"]


def table_of_settings():
    """The variables that docs/deployment.md lists, but the folder of the volume."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    table = text.partition("\n## Settings\n")[2].partition("\n## ")[0]
    cells = "".join(re.findall(r"^\| (`.*?) \| ", table, re.M))
    return set(re.findall(r"`([A-Z_]+)(?:=1)?`", cells)) - {"COIN_DATA_DIR"}


def test_every_setting_passes_through_compose(compose):
    names = table_of_settings()
    assert {"COIN_HOSTS", "COIN_EDITORS", "COIN_MLFLOW", "AWS_REGION"} <= names
    given = compose["services"]["coin-reader"]["environment"]
    assert names == set(given)
    for name in names - {"AWS_REGION"}:
        assert given[name] == f"${{{name}:-}}"
    example = (ROOT / "deploy" / "team.env.example").read_text("utf-8")
    assert names <= set(re.findall(r"^(\w+)=", example, re.M))


START = """
import uvicorn
from streamlit import config
import server
from ui.memory import budget_bytes

def start(app, **options):
    headers = config.get_option("server.trustedUserHeaders")
    print(options["forwarded_allow_ips"], headers)
    print(server.read_drain_s(), budget_bytes())
    raise SystemExit(0)

uvicorn.Config = start
server.main([])
"""


def test_a_variable_before_a_command_of_the_docs_reaches_it():
    """On a line of its own the shell keeps it to itself."""
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        text = path.read_text("utf-8")
        assert not re.findall(r"^[A-Z_]+=\S+\n[a-z]", text, re.M), path


def test_an_empty_setting_is_its_default(run_python):
    """As compose passes it on where nothing is given."""
    names = table_of_settings()
    without = {name: value for name, value in os.environ.items() if name not in names}
    unset, empty = (
        run_python("-c", START, env=without | given).stdout
        for given in ({}, dict.fromkeys(names, ""))
    )
    assert unset == empty
    assert "127.0.0.1 {}\n" in unset


@pytest.mark.slow
def test_compose_makes_the_bucket(compose, store_server):
    command = compose["services"]["bucket"]["command"]
    environment = {**os.environ, **store_server, "COIN_STORAGE_URL": "s3://new-bucket"}
    for _ in range(2):  # it is there already when everything starts again
        subprocess.run(
            [sys.executable, *command[1:]], env=environment, cwd=ROOT, check=True
        )


def test_digests_are_looked_up_again_by_one_command(tmp_path):
    for name in ("Makefile", "Dockerfile"):
        shutil.copy2(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    new = f"sha256:{'5' * 64}"
    engine.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\necho {new}\n')
    engine.chmod(0o755)
    environment = {**os.environ, "PATH": f"{engine.parent}:{os.environ['PATH']}"}
    command = ["make", "--silent", "pin-images"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 4
    assert all("buildx imagetools inspect" in line for line in asked)
    texts = [(tmp_path / "Dockerfile").read_text("utf-8")]
    texts += [path.read_text("utf-8") for path in (tmp_path / "deploy").rglob("*.yaml")]
    digests = re.findall(r"@(sha256:[0-9a-f]{64})", "".join(texts))
    assert set(digests) == {new}
    # An answer that is no digest changes nothing.
    engine.write_text("#!/bin/sh\necho latest\n")
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert (tmp_path / "Dockerfile").read_text("utf-8") == texts[0]
