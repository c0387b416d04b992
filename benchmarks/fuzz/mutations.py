"""Seeded damage to files: to their parts, to the numbers in them, and to bytes."""

from __future__ import annotations

import io
import json
import math
import random
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from benchmarks.fuzz.seeds import Seed, packed

_MOST_BYTES = 4 << 20
_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 1 << 31, (1 << 32) - 1)

# Where the parts of a file begin, by the first word of its kind.
_JPEG, _MARKUP = rb"(?=\xff[\xc0-\xfe])", rb"(?=<)"
_BOXES = (
    rb"(?s)(?=.{4}(?:ftyp|meta|hdlr|pitm|iloc|iinf|infe|iprp|ipco|ispe|pixi|av1C|hvcC"
    rb"|colr|irot|ipma|iref|auxC|mdat))"
)
_CUTS = {
    "jpeg": _JPEG,
    "mpo": _JPEG,
    "png": rb"(?s)(?=.{4}(?:IHDR|PLTE|IDAT|IEND|[a-z][a-zA-Z][A-Z][a-zA-Z]))",
    "tiff": rb"(?s)(?=.[\x00\x01\x87\xc6][\x01-\x0d]\x00)",
    "webp": rb"(?=VP8[ LX]|ANIM|ANMF|ALPH|EXIF)",
    "gif": rb"(?=\x21[\xf9\xfe\xff])",
    "avif": _BOXES,
    "heic": _BOXES,
    "zip": rb"(?=PK[\x01\x03\x05-\x07])",
    "html": _MARKUP,
    "xml": _MARKUP,
    "mhtml": rb"(?=------cut|\r\nContent-)",
    "csv": rb"(?=[,;\n\t])",
    "json": rb"(?=[\[\]{},:])",
}
_TEXTS = frozenset({"html", "xml", "mhtml", "csv", "json"})
_EDITS = ("drop", "repeat", "swap", "splice", "truncate", "flip", "noise")
_EDITS += ("number",) * 4
_TEXT_EDITS = (*_EDITS, *("word", "value", "nest") * 3)
_WORDS = (
    *(b"nan", b"-inf", b"1e999", b"9" * 5000, b"-1", b"", b"a" * 70_000, b"\x00"),
    *(b"\xed\xa0\x80", b"../../etc/passwd", b"C:\\x", b"file:///etc/passwd"),
    *(b"http://127.0.0.1:1/", b"http://[::1", b"<script>alert(1)</script>"),
    *(b"![a](http://127.0.0.1:1/)", b"=1+1", b"&#x110000;", b"]]>", b"%00%ff"),
    *(b"data:image/png;base64,AAA", b"2" * 400 + b"-1-1", b"\xe2\x80\xae", b'"', b"'"),
)
_NESTS = (b"<div>", b"<a><b>", b"[", b'{"a":', b"<!--", b"((", b"&amp;")
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 3, 1 << 31, 1 << 63, 10**400, 0.5, 1e-320, 1e308),
    *(math.nan, math.inf, -math.inf, "", "x", "resnet", "evil", "../x", "a" * 70_000),
    *("\x00", "\ud800", "<script>", "F64", "U8", [], {}, [[]], ["a", "a"], {"a": 1}),
)


def mutate(rng: random.Random, seed: Seed, others: Sequence[Seed]) -> bytes:
    """Damage a file in one to twenty places; rarely in none."""
    kind = seed.kind.split()[0]
    if kind == "zip" and rng.random() < 0.7:
        return _mutate_members(rng, seed.data)
    parts = [*_cut(kind, seed.data)]
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 6, 20))):
        edit = rng.choice(_TEXT_EDITS if kind in _TEXTS else _EDITS)
        _edit(rng, edit, parts, _cut(kind, rng.choice(others).data))
        if sum(map(len, parts)) > _MOST_BYTES:
            break
    if kind == "png" and rng.random() < 0.8:
        parts = [_with_checksum(part) for part in parts]
    return b"".join(parts)


@lru_cache(maxsize=256)
def _cut(kind: str, data: bytes) -> tuple[bytes, ...]:
    """The parts of a file, never none; its first bytes are cut finely."""
    found = re.finditer(_CUTS.get(kind, rb"(?!)"), data)
    edges = {0, len(data), *(match.start() for match in found)}
    edges |= {*range(0, min(len(data), 64), 16)}
    return tuple(data[one:end] for one, end in pairwise(sorted(edges))) or (b"",)


