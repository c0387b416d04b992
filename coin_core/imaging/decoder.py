"""The process that decodes photos; `photo_io` starts it, and may kill it.

Files from strangers meet C code here and nowhere else. The process has no file, no
secret and no weights to lose, its memory and its processor time are limited by the
system, and it ends with its parent. It reads requests from its standard input and
answers on its standard output, after a first line that says that it is ready:

    request   a line of JSON with the task, the type and length of the file, and the
              limits of "memory" and "cpu_s"; then the file
    answer 1  a line of JSON: the bytes that the task "needs", and those of the pixels
              that it "gives", or that it is "refused"
    go ahead  an empty line, once that much memory may be used
    answer 2  a line of JSON: a `PhotoFacts`, with "shape" before pixels, or "refused"

Run it: python -m coin_core.imaging.decoder [PIPE], where PIPE is the number of a pipe
into which the parent never writes, so that its other end closes when the parent ends.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import struct
import sys
import unicodedata
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from PIL import Image, ImageFile, UnidentifiedImageError

from coin_core.i18n import N_

try:
    import fcntl
    import resource
except ImportError:  # Windows has neither; there `photo_io` limits the time alone
    fcntl = resource = None  # type: ignore[assignment]

MAX_PIXELS: Final = 64_000_000
MAX_SIDE_PX: Final = 4096
"""The longer side that larger photos are scaled down to."""
MIN_SIDE_PX: Final = 16

# A genuine progressive JPEG has about ten scans. A small file with thousands of empty
# ones takes minutes to decode.
_MAX_JPEG_SCANS = 100

# Genuine files of 100 MB have 1,600 JPEG segments of 64 kB, and 25,000 PNG chunks of
# 4 kB.
MAX_SEGMENTS = 50_000

# Of the pictures in a TIFF, the first of these are searched for the photo.
_MAX_TIFF_PICTURES = 32
_TIFF_SUBFILE_TYPE = 254
_LAST_BASELINE_TAG = 33432  # of TIFF 6.0: Copyright
_REDUCED_OR_MASK = 0b101

# Rows are converted in strips, so that a large photo is not in memory twice.
_STRIP_PIXELS = 4_000_000
_SENT_BYTES = 256 << 10  # these stay in the processor's cache

# A JPEG without an end marker is whole if more bytes after its last change nothing.
_JPEG_END = b"\xff\xd9"
_MORE_BYTES = (b"\x55" * 64, b"\xaa" * 64)

# What decoding takes: buffers of the decoder, and copies of the file and the pixels.
_SPARE_BYTES = 64 * 2**20
_NO_LIMIT = 2**60
_BYTES_PER_PIXEL = 24

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_NOTES = ("exif", "xmp", "metadata", "comment")
_LONGEST_LIST = 200

_PLUGINS = {
    "JPEG": "Jpeg",
    "PNG": "Png",
    "WEBP": "WebP",
    "TIFF": "Tiff",
    "BMP": "Bmp",
    "AVIF": "Avif",
    "GIF": "Gif",
}

_PHOTOS = {
    "JPEG": N_("a JPEG photo"),
    "PNG": N_("a PNG picture"),
    "WEBP": N_("a WebP picture"),
    "TIFF": N_("a TIFF picture"),
    "BMP": N_("a BMP picture"),
    "HEIF": N_("a HEIC photo"),
    "AVIF": N_("an AVIF picture"),
    "GIF": N_("a GIF picture"),
}

_RAW = N_("a raw camera file, which must be saved as JPEG or TIFF first")

_OTHERS = (
    (b"%PDF", N_("a PDF document")),
    (b"PK\x03\x04", N_("a ZIP archive or office document")),
    (b"\x1f\x8b", N_("a gzip archive")),
    (b"8BPS", N_("a Photoshop document")),
    (b"\x00\x00\x00\x0cjP", N_("a JPEG 2000 picture")),
    (b"\xff\x4f\xff\x51", N_("a JPEG 2000 picture")),
    (b"\xff\x0a", N_("a JPEG XL picture")),
    (b"\x00\x00\x00\x0cJXL ", N_("a JPEG XL picture")),
    (b"\x00\x00\x01\x00", N_("an icon")),
    (b"\x7fELF", N_("a program")),
    (b"MZ", N_("a program")),
    (b"RIFF", N_("a sound or film")),
    *(
        (sign, _RAW)
        for sign in (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
    ),
)

_CR2 = b"\x10\0\0\0CR\2"  # its first directory is at byte 16, its version is 2
_DNG_VERSION, _PHOTOMETRIC = 50706, 262
_WHITE_IS_ZERO = 0
_SENSOR_VALUES = (32803, 34892)  # photometric: a colour filter array, linear raw

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_LONGEST_NAME = 80


_DAMAGED = "is {kind} that is damaged or cut short"
_TOO_MUCH_MEMORY = "that takes too much memory to decode"


class RefusedError(ValueError):
    """The file is not decoded; the message ends a sentence that names it."""


def main() -> None:
    """Answer requests until the parent closes the input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    for pipe in sys.argv[1:]:
        _end_with_parent(int(pipe))
    # Pillow warns of odd metadata that does not affect the pixels.
    warnings.simplefilter("ignore")
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else writes into the answers
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    _write(answers, {"ready": True})
    while line := requests.readline():
        _answer(json.loads(line), requests, answers)


