"""The one door for photos: what is read, and how everything else is refused."""

from __future__ import annotations

import gc
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin
from pillow_heif import register_heif_opener

from coin_core.errors import BusyError, DecoderMissingError, UnreadablePhotoError
from coin_core.imaging import photo_io

register_heif_opener()  # to write them

ROOT = Path(__file__).resolve().parents[3]
RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (40, 60, 190)


def four_corners(width: int = 64, height: int = 48) -> Image.Image:
    """Red top left, green top right, blue bottom left, grey bottom right."""
    image = Image.new("RGB", (width, height), (128, 128, 128))
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG that claims a size; `body` is what its pixel chunk holds."""

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", body or zlib.compress(b"\0" * 1000)),
            chunk(b"IEND", b""),
        ]
    )


def assert_close(photo: np.ndarray, x: float, y: float, colour, tolerance: int = 12):
    height, width = photo.shape[:2]
    pixel = photo[int(y * height), int(x * width)].astype(int)
    assert np.abs(pixel - np.array(colour)).max() <= tolerance, (pixel, colour)


def refusal(data: bytes, name: str = "find 7.jpg") -> str:
    """The one sentence with which a file is refused, checked for its parts."""
    with pytest.raises(UnreadablePhotoError) as caught:
        photo_io.decode(data, name=name)
    sentence = str(caught.value)
    assert sentence.startswith(name)
    assert sentence.endswith(f"{photo_io.ACCEPTED}.")
    assert "\n" not in sentence
    return sentence


def find_faults(data: bytes) -> str:
    return photo_io.decode_with_facts(data)[1].fault


def stored_size(data: bytes) -> tuple[int, int]:
    facts = photo_io.decode_with_facts(data)[1]
    return facts.width_px, facts.height_px


# What is read


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 95}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("BMP", {}),
        ("HEIF", {"quality": 95}),
        ("AVIF", {"quality": 95}),
        ("GIF", {}),
    ],
)
def test_each_accepted_format_is_read_whatever_the_name_says(kind, options):
    photo = photo_io.decode(encode(four_corners(), kind, **options), name="scan.txt")
    assert photo.shape == (48, 64, 3)
    assert photo.dtype == np.uint8
    assert photo.flags.writeable
    assert photo.flags.c_contiguous
    for x, y, colour in [(0.2, 0.2, RED), (0.8, 0.2, GREEN), (0.2, 0.8, BLUE)]:
        assert_close(photo, x, y, colour, tolerance=16)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_each_colour_mode_becomes_rgb(mode, kind):
    grey = Image.linear_gradient("L").resize((32, 32))
    image = (
        Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
        if mode == "I;16"
        else grey.convert("RGB").convert(mode)
    )
    photo = photo_io.decode(encode(image, kind))
    assert photo.shape == (32, 32, 3)
    assert photo[:4].mean() < 40
    assert photo[-4:].mean() > 210


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(kind):
    data = encode(four_corners().convert("CMYK"), kind)
    photo = photo_io.decode(data)
    assert_close(photo, 0.2, 0.2, RED, tolerance=20)
    assert_close(photo, 0.8, 0.2, GREEN, tolerance=20)


def test_lab_becomes_rgb():
    from PIL import ImageCms

    lab = ImageCms.profileToProfile(
        four_corners(),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    photo = photo_io.decode(encode(lab, "TIFF"))
    assert_close(photo, 0.2, 0.8, BLUE, tolerance=20)


@pytest.mark.parametrize(
    ("values", "white"),
    [
        (np.uint16, 65535),
        (np.uint16, 4095),
        (np.int32, 65535),
        (np.float32, 1.0),
        (np.float32, 255.0),
        (np.float32, 65535.0),
    ],
)
def test_deep_grey_keeps_its_tones(values, white):
    ramp = np.linspace(0, white, 64 * 20).reshape(20, 64).astype(values)
    photo = photo_io.decode(encode(Image.fromarray(ramp), "TIFF"))
    assert photo[0, 0].tolist() == [0, 0, 0]
    assert photo[-1, -1].tolist() == [255, 255, 255]
    assert abs(int(photo[10, 0, 0]) - 127) <= 3


def test_a_float_picture_with_holes_is_read():
    values = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    values[3, 3], values[4, 4] = np.nan, np.inf
    photo = photo_io.decode(encode(Image.fromarray(values), "TIFF"))
    assert photo[-1, -1, 0] == 255


@pytest.mark.parametrize(("values", "white"), [(np.uint16, 65535), (np.float32, 1.0)])
def test_a_tiff_in_which_zero_is_white_is_no_negative(values, white):
    ramp = np.linspace(white, 0, 40 * 30).reshape(30, 40).astype(values)
    file = io.BytesIO()
    Image.fromarray(ramp).save(file, "TIFF", tiffinfo={262: 0})
    photo = photo_io.decode(file.getvalue())
    assert photo[0, 0].tolist() == [0, 0, 0]
    assert photo[-1, -1].tolist() == [255, 255, 255]


def test_a_16_bit_png_keeps_its_tones():
    ramp = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    photo = photo_io.decode(encode(Image.fromarray(ramp), "PNG"))
    assert np.abs(photo[..., 0] - ramp / 257.0).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white(mode):
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((90, 90, 90, 255), (0, 0, 16, 32))
    if mode == "P":
        palette = Image.new("P", (32, 32), 1)
        palette.putpalette([90, 90, 90, 0, 0, 0])
        palette.paste(0, (0, 0, 16, 32))
        data = encode(palette, "PNG", transparency=1)
    else:
        data = encode(image.convert(mode), "PNG")
    photo = photo_io.decode(data)
    assert photo[16, 24].tolist() == [255, 255, 255]
    assert photo[16, 4].tolist() == [90, 90, 90]


def test_half_transparent_mixes_with_white():
    photo = photo_io.decode(encode(Image.new("RGBA", (20, 20), (0, 0, 0, 128)), "PNG"))
    assert abs(int(photo[0, 0, 0]) - 127) <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_its_exif_says(kind, orientation):
    upright = four_corners()
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = photo_io.decode(encode(stored, kind, exif=exif.tobytes(), quality=95))
    assert photo.shape == (48, 64, 3)
    assert_close(photo, 0.2, 0.2, RED, tolerance=20)
    assert_close(photo, 0.8, 0.2, GREEN, tolerance=20)


def pixels_first(
    pixels: np.ndarray, *, big: bool = False, compression: int = 1
) -> bytes:
    """A TIFF whose pixels (H, W, 3) are in front of its directory, which is allowed."""
    data = pixels.tobytes()
    start, number = (16, "Q") if big else (8, "I")
    three = struct.pack("<3H", *[pixels.itemsize * 8] * 3)
    forms = struct.pack("<3H", *[3 if pixels.dtype.kind == "f" else 1] * 3)
    end = start + len(data)
    entries = {
        **{256: pixels.shape[1], 257: pixels.shape[0], 258: three if big else end},
        **{259: compression, 262: 2, 273: start, 277: 3, 278: pixels.shape[0]},
        **{279: len(data), 339: forms if big else end + 6},
    }
    directory = b""
    for tag, value in entries.items():
        count = 3 if tag in (258, 339) else 1
        kind = 3 if count == 3 or tag not in (273, 279) else 4
        packed = value if isinstance(value, bytes) else struct.pack("<Q", value)
        room = struct.calcsize(number)
        directory += struct.pack(f"<HH{number}", tag, kind, count)
        directory += packed.ljust(8, b"\0")[:room]
    head = b"II+\0\x08\0\0\0" if big else b"II*\0"
    count_of = struct.pack("<Q" if big else "<H", len(entries))
    rest = three + forms + count_of + directory + bytes(8)
    return head + struct.pack(f"<{number}", end + 12) + data + rest


@pytest.mark.parametrize(
    ("colour", "big"),
    [((67, 82, 60), False), ((67, 82, 2), False), ((18, 198, 18), True)],
    ids=["CR", "CR with a version", "the tag of a DNG"],
)
def test_pixels_in_front_are_not_taken_for_a_raw_file(colour, big):
    pixels = np.full((48, 64, 3), colour, np.uint8)
    if big:
        pixels = np.frombuffer(b"\x12\xc6" * (48 * 32 * 3), np.uint8)
        pixels = pixels.reshape(48, 64, 3)
    photo = photo_io.decode(pixels_first(pixels, big=big))
    assert (photo == pixels).all()


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_of_floats_in_colour_is_refused_as_what_it_is(big):
    pixels = np.full((48, 64, 3), 0.5, np.float32)
    said = refusal(pixels_first(pixels, big=big), name="stack.tif")
    assert "of a kind that cannot be read; save it with 8 or 16 bits" in said


def test_a_tiff_of_an_unknown_compression_is_refused_as_what_it_is():
    data = pixels_first(np.zeros((48, 64, 3), np.uint8), compression=50002)
    assert "of a kind that cannot be read" in refusal(data)


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_damaged_exif_does_not_cost_the_photo(exif):
    photo = photo_io.decode(encode(four_corners(), "JPEG", exif=exif))
    assert photo.shape == (48, 64, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_of_several_pictures_the_first_is_read(kind):
    first, second = Image.new("RGB", (32, 32), RED), Image.new("RGB", (32, 32), BLUE)
    data = encode(first, kind, save_all=True, append_images=[second], lossless=True)
    assert_close(photo_io.decode(data), 0.5, 0.5, RED)


@pytest.mark.parametrize(
    ("size", "kind", "shape"),
    [
        ((6000, 3000), "JPEG", (2048, 4096, 3)),
        ((9000, 4500), "JPEG", (2048, 4096, 3)),
        ((3000, 6000), "PNG", (4096, 2048, 3)),
        ((4096, 20), "PNG", (20, 4096, 3)),
        ((70000, 16), "PNG", (1, 4096, 3)),
    ],
)
def test_a_large_photo_is_scaled_to_the_longest_side(size, kind, shape):
    assert photo_io.decode(encode(Image.new("RGB", size), kind)).shape == shape


# What is refused


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"Lot 7: prutah, 1.9 g\n", "text file"),
        ("מטבע יהוחנן\n".encode(), "text file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- coin --><svg></svg>", "SVG"),
        (b"\xef\xbb\xbf  <svg></svg>", "SVG"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "GIF"),
        (b"PK\x03\x04" + bytes(40), "archive"),
        (b"8BPS\0\x01" + bytes(40), "Photoshop"),
        (b"\0\0\0\x1cftypavif" + bytes(40), "AVIF"),
        (b"\0\0\0\x1cftypisom" + bytes(40), "film"),
        (b"\xff\x0a" + bytes(40), "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "sound or film"),
        (bytes(range(256)) * 4, "no photo of a known kind"),
        (b"\0" * 1000, "no photo of a known kind"),
        (b"\xff\xd8\xff", "damaged or cut short"),
        (b"\x89PNG\r\n\x1a\n", "damaged or cut short"),
        (b"II*\0\xff\xff\xff\xff", "damaged or cut short"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "damaged or cut short"),
        (b"BM" + bytes(60), "damaged or cut short"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "damaged or cut short"),
    ],
)
def test_what_is_no_photo_is_refused_by_what_it_is(data, what):
    assert what in refusal(data)


def tiff_with_preview(*pictures: tuple[Image.Image, int], **tags: int) -> bytes:
    """A TIFF of several pictures, each with its NewSubfileType."""
    buffer = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer, new=True) as writer:
        for picture, subfile_type in pictures:
            info = TiffImagePlugin.ImageFileDirectory_v2()
            info[254] = subfile_type
            for tag, value in tags.items():
                info[int(tag.removeprefix("tag"))] = value
            picture.save(writer, "TIFF", tiffinfo=info)
            writer.newFrame()
    return buffer.getvalue()


def test_the_full_picture_of_a_tiff_is_read_and_not_its_preview():
    preview = Image.new("RGB", (32, 24), BLUE)
    data = tiff_with_preview((preview, 1), (four_corners(), 0))
    assert photo_io.decode(data).shape == (48, 64, 3)
    assert stored_size(data) == (64, 48)


def test_a_tiff_with_nothing_but_a_preview_is_refused():
    data = tiff_with_preview((four_corners(), 1))
    assert "only a reduced preview" in refusal(data, name="coin.nef")


@pytest.mark.parametrize(
    "data",
    [
        tiff_with_preview((four_corners(), 1), tag50706=1),
        tiff_with_preview((four_corners(), 0), tag50706=1),
        b"II*\0\x10\0\0\0CR\2\0" + bytes(40),
        b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHH", 262, 3, 1, 32803, 0) + bytes(4),
        b"\0\0\0\x18ftypcrx " + bytes(40),
        b"FUJIFILMCCD-RAW 0201" + bytes(40),
    ],
    ids=["DNG preview", "DNG", "CR2", "colour filter array", "CR3", "RAF"],
)
def test_raw_files_are_refused_as_raw(data):
    assert "a raw camera file" in refusal(data, name="coin.dng")


def with_chunk(data: bytes, name: bytes, body: bytes, crc: int) -> bytes:
    """A PNG with one more chunk behind its header."""
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)
    return data[:33] + chunk + data[33:]


@pytest.mark.parametrize("name", [b"tEXt", b"iCCP", b"gAMA", b"eXIf"])
def test_a_wrong_checksum_beside_the_pixels_costs_no_png(name):
    whole = encode(four_corners(), "PNG")
    data = with_chunk(whole, name, b"anything", 7)
    assert np.array_equal(photo_io.decode(data), photo_io.decode(whole))
    assert name.decode() in find_faults(data)
    assert not find_faults(whole)


@pytest.mark.parametrize("name", [b"IDAT", b"PLTE"])
def test_a_wrong_checksum_of_the_pixels_is_refused(name):
    data = with_chunk(encode(four_corners(), "PNG"), name, b"\1\2\3", 7)
    assert "damaged" in refusal(data)


@pytest.mark.parametrize(
    "options",
    [{}, {"subsampling": 0}, {"quality": 30}, {"restart_marker_blocks": 2}],
)
@pytest.mark.parametrize("lost", [1, 2])
def test_a_jpeg_without_its_end_marker_is_read(rng, options, lost):
    noise = Image.fromarray(rng.integers(0, 255, (90, 70, 3), dtype=np.uint8))
    whole = encode(noise, "JPEG", **options)
    assert np.array_equal(photo_io.decode(whole[:-lost]), photo_io.decode(whole))
    assert "end marker" in find_faults(whole[:-lost])
    assert not find_faults(whole)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("lost", [4, 6, 10, 40, 400])
def test_a_jpeg_that_lacks_pixels_is_refused(rng, progressive, lost):
    noise = Image.fromarray(rng.integers(0, 255, (90, 70, 3), dtype=np.uint8))
    whole = encode(noise, "JPEG", progressive=progressive)
    for data in (whole[:-lost], whole[:-lost] + b"\xff"):
        assert "cut short" in refusal(data)


def test_a_jpeg_cut_before_or_behind_a_restart_marker_is_refused(rng):
    noise = Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    whole = encode(noise, "JPEG", restart_marker_blocks=2)
    restarts = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", whole)]
    assert len(restarts) > 6
    for at in restarts:
        assert "cut short" in refusal(whole[:at])
        assert "cut short" in refusal(whole[: at + 2])


def test_a_jpeg_cut_between_its_scans_is_refused():
    whole = encode(four_corners(), "JPEG", progressive=True)
    assert "cut short" in refusal(whole[: whole.rindex(b"\xff\xda")])


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "HEIF", "AVIF", "GIF"]
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_file_cut_short_is_refused(kind, share, rng):
    noise = Image.fromarray(rng.integers(0, 255, (96, 96, 3), dtype=np.uint8))
    data = encode(noise, kind)
    assert "damaged or cut short" in refusal(data[: int(len(data) * share)])


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (400, 15)])
def test_a_photo_too_small_for_a_coin_is_refused(size):
    sentence = refusal(encode(Image.new("RGB", size), "PNG"))
    assert f"{size[0]} × {size[1]} pixels" in sentence
    assert "too small" in sentence


@pytest.mark.parametrize(
    "size", [(30_000, 30_000), (9_000, 9_000), (100_000, 100_000), (2**31 - 1, 2)]
)
def test_a_pixel_bomb_is_refused_at_once_and_without_memory(size):
    data = png_header(*size)
    photo_io.decode(
        encode(four_corners(), "PNG")
    )  # the start of a decoder is not meant
    tracemalloc.start()
    begun = time.perf_counter()
    sentence = refusal(data)
    seconds = time.perf_counter() - begun
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "million pixels" in sentence or "damaged" in sentence
    assert seconds < 1
    assert peak < 5_000_000


def test_a_webp_bomb_is_refused_at_once():
    frame = Image.new("RGB", (32, 32), RED)
    other = Image.new("RGB", (32, 32), BLUE)
    data = bytearray(encode(frame, "WEBP", save_all=True, append_images=[other]))
    assert data[12:16] == b"VP8X"
    data[24:27] = data[27:30] = (16_383).to_bytes(3, "little")
    assert "more than 64 million pixels" in refusal(bytes(data))


def test_a_jpeg_bomb_is_refused_by_its_header():
    data = bytearray(encode(four_corners(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 30_000, 30_000)
    assert "more than 64 million pixels" in refusal(bytes(data))


def test_200_mb_are_refused_before_anything_is_looked_at():
    begun = time.perf_counter()
    assert "larger than 100 MB" in refusal(bytes(200 * 1024**2))
    assert time.perf_counter() - begun < 2


def test_a_jpeg_of_endless_scans_is_refused():
    data = encode(four_corners(), "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    bomb = data[:-2] + data[scan:-2] * 200 + data[-2:]
    assert "more than 100 scans" in refusal(bomb)


def test_a_film_behind_a_telephone_photo_does_no_harm():
    data = encode(four_corners(), "JPEG") + b"\xff\xda\x00\x04" * 500
    assert photo_io.decode(data).shape == (48, 64, 3)


def test_an_endless_text_chunk_is_refused():
    bomb = zlib.compress(b"a" * 50_000_000)
    body = b"note\0\0" + bomb
    crc = struct.pack(">I", zlib.crc32(b"zTXt" + body))
    data = encode(four_corners(), "PNG")
    data = data[:33] + struct.pack(">I", len(body)) + b"zTXt" + body + crc + data[33:]
    refusal(data)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\finds\\coin.jpg", "coin.jpg"),
        ("two\nlines\x1b[31m.jpg", "twolines[31m.jpg"),
        ("\u202egpj.exe", "gpj.exe"),
        ("", "photo"),
        ("מטבע 7.jpg", "מטבע 7.jpg"),
    ],
)
def test_a_name_is_shown_without_tricks(name, shown):
    with pytest.raises(UnreadablePhotoError) as caught:
        photo_io.decode(b"", name=name)
    assert str(caught.value).startswith(f"{shown} is")


def test_a_long_name_is_shortened():
    with pytest.raises(UnreadablePhotoError) as caught:
        photo_io.decode(b"", name="x" * 5000 + ".jpg")
    assert len(str(caught.value)) < 400
    assert ".jpg is" in str(caught.value)


# Anything at all


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_and_nothing_else(data):
    with pytest.raises(UnreadablePhotoError):
        photo_io.decode(data)


SIGNATURES = [
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"RIFF\xff\0\0\0WEBPVP8X",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08",
    b"BM",
    b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
    b"GIF89a",
]


@given(st.sampled_from(SIGNATURES), st.binary(max_size=600))
def test_random_bytes_behind_a_true_signature_raise_nothing_else(head, data):
    with pytest.raises(UnreadablePhotoError):
        photo_io.decode(head + data)


SAMPLES = {
    kind: encode(four_corners(32, 24), kind)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "HEIF", "AVIF", "GIF")
}


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(SAMPLES)),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
)
def test_damaged_photos_are_read_or_refused(kind, share, changes):
    data = bytearray(SAMPLES[kind][: int(len(SAMPLES[kind]) * share)])
    for place, value in changes:
        if data:
            data[int(place * (len(data) - 1))] = value
    try:
        photo = photo_io.decode(bytes(data))
    except UnreadablePhotoError:
        return
    assert photo.dtype == np.uint8
    assert photo.ndim == 3


# Files


def test_a_file_is_read_under_its_own_name(tmp_path):
    path = tmp_path / "coin.jpg"
    path.write_bytes(encode(four_corners(), "PNG"))
    assert photo_io.read(path).shape == (48, 64, 3)
    path.write_bytes(b"")
    with pytest.raises(UnreadablePhotoError, match=r"^coin\.jpg is an empty file"):
        photo_io.read(str(path))


@pytest.mark.parametrize(
    ("name", "what"), [("gone.jpg", "is not there"), (".", "is a folder")]
)
def test_what_is_no_file_is_refused(tmp_path, name, what):
    with pytest.raises(UnreadablePhotoError, match=what):
        photo_io.read(tmp_path / name)


def test_a_huge_file_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "huge.tif"
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)  # sparse: takes no room on the disk
    tracemalloc.start()
    with pytest.raises(UnreadablePhotoError, match="larger than 100 MB"):
        photo_io.read(path)
    assert tracemalloc.get_traced_memory()[1] < 250_000_000
    tracemalloc.stop()


def test_large_photos_in_many_threads_are_all_read():
    data = encode(Image.new("RGB", (4200, 3000), RED), "JPEG")
    shapes: list[tuple[int, ...]] = []
    threads = [
        threading.Thread(target=lambda: shapes.append(photo_io.decode(data).shape))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shapes == [(2926, 4096, 3)] * 4


def test_a_folder_gives_its_photos_in_order(tmp_path):
    for name in ("b.PNG", "deep/a.jpg", "labels.csv", "none"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "raw.DNG").touch()
    found = [
        path.relative_to(tmp_path).as_posix() for path in photo_io.inside(tmp_path)
    ]
    assert found == ["b.PNG", "deep/a.jpg"]
    (tmp_path / "linked").symlink_to(tmp_path / "deep")
    named = [path.name for path in photo_io.inside_with_unreadable(tmp_path)]
    assert named == ["b.PNG", "a.jpg", "linked", "raw.DNG"]
    with pytest.raises(UnreadablePhotoError, match="is a link to a folder"):
        photo_io.read(tmp_path / "linked")


# The process that decodes


def slow_photo() -> bytes:
    """A small file of 64 million pixels, which take most of a second."""
    return encode(Image.new("1", (8000, 8000)), "PNG")


@contextmanager
def stuck_decoder() -> Iterator[tuple[photo_io._Decoder, Future[str]]]:
    """A decoder that stands still with a photo, and the sentence to come."""

    def running() -> photo_io._Decoder | None:
        found = [each for each in photo_io._pool.running if each._is_ready]
        return found[0] if found else None

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(refusal, slow_photo())
        decoder = wait_for(running)
        decoder.process.send_signal(signal.SIGSTOP)
        yield decoder, future
        decoder.process.kill()


def wait_for(condition: Callable[[], Any]) -> Any:
    """The first true value of a condition."""
    for _ in range(3000):
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError("it did not happen within 30 s")


@pytest.fixture
def look_every(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let decoders be looked at so often, and be slowed down after that time."""

    def change(seconds: float) -> None:
        monkeypatch.setattr(photo_io, "_PATIENCE_S", seconds)
        if (watcher := photo_io._pool.watcher) is not None:
            watcher.join()  # it still looks as often as before

    return change


