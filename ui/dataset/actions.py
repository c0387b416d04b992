"""Actions on the selected photos; every one can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from coin_core.access import current_person
from coin_core.catalog import Catalog, Coin, Edit, EditGroup, ExcludeReason, class_key
from coin_core.errors import WeightsMissingError
from coin_core.i18n import N_, _, ngettext
from coin_core.jobs import Job, JobKind, JobState, may_change
from coin_core.label_review.asking import start_asking
from ui import resources
from ui.background_task import BackgroundTask, start_task
from ui.components.job_panel import JobPanel
from ui.dataset import cropping
from ui.dataset.formatting import (
    REASON_TITLES,
    edit_text,
    field_title,
    ruler_keys,
    ruler_title,
)
from ui.dataset.photo_facts import LICENCES
from ui.dataset.session import DatasetSession, ask_reviewer
from ui.formatting import as_text, date_and_time, plural
from ui.language import key_of_menu

if TYPE_CHECKING:
    from coin_core.label_review.label_errors import Recorded

_SHOWN_CHANGES = 3
# Facts of which a coin has one value; notes are joined, and labels named apart.
_SINGLE_FACTS = (
    *("name_on_coin", "authority", "denomination", "references"),
    *("weight_g", "diameter_mm", "die_axis_h"),
)
_LEFT_ALONE = N_("Later changes by somebody else were kept.")


class AskingPanel(JobPanel):
    """The jobs that ask the classifiers about photos."""

    kinds = (JobKind.CLASSIFY,)

    def shows_done(self, job: Job) -> bool:
        """Those that left photos out, to who can dismiss them."""
        return bool(job.progress().details.get("skipped")) and may_change(job)

    def ended_words(self, job: Job) -> str:
        """A stopped job loses nothing."""
        if job.state is JobState.STOPPED:
            return _("stopped; what was read is kept, and is not read again")
        return super().ended_words(job)

    def show_details(self, job: Job) -> None:
        """How many photos were read, and why the others were not."""
        details = job.progress().details
        if job.state is not JobState.DONE or "read" not in details:
            return
        st.text(asked_words(int(details["read"]), int(details["skipped"])))
        if left_out := details.get("left_out"):
            with st.expander(_("Problems")):
                for sentence in left_out:
                    st.text(sentence)


def asked_words(read: int, skipped: int) -> str:
    """How many photos the classifiers have read, and why they did not read others."""
    words = ngettext("{count} photo read.", "{count} photos read.", read)
    words = words.format(count=f"{read:,}")
    if skipped:
        more = ngettext(
            "{count} was not: it is excluded, cannot be opened, or no legend side is "
            "marked on it.",
            "{count} were not: they are excluded, cannot be opened, or no legend side "
            "is marked on them.",
            skipped,
        )
        words += " " + more.format(count=f"{skipped:,}")
    return words


def show_actions(session: DatasetSession, catalog: Catalog) -> None:
    """Buttons for the selected photos, undo and redo, and what they have started."""
    _show_buttons(session, catalog)
    AskingPanel().show()


def _show_buttons(session: DatasetSession, catalog: Catalog) -> None:
    if not session.selected:
        if session.may_sign:
            with st.container(horizontal=True, vertical_alignment="center"):
                show_undo(session, catalog)
            ask_undo(session, catalog)
        return
    if not ask_reviewer(session, _("to sign every change:")):
        return
    with st.container(
        horizontal=True, vertical_alignment="center", key="actions", border=True
    ):
        count = f"{len(session.selected):,}"
        st.markdown(_("**{count} selected**").format(count=count), width="content")
        _offer_rulers(session, catalog)
        _offer_exclusion(session, catalog)
        _offer_crops(session, catalog)
        _offer_provenance(session, catalog)
        _offer_grouping(session, catalog)
        if st.button(
            _("Ask the classifiers"),
            key="ask_chosen",
            type="tertiary",
            help=_(
                "Their answers fill the orders “least certain first” and “most "
                "disputed first”, and the queues of the review."
            ),
        ):
            classify_catalog_photos(session, catalog, session.selected)
            st.rerun()
        show_undo(session, catalog)
    ask_undo(session, catalog)


def _action_button(
    session: DatasetSession,
    label: str,
    change: Callable[[], object],
    notice: str,
    **options: Any,
) -> None:
    """A button that changes the catalog in its callback and reports it."""

    def act() -> None:
        with session.action(notice):
            change()

    options.setdefault("key", f"do_{label}")
    st.button(as_text(label), on_click=act, type="tertiary", **options)


def _offer_rulers(session: DatasetSession, catalog: Catalog) -> None:
    with st.popover(_("Ruler")):
        authority = st.text_input(
            _("Attribution follows (optional)"),
            key="authority",
            placeholder=_("e.g. Meshorer, A Treasury of Jewish Coins, 2001"),
        )

        def ruler_button(ruler: str | None, label: str, **options: Any) -> None:
            _action_button(
                session,
                label,
                lambda: catalog.edits.set_ruler(
                    session.selected,
                    ruler,
                    who=session.reviewer,
                    authority=authority or None,
                ),
                labelled_words(len(session.selected), ruler),
                **options,
            )

        for key in (*ruler_keys(catalog.queries.choices().rulers), None):
            ruler_button(key, ruler_title(key), key=f"set_ruler_{key}")
        name = st.text_input(
            _("Another"),
            key="other_ruler",
            placeholder=_("Mattathias Antigonus, star and anchor …"),
            help=_("Adds a class, which later trainings on the dataset learn."),
        )
        other = class_key(name)
        ruler_button(
            other or None,
            ruler_title(other) if other else _("Write a name first"),
            key="set_other_ruler",
            disabled=not other,
        )


def labelled_words(count: int, ruler: str | None) -> str:
    """What labelling photos has changed."""
    if ruler is None:
        words = ngettext(
            "The label of {count} photo is removed.",
            "The labels of {count} photos are removed.",
            count,
        )
        return words.format(count=f"{count:,}")
    words = ngettext(
        "{count} photo is labelled {ruler}.",
        "{count} photos are labelled {ruler}.",
        count,
    )
    return words.format(count=f"{count:,}", ruler=ruler_title(ruler))


def _offer_exclusion(session: DatasetSession, catalog: Catalog) -> None:
    count = len(session.selected)
    with st.popover(_("Exclude")):
        for reason, title in REASON_TITLES.items():

            def exclude(reason: ExcludeReason = reason) -> None:
                catalog.edits.exclude(session.selected, reason, who=session.reviewer)

            _action_button(
                session,
                _(title).capitalize(),
                exclude,
                _("{photos} excluded: {reason}").format(
                    photos=plural(count, "photo"), reason=_(title)
                ),
                key=f"exclude_{reason}",
            )
        st.divider()
        _action_button(
            session,
            _("Include again"),
            lambda: catalog.edits.restore(session.selected, who=session.reviewer),
            ngettext(
                "{count} photo is included again.",
                "{count} photos are included again.",
                count,
            ).format(count=f"{count:,}"),
        )


def _offer_crops(session: DatasetSession, catalog: Catalog) -> None:
    with st.popover(_("Crop and turn")):
        for label, edit in cropping.EDITS.items():
            st.button(
                _(label),
                key=f"crop_all_{label}",
                type="tertiary",
                on_click=_crop_selected,
                args=(session, catalog, label, edit),
            )
        angle = st.number_input(
            _("Turn clockwise by °"), -180, 180, 0, step=1, key="turn_all_by"
        )
        turn = cropping.rotation(float(angle))
        st.button(
            _("Turn all by this angle"),
            key="turn_all",
            type="tertiary",
            on_click=_crop_selected,
            args=(session, catalog, _("Turn by {angle}°").format(angle=angle), turn),
            disabled=angle == 0,
        )
        st.divider()
        _action_button(
            session,
            _("Back to the original"),
            lambda: catalog.edits.reset_faces(session.selected, who=session.reviewer),
            _("{photos} with the boxes of the import").format(
                photos=plural(len(session.selected), "photo")
            ),
            key="original_all",
        )


def _crop_selected(
    session: DatasetSession, catalog: Catalog, label: str, edit: cropping.PhotoEdit
) -> None:
    """Apply an edit to all selected photos in a background task."""
    selected, reviewer = session.selected, session.reviewer

    def report(changed: int) -> None:
        session.notice = cropping.changed_words(label, changed, len(selected))

    start_task(
        session,
        BackgroundTask(
            title=_(label),
            function=lambda progress: cropping.edit_photos(
                catalog, selected, edit, who=reviewer, progress=progress
            ),
            on_done=report,
        ),
    )


def _offer_provenance(session: DatasetSession, catalog: Catalog) -> None:
    """The same source, licence and credit for all; an empty field changes nothing."""
    with st.popover(_("Licence")):
        st.caption(_("Empty fields stay unchanged."))
        values = {
            "licence": st.selectbox(
                _("Licence"),
                LICENCES,
                index=None,
                accept_new_options=True,
                key="told_licence",
                placeholder=_("choose, or write another"),
            ),
            "credit": st.text_input(_("Credit: who must be named"), key="told_credit"),
            "source": st.text_input(
                _("Source"), key="told_source", placeholder=_("a museum, own camera …")
            ),
        }
        changes = {name: value for name, value in values.items() if value}
        _action_button(
            session,
            _("Save for {photos}").format(
                photos=plural(len(session.selected), "photo")
            ),
            lambda: catalog.edits.edit_photos(
                dict.fromkeys(session.selected, changes), who=session.reviewer
            ),
            _("{photos} now with {values}").format(
                photos=plural(len(session.selected), "photo"),
                values=", ".join(map(str, changes.values())),
            ),
            key="tell_all",
            disabled=not changes,
        )


def _offer_grouping(session: DatasetSession, catalog: Catalog) -> None:
    count = len(session.selected)
    with st.popover(_("Same coin")):
        st.caption(_("Photos of one coin stay together when a dataset is split."))
        _action_button(
            session,
            _("They show one coin"),
            lambda: group_photos(session, catalog, session.selected),
            _(
                "{count} photos now show one coin and stay together in every split"
            ).format(count=count),
            disabled=count < 2,
        )
        _action_button(
            session,
            _("Each shows a coin of its own"),
            lambda: catalog.edits.ungroup(session.selected, who=session.reviewer),
            _("{photos} now show separate coins").format(photos=plural(count, "photo")),
        )


def group_photos(
    session: DatasetSession, catalog: Catalog, photo_ids: Sequence[int]
) -> None:
    """Record that photos show one coin; the notice names what is not kept."""
    before = catalog.photos.get_many(photo_ids)
    coins = [catalog.photos.coin(key) for key in {photo.coin_id for photo in before}]
    coin_id = catalog.edits.group_coins(photo_ids, who=session.reviewer)
    kept = catalog.photos.coin(coin_id)
    ruler = kept.ruler_attributed
    replaced = {photo.ruler for photo in before} - {None, ruler}
    if replaced:
        session.notice = _(
            "The photos now show one coin, labelled {ruler} in place of {others}."
        ).format(
            ruler=ruler_title(ruler),
            others=", ".join(sorted(map(ruler_title, replaced))),
        )
    if lost := _facts_not_kept(kept, coins):
        session.notice = session.notice or _("The photos now show one coin.")
        session.notice += " " + _("Not kept of the others: {facts}.").format(
            facts=", ".join(lost)
        )


def _facts_not_kept(kept: Coin, coins: Iterable[Coin]) -> list[str]:
    """Titles of the facts that coins have and the kept one lacks, with measures."""
    words = []
    for name in _SINGLE_FACTS:
        values = {getattr(coin, name) for coin in coins} - {getattr(kept, name)}
        values -= {None, "", ()}
        if values:
            measures = sorted(v for v in values if isinstance(v, float | int))
            words.append(" ".join([field_title(name), *(f"{v:g}" for v in measures)]))
    return words


def classify_catalog_photos(
    session: DatasetSession,
    catalog: Catalog,
    photo_ids: Sequence[int],
    *,
    again: bool = False,
) -> None:
    """Classify photos of the catalog and store the predictions.

    Several photos are a job, which goes on when the page is closed; for a single one
    the classifiers of the page answer at once.

    Args:
        session: The session of the visitor.
        catalog: The catalog.
        photo_ids: The photos.
        again: Whether to repeat the predictions that the same models have stored for a
            single photo.
    """
    if len(photo_ids) > 1:
        with session.action():
            if not resources.bundles()[0]:
                raise WeightsMissingError(resources.NO_CLASSIFIERS)
            start_asking(photo_ids)
        return
    from coin_core.label_review.label_errors import record_predictions

    def report(recorded: Recorded) -> None:
        read = recorded.photos + recorded.known
        session.notice = asked_words(read, len(photo_ids) - read)

    with session.action():
        load_errors = resources.load_errors()
        names = [b.name for b in resources.bundles()[0] if b.name not in load_errors]
        if not names:
            raise WeightsMissingError(resources.NO_CLASSIFIERS)
        coin_classifier = resources.coin_classifier()
        start_task(
            session,
            BackgroundTask(
                title=_("Asking the classifiers"),
                function=lambda progress: record_predictions(
                    catalog,
                    coin_classifier,
                    photo_ids,
                    classifiers=names,
                    repeat=again,
                    progress=progress,
                ),
                on_done=report,
                stopped_notice=_("Stopped; nothing was read."),
            ),
        )


def show_undo(session: DatasetSession, catalog: Catalog) -> None:
    """The buttons that undo and redo the reviewer's own changes."""
    for word, help_text in (
        ("undo", _("Your own last change, whichever photo it was on.")),
        ("redo", _("What you undid last.")),
    ):
        st.button(
            _("Undo") if word == "undo" else _("Redo"),
            key=f"{word}_edit",
            icon=f":material/{word}:",
            type="tertiary",
            on_click=_undo_or_redo,
            args=(session, catalog, word),
            help=help_text,
        )


