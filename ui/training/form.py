"""The training form: classifier, data, initial weights and settings."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import streamlit as st

from coin_core.access import Right, may, refusal
from coin_core.classifiers import feature_extractor, get_classifier
from coin_core.jobs import Job, JobKind, add_job, list_jobs
from coin_core.model_store import bundle as models
from coin_core.results import class_title
from coin_core.training.data_roots import (
    VARIABLE,
    collections_dir,
    count_photos,
    list_photo_folders,
)
from coin_core.training.splits import few_coins_warning
from ui.errors import errors_on_page
from ui.formatting import as_text, classifier_names, classifier_title
from ui.resources import catalog

# Titles of the values of --init.
_START_TITLES = {
    "rendered": "the shipped weights",
    "imagenet": "ImageNet's weights",
    "scratch": "nothing",
}
_FOLDER, _CATALOG, _RENDERED = "A folder of photos", "The catalog", "Rendered coins"
_CATALOG_FLAG = "catalog"
_MB_PER_PHOTO = 0.1  # its crop, 160 pixels wide


def show_training_form() -> None:
    """The form; its button adds a training to the queue."""
    if not may(Right.TRAIN):
        st.caption(refusal(Right.TRAIN))
        return
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
        start = _ask_start(classifier)
    with right:
        data = _ask_data(classifier)
    with st.expander("Settings"):
        settings = _ask_settings(
            classifier,
            rendered=data == "rendered",
            has_split=data.startswith("catalog:"),
        )
    st.caption(memory_note(classifier, data))
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
        with errors_on_page():
            job = add_training(classifier, data, start, settings, name)
            st.toast(f"{as_text(job.title)} is in the queue.")
            st.rerun()


def memory_note(classifier: str, data: str) -> str:
    """How much memory a training takes, as far as it was measured."""
    note = "A training is a process of its own, one at a time"
    measured_mb = get_classifier(classifier).training_mb
    if measured_mb is None or data == "rendered":
        return f"{note}. How much memory this one takes has not been measured."
    is_folder = data and not data.startswith(_CATALOG_FLAG)
    photos = sum(count_photos(Path(data)).values()) if is_folder else 0
    total_gb = (measured_mb + _MB_PER_PHOTO * photos) / 1024
    more = "" if photos else ", and 0.1 GB more for 1,000 photos"
    return f"{note}, and takes about {total_gb:.1f} GB of memory{more}."


def _ask_start(classifier: str) -> str:
    """The value of --init."""
    spec = get_classifier(classifier)
    source = classifier if spec.inputs == "photo" else feature_extractor()
    found, _ = models.discover()
    own = [
        bundle.name
        for bundle in found
        if bundle.card.origin == "own" and bundle.card.classifier == source
    ]
    starts, label = list(spec.starts), "Start from"
    if spec.backbone:
        help_text = (
            "The shipped weights have learnt to read letters on rendered coins. "
            "ImageNet's are downloaded once. Or a model that was trained here."
        )
    elif spec.inputs == "photo":
        help_text = "Or a model trained here."
    else:
        label = "Features of"
        help_text = (
            "Its 4096 features come from a VGG net: the shipped one, or one's own."
        )
    if len(starts + own) == 1:
        return starts[0]
    return st.selectbox(
        label,
        starts + own,
        format_func=lambda start: _START_TITLES.get(start, f"my model {start}"),
        key=f"train_start_{source}_{label}",
        help=help_text
        + " If it had learnt from the same coins, the figures come out too "
        "good; the run then says so.",
    )


def _ask_data(classifier: str) -> str:
    """The value of --data; "" without training data."""
    kinds = [_FOLDER]
    if os.environ.get("COIN_DATABASE_URL") or (
        (models.data_dir() / "catalog.sqlite").exists()
    ):
        kinds.append(_CATALOG)
    if get_classifier(classifier).trains_on_rendered_coins:
        kinds.append(_RENDERED)
    kind = st.radio("Data", kinds, horizontal=True, key="train_data")
    if kind == _RENDERED:
        st.caption(
            "Coins struck by the program, in one long pass: hours for ResNet and VGG. "
            "The shipped models were made that way; yours goes beside them."
        )
        return "rendered"
    if kind == _CATALOG:
        return _ask_version()
    return _ask_folder()


def _ask_version() -> str:
    """The current labels of the dataset, or a frozen version."""
    from coin_core.catalog.versions import list_versions

    frozen: dict[str, str] = {}
    with errors_on_page():
        for version in reversed(list_versions(catalog())):
            frozen[f"{_CATALOG_FLAG}:{version.name}"] = f"version {version.name}"
    chosen = st.selectbox(
        "Labels",
        [_CATALOG_FLAG, *frozen],
        format_func=lambda data: frozen.get(data, "as they are now"),
        key="train_version",
        help="Versions are frozen on the Dataset page; each has its own split into "
        "training, validation and test.",
    )
    return str(chosen)


def _ask_folder() -> str:
    """One of the folders of training photos; shows the photos per class."""
    folders = {str(each.path): each.title for each in list_photo_folders()}
    origin = (
        "Folders are offered from data/collections, and from those that whoever runs "
        f"this program names in {VARIABLE}: from a page, nobody may look around on the "
        "computer behind it."
    )
    if not folders:
        st.info(
            "There is no folder of photos yet. Put one into "
            f"{as_text(collections_dir())}, with a folder of photos per class inside, "
            "and reload the page.",
            icon=":material/folder_off:",
        )
        st.caption(origin)
        return ""
    path = st.selectbox(
        "Folder of photos",
        list(folders),
        format_func=lambda path: folders.get(path, "?"),
        key="train_folder",
        help="It holds one folder of photos per class. A new class, say coins with "
        "star and anchor, is one more folder. Photos of one coin share the part of "
        f"the name before “__”. {origin}",
    )
    if path not in folders:
        return ""
    counts = count_photos(Path(path))
    full = {name: count for name, count in counts.items() if count}
    st.caption(
        " · ".join(
            f"{as_text(class_title(name))}: {count:,} photos"
            for name, count in full.items()
        )
    )
    if empty := [name for name, count in counts.items() if not count]:
        st.warning(
            f"Left out, as there is no photo inside: {as_text(', '.join(empty))}."
        )
    if warning := few_coins_warning(full):
        st.warning(as_text(warning), icon=":material/scale:")
    return path


def _ask_settings(classifier: str, *, rendered: bool, has_split: bool) -> list[str]:
    """The flags of the train command that differ from its defaults."""
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
        if has_split:
            st.caption("The version's own split is learnt, validated and tested.")
        else:
            folds = st.number_input(
                "Folds",
                2,
                20,
                5,
                help="Every coin is measured by the fold that has not seen it.",
            )
            flags += ["--folds", str(folds)]
        seed = st.number_input("Seed", 0, 2**31 - 1, 0)
        flags += ["--seed", str(seed)]
    if get_classifier(classifier).default_epochs is None:
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
        if get_classifier(classifier).backbone and st.checkbox(
            "Only the last layers learn",
            key="train_frozen",
            help="The trunk stays as it is: quicker, and safer with few coins.",
        ):
            flags.append("--frozen")
    return flags


def add_training(
    classifier: str, data: str, start: str, settings: list[str], name: str = ""
) -> Job:
    """Add a training to the queue; its model never replaces another one."""
    source = "rendered" if data == "rendered" else data.rsplit("/", 1)[-1]
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name or f"{classifier}-{source}").strip("-")
    bundle = (slug or classifier)[:56]
    queued = list_jobs(JobKind.TRAINING)
    taken = {Path(job.arguments[-1]).name for job in queued if job.arguments}
    if not name or bundle in taken or (models.models_dir() / bundle).exists():
        bundle = f"{bundle}-{secrets.token_hex(2)}"
    arguments = ["train", classifier, "--data", data, *settings]
    spec = get_classifier(classifier)
    if data != "rendered" and (spec.backbone or start != spec.starts[0]):
        arguments += ["--init", start]
    arguments += ["--out", str((models.models_dir() / bundle).resolve())]
    data_title = "the catalog" if data == "catalog" else source.replace(":", " ")
    title = f"{classifier_title(classifier)} on {data_title}"
    return add_job(JobKind.TRAINING, title, arguments)