def test_a_photo_that_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(photo_io, "MAX_CPU_S", 0.1)
    assert "PNG picture that takes more than 0 s to decode" in refusal(slow_photo())
    assert photo_io.decode(encode(four_corners(), "PNG")).shape == (48, 64, 3)


def test_a_photo_that_takes_too_much_memory_is_refused(monkeypatch):
    monkeypatch.setattr(photo_io, "MAX_MEMORY", 100 << 20)
    assert "takes too much memory to decode" in refusal(slow_photo())
    assert photo_io.decode(encode(four_corners(), "PNG")).shape == (48, 64, 3)


def test_nobody_waits_for_a_photo_that_is_stuck():
    with stuck_decoder():
        for _ in range(3):
            photo_io.decode(encode(four_corners(), "PNG"))


def test_a_crash_of_the_decoder_costs_one_photo():
    with stuck_decoder() as (decoder, sentence):
        decoder.process.send_signal(signal.SIGSEGV)
        decoder.process.send_signal(signal.SIGCONT)
        assert "PNG picture that crashes the decoder" in sentence.result()
    assert photo_io.decode(encode(four_corners(), "PNG")).shape == (48, 64, 3)


def test_what_is_written_while_a_decoder_works_does_not_end_it(monkeypatch):
    """Linux may signal late what was written for the decoder, once it decodes that."""

    class Decoder(photo_io._Decoder):
        def _send(self, *parts: bytes | bytearray) -> None:
            super()._send(*parts)
            if parts == (b"\n",):
                started_s = self.cpu_s()
                wait_for(lambda: self.cpu_s() > started_s + 0.03)
                super()._send(b"read by the next task")
                self.is_spent = True  # there is none

        def cpu_s(self) -> float:
            return sum(psutil.Process(self.process.pid).cpu_times()[:2])

    photo_io._end_decoders()
    monkeypatch.setattr(photo_io, "_Decoder", Decoder)
    assert photo_io.decode(slow_photo()).shape == (4096, 4096, 3)


