"""Pages that a user saved from a browser: HTML with its folder, MHTML, or a ZIP.

No site is asked. Photos that were not saved with the page count as missing.
"""

from __future__ import annotations

import base64
import contextlib
import email
import errno
import html
import itertools
import logging
import quopri
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, unquote_to_bytes

from coin_core.errors import CoinError
from scrapers.base import Listing, ListingImage, ResultPage
from scrapers.errors import (
    NotFoundError,
    PageChangedError,
    ScrapeError,
    UnexpectedAnswerError,
)
from scrapers.html_utils import PAGE_BYTES, attribute, read_html
from scrapers.http_response import decode_text
from scrapers.registry import QueryKind, parse_page, register_source
from scrapers.url_safety import origin_of, path_of

if TYPE_CHECKING:
    from coin_core.catalog.importing.archives import Archive

_log = logging.getLogger("scrapers")

_ARCHIVE: Final = ".zip"
SUFFIXES: Final = frozenset({".html", ".htm", ".mhtml", ".mht", _ARCHIVE})
FILE_BYTES: Final = 200 << 20
"""The largest saved page, with its photos."""
PHOTO_BYTES: Final = 40 << 20
ARCHIVE_BYTES: Final = 1 << 30
MOST_RATIO: Final = 50
"""Pages shrink to a tenth, photos hardly; what shrinks more is no archive of them."""
_RATIO_FROM_BYTES: Final = 100 << 20
MOST_FILES: Final = 20_000
"""Of one page, or of an archive of pages."""
_MOST_NESTED: Final = 3  # parts of MHTML in parts
_HEAD_BYTES: Final = 64 << 10  # of a part of MHTML
_LONG_ADDRESS: Final = 2000  # characters
_INLINE: Final = re.compile(rb"data:[\w/+.;=-]{1,100},[^\"'()<>&\s]{300,}+(?!&)")
_SAVED_FROM: Final = re.compile(
    r"<!--\s*saved from url=\(\d+\)(\S+)\s*-->"
    r"|<!--\s*Page saved with SingleFile\s+url: (\S+)"
)
_FOLDER_ENDING: Final = re.compile(r"[_.\- ][^\W\d_]+\Z")
"""How browsers call the folder of a page: `_files`, `-Dateien`, `_fichiers`."""
_POINTED_FOLDER: Final = re.compile(
    r"""\b(?:src|data-src|srcset|href)\s*+=\s*+["']?(?:\./)?([^"'<>?#/:]{1,255})/"""
)
_THUMBNAIL: Final = re.compile(r"\.s\.(jpe?g|png|webp)", re.IGNORECASE)

FindFile = Callable[[str], bytes | None]


