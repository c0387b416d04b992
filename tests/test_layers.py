"""The house has four storeys, and each uses only those below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STOREYS = ("app", "server", "pages", "ui", "scrapers", "coin_core")
SCREEN = {"streamlit", "streamlit_cropper", "app", "server", "pages", "ui"}
HEAVY = {"torch", "torchvision", "sklearn", "cv2", "skorch", "skops", "scipy"}
TABLES = {"sqlalchemy", "alembic"}  # pages ask the catalog, in plain values
SCRAPERS_MAY_USE = {"catalog", "rulers", "letters", "errors"}
PHOTO_DOORS = {"coin_core/photos.py"}


def project_files() -> list[Path]:
    files = [*ROOT.glob("*.py")]
    for storey in ("pages", "ui", "scrapers", "coin_core"):
        files += (ROOT / storey).rglob("*.py")
    return sorted(files)


def imported(path: Path) -> set[str]:
    """The modules that a file imports anywhere, lazily or not, as dotted names."""
    names: set[str] = set()
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package[: len(package) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            names.add(base)
            names |= {f"{base}.{alias.name}".lstrip(".") for alias in node.names}
        elif (
            isinstance(node, ast.Call)
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
            and ast.unparse(node.func).endswith(("import_module", "__import__"))
        ):
            names.add(node.args[0].value)
    return names


def storey(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def roots(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def breaches(path: Path) -> list[str]:
    """What a file imports against the rules of the house, in sentences."""
    names = imported(path)
    here = storey(path)
    relative = path.relative_to(ROOT).as_posix()
    forbidden: set[str] = set()
    if here == "coin_core":
        forbidden = SCREEN | {"scrapers"}
    elif here == "ui":
        forbidden = {"pages", "scrapers", "app", "server"}
    elif here == "scrapers":
        forbidden = SCREEN | HEAVY
        wrong = {
            name
            for name in names
            if name.startswith("coin_core.")
            and name.split(".")[1] not in SCRAPERS_MAY_USE
        }
        if wrong:
            return [f"{relative} imports {', '.join(sorted(wrong))}"]
    elif here in ("pages", "app"):
        forbidden = HEAVY | TABLES | {"scrapers", "app", "server"}
    elif here == "server":
        forbidden = {"app"}
    found = roots(names) & forbidden
    return [f"{relative} imports {', '.join(sorted(found))}"] if found else []


@pytest.mark.parametrize(
    "path", project_files(), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_no_file_imports_from_above(path: Path):
    assert breaches(path) == []


@pytest.mark.parametrize(
    ("relative", "source", "is_breach"),
    [
        ("coin_core/faces.py", "import streamlit as st", True),
        ("coin_core/faces.py", "def f():\n    from ui import cache", True),
        ("coin_core/deep/er.py", "from ... import ui", True),
        ("coin_core/faces.py", "import importlib\nimportlib.import_module('ui')", True),
        ("coin_core/faces.py", "import torch, cv2", False),
        ("ui/charts.py", "from pages import x", True),
        ("ui/charts.py", "import numpy, streamlit\nfrom coin_core import faces", False),
        ("pages/1_Classify.py", "import torch", True),
        ("pages/1_Classify.py", "from sklearn.svm import SVC", True),
        ("pages/1_Classify.py", "import scrapers.labels.reader", True),
        ("pages/1_Classify.py", "from coin_core import explain\nimport ui", False),
        ("scrapers/labels.py", "from coin_core.model_store.bundle import Card", True),
        ("scrapers/labels.py", "from coin_core.rulers import RULERS", False),
        ("server.py", "import streamlit, coin_core.api", False),
    ],
)
def test_the_rule_itself_catches_a_breach(
    tmp_path, monkeypatch, relative, source, is_breach
):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    assert bool(breaches(path)) is is_breach


def test_nothing_unpickles():
    """A model from elsewhere must not be able to run code."""
    forbidden = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
    for path in project_files():
        assert not roots(imported(path)) & forbidden, path


def test_torchvision_is_imported_through_its_one_door():
    for path in project_files():
        if path.name != "_torchvision.py":
            assert "torchvision" not in roots(imported(path)), path


def test_files_stay_short_enough_to_read():
    for path in project_files():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= (150 if storey(path) == "pages" else 400), (path, lines)
