"""The training form: classifier, data, initial weights and settings."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import streamlit as st

from coin_core.access import Right, may, refusal
from coin_core.catalog.importing.metadata import SPLIT_FOLDERS
from coin_core.classifiers import feature_extractor, get_classifier
from coin_core.errors import CoinError
from coin_core.i18n import N_, _
from coin_core.jobs import Job, JobKind, add_job, jobs_dir, list_jobs
from coin_core.model_store import bundle as models
from coin_core.model_store.card import NAME_LETTERS
from coin_core.results import class_title
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.storage import open_lock
from coin_core.training.comparison import FEWEST
from coin_core.training.config import FEATURE_VIEWS, NET_VIEWS, views_of
from coin_core.training.data_roots import (
    VARIABLE,
    collections_dir,
    count_coins,
    count_photos,
    list_photo_folders,
)
from coin_core.training.splits import check_enough, few_coins_warning
from ui.errors import errors_on_page
from ui.formatting import as_text, classifier_names, classifier_title, plural
from ui.resources import catalog
from ui.training.formatting import START_TITLES

_NO_NAME = N_(
    "A name has Latin and Hebrew letters, digits, “-” and “_”. Choose another one, or "
    "leave the field empty."
)
_FOLDER = N_("A folder of photos")
_CATALOG = N_("The dataset")
_RENDERED = N_("Rendered coins")
_CATALOG_FLAG = "catalog"
_MB_OF_CROP, _MB_OF_VIEW = 0.1, 0.23  # 160 pixels wide, and what is seen in a view
_MB_OF_MAPS = 0.8  # a photo whose letters are learned: maps of three views, too


def show_training_form() -> None:
    """The form; its button adds a training to the queue, which is shown below it."""
    if not may(Right.TRAIN):
        st.caption(refusal(Right.TRAIN))
        return
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        classifier = st.selectbox(
            _("Classifier"),
            classifier_names(),
            format_func=classifier_title,
            key="train_classifier",
            persist_state="session",
            help=_(
                "kNN and SVM take seconds; ResNet and VGG take minutes to an hour "
                "on two cores."
            ),
        )
        start = _ask_start(classifier)
    with right:
        data = _ask_data(classifier)
    with st.expander(_("Settings")):
        settings = _ask_settings(
            classifier,
            rendered=data == "rendered",
            has_split=data.startswith("catalog:"),
        )
    reading = reading_note(classifier, data, start, settings)
    if reading:
        st.caption(reading)
    st.caption(memory_note(classifier, data, keeps_maps=bool(reading)))
    name = st.text_input(
        _("Name of the model"),
        key="train_name",
        persist_state="session",
        placeholder=_("from classifier and data"),
        max_chars=40,
        width=360,
    )
    kept = _as_bundle_name(name)
    if name.strip() and not kept:
        st.caption(_(_NO_NAME))
    elif kept != name.strip():
        words = _(
            "It becomes {name}: a name has Latin and Hebrew letters, digits, “-” and "
            "“_”."
        )
        st.caption(words.format(name=as_text(kept)))
    if st.button(
        _("Start training"),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not data,
    ):
        with errors_on_page():
            add_training(classifier, data, start, settings, name)
            st.rerun()


def reading_note(classifier: str, data: str, start: str, settings: list[str]) -> str:
    """What a net learns from coins of the rulers; "" where it learns otherwise."""
    spec = get_classifier(classifier)
    is_folder = data and not data.startswith(_CATALOG_FLAG)
    classes = (
        set(count_photos(Path(data))) if is_folder and data != "rendered" else {""}
    )
    if (
        not spec.backbone
        or not data
        or data == "rendered"
        or start in ("scratch", "imagenet")
        or "--frozen" in settings
        or (is_folder and not classes <= {*DEFAULT_CLASSES, *SPLIT_FOLDERS})
    ):
        return ""
    return _(
        "If all classes are Hasmonean rulers, the net learns to read these coins: each "
        "label gives the legend, which is matched with the letters that the net reads "
        "now. Half of what it sees are rendered coins, so that it forgets nothing. "
        "What does not help on photos that are held back is not kept, and fewer than "
        "{count} photos to learn from teach nothing: then the model answers as the one "
        "that it starts from."
    ).format(count=FEWEST)


def memory_note(classifier: str, data: str, *, keeps_maps: bool = False) -> str:
    """How much memory a training takes, as far as it was measured."""
    spec = get_classifier(classifier)
    measured_mb = spec.training_mb
    if measured_mb is None or data == "rendered":
        return _(
            "Trainings run one at a time. How much memory this one takes has not been "
            "measured."
        )
    is_folder = data and not data.startswith(_CATALOG_FLAG)
    photos = sum(count_photos(Path(data)).values()) if is_folder else 0
    most = NET_VIEWS if spec.inputs == "photo" else FEATURE_VIEWS
    views = views_of(photos or 1000, most)
    each_mb = _MB_OF_MAPS if keeps_maps else _MB_OF_CROP + views * _MB_OF_VIEW
    total_gb = (measured_mb + each_mb * photos) / 1024
    note = _(
        "Trainings run one at a time. This one takes about {size} GB of memory."
    ).format(size=f"{total_gb:.1f}")
    if photos:
        return note
    more = _("1,000 photos take {size} GB more.").format(size=f"{each_mb:.1f}")
    return f"{note} {more}"


def _ask_start(classifier: str) -> str:
    """The value of --init."""
    spec = get_classifier(classifier)
    source = classifier if spec.inputs == "photo" else feature_extractor()
    found = models.discover()[0]
    own = [
        bundle.name
        for bundle in found
        if bundle.card.origin == "own" and bundle.card.classifier == source
    ]
    starts, label = list(spec.starts), _("Start from")
    if spec.backbone:
        help_text = _(
            "The shipped weights already read letters on rendered coins; "
            "ImageNet's are downloaded once; or choose a model that was "
            "trained here."
        )
    elif spec.inputs == "photo":
        help_text = _("Or choose a model that was trained here.")
    else:
        label = _("Features of")
        help_text = _(
            "Its 4096 features come from a VGG net: the shipped one, or your own."
        )
    if len(starts + own) == 1:
        return starts[0]
    return st.selectbox(
        label,
        starts + own,
        format_func=_start_title,
        key=f"train_start_{source}_{spec.inputs}",
        persist_state="session",
        help=help_text
        + " "
        + _(
            "If it was trained on the same coins, the figures are too good; the run "
            "says so."
        ),
    )


def _start_title(start: str) -> str:
    if start in START_TITLES:
        return _(START_TITLES[start])
    return _("my model {name}").format(name=start)


def _ask_data(classifier: str) -> str:
    """The value of --data; "" without training data."""
    kinds = [_FOLDER]
    if os.environ.get("COIN_DATABASE_URL") or (
        (models.data_dir() / "catalog.sqlite").exists()
    ):
        kinds.append(_CATALOG)
    if get_classifier(classifier).trains_on_rendered_coins:
        kinds.append(_RENDERED)
    kind = st.radio(
        _("Data"),
        kinds,
        format_func=_,
        horizontal=True,
        key="train_data",
        persist_state="session",
    )
    if kind == _RENDERED:
        st.caption(
            _(
                "Coin images that the app generates, in one long pass: hours for "
                "ResNet and VGG. The shipped models were trained this way; yours is "
                "added beside them."
            )
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
            frozen[f"{_CATALOG_FLAG}:{version.name}"] = _("version {name}").format(
                name=version.name
            )
    chosen = st.selectbox(
        _("Labels"),
        [_CATALOG_FLAG, *frozen],
        format_func=lambda data: frozen.get(data) or _("as they are now"),
        key="train_version",
        persist_state="session",
        help=_(
            "Versions are frozen on the Dataset page; each has its own split "
            "into training, validation and test."
        ),
    )
    return str(chosen)


def _ask_folder() -> str:
    """One of the folders of training photos; shows the photos per class."""
    folders = {str(each.path): each.title for each in list_photo_folders()}
    origin = _(
        "Folders are offered from data/collections and from those named in {variable}: "
        "the page cannot browse the server's disk."
    ).format(variable=VARIABLE)
    if not folders:
        st.info(
            _(
                "There is no folder of photos yet. Put one into {place}, with a folder "
                "of photos per class inside, and reload the page."
            ).format(place=as_text(collections_dir())),
            icon=":material/folder_off:",
        )
        st.caption(origin)
        return ""
    path = st.selectbox(
        _("Folder of photos"),
        list(folders),
        format_func=lambda path: folders.get(path, "?"),
        key="train_folder",
        persist_state="session",
        help=_(
            "It holds one folder of photos per class. A new class, say coins with "
            "star and anchor, is one more folder. Photos of one coin share the part "
            "of the name before “__”."
        )
        + f" {origin}",
    )
    if path not in folders:
        return ""
    counts = count_photos(Path(path))
    full = {name: count for name, count in counts.items() if count}
    st.caption(
        " · ".join(
            f"{as_text(class_title(name))}: {plural(count, 'photo')}"
            for name, count in full.items()
        )
    )
    if empty := [name for name, count in counts.items() if not count]:
        st.warning(
            _("Left out, as there is no photo inside: {folders}.").format(
                folders=as_text(", ".join(empty))
            )
        )
    if warning := few_coins_warning(full):
        st.warning(as_text(warning), icon=":material/scale:")
    return path


def _ask_settings(classifier: str, *, rendered: bool, has_split: bool) -> list[str]:
    """The flags of the train command that differ from its defaults."""
    flags: list[str] = []
    if rendered:
        coins = st.number_input(
            _("Training coins"),
            100,
            10_000_000,
            None,
            key="train_coins",
            persist_state="session",
            placeholder=_("the usual number"),
        )
        seed = _ask_seed()
        flags += ["--coins", str(coins)] if coins else []
        return [*flags, "--seed", str(seed)]
    one, two, three = st.columns(3)
    with one:
        if has_split:
            st.caption(
                _("The split of the version is used for training, validation and test.")
            )
        else:
            folds = st.number_input(
                _("Folds"),
                2,
                20,
                5,
                key="train_folds",
                persist_state="session",
                help=_(
                    "Every coin is measured by the fold that was not trained on it."
                ),
            )
            flags += ["--folds", str(folds)]
        seed = _ask_seed()
        flags += ["--seed", str(seed)]
    if get_classifier(classifier).default_epochs is None:
        return flags
    with two:
        epochs = st.number_input(
            _("At most this many epochs"),
            1,
            1000,
            None,
            key="train_epochs",
            persist_state="session",
            placeholder=_("the usual number"),
            help=_(
                "ResNet and VGG learn coins of other kinds than the rulers' in one "
                "step, without epochs, unless they start from scratch or from ImageNet."
            ),
        )
        patience = st.number_input(
            _("Stop after this many epochs without improvement"),
            1,
            1000,
            6,
            key="train_patience",
            persist_state="session",
        )
        flags += ["--epochs", str(epochs)] if epochs else []
        flags += ["--patience", str(patience)] if patience != 6 else []
    with three:
        if not st.checkbox(
            _("Weigh rare classes as much as frequent ones"),
            True,
            key="train_weights",
            persist_state="session",
        ):
            flags.append("--no-class-weights")
        if get_classifier(classifier).backbone and st.checkbox(
            _("Train only the last layers"),
            key="train_frozen",
            persist_state="session",
            help=_(
                "The other layers stay as they are: faster, and safer with few coins."
            ),
        ):
            flags.append("--frozen")
    return flags


def _ask_seed() -> int:
    return int(
        st.number_input(
            _("Seed"), 0, 2**31 - 1, 0, key="train_seed", persist_state="session"
        )
    )


def check_data(classifier: str, data: str, settings: list[str]) -> None:
    """Refuse a training that cannot work with the coins that there are.

    Raises:
        TrainingDataError: Some class has too few coins; the message has the counts.
    """
    if data == "rendered":
        return
    if data.startswith(f"{_CATALOG_FLAG}:"):
        import numpy as np

        from coin_core.catalog.versions import load_version
        from coin_core.training.holdout import check_split

        items = load_version(catalog(), data.partition(":")[2]).items
        check_split(
            np.array([item.label for item in items]),
            np.array([str(item.split) for item in items]),
        )
        return
    if data == _CATALOG_FLAG:
        from coin_core.catalog.versions import labelled_coins

        counts = labelled_coins(catalog())
    else:
        counts = count_coins(Path(data))
        if {name.casefold() for name in counts} & SPLIT_FOLDERS.keys():
            return  # its classes are a level deeper
    folds = int(settings[settings.index("--folds") + 1])
    # The calibration of an estimator without epochs splits its coins in three.
    is_net = get_classifier(classifier).default_epochs is not None
    check_enough(counts, folds=folds, to_learn=1 if is_net else 3)


def add_training(
    classifier: str, data: str, start: str, settings: list[str], name: str = ""
) -> Job:
    """Add a training to the queue; its model never replaces another one.

    Raises:
        TrainingDataError: It cannot work with so few coins; the message has the counts.
        CoinError: Nothing of the name can be kept.
    """
    name = name.strip()
    if name and not _as_bundle_name(name):
        raise CoinError(_NO_NAME)
    check_data(classifier, data, settings)
    source = "rendered" if data == "rendered" else data.rsplit("/", 1)[-1]
    arguments = ["train", classifier, "--data", data, *settings]
    spec = get_classifier(classifier)
    if data != "rendered" and (spec.backbone or start != spec.starts[0]):
        arguments += ["--init", start]
    data_title = N_("the dataset") if data == "catalog" else source.replace(":", " ")
    title = N_("Training {classifier} on {data}").format(
        classifier=classifier_title(classifier), data=data_title
    )
    # A name is taken by the job in the queue: nobody else looks for one before it is.
    with open_lock(jobs_dir() / "names.lock"):
        out = models.models_dir() / _free_name(classifier, source, name)
        arguments += ["--out", str(out.resolve())]
        return add_job(JobKind.TRAINING, title, arguments)


def _free_name(classifier: str, source: str, name: str) -> str:
    """The name that was wished for as far as it is one, made unique if it is taken."""
    wish = _as_bundle_name(name or f"{classifier}-{source}")
    bundle = (wish or classifier)[:56]
    queued = list_jobs(JobKind.TRAINING)
    names = {Path(job.arguments[-1]).name for job in queued if job.arguments}
    taken = {one.casefold() for one in names} | {*models.RESERVED, *models.SHIPPED}
    is_taken = bundle.casefold() in taken or (models.models_dir() / bundle).exists()
    if not name or is_taken:
        bundle = f"{bundle}-{secrets.token_hex(2)}"
    return bundle


def _as_bundle_name(name: str) -> str:
    """What a model can keep of a name; "" for nothing."""
    return re.sub(f"[^{NAME_LETTERS}_-]+", "-", name).strip("-_")
