"""List the items to import: photos in folders and archives, rows of tables.

Listing reads names, never photos, and gives the same list when an interrupted import is
resumed.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, takewhile
from pathlib import Path, PurePosixPath

from coin_core.catalog.importing.archives import ARCHIVE_SUFFIXES, Archive
from coin_core.catalog.importing.tables import (
    EXPORT_COLUMNS,
    EXPORT_TEXTS,
    TABLE_SUFFIXES,
    Table,
    check_mapping,
    is_export,
    parse_table,
    propose_mapping,
    read_table,
)
from coin_core.errors import CatalogError, UnreadablePhotoError
from coin_core.imaging.decoder import show_name
from coin_core.imaging.photo_io import MAX_BYTES, PICTURE_SUFFIXES

Mappings = Mapping[str, str] | Sequence[Mapping[str, str]]
"""Field to column of the tables: one for all of them, or one for each in turn."""

LABELS_FILE = "labels.csv"
"""A table that is read without being named, at the top of a folder or archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A photo to import.

    Attributes:
        key: Its name within the import.
        name: Its file name.
        relative: Its path below the source, with "/".
        folders: Names of its folders, outermost first, including the source.
        read: Returns its bytes; raises UnreadablePhotoError.
        problem: A sentence why it cannot be read, or None.
        row: Field to cell of a table; empty without one.
        row_name: Such as "row 2 of coins.csv"; "" without one.
        other_rows: Name and cells of further rows that name it and say other things.
        deferred_row: Returns the row if it is known only after `read`.
        coin_key: The same for photos of one coin.
    """

    key: str
    name: str
    relative: str
    folders: tuple[str, ...] = ()
    read: Callable[[], bytes] = field(default=bytes, compare=False)
    problem: str | None = None
    row: Mapping[str, str] = field(default_factory=dict)
    row_name: str = ""
    other_rows: tuple[tuple[str, Mapping[str, str]], ...] = ()
    deferred_row: Callable[[], Mapping[str, str]] | None = field(
        default=None, compare=False
    )
    coin_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTable:
    """A table with its mapping.

    Attributes:
        folder: Of the files it names; None in an archive.
        top: The folders of the table below its source, with "/".
        own: How the keys of the photos in its source begin; "" if it was named.
    """

    key: str
    name: str
    table: Table
    mapping: Mapping[str, str]
    folder: Path | None = None
    top: str = ""
    own: str = ""


def list_items(
    sources: Sequence[Path], mapping: Mappings | None, keep_open: ExitStack
) -> list[Item]:
    """List all photos of the sources, each once.

    Args:
        sources: Photos, folders, ZIP archives and tables.
        mapping: Of the tables; by default the proposed mapping.
        keep_open: Keeps the archives open until the items have been read.

    Raises:
        CatalogError: A table cannot be read, or the mapping does not fit it.
    """
    tables = read_tables(sources, mapping)
    items: dict[str, Item] = {}
    for source in sources:
        if source.suffix.lower() in TABLE_SUFFIXES:
            continue
        for item in _walk(source, keep_open, tables):
            items.setdefault(item.key, item)
    listed = [_with_coin(item) for item in items.values()]
    in_sources = len(listed)
    for table in tables:
        listed = _apply(table, listed, in_sources)
    return listed


def read_tables(sources: Sequence[Path], mapping: Mappings | None) -> list[NamedTable]:
    """Read the tables among the sources, and check the mapping.

    Raises:
        CatalogError: A table cannot be read, the mapping does not fit it, or there
            are more or fewer mappings than tables.
    """
    named = [one for one in sources if one.suffix.lower() in TABLE_SUFFIXES]
    mappings = mapping if isinstance(mapping, Sequence) else [mapping] * len(named)
    if len(mappings) != len(named):
        raise CatalogError(
            f"{len(mappings)} mappings are given for {len(named)} tables. Give one for "
            "each table, or one for all."
        )
    tables = []
    for source, given in zip(named, mappings, strict=True):
        table = read_table(source)
        name = show_name(source.name)
        checked = propose_mapping(table) if given is None else dict(given)
        check_mapping(table, checked, name)
        tables.append(
            NamedTable(
                key=text_of(source.absolute()),
                name=name,
                table=table,
                mapping=checked,
                folder=source.absolute().parent,
            )
        )
    return tables


def text_of(path: Path | str) -> str:
    """A path as text that every database can store; undecodable bytes are escaped."""
    name = os.fspath(path).replace("\x00", "")
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _walk(
    source: Path, keep_open: ExitStack, tables: list[NamedTable]
) -> Iterator[Item]:
    path = source.absolute()
    is_folder = is_there = False
    with suppress(OSError):  # a name longer than the system allows: reading tells
        is_folder, is_there = path.is_dir(), path.exists()
    if is_folder:
        yield from _walk_folder(path, path, _top_folder(path), keep_open, tables)
    elif path.suffix.lower() in ARCHIVE_SUFFIXES and is_there:
        yield from _walk_archive(path, keep_open, tables)
    else:
        yield _file(path, path.parent)


def _top_folder(folder: Path) -> Path:
    """The folder itself, or the one folder around everything in it."""
    try:
        entries = [path for path in folder.iterdir() if not _is_hidden(path)]
        is_wrapped = len(entries) == 1 and entries[0].is_dir()
    except OSError:
        return folder
    if not is_wrapped or entries[0].is_symlink():
        return folder
    return _top_folder(entries[0])


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name == "__MACOSX"


def _walk_folder(
    folder: Path, root: Path, top: Path, keep_open: ExitStack, tables: list[NamedTable]
) -> Iterator[Item]:
    """Photos in a folder and below, sorted by name; hidden files are left out."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield _failed_item(
            folder, f"The folder cannot be opened ({error.strerror or error})."
        )
        return
    for path in entries:
        if _is_hidden(path):
            continue
        try:
            is_folder = path.is_dir()
            is_link = path.is_symlink()
        except OSError as error:
            yield _failed_item(
                path, f"It cannot be opened ({error.strerror or error})."
            )
            continue
        suffix = path.suffix.lower()
        if is_folder and is_link:
            yield _failed_item(
                path,
                "It is a link to a folder, and links are not followed. Import the "
                "folder itself.",
            )
        elif is_folder:
            yield from _walk_folder(path, root, top, keep_open, tables)
        elif suffix.lstrip(".") in PICTURE_SUFFIXES:
            yield _file(path, root)
        elif suffix in ARCHIVE_SUFFIXES:
            yield from _walk_archive(path, keep_open, tables)
        elif folder == top and path.name.lower() == LABELS_FILE:
            if any(table.key == text_of(path) for table in tables):
                continue  # it is a source, with its own mapping
            try:
                table = read_table(path)
            except CatalogError as error:
                yield _failed_item(path, str(error))
            else:
                inside = top.relative_to(root).as_posix()
                own = f"{text_of(root)}/"
                _add_labels(tables, path, table, folder=top, top=inside, own=own)


