"""What the server loads once for all visitors: the classifiers and the catalog.

The nets and the database are imported on first use, so that the first page is drawn
before they are loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from coin_core.errors import KNOWN_ERRORS, CoinError
from coin_core.i18n import N_, _
from coin_core.model_store import bundle as models
from coin_core.model_store.bundle import BundleInfo, BundleProblem
from coin_core.storage import data_dir
from ui.memory import give_memory_back

if TYPE_CHECKING:
    from coin_core.catalog import Catalog
    from coin_core.pipeline import CoinClassifier

_VERSION = "weights_version"
_find_shared: Callable[[], CoinClassifier] | None = None

NO_CLASSIFIERS = N_(
    "There are no classifiers in this installation yet. This makes them: "
    "python -m coin_core train all --data rendered"
)


def bundles() -> tuple[tuple[BundleInfo, ...], tuple[BundleProblem, ...]]:
    """The installed classifiers in menu order, and the bundles that were refused."""
    from coin_core.classifiers.installed import installed_models

    return installed_models()


def weights_version() -> str:
    """Changes when a bundle is added, changed or removed.

    A run of a page looks once: caches compare the version of each thing they hold.
    """
    if get_script_run_ctx(suppress_warning=True) is None:
        return _find_version()
    version: str | None = st.session_state.get(_VERSION)
    if version is None:
        version = st.session_state[_VERSION] = _find_version()
    return version


def look_for_bundles() -> None:
    """Let `weights_version` look again, at the beginning of a run."""
    st.session_state.pop(_VERSION, None)


def _find_version() -> str:
    found = models.discover()[0]
    return "|".join(f"{b.folder}:{models.verdict_digest(b.card)}" for b in found)


def coin_classifier() -> CoinClassifier:
    """The pipeline; a classifier is loaded when it is first asked."""
    with _spinner(_("Loading the classifiers …")):
        return _pipeline(weights_version())


def load_errors() -> dict[str, str]:
    """Load all classifiers; the error messages of those that cannot be, by name."""
    with _spinner(_("Loading the classifiers …")):
        return _load_classifiers(weights_version())


def share_pipeline(find: Callable[[], CoinClassifier]) -> None:
    """Let the pages use the pipeline of the server, which has its models loaded."""
    global _find_shared
    _find_shared = find


@st.cache_resource(show_spinner=False, max_entries=1)
def _pipeline(version: str) -> CoinClassifier:
    if _find_shared is not None:
        return _find_shared()
    from coin_core.pipeline import CoinClassifier

    return CoinClassifier()


@st.cache_resource(show_spinner=False, max_entries=1)
def _load_classifiers(version: str) -> dict[str, str]:
    loaded, problems = _pipeline(version), {}
    for bundle in bundles()[0]:
        try:
            loaded.load((bundle.name,))
        except CoinError as error:  # one damaged bundle must not stop the others
            problems[bundle.name] = str(error)
    give_memory_back()
    return problems


def catalog() -> Catalog:
    """The catalog of this installation.

    Raises:
        CatalogError: It cannot be opened; the message says how to recover.
    """
    with _spinner(_("Opening the dataset …")):
        return _open_catalog(str(data_dir()), os.environ.get("COIN_DATABASE_URL", ""))


def close_catalog() -> None:
    """Let go of the file of the catalog; the next use opens it anew."""
    with suppress(*KNOWN_ERRORS):
        catalog().close()
    _open_catalog.clear()


def _spinner(text: str) -> AbstractContextManager[None]:
    """A sign of waiting, where there is a page to show it."""
    is_page = get_script_run_ctx(suppress_warning=True) is not None
    return st.spinner(text) if is_page else nullcontext()


@st.cache_resource(show_spinner=False, max_entries=2)
def _open_catalog(data_folder: str, url: str) -> Catalog:
    from coin_core.catalog import open_catalog

    return open_catalog()
