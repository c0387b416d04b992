"""Taking out of a photo what the camera and others have written beside the picture.

A find spot, a serial number or an owner's name is nobody's business when photos are
handed on. Pixels, colour profile and the turn of the camera stay: the picture is
never saved anew where its file can be taken apart instead.
"""

from __future__ import annotations

import io
import re
import struct

from PIL import Image

from coin_core.imaging import file_types

_ORIENTATION = 0x0112
_UPRIGHT = 1

# Of JPEG: the size and density of pixels, the colour profile, the kind of colours.
_JPEG_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_PNG_DROPPED = {b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"}
_WEBP_DROPPED = {b"EXIF", b"XMP "}
_WEBP_FLAGS = 0x08 | 0x04  # EXIF, XMP
# What TIFF needs to show a picture; any other tag may tell something.
_TIFF_PLAIN = {
    *(254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 280, 281, 282),
    *(283, 284, 290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324),
    *(325, 338, 339, 340, 341, 347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532),
    34675,
}


def without_notes(data: bytes) -> bytes | None:
    """A photo's file with the picture alone.

    Args:
        data: A whole file that `photos.decode` accepts.

    Returns:
        The very same bytes where nothing else was in them; None where the file cannot
        be taken apart, and the picture has to be saved anew.
    """
    _, kind = file_types.sniff(data)
    try:
        if kind == "JPEG":
            return _of_jpeg(data)
        if kind == "PNG":
            return _of_png(data)
        if kind == "WEBP":
            return _of_webp(data)
        if kind == "BMP":
            return data
        return data if _says_nothing(data) else None
    except (OSError, ValueError, SyntaxError, struct.error, IndexError):
        return None


def _turn_of(data: bytes) -> int:
    """How the camera was held, 1 to 8 as EXIF counts."""
    with Image.open(io.BytesIO(data)) as image:
        turn = image.getexif().get(_ORIENTATION, _UPRIGHT)
    return turn if turn in range(1, 9) else _UPRIGHT


def _exif(turn: int) -> bytes:
    """An EXIF block that tells the turn and nothing else."""
    entry = struct.pack("<HHIHH", _ORIENTATION, 3, 1, turn, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)


def _of_jpeg(data: bytes) -> bytes:
    head, kept, place = data[:2], [], 2
    while True:
        if data[place] != 0xFF:
            raise ValueError("no marker where one is due")
        while data[place + 1] == 0xFF:  # fill
            place += 1
        code = data[place + 1]
        length = 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if length < 4 or place + length > len(data):
            raise ValueError("a segment that is cut short")
        if code == 0xDA:
            break
        segment = data[place : place + length]
        tells = 0xE0 <= code <= 0xEF or code == 0xFE
        begins = _JPEG_KEPT.get(code)
        if not tells or (begins is not None and segment[4:].startswith(begins)):
            kept.append(segment)
        place += length
    picture = data[place : _end_of_jpeg(data, place)]
    turn = _turn_of(data)
    if turn != _UPRIGHT:
        exif = b"Exif\0\0" + _exif(turn)
        segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
        first = kept and kept[0][1] == 0xE0
        kept.insert(1 if first else 0, segment)
    return head + b"".join(kept) + picture


def _end_of_jpeg(data: bytes, place: int) -> int:
    """Where the first picture ends; films and other pictures may follow it."""
    # FF00 is a stuffed byte, FFD0 to FFD7 are restarts, FFFF is fill.
    marker = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
    while (found := marker.search(data, place)) is not None:
        if data[found.start() + 1] == 0xD9:
            return found.end()
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        place = found.end() + max(length, 2)
    raise ValueError("a picture that is cut short")


def _of_png(data: bytes) -> bytes:
    turn = _turn_of(data)
    kept, place, ended = [data[:8]], 8, False
    while not ended:
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, end = data[place + 4 : place + 8], place + 12 + length
        if end > len(data):
            raise ValueError("a chunk that is cut short")
        if kind == b"IDAT" and turn != _UPRIGHT:
            kept.append(_png_exif(turn))
            turn = _UPRIGHT
        if kind not in _PNG_DROPPED:
            kept.append(data[place:end])
        ended, place = kind == b"IEND", end
    return b"".join(kept)


def _png_exif(turn: int) -> bytes:
    from zlib import crc32

    body = b"eXIf" + _exif(turn)
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", crc32(body))


def _of_webp(data: bytes) -> bytes:
    turn = _turn_of(data)
    (length,) = struct.unpack("<I", data[4:8])
    end = min(8 + length, len(data))
    kept, place = [], 12
    while place + 8 <= end:
        kind = data[place : place + 4]
        (length,) = struct.unpack("<I", data[place + 4 : place + 8])
        chunk = data[place : place + 8 + length + length % 2]
        if kind == b"VP8X":
            flags = chunk[8] & ~_WEBP_FLAGS | (0x08 if turn != _UPRIGHT else 0)
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if kind not in _WEBP_DROPPED:
            kept.append(chunk)
        place += 8 + length + length % 2
    if turn != _UPRIGHT:
        exif = _exif(turn)
        kept.append(b"EXIF" + struct.pack("<I", len(exif)) + exif)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _says_nothing(data: bytes) -> bool:
    """Whether a TIFF or HEIC file holds the picture and nothing else."""
    with Image.open(io.BytesIO(data)) as image:
        if image.format != "TIFF":
            told = ("exif", "xmp", "metadata")
            return not any(image.info.get(name) for name in told)
        frames = getattr(image, "n_frames", 1)
        return frames == 1 and set(image.getexif()) <= _TIFF_PLAIN
