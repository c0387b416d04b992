"""What the camera wrote goes, the picture stays to the last bit."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from pillow_heif import register_heif_opener

from coin_core.catalog.importing.exif import strip_metadata
from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import photo_io

register_heif_opener()  # to write them

SECRET = b"FINDSPOT"
FORMATS = ("JPEG", "PNG", "WEBP")


def picture():
    rng = np.random.default_rng(3)
    return Image.fromarray(rng.integers(0, 255, (40, 80, 3), dtype=np.uint8))


def notes(turn):
    """EXIF with a place, a serial number and an owner."""
    exif = Image.Exif()
    exif[0x0112] = turn
    exif[0x013B] = SECRET.decode()
    exif.get_ifd(0x8769)[0xA431] = SECRET.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (31.0, 46.0, 40.0)})
    exif.get_ifd(0x8825)[29] = SECRET.decode()
    return exif


def save(kind, **given):
    buffer = io.BytesIO()
    picture().save(buffer, kind, **given)
    return buffer.getvalue()


def noted(kind, turn):
    """A file that tells its find spot wherever such a file can."""
    exif = notes(turn)
    if kind == "JPEG":
        notes_of = {"exif": exif, "comment": SECRET, "xmp": b"<x>" + SECRET + b"</x>"}
        data = save(kind, progressive=True, **notes_of)
        iptc = b"Photoshop 3.0\0" + SECRET
        segment = b"\xff\xed" + (len(iptc) + 2).to_bytes(2, "big") + iptc
        return data[:2] + segment + data[2:] + b"film " + SECRET
    if kind == "PNG":
        told = PngImagePlugin.PngInfo()
        told.add_text("Comment", SECRET.decode())
        told.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        return save(kind, exif=exif, pnginfo=told) + SECRET
    return save(kind, exif=exif, xmp=SECRET, lossless=True) + SECRET


@pytest.mark.parametrize("turn", [1, 3, 6])
@pytest.mark.parametrize("kind", FORMATS)
def test_notes_go_and_the_picture_stays(kind, turn):
    data = noted(kind, turn)
    bare = strip_metadata(data)
    assert SECRET in data
    assert SECRET not in bare
    assert np.array_equal(photo_io.decode(bare), photo_io.decode(data))
    with Image.open(io.BytesIO(bare)) as image:
        assert set(image.getexif()) <= {0x0112}
        assert not image.getexif().get_ifd(0x8825)
    assert strip_metadata(bare) == bare


@pytest.mark.parametrize("kind", [*FORMATS, "TIFF", "BMP", "HEIF", "AVIF", "GIF"])
def test_a_file_that_tells_nothing_is_left_as_it_is(kind):
    data = save(kind)
    assert strip_metadata(data) == data


@pytest.mark.parametrize("kind", ["TIFF", "HEIF", "AVIF"])
def test_what_cannot_be_taken_apart_is_to_be_saved_anew(kind):
    data = save(kind, exif=notes(1))
    assert SECRET in data
    assert strip_metadata(data) is None


def test_a_comment_in_a_gif_is_metadata():
    assert strip_metadata(save("GIF", comment=SECRET)) is None


def test_the_colour_profile_stays():
    profile = b"a profile of colours" * 10
    bare = strip_metadata(save("JPEG", icc_profile=profile, exif=notes(6)))
    with Image.open(io.BytesIO(bare)) as image:
        assert image.info["icc_profile"] == profile


def png_chunk(kind, body):
    checksum = zlib.crc32(kind + body).to_bytes(4, "big")
    return len(body).to_bytes(4, "big") + kind + body + checksum


@pytest.mark.parametrize("kind", [b"caBX", b"prVt", b"iDOT", b"SeCR"])
def test_a_png_keeps_only_chunks_of_the_picture(kind):
    data = save("PNG", dpi=(300, 300), icc_profile=b"colours")
    assert strip_metadata(data) == data
    assert strip_metadata(data[:33] + png_chunk(kind, SECRET) + data[33:]) == data
    ended = len(data) - 12
    assert strip_metadata(data[:ended] + png_chunk(kind, SECRET) + data[ended:]) == data


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_keeps_its_frames(kind):
    frames = {"save_all": True, "append_images": [picture().rotate(180)]}
    data = save(kind, duration=80, loop=2, **frames)
    assert strip_metadata(data) == data


def riff(chunks):
    return b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks


def webp_chunk(kind, body):
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def test_a_webp_keeps_only_chunks_of_the_picture():
    told = webp_chunk(b"C2PA", SECRET)
    data = save("WEBP")
    assert strip_metadata(riff(data[12:] + told)) == data
    data = save("WEBP", save_all=True, append_images=[picture().rotate(180)])
    head, frame, rest = data[12:].partition(b"ANMF")
    length = int.from_bytes(rest[:4], "little")
    body, rest = rest[4 : 4 + length], rest[4 + length + length % 2 :]
    noted = riff(head + webp_chunk(frame, body + told) + rest)
    assert SECRET in noted
    assert strip_metadata(noted) == data


@pytest.mark.parametrize("code", [0xFE, *range(0xE0, 0xF0)])
def test_a_jpeg_tells_nothing_between_its_scans(code):
    data = save("JPEG", progressive=True)
    told = bytes((0xFF, code)) + (len(SECRET) + 2).to_bytes(2, "big") + SECRET
    noted = data.replace(b"\xff\xda", told + b"\xff\xda")
    noted = noted[:-2] + told + noted[-2:]
    assert noted.count(SECRET) > 3
    assert strip_metadata(noted) == data


def extension(label, *blocks):
    data = b"".join(bytes([len(block)]) + block for block in blocks)
    return b"\x21" + label + data + b"\0"


def test_a_gif_with_more_than_pictures_is_to_be_saved_anew():
    frames = {"save_all": True, "append_images": [picture().rotate(180)]}
    data = save("GIF", duration=80, loop=2, **frames)
    assert strip_metadata(data) == data
    told = extension(b"\xff", b"C2PA_GIF\1\0\0", SECRET)
    comment = extension(b"\xfe", SECRET)
    for noted in (data[:-1] + told + b";", data[:-1] + comment + b";", data + SECRET):
        photo_io.decode(noted)
        assert strip_metadata(noted) is None


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("box", [b"uuid", b"free"])
def test_a_heic_or_avif_with_more_boxes_is_to_be_saved_anew(kind, box):
    data = save(kind)
    noted = data + (len(SECRET) + 8).to_bytes(4, "big") + box + SECRET
    photo_io.decode(noted)
    assert strip_metadata(noted) is None


@given(st.data())
def test_a_cut_or_bent_file_never_leaks_nor_crashes(drawn):
    kind = drawn.draw(st.sampled_from(FORMATS))
    data = bytearray(noted(kind, 6))
    if drawn.draw(st.booleans()):
        del data[drawn.draw(st.integers(64, len(data))) :]
    for _ in range(drawn.draw(st.integers(0, 3))):
        data[drawn.draw(st.integers(12, len(data) - 1))] = drawn.draw(
            st.integers(0, 255)
        )
    bare = strip_metadata(bytes(data))
    if bare is None:
        return
    try:
        before = photo_io.decode(bytes(data))
    except UnreadablePhotoError:
        return
    assert np.array_equal(photo_io.decode(bare), before)