def _common_folder(files: Sequence[PurePosixPath]) -> PurePosixPath:
    """The innermost folder around all files."""
    levels = zip(*(file.parent.parts for file in files), strict=False)
    shared = takewhile(lambda level: len(set(level)) == 1, levels)
    return PurePosixPath(*(level[0] for level in shared))


def _walk_archive(
    path: Path, keep_open: ExitStack, tables: list[NamedTable]
) -> Iterator[Item]:
    try:
        archive = keep_open.enter_context(Archive(path))
    except CatalogError as error:
        yield _failed_item(path, str(error))
        return
    names: set[str] = set()
    members = list(archive.members())
    top = _common_folder([PurePosixPath(member.name) for member in members])
    for member in members:
        inside = PurePosixPath(member.name)
        suffix = inside.suffix.lower()
        if member.problem is None and suffix.lstrip(".") not in PICTURE_SUFFIXES:
            if inside.parent == top and inside.name.lower() == LABELS_FILE:
                try:
                    table = parse_table(archive.read(member.number), inside.name)
                except (CatalogError, UnreadablePhotoError) as error:
                    yield _failed_item(path / LABELS_FILE, str(error))
                else:
                    own = f"{text_of(path)}!/"
                    _add_labels(
                        tables, path / LABELS_FILE, table, top=str(top), own=own
                    )
            continue
        name = text_of(member.name)
        if name in names:
            name = f"{name} ({member.number})"
        names.add(name)
        yield Item(
            key=f"{text_of(path)}!/{name}",
            name=show_name(name),
            relative=name,
            folders=(path.stem, *inside.parts[:-1]),
            read=partial(archive.read, member.number),
            problem=member.problem,
        )


