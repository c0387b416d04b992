"""Ordering a training: classifier, data, start, and the settings that matter."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import streamlit as st

from coin_core import models
from coin_core.learning.enough import few_coins_warning
from coin_core.learning.queueing import Job, add_job, list_jobs
from coin_core.photos import SUFFIXES
from coin_core.verdicts import class_title
from ui.errors import show, shown_on_page
from ui.titles import classifier_names, classifier_title

# What a person reads in place of the flag's value.
_STARTS = {
    "rendered": "the shipped weights",
    "imagenet": "ImageNet's weights",
    "scratch": "nothing",
}
_FOLDER, _CATALOG, _RENDERED = "A folder of photos", "The catalog", "Rendered coins"
_WITH_TRUNK = ("resnet", "vgg")
# These learn at once, not in epochs.
_WITHOUT_EPOCHS = ("svm", "knn")
_MOST_COUNTED = 20_000


def ask_for_training() -> None:
    """The form; what it orders goes into the queue."""
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        classifier = st.selectbox(
            "Classifier",
            classifier_names(),
            format_func=classifier_title,
            key="train_classifier",
            help="kNN and SVM take seconds; ResNet and VGG take minutes to an hour on "
            "two cores.",
        )
        start = "rendered"
        if classifier in _WITH_TRUNK:
            start = st.radio(
                "Start from",
                list(_STARTS),
                format_func=_STARTS.__getitem__,
                key="train_start",
                help="The shipped weights have learnt to read letters on rendered "
                "coins. ImageNet's are downloaded once.",
            )
    with right:
        data = _ask_for_data(classifier)
    with st.expander("Settings"):
        settings = _ask_for_settings(classifier, rendered=data == "rendered")
    name = st.text_input(
        "Name of the model",
        key="train_name",
        placeholder="made from classifier and data",
        max_chars=40,
        width=360,
    )
    if st.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not data,
    ):
        with shown_on_page():
            job = order(classifier, data, start, settings, name)
            st.toast(f"{job.title} is in the queue.")
            st.rerun()


def _ask_for_data(classifier: str) -> str:
    """What comes after --data; "" while there is nothing to learn from."""
    kinds = [_FOLDER]
    if os.environ.get("COIN_DATABASE_URL") or (
        (models.data_dir() / "catalog.sqlite").exists()
    ):
        kinds.append(_CATALOG)
    if classifier != "alexnet":
        kinds.append(_RENDERED)
    kind = st.radio("Data", kinds, horizontal=True, key="train_data")
    if kind == _RENDERED:
        st.caption(
            "Coins struck by the program, in one long pass: hours for ResNet and VGG. "
            "The shipped models were made that way; yours goes beside them."
        )
        return "rendered"
    if kind == _CATALOG:
        version = st.text_input(
            "Version",
            key="train_version",
            placeholder="the labels as they are now",
            help="The name of a frozen version on the Dataset page.",
        ).strip()
        return f"catalog:{version}" if version else "catalog"
    given = st.text_input(
        "Folder on this computer",
        key="train_folder",
        placeholder="/home/me/coins",
        help="It holds one folder of photos per class. A new class, say coins with "
        "star and anchor, is one more folder. Photos of one coin share the part of "
        "the name before “__”.",
    ).strip()
    return _checked_folder(given) if given else ""


def _checked_folder(given: str) -> str:
    """The folder, with what lies in it told; "" when it cannot be learnt from."""
    folder = Path(given).expanduser()
    if not folder.is_dir():
        show(f"{folder} is no folder on this computer.")
        return ""
    counts = count_photos(folder)
    full = {name: count for name, count in counts.items() if count}
    if len(full) < 2:
        show(
            f"{folder} holds photos of {len(full)} classes; at least 2 are needed, one "
            "folder each."
        )
        return ""
    st.caption(
        " · ".join(
            f"{class_title(name)}: {count} photos" for name, count in full.items()
        )
    )
    if empty := [name for name, count in counts.items() if not count]:
        st.warning(f"Left out, as there is no photo inside: {', '.join(empty)}.")
    if warning := few_coins_warning(full):
        st.warning(warning, icon=":material/scale:")
    return str(folder.resolve())


def count_photos(folder: Path) -> dict[str, int]:
    """Files that look like photos in each folder of the folder."""
    counts: dict[str, int] = {}
    left = _MOST_COUNTED
    for label in sorted(folder.iterdir()):
        if not label.is_dir() or label.name.startswith("."):
            continue
        counts[label.name] = 0
        for path in label.rglob("*"):
            left -= 1
            if left < 0:
                return counts
            suffix = path.suffix.lower().lstrip(".")
            counts[label.name] += suffix in SUFFIXES and not path.name.startswith(".")
    return counts


def _ask_for_settings(classifier: str, *, rendered: bool) -> list[str]:
    """Flags of the train command that differ from what it does by itself."""
    flags: list[str] = []
    if rendered:
        coins = st.number_input(
            "Coins to learn from", 100, 10_000_000, None, placeholder="the usual number"
        )
        seed = st.number_input("Seed", 0, 2**31 - 1, 0)
        flags += ["--coins", str(coins)] if coins else []
        return [*flags, "--seed", str(seed)]
    one, two, three = st.columns(3)
    with one:
        folds = st.number_input(
            "Folds",
            2,
            20,
            5,
            help="Every coin is measured by the fold that has not seen it.",
        )
        seed = st.number_input("Seed", 0, 2**31 - 1, 0)
        flags += ["--folds", str(folds), "--seed", str(seed)]
    if classifier in _WITHOUT_EPOCHS:
        return flags
    with two:
        epochs = st.number_input(
            "Epochs at most", 1, 1000, None, placeholder="the usual number"
        )
        patience = st.number_input(
            "Stop after so many epochs without a better one", 1, 1000, 6
        )
        flags += ["--epochs", str(epochs)] if epochs else []
        flags += ["--patience", str(patience)] if patience != 6 else []
    with three:
        if not st.checkbox(
            "Rare classes weigh as much as frequent ones", True, key="train_weights"
        ):
            flags.append("--no-class-weights")
        if classifier in _WITH_TRUNK and st.checkbox(
            "Leave the trunk as it is",
            key="train_frozen",
            help="Only the last layers learn: quicker, and safer with few coins.",
        ):
            flags.append("--frozen")
    return flags


def order(
    classifier: str, data: str, start: str, settings: list[str], name: str = ""
) -> Job:
    """Put a training into the queue; its model never replaces an older one."""
    where = "rendered" if data == "rendered" else data.rsplit("/", 1)[-1]
    wanted = re.sub(r"[^A-Za-z0-9_-]+", "-", name or f"{classifier}-{where}").strip("-")
    bundle = (wanted or classifier)[:56]
    taken = {Path(job.arguments[-1]).name for job in list_jobs() if job.arguments}
    if not name or bundle in taken or (models.models_dir() / bundle).exists():
        bundle = f"{bundle}-{secrets.token_hex(2)}"
    arguments = ["train", classifier, "--data", data, *settings]
    if classifier in _WITH_TRUNK and data != "rendered":
        arguments += ["--init", start]
    arguments += ["--out", str((models.models_dir() / bundle).resolve())]
    told = "the catalog" if data == "catalog" else where.replace(":", " ")
    return add_job(f"{classifier_title(classifier)} on {told}", arguments)