def ask_undo(
    session: DatasetSession,
    catalog: Catalog,
    confirm: Callable[[str, str], None] | None = None,
) -> None:
    """Ask whether to undo what may be, or is, somebody else's."""
    if session.asked_undo is None:
        return
    word, group = session.asked_undo
    first = group.edits[0]
    changes = list(dict.fromkeys(edit_text(edit) for edit in group.edits))
    with st.container(border=True, key="asked_undo"):
        words = _("This change is signed {who} and was made on {time}.")
        if word != "reverse":
            words = _(
                "This change is signed {who} and was made on {time}, but not in this "
                "visit, so it may be somebody else's."
            )
        concerned = _("Photos affected: {photos}").format(
            photos=f"{len(group.photo_ids):,}"
        )
        words = words.format(who=first.who, time=date_and_time(first.at))
        st.text(f"{words} {concerned}")
        st.text("\n".join(changes[:_SHOWN_CHANGES]))
        if len(changes) > _SHOWN_CHANGES:
            st.text(_("and {count} more").format(count=len(changes) - _SHOWN_CHANGES))

        def answer(go_on: bool) -> None:
            session.asked_undo = None
            if go_on and word == "reverse":
                _reverse(session, catalog, group.group_id)
            elif go_on and confirm is not None:
                confirm(word, group.group_id)
            elif go_on:
                _undo_or_redo(session, catalog, word, group.group_id)

        with st.container(horizontal=True):
            title = _("Redo it") if word == "redo" else _("Undo it")
            for label, go_on in ((title, True), (_("Cancel"), False)):
                st.button(
                    label,
                    key=f"asked_{'yes' if go_on else 'no'}",
                    type="primary" if go_on else "tertiary",
                    on_click=answer,
                    args=(go_on,),
                )


