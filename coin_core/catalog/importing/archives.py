"""Untrusted ZIP archives: listed and read member by member, never unpacked.

The name of a member never becomes a path on this machine. Limits are checked before an
archive is trusted: the size of its directory before Python parses it, the size of a
member before and while it is read.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from coin_core.catalog.importing.encodings import ZIP_CODE_PAGES, guess_code_page
from coin_core.errors import CatalogError, UnreadablePhotoError
from coin_core.imaging.decoder import show_name
from coin_core.imaging.photo_io import MAX_BYTES

MAX_MEMBERS = 50_000
MAX_DIRECTORY_BYTES = 32 * 1024 * 1024
MAX_RATIO = 100
"""Photos hardly compress; a file that unpacks to more is a ZIP bomb."""
_RATIO_FROM_BYTES = 10 * 1024 * 1024
_END = b"PK\x05\x06"
_END_BYTES = 22
_MEMBER = b"PK\x01\x02"
_ZIP64_LOCATOR = b"PK\x06\x07"
_LOCATOR_BYTES = 20
_ZIP64_RECORD = b"PK\x06\x06"
_ZIP64_RECORD_BYTES = 56
_LONGEST_COMMENT = 65_535
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
_UNICODE_PATH = b"up"  # id 0x7075 of the extra field with the name in UTF-8
ARCHIVE_SUFFIXES = frozenset({".zip"})
_NESTED = frozenset(
    {".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".lzh"}
)
_PATH_SEPARATORS = str.maketrans({"\\": "/"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in an archive.

    Attributes:
        number: Its index in the archive's directory.
        name: Folders and file name, separated by "/".
        problem: A sentence why it must not be read; None if it may.
    """

    number: int
    name: str
    problem: str | None


