"""A new classifier or ruler is one new file, and is then in every menu.

Each test copies the program, adds one file to the copy, and asks the copy.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

LOGISTIC = '''
"""Logistic regression on the VGG features."""

from coin_core.classifiers.registry import register_classifier


@register_classifier(
    name="logistic",
    title="Logistic regression on VGG features",
    short_title="Logistic",
    inputs="features",
    order=7,
    shipped=True,
    trusted_types=("sklearn.linear_model._logistic.LogisticRegression",),
)
def build_logistic(labels, *, seed):
    from sklearn.linear_model import LogisticRegression

    from coin_core.classifiers.base import NamedLabelsClassifier

    return NamedLabelsClassifier(LogisticRegression(random_state=seed), labels)
'''

SALOME = '''
"""Salome Alexandra, as if she had struck coins in her name."""

from coin_core.rulers.bibliography import TJC, break_lines
from coin_core.rulers.label_words import LabelWords
from coin_core.rulers.records import LegendFrequencies, NameOnCoin, Ruler
from coin_core.rulers.registry import register_ruler

SALOME_ALEXANDRA = Ruler(
    key="salome_alexandra",
    name="Salome Alexandra",
    name_hebrew="שלומציון",
    name_on_coin="Shelamzion",
    name_hebrew_on_coin="שלמשיון",
    telling_letters=("shin",),
    reign_from=-76,
    reign_to=-67,
    reign_note="76 to 67 BCE.",
    tell_apart="The name has shin.",
    colour="#123456",
    aliases=("alexandra",),
    names_on_coin=(NameOnCoin(form="shelamzion", patterns=(r"\\bshelamzion\\b",)),),
    label_words=LabelWords(
        name=r"\\bqueen alexandra\\b",
        reign=r"\\b76 ?- ?67\\b",
        catalogue_numbers=(("GBC5", "1399"),),
    ),
    layouts=break_lines("שלמ", "שלמשי | ונהמלכה | וחברהי | הודים", source=TJC),
    legend_frequencies=LegendFrequencies(names=(("שלמשיונ", 1.0),)),
)
register_ruler(SALOME_ALEXANDRA)
'''


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the program's source, with the weights linked."""
    for name in ("coin_core", "scrapers", "ui"):
        shutil.copytree(
            ROOT / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    return tmp_path


def ask(copy: Path, code: str) -> Any:
    """What the copy prints as JSON."""
    done = run(copy, "-c", f"import json\n{code}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_new_classifier_is_one_file(copy: Path) -> None:
    (copy / "coin_core" / "classifiers" / "logistic.py").write_text(LOGISTIC)
    menus = ask(
        copy,
        """
from pathlib import Path
import numpy as np
from coin_core.classifiers import get_classifier, list_classifiers, shipped_classifiers
from coin_core.classifiers.loading import load_classifier, save_classifier
from coin_core.model_store.card import Card
from coin_core.training.study import experiments
from coin_core.training.train import Training
from ui.formatting import classifier_names, classifier_title
fitted = get_classifier("logistic").build(("a", "b"), seed=1).fit(
    np.eye(6, dtype=np.float32), ["a", "b"] * 3)
card = Card(name="logistic", classifier="logistic", title="x", classes=("a", "b"))
save_classifier(Path("kept"), card, fitted)
_, loaded = load_classifier(Path("kept"))
print(json.dumps({
    "listed": [spec.name for spec in list_classifiers()],
    "all": shipped_classifiers(),
    "study": {one.key: one.title for one in experiments()},
    "pages": [classifier_names()[-1], classifier_title("logistic")],
    "command": Training(name="logistic").command("DIR"),
    "sum": float(loaded.predict_proba(np.eye(6, dtype=np.float32)).sum()),
}))
""",
    )
    assert menus["listed"][-1] == menus["all"][-1] == "logistic"
    assert menus["study"]["logistic"] == "Logistic regression on VGG features"
    assert menus["pages"] == ["logistic", "Logistic"]
    assert "train logistic --data DIR" in menus["command"]
    assert menus["sum"] == pytest.approx(6)
    for command in ("train", "classify"):
        assert "logistic" in run(copy, "-m", "coin_core", command, "--help").stdout
    photo = run(
        copy, "-m", "coin_core", "classify", "x.png", "--classifier", "logistic"
    )
    assert "train logistic --data rendered" in photo.stderr, (
        "only its weights are missing"
    )


@pytest.mark.slow
def test_the_training_form_offers_a_new_classifier(copy: Path) -> None:
    (copy / "coin_core" / "classifiers" / "logistic.py").write_text(LOGISTIC)
    labels = ask(
        copy,
        """
import logging
logging.disable()
from streamlit.testing.v1 import AppTest

form = "from ui.training.form import show_training_form; show_training_form()"
page = AppTest.from_string(form, default_timeout=120).run()
page.selectbox(key="train_classifier").set_value("logistic").run()
assert not page.exception, page.exception
classifiers, data = page.selectbox(key="train_classifier"), page.radio[0]
print(json.dumps([classifiers.options, data.options]))
""",
    )
    assert labels[0][-1] == "Logistic"
    assert labels[1][-1] == "Rendered coins"


def test_a_new_ruler_is_one_file(copy: Path) -> None:
    (copy / "coin_core" / "rulers" / "salome_alexandra.py").write_text(SALOME)
    found = ask(
        copy,
        """
from coin_core.legend_alignment import fit_legends
from coin_core.rendering import render_coin
from coin_core.results import class_title
from coin_core.rulers import DEFAULT_CLASSES, find_name_on_coin, find_ruler
from scrapers.labels.reader import read_label
from ui.dataset.formatting import ruler_title
from ui.palette import class_colours
coins = [render_coin(3, number, size_px=64) for number in range(60)]
texts = ("Queen Alexandra prutah", "Prutah, Shelamzion", "Prutah, Hendin 1399 (GBC 5)")
print(json.dumps({
    "classes": DEFAULT_CLASSES,
    "found": [find_ruler("alexandra"), find_ruler("Shelamzion"),
              find_name_on_coin("shelamzion"), class_title("salome_alexandra")],
    "rendered": sorted({coin.ruler for coin in coins}),
    "labels": [read_label(text).ruler for text in texts],
    "pages": [fit_legends([], DEFAULT_CLASSES)[-1].ruler == "salome_alexandra",
              ruler_title("salome_alexandra"),
              class_colours(DEFAULT_CLASSES)["salome_alexandra"]],
}))
""",
    )
    assert found["classes"][-1] == "salome_alexandra"
    assert found["found"] == [
        "salome_alexandra",
        "salome_alexandra",
        "shelamzion",
        "Salome Alexandra",
    ]
    assert "salome_alexandra" in found["rendered"]
    assert found["labels"] == ["salome_alexandra"] * 3
    assert found["pages"] == [True, "Salome Alexandra", "#123456"]


@pytest.mark.parametrize(
    ("folder", "name", "source", "said"),
    [
        ("classifiers", "logistic", LOGISTIC.replace('"logistic"', '"knn"'), "'knn'"),
        (
            "rulers",
            "salome_alexandra",
            SALOME.replace('"salome_alexandra"', '"alexander_jannaeus"'),
            "'alexander_jannaeus'",
        ),
        (
            "rulers",
            "salome_alexandra",
            SALOME.replace('"alexandra"', '"yannai"'),
            "yannai",
        ),
    ],
)
def test_a_name_that_is_taken_is_refused(
    copy: Path, folder: str, name: str, source: str, said: str
) -> None:
    (copy / "coin_core" / folder / f"{name}.py").write_text(source)
    done = run(copy, "-c", f"import coin_core.{folder}")
    assert done.returncode
    assert said in done.stderr.splitlines()[-1]