def _edit(
    rng: random.Random, edit: str, parts: list[bytes], others: tuple[bytes, ...]
) -> None:
    place, other = rng.randrange(len(parts)), rng.randrange(len(parts))
    part = bytearray(parts[place])
    at = rng.randrange(
        min(24, len(part)) if rng.random() < 0.7 and part else len(part) + 1
    )
    match edit:
        case "drop":
            parts[place : place + rng.choice((1, 1, 3))] = [b""]
        case "repeat":
            count = rng.choice((2, 2, 50, 3000))
            parts[place] *= min(count, _MOST_BYTES // (len(part) + 1))
        case "swap":
            parts[place], parts[other] = parts[other], parts[place]
        case "splice":
            start = rng.randrange(len(others))
            taken = others[start : start + rng.choice((1, 1, 4, 10**6))]
            parts[place : place + rng.randrange(3)] = taken
        case "truncate":
            parts[place : len(parts) if rng.random() < 0.5 else place + 1] = [part[:at]]
        case "number":
            form = rng.choice(("B", "<H", ">H", "<I", ">I"))
            width = struct.calcsize(form)
            number = rng.choice(_NUMBERS) & ((1 << 8 * width) - 1)
            part[at : at + width] = struct.pack(form, number)
        case "flip":
            part[at : at + 1] = bytes(
                one ^ 1 << rng.randrange(8) for one in part[at : at + 1]
            )
        case "noise":
            part[at : at + rng.choice((0, 4))] = rng.randbytes(rng.choice((1, 4, 200)))
        case "word":
            part[at : at + rng.choice((0, 1, 9))] = rng.choice(_WORDS)
        case "value":
            values = [*re.finditer(rb"[\w.]+", part)] or [None]
            if value := rng.choice(values):
                part[value.start() : value.end()] = rng.choice(_WORDS)
        case "nest":
            part[at:at] = rng.choice(_NESTS) * rng.choice((3, 1000, 100_000))
    if edit in ("number", "flip", "noise", "word", "value", "nest"):
        parts[place] = bytes(part)


def _with_checksum(part: bytes) -> bytes:
    """A chunk of a PNG with the checksum of its body, if it is a whole one."""
    if len(part) < 12 or len(part) != 12 + int.from_bytes(part[:4], "big"):
        return part
    return part[:-4] + struct.pack(">I", zlib.crc32(part[4:-4]))


def _mutate_members(rng: random.Random, data: bytes) -> bytes:
    """Damage a file in an archive, its name, or what the directory says of it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        chosen = rng.choice(old.namelist())
        for name in old.namelist():
            body, copies, info = old.read(name), 1, zipfile.ZipInfo(name)
            what = rng.randrange(12) if name == chosen else -1
            if what == 0:
                word = rng.choice(_WORDS)[:60].decode("latin-1")
                info.filename = name[: rng.randrange(9)] + word + name[-4:]
            elif what == 1:
                body = bytes(rng.choice((1 << 10, 1 << 24, 120 << 20)))
            elif what == 2:
                copies = rng.choice((2, 100, 2000))
            elif what == 3:
                info.external_attr = 0o120777 << 16
            elif what == 4:
                body = packed({name: body})
            elif what > 4:
                kind = name.rpartition(".")[2].replace("rels", "xml")
                body = mutate(rng, Seed(kind, "", body), [Seed(kind, "", body)])
            with warnings.catch_warnings(action="ignore"):  # of copies
                for _ in range(copies):
                    new.writestr(info, body, rng.choice((0, 8, 8, 8, 12, 14)))
    damaged = bytearray(buffer.getvalue())
    if rng.random() < 0.2:  # sizes and offsets in the directory
        start = damaged.find(b"PK\1\2") + rng.randrange(4, 46)
        damaged[start : start + 2] = struct.pack("<H", rng.choice(_NUMBERS) & 0xFFFF)
    return bytes(damaged)


def mutate_json(rng: random.Random, tree: Any) -> bytes:
    """JSON with one to three values of a tree changed, moved, dropped or renamed."""
    tree = json.loads(json.dumps(tree))
    for _ in range(rng.choice((1, 1, 1, 3))):
        places = [*_places(tree)]
        holder, key = rng.choice(places)
        what, value = rng.randrange(8), holder[key]
        if what == 0:
            del holder[key]
        elif what == 1 and isinstance(holder, dict):
            holder[rng.choice(("", "format", "x" * 999, "__proto__"))] = holder.pop(key)
        elif what == 2:
            other, name = rng.choice(places)
            holder[key] = json.loads(json.dumps(other[name]))
        elif what == 3 and isinstance(value, int | float):
            holder[key] = value * rng.choice((-1, 1.001, 2, 1e6)) + rng.choice((0, 1))
        elif what == 4 and isinstance(value, list):
            holder[key] = value * rng.choice((0, 2, 1000)) + [rng.choice(_VALUES)]
        else:
            holder[key] = rng.choice(_VALUES)
    text = json.dumps(tree)
    if rng.random() < 0.05:
        text = text.replace(":", ":" + "[" * rng.choice((100, 100_000)), 1)
    return text.encode()


def _places(tree: Any) -> Any:
    """Every value of a tree, as what holds it and its key."""
    for key, value in [*(tree.items() if isinstance(tree, dict) else enumerate(tree))]:
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)
