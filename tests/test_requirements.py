"""What is pinned is whole, hashed, licensed, and fits the Pythons of the README."""

import re
import runpy
from importlib.metadata import distribution

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

OLDEST = "3.11.2"  # Debian 12's own
LOCKS = ("", "-dev", "-cpu", "-cuda")


@pytest.fixture(scope="module")
def locks(project_root):
    """Each lock file as a dict from "name==version" to its hashes."""
    return {
        name: _blocks((project_root / f"constraints{name}.txt").read_text())
        for name in LOCKS
    }


def _blocks(text):
    blocks = re.findall(r"^([\w.-]+==[^\s;]+)(.*?)(?=^[^\s]|\Z)", text, re.S | re.M)
    return {pin: re.findall(r"--hash=sha256:(\w+)", rest) for pin, rest in blocks}


def test_no_pinned_package_wants_a_newer_python_than_debians(locks):
    pins = locks[""] | locks["-dev"]
    assert len(pins) > 90
    absent = {"colorama", "tzdata"}  # for Windows
    for name in {pin.partition("==")[0] for pin in pins} - absent:
        wanted = distribution(name).metadata.get("Requires-Python") or ""
        assert OLDEST in SpecifierSet(wanted), f"{name} wants Python {wanted}"


@pytest.mark.parametrize("name", [*LOCKS, "tools", "kubectl"])
def test_every_line_is_a_pin_with_hashes(project_root, locks, name):
    path = project_root / f"constraints{name}.txt"
    if not path.exists():
        path = project_root / f"requirements-{name}.txt"
    lines = [line for line in path.read_text().splitlines() if line[:1] != "#"]
    starts = [line for line in lines if not line.startswith("    --hash=sha256:")]
    pins = _blocks(path.read_text())
    assert [line.split()[0] for line in starts] == list(pins)
    for pin, hashes in pins.items():
        assert hashes, f"{pin} has no hash"
        assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in hashes), pin


@pytest.mark.parametrize(
    ("file", "among"),
    [("requirements.txt", [""]), ("requirements-dev.txt", ["", "-dev"])],
)
def test_what_is_required_is_pinned_at_the_same_version(
    project_root, locks, file, among
):
    lines = (project_root / file).read_text().splitlines()
    wanted = [line for line in lines if "==" in line]
    assert len(wanted) > 8
    pinned = {pin for name in among for pin in locks[name]}
    for line in wanted:
        name, _, version = line.partition("==")
        pin = f"{canonicalize_name(name.partition('[')[0])}=={version}"
        assert pin in pinned, f"{pin}: run make constraints"


def test_no_package_is_pinned_twice(locks):
    names = [
        pin.partition("==")[0] for name in ("", "-dev", "-cuda") for pin in locks[name]
    ]
    assert len(names) == len(set(names))


def test_setup_and_image_compare_hashes(project_root):
    setup = (project_root / "Makefile").read_text().partition("\napp:")[0]
    assert "--no-deps --require-hashes" in setup
    unchecked = [line for line in setup.splitlines() if "pip install" in line]
    # One defines INSTALL; of the others one is the user's own torch, one this project.
    assert len(unchecked) == 3
    image = (project_root / "Dockerfile").read_text()
    assert image.count("pip install") == 2
    assert "--no-deps --require-hashes" in image


def test_the_licence_of_every_package_is_stated(project_root):
    tool = runpy.run_path(str(project_root / "deploy" / "licences.py"))
    page = (project_root / "docs" / "licences.md").read_text("utf-8")
    assert len(tool["pinned"]()) > 100
    assert page.endswith(tool["table"]()), "run make licences"


def test_a_package_without_a_known_licence_is_noticed(project_root):
    tool = runpy.run_path(str(project_root / "deploy" / "licences.py"))
    with pytest.raises(LookupError):
        tool["licence_of"]("no-such-package")
