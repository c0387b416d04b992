"""Freeze, compare and export versions of the dataset; check and restore it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coin_core.access import operator
from coin_core.cli.arguments import add_json, seed
from coin_core.cli.output import write_json
from coin_core.errors import WrongUseError

if TYPE_CHECKING:
    from coin_core.catalog import Catalog
    from coin_core.catalog.versions import Comparison, Leak, Version, VersionSummary

_FORMATS = ("imagefolder", "csv", "coco", "zip")
_FILES = ("csv", "zip")
_OTHER_FILES = ("tar", "gz", "tgz", "bz2", "xz", "7z", "rar", "json", "xlsx", "txt")
_MAX_CHANGES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `dataset` and their arguments."""
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", required=True, dest="action"
    )
    freeze = actions.add_parser("freeze", help="freeze the labelled photos by a name")
    freeze.add_argument("name", metavar="NAME", help="such as spring-2026")
    freeze.add_argument("--seed", type=seed, default=0, help="default 0")
    freeze.add_argument(
        "--shares",
        type=float,
        nargs=3,
        default=(0.7, 0.15, 0.15),
        metavar=("TRAIN", "VALIDATION", "TEST"),
        help="default 0.7 0.15 0.15",
    )
    _add_free_only(freeze)
    freeze.add_argument(
        "--with-rendered",
        action=argparse.BooleanOptionalAction,
        help="also rendered demo coins; by default only if there are no photos",
    )
    freeze.add_argument("--who", metavar="NAME", help="who freezes it; you by default")
    freeze.set_defaults(perform=_freeze)

    list_ = actions.add_parser("list", help="list the versions")
    list_.set_defaults(perform=_list)

    compare = actions.add_parser("compare", help="show what changed between versions")
    compare.add_argument("first", metavar="FIRST")
    compare.add_argument("second", metavar="SECOND")
    compare.set_defaults(perform=_compare)

    leaks = actions.add_parser(
        "leaks", help="find coins in two splits of a version; exit code 1 if any"
    )
    leaks.add_argument("name", metavar="NAME")
    leaks.add_argument(
        "--look",
        action="store_true",
        help="also compare the images: finds cropped copies, takes longer",
    )
    leaks.set_defaults(perform=_leaks)

    export = actions.add_parser("export", help="export the dataset or a version of it")
    export.add_argument("out", type=Path, metavar="OUT", help="a new folder, or a file")
    export.add_argument(
        "--form", choices=_FORMATS, help="by default from the ending of OUT"
    )
    export.add_argument(
        "--version", metavar="NAME", help="default: the current dataset"
    )
    _add_free_only(export)
    export.add_argument(
        "--keep-camera-notes",
        action="store_true",
        help="keep place (GPS), serial number and other metadata in the photos",
    )
    export.set_defaults(perform=_export)
    for action in (freeze, list_, compare, leaks, export):
        add_json(action, "the result as one line of JSON")

    check = actions.add_parser(
        "check", help="find damaged rows and photos; exit code 1 if any"
    )
    check.add_argument(
        "--digests", action="store_true", help="also read every photo; takes longer"
    )
    check.set_defaults(perform=_check)

    backup = actions.add_parser(
        "backup", help="copy what is new in the data folder to a folder elsewhere"
    )
    backup.add_argument("out", type=Path, metavar="FOLDER")
    backup.set_defaults(unopened=_back_up)

    restore = actions.add_parser(
        "restore", help="put a backup in the place of a lost or damaged dataset"
    )
    restore.add_argument(
        "backup", nargs="?", type=Path, metavar="FILE", help="default: the newest"
    )
    restore.set_defaults(unopened=_restore)


def _add_free_only(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--free-only", action="store_true", help="only freely licensed photos"
    )


def run(options: argparse.Namespace) -> int:
    """Perform one action; return 1 if `leaks` or `check` finds any."""
    from coin_core.catalog import open_catalog

    if "unopened" in options:
        code: int = options.unopened(options)
    else:
        code = options.perform(options, open_catalog())
    return code