class Archive:
    """An open archive; a context manager.

    Raises:
        CatalogError: It cannot be opened, is not a ZIP archive, or contains too much.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shown = show_name(path.name)
        try:
            with path.open("rb") as file:
                count = count_members(file)
            if count > MAX_MEMBERS:
                raise self._too_many(count)
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise CatalogError(
                f"{self._shown} cannot be opened ({error.strerror or error})."
            ) from error
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise self._damaged() from error
        if len(self._zip.infolist()) > MAX_MEMBERS:
            self._zip.close()
            raise self._too_many(len(self._zip.infolist()))
        self._names = _decode_names(self._zip.infolist())

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_error: object) -> None:
        self._zip.close()

    def _damaged(self) -> CatalogError:
        return CatalogError(
            f"{self._shown} is no ZIP archive, or is damaged. Pack it again, or unpack "
            "it and import the folder."
        )

    def _too_many(self, count: int) -> CatalogError:
        return CatalogError(
            f"{self._shown} holds {count:,} files, more than {MAX_MEMBERS:,}. Unpack "
            "it and import the folder, or pack several smaller archives."
        )

    def members(self) -> Iterator[Member]:
        """The files in the order of the directory, each with its problem."""
        overlapping = self._overlapping()
        for number, info in enumerate(self._zip.infolist()):
            if info.is_dir():
                continue
            name = self._names[number].translate(_PATH_SEPARATORS)
            if _is_system_file(name):
                continue
            yield Member(
                number=number,
                name=name,
                problem=self._problem(info, name, number in overlapping),
            )

    def _overlapping(self) -> set[int]:
        """Members that share bytes with another, as in overlapping ZIP bombs."""
        infos = self._zip.infolist()
        order = sorted(range(len(infos)), key=lambda k: infos[k].header_offset)
        overlapping = set()
        for one, following in pairwise(order):
            info = infos[one]
            # a local header is 30 bytes and a name, which may differ in encoding
            end = info.header_offset + 30 + info.compress_size
            if end > infos[following].header_offset:
                overlapping |= {one, following}
        return overlapping

    def _problem(
        self, info: zipfile.ZipInfo, name: str, overlapping: bool
    ) -> str | None:
        shown = f"{show_name(name)} in {self._shown}"
        path = PurePosixPath(name)
        mode = info.external_attr >> 16
        if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
            return f"{shown} has a path that leads out of the archive; it was left out."
        if stat.S_ISLNK(mode) or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
            return f"{shown} is a link or a device, no file; it was left out."
        if info.flag_bits & _ENCRYPTED:
            return (
                f"{shown} is locked with a password. Unpack the archive and import "
                "the folder."
            )
        if path.suffix.lower() in _NESTED:
            return (
                f"{shown} is an archive inside an archive. Unpack it and import it by "
                "itself."
            )
        if info.file_size > MAX_BYTES:
            return (
                f"{shown} is larger than {MAX_BYTES // 1024**2} MB, which no photo "
                "here may be."
            )
        bloated = info.file_size > MAX_RATIO * max(info.compress_size, 1)
        if overlapping or (bloated and info.file_size > _RATIO_FROM_BYTES):
            return f"{shown} unpacks to far more than a photo would; it was left out."
        return None

    def read(self, number: int) -> bytes:
        """The bytes of a member, at most `photo_io.MAX_BYTES`.

        Raises:
            UnreadablePhotoError: It is damaged, encrypted, or larger than declared.
        """
        info = self._zip.infolist()[number]
        shown = f"{show_name(self._names[number])} in {self._shown}"
        try:
            with self._zip.open(info) as file:
                data = file.read(MAX_BYTES + 1)
        except Exception as error:  # hostile bytes raise any error
            raise UnreadablePhotoError(
                f"{shown} cannot be unpacked: it is damaged, locked, or packed in an "
                "unusual way. Unpack the archive and import the folder."
            ) from error
        if len(data) > MAX_BYTES:
            raise UnreadablePhotoError(
                f"{shown} is larger than it says, and than {MAX_BYTES // 1024**2} MB."
            )
        return data


def count_members(file: BinaryIO) -> int:
    """At least as many members as `zipfile` will parse, without parsing them.

    It is one more than `MAX_MEMBERS` where the directory alone would fill the memory.

    Raises:
        BadZipFile: The end of the archive is missing, or its records differ.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT - _LOCATOR_BYTES))
    tail_at = file.tell()
    tail = file.read()
    start = tail.rfind(_END)
    if start < 0 or len(tail) < start + _END_BYTES:
        raise zipfile.BadZipFile("no end")
    directory = int.from_bytes(tail[start + 12 : start + 16], "little")
    end = tail_at + start
    if tail[max(0, start - _LOCATOR_BYTES) : start].startswith(_ZIP64_LOCATOR):
        # Some versions of Python read the record that the locator names, and others
        # the one before the locator.
        end -= _LOCATOR_BYTES + _ZIP64_RECORD_BYTES
        named = int.from_bytes(tail[start - 12 : start - 4], "little")
        file.seek(max(0, end))
        record = file.read(_ZIP64_RECORD_BYTES)
        if named != end or not record.startswith(_ZIP64_RECORD):
            raise zipfile.BadZipFile("two ends")
        directory = int.from_bytes(record[40:48], "little")
    if directory > MAX_DIRECTORY_BYTES:
        return MAX_MEMBERS + 1
    # The record may lie about their number.
    file.seek(max(0, end - directory))
    return file.read(directory).count(_MEMBER)


def _decode_names(infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The names of the members; without a UTF-8 flag, their encoding is guessed.

    `zipfile` takes such names for cp437, whose characters stand for all 256 bytes.
    """
    names = [info.filename for info in infos]
    unknown: dict[int, bytes] = {}
    for number, info in enumerate(infos):
        if info.flag_bits & _UTF8_NAME or _UNICODE_PATH in info.extra:
            continue
        try:
            data = info.filename.encode("cp437")
            names[number] = data.decode("utf-8")
        except UnicodeEncodeError:
            continue
        except UnicodeDecodeError:
            unknown[number] = data
    code_page = guess_code_page(b"\n".join(unknown.values()), ZIP_CODE_PAGES)
    for number, data in unknown.items():
        names[number] = data.decode(code_page or "cp437", errors="replace")
    return names


def _is_system_file(name: str) -> bool:
    """Whether the operating system added the file to the archive."""
    parts = PurePosixPath(name).parts
    return (
        not parts
        or "__MACOSX" in parts
        or (parts[-1].startswith(".") and parts[-1] != "..")
        or parts[-1].lower() in ("thumbs.db", "desktop.ini")
    )