def _add_labels(
    tables: list[NamedTable],
    path: Path,
    table: Table,
    *,
    folder: Path | None = None,
    top: str,
    own: str,
) -> None:
    """Add a labels.csv that was found, unless it has no column of files."""
    mapping = propose_mapping(table)
    if "file" in mapping or table.pictures:
        tables.append(
            NamedTable(
                key=text_of(path),
                name=path.name,
                table=table,
                mapping=mapping,
                folder=folder,
                top=top,
                own=own,
            )
        )


def _file(path: Path, root: Path) -> Item:
    inside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    return Item(
        key=text_of(path),
        name=show_name(text_of(path.name)),
        relative=text_of(inside.as_posix()),
        folders=tuple(text_of(part) for part in (root.name, *inside.parts[:-1])),
        read=partial(_read_file, path),
    )


def _failed_item(path: Path, problem: str) -> Item:
    name = show_name(text_of(path.name))
    problem = problem if name in problem else f"{name}: {problem}"
    return Item(key=text_of(path), name=name, relative=name, problem=problem)


def _read_file(path: Path) -> bytes:
    """The bytes of a file, up to one more than the limit.

    Raises:
        UnreadablePhotoError: It cannot be read.
    """
    name = show_name(text_of(path.name))
    try:
        if not path.is_file():
            problem = "is not there" if not path.exists() else "is no file"
            raise UnreadablePhotoError(f"{name} {problem}.")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadablePhotoError(
            f"{name} cannot be opened ({error.strerror or error})."
        ) from error


def _with_coin(item: Item) -> Item:
    """Photos with the same name up to "__" show one coin, as in training."""
    stem, mark, _ = PurePosixPath(item.relative).stem.partition("__")
    if not mark or item.problem:
        return item
    folder = item.key[: -len(PurePosixPath(item.relative).name)]
    return replace(item, coin_key=f"{folder}{stem}__")


