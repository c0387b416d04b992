"""From the Classify page into the dataset, with the verdicts as suggestions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import streamlit as st

from coin_core.access import Right, may, refusal
from coin_core.catalog import Catalog, CatalogFace, Prediction
from coin_core.catalog.import_records import ItemState
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import import_photos, staged
from coin_core.errors import CatalogError
from coin_core.i18n import _, ngettext
from coin_core.imaging.photo_io import PICTURE_SUFFIXES
from coin_core.jobs import ProgressCallback
from coin_core.model_store.bundle import weights_digest
from coin_core.model_store.card import Card
from coin_core.results import RejectReason
from ui import resources
from ui.background_task import (
    BackgroundTask,
    TaskSession,
    start_task,
)
from ui.classify.session import NOBODY, PhotoNote, UploadedPhoto, UploadSession
from ui.dataset.session import ask_reviewer, dataset_session
from ui.errors import errors_on_page
from ui.handover import DATASET_PAGE

_SHOWN_PROBLEMS = 3
_ADDED = "photos_were_added"
# Verdicts that say something of a coin with a legend.
_SUGGEST = (None, RejectReason.TOO_WORN)


def show_add_to_dataset(
    session: UploadSession, task: TaskSession, cards: Mapping[str, Card]
) -> None:
    """The button that adds the shown photo, or all photos."""
    with st.popover(_("Add to dataset"), icon=":material/library_add:"):
        if not may(Right.IMPORT):
            st.caption(refusal(Right.IMPORT))
            return
        photos = [p for p in session.photos.values() if p.rendered_as is None]
        if not photos:
            st.caption(
                _(
                    "Demo coins are rendered, so they are not added. The Dataset "
                    "page generates its own demo coins."
                )
            )
            return
        st.caption(
            _(
                "The photos are added without a label. The verdicts are kept as "
                "suggestions for the review; your own reading, if you gave one, is "
                "stored as your decision."
            )
        )
        reviewer = dataset_session()
        if not ask_reviewer(reviewer, _("to sign what is added:"), Right.IMPORT):
            return
        is_all = len(photos) > 1 and st.toggle(
            _("All {count} photos").format(count=len(photos)),
            value=True,
            key="add_all",
            persist_state="session",
        )
        chosen = [p for p in photos if is_all or p.digest == session.selected]
        if st.button(
            ngettext("Add {count} photo", "Add {count} photos", len(chosen)).format(
                count=len(chosen)
            ),
            type="primary",
            key="add_to_dataset",
            disabled=not chosen,
        ):
            with errors_on_page():
                start_adding(session, task, chosen, cards, who=reviewer.reviewer)
                st.rerun()


def offer_review() -> None:
    """The way to the review, once something was added."""
    if st.session_state.get(_ADDED) and st.button(
        _("Review what was added"),
        key="review_added",
        icon=":material/keyboard:",
        on_click=_choose_review,
    ):
        st.switch_page(DATASET_PAGE)


def _choose_review() -> None:
    st.session_state["dataset_part"] = "review"


def start_adding(
    session: UploadSession,
    task: TaskSession,
    photos: Sequence[UploadedPhoto],
    cards: Mapping[str, Card],
    *,
    who: str,
) -> None:
    """Add photos in a background task.

    Raises:
        CoinError: The dataset cannot be opened.
    """
    catalog = resources.catalog()

    def add(progress: ProgressCallback) -> str:
        return add_photos(catalog, session, photos, cards, who=who, progress=progress)

    def report(words: str) -> None:
        task.notice = words
        st.session_state[_ADDED] = True

    start_task(
        task,
        BackgroundTask(
            title=_("Adding to the dataset"),
            function=add,
            on_done=report,
            stopped_notice=_("Stopped; photos that were added before stay."),
        ),
    )


def add_photos(
    catalog: Catalog,
    session: UploadSession,
    photos: Sequence[UploadedPhoto],
    cards: Mapping[str, Card],
    *,
    who: str,
    progress: ProgressCallback,
) -> str:
    """Add photos to the dataset, unlabelled, and say what came of it.

    Raises:
        CoinError: They cannot be added.
    """
    files = ((_file_name(photo.name), photo.data) for photo in photos)
    import_id = 0
    with staged(catalog, files) as sources:
        for state in import_photos(catalog, sources, who=who, labels="none"):
            import_id = state.import_id
            progress(state.done, len(photos))
    items = ledger.read_items(catalog, import_id)
    by_digest = {photo.digest: photo for photo in photos}
    added = known = 0
    for item in items:
        if item.photo_id is None:
            continue
        stored = catalog.photos.get(item.photo_id)
        photo = by_digest.get(stored.sha256)
        if item.state is ItemState.KNOWN:
            known += 1
        else:
            added += 1
        if photo is not None and item.state is ItemState.DONE:
            _keep_notes(catalog, session, photo, item.photo_id, stored.coin_id, who)
            catalog.predictions.add(_suggestions(session, photo, item.photo_id, cards))
    remarks = [item.message for item in items if item.message]
    return " ".join(_summary(added, known, remarks))


def _file_name(name: str) -> str:
    """A name by which an import knows a photo; what it is, its bytes say."""
    suffix = Path(name).suffix.lower().lstrip(".")
    return name if suffix in PICTURE_SUFFIXES else f"{name}.jpg"


def _keep_notes(
    catalog: Catalog,
    session: UploadSession,
    photo: UploadedPhoto,
    photo_id: int,
    coin_id: int,
    who: str,
) -> None:
    """What the visitor has drawn and written about a new photo."""
    from ui.classify.predict import chosen_face

    if (box := session.boxes.get(photo.digest)) is not None:
        face = CatalogFace(box=box, side=chosen_face(photo, box).side)
        catalog.edits.set_faces(photo_id, [face], who=who)
    note = session.notes.get(photo.digest, PhotoNote())
    if written := "; ".join(filter(None, (note.context, note.text))):
        before = catalog.photos.coin(coin_id).notes
        notes = "\n".join(filter(None, (before, written)))
        catalog.edits.edit_coin(coin_id, {"notes": notes}, who=who)
    if note.ruler:
        ruler = None if note.ruler == NOBODY else note.ruler
        with suppress(CatalogError):  # another visitor has removed it
            catalog.reviews.add(photo_id, ruler, who=who)


def _suggestions(
    session: UploadSession,
    photo: UploadedPhoto,
    photo_id: int,
    cards: Mapping[str, Card],
) -> list[Prediction]:
    """The answers that are there, of the face that is marked on the photo."""
    from ui.classify.predict import result_of

    suggestions = []
    for name, card in cards.items():
        result = result_of(session, photo, name)
        if result is None or result.verdicts[0].reason not in _SUGGEST:
            continue
        verdict = result.verdicts[0]
        suggestions.append(
            Prediction(
                photo_id=photo_id,
                classifier=name,
                model_digest=weights_digest(card),
                probabilities=verdict.probabilities,
                ruler=verdict.ruler,
            )
        )
    return suggestions


def _summary(added: int, known: int, remarks: Sequence[str]) -> list[str]:
    parts = [
        ngettext(
            "{count} photo was added without a label.",
            "{count} photos were added without a label.",
            added,
        ).format(count=added)
    ]
    if known:
        parts.append(
            ngettext(
                "{count} was in the dataset already and is unchanged.",
                "{count} were in the dataset already and are unchanged.",
                known,
            ).format(count=known)
        )
    return [*parts, *remarks[:_SHOWN_PROBLEMS]]
