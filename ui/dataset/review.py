"""Review by keyboard: a queue of photos, one decision each, one key each.

A decision is stored in the callback of the key, before the next photo is drawn.
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
    PhotoStatus,
    QueueKind,
    Side,
)
from coin_core.errors import CatalogError
from ui.classify.predict import look_for_wrong_labels
from ui.components import review_keys
from ui.components.thumbnails import make_ahead
from ui.dataset.actions import take_back
from ui.dataset.formatting import (
    QUEUE,
    REASON,
    percent,
    photo_name,
    ruler_colour,
    ruler_keys,
    ruler_title,
)
from ui.dataset.photo_view import show_photo
from ui.dataset.session import DatasetSession, ask_reviewer

_KEY = "coin_review"
SECOND_LOOK = "second_look"
_LENGTH = 500  # photos fetched at a time
_SECOND_AMONG = 5000
_AHEAD = 3


@dataclass(slots=True)
class Sitting:
    """The queue of one visitor and how far it has come."""

    kind: str = ""
    photo_ids: list[int] = field(default_factory=list)
    at: int = 0
    turn: int = 0  # counts what was said; a key for an older turn is ignored
    rulers: tuple[str, ...] = ()  # those of the number keys

    @property
    def photo_id(self) -> int | None:
        """The photo that is to be judged."""
        return self.photo_ids[self.at] if self.at < len(self.photo_ids) else None


def sitting() -> Sitting:
    """This visit's queue."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Sitting()
    found: Sitting = st.session_state[_KEY]
    return found


@st.fragment
def show_review(session: DatasetSession, catalog: Catalog) -> None:
    """The whole review, drawn anew after each key without the rest of the page."""
    if not ask_reviewer(session, "to stand beside your decisions:"):
        return
    now = sitting()
    kinds: dict[str, str] = {str(k): v for k, v in QUEUE.items()}
    kinds[SECOND_LOOK] = "second opinion"
    kind = st.segmented_control(
        "Which photos",
        list(kinds),
        format_func=kinds.__getitem__,
        default=str(QueueKind.UNREVIEWED),
        required=True,
        key="review_queue",
        persist_state="session",
        help="“Second opinion” shows what others have decided and you have not, "
        "without saying what they decided.",
    )
    if kind != now.kind:
        _fetch(now, catalog, str(kind), session)
    elif now.photo_id is None and now.photo_ids:
        _fetch(now, catalog, now.kind, session)
    if session.error:
        st.error(session.error, icon=":material/error:")
        session.error = ""
    photo = _current(now, catalog)
    progress = st.container()  # counted while the browser draws the photo
    if photo is None:
        _show_nothing_left(session, catalog, now)
    else:
        _show_one(session, catalog, now, photo)
    with progress:
        _show_progress(now, catalog)


def _fetch(now: Sitting, catalog: Catalog, kind: str, session: DatasetSession) -> None:
    if kind == SECOND_LOOK:
        mine = catalog.queries.queue(
            QueueKind.UNREVIEWED, limit=_SECOND_AMONG, reviewer=session.reviewer
        )
        now.photo_ids = [
            photo.photo_id
            for photo in catalog.photos.get_many(mine)
            if photo.status is PhotoStatus.REVIEWED
        ][:_LENGTH]
    else:
        now.photo_ids = list(catalog.queries.queue(QueueKind(kind), limit=_LENGTH))
    now.kind, now.at = kind, 0
    now.rulers = ruler_keys(catalog.queries.choices().rulers)[:9]


def _current(now: Sitting, catalog: Catalog) -> CatalogPhoto | None:
    while (photo_id := now.photo_id) is not None:
        try:
            return catalog.photos.get(photo_id)
        except CatalogError:  # somebody has removed it since
            now.photo_ids.remove(photo_id)
    return None


