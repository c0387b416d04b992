"""Add a dataset of rendered coins to try everything on, or remove it."""

from __future__ import annotations

import argparse
import sys

from coin_core.cli import arguments
from coin_core.cli.import_photos import follow_import


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `demo`."""
    add = parser.add_argument
    add("--remove", action="store_true", help="remove all rendered photos")
    add("--count", type=arguments.count, default=300, help="default 300")
    add("--seed", type=arguments.seed, default=2026, help="default 2026")


def run(options: argparse.Namespace) -> int:
    """Render the demo dataset into the catalog, or remove it."""
    from coin_core.catalog import open_catalog
    from coin_core.catalog.importing.ingest import make_demo, remove_demo

    catalog = open_catalog()
    if options.remove:
        removed = remove_demo(catalog)
        sys.stderr.write(f"{removed} rendered photos were removed.\n")
        return 0
    return follow_import(catalog, make_demo(catalog, options.count, seed=options.seed))