def test_a_decoder_that_computes_nothing_is_killed_in_the_end(monkeypatch, look_every):
    look_every(0.1)
    photo_io.decode(encode(four_corners(), "PNG"))  # one that has started
    monkeypatch.setattr(photo_io, "MAX_WALL_S", 0.5)
    with stuck_decoder() as (_, sentence):
        assert "PNG picture that was not decoded within 0 s" in sentence.result()


def test_a_decoder_that_waits_on_a_busy_computer_is_kept(look_every):
    look_every(0.3)
    photo_io.decode(encode(four_corners(), "PNG"))
    (decoder, *_) = photo_io._pool.idle
    decoder.process.send_signal(signal.SIGSTOP)
    threading.Timer(1.0, decoder.process.send_signal, [signal.SIGCONT]).start()
    photo_io._pool.idle[:] = [decoder]
    photo_io.decode(encode(four_corners(), "PNG"))
    assert photo_io._pool.idle == [decoder]
    assert not decoder.is_spent


@pytest.mark.skipif(sys.platform != "linux", reason="others tell no processor time")
def test_a_decoder_that_has_computed_long_makes_way_and_is_replaced(
    monkeypatch, look_every
):
    photo_io.decode(encode(four_corners(), "PNG"))
    look_every(0.05)
    (decoder, *_) = photo_io._pool.idle
    photo_io._pool.idle[:] = [decoder]
    priorities = []
    end = decoder.end
    monkeypatch.setattr(
        decoder,
        "end",
        lambda: [priorities.append(psutil.Process(decoder.process.pid).nice()), end()],
    )
    before = psutil.Process(decoder.process.pid).nice()
    photo_io.decode(slow_photo())
    assert decoder not in photo_io._pool.idle
    assert priorities == [max(before, photo_io._NICE)]


