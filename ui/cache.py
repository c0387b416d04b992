"""The only caches of the pages; everything is keyed by digests.

A photo is known by the sha256 of its bytes, the classifiers by their card files, so
a bundle that is trained or put there later is picked up without a restart. What needs
the nets imports them when it is asked: the first page is drawn before they are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from coin_core.detection.faces import RotatedBox, crop_to_flan
from coin_core.errors import CoinError
from coin_core.imaging.photo_io import decode
from coin_core.model_store import bundle as models
from coin_core.model_store.bundle import BundleInfo, BundleProblem
from coin_core.model_store.promotion import promoted
from coin_core.rendering import render_coin
from coin_core.results import PhotoResult
from ui.classify.session import TrayPhoto

if TYPE_CHECKING:
    from coin_core.explain import LetterRead, NearCoin
    from coin_core.imaging.legend_pose import LegendPose
    from coin_core.pipeline import CoinClassifier

DEMO_PX = 360
SHOWN_PX = 400  # side of a crop on the page; what the nets see is smaller


def bundles() -> tuple[tuple[BundleInfo, ...], tuple[BundleProblem, ...]]:
    """The classifiers there are, in the order of the menus, and what was refused.

    A user's own bundle stands in for a shipped one of the same name; one that was
    promoted comes first.
    """
    from coin_core.classifiers import list_classifiers

    found, problems = models.discover()
    order, first = [spec.name for spec in list_classifiers()], promoted()
    usable = {b.name: b for b in found if b.card.classifier in order}
    return (
        tuple(
            sorted(
                usable.values(),
                key=lambda b: (
                    b.name != first,
                    b.origin == "own",
                    order.index(b.card.classifier),
                ),
            )
        ),
        problems,
    )


def stamp() -> str:
    """Changes when a bundle is added, changed or taken away."""
    found, _ = models.discover()
    return "|".join(
        f"{b.folder}:{models.weights_digest(b.card)}:{b.card.class_logit_bias}:"
        f"{b.card.temperature}:{b.card.threshold}"
        for b in found
    )


def coin_classifier() -> CoinClassifier:
    """All classifiers, loaded once for everybody."""
    return _loaded(stamp())[0]


def unusable() -> dict[str, str]:
    """Names of bundles that did not load, each with the sentence that says why."""
    return _loaded(stamp())[1]


@st.cache_resource(show_spinner="Loading the classifiers …", max_entries=1)
def _loaded(stamp: str) -> tuple[CoinClassifier, dict[str, str]]:
    from coin_core.pipeline import CoinClassifier

    loaded, problems = CoinClassifier(), {}
    for bundle in bundles()[0]:
        try:
            loaded.load((bundle.name,))
        except CoinError as error:  # one damaged bundle must not stop the others
            problems[bundle.name] = str(error)
    return loaded, problems


def pixels(photo: TrayPhoto) -> np.ndarray:
    """A photo decoded; the last few stay in memory."""
    return _pixels(photo.digest, photo)


@st.cache_resource(show_spinner=False, max_entries=3)
def _pixels(digest: str, _photo: TrayPhoto) -> np.ndarray:
    return decode(_photo.data, name=_photo.name)


def reading(
    photo: TrayPhoto, classifiers: tuple[str, ...], box: RotatedBox | None = None
) -> PhotoResult:
    """What these classifiers read in a photo, or in one box of it."""
    return _reading(photo.digest, classifiers, box, stamp(), photo)


@st.cache_data(show_spinner=False, max_entries=200)
def _reading(
    digest: str,
    classifiers: tuple[str, ...],
    box: RotatedBox | None,
    stamp: str,
    _photo: TrayPhoto,
) -> PhotoResult:
    return coin_classifier().classify(pixels(_photo), classifiers=classifiers, box=box)


def crop(photo: TrayPhoto, box: RotatedBox) -> np.ndarray:
    """The square around one face, turned upright."""
    return crop_to_flan(pixels(photo), box, SHOWN_PX)


def _seen(photo: TrayPhoto, box: RotatedBox) -> np.ndarray:
    """The same crop as the classifiers see it."""
    from coin_core.pipeline import CROP_PX

    return crop_to_flan(pixels(photo), box, CROP_PX)


def letters(
    photo: TrayPhoto, box: RotatedBox, classifier: str
) -> tuple[LetterRead, ...]:
    """The letters that the net behind a classifier reads on one face."""
    return _letters(photo.digest, box, classifier, stamp(), photo)


@st.cache_data(show_spinner=False, max_entries=100)
def _letters(
    digest: str, box: RotatedBox, classifier: str, stamp: str, _photo: TrayPhoto
) -> tuple[LetterRead, ...]:
    from coin_core import explain

    return explain.read_letters(coin_classifier(), _seen(_photo, box), classifier)


def frame(photo: TrayPhoto, box: RotatedBox, classifier: str) -> LegendPose:
    """Where on one face a classifier reads, and how far it turned the legend."""
    return _frame(photo.digest, box, classifier, stamp(), photo)


@st.cache_data(show_spinner=False, max_entries=100)
def _frame(
    digest: str, box: RotatedBox, classifier: str, stamp: str, _photo: TrayPhoto
) -> LegendPose:
    from coin_core import explain

    return explain.frame_seen(coin_classifier(), _seen(_photo, box), classifier)


def heat(photo: TrayPhoto, box: RotatedBox, classifier: str, ruler: str) -> np.ndarray:
    """Where a classifier looked when it weighed one ruler."""
    return _heat(photo.digest, box, classifier, ruler, stamp(), photo)


@st.cache_data(show_spinner=False, max_entries=100)
def _heat(
    digest: str,
    box: RotatedBox,
    classifier: str,
    ruler: str,
    stamp: str,
    _photo: TrayPhoto,
) -> np.ndarray:
    from coin_core import explain

    return explain.heat_map(coin_classifier(), _seen(_photo, box), classifier, ruler)


def nearest(
    photo: TrayPhoto, box: RotatedBox
) -> list[tuple[NearCoin, np.ndarray | None]]:
    """The known coins that one face resembles most."""
    return _nearest(photo.digest, box, stamp(), photo)


@st.cache_data(show_spinner=False, max_entries=100)
def _nearest(
    digest: str, box: RotatedBox, stamp: str, _photo: TrayPhoto
) -> list[tuple[NearCoin, np.ndarray | None]]:
    from coin_core import explain

    return explain.nearest_coins(coin_classifier(), _seen(_photo, box))


@st.cache_data(show_spinner=False, max_entries=50)
def demo_coin(
    seed: int, index: int, kind: str, wear: float
) -> tuple[np.ndarray, str | None]:
    """A rendered coin and the ruler it was struck for."""
    coin = render_coin(seed, index, size_px=DEMO_PX, kind=kind, wear=wear)
    return coin.image, coin.ruler
