"""The facts of an open photo and its coin, as forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import streamlit as st

from coin_core.catalog import (
    Catalog,
    CatalogPhoto,
    Coin,
    CoinFacts,
    references_from,
    references_in_words,
)
from coin_core.i18n import N_, _
from ui.dataset.session import DatasetSession
from ui.formatting import date, date_and_time, percent

LICENCES = (
    "CC0 1.0",
    "CC BY 4.0",
    "CC BY-SA 4.0",
    "Public domain",
    "All rights reserved",
)
_COIN_FIELDS = {
    "name_on_coin": N_("Name on the coin"),
    "authority": N_("Attribution follows"),
    "denomination": N_("Denomination"),
    "weight_g": N_("Weight in g"),
    "diameter_mm": N_("Diameter in mm"),
    "die_axis_h": N_("Die axis, 1 to 12 h"),
    "references": N_("References"),
    "notes": N_("Notes"),
}
_PROVENANCE_FIELDS = {
    "source": N_("Source"),
    "source_url": N_("Address"),
    "licence": N_("Licence"),
    "credit": N_("Credit: who must be named"),
    "source_date": N_("Dated"),
    "lot_text": N_("Lot text"),
}
_LONG_TEXTS = ("notes", "credit", "lot_text")


def show_coin_facts(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    """The facts of the coin, as a form."""
    coin = catalog.photos.coin(photo.coin_id)
    with (
        st.expander(_("The coin: name, weight, references")),
        st.form(f"coin_{coin.coin_id}_{hash(coin)}", border=False),
    ):
        values: dict[str, Any] = {}
        columns = st.columns(3)
        for i, (name, title) in enumerate(_COIN_FIELDS.items()):
            with columns[i % 3]:
                values[name] = _ask_coin_fact(name, title, coin)
        submitted = st.form_submit_button(_("Save"), disabled=not session.may_sign)
    if submitted:
        with session.action():
            changes = _changes(coin, values)
            if changes:
                catalog.edits.edit_coin(coin.coin_id, changes, who=session.reviewer)
            session.notice = _saved_words([_(_COIN_FIELDS[name]) for name in changes])
        st.rerun()


def _ask_coin_fact(name: str, title: str, coin: Coin) -> Any:
    value = getattr(coin, name)
    if name in ("weight_g", "diameter_mm"):
        return st.number_input(_(title), value=value, min_value=0.0, step=0.01)
    if name == "die_axis_h":
        return st.number_input(_(title), value=value, min_value=1, max_value=12, step=1)
    if name == "references":
        text = references_in_words(value)
        typed = st.text_input(
            _(title),
            value=text,
            placeholder=_("e.g. Hendin 1132 (5th edition); TJC A12"),
        )
        return value if typed == text else references_from(typed)
    return _text_field(name, value or "")(_(title), value=value or "")


def _text_field(name: str, value: str) -> Callable[..., str]:
    """The widget of a text; a line drops the line breaks of texts that have some."""
    has_lines = name in _LONG_TEXTS or "\n" in value
    return st.text_area if has_lines else st.text_input


def _saved_words(titles: Sequence[str]) -> str:
    """Which fields were saved."""
    if not titles:
        return _("Nothing changed.")
    return _("Saved: {fields}").format(fields=", ".join(titles))


def _changes(coin: Coin, values: dict[str, Any]) -> dict[str, Any]:
    """The values that differ; an empty field becomes unknown."""
    optional = {f.name for f in fields(CoinFacts) if f.default is None}
    new = {
        name: None if value in ("", 0.0) and name in optional else value
        for name, value in values.items()
    }
    return {name: v for name, v in new.items() if v != getattr(coin, name)}


def show_provenance(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    """The origin of a photo, and a form to correct it."""
    with st.expander(_("Where it comes from"), expanded=bool(photo.lot_text)):
        # st.text never interprets the text of a source as HTML.
        rows = {
            _("file"): photo.file_name,
            _("kind"): _("rendered coin, not a photograph")
            if photo.is_rendered
            else _("photograph"),
            _("source"): photo.source,
            _("address"): photo.source_url,
            _("licence"): photo.licence or photo.licence_raw or _("not stated"),
            _("credit"): photo.credit,
            _("lot text"): photo.lot_text,
            _("dated"): photo.source_date,
            _("label"): photo.label_evidence,
            _("fetched"): photo.retrieved_at and date(photo.retrieved_at),
            _("imported"): date_and_time(photo.added_at),
            _("size"): _("{width} × {height} pixels, {size} kB").format(
                width=photo.width_px,
                height=photo.height_px,
                size=f"{photo.byte_size / 1024:.0f}",
            ),
            _("picture quality"): photo.quality is not None and percent(photo.quality),
            "sha256": photo.sha256,
        }
        for name, value in rows.items():
            if value:
                st.text(f"{name}: {_in_its_direction(str(value))}")
        if session.may_sign:
            with st.popover(_("Correct this")):
                _ask_provenance(session, catalog, photo)


def _in_its_direction(text: str) -> str:
    """Words in the order of their own script; addresses are copied as they are."""
    return f"\u2068{text}\u2069" if " " in text else text


def _ask_provenance(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    before = {name: getattr(photo, name) or "" for name in _PROVENANCE_FIELDS}
    before["licence"] = photo.licence_raw or photo.licence or ""
    key = f"told_{photo.photo_id}_{hash(tuple(before.values()))}"
    with st.form(key, border=False):
        values = {}
        for name, title in _PROVENANCE_FIELDS.items():
            field = _text_field(name, before[name])
            values[name] = field(_(title), value=before[name], key=f"{name}_{key}")
        submitted = st.form_submit_button(_("Save"))
    if submitted:
        changes = {name: v for name, v in values.items() if v != before[name]}
        with session.action():
            if changes:
                edits = {photo.photo_id: changes}
                catalog.edits.edit_photos(edits, who=session.reviewer)
            session.notice = _saved_words(
                [_(_PROVENANCE_FIELDS[name]) for name in changes]
            )
        st.rerun()
