"""The most similar known coins: the visitor's own first, then rendered ones."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import streamlit as st

from coin_core.catalog import Catalog, CatalogPhoto
from coin_core.errors import CoinError
from coin_core.i18n import _
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import RotatedBox, crop_to_flan
from coin_core.model_store.bundle import verdict_digest
from coin_core.results import class_title
from coin_core.rulers import RULERS
from ui import resources
from ui.classify import predict
from ui.classify.session import UploadedPhoto
from ui.components.images import to_data_uri
from ui.errors import errors_on_page

if TYPE_CHECKING:
    from ui.classify.own_coins import OwnCoin, OwnCoins

_OWN, _ALL = 5, 8
_PICTURE_PX = 120
_LOOK_AGAIN_S = 2.0


def show_nearest_coins(photo: UploadedPhoto, box: RotatedBox) -> None:
    """The most similar known coins, in a part of the page that fills up by itself."""
    st.header(_("The nearest known coins"), anchor=False)
    own = None
    with errors_on_page(), st.spinner(_("Finding similar coins …")):
        own = _own_coins()
        if own is not None:
            own.refresh(resources.catalog(), resources.coin_classifier())
            own.wait(0.1)  # a few photos are ready by then
    if own is None:
        st.caption(_("No known coins are stored with the classifiers."))
        return
    # Looks again while the photos are being prepared.
    every = _LOOK_AGAIN_S if own.is_busy else None
    st.fragment(_show_found, run_every=every)(photo, box, own)


def _own_coins() -> OwnCoins | None:
    """The own photos in the space of the installed model; None without it."""
    from coin_core.explain import NEIGHBOUR_MODEL

    cards = {bundle.name: bundle.card for bundle in resources.bundles()[0]}
    card = cards.get(NEIGHBOUR_MODEL)
    if card is None or card.classifier != NEIGHBOUR_MODEL:
        return None  # a user's own bundle of that name is something else
    return _shared_own_coins(verdict_digest(card))


@st.cache_resource(show_spinner=False, max_entries=1)
def _shared_own_coins(version: str) -> OwnCoins:
    from ui.classify.own_coins import OwnCoins, own_coins_path

    return OwnCoins(path=own_coins_path(version))


def _show_found(photo: UploadedPhoto, box: RotatedBox, own: OwnCoins) -> None:
    was_busy = own.is_busy
    with errors_on_page(), st.spinner(_("Finding similar coins …")):
        vector = predict.similarity_vector(photo, box)
        found = own.nearest(vector, count=_OWN, except_sha256=photo.digest)
        rendered = predict.nearest_coins(photo, box)[: _ALL - len(found)]
        cards = [_own_card(resources.catalog(), coin) for coin in found]
        for coin, image in rendered:
            if image is not None:
                name, note = _short_name(coin.label), _("rendered by this program")
                cards.append(_card(image, name, [note], tag=_("rendered")))
        st.html(f'<div class="coin-near">{"".join(cards)}</div>')
        st.caption(_own_words(own, found, was_busy))
    if was_busy and not own.is_busy:
        st.rerun()


def _own_words(own: OwnCoins, found: Sequence[OwnCoin], is_busy: bool) -> str:
    if is_busy and own.done < own.total:
        return _(
            "Compared with {done} of your {total} labelled photos; the others are "
            "being prepared."
        ).format(done=f"{own.done:,}", total=f"{own.total:,}")
    if not found:
        return _(
            "All of these are rendered. Photos that you label on the Dataset page are "
            "shown here first, with source and licence."
        )
    return _(
        "The most similar first: of your {total} labelled photos, then of the rendered "
        "coins that the classifiers learned from."
    ).format(total=f"{own.total:,}")


def _own_card(catalog: Catalog, coin: OwnCoin) -> str:
    photo = coin.photo
    licence = photo.licence or photo.licence_raw
    notes = [
        photo.file_name or "",
        photo.source or _("source not stated"),
        licence or _("licence not stated"),
    ]
    if photo.credit:
        notes.append(photo.credit)
    name = _short_name(photo.ruler or "")
    picture = _own_picture(catalog, photo, coin.box)
    return _card(picture, name, notes, tag="", address=photo.source_url)


@st.cache_data(
    show_spinner=False,
    max_entries=200,
    hash_funcs={CatalogPhoto: lambda photo: photo.sha256},
)
def _own_picture(
    _catalog: Catalog, photo: CatalogPhoto, box: RotatedBox
) -> np.ndarray | None:
    try:
        return crop_to_flan(
            photo_io.read(_catalog.photos.path(photo)), box, _PICTURE_PX
        )
    except CoinError:
        return None  # its file is missing; the Dataset page says so


def _card(
    image: np.ndarray | None,
    name: str,
    notes: Sequence[str],
    *,
    tag: str,
    address: str | None = None,
) -> str:
    """A coin with its notes; a tag is drawn on the picture."""
    picture = ""
    if image is not None:
        source = to_data_uri(np.ascontiguousarray(image), quality=80)
        alt = escape(f"{name}, {tag or notes[0]}", quote=True)
        picture = f'<img src="{source}" alt="{alt}" width="{_PICTURE_PX}">'
    mark = f"<span>{escape(tag)}</span>" if tag else ""
    shown = [escape(note) for note in notes if note]
    if address and urlsplit(address).scheme in ("http", "https"):
        shown[-1] += (
            f' · <a href="{escape(address, quote=True)}" target="_blank" '
            f'rel="noopener noreferrer">{escape(_("source"))}</a>'
        )
    lines = "".join(f"<small>{line}</small>" for line in shown)
    return (
        f"<figure><div>{picture}{mark}</div>"
        f"<figcaption>{escape(name)}{lines}</figcaption></figure>"
    )


def _short_name(name: str) -> str:
    """The name on the coin if the class is a ruler: it fits under a picture."""
    return _(RULERS[name].name_on_coin) if name in RULERS else class_title(name)
