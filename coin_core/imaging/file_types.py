"""The type of a file, identified by its bytes."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

_PHOTOS = {
    "JPEG": "a JPEG photo",
    "PNG": "a PNG picture",
    "WEBP": "a WebP picture",
    "TIFF": "a TIFF picture",
    "BMP": "a BMP picture",
    "HEIF": "a HEIC photo",
}

_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF animation"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"RIFF", "a sound or film"),
    (b"FUJIFILMCCD-RAW", "a raw camera file"),
)

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_LONGEST_NAME = 80


def sniff(data: bytes) -> tuple[str, str | None]:
    """Identify a file.

    Returns:
        Its type in words ("a PDF document"), and the Pillow format that decodes it, or
        None if it is not an accepted photo.
    """
    pillow_format = _sniff_photo(data[:64])
    if pillow_format is not None:
        return _PHOTOS[pillow_format], pillow_format
    return _sniff_other(data), None


def _sniff_photo(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "TIFF"
    if head.startswith(b"BM") and len(head) >= 26:
        return "BMP"
    if head[4:8] == b"ftyp" and (
        head[8:12] in _HEIF_BRANDS and b"avif" not in head[8:32]
    ):
        return "HEIF"
    return None


def _sniff_other(data: bytes) -> str:
    if not data:
        return "an empty file (0 bytes)"
    for signature, kind in _OTHERS:
        if data.startswith(signature):
            return kind
    if data[4:8] == b"ftyp":
        return "an AVIF picture" if b"avi" in data[8:32] else "a film"
    head = data[:4096]
    # A byte order mark and white space may precede markup.
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1024].lower()
    if b"<svg" in start:
        return "an SVG drawing"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    try:
        # The last character may be cut at the end of the head.
        text = head.decode("utf-8", errors="strict" if len(data) <= 4093 else "ignore")
    except UnicodeDecodeError:
        return "no photo of a known kind"
    printable = all(char.isprintable() or char in "\t\r\n\f" for char in text)
    return "a text file" if text and printable else "no photo of a known kind"


def count_jpeg_scans(data: bytes) -> int:
    """Count the scans of a JPEG's first picture without decoding it.

    Marker segments are skipped by their length, so that a thumbnail in the EXIF, or a
    film that a phone has appended, is not counted.
    """
    scans, offset = 0, 2
    # FF00 is a stuffed byte, FFD0 to FFD7 are restarts, FFFF is fill.
    marker = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
    while (found := marker.search(data, offset)) is not None:
        code = data[found.start() + 1]
        if code == 0xD9:
            break
        scans += code == 0xDA
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        offset = found.end() + max(length, 2)
    return scans


def show_name(name: str) -> str:
    """Return a file name for display: short, no folders, no control characters."""
    last = PurePosixPath(name.replace("\\", "/")).name
    shown = "".join(
        char
        for char in last
        if unicodedata.category(char)[0] not in "CZ" or char == " "
    ).strip()
    if len(shown) > _LONGEST_NAME:
        shown = f"{shown[: _LONGEST_NAME - 13]}…{shown[-12:]}"
    return shown or "photo"
