"""Review by keyboard: a queue of photos, one decision and one key for each.

A decision is stored in the callback of its key, before the next photo is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CatalogPhoto,
    ExcludeReason,
    PhotoOrder,
    PhotoQuery,
    PhotoStatus,
    QueueKind,
    Side,
)
from coin_core.errors import CatalogError
from coin_core.i18n import _, ngettext
from coin_core.label_review.asking import start_asking
from ui import resources
from ui.components.custom import review_keys
from ui.components.thumbnails import prefetch
from ui.dataset.actions import AskingPanel, ask_undo, undo_or_redo
from ui.dataset.formatting import (
    QUEUE_TITLES,
    REASON_TITLES,
    photo_name,
    ruler_colour,
    ruler_keys,
    ruler_title,
)
from ui.dataset.photo_panel import show_photo, show_predictions
from ui.dataset.session import DatasetSession, ask_reviewer
from ui.errors import errors_on_page
from ui.formatting import as_text, menu_titles, plural

_KEY = "review_queue_state"
SECOND_OPINION = "second_look"
_QUEUE_LENGTH = 500  # photos fetched at a time
_SECOND_OPINION_SEARCH = 5000  # photos among which second opinions are looked for
_PREFETCHED = 3
_ASKED = "classifiers_asked"  # how often, in this visit
_CLASSIFIED_AT_ONCE = 5000


@dataclass(slots=True)
class ReviewQueue:
    """The queue of one visitor.

    Attributes:
        kind: A `QueueKind`, or `SECOND_OPINION`.
        reviewer: Whose queue it is.
        photo_ids: The photos in the queue.
        position: The place of the current photo.
        seen: How many of the photos, from the first, have been shown.
        is_full: Whether there may be more photos than fit into the queue.
        last_edit: The newest change of the current photo when it was shown, or None.
        turn: Counts the decisions; a key pressed for an older turn is ignored.
        rulers: The rulers of the number keys.
    """

    kind: str = ""
    reviewer: str = ""
    photo_ids: list[int] = field(default_factory=list)
    position: int = 0
    seen: int = 0
    is_full: bool = False
    last_edit: int | None = None
    turn: int = 0
    rulers: tuple[str, ...] = ()

    @property
    def photo_id(self) -> int | None:
        """The photo to decide on; None at the end of the queue."""
        if self.position < len(self.photo_ids):
            return self.photo_ids[self.position]
        return None

    @property
    def is_blind(self) -> bool:
        """Whether the decisions of others are hidden."""
        return self.kind == SECOND_OPINION


@st.fragment
@errors_on_page()
def show_review(session: DatasetSession, catalog: Catalog) -> None:
    """The review; a key reruns this fragment, not the page."""
    if not ask_reviewer(session, _("to sign your decisions:")):
        return
    queue: ReviewQueue = st.session_state.setdefault(_KEY, ReviewQueue())
    titles = {str(kind): _(title) for kind, title in QUEUE_TITLES.items()}
    titles[SECOND_OPINION] = _("second opinion")
    kind = st.segmented_control(
        _("Which photos"),
        list(titles),
        format_func=titles.__getitem__,
        default=str(QueueKind.UNREVIEWED),
        required=True,
        wrap=True,
        key="review_queue",
        persist_state="session",
        help=_(
            "“Second opinion” shows photos that others have decided on and you have "
            "not, without their decisions."
        ),
    )
    is_other = (kind, session.reviewer) != (queue.kind, queue.reviewer)
    photo = None if is_other else _current_photo(queue, catalog)
    if photo is None:
        _fill(queue, catalog, str(kind), session.reviewer)
        photo = _current_photo(queue, catalog)
    session.show_messages()

    def confirm(word: str, group: str) -> None:
        decision = {"photo": 0, "what": word, "value": group}
        apply_decision(session, catalog, queue, decision)

    ask_undo(session, catalog, confirm)
    progress = st.container()  # filled while the browser draws the photo
    if photo is None:
        _show_empty_queue(session, catalog, queue)
    else:
        _show_current(session, catalog, queue, photo)
    with progress:
        _show_progress(queue, catalog)
    _offer_classifying(session, catalog)


def _offer_classifying(session: DatasetSession, catalog: Catalog) -> None:
    """Let classifiers read all photos that wait for a review, as a job."""
    found = resources.bundles()[0]
    with st.popover(
        _("Classify all with …"),
        icon=":material/model_training:",
        # Another one, closed, once they were asked.
        key=f"classify_menu_{st.session_state.setdefault(_ASKED, 0)}",
    ):
        if not found:
            st.caption(as_text(resources.NO_CLASSIFIERS))
            return
        waiting = catalog.queries.queue(QueueKind.UNREVIEWED, limit=_CLASSIFIED_AT_ONCE)
        titles = menu_titles(found)
        chosen = st.pills(
            _("Classifiers"),
            list(titles),
            format_func=lambda name: as_text(titles[name]),
            selection_mode="multi",
            default=list(titles),
            wrap=True,
            key="classify_all_with",
        )
        st.caption(
            _(
                "Their answers are suggestions: they fill the queues of "
                "disagreement and doubt, and label nothing. Photos that they have "
                "read are skipped."
            )
        )

        def start() -> None:
            with session.action():
                start_asking(waiting, chosen)
            st.session_state[_ASKED] += 1

        st.button(
            ngettext(
                "Classify {count} unreviewed photo",
                "Classify {count} unreviewed photos",
                len(waiting),
            ).format(count=f"{len(waiting):,}"),
            key="classify_all",
            type="primary",
            disabled=not (waiting and chosen),
            on_click=start,
        )
    AskingPanel().show()


def _fill(queue: ReviewQueue, catalog: Catalog, kind: str, reviewer: str) -> None:
    if kind == SECOND_OPINION:
        undecided = catalog.queries.queue(
            QueueKind.UNREVIEWED, limit=_SECOND_OPINION_SEARCH, reviewer=reviewer
        )
        queue.photo_ids = [
            photo.photo_id
            for photo in catalog.photos.get_many(undecided)
            if photo.status is PhotoStatus.REVIEWED
        ][:_QUEUE_LENGTH]
    else:
        queue.photo_ids = list(
            catalog.queries.queue(QueueKind(kind), limit=_QUEUE_LENGTH)
        )
    queue.kind, queue.reviewer = kind, reviewer
    queue.position = queue.seen = 0
    queue.is_full = len(queue.photo_ids) == _QUEUE_LENGTH
    queue.rulers = ruler_keys(catalog.queries.choices().rulers)[:9]


def _current_photo(queue: ReviewQueue, catalog: Catalog) -> CatalogPhoto | None:
    _drop_decided(queue, catalog)
    while (photo_id := queue.photo_id) is not None:
        try:
            photo = catalog.photos.get(photo_id)
        except CatalogError:  # another visitor has removed it
            queue.photo_ids.remove(photo_id)
            queue.seen -= queue.position < queue.seen
        else:
            queue.seen = max(queue.seen, queue.position + 1)
            return photo
    return None


def _drop_decided(queue: ReviewQueue, catalog: Catalog) -> None:
    """Drop the photos ahead that others have decided on since the queue was filled."""
    ahead = queue.photo_ids[queue.seen :]
    waiting = catalog.queries.queue(
        QueueKind.UNREVIEWED if queue.is_blind else QueueKind(queue.kind),
        limit=len(ahead),
        reviewer=queue.reviewer if queue.is_blind else None,
        among=ahead,
    )
    still = set(waiting)
    queue.photo_ids[queue.seen :] = [one for one in ahead if one in still]


def _show_progress(queue: ReviewQueue, catalog: Catalog) -> None:
    progress = catalog.queries.progress()
    done = progress.total - progress.unreviewed
    left = max(len(queue.photo_ids) - queue.position, 0)
    words = _("{done} of {total} photos reviewed or excluded, {left} in this queue")
    if queue.is_full:
        words = _(
            "{done} of {total} photos reviewed or excluded, {left} or more in this "
            "queue"
        )
    st.progress(
        done / progress.total if progress.total else 0.0,
        words.format(done=f"{done:,}", total=f"{progress.total:,}", left=f"{left:,}"),
    )


def _show_current(
    session: DatasetSession, catalog: Catalog, queue: ReviewQueue, photo: CatalogPhoto
) -> None:
    history = catalog.edits.history(photo.photo_id)
    queue.last_edit = history[-1].edit_id if history else 0
    faces = tuple(catalog.photos.faces(photo.photo_id))
    left, right = st.columns([1.55, 1], gap="large")
    with left:
        show_photo(catalog, photo, faces, key="review_photo", height_px=470)
    with right:
        _show_keys(session, catalog, queue, photo)
        if st.button(
            _("Crop, split or turn this photo"),
            key="review_crop",
            type="tertiary",
            icon=":material/crop:",
            shortcut="E",
            on_click=session.open_photo_from,
            args=("review", photo.photo_id),
        ):
            st.rerun()
        if not queue.is_blind and st.toggle(
            _("Show what the classifiers say"),
            key="review_opinions",
            persist_state="session",
            help=_("Hidden at first, so that you decide before they do."),
        ):
            show_predictions(catalog, photo)
    # Below the keys on a phone. Always as many elements, so that nothing of the last
    # photo is left.
    st.text(photo_name(photo))
    st.text(photo.lot_text or _("no lot text"))
    st.caption(_hint(faces))
    start = queue.position + 1
    next_ids = queue.photo_ids[start : start + _PREFETCHED]
    prefetch(catalog, catalog.photos.get_existing(next_ids))


def _hint(faces: tuple[CatalogFace, ...]) -> str:
    if faces and all(face.side is Side.CORNUCOPIA for face in faces):
        return _("Only the cornucopia side is marked here, which names no ruler.")
    return _("Wheel or + to zoom, drag to move.")


def _was_asked(catalog: Catalog) -> bool:
    """Whether the classifiers have read any photo."""
    query = PhotoQuery(order=PhotoOrder.CONFIDENCE)  # without a number comes last
    first = catalog.queries.find(query, limit=1).photos
    return any(photo.confidence is not None for photo in first)


def _show_empty_queue(
    session: DatasetSession, catalog: Catalog, queue: ReviewQueue
) -> None:
    """How to fill an empty queue."""
    if queue.kind == QueueKind.DISAGREEMENT and _was_asked(catalog):
        text = _("The classifiers name the same ruler for all photos that they read.")
    elif queue.kind == QueueKind.LOW_CONFIDENCE and _was_asked(catalog):
        text = _("The classifiers name a ruler for all photos that they read.")
    elif queue.kind in (QueueKind.DISAGREEMENT, QueueKind.LOW_CONFIDENCE):
        text = _(
            "This queue is empty. The classifiers fill it: select photos under "
            "“Browse” and press “Ask the classifiers”."
        )
    elif queue.kind == SECOND_OPINION:
        text = _("Nobody else has decided on a photo that you have not seen.")
    elif queue.kind == QueueKind.SUSPECTED:
        text = _(
            "No label is suspected so far. Labels are compared with what "
            "classifiers say of coins they were not trained on. Train one on "
            "the dataset first, on the page Training history or by `python -m "
            "coin_core train svm --data catalog`, and then look for wrong "
            "labels here."
        )
    else:
        text = _("Every photo has been reviewed. Well done.")
    if queue.kind == QueueKind.UNREVIEWED:
        st.success(text, icon=":material/task_alt:")
    else:
        st.info(text, icon=":material/info:")
    st.button(
        _("Undo the last decision"),
        icon=":material/undo:",
        type="tertiary",
        on_click=apply_decision,
        args=(session, catalog, queue, {"photo": 0, "what": "undo", "value": None}),
        shortcut="U",
    )
    if queue.kind == QueueKind.SUSPECTED and st.button(_("Look for wrong labels")):
        from coin_core.label_review.label_errors import find_label_issues

        with session.action():
            find_label_issues(catalog)
        queue.kind = ""  # the queue is filled again
        st.rerun(scope="fragment")


def _show_keys(
    session: DatasetSession, catalog: Catalog, queue: ReviewQueue, photo: CatalogPhoto
) -> None:
    def store() -> None:
        decision = (st.session_state["review_keys"] or {}).get("decision")
        current = (queue.photo_id, queue.turn)
        if decision and (decision["photo"], decision["turn"]) == current:
            queue.turn += 1
            apply_decision(session, catalog, queue, decision)

    own = [
        review
        for review in catalog.reviews.of_photo(photo.photo_id)
        if review.reviewer == session.reviewer
    ]
    own_ruler = max(own, key=lambda review: review.at).ruler if own else ""

    def ruler_data(ruler: str) -> dict[str, Any]:
        is_label = ruler == photo.ruler and not queue.is_blind
        return {
            "key": ruler,
            "title": ruler_title(ruler),
            "colour": ruler_colour(ruler, queue.rulers),
            "current": is_label,
            "note": _("you said so")
            if ruler == own_ruler
            else _("label now")
            if is_label
            else "",
        }

    review_keys(
        data={
            "photo": photo.photo_id,
            "turn": queue.turn,
            "rulers": [ruler_data(ruler) for ruler in queue.rulers],
            "reasons": [
                {"key": str(reason), "title": _(title)}
                for reason, title in REASON_TITLES.items()
            ],
            "words": {
                "exclude": _("Exclude …"),
                "because": _("Reason for excluding it:"),
                "cannotTell": _("Cannot tell"),
                "undo": _("Undo"),
                "back": _("Back"),
                "skip": _("Skip"),
                "cancel": _("Cancel"),
            },
        },
        key="review_keys",
        on_decision_change=store,
    )
    if photo.status is PhotoStatus.EXCLUDED and photo.exclude_reason is not None:
        st.caption(
            _("Excluded now: {reason}.").format(
                reason=_(REASON_TITLES[photo.exclude_reason])
            )
        )
    elif own_ruler is None:
        st.caption(_("You said: cannot tell."))


def apply_decision(
    session: DatasetSession,
    catalog: Catalog,
    queue: ReviewQueue,
    decision: dict[str, Any],
) -> None:
    """Store a decision, then move to the next photo.

    Args:
        session: The session of the reviewer.
        catalog: The catalog.
        queue: The queue.
        decision: `what` is "ruler", "exclude", "undo", "redo" or "step", with its
            `value`, and `photo` is the photo's id.
    """
    photo_id, value = int(decision["photo"]), decision["value"]
    if decision["what"] == "step":
        last = max(len(queue.photo_ids) - 1, 0)
        queue.position = min(max(queue.position + int(value), 0), last)
    elif decision["what"] in ("undo", "redo"):
        changed = undo_or_redo(session, catalog, decision["what"], value)
        session.notice = ""
        if changed and changed[0] in queue.photo_ids:
            queue.position = queue.photo_ids.index(changed[0])
        elif changed:
            queue.photo_ids.insert(queue.position, changed[0])
            queue.seen += 1
        if changed:
            queue.seen = max(queue.seen, queue.position + 1)
    else:
        said = _said_meanwhile(session, catalog, queue, photo_id)
        with session.action(said):
            if decision["what"] == "exclude":
                reason = ExcludeReason(value)
                catalog.edits.exclude([photo_id], reason, who=session.reviewer)
            else:
                catalog.reviews.add(photo_id, value, who=session.reviewer)
        if not session.error:
            queue.position += 1


def _said_meanwhile(
    session: DatasetSession, catalog: Catalog, queue: ReviewQueue, photo_id: int
) -> str:
    """What somebody else has decided since the photo was shown, or ""."""
    if queue.is_blind or queue.last_edit is None:
        return ""
    try:
        photo, history = catalog.photos.get(photo_id), catalog.edits.history(photo_id)
    except CatalogError:  # storing the decision says why
        return ""
    others = [
        edit
        for edit in history
        if edit.edit_id > queue.last_edit
        and edit.who != session.reviewer
        and {"ruler_attributed", "status", "suspicion"} & set(edit.after)
    ]
    is_open = photo.status is PhotoStatus.UNREVIEWED
    if not others or (is_open and photo.ruler is None):
        return ""
    if photo.status is PhotoStatus.EXCLUDED:
        words = _("Meanwhile {name} has excluded this photo; your decision counts now.")
    elif photo.ruler is None:
        words = _("Meanwhile {name} has said “cannot tell”; your decision counts now.")
    else:
        words = _("Meanwhile {name} has said {ruler}; your decision counts now.")
    return words.format(name=others[-1].who, ruler=ruler_title(photo.ruler))


def show_agreement(catalog: Catalog) -> None:
    """The agreement of the reviewers, below the queue."""
    agreement = catalog.reviews.agreement()
    if len(agreement.reviewers) < 2:
        st.caption(
            _(
                "Once a second person has gone through some of the same photos "
                "(queue “second opinion”), their agreement (Cohen's kappa) will "
                "appear here."
            )
        )
        return
    st.header(_("Agreement of the reviewers"), anchor=False)
    if agreement.kappa is None:
        st.caption(_("No photo has two reviewers yet, or all decisions are the same."))
        return
    st.metric("Cohen's kappa", f"{agreement.kappa:.2f}", width="content")
    for pair in agreement.pairs:
        kappa = _("none") if pair.kappa is None else f"{pair.kappa:.2f}"
        st.text(
            _(
                "{one} and {other}: {same} of {count} photos the same, kappa {kappa}"
            ).format(
                one=pair.reviewers[0],
                other=pair.reviewers[1],
                same=pair.same,
                count=pair.n,
                kappa=kappa,
            )
        )
    if agreement.disputed:
        st.text(
            _("They differ on {photos}.").format(
                photos=plural(len(agreement.disputed), "photo")
            )
        )
