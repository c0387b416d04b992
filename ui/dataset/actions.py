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
from ui.dataset.session import DatasetSession, ask_name


def show_actions(desk: DatasetSession, catalog: Catalog) -> None:
    """Buttons for the chosen photos, and undo and redo."""
    if not desk.chosen:
        if desk.who:
            with st.container(horizontal=True, vertical_alignment="center"):
                show_undo(desk, catalog)
        return
    if not ask_name(desk, "to stand beside every change:"):
        return
    count = len(desk.chosen)
    with st.container(
        horizontal=True, vertical_alignment="center", key="actions", border=True
    ):
        st.markdown(f"**{count:,} chosen**", width="content")
        _offer_rulers(desk, catalog)
        _offer_exclusion(desk, catalog)
        _offer_crops(desk, catalog)
        _offer_provenance(desk, catalog)
        with st.popover("Same coin"):
            st.caption("Photos of one coin stay together when a data set is split.")
            _button(
                "They show one coin",
                desk,
                lambda: catalog.group_coins(desk.chosen, who=desk.who),
                f"{count} photos grouped as one coin",
                disabled=count < 2,
            )
            _button(
                "Each shows a coin of its own",
                desk,
                lambda: catalog.ungroup(desk.chosen, who=desk.who),
                f"{count} photos are coins of their own",
            )
        if st.button(
            "Ask the classifiers",
            key="ask_chosen",
            type="tertiary",
            help="Their answers fill the orders “least sure” and “most disputed” and "
            "the queues of the review.",
        ):
            ask_classifiers(desk, catalog, desk.chosen)
            st.rerun()
        show_undo(desk, catalog)


def _button(
    label: str,
    desk: DatasetSession,
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
        with desk.doing(said):
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


def _offer_rulers(desk: DatasetSession, catalog: Catalog) -> None:
    with st.popover("Ruler"):
        authority = st.text_input(
            "Attribution follows (optional)",
            key="authority",
            placeholder="e.g. Meshorer, TJC 2001",
        )
        for key in (*ruler_keys(catalog.choices().rulers), None):
            title = ruler_title(key)
            _button(
                title,
                desk,
                lambda key=key: catalog.set_ruler(
                    desk.chosen, key, who=desk.who, authority=authority or None
                ),
                f"{len(desk.chosen)} photos: {title}",
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
            desk,
            lambda: catalog.set_ruler(
                desk.chosen, other, who=desk.who, authority=authority or None
            ),
            f"{len(desk.chosen)} photos: {ruler_title(other or None)}",
            key="set_other_ruler",
            disabled=not other,
        )


def _offer_exclusion(desk: DatasetSession, catalog: Catalog) -> None:
    with st.popover("Exclude"):
        for reason in ExcludeReason:
            _button(
                REASON[reason].capitalize(),
                desk,
                lambda reason=reason: catalog.exclude(
                    desk.chosen, reason, who=desk.who
                ),
                f"{len(desk.chosen)} photos excluded: {REASON[reason]}",
                key=f"exclude_{reason}",
            )
        st.divider()
        _button(
            "Take back in",
            desk,
            lambda: catalog.restore(desk.chosen, who=desk.who),
            f"{len(desk.chosen)} photos taken back in",
        )


def _offer_crops(desk: DatasetSession, catalog: Catalog) -> None:
    count = len(desk.chosen)
    with st.popover("Crop and turn"):
        for label, edit in cropping.EDITS.items():
            st.button(
                label,
                key=f"crop_all_{label}",
                type="tertiary",
                on_click=_crop_all,
                args=(desk, catalog, label, edit),
            )
        angle = st.number_input(
            "Turn clockwise by °", -180, 180, 0, step=1, key="turn_all_by"
        )
        st.button(
            "Turn all by this angle",
            key="turn_all",
            type="tertiary",
            on_click=_crop_all,
            args=(desk, catalog, f"Turn by {angle}°", cropping.turning(float(angle))),
            disabled=angle == 0,
        )
        st.divider()
        _button(
            "Back to the original",
            desk,
            lambda: catalog.back_to_original(desk.chosen, who=desk.who),
            f"{count} photos as they came in",
            key="original_all",
        )


def _crop_all(
    desk: DatasetSession, catalog: Catalog, label: str, edit: cropping.PhotoEdit
) -> None:
    """The edit on all chosen photos, beside the page where there are many."""
    chosen, who = desk.chosen, desk.who

    def say(changed: int) -> None:
        desk.said = f"{label}: {changed:,} of {len(chosen):,} photos changed"

    begin(
        desk,
        BackgroundTask(
            title=label,
            job=lambda tell: cropping.change_many(
                catalog, chosen, edit, who=who, tell=tell
            ),
            then=say,
        ),
    )


def _offer_provenance(desk: DatasetSession, catalog: Catalog) -> None:
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
            f"Tell this of {len(desk.chosen)} photos",
            desk,
            lambda: catalog.edit_photos(
                dict.fromkeys(desk.chosen, changes), who=desk.who
            ),
            f"{len(desk.chosen)} photos: {', '.join(map(str, changes.values()))}",
            key="tell_all",
            disabled=not changes,
        )


def show_undo(desk: DatasetSession, catalog: Catalog) -> None:
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
            args=(desk, catalog),
            kwargs={"back": back},
            help="Your own last change, whichever photo it was on."
            if back
            else "What you undid last.",
        )


def take_back(desk: DatasetSession, catalog: Catalog, *, back: bool) -> tuple[int, ...]:
    """Undo or redo one's last action; returns the photos it touched."""
    with desk.doing():
        group = catalog.undo(who=desk.who) if back else catalog.redo(who=desk.who)
        if group is None:
            desk.said = "Nothing to undo" if back else "Nothing to redo"
            return ()
        count = len(group.photo_ids)
        desk.said = f"{'Undone' if back else 'Done again'}: {count} photo" + "s" * (
            count != 1
        )
        if group.left_alone:
            desk.said += "; what somebody else has changed since was left alone"
        return group.photo_ids
    return ()
