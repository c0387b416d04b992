"""Data set versions: freeze, list, compare, look for leaks.

What takes long with many photos runs beside the page, on request.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from coin_core.catalog import Catalog
from coin_core.catalog.splits import Split
from coin_core.catalog.versions import (
    Comparison,
    Leak,
    Version,
    VersionSummary,
    compare,
    freeze,
    leaks,
    list_versions,
    load_version,
)
from ui.background_task import BackgroundTask, Tell, begin, cached_task
from ui.dataset.export_panel import offer_export
from ui.dataset.formatting import ruler_title
from ui.dataset.session import DatasetSession, ask_reviewer

_WHY = {
    "same_coin": "the same coin",
    "same_coin_now": "grouped as one coin since",
    "same_picture": "the pictures look the same",
}
_SHOWN = 200
_AT_ONCE = 5000  # photos of a version that is looked through unasked


def show_versions(session: DatasetSession, catalog: Catalog) -> None:
    """The whole panel."""
    frozen = list_versions(catalog)
    st.header("Freeze a data set", anchor=False)
    st.markdown(
        "A version is the photos, labels and crops as they stand now, divided by coin "
        "into training, validation and test. It never changes; the classifiers are "
        "trained on it with"
    )
    st.code(
        "python -m coin_core train resnet --data catalog:"
        + (frozen[-1].name if frozen else "NAME"),
        language=None,
    )
    if ask_reviewer(session, "to stand in the version's note:"):
        _offer_freezing(session, catalog)
    if frozen:
        st.header("Versions", anchor=False)
        _list(frozen)
        _look_closer(session, catalog, frozen)
        if len(frozen) > 1:
            _offer_comparison(session, catalog, frozen)
    st.header("Export", anchor=False)
    offer_export(session, catalog, frozen)


def _offer_freezing(session: DatasetSession, catalog: Catalog) -> None:
    with st.form("freeze", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                "Name", placeholder="e.g. spring-2026", max_chars=64, width=240
            )
            seed = st.number_input(
                "Seed", 0, 10**6, 0, step=1, width=110, help="Fixes the division."
            )
            test = st.slider(
                "Test, and as much for validation", 5, 40, 15, format="%d %%", width=230
            )
            free_only = st.checkbox("Only freely licensed")
        asked = st.form_submit_button("Freeze", type="primary")
    if not asked:
        return
    share, who = test / 100, session.reviewer

    def say(made: Version) -> None:
        session.notice = f"Frozen: {made.name}, {len(made.items):,} photos"
        st.session_state["version_shown"] = made.name

    begin(
        session,
        BackgroundTask(
            title="Freezing",
            job=lambda tell: freeze(
                catalog,
                name.strip(),
                seed=int(seed),
                shares=(1 - 2 * share, share, share),
                free_only=free_only,
                who=who,
                progress=tell,
            ),
            then=say,
            if_stopped="Stopped; nothing was frozen.",
        ),
    )
    st.rerun()


def _list(frozen: tuple[VersionSummary, ...]) -> None:
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "name": v.name,
                    "frozen": f"{v.created_at:%Y-%m-%d %H:%M}",
                    "photos": sum(v.photos.values()),
                    "coins": v.coins,
                    **{str(split): v.photos.get(split, 0) for split in Split},
                    "free only": "yes" if v.free_only else "",
                    "digest": v.digest[:12],
                    "note": v.note,
                }
                for v in reversed(frozen)
            ]
        ),
        hide_index=True,
        placeholder="",
    )


def _look_closer(
    session: DatasetSession, catalog: Catalog, frozen: tuple[VersionSummary, ...]
) -> None:
    names = [v.name for v in reversed(frozen)]
    if st.session_state.get("version_shown") not in names:
        st.session_state["version_shown"] = names[0]
    name = st.selectbox("Look closer at", names, key="version_shown", width=320)
    if note := frozen[-1 - names.index(name)].note:
        st.text(note)
    looked = cached_task(
        session,
        at_once=_is_small(frozen, name),
        key=("leaks", name),
        label="Look through it for leaks",
        job=lambda tell: _look_through(catalog, name, tell),
    )
    if looked is None:
        return
    version, found = looked
    for warning in version.warnings:
        ruler = next((r for r in version.rulers if warning.startswith(r)), "")
        words = f"{ruler_title(ruler)}{warning[len(ruler) :]}" if ruler else warning
        st.warning(words, icon=":material/warning:")
    left, right = st.columns(2, gap="large")
    with left:
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "ruler": ruler_title(ruler),
                        **{str(split): counts[split] for split in Split},
                        "coins": version.coins[ruler],
                    }
                    for ruler, counts in version.counts.items()
                ]
            ),
            hide_index=True,
        )
    with right:
        _show_leaks(session, catalog, version, found)


def _is_small(frozen: tuple[VersionSummary, ...], *names: str) -> bool:
    return all(sum(v.photos.values()) <= _AT_ONCE for v in frozen if v.name in names)


def _look_through(
    catalog: Catalog, name: str, tell: Tell
) -> tuple[Version, tuple[Leak, ...]]:
    tell(0, 0)
    version = load_version(catalog, name)
    return version, leaks(version, tell)


def _show_leaks(
    session: DatasetSession, catalog: Catalog, version: Version, found: tuple[Leak, ...]
) -> None:
    """Coins in two parts: those known, and on request those that only look alike."""
    seen: dict[str, tuple[Leak, ...]] = st.session_state.setdefault("lookalikes", {})
    if st.button(
        "Compare the pictures too",
        type="tertiary",
        icon=":material/compare:",
        help="Lays the pictures of different parts over each other: finds copies that "
        "were cropped and that nobody has grouped.",
    ):
        from coin_core.catalog.similarity import find_lookalikes

        begin(
            session,
            BackgroundTask(
                title="Comparing the pictures",
                job=lambda tell: find_lookalikes(catalog, version, tell),
                then=lambda pairs: seen.update({version.digest: pairs}),
                if_stopped="Stopped; the pictures were not all compared.",
            ),
        )
        st.rerun()
    looked = version.digest in seen
    pairs = {(leak.first.sha256, leak.second.sha256) for leak in found}
    found += tuple(
        leak
        for leak in seen.get(version.digest, ())
        if (leak.first.sha256, leak.second.sha256) not in pairs
    )
    if not found:
        st.success(
            "No leak: no coin stands in two of its parts"
            + (", and no two pictures are the same." if looked else "."),
            icon=":material/check:",
        )
        return
    st.error(
        f"{len(found)} leaks: coins that are learnt from and measured on. "
        "Group their photos as one coin, then freeze anew.",
        icon=":material/error:",
    )
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "photo": leak.first.photo_id,
                    "in": str(leak.first.split),
                    "and photo": leak.second.photo_id,
                    "in ": str(leak.second.split),
                    "because": _WHY.get(leak.why, leak.why),
                }
                for leak in found[:_SHOWN]
            ]
        ),
        hide_index=True,
    )


def _offer_comparison(
    session: DatasetSession, catalog: Catalog, frozen: tuple[VersionSummary, ...]
) -> None:
    st.header("Compare two versions", anchor=False)
    names = [v.name for v in frozen]
    with st.container(horizontal=True):
        first = st.selectbox(
            "From", names, index=len(names) - 2, key="compare_first", width=260
        )
        second = st.selectbox(
            "To", names, index=len(names) - 1, key="compare_second", width=260
        )
    found = cached_task(
        session,
        at_once=_is_small(frozen, first, second),
        key=("differences", first, second),
        label="Compare these two",
        job=lambda tell: _compare(catalog, first, second, tell),
    )
    if found is None:
        return
    if found.identical:
        st.success("Nothing differs.", icon=":material/check:")
        return
    st.dataframe(
        pd.DataFrame(
            [
                {"what": what, "photos": count}
                for what, count in {
                    "the same in both": found.same,
                    f"only in {second}": len(found.added),
                    f"only in {first}": len(found.removed),
                    "another ruler": len(found.relabelled),
                    "another part": len(found.moved),
                    "cropped otherwise": len(found.recropped),
                    "grouped otherwise": len(found.regrouped),
                }.items()
            ]
        ),
        hide_index=True,
        width="content",
    )
    if found.relabelled:
        with st.expander(f"Another ruler: {len(found.relabelled)}"):
            st.dataframe(
                pd.DataFrame(
                    [
                        {
                            "sha256": change.sha256[:16],
                            "was": ruler_title(change.before),
                            "is": ruler_title(change.after),
                        }
                        for change in found.relabelled[:_SHOWN]
                    ]
                ),
                hide_index=True,
            )
    if found.contaminated:
        st.warning(
            f"{len(found.contaminated)} test photos of {second} show coins that "
            f"{first} learns from: do not measure a model of {first} on them.",
            icon=":material/warning:",
        )


def _compare(catalog: Catalog, first: str, second: str, tell: Tell) -> Comparison:
    tell(0, 0)
    before = load_version(catalog, first)
    tell(0, 0)
    return compare(before, load_version(catalog, second))
