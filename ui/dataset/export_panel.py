"""Handing a data set on: what, in which form, packed beside the page, downloaded."""

from __future__ import annotations

import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from coin_core.catalog import Catalog
from coin_core.catalog.versions import VersionSummary
from coin_core.errors import CatalogError
from coin_core.model_store.bundle import data_dir
from ui.background_task import BackgroundTask, Tell, begin
from ui.dataset.session import DatasetSession

if TYPE_CHECKING:
    from coin_core.catalog.exporting.writer import Exported

_FORMS = {
    "zip": "ZIP: photos and table",
    "imagefolder": "ImageFolder: one folder per ruler",
    "csv": "CSV table alone",
    "coco": "COCO annotations with photos",
}
_SHOWN = 200
_MOST_MB = 1024  # a download is held in memory
_KEPT_S = 24 * 3600.0


def offer_export(
    session: DatasetSession, catalog: Catalog, frozen: tuple[VersionSummary, ...]
) -> None:
    """What to export and how; then its packing, and the download."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.selectbox(
            "What",
            [None, *(v.name for v in reversed(frozen))],
            format_func=lambda n: "all photos as they are now" if n is None else n,
            key="export_version",
            width=250,
        )
        form = st.selectbox(
            "As",
            list(_FORMS),
            format_func=_FORMS.__getitem__,
            key="export_form",
            width=280,
        )
        free_only = st.checkbox(
            "Only freely licensed",
            key="export_free",
            help="Leaves out photos whose licence does not let anybody pass them on.",
        )
    keep_notes = st.checkbox(
        "Leave in the photos what the camera wrote: place (GPS), serial number, owner",
        key="export_notes",
        help="Taken out by default, so that no find spot is published unawares. The "
        "originals in the collection keep it in any case.",
    )
    st.caption(
        "With the photos goes an attribution file: source, licence and credit of each."
    )
    asked = (which, form, free_only, keep_notes)
    if st.button("Prepare the export", key="export_prepare"):
        _throw_away(st.session_state.pop("export_ready", None))

        def lay_out(parcel: tuple[Path, Exported]) -> None:
            st.session_state["export_ready"] = (asked, *parcel)

        begin(
            session,
            BackgroundTask(
                title="Exporting",
                job=lambda tell: _pack(
                    catalog, which, str(form), free_only, keep_notes, tell
                ),
                then=lay_out,
                if_stopped="Stopped; nothing was exported.",
            ),
        )
        st.rerun()
    ready = st.session_state.get("export_ready")
    if ready and ready[0] == asked and ready[1].exists():
        _show_parcel(*ready[1:])


def _show_parcel(path: Path, done: Exported) -> None:
    """What was packed, what was left out of it, and the download."""
    said = [f"{done.photos:,} photo{'s' * (done.photos != 1)}."]
    if done.bared:
        said.append(f"What the camera wrote was taken out of {done.bared:,} of them.")
    st.text(" ".join(said))
    if done.left_out:
        with st.expander(f"Left out: {len(done.left_out)}"):
            for sentence in done.left_out[:_SHOWN]:
                st.text(sentence)
    size_mb = path.stat().st_size / 2**20
    if size_mb > _MOST_MB:
        st.text(
            f"It is {size_mb / 1024:.1f} GB, too large to go through the browser. It "
            f"lies for a day in {path}"
        )
        return
    st.download_button(
        f"Download {path.name} ({size_mb:.1f} MB)",
        data=path.read_bytes,
        file_name=path.name,
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )


def _new_folder() -> Path:
    """A place for a parcel; those that nobody has fetched for a day make room."""
    place = data_dir() / "cache" / "exports"
    place.mkdir(parents=True, exist_ok=True)
    for old in place.iterdir():
        if time.time() - old.stat().st_mtime > _KEPT_S:
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix="coins-", dir=place))


def _no_room(error: OSError) -> CatalogError:
    return CatalogError(
        f"The export could not be packed in {data_dir() / 'cache'} "
        f"({error.strerror or error}). Make room there and prepare it again."
    )


def _throw_away(ready: tuple[object, Path, Exported] | None) -> None:
    """The last parcel makes room for the next."""
    if ready:
        shutil.rmtree(ready[1].parent, ignore_errors=True)


def _pack(
    catalog: Catalog,
    version: str | None,
    form: str,
    free_only: bool,
    keep_notes: bool,
    tell: Tell,
) -> tuple[Path, Exported]:
    """Export into a folder of its own and make one file of it."""
    from coin_core.catalog.exporting.writer import export

    try:
        folder = _new_folder()
    except OSError as error:
        raise _no_room(error) from error
    name = f"coins-{version or 'all'}{'-free' if free_only else ''}"
    packed = form in ("zip", "csv")
    try:
        done = export(
            catalog,
            folder / (f"{name}.{form}" if packed else name),
            form=form,
            version=version,
            free_only=free_only,
            keep_notes=keep_notes,
            progress=tell,
        )
        if packed:
            return done.path, done
        file = folder / f"{name}-{form}.zip"
        _make_one_file(done, file, tell)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _no_room(error) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return file, done


def _make_one_file(done: Exported, file: Path, tell: Tell) -> None:
    """Move an exported folder into a ZIP, file by file: the disk holds them once."""
    paths = sorted(path for path in done.path.rglob("*") if path.is_file())
    with zipfile.ZipFile(file, "w") as archive:
        for at, path in enumerate(paths):
            archive.write(path, path.relative_to(done.path.parent))
            path.unlink()
            tell(min(at, done.photos), done.photos)
    shutil.rmtree(done.path)
