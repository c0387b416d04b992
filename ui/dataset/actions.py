"""What can be done with the chosen photos, all at once; every action can be undone."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from coin_core.catalog import Catalog, ExcludeReason
from ui.background_task import BackgroundTask, begin
from ui.classify.predict import ask_classifiers
from ui.dataset import cropping
from ui.dataset.formatting import REASON, ruler_key, ruler_keys, ruler_title
from ui.dataset.photo_facts import LICENCES
from ui.dataset.session import DatasetSession, ask_reviewer


def show_actions(session: DatasetSession, catalog: Catalog) -> None:
    """Buttons for the chosen photos, and undo and redo."""
    if not session.selected:
        if session.reviewer:
            with st.container(horizontal=True, vertical_alignment="center"):
                show_undo(session, catalog)
        return
    if not ask_reviewer(session, "to stand beside every change:"):
        return
    count = len(session.selected)
    with st.container(
        horizontal=True, vertical_alignment="center", key="actions", border=True
    ):
        st.markdown(f"**{count:,} chosen**", width="content")
        _offer_rulers(session, catalog)
        _offer_exclusion(session, catalog)
        _offer_crops(session, catalog)
        _offer_provenance(session, catalog)
        with st.popover("Same coin"):
            st.caption("Photos of one coin stay together when a data set is split.")
            _button(
                "They show one coin",
                session,
                lambda: catalog.edits.group_coins(
                    session.selected, who=session.reviewer
                ),
                f"{count} photos grouped as one coin",
                disabled=count < 2,
            )
            _button(
                "Each shows a coin of its own",
                session,
                lambda: catalog.edits.ungroup(session.selected, who=session.reviewer),
                f"{count} photos are coins of their own",
            )
        if st.button(
            "Ask the classifiers",
            key="ask_chosen",
            type="tertiary",
            help="Their answers fill the orders “least sure” and “most disputed” and "
            "the queues of the review.",
        ):
            ask_classifiers(session, catalog, session.selected)
            st.rerun()
        show_undo(session, catalog)


def _button(
    label: str,
    session: DatasetSession,
    change: Callable[[], object],
    said: str,
    *,
    key: str | None = None,
    disabled: bool = False,
    icon: str | None = None,
    help_text: str | None = None,
    kind: str = "tertiary",
) -> None:
    def act() -> None:
        with session.action(said):
            change()

    st.button(
        label,
        key=key or f"do_{label}",
        on_click=act,
        type=kind,  # type: ignore[arg-type]
        disabled=disabled,
        icon=icon,
        help=help_text,
    )


def _offer_rulers(session: DatasetSession, catalog: Catalog) -> None:
    with st.popover("Ruler"):
        authority = st.text_input(
            "Attribution follows (optional)",
            key="authority",
            placeholder="e.g. Meshorer, TJC 2001",
        )
        for key in (*ruler_keys(catalog.queries.choices().rulers), None):
            title = ruler_title(key)
            _button(
                title,
                session,
                lambda key=key: catalog.edits.set_ruler(
                    session.selected,
                    key,
                    who=session.reviewer,
                    authority=authority or None,
                ),
                f"{len(session.selected)} photos: {title}",
                key=f"set_ruler_{key}",
            )
        written = st.text_input(
            "Another",
            key="other_ruler",
            placeholder="Mattathias Antigonus, star and anchor …",
            help="A class of its own, which trainings on the catalog then learn too.",
        )
        other = ruler_key(written)
        _button(
            ruler_title(other) if other else "Write a name first",
            session,
            lambda: catalog.edits.set_ruler(
                session.selected,
                other,
                who=session.reviewer,
                authority=authority or None,
            ),
            f"{len(session.selected)} photos: {ruler_title(other or None)}",
            key="set_other_ruler",
            disabled=not other,
        )


def _offer_exclusion(session: DatasetSession, catalog: Catalog) -> None:
    with st.popover("Exclude"):
        for reason in ExcludeReason:
            _button(
                REASON[reason].capitalize(),
                session,
                lambda reason=reason: catalog.edits.exclude(
                    session.selected, reason, who=session.reviewer
                ),
                f"{len(session.selected)} photos excluded: {REASON[reason]}",
                key=f"exclude_{reason}",
            )
        st.divider()
        _button(
            "Take back in",
            session,
            lambda: catalog.edits.restore(session.selected, who=session.reviewer),
            f"{len(session.selected)} photos taken back in",
        )


def _offer_crops(session: DatasetSession, catalog: Catalog) -> None:
    count = len(session.selected)
    with st.popover("Crop and turn"):
        for label, edit in cropping.EDITS.items():
            st.button(
                label,
                key=f"crop_all_{label}",
                type="tertiary",
                on_click=_crop_all,
                args=(session, catalog, label, edit),
            )
        angle = st.number_input(
            "Turn clockwise by °", -180, 180, 0, step=1, key="turn_all_by"
        )
        st.button(
            "Turn all by this angle",
            key="turn_all",
            type="tertiary",
            on_click=_crop_all,
            args=(
                session,
                catalog,
                f"Turn by {angle}°",
                cropping.turning(float(angle)),
            ),
            disabled=angle == 0,
        )
        st.divider()
        _button(
            "Back to the original",
            session,
            lambda: catalog.edits.reset_faces(session.selected, who=session.reviewer),
            f"{count} photos as they came in",
            key="original_all",
        )


def _crop_all(
    session: DatasetSession, catalog: Catalog, label: str, edit: cropping.PhotoEdit
) -> None:
    """The edit on all chosen photos, beside the page where there are many."""
    chosen, who = session.selected, session.reviewer

    def say(changed: int) -> None:
        session.notice = f"{label}: {changed:,} of {len(chosen):,} photos changed"

    begin(
        session,
        BackgroundTask(
            title=label,
            job=lambda tell: cropping.change_many(
                catalog, chosen, edit, who=who, tell=tell
            ),
            then=say,
        ),
    )


def _offer_provenance(session: DatasetSession, catalog: Catalog) -> None:
    """The same source, licence and credit for all: an empty field changes nothing."""
    with st.popover("Licence"):
        st.caption("Fields that are left empty stay as they are on each photo.")
        told = {
            "licence": st.selectbox(
                "Licence",
                LICENCES,
                index=None,
                accept_new_options=True,
                key="told_licence",
                placeholder="choose, or write another",
            ),
            "credit": st.text_input("Credit: who must be named", key="told_credit"),
            "source": st.text_input(
                "Source", key="told_source", placeholder="a museum, own camera …"
            ),
        }
        changes = {name: value for name, value in told.items() if value}
        _button(
            f"Tell this of {len(session.selected)} photos",
            session,
            lambda: catalog.edits.edit_photos(
                dict.fromkeys(session.selected, changes), who=session.reviewer
            ),
            f"{len(session.selected)} photos: {', '.join(map(str, changes.values()))}",
            key="tell_all",
            disabled=not changes,
        )


def show_undo(session: DatasetSession, catalog: Catalog) -> None:
    """Undo and redo of one's own changes."""
    for label, icon, back in (
        ("Undo", ":material/undo:", True),
        ("Redo", ":material/redo:", False),
    ):
        st.button(
            label,
            key=f"{label.lower()}_edit",
            icon=icon,
            type="tertiary",
            on_click=take_back,
            args=(session, catalog),
            kwargs={"back": back},
            help="Your own last change, whichever photo it was on."
            if back
            else "What you undid last.",
        )


def take_back(
    session: DatasetSession, catalog: Catalog, *, back: bool
) -> tuple[int, ...]:
    """Undo or redo one's last action; returns the photos it touched."""
    with session.action():
        group = (
            catalog.edits.undo(who=session.reviewer)
            if back
            else catalog.edits.redo(who=session.reviewer)
        )
        if group is None:
            session.notice = "Nothing to undo" if back else "Nothing to redo"
            return ()
        count = len(group.photo_ids)
        session.notice = (
            f"{'Undone' if back else 'Done again'}: {count} photo" + "s" * (count != 1)
        )
        if group.left_alone:
            session.notice += "; what somebody else has changed since was left alone"
        return group.photo_ids
    return ()