def _show_progress(now: Sitting, catalog: Catalog) -> None:
    stand = catalog.queries.progress()
    done = stand.total - stand.unreviewed
    left = max(len(now.photo_ids) - now.at, 0)
    st.progress(
        done / stand.total if stand.total else 0.0,
        f"{done:,} of {stand.total:,} photos reviewed or excluded, "
        f"{left:,}{' or more' * (len(now.photo_ids) == _LENGTH)} wait in this queue",
    )


def _show_one(
    session: DatasetSession, catalog: Catalog, now: Sitting, photo: CatalogPhoto
) -> None:
    faces = tuple(catalog.photos.faces(photo.photo_id))
    left, right = st.columns([1.55, 1], gap="large")
    with left:
        show_photo(catalog, photo, faces, key="review_photo", height_px=470)
        # Always as many parts, so that nothing of the last photo lingers.
        st.text(photo_name(photo))
        st.text(photo.lot_text or "no lot text")
        st.caption(_hint(faces))
    with right:
        _show_keys(session, catalog, now, photo)
        if st.button(
            "Crop, split or turn this photo",
            key="review_crop",
            type="tertiary",
            icon=":material/crop:",
            shortcut="E",
            on_click=session.open_photo_from,
            args=("review", photo.photo_id),
        ):
            st.rerun()
        hide = now.kind == SECOND_LOOK
        if not hide and st.toggle(
            "Show what the classifiers say",
            key="review_opinions",
            persist_state="session",
            help="Hidden at first, so that your eye comes before theirs.",
        ):
            _show_opinions(catalog, photo)
    following = now.photo_ids[now.at + 1 : now.at + 1 + _AHEAD]
    make_ahead(catalog, [p for p in map(_or_none(catalog), following) if p])


def _show_nothing_left(session: DatasetSession, catalog: Catalog, now: Sitting) -> None:
    """An empty queue, and how it would be filled."""
    if now.kind in (QueueKind.DISAGREEMENT, QueueKind.LOW_CONFIDENCE):
        words = (
            "Nothing waits here. The queue is filled by the classifiers: choose "
            "photos under “Browse” and press “Ask the classifiers”."
        )
    elif now.kind == SECOND_LOOK:
        words = "Nobody else has decided on a photo that you have not seen."
    elif now.kind == QueueKind.SUSPECTED:
        words = (
            "No label is under suspicion so far. Labels are compared with what "
            "classifiers say of coins they have not learnt from. So train one on the "
            "catalog first, on the page Training history or by `python -m coin_core "
            "train svm --data catalog`, and then look for wrong labels here."
        )
    else:
        words = "Every photo has been reviewed. Well done."
    done = now.kind == QueueKind.UNREVIEWED
    icon = ":material/task_alt:" if done else ":material/info:"
    (st.success if done else st.info)(words, icon=icon)
    st.button(
        "Undo the last decision",
        icon=":material/undo:",
        type="tertiary",
        on_click=obey,
        args=(session, catalog, now, {"photo": 0, "what": "undo", "value": None}),
        shortcut="U",
    )
    if now.kind == QueueKind.SUSPECTED and st.button("Look for wrong labels"):
        with session.action():
            look_for_wrong_labels(catalog)
        now.kind = ""  # fetched anew
        st.rerun(scope="fragment")


def _or_none(catalog: Catalog):
    def photo(photo_id: int) -> CatalogPhoto | None:
        try:
            return catalog.photos.get(photo_id)
        except CatalogError:
            return None

    return photo


def _hint(faces: tuple[CatalogFace, ...]) -> str:
    if faces and all(face.side is Side.CORNUCOPIA for face in faces):
        return "Only the cornucopia side is marked here: it names nobody."
    return "Wheel or + to zoom, drag to move."