def test_an_idle_decoder_that_died_is_replaced():
    photo_io.decode(encode(four_corners(), "PNG"))
    for decoder in photo_io._pool.idle:
        decoder.process.kill()
        decoder.process.wait()
    assert photo_io.decode(encode(four_corners(), "PNG")).shape == (48, 64, 3)


def test_a_decoder_that_does_not_start_is_no_fault_of_the_photo(monkeypatch):
    photo_io._end_decoders()
    monkeypatch.setattr(photo_io.sys, "executable", "/bin/false")
    with pytest.raises(DecoderMissingError, match="does not start"):
        photo_io.decode(encode(four_corners(), "PNG"))
    monkeypatch.setattr(photo_io.sys, "executable", "/nowhere")
    with pytest.raises(DecoderMissingError, match="does not start"):
        photo_io.decode(encode(four_corners(), "PNG"))


@pytest.mark.skipif(sys.platform != "linux", reason="others tell it otherwise")
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_decoder_holds_a_large_photo_once_and_gives_its_memory_back(orientation):
    photo_io._end_decoders()
    photo_io.decode(encode(four_corners(), "JPEG"))
    (decoder,) = photo_io._pool.idle

    def mebibytes(what: str) -> float:
        status = Path(f"/proc/{decoder.process.pid}/status").read_text()
        return int(re.search(rf"{what}:\s+(\d+)", status)[1]) / 1024

    before = mebibytes("VmRSS")
    exif = Image.Exif()
    exif[0x0112] = orientation
    large = encode(Image.new("RGB", (4000, 3000)), "JPEG", exif=exif.tobytes())
    photo_io.decode(large)
    photo = 4 * 4000 * 3000 / 2**20  # Pillow takes 4 bytes for a pixel
    held = photo * (2 if orientation > 1 else 1)
    assert held < mebibytes("VmHWM") - before < held + 20
    photo_io.decode(encode(four_corners(), "JPEG"))
    assert mebibytes("VmRSS") < before + 20