def _answer(request: dict[str, Any], requests: IO[bytes], answers: IO[bytes]) -> None:
    length, pillow_format = request["length"], request["format"]
    _limit_memory(_NO_LIMIT)
    _import_plugin(pillow_format)
    _limit_memory(_address_space() + _SPARE_BYTES + 3 * length)
    _limit_cpu(request["cpu_s"])
    data = requests.read(length)
    pixels: Image.Image | None = None
    opened = ExitStack()

    def claim(size: tuple[int, int]) -> None:
        """Wait until there is the memory for so many pixels."""
        needs = _SPARE_BYTES + 3 * length + _BYTES_PER_PIXEL * size[0] * size[1]
        needs = min(needs, request["memory"])
        _limit_memory(_address_space() + needs)
        width, height = _fit(size) if request["task"] == "decode" else (0, 0)
        _write(answers, {"needs": needs, "gives": 3 * width * height})
        requests.readline()

    try:
        if pillow_format == "WEBP":  # opening it takes the memory for its pixels
            claim(_webp_size(data))
        photo = opened.enter_context(_Photo(data, pillow_format))
        if photo.is_deep:
            _limit_memory(_NO_LIMIT)
            import numpy  # noqa: F401 - most photos need none of it
        if pillow_format != "WEBP":
            claim(photo.image.size)
        if request["task"] == "look":
            facts = {**photo.facts(), **photo.metadata()}
        else:
            pixels = photo.decode()
            size = {"shape": (pixels.height, pixels.width)}
            facts = {**photo.facts(), **size}
    except RefusedError as refusal:
        facts = {"refused": str(refusal)}
    except MemoryError:
        facts = {"refused": f"is {request['kind']} {_TOO_MUCH_MEMORY}", "spent": True}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        facts = {"refused": _too_many_pixels()}
    except Exception:  # noqa: BLE001 - hostile bytes raise anything at all
        facts = {"refused": _DAMAGED.format(kind=request["kind"])}
    _limit_cpu(0)
    _write(answers, facts)
    with opened:
        # From the image into the pipe: what Pillow has in public, tobytes and
        # getdata, first copies the image.
        if pixels is not None:
            whole = ImageFile._Tile("raw", (0, 0, *pixels.size), 0, "RGB")
            ImageFile._save(pixels, answers, [whole], _SENT_BYTES)


