"""Valid files of every kind that the program reads, and a few that claim too much."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import openpyxl
from PIL import Image

from coin_core.rendering.scenes import render_scene
from tests.scrapers import museums, saved_pages

SEED = 16_000_000
_FULL_BYTES = 48 << 20  # what a bomb holds at most, whatever it claims
_SIDES = (16, 4000, 8000, 16383, 65535)


@dataclass(frozen=True, slots=True)
class Seed:
    """A file: what it is, its suffix, and its bytes."""

    kind: str
    suffix: str
    data: bytes


@lru_cache
def coin_photo() -> Image.Image:
    """One rendered coin, 200 px wide, the same everywhere."""
    scenes = (render_scene(SEED, number) for number in range(100))
    photo = next(scene.photo for scene in scenes if scene.arrangement == "one")
    image = Image.fromarray(photo)
    return image.resize((200, round(200 * image.height / image.width)))


@lru_cache
def photo_seeds() -> tuple[Seed, ...]:
    """A small photo in each form of each format; without what Pillow cannot write."""
    rgb = coin_photo()
    grey, alpha = rgb.convert("L"), rgb.convert("RGBA")
    palette, cmyk, ink = rgb.quantize(16), rgb.convert("CMYK"), rgb.convert("1")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    real = Image.fromarray(np.asarray(grey).astype(np.float32))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    more: dict[str, Any] = {"save_all": True}
    tiffs = {
        "tiff_lzw": rgb,
        "tiff_adobe_deflate": cmyk,
        "jpeg": rgb,
        "packbits": palette,
        "zstd": rgb,
        "lzma": alpha,
        "group3": ink,
        "group4": ink,
    }
    forms: list[tuple[str, Image.Image, str, dict[str, Any]]] = [
        ("jpeg", rgb, "JPEG", {"exif": exif}),
        ("jpeg progressive", rgb, "JPEG", {"progressive": True}),
        ("jpeg cmyk", cmyk, "JPEG", {}),
        ("jpeg restarts", grey, "JPEG", {"restart_marker_blocks": 3}),
        ("mpo", rgb, "MPO", more),
        ("png", rgb, "PNG", {"exif": exif, "icc_profile": b"x" * 200}),
        ("png 16", deep, "PNG", {}),
        ("png palette", palette, "PNG", {"transparency": 0}),
        ("png animated", rgb, "PNG", more),
        *(
            (f"tiff {one}", im, "TIFF", {"compression": one})
            for one, im in tiffs.items()
        ),
        ("tiff", rgb, "TIFF", {"exif": exif}),
        ("tiff float", real, "TIFF", {}),
        ("tiff 16", deep, "TIFF", {}),
        ("tiff pages", rgb, "TIFF", more),
        ("tiff big", rgb, "TIFF", {"big_tiff": True}),
        ("tiff lab", Image.merge("LAB", rgb.split()), "TIFF", {}),
        ("bmp", rgb, "BMP", {}),
        ("bmp palette", palette, "BMP", {}),
        ("gif", palette, "GIF", {"interlace": 1}),
        ("gif animated", rgb, "GIF", more),
        ("webp", rgb, "WEBP", {"exif": exif}),
        ("webp lossless", alpha, "WEBP", {"lossless": True}),
        ("webp animated", rgb, "WEBP", more),
        ("avif", rgb, "AVIF", {"speed": 10, "exif": exif}),
        ("avif alpha", alpha, "AVIF", {"speed": 10}),
        ("heic", rgb, "HEIF", {"quality": 60}),
        ("heic alpha", alpha, "HEIF", {"quality": 60}),
    ]
    found = [
        *(_write(*form) for form in forms),
        Seed("png interlaced", "png", interlaced_png(rgb)),
        Seed("bmp rle", "bmp", rle_bmp(64, 48, b"\x40\x07\x00\x00" * 48 + b"\x00\x01")),
    ]
    return tuple(seed for seed in found if seed is not None)


def _write(
    kind: str, image: Image.Image, form: str, options: dict[str, Any]
) -> Seed | None:
    buffer = io.BytesIO()
    if "save_all" in options:
        options = options | {"append_images": [image.rotate(90)]}
    try:
        image.copy().save(buffer, form, **options)  # saving leaves settings in it
    except (OSError, KeyError):  # this Pillow has no such codec
        return None
    return Seed(kind, kind.split()[0], buffer.getvalue())


def png_chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG with its length and checksum."""
    check = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)