TRUE_FACTS = {"width_px": 64, "height_px": 48, "fault": ""}


@pytest.mark.parametrize(
    "answers",
    [
        [["needs", "gives"]],
        ["needs"],
        [7],
        [{}],
        [{"needs": 2**40, "gives": 0}],
        [{"needs": -(2**40), "gives": 0}],
        [{"needs": "all", "gives": 0}],
        [{"needs": None, "gives": 0}],
        [{"needs": 0, "gives": 2**40}],
        [{"needs": 0, "gives": -3}],
        *(
            [{"needs": 0, "gives": 3 * 64 * 48}, {**TRUE_FACTS, "shape": shape}]
            for shape in ([49, 64], [-48, -64], [0, 64], [48.0, 64], [48], "48", None)
        ),
        [{"needs": 0, "gives": 0}, {**TRUE_FACTS, "width_px": 2**63}],
        [{"needs": 0, "gives": 0}, {**TRUE_FACTS, "width_px": -64, "height_px": -48}],
        [{"needs": 0, "gives": 0}, {**TRUE_FACTS, "width_px": float("inf")}],
        [{"needs": 0, "gives": 0}, {**TRUE_FACTS, "fault": 7}],
        [{"needs": 0, "gives": 0}, {**TRUE_FACTS, "tags": 7}],
        [{"refused": "is\nno photo"}],
        [{"refused": "is \ud800"}],
        [{"refused": "no " * 100_000}],
        [{"refused": ["no"]}],
    ],
)
def test_a_decoder_that_lies_costs_one_photo(monkeypatch, tmp_path, answers):
    """As one would that a photo has taken over."""
    assert "crashes the decoder" in refusal_of_fake(monkeypatch, tmp_path, answers)
    assert photo_io._pool.memory._free == photo_io._MEMORY_OF_ALL


