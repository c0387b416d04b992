"""Decoding of untrusted photos; no other module turns bytes into pixels.

The type of a file is identified by its first bytes, never by its name. Its size is
checked in the header, before any pixel is decoded, so that a small file that claims a
huge picture takes neither time nor memory.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps

from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import file_types

MAX_BYTES: Final = 100 * 1024 * 1024
MAX_PIXELS: Final = 64_000_000
MAX_SIDE_PX: Final = 4096
"""The longer side that larger photos are scaled down to."""
MIN_SIDE_PX: Final = 16

# fmt: off
SUFFIXES: Final = (
    "jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "tif", "tiff", "bmp", "dib",
    "heic", "heif", "avif", "gif",
)
"""File name suffixes for pickers and folders; decoding ignores names."""

PICTURE_SUFFIXES: Final = (
    *SUFFIXES,
    "jxl", "jp2", "j2k", "jpc", "jpf", "jpx", "psd",
    "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "sr2", "srf", "orf", "rw2", "raf",
    "pef", "srw", "3fr", "iiq", "x3f", "kdc", "dcr", "mrw", "erf",
)
"""Suffixes of all pictures, to name those that cannot be read with the reason."""
# fmt: on

ACCEPTED: Final = (
    f"accepted are JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF and GIF photos of up to "
    f"{MAX_BYTES // 1024**2} MB and {MAX_PIXELS // 10**6} million pixels"
)

# Photos above this size are decoded one at a time, so that several large ones need no
# more memory than one.
_LARGE_PIXELS = 12_000_000
_large_decode = threading.Lock()

# A genuine progressive JPEG has about ten scans. A small file with thousands of empty
# ones takes minutes to decode.
_MAX_JPEG_SCANS = 100

# Rows are converted in strips, so that a large photo is not in memory twice.
_STRIP_PIXELS = 4_000_000

# Of the pictures in a TIFF, the first of these are searched for the photo.
_MAX_TIFF_PICTURES = 32
_TIFF_SUBFILE_TYPE = 254
_REDUCED_OR_MASK = 0b101

# A JPEG without an end marker is whole if more bytes after its last change nothing.
_JPEG_END = b"\xff\xd9"
_MORE_BYTES = (b"\x55" * 64, b"\xaa" * 64)

pillow_heif.register_heif_opener(thumbnails=False)

# Pillow warns of odd metadata that does not affect the pixels. The filter is set once,
# since `warnings.catch_warnings` is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.(\w+ImagePlugin|Image)$")


def inside(folder: Path) -> Iterator[Path]:
    """Yield the photos in a folder and its subfolders, by suffix, in order."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower().lstrip(".") in SUFFIXES and path.is_file():
            yield path


