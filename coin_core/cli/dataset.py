"""`dataset`: freeze versions of the catalog, compare them, hand them on."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coin_core.catalog import Catalog
    from coin_core.catalog.versions import Comparison, Leak, Version, VersionSummary

_FORMS = ("imagefolder", "csv", "coco", "zip")
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verbs of `dataset`; nothing heavy is imported here."""
    verbs = parser.add_subparsers(
        title="verbs", metavar="VERB", required=True, dest="verb"
    )
    freeze = verbs.add_parser("freeze", help="freeze the labelled photos under a name")
    freeze.add_argument("name", metavar="NAME", help="such as spring-2026")
    freeze.add_argument("--seed", type=int, default=0, help="default 0")
    freeze.add_argument(
        "--shares",
        type=float,
        nargs=3,
        default=(0.7, 0.15, 0.15),
        metavar=("TRAIN", "VALIDATION", "TEST"),
        help="default 0.7 0.15 0.15",
    )
    _add_free(freeze)
    freeze.add_argument(
        "--with-rendered",
        action=argparse.BooleanOptionalAction,
        help="rendered demo coins too; by default only where there are no photographs",
    )
    freeze.add_argument("--who", metavar="NAME", default="", help="who freezes it")
    freeze.set_defaults(go=_freeze)

    listing = verbs.add_parser("list", help="list the versions")
    listing.set_defaults(go=_list)

    compare = verbs.add_parser("compare", help="how the second version differs")
    compare.add_argument("first", metavar="FIRST")
    compare.add_argument("second", metavar="SECOND")
    compare.set_defaults(go=_compare)

    leaks = verbs.add_parser(
        "leaks", help="coins in two splits of a version; 1 when there are some"
    )
    leaks.add_argument("name", metavar="NAME")
    leaks.add_argument(
        "--look",
        action="store_true",
        help="lay the pictures over each other too: finds cropped copies, takes longer",
    )
    leaks.set_defaults(go=_leaks)

    export = verbs.add_parser("export", help="write a version, or all, for others")
    export.add_argument("out", type=Path, metavar="OUT", help="a new folder, or a file")
    export.add_argument(
        "--form", choices=_FORMS, help="by default what the name OUT ends in says"
    )
    export.add_argument(
        "--version", metavar="NAME", help="the catalog as it stands if left"
    )
    _add_free(export)
    export.add_argument(
        "--keep-camera-notes",
        action="store_true",
        help="leave place (GPS), serial number and the like in the photos",
    )
    export.set_defaults(go=_export)
    for verb in (freeze, listing, compare, leaks, export):
        verb.add_argument("--json", action="store_true", help="as one JSON object")


def _add_free(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--free-only", action="store_true", help="only freely licensed photos"
    )


def run(given: argparse.Namespace) -> int:
    """Do what the verb says."""
    code: int = given.go(given)
    return code


def _freeze(given: argparse.Namespace) -> int:
    from coin_core.catalog import open_catalog
    from coin_core.catalog.versions import freeze

    version = freeze(
        open_catalog(),
        given.name,
        seed=given.seed,
        shares=given.shares,
        free_only=given.free_only,
        with_rendered=given.with_rendered,
        who=given.who,
    )
    for sentence in version.warnings:
        sys.stderr.write(f"{sentence}\n")
    if given.json:
        _write_json(_summary_json(version.summary()))
    else:
        sys.stdout.write(_counts_table(version) + "\n")
        sys.stdout.write(f"{version.note}\nsha256 {version.digest}\n")
        sys.stderr.write(
            f"Train on it: python -m coin_core train CLASSIFIER "
            f"--data catalog:{version.name}\n"
        )
    return 0


def _list(given: argparse.Namespace) -> int:
    from coin_core.catalog import open_catalog
    from coin_core.catalog.versions import list_versions

    versions = list_versions(open_catalog())
    if given.json:
        _write_json([_summary_json(version) for version in versions])
    elif not versions:
        sys.stderr.write(
            "No version yet. Freeze one: python -m coin_core dataset freeze NAME\n"
        )
    for version in () if given.json else versions:
        splits = " / ".join(str(count) for count in version.photos.values())
        sys.stdout.write(
            f"{version.name:<24} {version.created_at:%Y-%m-%d %H:%M}  "
            f"{sum(version.photos.values())} photos ({splits}) of {version.coins} "
            f"coins  {version.digest[:12]}{'  free' if version.free_only else ''}\n"
        )
    return 0