@register_source(
    name="saved",
    title="Pages I have saved",
    summary="Result pages of acsearch, CoinArchives, biddr and NumisBids that you "
    "saved from your own browser. Nothing is asked of any site.",
    order=90,
    query_kind=QueryKind.FILES,
    query_label="File or folder",
    query_hint="FILE_OR_FOLDER",
)
class SavedPages:
    """The pages in a file or folder, as a source."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def plan(self, query: str) -> tuple[str, ...]:
        """The files that would be read."""
        pages = list(_pages_in(Path(query)))
        return tuple(f"read {page}" for page in pages)

    def find(self, query: str) -> Iterator[Listing]:
        """The lots of all pages; a page that cannot be read is noted in `problems`.

        Raises:
            ScrapeError: The file or folder is missing, or has no pages.
        """
        for path in _pages_in(Path(query)):
            if path.suffix.lower() == _ARCHIVE:
                yield from self._read_archive(path)
            else:
                yield from self._read(path)

    def _read_archive(self, path: Path) -> Iterator[Listing]:
        try:
            with self._unpack(path) as folder:
                for page in _pages_in(folder):
                    yield from self._read(page)
        except ScrapeError as error:
            self._note(path, error)

    def _read(self, path: Path) -> Iterator[Listing]:
        try:
            page, find_file = open_page(path)
        except (PageChangedError, UnexpectedAnswerError, OSError) as error:
            self._note(path, error)
            return
        _log.info("%s: %d lots", path.name, len(page.listings))
        for listing in page.listings:
            images = tuple(_fill(image, find_file) for image in listing.images)
            yield replace(listing, images=images)

    @contextlib.contextmanager
    def _unpack(self, path: Path) -> Iterator[Path]:
        """A temporary folder with the files of an archive; unsafe ones are skipped."""
        from coin_core.catalog.importing.archives import Archive

        with tempfile.TemporaryDirectory(prefix="coin-pages-") as temporary:
            folder = Path(temporary).resolve()
            try:
                with Archive(path) as archive:
                    self._unpack_into(archive, folder)
            except CoinError as error:
                raise PageChangedError(str(error)) from error
            yield folder

    def _unpack_into(self, archive: Archive, folder: Path) -> None:
        taken, packed = 0, archive.path.stat().st_size
        for count, member in enumerate(archive.members()):
            if count >= MOST_FILES:
                raise PageChangedError(
                    f"{archive.path.name} has more than {MOST_FILES:,} files. Pack "
                    "several smaller archives."
                )
            if member.problem:
                self.problems.append(member.problem)
                continue
            try:
                data = archive.read(member.number)
            except CoinError as error:
                self.problems.append(str(error))
                continue
            taken += len(data)
            if taken > ARCHIVE_BYTES:
                raise PageChangedError(
                    f"{archive.path.name} unpacks to more than {ARCHIVE_BYTES >> 30} "
                    "GB. Pack several smaller archives."
                )
            if taken > max(MOST_RATIO * packed, _RATIO_FROM_BYTES):
                raise PageChangedError(
                    f"{archive.path.name} unpacks to far more than pages and photos "
                    "do. Pack the pages again, without other files."
                )
            place = folder.joinpath(*member.name.split("/")).resolve()
            if not place.is_relative_to(folder) or place.exists():
                self.problems.append(f"{member.name[:80]!r} in the archive is skipped.")
                continue
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
            except (OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                    raise
                self.problems.append(f"{member.name[:80]!r} cannot be unpacked.")

    def _note(self, path: Path, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) else None
        self.problems.append(f"{path.name}: {reason or error}")

    def fetch(self, image: ListingImage) -> bytes:
        """The bytes of a photo that was saved with its page.

        Raises:
            NotFoundError: It was not saved.
        """
        if image.data is None:
            raise NotFoundError(
                f"{image.url[:200]} was not saved along with its page, or has more "
                f"than {PHOTO_BYTES >> 20} MB. Save the page completely, or as one "
                "file (MHTML), after scrolling to its end."
            )
        return image.data


def open_page(path: Path) -> tuple[ResultPage, FindFile]:
    """Read a saved page.

    Returns:
        Its lots, and a function that finds a saved file by its address.

    Raises:
        PageChangedError: It is of no known site, or not as expected.
        UnexpectedAnswerError: It is too large, too deeply nested, or damaged.
    """
    if path.stat().st_size > FILE_BYTES:
        raise UnexpectedAnswerError(
            f"The file has more than {FILE_BYTES >> 20} MB. Save fewer lots at a time."
        )
    data = path.read_bytes()
    find_file: FindFile | None = None
    charset, url = "", ""
    if path.suffix.lower() in (".mhtml", ".mht") or data.startswith(b"From: <Saved"):
        data, charset, url, find_file = _open_mhtml(data)
    data, inline = _set_photos_aside(data)
    if len(data) > PAGE_BYTES:
        raise UnexpectedAnswerError(
            f"The page has more than {PAGE_BYTES >> 20} MB without its photos. Save "
            "fewer lots at a time."
        )
    text = decode_text(data, charset)
    page = parse_page(text, url if find_file else _address_of(text))
    lots = tuple(
        replace(lot, images=tuple(_put_back(image, inline) for image in lot.images))
        for lot in page.listings
    )
    return replace(page, listings=lots), find_file or _files_beside(path, text)


def _set_photos_aside(page: bytes) -> tuple[bytes, list[str]]:
    """A page with short data addresses in place of long ones, and the long ones."""
    inline: list[str] = []

    def shorten(found: re.Match[bytes]) -> bytes:
        inline.append(found[0].decode("ascii", "replace"))
        return found[0].partition(b",")[0] + b",%0250d" % (len(inline) - 1)

    short = _INLINE.sub(shorten, page)
    if len(inline) > MOST_FILES:
        raise UnexpectedAnswerError(f"The page has more than {MOST_FILES:,} photos.")
    return short, inline


def _put_back(image: ListingImage, inline: list[str]) -> ListingImage:
    """A photo with its own data address, if a short one was in its place."""
    _, _, number = image.url.partition(",")
    if not re.fullmatch(r"0[0-9]{249}", number) or int(number) >= len(inline):
        return image
    return replace(image, url=inline[int(number)])


def _pages_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise ScrapeError(f"{path} is neither a file nor a folder.")
    found = False
    owned: dict[Path, bool] = {}  # folders of pages: their files are no own pages
    stems: dict[Path, set[str]] = {}  # of the pages in a folder
    pages = sorted(path.rglob("*"))
    for page in pages:
        if page.suffix.lower() in (".html", ".htm"):
            stems.setdefault(page.parent, set()).add(page.stem)
    for page in pages:
        inside = False
        for folder in page.relative_to(path).parents[:-1]:
            place = path / folder
            if place not in owned:
                owned[place] = place.name.endswith(("_files", "-Dateien")) or (
                    _stem_of(place.name) in stems.get(place.parent, ())
                )
            inside |= owned[place]
        if page.suffix.lower() in SUFFIXES and page.is_file() and not inside:
            found = True
            yield page
    if not found:
        raise ScrapeError(
            f"There are no saved pages in {path.name}; they end in "
            f"{', '.join(sorted(SUFFIXES))}."
        )


def _stem_of(name: str) -> str | None:
    """The name of a page without its suffix, by that of the folder saved with it."""
    ending = _FOLDER_ENDING.search(name)
    return name[: ending.start()] if ending else None


def _address_of(text: str) -> str:
    head = text[:20_000]
    comment = _SAVED_FROM.search(head)
    if comment:
        return html.unescape(comment[1] or comment[2])
    try:
        soup = read_html(head[: head.rfind(">") + 1])
    except UnexpectedAnswerError:  # where it is cut
        return ""
    for name, where in (
        ("link[rel=canonical]", "href"),
        ("meta[property='og:url']", "content"),
        ("base[href]", "href"),
    ):
        value = attribute(soup.select_one(name), where)
        if origin_of(value):
            return value
    return ""


def _open_mhtml(data: bytes) -> tuple[bytes, str, str, FindFile]:
    """The page of an MHTML file, its encoding and address, and its files."""
    page, charset, url = b"", "", ""
    parts: dict[str, _Part] = {}
    try:
        head, _ = _split_head(data, 0, len(data))
        url = _header(head, "Snapshot-Content-Location")
        for part in _parts_of(data, 0, len(data), itertools.count(1)):
            location = _header(part.head, "Content-Location")
            if part.head.get_content_type() in ("text/html", "application/xhtml+xml"):
                if not page:
                    page = part.body(data)
                    charset = str(part.head.get_content_charset() or "")
                    url = url or location
            else:
                parts[location] = part
                content_id = _header(part.head, "Content-ID").strip("<> ")
                if content_id:
                    parts[f"cid:{content_id}"] = part
    except ScrapeError:
        raise
    except (ValueError, LookupError, TypeError) as error:  # of a part's header
        raise UnexpectedAnswerError("The file is damaged.") from error
    if not page:
        raise PageChangedError("It has no page in it; was it saved to its end?")
    by_name = {_base_name(location): part for location, part in parts.items()}

    def find_file(address: str) -> bytes | None:
        part = parts.get(address) or by_name.get(_base_name(address))
        return (part.body(data) or None) if part else None

    return page, charset, url, find_file


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A part of an MHTML file: its head, and where its body begins and ends."""

    head: Message
    start: int
    end: int

    def body(self, data: bytes) -> bytes:
        """The body, decoded; b"" if it is damaged or larger than a photo may be."""
        if self.end - self.start > 2 * PHOTO_BYTES:
            return b""
        body = data[self.start : self.end]
        encoding = _header(self.head, "Content-Transfer-Encoding").lower()
        if encoding == "quoted-printable":
            return quopri.decodestring(body)
        if encoding != "base64":
            return body
        try:
            return base64.b64decode(body + b"==")  # the padding may be missing
        except ValueError:
            return b""