def inside_with_unreadable(folder: Path) -> Iterator[Path]:
    """Like `inside`, with pictures that cannot be read, and links to folders.

    Links to folders are not followed; `read` refuses both with the reason.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            if path.is_symlink():
                yield path
        elif path.suffix.lower().lstrip(".") in PICTURE_SUFFIXES and path.is_file():
            yield path


def read(path: Path | str) -> np.ndarray:
    """Read and decode a photo.

    Args:
        path: The file.

    Returns:
        RGB pixels, uint8 of shape (H, W, 3), as `decode` gives them.

    Raises:
        UnreadablePhotoError: There is no such file, or it is not an accepted photo.
    """
    path = Path(path)
    try:
        if not path.is_file():
            folder = "a link to a folder" if path.is_symlink() else "a folder"
            what = f"is {folder}" if path.is_dir() else "is not there"
            raise _refusal(path.name, what)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise _refusal(path.name, f"cannot be opened ({reason})") from error
    return decode(data, name=path.name)


def decode(data: bytes, *, name: str = "photo") -> np.ndarray:
    """Decode a photo; of an animation or a multi-page file, the first picture.

    The photo is turned upright by its EXIF orientation, transparent parts become white,
    and it is scaled down if its longer side exceeds `MAX_SIDE_PX`. Faults beside the
    pixels are ignored; `find_faults` names them.

    Args:
        data: The whole file.
        name: What to call the file in an error message.

    Returns:
        RGB pixels, uint8 of shape (H, W, 3), writable and contiguous.

    Raises:
        UnreadablePhotoError: The bytes are not an accepted photo. The message is one
            sentence: the file's name, what is wrong, and what is accepted.
    """
    if len(data) > MAX_BYTES:
        raise _refusal(name, f"is larger than {MAX_BYTES // 1024**2} MB")
    kind, pillow_format = file_types.sniff(data)
    if pillow_format is None:
        raise _refusal(name, f"is {kind}")
    endings: tuple[bytes, ...] = (b"",)
    if pillow_format == "JPEG":
        scans, lacks_end = file_types.read_jpeg_structure(data)
        if scans > _MAX_JPEG_SCANS:
            raise _refusal(name, f"is {kind} of more than {_MAX_JPEG_SCANS} scans")
        if lacks_end:
            data = data.removesuffix(b"\xff")
            restart = file_types.next_restart_marker(data)
            endings = (_JPEG_END, *(restart + b + _JPEG_END for b in _MORE_BYTES))
            endings += tuple(more + _JPEG_END for more in _MORE_BYTES)
    try:
        photo = _decode_once(data + endings[0], pillow_format, name)
        for ending in endings[1:]:
            other = _decode_once(data + ending, pillow_format, name)
            if not np.array_equal(photo, other):
                raise _refusal(name, f"is {kind} that is damaged or cut short")
        return photo
    except UnreadablePhotoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refusal(name, _too_many_pixels()) from error
    except Exception as error:  # Hostile bytes raise anything at all.
        raise _refusal(name, f"is {kind} that is damaged or cut short") from error


def _decode_once(data: bytes, pillow_format: str, name: str) -> np.ndarray:
    with _open(data, pillow_format, name) as image:
        _check_size(image.size, name)
        if image.width * image.height > _LARGE_PIXELS:
            with _large_decode:
                return _load(image)
        return _load(image)


@contextmanager
def _open(data: bytes, pillow_format: str, name: str) -> Iterator[Image.Image]:
    """Open a file at its photo, without decoding the pixels."""
    if pillow_format == "PNG":
        data, _ = file_types.drop_damaged_chunks(data)
    with Image.open(io.BytesIO(data), formats=[pillow_format]) as image:
        if pillow_format == "TIFF":
            _seek_photo(image, name)
        yield image


def _seek_photo(image: Image.Image, name: str) -> None:
    """Go to the first picture of a TIFF that is neither a reduced one nor a mask."""
    for index in range(_MAX_TIFF_PICTURES):
        try:
            image.seek(index)
        except EOFError:
            break
        tags = image.tag_v2  # type: ignore[attr-defined]
        if not int(tags.get(_TIFF_SUBFILE_TYPE, 0)) & _REDUCED_OR_MASK:
            return
    raise _refusal(
        name,
        "is a raw camera file, or another TIFF of which only a reduced preview can be "
        "read; save it as JPEG",
    )


def stored_size(data: bytes) -> tuple[int, int]:
    """Width and height in px of a photo that `decode` reads, as its file stores it."""
    _, pillow_format = file_types.sniff(data)
    with _open(data, str(pillow_format), "photo") as image:
        return image.size


def find_faults(data: bytes) -> str:
    """A sentence about what is damaged beside the pixels of a photo, or ""."""
    _, pillow_format = file_types.sniff(data)
    if pillow_format == "PNG":
        _, chunks = file_types.drop_damaged_chunks(data)
        if chunks:
            return (
                f"The file is damaged beside its pixels ({', '.join(chunks)}); they "
                "are whole."
            )
    elif pillow_format == "JPEG" and file_types.read_jpeg_structure(data)[1]:
        return "The end marker of the file is missing; its pixels are whole."
    return ""


def _refusal(name: str, what: str) -> UnreadablePhotoError:
    """The error that says what is wrong with a file."""
    return UnreadablePhotoError(f"{file_types.show_name(name)} {what}; {ACCEPTED}.")


def _too_many_pixels(size: tuple[int, int] | None = None) -> str:
    claim = f"is {size[0]} × {size[1]} pixels large, " if size else "has "
    return f"{claim}more than {MAX_PIXELS // 10**6} million pixels"


def _check_size(size: tuple[int, int], name: str) -> None:
    """Refuse a photo by its size (width, height) in the header."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise _refusal(name, _too_many_pixels(size))
    if min(width, height) < MIN_SIDE_PX:
        raise _refusal(
            name,
            f"is {width} × {height} pixels large, too small to show a coin "
            f"(at least {MIN_SIDE_PX} × {MIN_SIDE_PX})",
        )


def _load(image: Image.Image) -> np.ndarray:
    """Decode the pixels of an opened image of checked size."""
    # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size at a fraction of the cost.
    image.draft(None, _fit(image.size))  # type: ignore[no-untyped-call, unused-ignore]
    image.load()
    rgb = _to_rgb(image)
    if max(rgb.size) > MAX_SIDE_PX:
        rgb = rgb.resize(_fit(rgb.size), Image.Resampling.BOX, reducing_gap=2.0)
    # TIFF and HEIC are turned on loading, and have no orientation left here.
    return np.array(_turn_upright(rgb, image), dtype=np.uint8)


def _fit(size: tuple[int, int]) -> tuple[int, int]:
    """The size (width, height) with the longer side within the limit."""
    scale = min(1.0, MAX_SIDE_PX / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _turn_upright(rgb: Image.Image, source: Image.Image) -> Image.Image:
    """Apply the EXIF orientation of `source`; damaged EXIF has none."""
    try:
        orientation = source.getexif().get(0x0112, 1)
        rgb.getexif()[0x0112] = orientation
        return ImageOps.exif_transpose(rgb)
    except Exception:  # noqa: BLE001 - metadata is not worth refusing a photo for
        return rgb


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any colour mode to RGB."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    rows = max(1, _STRIP_PIXELS // image.width)
    white_level = _white_level(image)
    rgb = Image.new("RGB", image.size, "white")
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip = image.crop((0, top, image.width, bottom))
        if white_level is not None:
            values = np.asarray(strip, dtype=np.float32)
            grey = np.nan_to_num(values, posinf=white_level, neginf=0.0)
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
    brightest = float(np.nan_to_num(np.asarray(image), posinf=0.0).max())
    return next((level for level in levels if brightest <= level), brightest)


def _lab_to_rgb(strip: Image.Image) -> Image.Image:
    """Convert CIE L*a*b*, which Pillow's own convert cannot."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(strip, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("L*a*b* was not converted")
    return converted