def offer_reversal(
    session: DatasetSession, catalog: Catalog, edits: Sequence[Edit], key: str
) -> None:
    """A menu of changes, also of others, to undo one of them; it asks first."""
    groups = {
        edit.group_id: f"{date_and_time(edit.at)} {edit.who}: {edit_text(edit)}"
        for edit in edits
        if not edit.undone and edit.entity != "added"
    }
    if not groups:
        return

    menu_key = key_of_menu(key)

    def ask() -> None:
        if (group_id := st.session_state[menu_key]) is not None:
            with session.action():
                group = catalog.edits.find_group(group_id)
                session.asked_undo = ("reverse", group)

    st.selectbox(
        _("Undo one of these changes"),
        list(groups),
        index=None,
        format_func=groups.__getitem__,
        key=menu_key,
        on_change=ask,
        placeholder=_("Includes changes by others; you are asked first"),
    )


def _reverse(session: DatasetSession, catalog: Catalog, group_id: str) -> None:
    with session.action():
        group = catalog.edits.reverse(group_id, who=session.reviewer)
        session.notice = _("Undone: {photos}").format(
            photos=plural(len(group.photo_ids), "photo")
        )
        if group.left_alone:
            session.notice += " " + _(_LEFT_ALONE)


def _undo_or_redo(
    session: DatasetSession, catalog: Catalog, word: str, confirmed: str | None = None
) -> None:
    undo_or_redo(session, catalog, word, confirmed)


