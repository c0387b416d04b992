"""Multipart bodies: parsed piece by piece, within limits, whatever they hold."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from typing import Any

import pytest
from fastapi import Request

from coin_core.api.uploads import Budget, Limits, Upload, read_photos
from tests.coin_core.api.conftest import png

KIND = "multipart/form-data; boundary=x"
DISPOSITIONS = (
    b'form-data; name="photo"; filename="a.png"',
    b'form-data; name="photo"',
    b'form-data; name="photo"; filename="../../etc/passwd"',
    b"form-data; name=photo; filename*=utf-8''%e2%82%ac%00",
    b'form-data; name="ph\xffoto"; filename="\x00"',
    b'form-data; name="photo"; filename="' + b"a" * 3000 + b'"',
    b'attachment; filename="a.png"; name="photo"',
    b"form-data; name",
    b"",
)
SENTENCE_STATUSES = {200, 400, 413, 415, 422}


def hostile_body(seed: int) -> tuple[str, bytes]:
    """A body that is nearly right, or not at all, and its content type."""
    chance = random.Random(seed)
    boundary = chance.choice([b"x", b"x", b"x" * 70, b"-" * 20, b"\xff\xfe", b"x x"])
    good = b"--" + boundary + b"\r\nContent-Disposition: " + DISPOSITIONS[0]
    good += b"\r\n\r\n" + png() + b"\r\n"
    pieces: list[bytes] = []
    for _ in range(chance.randrange(10)):
        if chance.random() < 0.8:
            pieces.append(good)
            continue
        part = b"--" + boundary + chance.choice([b"\r\n", b"\n", b"\r\r\n", b""])
        for _ in range(chance.choice([0, 1, 1, 1, 2, 12])):
            header = chance.choice(
                [b"Content-Disposition", b"content-disposition", b"X" * 200, b"", b":"]
            )
            part += header + b": " + chance.choice(DISPOSITIONS) + b"\r\n"
        part += b"\r\n" + chance.choice(
            [png(), b"", b"--" + boundary, chance.randbytes(900), b"\r\n" * 300]
        )
        pieces.append(part + chance.choice([b"\r\n", b"\r\n", b""]))
    pieces.append(chance.choice([b"--" + boundary + b"--\r\n", b"", b"--x"]))
    body = bytearray(b"".join(pieces))
    for _ in range(chance.choice([0, 0, 0, 1, 5])):
        if body:
            body[chance.randrange(len(body))] = chance.randrange(256)
    if chance.random() < 0.2:
        del body[chance.randrange(len(body) + 1) :]
    kind = chance.choice(
        [
            *["multipart/form-data; boundary=" + boundary.decode("latin-1")] * 5,
            'multipart/form-data; boundary="' + boundary.decode("latin-1") + '"',
            *(KIND, "multipart/form-data", "multipart/mixed; boundary=x"),
            "multipart/form-data; boundary=" + "y" * 300,
        ]
    )
    return kind, bytes(body)


def check(client, seed: int) -> int:
    kind, body = hostile_body(seed)
    headers = {"content-type": kind.encode("latin-1")}
    response = client.post("/api/classify", content=body, headers=headers)
    assert response.status_code in SENTENCE_STATUSES, (seed, response.text)
    answer = response.json()
    assert "photos" in answer or len(answer["detail"]) > 20, seed
    return response.status_code


def test_hostile_bodies_get_a_sentence(client):
    assert len({check(client, seed) for seed in range(40)}) >= 4
    assert client.post("/api/classify", files={"photo": png()}).status_code == 200


@pytest.mark.slow
def test_five_hundred_hostile_bodies_leave_the_server_as_it_was(client):
    found = {check(client, seed) for seed in range(1000, 1500)}
    assert found == SENTENCE_STATUSES
    assert "coin_waiting_photos 0.0" in client.get("/metrics").text
    assert client.post("/api/classify", files={"photo": png()}).status_code == 200


def test_a_thousand_files_are_refused(client):
    files = [("photo", b"x")] * 1000
    response = client.post("/api/classify", files=files)
    assert response.status_code == 413
    assert "at most 5 photos" in response.json()["detail"]


def test_a_large_body_is_never_in_memory_whole():
    """What is over the limit of a photo is dropped as it comes."""
    start = b'--x\r\nContent-Disposition: form-data; name="photo"\r\n\r\n'
    pieces = iter([start, *[b""] * 1000, b"\r\n--x--\r\n"])

    async def receive() -> dict[str, Any]:
        piece = next(pieces) or bytes(100_000)
        return {
            "type": "http.request",
            "body": piece,
            "more_body": b"--\r" not in piece,
        }

    async def read() -> list[Upload]:
        headers = [(b"content-type", KIND.encode())]
        request = Request({"type": "http", "headers": headers}, receive)
        limits = Limits(photo_bytes=1_000_000, request_bytes=200_000_000)
        with Budget(limits).admit("") as lease:
            return await read_photos(request, lease)

    tracemalloc.start()
    (photo,) = asyncio.run(read())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (photo.too_large, len(photo.data)) == (True, 0)
    assert peak < 5_000_000  # of 100 MB


def test_a_name_is_shown_as_it_was_sent(client):
    for name in (
        "a/b.png",
        "מטבע.png",
        "<script>.png",
        'ינאי "B"; 5%.png',
        "a\r\nb.png",
    ):
        response = client.post("/api/classify", files={"photo": (name, png())})
        assert response.json()["photos"][0]["photo"] == name