def _write(answers: IO[bytes], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def _import_plugin(pillow_format: str) -> None:
    """Import the decoder of one format; all together take long."""
    if pillow_format == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
    else:
        import_module(f"PIL.{_PLUGINS[pillow_format]}ImagePlugin")


def _address_space() -> int:
    """Bytes of address space in use."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return _NO_LIMIT // 2
    return pages * os.sysconf("SC_PAGE_SIZE")


def _limit_memory(limit_bytes: int) -> None:
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            limit_bytes = min(limit_bytes, hard)
        with suppress(ValueError, OSError):  # a system that lacks this limit
            resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, hard))


def _limit_cpu(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)  # SIGPROF, which ends a process


def _end_with_parent(pipe: int) -> None:
    """Let the system end this process, also while it decodes, when a pipe is closed.

    Not its input: the system may signal what was written there once it has been read.
    """
    if fcntl is not None and hasattr(os, "O_ASYNC"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
            flags = fcntl.fcntl(pipe, fcntl.F_GETFL)
            # SIGIO, which ends a process.
            fcntl.fcntl(pipe, fcntl.F_SETFL, flags | os.O_ASYNC)


class _Photo:
    """A file that is opened at its photo, and decoded on demand."""

    def __init__(self, data: bytes, pillow_format: str) -> None:
        self.format = pillow_format
        self.fault = ""
        self.endings: tuple[bytes, ...] = ()
        if pillow_format == "PNG":
            data, chunks = drop_damaged_chunks(data)
            if chunks:
                names = ", ".join(dict.fromkeys(chunks))[:_LONGEST_LIST]
                self.fault = (
                    f"The file is damaged beside its pixels ({names}); they are whole."
                )
        elif pillow_format == "JPEG":
            data = self._read_structure(data)
        self.data = data
        self.image = self._open()
        self.size = self.image.size
        _check_size(self.size)
        # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size at a fraction of the cost.
        self.image.draft(None, _fit(self.size))  # type: ignore[no-untyped-call, unused-ignore]

    def _read_structure(self, data: bytes) -> bytes:
        scans, lacks_end = read_jpeg_structure(data)
        if scans > _MAX_JPEG_SCANS:
            raise RefusedError(f"is a JPEG photo of more than {_MAX_JPEG_SCANS} scans")
        if not lacks_end:
            return data
        self.fault = "The end marker of the file is missing; its pixels are whole."
        data = data.removesuffix(b"\xff")
        restart = next_restart_marker(data)
        self.endings = (*(restart + more for more in _MORE_BYTES), *_MORE_BYTES)
        return data

    def _open(self, ending: bytes = b"") -> Image.Image:
        """Open the file, without decoding the pixels."""
        data = self.data
        if self.endings:
            data += ending + _JPEG_END
        try:
            image = Image.open(io.BytesIO(data), formats=[self.format])
        except UnidentifiedImageError:
            if self.format == "TIFF" and _is_unknown_kind(data):
                raise RefusedError(
                    "is a TIFF picture of a kind that cannot be read; save it with 8 "
                    "or 16 bits"
                ) from None
            raise
        if self.format == "TIFF":
            _seek_photo(image)
        return image

    def __enter__(self) -> _Photo:
        return self

    def __exit__(self, *_: object) -> None:
        self.image.close()

    def facts(self) -> dict[str, Any]:
        """What `PhotoFacts` says of every photo."""
        width, height = self.size
        return {"width_px": width, "height_px": height, "fault": self.fault}

    def metadata(self) -> dict[str, Any]:
        """What `PhotoFacts` says of the metadata."""
        exif, info = self.image.getexif(), self.image.info
        orientation = exif.get(_ORIENTATION, 1)
        return {
            "orientation": orientation if orientation in range(1, 9) else 1,
            "tags": [int(tag) for tag in exif],
            "notes": [name for name in _NOTES if info.get(name)],
            "pictures": getattr(self.image, "n_frames", 1),
        }

    @property
    def is_deep(self) -> bool:
        """Whether its pixels have more than 8 bits."""
        return self.image.mode.startswith(("I", "F"))

    def decode(self) -> Image.Image:
        """The pixels as RGB."""
        rgb = _load(self.image)
        for ending in self.endings:
            with self._open(ending) as other:
                other.draft(None, _fit(self.size))  # type: ignore[no-untyped-call, unused-ignore]
                if _load(other).tobytes() != rgb.tobytes():
                    raise ValueError("the pixels depend on what follows")
        return rgb


def _is_unknown_kind(data: bytes) -> bool:
    """Whether a TIFF names a kind of pixels or compression that Pillow does not have.

    It has no floats in colour, for one.
    """
    from PIL.TiffImagePlugin import TiffImageFile

    try:
        TiffImageFile(io.BytesIO(data)).close()
    except SyntaxError as error:
        # It looks up kinds by several numbers, and compressions by one above all tags.
        missing = error.__cause__
        if isinstance(missing, KeyError):
            (key,) = missing.args
            return isinstance(key, tuple) or key > _LAST_BASELINE_TAG
    return False


def _seek_photo(image: Image.Image) -> None:
    """Go to the first picture of a TIFF that is neither a reduced one nor a mask."""
    for index in range(_MAX_TIFF_PICTURES):
        try:
            image.seek(index)
        except EOFError:
            break
        tags = image.tag_v2  # type: ignore[attr-defined]
        if not int(tags.get(_TIFF_SUBFILE_TYPE, 0)) & _REDUCED_OR_MASK:
            return
    raise RefusedError(
        "is a raw camera file, or another TIFF of which only a reduced preview can be "
        "read; save it as JPEG"
    )


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height by the header of a WebP; refuses a wrong size."""
    if data[12:16] == b"VP8X":
        width, height = (int.from_bytes(data[i : i + 3], "little") for i in (24, 27))
        size = width + 1, height + 1
    elif data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(data[i : i + 2], "little") for i in (26, 28))
        size = width & 0x3FFF, height & 0x3FFF
    if len(data) < 30:
        raise ValueError("the header is cut short")
    _check_size(size)
    return size