def _parts_of(
    data: bytes, start: int, end: int, counter: Iterator[int], nested: int = 0
) -> Iterator[_Part]:
    """The parts of a message that have no parts themselves."""
    head, body = _split_head(data, start, end)
    boundary = head.get_boundary()
    if head.get_content_maintype() != "multipart" or not boundary:
        yield _Part(head=head, start=body, end=end)
        return
    if nested > _MOST_NESTED:
        raise UnexpectedAnswerError("The parts of the file are nested too deeply.")
    mark = re.compile(
        rb"\n--" + re.escape(boundary.encode(errors="surrogateescape")) + rb"(--)?"
        rb"[ \t]*(?=[\r\n]|\Z)"
    )
    begun = None
    for found in mark.finditer(data, max(body - 1, 0), end):
        if next(counter) > MOST_FILES:
            raise UnexpectedAnswerError(f"The file has over {MOST_FILES:,} parts.")
        if begun is not None:
            yield from _parts_of(data, begun, found.start(), counter, nested + 1)
        if found[1]:
            return
        begun = found.end()
    if begun is not None:  # the file was cut off
        yield from _parts_of(data, begun, end, counter, nested + 1)


def _split_head(data: bytes, start: int, end: int) -> tuple[Message, int]:
    """The head of a message or part, and where its body begins."""
    limit = min(end, start + _HEAD_BYTES)
    found = re.compile(rb"\r?\n\r?\n").search(data, start, limit)
    stop, body = found.span() if found else (limit, limit)
    return email.message_from_bytes(data[start:stop].lstrip()), body