def test_an_answer_nested_without_end_costs_one_photo(monkeypatch, tmp_path):
    script = f"print('[' * {photo_io._LONGEST_ANSWER}, flush=True)"
    assert "crashes the decoder" in refusal_of_fake(monkeypatch, tmp_path, [], script)


def refusal_of_fake(
    monkeypatch: pytest.MonkeyPatch, folder: Path, answers: list, then: str = ""
) -> str:
    """How a photo is refused if this is what its decoder answers."""
    lines = [json.dumps(answer) for answer in answers]
    (folder / "answers").write_text("\n".join(["ready", *lines]))
    path = folder / "decoder"
    path.write_text(
        f"#!{sys.executable}\nimport time\n"
        f"print(open({str(folder / 'answers')!r}).read(), flush=True)\n"
        f"{then}\ntime.sleep(60)"
    )
    path.chmod(0o700)
    photo_io._end_decoders()
    monkeypatch.setattr(photo_io.sys, "executable", str(path))
    return refusal(encode(four_corners(), "PNG"))


def test_large_photos_wait_for_the_memory_of_others():
    memory, order = photo_io._Memory(100), []

    def take_more() -> None:
        with memory.hold(40):
            order.append("large")

    with ThreadPoolExecutor(1) as pool:
        with memory.hold(70):
            future = pool.submit(take_more)
            with memory.hold(30):  # a small photo does not wait behind the large one
                time.sleep(0.05)
                order.append("small")
        future.result(timeout=30)
    assert order == ["small", "large"]


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> photo_io._Memory:
    """Room for one large photo, which somebody holds."""
    memory = photo_io._Memory(100)
    memory.take(100)
    monkeypatch.setattr(photo_io, "_pixels_in_use", memory)
    monkeypatch.setattr(photo_io, "_SMALL_BYTES", 4 * 48 * 64)
    monkeypatch.setattr(photo_io, "_LONGEST_WAIT_S", 0.01)
    return memory


