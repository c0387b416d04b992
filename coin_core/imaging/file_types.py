"""The type of a file, identified by its bytes."""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from pathlib import PurePosixPath

_PHOTOS = {
    "JPEG": "a JPEG photo",
    "PNG": "a PNG picture",
    "WEBP": "a WebP picture",
    "TIFF": "a TIFF picture",
    "BMP": "a BMP picture",
    "HEIF": "a HEIC photo",
    "AVIF": "an AVIF picture",
    "GIF": "a GIF picture",
}

_RAW = "a raw camera file, which must be saved as JPEG or TIFF first"

_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"RIFF", "a sound or film"),
    *(
        (sign, _RAW)
        for sign in (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
    ),
)

_DNG_VERSION, _PHOTOMETRIC = 50706, 262
_SENSOR_VALUES = (32803, 34892)  # photometric: a colour filter array, linear raw

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_LONGEST_NAME = 80


def sniff(data: bytes) -> tuple[str, str | None]:
    """Identify a file.

    Returns:
        Its type in words ("a PDF document"), and the Pillow format that decodes it, or
        None if it is not an accepted photo.
    """
    pillow_format = _sniff_photo(data[:64])
    if pillow_format == "TIFF" and _is_raw(data):
        return _RAW, None
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
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head[4:8] == b"ftyp":
        if b"avi" in head[8:32]:
            return "AVIF"
        if head[8:12] in _HEIF_BRANDS:
            return "HEIF"
    return None


def _is_raw(data: bytes) -> bool:
    """Whether a TIFF holds the values of a camera's sensor, as DNG and CR2 do."""
    if data[8:10] == b"CR":
        return True
    order = "<" if data.startswith(b"II") else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for offset in range(start + 2, start + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", data, offset)
            if tag == _DNG_VERSION:
                return True
            if tag == _PHOTOMETRIC and value in _SENSOR_VALUES:
                return True
    except struct.error:  # it is damaged, which decoding reports
        pass
    return False


def _sniff_other(data: bytes) -> str:
    if not data:
        return "an empty file (0 bytes)"
    for signature, kind in _OTHERS:
        if data.startswith(signature):
            return kind
    if data[4:8] == b"ftyp":
        return _RAW if data[8:12] == b"crx " else "a film"
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


def read_jpeg_structure(data: bytes) -> tuple[int, bool]:
    """Read the markers of a JPEG's first picture without decoding it.

    Marker segments are skipped by their length, so that a thumbnail in the EXIF, or a
    film that a phone has appended, is not counted.

    Returns:
        The number of its scans, and whether only its end marker can be missing: it has
        no end marker, is sequential, and its one scan has all components.
    """
    scans, offset = 0, 2
    components, is_sequential, is_whole_scan = b"", False, False
    # FF00 is a stuffed byte, FFD0 to FFD7 are restarts, FFFF is fill.
    marker = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
    while (found := marker.search(data, offset)) is not None:
        code, body = data[found.start() + 1], found.end() + 2
        if code == 0xD9:
            return scans, False
        if code in (0xC0, 0xC1):
            components, is_sequential = data[body + 5 : body + 6], True
        elif code == 0xDA:
            scans += 1
            is_whole_scan = data[body : body + 1] == components
        length = int.from_bytes(data[found.end() : body], "big")
        offset = found.end() + max(length, 2)
    return scans, is_sequential and is_whole_scan and scans == 1


def next_restart_marker(data: bytes) -> bytes:
    """The restart marker that would follow the last scan of a JPEG; they count to 7."""
    scan = data[data.rindex(b"\xff\xda") :]
    found = re.findall(rb"\xff[\xd0-\xd7]", scan)
    number = (found[-1][1] - 0xD0 + 1) % 8 if found else 0
    return bytes((0xFF, 0xD0 + number))


def drop_damaged_chunks(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Leave out the ancillary chunks of a PNG whose checksum is wrong.

    The pixels do not depend on them (PNG specification, 3rd edition, 5.4).

    Returns:
        The PNG, and the names of the chunks that were left out.
    """
    kept, dropped, offset, start = [], [], 8, 0
    while offset + 12 <= len(data):
        end = offset + 12 + int.from_bytes(data[offset : offset + 4], "big")
        name = data[offset + 4 : offset + 8]
        is_ancillary = name.isalpha() and name[:1].islower() and end <= len(data)
        if is_ancillary and zlib.crc32(data[offset + 4 : end - 4]) != int.from_bytes(
            data[end - 4 : end], "big"
        ):
            dropped.append(name.decode("ascii"))
            kept.append(data[start:offset])
            start = end
        offset = end
    if not dropped:
        return data, ()
    return b"".join([*kept, data[start:]]), tuple(dropped)


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