def _too_many_pixels(size: tuple[int, int] | None = None) -> str:
    claim = f"is {size[0]} × {size[1]} pixels large, " if size else "has "
    return f"{claim}more than {MAX_PIXELS // 10**6} million pixels"


def _check_size(size: tuple[int, int]) -> None:
    """Refuse a photo by its size (width, height) in the header."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise RefusedError(_too_many_pixels(size))
    if min(width, height) < MIN_SIDE_PX:
        raise RefusedError(
            f"is {width} × {height} pixels large, too small to show a coin "
            f"(at least {MIN_SIDE_PX} × {MIN_SIDE_PX})"
        )


def _load(image: Image.Image) -> Image.Image:
    """Decode the pixels of an opened image of checked size."""
    image.load()
    rgb = _to_rgb(image)
    if max(rgb.size) > MAX_SIDE_PX:
        rgb = rgb.resize(_fit(rgb.size), Image.Resampling.BOX, reducing_gap=2.0)
    # TIFF and HEIC are turned on loading, and have no orientation left here.
    return _turn_upright(rgb, image)


def _fit(size: tuple[int, int]) -> tuple[int, int]:
    """The size (width, height) with the longer side within the limit."""
    scale = min(1.0, MAX_SIDE_PX / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _turn_upright(rgb: Image.Image, source: Image.Image) -> Image.Image:
    """Apply the EXIF orientation of `source`; damaged EXIF has none."""
    try:
        turn = _TURNS.get(source.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - metadata is not worth refusing a photo for
        turn = None
    return rgb if turn is None else rgb.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any colour mode to RGB."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    white_level = _white_level(image)
    # Pillow inverts those of 8 bits itself.
    is_inverted = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    rgb = Image.new("RGB", image.size, "white")
    for top, strip in _strips(image, _STRIP_PIXELS):
        if white_level is not None:
            import numpy as np

            values = np.asarray(strip, dtype=np.float32)
            grey = np.nan_to_num(values, posinf=white_level, neginf=0.0)
            grey = white_level - grey if is_inverted else grey
            eight_bit = np.clip(grey * (255.0 / white_level) + 0.5, 0, 255)
            strip = Image.fromarray(eight_bit.astype(np.uint8))
        elif image.mode == "LAB":
            strip = _lab_to_rgb(strip)
        if strip.has_transparency_data:
            with_alpha = strip.convert("RGBA")
            rgb.paste(with_alpha, (0, top), mask=with_alpha.getchannel("A"))
        else:
            rgb.paste(strip.convert("RGB"), (0, top))
    return rgb


def _strips(image: Image.Image, pixels: int) -> Iterator[tuple[int, Image.Image]]:
    """The top rows and copies of the strips of an image, of so many pixels each."""
    rows = max(1, pixels // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield top, image.crop((0, top, image.width, bottom))


def _white_level(image: Image.Image) -> float | None:
    """The value that means white in a deep grey image; None for 8-bit modes.

    Cameras store 12 bits in 16, and floats end at 1, 255 or 65535: it is the smallest
    of the usual levels that is not below the brightest pixel.
    """
    if image.mode.startswith("I;16"):
        levels: tuple[float, ...] = (4095.0, 65535.0)
    elif image.mode == "I":
        levels = (255.0, 4095.0, 65535.0)
    elif image.mode == "F":
        levels = (1.0, 255.0, 65535.0)
    else:
        return None
    import numpy as np

    brightest = 0.0
    for _, strip in _strips(image, _STRIP_PIXELS):
        values = np.nan_to_num(np.asarray(strip), posinf=0.0)
        brightest = max(brightest, float(values.max()))
    return next((level for level in levels if brightest <= level), brightest)


def _lab_to_rgb(strip: Image.Image) -> Image.Image:
    """Convert CIE L*a*b*, which Pillow's own convert cannot."""
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(strip, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("L*a*b* was not converted")
    return converted


def sniff(data: bytes | bytearray) -> tuple[str, str | None]:
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


def _sniff_photo(head: bytes | bytearray) -> str | None:
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


def _is_raw(data: bytes | bytearray) -> bool:
    """Whether a TIFF holds the values of a camera's sensor, as DNG and CR2 do."""
    if data[4:11] == _CR2:
        return True
    order = "<" if data.startswith(b"II") else ">"
    place, number, counter, size = 4, "I", "H", 12
    if 43 in data[2:4]:  # BigTIFF
        place, number, counter, size = 8, "Q", "Q", 20
    try:
        (start,) = struct.unpack_from(order + number, data, place)
        (count,) = struct.unpack_from(order + counter, data, start)
        first = start + struct.calcsize(order + counter)
        for offset in range(first, first + size * count, size):
            tag, _, _, value = struct.unpack_from(f"{order}HH{number}H", data, offset)
            if tag == _DNG_VERSION:
                return True
            if tag == _PHOTOMETRIC and value in _SENSOR_VALUES:
                return True
    except (struct.error, OverflowError):  # damaged, which decoding reports
        pass
    return False


def _sniff_other(data: bytes | bytearray) -> str:
    if not data:
        return N_("an empty file (0 bytes)")
    for signature, kind in _OTHERS:
        if data.startswith(signature):
            return kind
    if data[4:8] == b"ftyp":
        return _RAW if data[8:12] == b"crx " else N_("a film")
    head = data[:4096]
    # A byte order mark and white space may precede markup.
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1024].lower()
    if b"<svg" in start:
        return N_("an SVG drawing")
    if start.startswith((b"<!doctype html", b"<html")):
        return N_("a web page")
    try:
        # The last character may be cut at the end of the head.
        text = head.decode("utf-8", errors="strict" if len(data) <= 4093 else "ignore")
    except UnicodeDecodeError:
        return N_("no photo of a known kind")
    printable = all(char.isprintable() or char in "\t\r\n\f" for char in text)
    return N_("a text file") if text and printable else N_("no photo of a known kind")


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
    # FF00 is a stuffed byte, FFFF is fill; FF01 and the restarts have no length.
    marker = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
    for _ in range(MAX_SEGMENTS):
        if (found := marker.search(data, offset)) is None:
            return scans, is_sequential and is_whole_scan and scans == 1
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
    raise RefusedError(f"is a JPEG photo of more than {MAX_SEGMENTS:,} segments")


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
    kept, dropped, offset, start, count = [], [], 8, 0, 0
    while offset + 12 <= len(data):
        count += 1
        if count > MAX_SEGMENTS:
            raise RefusedError(f"is a PNG picture of more than {MAX_SEGMENTS:,} chunks")
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


if __name__ == "__main__":
    main()