def test_a_queue_of_large_photos_waits_until_others_are_done_with(little_room):
    large = encode(Image.new("RGB", (200, 100)), "PNG")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(photo_io.decode, large, queue=True)
        small = photo_io.decode(encode(four_corners(), "PNG"), queue=True)
        assert small.shape == (48, 64, 3)
        # Who does not wait in the queue goes on after a while.
        assert photo_io.decode(large).shape == (100, 200, 3)
        gc.collect()
        assert not future.done()
        assert little_room._free == 0
        little_room.give_back(60_000)
        pixels = future.result(timeout=60)
    assert little_room._free == 0
    part = pixels[:10]
    del pixels, future
    gc.collect()
    assert little_room._free == 0  # a part keeps the whole
    del part
    gc.collect()
    assert little_room._free == 60_000


def test_a_queue_that_does_not_move_ends_in_a_sentence(little_room, monkeypatch):
    monkeypatch.setattr(photo_io, "_LONGEST_QUEUE_S", 0.05)
    large = encode(Image.new("RGB", (200, 100)), "PNG")
    with pytest.raises(BusyError, match=r"Try again in some minutes\."):
        photo_io.decode(large, queue=True)
    assert little_room._free == 0
    assert photo_io._pool.memory._free == photo_io._MEMORY_OF_ALL
    assert photo_io.decode(encode(four_corners(), "PNG")).shape == (48, 64, 3)


