"""The parts of the home page: an example, the rulers, the measured accuracy."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from coin_core.errors import CoinError
from coin_core.i18n import _, current_language
from coin_core.model_store.card import Card
from coin_core.rulers import RULERS, Ruler
from coin_core.rulers.bibliography import TITLES
from ui import resources
from ui.classify.demo import DEMO_COINS, demo_file, render_demo_coin, rendered_as
from ui.classify.session import UploadSession
from ui.components.paleo_hebrew import name_forms, name_on_coin
from ui.components.table import show_small_table
from ui.formatting import (
    accepted_files,
    as_text,
    full_title,
    measured,
    measured_on,
    percent,
    reign_years,
    short_title,
)
from ui.handover import CLASSIFY_PAGE, SentPhoto, send_to_classify
from ui.memory import MAX_UPLOAD_MB, show_refused_uploads, take_uploads

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from ui.classify.report.coin_page import CoinPage

_DROPS = "home_drops"
_REQUIRED_FIGURES = {
    *("n", "data", "answered", "accuracy", "accuracy_low", "accuracy_high"),
    *("accuracy_answered", "ece"),
}


def show_drop_zone() -> None:
    """Where photos are dropped; they are read on the Classify page."""
    count = st.session_state.setdefault(_DROPS, 0)
    files = st.file_uploader(
        _("Drop photos of coins here"),
        accept_multiple_files=True,
        key=f"home_drop_{count}",
        max_upload_size=MAX_UPLOAD_MB,
        help=accepted_files(),
    )
    show_refused_uploads()
    if files:
        st.session_state[_DROPS] = count + 1
        send_to_classify(
            SentPhoto(name=name, data=data) for name, data in take_uploads(files)
        )
        st.switch_page(CLASSIFY_PAGE)


def show_example_coin() -> None:
    """The coin of the example, before it is read."""
    st.image(
        render_demo_coin(DEMO_COINS[0])[0],
        width="stretch",
        alt=_("A rendered bronze of the wreath side"),
    )
    st.caption(_("An example. Rendered coin, not a photograph."))


def show_example(place: DeltaGenerator) -> None:
    """The example with its verdict and evidence, in place of the mere coin."""
    language, version = current_language(), resources.weights_version()
    for bundle in resources.bundles()[0]:
        card = bundle.card
        with suppress(CoinError):  # Classify says what is wrong with a classifier
            page = _read_example(card.name, language, version, card)
            break
    else:
        return
    with place.container(key="example"):
        st.html(
            f'<div class="coin-card"><p class="coin-sentence">{escape(page.verdict)}'
            f'</p><p class="coin-read">{escape(page.reading)}</p></div>'
        )
        columns = st.columns(len(page.pictures))
        for column, picture in zip(columns, page.pictures, strict=True):
            with column:
                st.image(picture.jpeg, width="stretch", alt=picture.caption)
                st.caption(as_text(picture.caption))
        st.caption(
            _("An example, read by {classifier}.").format(
                classifier=as_text(short_title(card))
            )
            + " "
            + _("Rendered coin, not a photograph.")
            + " "
            + as_text(measured(card))
        )
        if st.button(_("See everything about this coin"), key="open_example"):
            name, data = demo_file(DEMO_COINS[0])
            words = rendered_as(DEMO_COINS[0])
            send_to_classify([SentPhoto(name=name, data=data, rendered_as=words)])
            st.switch_page(CLASSIFY_PAGE)


@st.cache_data(show_spinner=False, max_entries=4)
def _read_example(
    classifier: str, language: str, version: str, _card: Card
) -> CoinPage:
    """What the report would say of the example; only its first visitor waits."""
    from coin_core.i18n import speaking
    from ui.classify.report.coin_page import coin_page

    session = UploadSession()
    session.add([demo_file(DEMO_COINS[0])], rendered_as=rendered_as(DEMO_COINS[0]))
    (photo,) = session.photos.values()
    with speaking(language):
        return coin_page(
            session,
            photo,
            classifier,
            {classifier: _card},
            datetime.now(UTC),
            with_heat=False,
        )


def show_rulers() -> None:
    """One column per ruler: the name on the coin, how to tell it apart, references."""
    for column, ruler in zip(st.columns(len(RULERS)), RULERS.values(), strict=True):
        with column:
            _show_ruler(ruler)


def _show_ruler(ruler: Ruler) -> None:
    other_name = ""
    if _(ruler.name) != ruler.name_hebrew:
        other_name = (
            f'<span dir="rtl" lang="he">{ruler.name_hebrew}</span> &ensp;·&ensp; '
        )
    st.html(
        f'<p class="coin-sentence">{escape(_(ruler.name))}</p>'
        f'<p class="coin-soft">{other_name}{escape(reign_years(ruler))}</p>'
        f'<p style="margin:.9rem 0 .3rem 0">{name_on_coin(ruler, height_em=2.1)}</p>'
        f'<p class="coin-names">{name_forms(ruler)}</p>'
        f"<p>{escape(_(ruler.tell_apart))}</p>"
    )
    unverified = escape(_("not yet verified"))
    cited = dict.fromkeys(reference.edition for reference in ruler.references)
    with st.expander(_("Catalogue references")):
        st.html(
            _titles(cited)
            + "".join(
                f'<p class="coin-soft"><b>{escape(r.edition)} {escape(r.number)}</b> '
                f"{escape(_(r.note))}{'' if r.checked else f' ({unverified})'}</p>"
                for r in ruler.references
            )
        )
    schools = " ".join(one.school for one in ruler.attributions)
    with st.expander(_("Who is meant by the name")):
        st.html(
            _titles(name for name in TITLES if name in schools)
            + "".join(
                f'<p class="coin-soft"><b>{escape(_(a.ruler))}</b>, '
                f"{escape(_(a.school))}. {escape(_(a.note))}</p>"
                for a in ruler.attributions
            )
            + f'<p class="coin-soft">{escape(_("Reign"))}: '
            f"{escape(_(ruler.reign_note))}</p>"
        )


def _titles(editions: Iterable[str]) -> str:
    """The full titles of catalogues that are cited below by their initials."""
    titles = [
        f"<b>{escape(name)}</b>: {escape(TITLES[name])}"
        for name in editions
        if name in TITLES
    ]
    return f'<p class="coin-soft"><bdi>{"<br>".join(titles)}</bdi></p><hr>'


def show_measurements() -> None:
    """The measurements in the cards of the classifiers, as a table."""
    found, _refused = resources.bundles()
    right, interval = _("right"), _("95 % interval")
    answers, error = _("answers"), _("calibration error")
    rows = [
        {
            _("classifier"): full_title(bundle.card),
            _("measured on"): f"{figures['n']:,} " + measured_on(figures),
            right: percent(figures["accuracy"]),
            interval: _("{low} to {high}").format(
                low=f"{100 * figures['accuracy_low']:.0f}",
                high=percent(figures["accuracy_high"]),
            ),
            answers: percent(figures["answered"] / figures["n"]),
            _("right when it answers"): percent(figures["accuracy_answered"] or 0.0),
            error: percent(figures["ece"], digits=1),
        }
        for bundle in found
        for figures in bundle.card.metrics
        if figures.keys() >= _REQUIRED_FIGURES
    ]
    if not rows:
        st.caption(_("No measurements are stored with the classifiers of this copy."))
        return
    show_small_table(rows, is_wide=True)
    helps = {
        right: _(
            "Highest probability on the right ruler; “cannot tell” is counted too."
        ),
        interval: _("Wilson's interval."),
        answers: _("The rest are answered “cannot tell”."),
        error: _(
            "The average difference between the stated probability and how often it "
            "was right."
        ),
    }
    st.html(
        "".join(
            f'<p class="coin-soft"><b>{escape(title)}</b>: {escape(text)}</p>'
            for title, text in helps.items()
        )
    )