def _apply(table: NamedTable, items: list[Item], in_sources: int) -> list[Item]:
    """Set the row of every photo; rows without a photo become items of their own.

    The first row that names a photo is its row, in whatever table.

    Args:
        table: The table.
        items: Photos of the sources, then those that the tables before name.
        in_sources: How many are photos of the sources.
    """
    by_path: dict[str, list[int]] = {}
    by_name: dict[str, list[int]] = {}
    for index, item in enumerate(items[:in_sources]):
        if item.problem is None:
            path = PurePosixPath(item.relative)
            by_path.setdefault(_comparable(path), []).append(index)
            by_name.setdefault(_comparable(path.name), []).append(index)
    out = list(items)
    places = {item.key: index for index, item in enumerate(items)}
    others: dict[int, list[tuple[str, Mapping[str, str]]]] = {}
    columns = {column: k for k, column in enumerate(table.table.columns)}
    pictures = _pictures_by_row(table)
    exported = (*EXPORT_COLUMNS, *EXPORT_TEXTS) if is_export(columns) else ()
    for number, cells in zip(table.table.row_numbers, table.table.rows, strict=True):
        row = {name: cells[columns[column]] for name, column in table.mapping.items()}
        row |= {name: cells[columns[name]] for name in exported if name in columns}
        files = [name for name in (row.get("file"), row.get("second_file")) if name]
        coin = row.get("coin_id")
        coin_key = f"{table.key} coin {coin}" if coin else None
        row_name = f"row {number} of {table.name}"
        in_cells = pictures.pop(number, [])
        if coin_key is None and len(files) + len(in_cells) > 1:
            coin_key = f"{table.key} row {number}"
        out += [
            replace(item, row=row, row_name=row_name, coin_key=coin_key)
            for item in in_cells
        ]
        for name in files or ([] if in_cells else [""]):
            path = PurePosixPath(name.replace("\\", "/"))
            matches = (
                by_path.get(_comparable(PurePosixPath(table.top) / path))
                or by_path.get(_comparable(path))
                or by_name.get(_comparable(path.name), [])
            )
            in_source = [k for k in matches if out[k].key.startswith(table.own)]
            matches = in_source or matches
            if len(matches) == 1:
                at = matches[0]
            else:
                item = _from_row(table, path, number, several=len(matches) > 1)
                at = places.setdefault(item.key, len(out))
                out += [item] if at == len(out) else []
            if not out[at].row:
                out[at] = replace(
                    out[at],
                    row=row,
                    row_name=row_name,
                    coin_key=coin_key or out[at].coin_key,
                )
            elif out[at].row != row:
                others.setdefault(at, []).append((row_name, row))
    for at, rows in others.items():
        out[at] = replace(out[at], other_rows=(*out[at].other_rows, *rows))
    return [*out, *chain.from_iterable(pictures.values())]


def _pictures_by_row(table: NamedTable) -> dict[int, list[Item]]:
    """The pictures in the cells of a table as items, by the number of their row."""
    items: dict[int, list[Item]] = {}
    for picture in table.table.pictures:
        in_row = items.setdefault(picture.row_number, [])
        where = f"row {picture.row_number} picture {len(in_row) + 1}"
        name = f"{PurePosixPath(table.name).stem} {where}{picture.suffix}"
        in_row.append(
            Item(
                key=f"{table.key} {where}",
                name=name,
                relative=name,
                read=partial(bytes, picture.data),
            )
        )
    return items


def _comparable(path: PurePosixPath | str) -> str:
    """A path for comparing; macOS stores names in NFD, tables have them in NFC."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _find_file(folder: Path, named: PurePosixPath) -> Path:
    """The file that a table names; if it is missing, one whose name compares equal."""
    path = folder / named
    is_below = path.parent.resolve().is_relative_to(folder.resolve())
    if is_below and not path.is_file() and path.parent.is_dir():
        with suppress(OSError):
            for other in path.parent.iterdir():
                if _comparable(other.name) == _comparable(path.name):
                    return other
    return path


def _from_row(
    table: NamedTable, named: PurePosixPath, number: int, *, several: bool
) -> Item:
    """The photo that a row names beside its table, or an item with the problem."""
    name = show_name(str(named)) if named.name else "no file"
    where = f"Row {number} of {table.name} names {name}"
    if not named.name:
        problem = f"Row {number} of {table.name} names no file."
    elif several:
        problem = f"{where}, and several photos have that name. Give its folder too."
    elif table.folder is None:
        problem = f"{where}, which is not in the archive."
    else:
        problem = f"{where}, which is not there."
        with suppress(OSError, ValueError, RuntimeError):  # no file can have that name
            path = _find_file(table.folder, named)
            if not path.resolve().is_relative_to(table.folder.resolve()):
                problem = (
                    f"{where}, which is outside the table's folder. Import that folder "
                    "together with the table."
                )
            elif path.is_file():
                return _file(path, table.folder)
    return Item(
        key=f"{table.key} row {number} {named.name}",
        name=name,
        relative=name,
        problem=problem,
    )
