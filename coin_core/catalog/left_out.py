"""Listings that a scrape left out, with the reason, so that a person can take them.

Each scrape has a file of JSON lines in the folder of imports. Photos that were saved
with a page are kept beside it, as the page itself is deleted after the scrape.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from coin_core.catalog.exporting import sheets
from coin_core.catalog.import_records import ItemState
from coin_core.catalog.importing import ledger
from coin_core.catalog.repository import Catalog
from coin_core.errors import CatalogError
from coin_core.storage import append_json_line, parse_json, read_lines, write_file

MOST_KEPT: Final = 5000
"""Listings that one scrape keeps; more are only counted."""
_COLUMNS: Final = ("listing", "result", "why", "words", "title", "address", "photo")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A listing that was left out.

    Attributes:
        key: Source and record, such as "acsearch:101"; on another site than the
            source's own with that, such as "ikmk:www.ikmk.at/101".
        reason: The rule that decided, such as "several coins".
        words: The words in the text that the rule matched.
        title: Headline of the listing.
        url: Page of the listing.
        taken: Whether a person has taken it after all.
        listing: The listing, as the scrapers store it.
    """

    key: str
    reason: str
    words: tuple[str, ...]
    title: str
    url: str
    taken: bool
    listing: Mapping[str, Any]


def note_left_out(catalog: Catalog, import_id: int, entry: LeftOut) -> None:
    """Add a listing to the record of a scrape, or replace it."""
    path = _file_of(catalog, import_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    append_json_line(path, asdict(entry), durable=False)


def list_left_out(catalog: Catalog, import_id: int) -> tuple[LeftOut, ...]:
    """The listings that a scrape left out, in their order; taken ones included.

    Raises:
        CatalogError: The record cannot be read.
    """
    entries: dict[str, LeftOut] = {}
    try:
        lines = read_lines(_file_of(catalog, import_id))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise CatalogError(
            f"The record of import {import_id} cannot be read ({error.strerror})."
        ) from error
    for line in lines:
        try:
            entry = LeftOut(**parse_json(line))
            entry = replace(entry, words=tuple(entry.words))
        except (ValueError, TypeError):  # the last line of a run that was killed
            continue
        texts = (entry.key, entry.reason, entry.title, entry.url, *entry.words)
        if isinstance(entry.listing, dict) and all(isinstance(t, str) for t in texts):
            entries[entry.key] = entry
    return tuple(entries.values())


def find_left_out(catalog: Catalog, key: str) -> tuple[int, LeftOut]:
    """The newest scrape that left a listing out, and its entry.

    Raises:
        CatalogError: None did.
    """
    for found in _entries_of(catalog, key):
        return found
    raise CatalogError(
        f"No scrape has left out {key!r}. List what a scrape left out with: python -m "
        "scrapers left-out RUN"
    )


def note_taken(catalog: Catalog, key: str) -> None:
    """Mark a listing as taken in the records of all scrapes that left it out."""
    for import_id, entry in _entries_of(catalog, key):
        note_left_out(catalog, import_id, replace(entry, taken=True))


def _entries_of(catalog: Catalog, key: str) -> Iterator[tuple[int, LeftOut]]:
    """The scrapes that left a listing out, newest first, with its entries."""
    numbers = [
        int(found[1])
        for path in ledger.folder_of(catalog).glob("left-out-*.jsonl")
        if (found := re.fullmatch(r"left-out-(\d+)\.jsonl", path.name))
    ]
    for import_id in sorted(numbers, reverse=True):
        for entry in list_left_out(catalog, import_id):
            if entry.key == key:
                yield import_id, entry


def keep_photo(catalog: Catalog, import_id: int, data: bytes) -> str:
    """Keep a photo that was saved with its page; returns its name."""
    name = hashlib.sha256(data).hexdigest()
    folder = _file_of(catalog, import_id).with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).is_file():
        write_file(folder / name, data, durable=False)
    return name


def kept_photo(catalog: Catalog, import_id: int, name: str) -> bytes | None:
    """The bytes of a photo that was kept; None if it was not, or is gone."""
    path = _file_of(catalog, import_id).with_suffix("") / Path(name).name
    return path.read_bytes() if name and path.is_file() else None


def scrape_table(catalog: Catalog, import_id: int) -> bytes:
    """What became of every listing of a scrape, as CSV for a spreadsheet."""
    return sheets.table(_COLUMNS, _rows(catalog, import_id))


def _rows(catalog: Catalog, import_id: int) -> Iterable[tuple[object, ...]]:
    words = {
        ItemState.DONE: "imported",
        ItemState.KNOWN: "known already",
        ItemState.FAILED: "failed",
    }
    for item in ledger.read_items(catalog, import_id, limit=1_000_000):
        key, _, rest = item.key.partition("#")
        address = rest.partition(":")[2]
        result = words.get(item.state, str(item.state))
        yield key, result, item.message or "", "", "", address, item.photo_id
    for one in list_left_out(catalog, import_id):
        result = "left out, then taken" if one.taken else "left out"
        words_in_text = "; ".join(one.words)
        yield one.key, result, one.reason, words_in_text, one.title, one.url, ""


def _file_of(catalog: Catalog, import_id: int) -> Path:
    return ledger.folder_of(catalog) / f"left-out-{import_id}.jsonl"
