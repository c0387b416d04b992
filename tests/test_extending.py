"""The pages docs/add-a-*.md work as written, and each adds one file of the program.

The code of a page goes into a copy of the project. There its tests pass, and the new
entry is in every menu and command.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r'```python title="([^"]+)"\n(.*?)```', re.DOTALL)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("extending")]


@pytest.fixture
def extend(tmp_path, run_python, monkeypatch):
    """A function: write the files of a page into a copy of the project.

    It returns a function that runs Python in the copy.
    """

    def write(page: str):
        copy = tmp_path / "project"
        monkeypatch.setenv("COIN_DATA_DIR", str(copy / "data"))
        for name in ("coin_core", "scrapers", "ui", "pages", "tests"):
            shutil.copytree(
                ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        (copy / "weights").symlink_to(ROOT / "weights")
        for name in ("Home.py", "pyproject.toml"):
            shutil.copy(ROOT / name, copy)
        blocks = BLOCK.findall((ROOT / "docs" / page).read_text("utf-8"))
        added = [name for name, _ in blocks if not name.startswith("tests/")]
        assert len(added) == 1, f"{page} touches more than one file of the program"
        for name, code in blocks:
            assert not (copy / name).exists()
            (copy / name).write_text(code, "utf-8")

        def run(*arguments, **options):
            return run_python(*arguments, **{"cwd": copy} | options)

        return run

    return write


def passes(run, *arguments):
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, check=False)
    return done.returncode == 0, done.stdout + done.stderr


# Runs a page of the app in the copy and prints the options of its menus.
MENUS = """
import json, sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file(sys.argv[1], default_timeout=120).run()
assert not page.exception, page.exception
menus = [*page.selectbox, *page.multiselect, *page.radio, *page.get("button_group")]
words = [str(option) for menu in menus for option in getattr(menu, "options", ())]
words += [text.value for text in (*page.markdown, *page.get("html"))]
print(json.dumps(words))
"""


def menus(run, page):
    return json.loads(run("-c", MENUS, page).stdout.splitlines()[-1])


def test_a_new_classifier(extend):
    run = extend("add-a-classifier.md")
    passed, output = passes(
        run, "tests/coin_core/classifiers/test_contract.py", "-k", "logistic"
    )
    assert passed, output
    run("-m", "coin_core", "render", "--count", "60", "--out", "coins", "--folders")
    done = run(
        *("-m", "coin_core", "train", "logistic", "--data", "coins", "--folds", "2"),
        *("--out", "data/models/my-logistic"),
    )
    assert "logistic" in done.stdout
    photos = "coins/alexander_jannaeus"
    command = ("-m", "coin_core", "classify", photos, "--json")
    done = run(*command, "--model", "my-logistic")
    chances = [json.loads(line)["probabilities"] for line in done.stdout.splitlines()]
    # Learnt from so few, it may leave each in doubt; what it leans to tells.
    assert "alexander_jannaeus" in [max(one, key=one.get) for one in chances]
    assert "logistic" in run("-m", "coin_core", "train", "--help").stdout
    assert "Logistic" in " ".join(menus(run, "pages/3_Training_history.py"))


def test_a_new_source(extend):
    run = extend("add-a-source.md")
    passed, output = passes(run, "tests/scrapers", "-k", "example_museum")
    assert passed, output
    done = run("-m", "scrapers", "example_museum", "prutah", "--dry-run")
    assert "1 s for museum.example.org" in done.stdout
    assert "example_museum" in run("-m", "scrapers", "--help").stdout
    assert "Example Museum" in " ".join(menus(run, "pages/2_Dataset.py"))


def test_a_new_ruler(extend):
    run = extend("add-a-ruler.md")
    run("-m", "coin_core", "render", "--count", "2", "--out", "coins/Antigonus")
    run("-m", "coin_core", "import", "coins")
    code = """
from coin_core.catalog import open_catalog
from coin_core.rulers import DEFAULT_CLASSES, RULERS
from ui.dataset.formatting import ruler_keys
assert "mattathias_antigonus" in ruler_keys(), "the labels that the Dataset page offers"
print([photo.ruler for photo in open_catalog().photos.get_many([1, 2])])
assert list(RULERS)[-1] == "mattathias_antigonus" not in DEFAULT_CLASSES
"""
    assert "['mattathias_antigonus', 'mattathias_antigonus']" in run("-c", code).stdout
    assert "Mattathias Antigonus" in " ".join(menus(run, "Home.py"))
    text = "Mattathias Antigonus, 40-37 BC. AE prutah, wreath. Hendin 1164"
    code = f"from scrapers.labels.reader import read_label; print(read_label({text!r}))"
    assert "ruler='mattathias_antigonus'" in run("-c", code).stdout