def _show_keys(
    session: DatasetSession, catalog: Catalog, now: Sitting, photo: CatalogPhoto
) -> None:
    def hear() -> None:
        said = (st.session_state["review_keys"] or {}).get("said")
        if said and (said["photo"], said["turn"]) == (now.photo_id, now.turn):
            now.turn += 1
            obey(session, catalog, now, said)

    hide = now.kind == SECOND_LOOK
    mine = _my_decision(session, catalog, photo)
    review_keys(
        data={
            "photo": photo.photo_id,
            "turn": now.turn,
            "rulers": [
                {
                    "key": key,
                    "title": ruler_title(key),
                    "colour": ruler_colour(key, now.rulers),
                    "now": key == photo.ruler and not hide,
                    "note": "you said so"
                    if mine == (key,)
                    else "label now"
                    if key == photo.ruler and not hide
                    else "",
                }
                for key in now.rulers
            ],
            "reasons": [{"key": str(r), "title": REASON[r]} for r in ExcludeReason],
        },
        key="review_keys",
        on_said_change=hear,
    )
    if photo.status is PhotoStatus.EXCLUDED and photo.exclude_reason is not None:
        st.caption(f"Excluded now: {REASON[photo.exclude_reason]}.")
    elif mine == (None,):
        st.caption("You said: cannot tell.")


def _my_decision(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> tuple[str | None] | None:
    mine = [
        r
        for r in catalog.reviews.of_photo(photo.photo_id)
        if r.reviewer == session.reviewer
    ]
    return (max(mine, key=lambda r: r.at).ruler,) if mine else None


def obey(
    session: DatasetSession, catalog: Catalog, now: Sitting, said: dict[str, Any]
) -> None:
    """Do what a key says, and go on to the next photo once it is stored.

    Args:
        session: Whose key it was.
        catalog: Where the decision goes.
        now: The queue.
        said: `what` is "ruler", "exclude", "undo" or "step", with its `value`.
    """
    photo_id, value = int(said["photo"]), said["value"]
    if said["what"] == "step":
        now.at = min(max(now.at + int(value), 0), max(len(now.photo_ids) - 1, 0))
    elif said["what"] == "undo":
        touched = take_back(session, catalog, back=True)
        session.notice = ""
        if touched and touched[0] in now.photo_ids:
            now.at = now.photo_ids.index(touched[0])
        elif touched:
            now.photo_ids.insert(now.at, touched[0])
    else:
        with session.action():
            if said["what"] == "exclude":
                catalog.edits.exclude(
                    [photo_id], ExcludeReason(value), who=session.reviewer
                )
            else:
                catalog.reviews.add(photo_id, value, who=session.reviewer)
        if not session.error:
            now.at += 1


def _show_opinions(catalog: Catalog, photo: CatalogPhoto) -> None:
    opinions = catalog.predictions.of_photo(photo.photo_id)
    if not opinions:
        st.caption("No classifier has been asked about this photo yet.")
    for opinion in opinions:
        best = max(opinion.probabilities.values(), default=None)
        says = ruler_title(opinion.ruler) if opinion.ruler else "cannot tell"
        st.text(
            f"{opinion.classifier}: {says}" + (f", {percent(best)}" if best else "")
        )


def show_agreement(catalog: Catalog) -> None:
    """How far two reviewers agree, under the queue."""
    found = catalog.reviews.agreement()
    if len(found.reviewers) < 2:
        st.caption(
            "Once a second person has gone through some of the same photos (queue "
            "“second opinion”), their agreement (Cohen's kappa) stands here."
        )
        return
    st.header("Agreement of the reviewers", anchor=False)
    if found.kappa is None:
        st.caption(
            "No photo has two reviewers yet, or all decisions are one and the same."
        )
        return
    st.metric("Cohen's kappa", f"{found.kappa:.2f}", width="content")
    for pair in found.pairs:
        kappa = "none" if pair.kappa is None else f"{pair.kappa:.2f}"
        st.text(
            f"{pair.reviewers[0]} and {pair.reviewers[1]}: {pair.same} of {pair.n} "
            f"photos the same, kappa {kappa}"
        )
    if found.disputed:
        count = len(found.disputed)
        st.text(f"They differ on {count} photo{'s' * (count != 1)}.")
