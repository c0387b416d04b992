"""Remove metadata from photos: place, serial number, owner and the like.

The pixels, the colour profile and the orientation stay. The picture is not encoded
again if its file can be taken apart instead.
"""

from __future__ import annotations

import re
import struct
import zlib

from coin_core.imaging import photo_io
from coin_core.imaging.decoder import drop_damaged_chunks, sniff

_ORIENTATION = 0x0112
_UPRIGHT = 1

# JPEG segments that stay: pixel density, colour profile, colour space.
_JPEG_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_PNG_DROPPED = {b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"}
_WEBP_DROPPED = {b"EXIF", b"XMP "}
_WEBP_FLAGS = 0x08 | 0x04  # EXIF, XMP
# Tags that TIFF needs to show a picture; any other may be metadata.
_TIFF_PLAIN = {
    *(254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 280, 281, 282),
    *(283, 284, 290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324),
    *(325, 338, 339, 340, 341, 347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532),
    34675,
}


def strip_metadata(data: bytes) -> bytes | None:
    """A photo's file with nothing but the picture.

    Args:
        data: A file that `photo_io.decode` accepts.

    Returns:
        The same bytes if they contain no metadata; None if the file cannot be taken
        apart, and the picture has to be encoded again.
    """
    _, kind = sniff(data)
    try:
        if kind == "JPEG":
            return _strip_jpeg(data)
        if kind == "PNG":
            return _strip_png(drop_damaged_chunks(data)[0])
        if kind == "WEBP":
            return _strip_webp(data)
        if kind == "BMP":
            return data
        return data if _is_plain(data, kind) else None
    except (OSError, ValueError, SyntaxError, struct.error, IndexError):
        return None


def _exif(orientation: int) -> bytes:
    """An EXIF block with the orientation only."""
    entry = struct.pack("<HHIHH", _ORIENTATION, 3, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)


def _strip_jpeg(data: bytes) -> bytes:
    head, kept, offset = data[:2], [], 2
    while True:
        if data[offset] != 0xFF:
            raise ValueError("a marker is missing")
        while data[offset + 1] == 0xFF:  # fill
            offset += 1
        code = data[offset + 1]
        length = 2 + int.from_bytes(data[offset + 2 : offset + 4], "big")
        if length < 4 or offset + length > len(data):
            raise ValueError("a segment is cut short")
        if code == 0xDA:
            break
        segment = data[offset : offset + length]
        is_metadata = 0xE0 <= code <= 0xEF or code == 0xFE
        prefix = _JPEG_KEPT.get(code)
        if not is_metadata or (prefix is not None and segment[4:].startswith(prefix)):
            kept.append(segment)
        offset += length
    picture = data[offset : _end_of_jpeg(data, offset)]
    orientation = photo_io.look(data).orientation
    if orientation != _UPRIGHT:
        exif = b"Exif\0\0" + _exif(orientation)
        segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
        first = kept and kept[0][1] == 0xE0
        kept.insert(1 if first else 0, segment)
    return head + b"".join(kept) + picture


def _end_of_jpeg(data: bytes, offset: int) -> int:
    """The end of the first picture; films and other pictures may follow."""
    # FF00 is a stuffed byte, FFD0 to FFD7 are restarts, FFFF is fill.
    marker = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
    while (match := marker.search(data, offset)) is not None:
        if data[match.start() + 1] == 0xD9:
            return match.end()
        length = int.from_bytes(data[match.end() : match.end() + 2], "big")
        offset = match.end() + max(length, 2)
    raise ValueError("the picture is cut short")


def _strip_png(data: bytes) -> bytes:
    orientation = photo_io.look(data).orientation
    kept, offset, ended = [data[:8]], 8, False
    while not ended:
        (length,) = struct.unpack(">I", data[offset : offset + 4])
        kind, end = data[offset + 4 : offset + 8], offset + 12 + length
        if end > len(data):
            raise ValueError("a chunk is cut short")
        if kind == b"IDAT" and orientation != _UPRIGHT:
            body = b"eXIf" + _exif(orientation)
            size, checksum = len(body) - 4, zlib.crc32(body)
            kept.append(struct.pack(">I", size) + body + struct.pack(">I", checksum))
            orientation = _UPRIGHT
        if kind not in _PNG_DROPPED:
            kept.append(data[offset:end])
        ended, offset = kind == b"IEND", end
    return b"".join(kept)


def _strip_webp(data: bytes) -> bytes:
    orientation = photo_io.look(data).orientation
    (length,) = struct.unpack("<I", data[4:8])
    end = min(8 + length, len(data))
    kept, offset = [], 12
    while offset + 8 <= end:
        kind = data[offset : offset + 4]
        (length,) = struct.unpack("<I", data[offset + 4 : offset + 8])
        chunk = data[offset : offset + 8 + length + length % 2]
        if kind == b"VP8X":
            flags = chunk[8] & ~_WEBP_FLAGS | (0x08 if orientation != _UPRIGHT else 0)
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if kind not in _WEBP_DROPPED:
            kept.append(chunk)
        offset += 8 + length + length % 2
    if orientation != _UPRIGHT:
        exif = _exif(orientation)
        kept.append(b"EXIF" + struct.pack("<I", len(exif)) + exif)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _is_plain(data: bytes, kind: str | None) -> bool:
    """Whether a TIFF, HEIC, AVIF or GIF file contains the picture only."""
    facts = photo_io.look(data)
    if kind != "TIFF":
        return not facts.notes
    return facts.pictures == 1 and facts.tags <= _TIFF_PLAIN
