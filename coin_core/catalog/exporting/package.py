"""An export as one file, made by a job: arguments VERSION FORM FREE_ONLY KEEP_NOTES."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from coin_core import jobs
from coin_core.catalog import open_catalog
from coin_core.catalog.exporting.writer import Exported, ExportForm, export
from coin_core.errors import CatalogError
from coin_core.i18n import N_

_ONE_FILE = (ExportForm.ZIP, ExportForm.CSV)


def start_export(
    *, version: str | None, form: str, free_only: bool, keep_notes: bool
) -> jobs.Job:
    """Export in a process of its own; the job's details name the file.

    Args:
        version: A frozen version; the dataset as it is if None.
        form: An `ExportForm`; folders are packed into a ZIP.
        free_only: Leave out what may not be passed on freely.
        keep_notes: Keep what the camera wrote into the photos.

    Raises:
        CoinError: The same is being exported.
    """
    title = N_("Exporting {photos} as {form}").format(
        photos=version or N_("all photos"), form=form
    )
    if free_only:
        title = N_("{title}, only freely licensed").format(title=title)
    if keep_notes:
        title = N_("{title}, with camera data").format(title=title)
    arguments = [version or "", form, str(free_only), str(keep_notes)]
    module = "coin_core.catalog.exporting.package"
    jobs.refuse_twice(
        jobs.JobKind.EXPORT, lambda job: job.arguments == tuple(arguments)
    )
    return jobs.add_job(jobs.JobKind.EXPORT, title, arguments, module=module)


def main(arguments: Sequence[str]) -> int:
    """Export into the folder of this process's job; returns 0."""
    version, form = arguments[0] or None, ExportForm(arguments[1])
    free_only, keep_notes = (value == "True" for value in arguments[2:4])
    folder = jobs.jobs_dir() / jobs.current_job_id()
    name = f"coins-{version or 'all'}{'-free' if free_only else ''}"
    is_file = form in _ONE_FILE
    out = folder / (f"{name}.{form}" if is_file else name)
    shutil.rmtree(folder / name, ignore_errors=True)  # of an interrupted export
    jobs.report_details(more_steps=not is_file)
    try:
        with jobs.Progress("exporting", unit="photo") as progress:
            done = export(
                open_catalog(),
                out,
                form=form,
                version=version,
                free_only=free_only,
                keep_notes=keep_notes,
                progress=progress.advance_to,
            )
        file = out if is_file else _pack(done, folder / f"{name}-{form}.zip")
    except OSError as error:
        raise CatalogError(
            f"The export could not be packed in {folder} "
            f"({error.strerror or error}). Make room there and prepare it again."
        ) from error
    jobs.report_details(
        file=file.name,
        photos=done.photos,
        left_out=list(done.left_out),
        bared=done.stripped,
    )
    return 0


def _pack(done: Exported, file: Path) -> Path:
    """Move an exported folder into a ZIP, file by file: the disk holds them once.

    If that fails, neither stays.
    """
    jobs.report_details(more_steps=False)
    paths = sorted(path for path in done.path.rglob("*") if path.is_file())
    try:
        with zipfile.ZipFile(file, "w") as archive:
            for path in jobs.track(paths, "packing", unit="file"):
                archive.write(path, path.relative_to(done.path.parent))
                path.unlink()
    except BaseException:  # also where it is stopped
        file.unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(done.path, ignore_errors=True)
    return file
