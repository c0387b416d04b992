"""Pages that a user saved from a browser: HTML with its folder, MHTML, or a ZIP.

No site is asked. Photos that were not saved with the page count as missing.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import email
import email.policy
import errno
import html
import logging
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from coin_core.errors import CoinError
from scrapers.base import Listing, ListingImage, ResultPage
from scrapers.errors import NotFoundError, PageChangedError, ScrapeError
from scrapers.html_utils import attribute, read_html
from scrapers.http_response import decode_text
from scrapers.registry import QueryKind, parse_page, register_source

if TYPE_CHECKING:
    from coin_core.catalog.importing.archives import Archive

_log = logging.getLogger("scrapers")

_ARCHIVE: Final = ".zip"
SUFFIXES: Final = frozenset({".html", ".htm", ".mhtml", ".mht", _ARCHIVE})
PAGE_BYTES: Final = 300 << 20
ARCHIVE_BYTES: Final = 4 << 30
_SAVED_FROM: Final = re.compile(
    r"<!--\s*saved from url=\(\d+\)(\S+)\s*-->"
    r"|<!--\s*Page saved with SingleFile\s+url: (\S+)"
)
_FOLDER_ENDING: Final = re.compile(r"[_.\- ][^\W\d_]+", re.UNICODE)
"""How browsers call the folder of a page: `_files`, `-Dateien`, `_fichiers`."""
_POINTED_FOLDER: Final = re.compile(
    r"""\b(?:src|data-src|srcset|href)\s*=\s*["']?(?:\./)?([^"'<>?#/:]{1,255})/"""
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
        except (PageChangedError, OSError) as error:
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
        taken = 0
        for member in archive.members():
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
        self.problems.append(f"{path.name}: {error}")

    def fetch(self, image: ListingImage) -> bytes:
        """The bytes of a photo that was saved with its page.

        Raises:
            NotFoundError: It was not saved.
        """
        if image.data is None:
            raise NotFoundError(
                f"{image.url} was not saved along with its page. Save the page "
                "completely, or as one file (MHTML), after scrolling to its end."
            )
        return image.data


def open_page(path: Path) -> tuple[ResultPage, FindFile]:
    """Read a saved page.

    Returns:
        Its lots, and a function that finds a saved file by its address.

    Raises:
        PageChangedError: It is of no known site, or not as expected.
    """
    if path.stat().st_size > PAGE_BYTES:
        raise PageChangedError(f"{path.name} is larger than {PAGE_BYTES >> 20} MB.")
    data = path.read_bytes()
    if path.suffix.lower() in (".mhtml", ".mht") or data.startswith(b"From: <Saved"):
        text, url, find_file = _open_mhtml(data, path.name)
    else:
        text = decode_text(data)
        url, find_file = _address_of(text), _files_beside(path, text)
    return parse_page(text, url), find_file


def _pages_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise ScrapeError(f"{path} is neither a file nor a folder.")
    found = False
    owned: dict[Path, bool] = {}  # folders of pages: their files are no own pages
    for page in sorted(path.rglob("*")):
        inside = False
        for folder in page.relative_to(path).parents[:-1]:
            place = path / folder
            if place not in owned:
                owned[place] = _belongs_to_a_page(place)
            inside |= owned[place]
        if page.suffix.lower() in SUFFIXES and page.is_file() and not inside:
            found = True
            yield page
    if not found:
        raise ScrapeError(
            f"There are no saved pages in {path.name}; they end in "
            f"{', '.join(sorted(SUFFIXES))}."
        )


def _belongs_to_a_page(folder: Path) -> bool:
    """Whether a browser saved this folder beside a page, in any language."""
    if folder.name.endswith(("_files", "-Dateien")):
        return True
    return any(
        _is_folder_of(page.stem, folder.name)
        for page in folder.parent.iterdir()
        if page.suffix.lower() in (".html", ".htm")
    )


def _is_folder_of(stem: str, name: str) -> bool:
    return name.startswith(stem) and bool(_FOLDER_ENDING.fullmatch(name, len(stem)))


def _address_of(text: str) -> str:
    head = text[:20_000]
    comment = _SAVED_FROM.search(head)
    if comment:
        return html.unescape(comment[1] or comment[2])
    soup = read_html(head)
    for name, where in (
        ("link[rel=canonical]", "href"),
        ("meta[property='og:url']", "content"),
        ("base[href]", "href"),
    ):
        value = attribute(soup.select_one(name), where)
        if urlsplit(value).scheme in ("http", "https"):
            return value
    return ""


def _open_mhtml(data: bytes, name: str) -> tuple[str, str, FindFile]:
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    text, url = "", str(message.get("Snapshot-Content-Location") or "").strip()
    files: dict[str, bytes] = {}
    for part in message.walk():
        if part.is_multipart():
            continue
        location = str(part.get("Content-Location") or "").strip()
        payload = part.get_payload(decode=True)
        body = payload if isinstance(payload, bytes) else b""
        if part.get_content_type() in ("text/html", "application/xhtml+xml"):
            if not text:
                text = decode_text(body, str(part.get_content_charset() or ""))
                url = url or location
        elif body:
            files[location] = body
            content_id = str(part.get("Content-ID") or "").strip("<> ")
            if content_id:
                files[f"cid:{content_id}"] = body
    if not text:
        raise PageChangedError(f"{name} has no page in it; was it saved to its end?")
    by_name = {_base_name(location): location for location in files}

    def find_file(address: str) -> bytes | None:
        return files.get(address) or files.get(by_name.get(_base_name(address), ""))

    return text, url, find_file


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
        is_own = name in pointed or name == stem or _is_folder_of(stem, name)
        if not is_own or not folder.is_dir() or folder.is_symlink():
            continue
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.is_symlink():
                files[f"{name}/{_normal(file.name)}"] = file
                files.setdefault(_normal(file.name), file)

    def find_file(address: str) -> bytes | None:
        parts = _normal(unquote(urlsplit(address).path)).split("/")
        file = files.get("/".join(parts[-2:])) or files.get(parts[-1])
        return file.read_bytes() if file else None

    return find_file


def _normal(name: str) -> str:
    """A name in the form that all systems compare alike."""
    return unicodedata.normalize("NFC", name)


def _base_name(address: str) -> str:
    return unquote(urlsplit(address).path).rpartition("/")[2]


def _fill(image: ListingImage, find_file: FindFile) -> ListingImage:
    """A photo with its bytes; the larger one if two sizes were saved."""
    if image.url.startswith("data:"):
        return replace(image, data=_inline(image.url))
    medium = _THUMBNAIL.sub(r".m.\1", image.url)
    return replace(image, data=find_file(medium) or find_file(image.url))


def _inline(url: str) -> bytes | None:
    head, _, body = url.partition(",")
    # SingleFile calls a photo of unknown type an octet-stream
    if not head.startswith(("data:image/", "data:application/octet-stream")):
        return None
    try:
        if head.endswith(";base64"):
            return base64.b64decode(unquote(body), validate=True)
    except binascii.Error:
        return None
    return unquote_to_bytes(body)
