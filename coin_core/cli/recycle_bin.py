"""List what was deleted, restore it, or empty the bin."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from coin_core.cli.arguments import add_json
from coin_core.cli.output import write_json
from coin_core.errors import WrongUseError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `bin`."""
    add = parser.add_argument
    add(
        "action",
        nargs="?",
        choices=("list", "restore", "empty"),
        default="list",
        help="default list",
    )
    add("item", nargs="?", metavar="ITEM", help="what to restore, as listed")
    add_json(parser, "the list as one line of JSON")


def run(options: argparse.Namespace) -> int:
    """Perform the action."""
    from coin_core import recycle_bin

    if options.action != "restore" and options.item is not None:
        raise WrongUseError(
            f"bin {options.action} is for all that is in the bin; it takes no ITEM."
        )
    if options.action == "restore" and options.item is None:
        raise WrongUseError(
            "Name what to restore: python -m coin_core bin restore ITEM"
        )
    if options.action == "restore":
        sys.stderr.write(f"Restored: {_restore(options.item)}\n")
    elif options.action == "empty":
        sys.stderr.write(f"{recycle_bin.empty_bin()} deleted for good.\n")
    elif options.json:
        write_json([asdict(item) for item in recycle_bin.list_bin()])
    else:
        for item in recycle_bin.list_bin():
            sys.stdout.write(f"{item.item_id}  {item.at}  {item.path}\n")
    return 0


def _restore(item_id: str) -> str:
    """Restore a file or folder, or removed photos; returns what that was."""
    from coin_core import recycle_bin
    from coin_core.catalog import open_catalog
    from coin_core.catalog.removed import list_removed, restore_photos

    if item_id in (item.item_id for item in list_removed()):
        return f"{restore_photos(open_catalog(), item_id)} photos"
    if item_id not in (item.item_id for item in recycle_bin.list_bin()):
        raise WrongUseError(
            f"The bin holds no {item_id!r}; it may have been emptied. This lists what "
            "it holds: python -m coin_core bin"
        )
    return str(recycle_bin.restore(item_id))