def test_a_crash_leaves_no_room_taken_while_its_error_is_there(monkeypatch):
    memory = photo_io._Memory(photo_io._PIXELS_OF_ALL)
    monkeypatch.setattr(photo_io, "_pixels_in_use", memory)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(photo_io.decode, slow_photo())
        wait_for(lambda: memory._free < photo_io._PIXELS_OF_ALL)
        (decoder,) = photo_io._pool.running
        decoder.process.kill()
        assert isinstance(future.exception(), UnreadablePhotoError)
    assert memory._free == photo_io._PIXELS_OF_ALL


def test_a_refused_photo_leaves_no_room_taken(little_room):
    large = encode(Image.new("RGB", (200, 100)), "PNG")
    damaged = large[:-40]
    assert "damaged" in refusal(damaged)
    gc.collect()
    assert little_room._free == 0


@pytest.mark.skipif(sys.platform != "linux", reason="others tell no processor time")
def test_a_photo_that_computes_long_gives_way_to_the_next(monkeypatch, look_every):
    look_every(0.05)
    memory = photo_io._Memory(photo_io._PIXELS_OF_ALL)
    monkeypatch.setattr(photo_io, "_pixels_in_use", memory)
    pixels = photo_io.decode(slow_photo())
    assert pixels.nbytes > photo_io._SMALL_BYTES
    assert memory._free == photo_io._PIXELS_OF_ALL
    del pixels
    gc.collect()
    assert memory._free == photo_io._PIXELS_OF_ALL


def test_a_fork_has_decoders_of_its_own():
    photo_io.decode(encode(four_corners(), "PNG"))
    pid = os.fork()
    if not pid:
        try:
            photo_io.decode(encode(Image.new("RGB", (20, 20)), "PNG"))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert photo_io.decode(encode(four_corners(), "PNG")).shape == (48, 64, 3)


def test_no_decoder_outlives_its_parent(tmp_path):
    path = tmp_path / "slow.png"
    path.write_bytes(slow_photo())
    script = (
        "import sys, threading, time; from coin_core.imaging import photo_io as p\n"
        "threading.Thread(target=p.read, args=sys.argv[1:], daemon=True).start()\n"
        "while not p._pool.running: time.sleep(0.01)\n"
        "print(next(iter(p._pool.running)).process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        decoder = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    wait_for(
        lambda: not decoder.is_running() or decoder.status() == psutil.STATUS_ZOMBIE
    )
