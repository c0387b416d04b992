"""deploy/kubernetes as a cluster gets it, and what it refers to."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from coin_core.api.app import Service, create_api

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
FILLED_IN = ("secret.env", "login.env", "database-ca.crt")
Manifest = dict[str, Any]


def find_kubectl() -> str:
    """The program; without it a test is skipped, but not on the CI's machine."""
    found = shutil.which("kubectl")
    own = ROOT / ".venv-tools" / "bin" / "kubectl"
    if found is None and own.is_file():
        found = str(own)
    if found is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("kubectl is not installed: make kubectl")
    return found


def render(overlay: str, folder: Path) -> list[Manifest]:
    """Resolve an overlay, with its examples in the place of secrets."""
    shutil.copytree(
        FOLDER,
        folder,
        ignore=lambda _, names: set(FILLED_IN).intersection(names),
    )
    for example in (folder / overlay).glob("*.example"):
        example.rename(example.with_suffix(""))
    command = [find_kubectl(), "kustomize", str(folder / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def api_routes() -> set[str]:
    """The paths that the API answers, beside the pages and off their threads."""
    return {f"/api{path}" for path in create_api(Service()).openapi()["paths"]}


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The templates of all pods, by the name of what makes them."""
    for manifest in manifests:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield manifest["metadata"]["name"], spec["template"]


def containers(pod: Manifest) -> list[Manifest]:
    """All containers of a pod."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def settings(manifests: list[Manifest], container: Manifest) -> dict[str, str]:
    """The environment of a container, with what it takes from elsewhere."""
    values: dict[str, str] = {}
    for source in container.get("envFrom", []):
        (reference,) = source.values()
        (holder,) = (
            m
            for m in of_kind(manifests, "ConfigMap", "Secret")
            if m["metadata"]["name"] == reference["name"]
        )
        values |= holder.get("data", {})
    for entry in container.get("env", []):
        values[entry["name"]] = entry.get("value", "")
    return values


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """Whether a label selector matches a pod."""
    if any(labels.get(k) != v for k, v in selector.get("matchLabels", {}).items()):
        return False
    for one in selector.get("matchExpressions", []):
        is_in = labels.get(one["key"]) in one["values"]
        assert one["operator"] in ("In", "NotIn")
        if is_in != (one["operator"] == "In"):
            return False
    return True