def undo_or_redo(
    session: DatasetSession, catalog: Catalog, word: str, confirmed: str | None = None
) -> tuple[int, ...]:
    """Undo or redo the reviewer's last action, or ask first if it may be another's.

    Returns:
        The photos that it changed.
    """
    photo_ids: tuple[int, ...] = ()
    undo, who = word == "undo", session.reviewer
    session.asked_undo = None
    with session.action():
        group = catalog.edits.find_next(who=who, undo=undo)
        if group is not None and group.group_id != confirmed and not _is_own(group):
            session.asked_undo = (word, group)
            return ()
        step = catalog.edits.undo if undo else catalog.edits.redo
        group = step(who=who, expected=group.group_id if group else None)
        if group is None:
            session.notice = _("Nothing to undo") if undo else _("Nothing to redo")
        else:
            photo_ids = group.photo_ids
            words = _("Undone: {photos}") if undo else _("Redone: {photos}")
            session.notice = words.format(photos=plural(len(photo_ids), "photo"))
            if group.left_alone:
                session.notice += " " + _(_LEFT_ALONE)
    return photo_ids


def _is_own(group: EditGroup) -> bool:
    """Whether the visitor made a change: known by name, or in this visit."""
    person = current_person()
    return person.is_verified or group.group_id.startswith(person.visit)
