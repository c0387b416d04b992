"""ZIP archives that were made to do harm, and some that were not."""

import stat
import struct
import zipfile

import pytest

from coin_core.catalog.importing import archives
from coin_core.catalog.importing.archives import Archive
from coin_core.errors import CatalogError, UnreadablePhotoError


def pack(path, *members, **named):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in (*members, *named.items()):
            packed.writestr(name, data)
    return path


class UnflaggedName(zipfile.ZipInfo):
    """A name in the encoding of an old program, without the UTF-8 flag."""

    def __init__(self, name, encoding):
        super().__init__(name)
        self.encoding = encoding

    def _encodeFilenameFlags(self):  # noqa: N802 - of zipfile
        return self.filename.encode(self.encoding), self.flag_bits & ~0x800


def listed(path):
    with Archive(path) as archive:
        return {member.name: member.problem for member in archive.members()}


def test_members_are_read_without_unpacking(tmp_path):
    path = pack(tmp_path / "a.zip", ("folder/coin.jpg", b"pixels"))
    with Archive(path) as archive:
        (member,) = archive.members()
        assert (member.name, member.problem) == ("folder/coin.jpg", None)
        assert archive.read(member.number) == b"pixels"
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "a/../../evil.jpg",
        "/etc/evil.jpg",
        "..\\evil.jpg",
        "C:\\evil.jpg",
        "\\\\server\\evil.jpg",
    ],
)
def test_names_that_lead_out_are_refused(tmp_path, name):
    path = pack(tmp_path / "a.zip", (zipfile.ZipInfo(name), b"x"), ("ok.jpg", b"x"))
    problems = listed(path)
    assert problems.pop("ok.jpg") is None
    (sentence,) = problems.values()
    assert "leads out of the archive" in sentence
    assert ".." not in sentence.replace("..jpg", "")


def test_links_are_refused(tmp_path):
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = pack(tmp_path / "a.zip", (info, "/etc/passwd"))
    assert "is a link" in listed(path)["link.jpg"]


def test_locked_members_are_named(tmp_path):
    path = pack(tmp_path / "a.zip", ("coin.jpg", b"pixels"))
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark) + at
        data[place] |= 1
    path.write_bytes(data)
    assert "password" in listed(path)["coin.jpg"]
    with Archive(path) as archive, pytest.raises(UnreadablePhotoError, match="locked"):
        archive.read(0)


def test_archives_in_archives_are_named(tmp_path):
    assert (
        "inside an archive" in listed(pack(tmp_path / "a.zip", ("b.zip", b"")))["b.zip"]
    )


def test_a_bomb_is_refused_by_what_it_claims(tmp_path):
    path = pack(tmp_path / "a.zip", ("bomb.jpg", bytes(11 * 1024**2)))
    assert "far more than a photo" in listed(path)["bomb.jpg"]


def test_a_member_larger_than_it_says_is_not_read_on(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", ("coin.jpg", bytes(5000)))
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    assert "larger than" in listed(path)["coin.jpg"]
    with Archive(path) as archive, pytest.raises(UnreadablePhotoError):
        archive.read(0)


def test_a_damaged_member_packed_by_lzma_is_named(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("coin.jpg", bytes(range(256)) * 8)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with Archive(path) as archive, pytest.raises(UnreadablePhotoError, match="damaged"):
        archive.read(0)


def test_members_that_share_their_bytes_are_refused(tmp_path):
    path = pack(tmp_path / "a.zip", ("a.jpg", bytes(range(256)) * 8), ("b.jpg", b"x"))
    data = bytearray(path.read_bytes())
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 0)  # where the first begins
    path.write_bytes(data)
    assert all("far more" in problem for problem in listed(path).values())


@pytest.mark.parametrize("locator", [False, True])
def test_too_many_members_are_refused_before_they_are_parsed(
    tmp_path, monkeypatch, locator
):
    path = pack(tmp_path / "a.zip", *((f"{n}.jpg", b"") for n in range(20)))
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    if locator:
        data = path.read_bytes()
        end = data.rfind(b"PK\x05\x06")
        size = int.from_bytes(data[end + 12 : end + 16], "little")
        record = struct.pack("<4sQ12xQQQQ", b"PK\x06\x06", 44, 1, 1, size, 0)
        where = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
        small = data[end : end + 10] + bytes(2) + data[end + 12 :]
        path.write_bytes(data[:end] + record + where + small)
    else:
        monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(CatalogError, match="more than 10"):
        Archive(path)


def test_an_archive_with_two_ends_is_refused(tmp_path, monkeypatch):
    """Python reads the one before the locator, or the one that the locator names."""
    path = pack(tmp_path / "a.zip", ("a.jpg", b""))
    data = path.read_bytes()
    start, end = data.rfind(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    records = [
        struct.pack("<4sQ12xQQQQ", b"PK\x06\x06", 44, n, n, n * (end - start), start)
        for n in (1, 100_000)
    ]
    where = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    path.write_bytes(data[:end] + b"".join(records) + where + data[end:])
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(CatalogError, match="no ZIP archive"):
        Archive(path)


def test_a_directory_of_more_members_than_it_says_is_not_parsed(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", *((f"{n}.jpg", b"") for n in range(20)))
    data = bytearray(path.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    path.write_bytes(data)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(CatalogError, match="20 files, more than 10"):
        Archive(path)


def test_a_hundred_thousand_members_are_refused(tmp_path):
    """Their number does not fit where it is told, so it is told too low."""
    count = 100_000
    member = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *[20, 20], *[0] * 14)
    member = member[:28] + struct.pack("<H", 5) + member[30:] + b"a.jpg"
    directory = member * count
    told = count & 0xFFFF
    end = (b"PK\x05\x06", 0, 0, told, told, len(directory), 0, 0)
    path = tmp_path / "a.zip"
    path.write_bytes(directory + struct.pack("<4s4H2IH", *end))
    with pytest.raises(CatalogError, match="100,000 files, more than 50,000"):
        Archive(path)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no archive", b"PK\x05\x06"])
def test_what_is_no_archive_is_said_to_be_none(tmp_path, data):
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(CatalogError, match="no ZIP archive"):
        Archive(path)


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["אלכסנדר ינאי/ינאי 1.png", "labels.csv"], "utf-8"),
        (["אלכסנדר ינאי/ינאי 1.png", "labels.csv"], "cp862"),
        (["אלכסנדר ינאי/ינאי 1.png", "labels.csv"], "cp1255"),
        (["Александр Яннай/монета 1.png"], "cp866"),
        (["Müller/çoin.png"], "utf-8"),
        (["Müller/çoin.png", "Künker 2.png"], "cp437"),
        (["plain/coin.png"], "ascii"),
    ],
)
def test_names_without_the_utf8_flag_are_read_by_their_letters(
    tmp_path, names, encoding
):
    path = tmp_path / "a.zip"
    pack(path, *((UnflaggedName(name, encoding), b"pixels") for name in names))
    with Archive(path) as archive:
        assert [member.name for member in archive.members()] == names
        assert archive.read(0) == b"pixels"


def test_what_systems_add_is_passed_over(tmp_path):
    path = pack(
        tmp_path / "a.zip",
        ("__MACOSX/._coin.jpg", b""),
        (".DS_Store", b""),
        ("x/Thumbs.db", b""),
        ("coin.jpg", b""),
    )
    assert list(listed(path)) == ["coin.jpg"]