def _compare(given: argparse.Namespace) -> int:
    from coin_core.catalog import open_catalog
    from coin_core.catalog.versions import compare, load_version

    catalog = open_catalog()
    found = compare(
        load_version(catalog, given.first), load_version(catalog, given.second)
    )
    if given.json:
        _write_json(asdict(found))
    else:
        sys.stdout.write(_comparison_text(found) + "\n")
    return 0


def _leaks(given: argparse.Namespace) -> int:
    from coin_core.catalog import open_catalog
    from coin_core.catalog.versions import leaks, load_version

    catalog = open_catalog()
    version = load_version(catalog, given.name)
    found = leaks(version)
    if given.look:
        found += _lookalikes(catalog, version, found)
    if given.json:
        _write_json([_leak_json(leak) for leak in found])
    elif not found:
        sys.stdout.write(f"No coin of {given.name} lies in two splits.\n")
    else:
        for leak in found:
            sys.stdout.write(_leak_text(leak) + "\n")
        sys.stderr.write(
            f"{len(found)} pairs: what is measured on {given.name} is too good to be "
            "true. Group these coins on the Dataset page and freeze a new version.\n"
        )
    return 1 if found else 0


def _lookalikes(
    catalog: Catalog, version: Version, known: tuple[Leak, ...]
) -> tuple[Leak, ...]:
    """What the pictures show beyond what was known."""
    from tqdm import tqdm

    from coin_core.catalog.similarity import find_lookalikes

    with tqdm(desc="photos", unit="photo") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        seen = find_lookalikes(catalog, version, show)
    pairs = {(leak.first.sha256, leak.second.sha256) for leak in known}
    return tuple(x for x in seen if (x.first.sha256, x.second.sha256) not in pairs)


def _export(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from coin_core.catalog import open_catalog
    from coin_core.catalog.exporting.writer import export

    ending = given.out.suffix.lower().lstrip(".")
    form = given.form or (ending if ending in ("csv", "zip") else "imagefolder")
    with tqdm(desc="photos", unit="photo") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        done = export(
            open_catalog(),
            given.out,
            form=form,
            version=given.version,
            free_only=given.free_only,
            keep_notes=given.keep_camera_notes,
            progress=show,
        )
    for sentence in done.left_out:
        sys.stderr.write(f"{sentence}\n")
    if given.json:
        _write_json({**asdict(done), "path": str(done.path)})
    else:
        sys.stderr.write(f"{done.photos} photos are in {done.path}.\n")
        if done.bared and not given.keep_camera_notes:
            sys.stderr.write(
                f"{done.bared} of them went without what the camera had written into "
                "them, such as the place; --keep-camera-notes leaves it in.\n"
            )
    return 0


def _write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


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


def _comparison_text(found: Comparison) -> str:
    if found.identical:
        return f"{found.first} and {found.second} are the same."
    lines = [f"{found.second} against {found.first}: {found.same} photos unchanged"]
    for what, several in (
        ("added", found.added),
        ("removed", found.removed),
        ("with other faces", found.recropped),
        ("of another coin", found.regrouped),
    ):
        if several:
            lines.append(f"{len(several)} {what}")
    for what, changes in (("ruler", found.relabelled), ("split", found.moved)):
        if changes:
            lines.append(f"{len(changes)} with another {what}:")
            lines += [
                f"  {change.sha256[:12]}  {change.before} -> {change.after}"
                for change in changes[:_SHOWN]
            ]
            if len(changes) > _SHOWN:
                lines.append(f"  and {len(changes) - _SHOWN} more")
    if found.contaminated:
        lines.append(
            f"{len(found.contaminated)} test photos show coins that {found.first} "
            f"learnt from: measure no model of {found.first} on {found.second}."
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
                "coin_id": item.coin_now or item.coin_id,
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
