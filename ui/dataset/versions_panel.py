"""Dataset versions: freeze, list, compare, check for leaks.

Checks of many photos run as background tasks, on request.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from coin_core.access import Right
from coin_core.catalog import Catalog, PhotoQuery
from coin_core.catalog.splits import Split
from coin_core.catalog.versions import (
    Comparison,
    Leak,
    Version,
    VersionSummary,
    check_new_name,
    compare_versions,
    find_leaks,
    find_visual_leaks,
    list_versions,
    load_version,
)
from coin_core.i18n import N_, _, is_right_to_left, ngettext, translate
from coin_core.jobs import (
    Job,
    JobKind,
    JobState,
    ProgressCallback,
    add_job,
    refuse_twice,
)
from ui.background_task import (
    BackgroundTask,
    cached_task,
    start_task,
)
from ui.components.job_panel import JobPanel
from ui.components.table import show_table
from ui.dataset.export_panel import offer_export
from ui.dataset.formatting import ruler_title
from ui.dataset.session import DatasetSession, ask_reviewer
from ui.errors import show_error
from ui.formatting import as_text, date_and_time

_LEAK_REASONS = {
    "same_coin": N_("the same coin"),
    "same_coin_now": N_("grouped as one coin since"),
    "same_picture": N_("the pictures look the same"),
}
_MAX_ROWS = 200
_CHOSEN = "frozen_versions_chosen"
_MAX_UNASKED = 5000  # photos of a version that is checked without a click


def show_versions(session: DatasetSession, catalog: Catalog) -> None:
    """The whole panel."""
    versions = list_versions(catalog)
    st.header(_("Freeze a dataset"), anchor=False)
    st.markdown(
        _(
            "A version is the photos, labels and crops as they are now, divided by "
            "coin into training, validation and test. It never changes. Train on it on "
            "the page Training history, or with"
        )
    )
    st.code(
        "python -m coin_core train resnet --data catalog:"
        + (versions[-1].name if versions else "NAME"),
        language=None,
    )
    if ask_reviewer(session, _("to sign the version:"), Right.FREEZE):
        _show_freeze_form(session, catalog)
    FreezePanel().show()
    if versions:
        st.header(_("Versions"), anchor=False)
        _show_list(versions)
        _show_version(session, catalog, versions)
        if len(versions) > 1:
            _show_comparison(session, catalog, versions)
    st.header(_("Export"), anchor=False)
    offer_export(versions)


class FreezePanel(JobPanel):
    """The versions that are being frozen, and what was left out of them."""

    kinds = (JobKind.FREEZE,)

    def resumes(self, job: Job) -> bool:
        """A version is frozen whole or not at all."""
        return False

    def show_details(self, job: Job) -> None:
        """What is in the version, and what was left out."""
        details = job.progress().details
        if job.state is not JobState.DONE or "version" not in details:
            return
        chosen: set[str] = st.session_state.setdefault(_CHOSEN, set())
        if job.job_id not in chosen:  # once: then another version may be chosen
            chosen.add(job.job_id)
            st.session_state["version_shown"] = details["version"]
        text = _("{version} is frozen: {photos} photos of {coins} coins.")
        st.text(
            text.format(
                version=details["version"],
                photos=f"{int(details['photos']):,}",
                coins=f"{int(details['coins']):,}",
            )
        )
        st.text(translate(str(details["note"])))


def _show_freeze_form(session: DatasetSession, catalog: Catalog) -> None:
    everything = catalog.queries.progress().total
    rendered = catalog.queries.find(PhotoQuery(rendered=True), limit=1).total
    with_rendered = False
    with st.form("freeze", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                _("Name"), placeholder=_("e.g. spring-2026"), max_chars=64, width=240
            )
            seed = st.number_input(
                _("Seed"), 0, 10**6, 0, step=1, width=110, help=_("Fixes the division.")
            )
            test_percent = st.slider(
                _("Test share (validation gets the same)"),
                5,
                40,
                15,
                format="%d%%" if is_right_to_left() else "%d %%",
                width=230,
            )
            free_only = st.checkbox(_("Only freely licensed"))
            if 0 < rendered < everything:
                text = _("Include the {count} rendered demo coins")
                with_rendered = st.checkbox(
                    text.format(count=f"{rendered:,}"),
                    help=_(
                        "Otherwise they are left out as soon as a photograph has a "
                        "ruler, so that classifiers are trained and measured on "
                        "photographs only."
                    ),
                )
        submitted = st.form_submit_button(_("Freeze"), type="primary")
    if not submitted:
        return
    test = test_percent / 100
    with session.action():
        check_new_name(catalog, name.strip())
        refuse_twice(JobKind.FREEZE, lambda job: name.strip() in job.arguments)
        arguments = [
            *("dataset", "freeze", name.strip(), "--seed", str(int(seed))),
            *("--shares", *(f"{share:g}" for share in (1 - 2 * test, test, test))),
            *(["--with-rendered"] if with_rendered else []),
            *(["--free-only"] if free_only else []),
            f"--who={session.reviewer}",
        ]
        add_job(
            JobKind.FREEZE,
            N_("Freezing the version {name}").format(name=name.strip()),
            arguments,
        )
    st.rerun()


def _show_list(versions: Sequence[VersionSummary]) -> None:
    rows = [
        {
            _("name"): version.name,
            _("frozen"): date_and_time(version.created_at),
            _("photos"): sum(version.photos.values()),
            _("coins"): version.coins,
            **{_(str(split)): version.photos.get(split, 0) for split in Split},
            _("freely licensed only"): _("yes") if version.free_only else "",
            _("digest"): version.digest[:12],
            _("note"): translate(version.note),
        }
        for version in reversed(versions)
    ]
    short = st.column_config.TextColumn(width="medium")  # below, it is shown whole
    show_table(rows, column_config={_("note"): short})


def _is_small(versions: Sequence[VersionSummary], *names: str) -> bool:
    return all(
        sum(version.photos.values()) <= _MAX_UNASKED
        for version in versions
        if version.name in names
    )


def _show_version(
    session: DatasetSession, catalog: Catalog, versions: Sequence[VersionSummary]
) -> None:
    notes = {version.name: version.note for version in reversed(versions)}
    if st.session_state.get("version_shown") not in notes:
        st.session_state["version_shown"] = next(iter(notes))
    name = st.selectbox(
        _("Look closer at"),
        list(notes),
        key="version_shown",
        persist_state="session",
        width=320,
    )
    if notes[name]:
        st.text(translate(notes[name]))
    result = cached_task(
        session,
        lambda progress: _find_leaks(catalog, name, progress),
        is_short=_is_small(versions, name),
        key=("leaks", name),
        label=_("Check it for leaks"),
    )
    if result is None:
        return
    version, found = result
    for warning in version.warnings:
        st.warning(as_text(translate(warning)), icon=":material/warning:")
    left, right = st.columns(2, gap="large")
    with left:
        show_table(
            {
                _("ruler"): ruler_title(ruler),
                **{_(str(split)): counts[split] for split in Split},
                _("coins"): version.coins[ruler],
            }
            for ruler, counts in version.counts.items()
        )
    with right:
        _show_leaks(session, catalog, version, found)


def _find_leaks(
    catalog: Catalog, name: str, progress: ProgressCallback
) -> tuple[Version, tuple[Leak, ...]]:
    progress(0, 0)
    version = load_version(catalog, name)
    return version, find_leaks(version, progress)


def _show_leaks(
    session: DatasetSession, catalog: Catalog, version: Version, found: tuple[Leak, ...]
) -> None:
    """Coins in two splits: by their groups and, on request, by similar pictures."""
    similar: dict[str, tuple[Leak, ...]] = st.session_state.setdefault(
        "similar_pictures", {}
    )
    if st.button(
        _("Compare the pictures too"),
        type="tertiary",
        icon=":material/compare:",
        help=_(
            "Compares the pictures of different splits and finds cropped copies "
            "that are not grouped."
        ),
    ):
        start_task(
            session,
            BackgroundTask(
                title=_("Comparing the pictures"),
                function=lambda progress: find_visual_leaks(catalog, version, progress),
                on_done=lambda pairs: similar.update({version.digest: pairs}),
                stopped_notice=_("Stopped before all pictures were compared."),
            ),
        )
        st.rerun()
    pairs = {(leak.first.sha256, leak.second.sha256) for leak in found}
    found += tuple(
        leak
        for leak in similar.get(version.digest, ())
        if (leak.first.sha256, leak.second.sha256) not in pairs
    )
    if not found:
        compared = version.digest in similar
        st.success(
            _(
                "No leak: no coin appears in more than one split, and no two pictures "
                "are the same."
            )
            if compared
            else _("No leak: no coin appears in more than one split."),
            icon=":material/check:",
        )
        return
    show_error(
        ngettext(
            "{count} leak: a coin is both trained on and measured on. Group its photos "
            "as one coin, then freeze a new version.",
            "{count} leaks: coins are both trained on and measured on. Group their "
            "photos as one coin, then freeze a new version.",
            len(found),
        ).format(count=len(found))
    )
    show_table(
        {
            _("photo"): leak.first.photo_id,
            _("split"): _(str(leak.first.split)),
            _("and photo"): leak.second.photo_id,
            _("its split"): _(str(leak.second.split)),
            _("reason"): _(_LEAK_REASONS.get(leak.why, leak.why)),
        }
        for leak in found[:_MAX_ROWS]
    )


def _show_comparison(
    session: DatasetSession, catalog: Catalog, versions: Sequence[VersionSummary]
) -> None:
    st.header(_("Compare two versions"), anchor=False)
    names = [version.name for version in versions]
    with st.container(horizontal=True):
        first = st.selectbox(
            _("From"),
            names,
            index=len(names) - 2,
            key="compare_first",
            persist_state="session",
            width=260,
        )
        second = st.selectbox(
            _("To"),
            names,
            index=len(names) - 1,
            key="compare_second",
            persist_state="session",
            width=260,
        )
    comparison = cached_task(
        session,
        lambda progress: _compare(catalog, first, second, progress),
        is_short=_is_small(versions, first, second),
        key=("differences", first, second),
        label=_("Compare these two"),
    )
    if comparison is None:
        return
    if comparison.identical:
        st.success(_("Nothing differs."), icon=":material/check:")
        return
    counts = {
        _("the same in both"): comparison.same,
        _("only in {version}").format(version=second): len(comparison.added),
        _("only in {version}").format(version=first): len(comparison.removed),
        _("another ruler"): len(comparison.relabelled),
        _("another split"): len(comparison.moved),
        _("cropped differently"): len(comparison.recropped),
        _("grouped differently"): len(comparison.regrouped),
    }
    show_table(
        [{_("what"): title, _("photos"): count} for title, count in counts.items()],
        width="content",
    )
    if comparison.relabelled:
        with st.expander(
            _("Another ruler: {count}").format(count=len(comparison.relabelled))
        ):
            show_table(
                {
                    "sha256": change.sha256[:16],
                    _("before"): ruler_title(change.before),
                    _("after"): ruler_title(change.after),
                }
                for change in comparison.relabelled[:_MAX_ROWS]
            )
    if comparison.contaminated:
        st.warning(
            as_text(
                _(
                    "{count} test photos of {second} show coins that {first} is "
                    "trained on: do not measure a model of {first} on them."
                ).format(count=len(comparison.contaminated), second=second, first=first)
            ),
            icon=":material/warning:",
        )


def _compare(
    catalog: Catalog, first: str, second: str, progress: ProgressCallback
) -> Comparison:
    progress(0, 0)
    before = load_version(catalog, first)
    progress(0, 0)
    return compare_versions(before, load_version(catalog, second))
