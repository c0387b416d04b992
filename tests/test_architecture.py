"""What the contracts of import-linter in pyproject.toml cannot say."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import coin_core
import coin_core.catalog

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("coin_core", "scrapers", "ui")
PAGES = [ROOT / "Home.py", *sorted((ROOT / "pages").glob("*.py"))]
SOURCES = [
    ROOT / "app.py",
    *PAGES,
    *sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py")),
]
PICKLES = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
TORCHVISION_DOOR = "coin_core/classifiers/torchvision_import.py"


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_packages(source: str) -> set[str]:
    """The first part of every absolute import of a file, lazy ones included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("import_module", "__import__")
        ):
            names |= {a.value for a in node.args[:1] if isinstance(a, ast.Constant)}
    return {name.split(".")[0] for name in names}


def test_imports_are_found_wherever_they_are():
    source = (
        "def f():\n    import torch.nn\n    import_module('cv2.x')\nfrom ui import x"
    )
    assert imported_packages(source) == {"torch", "cv2", "ui"}


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_a_page_imports_nothing_heavy(path):
    heavy = {"torch", "torchvision", "sklearn", "skorch", "cv2", "scipy"}
    tables = {"sqlalchemy", "alembic"}
    found = imported_packages(path.read_text("utf-8"))
    assert not found & (heavy | tables | {"scrapers"})


def mentioning(*words: str) -> list[Path]:
    """The files in which one of these words occurs: only they need parsing."""
    return [p for p in SOURCES if any(word in p.read_text("utf-8") for word in words)]


def test_nothing_unpickles_and_torchvision_has_one_door():
    for path in mentioning(*PICKLES, "torchvision"):
        found = imported_packages(path.read_text("utf-8"))
        assert not found & PICKLES, f"{relative(path)}: a model could run code"
        if relative(path) != TORCHVISION_DOOR:
            assert "torchvision" not in found, f"{relative(path)}: {TORCHVISION_DOOR}"


def test_json_is_written_in_one_place():
    """`storage.dump_json` refuses what is no number; `json.dumps` would write NaN."""
    between_processes = {
        "coin_core/imaging/decoder.py",
        "coin_core/imaging/photo_io.py",
    }
    writers = {
        relative(path)
        for path in mentioning("json.dump")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("json.dump", "json.dumps")
    }
    assert writers - between_processes == {"coin_core/storage.py"}


def test_no_private_name_is_imported():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                private = [a.name for a in node.names if re.match("_[^_]", a.name)]
                assert not private, f"{relative(path)} imports {private}"


def test_every_package_is_in_the_layers():
    """A new package that no layer names would be free to import everything."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = contracts["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip() for layer in layers for name in re.split("[|:]", layer)}
    parts = {
        f"coin_core.{path.stem}"
        for path in (ROOT / "coin_core").iterdir()
        if not path.name.startswith("_")
    }
    assert named == {"ui", "scrapers", *parts}


# Modules without a test file of their own, and what tests them. Every module of
# training and ui has its own.
TESTED_BY = {
    "coin_core/api/*": "api/test_app.py",
    "coin_core/catalog/*": "catalog/test_photos.py",
    "coin_core/catalog/exporting/*": "catalog/exporting/test_writer.py",
    "coin_core/catalog/importing/*": "catalog/importing/test_ingest.py",
    "coin_core/classifiers/*": "classifiers/test_contract.py",
    "coin_core/cli/*": "cli/test_main.py",
    "coin_core/imaging/decoder.py": "imaging/test_photo_io.py",
    "coin_core/model_store/*": "model_store/test_bundle.py",
    "coin_core/rendering/*": "rendering/test_coins.py",
    "coin_core/results.py": "test_pipeline.py",
    "coin_core/rulers/*": "rulers/test_registry.py",
    "scrapers/*": "test_ingest.py",
    "scrapers/labels/*": "labels/test_reader.py",
}


def test_every_module_has_a_test():
    """It is `test_<module>.py` in the same place, or what the table names."""
    missing = []
    for path in SOURCES:
        if path.name.startswith("__") or path in PAGES or "migrations" in path.parts:
            continue
        folder = ROOT / "tests" / path.relative_to(ROOT).parent
        if [*folder.glob(f"test_{path.stem}.py"), *folder.glob(f"test_{path.stem}_*")]:
            continue
        package, name = path.relative_to(ROOT).parent.as_posix(), relative(path)
        test = TESTED_BY.get(name) or TESTED_BY.get(f"{package}/*")
        root = ROOT / "tests" / path.relative_to(ROOT).parts[0]
        if test is None or not (root / test).exists():
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("name", coin_core.__all__)
def test_every_public_name_is_found(name):
    assert getattr(coin_core, name) is not None
    assert name in dir(coin_core)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'coin_maker'"):
        coin_core.coin_maker  # noqa: B018


HEAVY = {"torch", "numpy", "cv2", "pandas", "sqlalchemy", "httpx", "selenium", "PIL"}
HEAVY |= {"sklearn"}


@pytest.mark.parametrize(
    "statement",
    [
        "import coin_core, coin_core.rulers, coin_core.errors",
        "import coin_core.catalog, coin_core.catalog.licences",
        "import scrapers.registry; scrapers.registry.list_sources()",
        "import coin_core.cli.main as one; one.build_parser('')",
        "import coin_core.cli.main as one; one.build_parser('dataset')",
    ],
)
def test_a_light_module_loads_nothing_heavy(run_python, statement):
    code = f"import sys; {statement}; print({HEAVY} & set(sys.modules))"
    assert run_python("-c", code).stdout.strip() == "set()"


@pytest.mark.parametrize("name", coin_core.catalog.__all__)
def test_every_public_name_of_the_catalog_is_found(name):
    assert getattr(coin_core.catalog, name) is not None


def test_an_unknown_name_of_the_catalog_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'coin_maker'"):
        coin_core.catalog.coin_maker  # noqa: B018


def test_the_installed_commands_exist():
    """`pip install -e .` makes each of these a command that returns an exit code."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) == {"coin-reader", "coin-scrape"}
    for target in scripts.values():
        module, _, function = target.partition(":")
        with pytest.raises(SystemExit) as stopped:
            getattr(import_module(module), function)(["--help"])
        assert stopped.value.code == 0


def test_every_data_file_of_the_packages_is_installed():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
        "setuptools"
    ]
    patterns = declared["package-data"]
    for name in PACKAGES:
        for path in (ROOT / name).rglob("*.*"):
            if path.suffix not in (".py", ".pyc"):
                folders = [f for f in path.parents if f != ROOT and ROOT in f.parents]
                matches = (
                    path.relative_to(folder).match(pattern)
                    for folder in folders
                    for pattern in patterns.get(relative(folder).replace("/", "."), ())
                )
                assert any(matches), path