def png(
    size: tuple[int, int],
    depth: int,
    colour: int,
    packed: bytes,
    *,
    interlaced: int = 0,
) -> bytes:
    """A PNG around compressed rows."""
    head = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    chunks = ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def interlaced_png(image: Image.Image) -> bytes:
    """An Adam7 PNG, which Pillow reads and does not write."""
    pixels, rows = np.asarray(image), []
    passes = ("0088", "4088", "0448", "2044", "0224", "1022", "0112")
    for x, y, step_x, step_y in (map(int, one) for one in passes):
        part = pixels[y::step_y, x::step_x]
        rows += [b"\x00" + row.tobytes() for row in part if row.size]
    return png(image.size, 8, 2, zlib.compress(b"".join(rows)), interlaced=1)


def rle_bmp(width: int, height: int, body: bytes) -> bytes:
    """A BMP of 8 bits with run-length encoding."""
    start = 14 + 40 + 1024
    return (
        b"BM"
        + struct.pack("<IHHI", start + len(body), 0, 0, start)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 0, 0)
        + bytes(range(256)) * 4
        + body
    )


def photo_bomb(rng: random.Random) -> Seed:
    """A small file that claims much work: pixels, chunks, scans, or frames."""
    width, height = rng.choice(_SIDES), rng.choice(_SIDES)
    count = rng.choice((100, 10_000, 1_000_000))
    kind = rng.choice(
        ("png", "chunks", "text", "scans", "markers", "rle", "float", "gif")
    )
    if kind == "png":
        depth, colour, bits = rng.choice(
            ((1, 0, 1), (8, 2, 24), (16, 6, 64), (8, 3, 8))
        )
        full = min(height * (1 + width * bits // 8), _FULL_BYTES)
        return Seed("png", "png", png((width, height), depth, colour, _zeros(full)))
    if kind in ("chunks", "text"):
        small = png((64, 64), 8, 0, _zeros(64 * 65))
        name = rng.choice((b"ruSt", b"zTXt", b"iTXt", b"tEXt", b"eXIf", b"iCCP"))
        chunk = png_chunk(name, b"")
        if kind == "text":
            chunk, count = (
                png_chunk(b"zTXt", b"k\0\0" + _zeros(_FULL_BYTES)),
                count // 100,
            )
        return Seed("png", "png", small[:33] + _many(chunk, count) + small[33:])
    if kind in ("scans", "markers"):
        data = next(one.data for one in photo_seeds() if one.kind == "jpeg progressive")
        if rng.random() < 0.5:
            size = data.index(b"\xff\xc2") + 5
            shape = struct.pack(">HH", height, width)
            data = data[:size] + shape + data[size + 4 :]
        start = (
            data.index(b"\xff\xda") if kind == "markers" else data.rindex(b"\xff\xda")
        )
        marker = rng.choice((b"\xff\xe1\0\2", b"\xff\xfe\0\2", b"\xff\1", b"\xff\xd0"))
        added = _many(marker if kind == "markers" else data[start:-2], count)
        return Seed("jpeg", "jpg", data[:start] + added + data[start:])
    if kind == "rle":
        body = rng.choice((b"\0\0", b"\1\0", b"\xff\7\0\0", b"\0\2\0\1", b"\0\2\1\0"))
        return Seed("bmp", "bmp", rle_bmp(width, height, _many(body, count) + b"\0\1"))
    if kind == "float":
        side = min(width, height, 3000)
        values = np.full(
            (side, side), rng.choice((0, np.nan, np.inf, 1e38)), np.float32
        )
        form = {"compression": "tiff_adobe_deflate"}
        return _write("tiff", Image.fromarray(values), "TIFF", form) or photo_seeds()[0]
    data = next(one.data for one in photo_seeds() if one.kind == "gif animated")
    frames = data[data.index(b"\x21\xf9") : -1]
    head = data[:6] + struct.pack("<HH", width, height) + data[10 : -1 - len(frames)]
    return Seed("gif", "gif", head + _many(frames, min(count, 1000)) + b";")


def _many(part: bytes, count: int) -> bytes:
    return part * min(count, _FULL_BYTES // len(part))


@lru_cache(maxsize=8)
def _zeros(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


def packed(files: dict[str, bytes]) -> bytes:
    """A ZIP archive, the same for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files of an archive that this module has packed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@lru_cache
def small_photo() -> bytes:
    """A photo of 48 px, as tables and pages hold them."""
    buffer = io.BytesIO()
    coin_photo().resize((48, 48)).save(buffer, "PNG")
    return buffer.getvalue()


@lru_cache
def page_seeds() -> tuple[Seed, ...]:
    """Saved pages of the auction sites in each form, and records of museums."""
    found = []
    for site, (page, url, photo) in saved_pages.SAVED.items():
        marked = f"<!-- saved from url=(0050){url} -->{page}"
        inline = marked.replace(".s.jpg", ".jpg")
        for number in (101, 102, 103):
            data = f"data:image/png;base64,{_base64(small_photo())}"
            inline = inline.replace(
                photo.replace(".s.jpg", ".jpg").format(n=number), data
            )
        files = {photo.format(n=number): small_photo() for number in (101, 102)}
        beside = {f"p_files/{one.rpartition('/')[2]}": files[one] for one in files}
        found += [
            Seed(f"html {site}", "html", marked.encode()),
            Seed(f"html {site} SingleFile", "html", inline.encode()),
            Seed(f"mhtml {site}", "mhtml", saved_pages.mhtml(page, url, files)),
            Seed(f"zip {site}", "zip", packed({"p.html": marked.encode()} | beside)),
        ]
    record = museums.ans_record("1944.100.1", 1, "https://numismatics.org")
    feed = museums.ans_feed(["1944.100.1", "1944.100.2"], 2)
    return (
        *found,
        Seed("xml", "xml", record.encode()),
        Seed("xml", "xml", feed.encode()),
    )


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


@lru_cache
def table_seeds() -> tuple[Seed, ...]:
    """Tables of photos as CSV and Excel, and archives with photos and a table."""
    heads = ("file", "ruler", "coin_id", "weight_g", "diameter_mm", "die_axis_h", "url")
    rows = [
        ("a.png", "John Hyrcanus I", "7", "1.94", "14,5", "12", "https://x.org/1"),
        ("b.png", "Alexander Jannaeus", "8", "2", "15", "6", "=HYPERLINK(1)"),
    ]
    text = "".join(
        ",".join(f'"{cell}"' for cell in row) + "\n" for row in (heads, *rows)
    )
    book = openpyxl.Workbook()
    for row in (heads, *rows):
        book.active.append(row)
    book.active.add_image(openpyxl.drawing.image.Image(io.BytesIO(small_photo())), "H2")
    buffer = io.BytesIO()
    book.save(buffer)
    parts = unpacked(buffer.getvalue())
    del parts["docProps/core.xml"]  # has the time
    photos = {f"John Hyrcanus I/{name}.png": small_photo() for name in "ab"}
    return (
        Seed("csv", "csv", text.encode("utf-8-sig")),
        Seed("csv", "csv", text.replace(",", ";").encode("utf-16")),
        Seed("csv", "tsv", text.replace(",", "\t").encode()),
        Seed("zip excel", "xlsx", packed(parts)),
        Seed("zip", "zip", packed(photos | {"labels.csv": text.encode()})),
        Seed("zip nested", "zip", packed({"in.zip": packed(photos), "a.png": b"x"})),
    )
