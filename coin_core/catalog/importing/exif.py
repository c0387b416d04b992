"""Remove metadata from photos: place, serial number, owner and the like.

The pixels, the colour profile and the orientation stay. The picture is not encoded
again if its file can be taken apart instead.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from coin_core.imaging import photo_io
from coin_core.imaging.decoder import drop_damaged_chunks, sniff

_ORIENTATION = 0x0112
_UPRIGHT = 1

# JPEG segments that stay: pixel density, colour profile, colour space.
_JPEG_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
# Chunks of PNG and WebP that stay: pixels, colours, density, frames of an animation.
_PNG_KEPT = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP"),
    *(b"sBIT", b"pHYs", b"bKGD", b"cICP", b"hIST", b"sPLT", b"acTL", b"fcTL", b"fdAT"),
}
_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"}
_WEBP_FLAGS = 0x08 | 0x04  # EXIF, XMP
# Boxes of a HEIC or AVIF file with one picture, and extensions of a GIF: frames, loops.
_HEIF_PLAIN = {b"ftyp", b"meta", b"mdat"}
_GIF_PLAIN = re.compile(rb"\xf9|\xff\x0b(NETSCAPE2\.0|ANIMEXTS1\.0)")
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
    # FF00 is a stuffed byte, FF01 and FFD0 to FFD7 have no length, FFFF is fill.
    marker = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
    kept, offset, code = [], 2, 0
    while code != 0xD9:  # films and other pictures may follow the end
        if code == 0xDA:
            found = marker.search(data, offset)
            if found is None:
                raise ValueError("the picture is cut short")
            kept.append(data[offset : found.start()])
            offset = found.start()
        while data[offset : offset + 2] == b"\xff\xff":  # fill
            offset += 1
        if marker.match(data, offset) is None:
            raise ValueError("a marker is missing")
        code = data[offset + 1]
        length = 2 + int.from_bytes(data[offset + 2 : offset + 4], "big")
        if code == 0xD9:
            length = 2
        elif length < 4 or offset + length > len(data):
            raise ValueError("a segment is cut short")
        segment = data[offset : offset + length]
        is_metadata = 0xE0 <= code <= 0xEF or code == 0xFE
        prefix = _JPEG_KEPT.get(code)
        if not is_metadata or (prefix is not None and segment[4:].startswith(prefix)):
            kept.append(segment)
        offset += length
    orientation = photo_io.look(data).orientation
    if orientation != _UPRIGHT:
        exif = b"Exif\0\0" + _exif(orientation)
        segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
        first = kept[0][1] == 0xE0
        kept.insert(1 if first else 0, segment)
    return data[:2] + b"".join(kept)


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
        if kind in _PNG_KEPT:
            kept.append(data[offset:end])
        ended, offset = kind == b"IEND", end
    return b"".join(kept)


def _strip_webp(data: bytes) -> bytes:
    orientation = photo_io.look(data).orientation
    (length,) = struct.unpack("<I", data[4:8])
    end = min(8 + length, len(data))
    kept = []
    for kind, chunk in _webp_chunks(data, 12, end):
        if kind == b"VP8X":
            flags = chunk[8] & ~_WEBP_FLAGS | (0x08 if orientation != _UPRIGHT else 0)
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        elif kind == b"ANMF":
            parts = _webp_chunks(chunk, 24, len(chunk))
            frame = chunk[8:24] + b"".join(x for name, x in parts if name in _WEBP_KEPT)
            chunk = kind + struct.pack("<I", len(frame)) + frame
        if kind in _WEBP_KEPT:
            kept.append(chunk)
    if orientation != _UPRIGHT:
        exif = _exif(orientation)
        kept.append(b"EXIF" + struct.pack("<I", len(exif)) + exif)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunks(data: bytes, offset: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """The names of chunks, and their bytes with head and padding."""
    while offset + 8 <= end:
        (length,) = struct.unpack("<I", data[offset + 4 : offset + 8])
        following = offset + 8 + length + length % 2
        yield data[offset : offset + 4], data[offset:following]
        offset = following


def _is_plain(data: bytes, kind: str | None) -> bool:
    """Whether a TIFF, HEIC, AVIF or GIF file contains the picture only."""
    facts = photo_io.look(data)
    if kind == "TIFF":
        return facts.pictures == 1 and facts.tags <= _TIFF_PLAIN
    whole = _is_plain_gif(data) if kind == "GIF" else _is_plain_heif(data)
    return whole and not facts.notes


def _is_plain_heif(data: bytes) -> bool:
    """Whether a HEIC or AVIF file is made of the boxes of one picture."""
    offset = 0
    while offset < len(data):
        length, kind = struct.unpack(">I4s", data[offset : offset + 8])
        if length == 1:
            (length,) = struct.unpack(">Q", data[offset + 8 : offset + 16])
        elif length == 0:  # to the end of the file
            length = len(data) - offset
        if kind not in _HEIF_PLAIN or length < 8:
            return False
        offset += length
    return offset == len(data)


def _is_plain_gif(data: bytes) -> bool:
    """Whether a GIF is made of pictures alone, with nothing behind them."""
    offset = 13 + _palette_bytes(data[10])
    while data[offset] != 0x3B:
        if data[offset] == 0x2C:
            offset += 11 + _palette_bytes(data[offset + 9])
        elif data[offset] == 0x21 and _GIF_PLAIN.match(data, offset + 1):
            offset += 2
        else:
            return False
        while data[offset]:  # blocks of data, up to an empty one
            offset += 1 + data[offset]
        offset += 1
    return offset == len(data) - 1


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0