def _freeze(options: argparse.Namespace, catalog: Catalog) -> int:
    from coin_core.catalog.versions import freeze
    from coin_core.jobs import Progress, report_details

    with Progress("comparing the photos", unit="photo") as bar:
        version = freeze(
            catalog,
            options.name,
            seed=options.seed,
            fractions=options.shares,
            free_only=options.free_only,
            with_rendered=options.with_rendered,
            who=options.who or operator().name,
            progress=bar.advance_to,
        )
    photos, coins = len(version.items), sum(version.coins.values())
    report_details(version=version.name, photos=photos, coins=coins, note=version.note)
    for sentence in version.warnings:
        sys.stderr.write(f"{sentence}\n")
    if options.json:
        write_json(_summary_json(version.summary()))
    else:
        sys.stdout.write(_counts_table(version) + "\n")
        sys.stdout.write(f"{version.note}\nsha256 {version.digest}\n")
        sys.stderr.write(
            f"Train on it: python -m coin_core train CLASSIFIER "
            f"--data catalog:{version.name}\n"
        )
    return 0


def _list(options: argparse.Namespace, catalog: Catalog) -> int:
    from coin_core.catalog.versions import list_versions

    versions = list_versions(catalog)
    if options.json:
        write_json([_summary_json(version) for version in versions])
        return 0
    if not versions:
        sys.stderr.write(
            "No version yet. Freeze one: python -m coin_core dataset freeze NAME\n"
        )
    for version in versions:
        splits = " / ".join(str(count) for count in version.photos.values())
        sys.stdout.write(
            f"{version.name:<24} {version.created_at:%Y-%m-%d %H:%M}  "
            f"{sum(version.photos.values())} photos ({splits}) of {version.coins} "
            f"coins  {version.digest[:12]}{'  free' if version.free_only else ''}\n"
        )
    return 0


def _compare(options: argparse.Namespace, catalog: Catalog) -> int:
    from coin_core.catalog.versions import compare_versions, load_version

    first, second = (
        load_version(catalog, name) for name in (options.first, options.second)
    )
    comparison = compare_versions(first, second)
    if options.json:
        write_json(asdict(comparison))
    else:
        sys.stdout.write(_comparison_text(comparison) + "\n")
    return 0


def _leaks(options: argparse.Namespace, catalog: Catalog) -> int:
    from coin_core.catalog.versions import find_leaks, load_version

    version = load_version(catalog, options.name)
    found = find_leaks(version)
    if options.look:
        found += _similar_photos(catalog, version, known=found)
    if options.json:
        write_json([_leak_json(leak) for leak in found])
    elif not found:
        sys.stdout.write(f"No coin of {options.name} is in two splits.\n")
    else:
        for leak in found:
            sys.stdout.write(_leak_text(leak) + "\n")
        sys.stderr.write(
            f"{len(found)} pairs: figures measured on {options.name} are too good to "
            "be true. Group these coins on the Dataset page and freeze a new version.\n"
        )
    return 1 if found else 0


def _similar_photos(
    catalog: Catalog, version: Version, known: tuple[Leak, ...]
) -> tuple[Leak, ...]:
    from coin_core.catalog.versions import find_visual_leaks
    from coin_core.jobs import Progress

    with Progress("photos", unit="photo") as bar:
        found = find_visual_leaks(catalog, version, bar.advance_to)
    pairs = {(leak.first.sha256, leak.second.sha256) for leak in known}
    return tuple(x for x in found if (x.first.sha256, x.second.sha256) not in pairs)


def _export(options: argparse.Namespace, catalog: Catalog) -> int:
    from coin_core.catalog.exporting.writer import export
    from coin_core.jobs import Progress

    form = _form(options.out, options.form)
    with Progress("photos", unit="photo") as bar:
        result = export(
            catalog,
            options.out,
            form=form,
            version=options.version,
            free_only=options.free_only,
            keep_notes=options.keep_camera_notes,
            progress=bar.advance_to,
        )
    for sentence in result.left_out:
        sys.stderr.write(f"{sentence}\n")
    if options.json:
        write_json({**asdict(result), "path": str(result.path)})
        return 0
    sys.stderr.write(f"{result.photos} photos are in {result.path}.\n")
    if result.stripped and not options.keep_camera_notes:
        sys.stderr.write(
            f"Camera metadata, such as the place, was removed from {result.stripped} "
            "of them; --keep-camera-notes keeps it.\n"
        )
    return 0


def _form(out: Path, form: str | None) -> str:
    """The form of an export, as given or by the ending of OUT.

    Raises:
        WrongUseError: The ending contradicts it, or is that of another kind of file.
    """
    ending = out.suffix.lower().lstrip(".")
    if ending in _FILES and form in (None, ending):
        return ending
    if ending in (*_FILES, *_OTHER_FILES):
        what = f"--form {form} writes no" if form else "an export is no"
        raise WrongUseError(
            f"{out}: {what} .{ending} file. Name a new folder, or a file that ends in "
            ".csv or .zip."
        )
    return form or "imagefolder"