def _header(head: Message, name: str) -> str:
    """A header as text; "" if it is missing or too long."""
    value = str(head.get(name) or "").strip()
    return value if len(value) <= _LONG_ADDRESS else ""


def _files_beside(path: Path, text: str) -> FindFile:
    """Finds the files that a browser saved beside a page.

    The page's own links name their folder; so does the page's name, with an ending in
    the language of the browser. A file is found by folder and name, then by name.
    """
    pointed = {
        _normal(unquote(html.unescape(name))) for name in _POINTED_FOLDER.findall(text)
    }
    files: dict[str, Path] = {}
    for folder in sorted(path.parent.iterdir()):
        name = _normal(folder.name)
        stem = _normal(path.stem)
        is_own = name in pointed or stem in (name, _stem_of(name))
        if not is_own or not folder.is_dir() or folder.is_symlink():
            continue
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.is_symlink():
                files[f"{name}/{_normal(file.name)}"] = file
                files.setdefault(_normal(file.name), file)

    def find_file(address: str) -> bytes | None:
        parts = _normal(unquote(path_of(address))).split("/")
        file = files.get("/".join(parts[-2:])) or files.get(parts[-1])
        with contextlib.suppress(OSError):
            if file is not None and file.stat().st_size <= PHOTO_BYTES:
                return file.read_bytes()
        return None

    return find_file


def _normal(name: str) -> str:
    """A name in the form that all systems compare alike."""
    return unicodedata.normalize("NFC", name)


def _base_name(address: str) -> str:
    return unquote(path_of(address)).rpartition("/")[2]


def _fill(image: ListingImage, find_file: FindFile) -> ListingImage:
    """A photo with its bytes; the larger one if two sizes were saved."""
    if image.url.startswith("data:"):
        return replace(image, data=_inline(image.url))
    medium = _THUMBNAIL.sub(r".m.\1", image.url)
    return replace(image, data=find_file(medium) or find_file(image.url))


def _inline(url: str) -> bytes | None:
    if len(url) > 3 * PHOTO_BYTES:
        return None
    head, _, body = url.partition(",")
    # SingleFile calls a photo of unknown type an octet-stream
    if not head.startswith(("data:image/", "data:application/octet-stream")):
        return None
    try:
        if head.endswith(";base64"):
            return base64.b64decode(unquote(body), validate=True)
    except ValueError:  # also of letters that are not ASCII
        return None
    return unquote_to_bytes(body)