def _check(options: argparse.Namespace, catalog: Catalog) -> int:
    problems = catalog.check(digests=options.digests)
    for problem in problems:
        sys.stdout.write(f"{problem.sentence}\n")
    if not problems:
        sys.stdout.write("The dataset is whole.\n")
    return 1 if problems else 0


def _back_up(options: argparse.Namespace) -> int:
    from coin_core.catalog.backups import copy_folder
    from coin_core.object_store import shared_store

    copied, missing = copy_folder(_file("back it up"), options.out.resolve())
    sys.stderr.write(
        f"The dataset is in {options.out}, with {copied} new or changed files.\n"
    )
    if (store := shared_store()) is not None:
        sys.stderr.write(f"Its photos stay in {store.address('photos')} alone.\n")
    if missing:
        sys.stderr.write(
            f"{missing} of its photos are missing, in the data folder too; `python -m "
            "coin_core dataset check` names them.\n"
        )
    return 0


def _file(what: str) -> Path:
    """The catalog's file.

    Raises:
        CatalogError: It has none.
    """
    from coin_core.catalog.database import catalog_file
    from coin_core.errors import CatalogError

    path = catalog_file()
    if path is None:
        raise CatalogError(
            f"The dataset is on PostgreSQL: {what} by PostgreSQL's own tools."
        )
    return path


def _restore(options: argparse.Namespace) -> int:
    from coin_core.catalog import open_catalog
    from coin_core.catalog.backups import restore

    copy, aside = restore(_file("restore it"), options.backup)
    sys.stderr.write(f"The dataset is as it was in {copy}.\n")
    if aside is not None:
        sys.stderr.write(f"What was there before is now {aside}.\n")
    sys.stderr.write("Restart the program if it is running.\n")
    return _check(argparse.Namespace(digests=False), open_catalog())


def _summary_json(version: VersionSummary) -> dict[str, Any]:
    return {**asdict(version), "created_at": version.created_at.isoformat()}


def _counts_table(version: Version) -> str:
    lines = [f"{'photos':<24}{'train':>8}{'validation':>12}{'test':>8}{'coins':>8}"]
    for ruler, splits in version.counts.items():
        train, validation, test = splits.values()
        lines.append(
            f"{ruler:<24}{train:>8}{validation:>12}{test:>8}{version.coins[ruler]:>8}"
        )
    return "\n".join(lines)


def _comparison_text(result: Comparison) -> str:
    if result.identical:
        return f"{result.first} and {result.second} are the same."
    lines = [f"{result.second} against {result.first}: {result.same} photos unchanged"]
    for text, photos in (
        ("added", result.added),
        ("removed", result.removed),
        ("with other faces", result.recropped),
        ("of another coin", result.regrouped),
    ):
        if photos:
            lines.append(f"{len(photos)} {text}")
    for text, changes in (("ruler", result.relabelled), ("split", result.moved)):
        if changes:
            lines.append(f"{len(changes)} with another {text}:")
            lines += [
                f"  {change.sha256[:12]}  {change.before} -> {change.after}"
                for change in changes[:_MAX_CHANGES]
            ]
            if len(changes) > _MAX_CHANGES:
                lines.append(f"  and {len(changes) - _MAX_CHANGES} more")
    if result.contaminated:
        lines.append(
            f"{len(result.contaminated)} test photos show training coins of "
            f"{result.first}: do not measure a model of {result.first} on "
            f"{result.second}."
        )
    return "\n".join(lines)


def _leak_json(leak: Leak) -> dict[str, Any]:
    return {
        "why": leak.why,
        "bits": leak.bits,
        "photos": [
            {
                "photo_id": item.photo_id,
                "sha256": item.sha256,
                "coin_id": item.current_coin_id or item.coin_id,
                "split": str(item.split),
                "ruler": item.label,
            }
            for item in (leak.first, leak.second)
        ],
    }


def _leak_text(leak: Leak) -> str:
    why = {
        "same_coin": "show the same coin",
        "same_coin_now": "show the same coin, as was found since",
        "same_picture": f"look the same ({leak.bits} bits apart)",
    }[leak.why]
    return (
        f"photo {leak.first.photo_id} ({leak.first.split}) and photo "
        f"{leak.second.photo_id} ({leak.second.split}) {why}"
    )
