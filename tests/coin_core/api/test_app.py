"""The routes: verdicts as on the command line, problems for everything else."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import shutil
import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image
from prometheus_client import generate_latest
from starlette.testclient import TestClient

from coin_core.api.app import Service, admin_token, default_classifier, refusing
from coin_core.api.uploads import Limits
from coin_core.classifiers import shipped_classifiers
from coin_core.cli.main import main
from coin_core.errors import CoinError, StoreError, WeightsMismatchError
from coin_core.imaging import photo_io
from coin_core.model_store import bundle, promotion
from tests.coin_core.api.conftest import StubClassifier, png, serve


def parts(*photos: bytes) -> list[tuple[str, Any]]:
    return [("photo", (f"{i}.png", photo)) for i, photo in enumerate(photos)]


def check_problem(response: Any, status: int, sentence: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert re.search(sentence, problem["detail"]), problem["detail"]
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


def test_the_answer_is_that_of_the_command_line(
    real_client, coin_jpeg, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    files = {f"{i}.jpg": coin_jpeg(i) for i in (1, 2)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = [str(tmp_path / name) for name in files]
    assert main(["classify", *paths, "--classifier", "all", "--json"]) == 0
    expected = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    response = real_client.post(
        "/api/classify?classifier=all",
        files=[("photo", (name, data)) for name, data in files.items()],
    )
    assert response.status_code == 200
    answer = response.json()
    assert answer["request_id"] == response.headers["x-request-id"]
    assert [one["photo"] for one in answer["photos"]] == list(files)
    verdicts = [v for one in answer["photos"] for v in one["verdicts"]]
    assert len(verdicts) == len(expected) == 2 * len(shipped_classifiers())
    digests = {
        c["name"]: c["model"] for c in real_client.get("/api/classifiers").json()
    }
    for found, wanted in zip(verdicts, expected, strict=True):
        assert found.pop("model") == digests[wanted["classifier"]]
        assert list(found) == list(wanted)
        for field in ("classifier", "ruler", "reason", "faces"):
            assert found[field] == wanted[field]
        assert found["probabilities"] == pytest.approx(
            wanted["probabilities"], abs=1e-5
        )


def test_one_verdict_of_all_has_the_letters_of_the_first_net(real_client, coin_jpeg):
    files = [("photo", ("1.jpg", coin_jpeg(1)))]
    answers = [
        real_client.post(f"/api/classify?classifier={name}&letters=true", files=files)
        for name in ("together", "resnet")
    ]
    together, resnet = (one.json()["photos"][0]["verdicts"][0] for one in answers)
    assert together["classifier"] == "together"
    assert len(together["model"]) == 64
    assert together["ruler"] == resnet["ruler"]
    assert together["letters"] == resnet["letters"]


def test_letters_and_heat_map_come_when_they_are_wanted(real_client, coin_jpeg):
    blank = png(255, 80)
    response = real_client.post(
        "/api/classify?letters=true&heat_map=true", files=parts(coin_jpeg(1), blank)
    )
    coin, nothing = (one["verdicts"][0] for one in response.json()["photos"])
    assert {"he", "nun"} <= {letter["letter"] for letter in coin["letters"]}
    assert all(0 <= letter["probability"] <= 1 for letter in coin["letters"])
    image = Image.open(io.BytesIO(base64.b64decode(coin["heat_map"])))
    assert (image.size, image.mode) == ((160, 160), "L")
    assert np.asarray(image).max() > 200
    assert (nothing["letters"], nothing["heat_map"]) == ([], None)
    assert nothing["reason"] == "no_coin_found"


def test_a_bad_photo_fails_alone(client, stub):
    big = b"\x89PNG" + bytes(60_000)
    response = client.post("/api/classify", files=parts(png(1), b"text", big, png(2)))
    assert response.status_code == 200
    good, text, large, also_good = response.json()["photos"]
    assert (good["problem"], also_good["problem"]) == (None, None)
    assert good["verdicts"][0]["ruler"] != also_good["verdicts"][0]["ruler"]
    assert "1.png is a text file" in text["problem"]["detail"]
    assert "2.png is larger than" in large["problem"]["detail"]
    assert text["verdicts"] == large["verdicts"] == []
    assert sum(stub.batches) == 2


def test_a_mistake_on_one_photo_fails_its_request_and_no_other(client, stub):
    held, results = threading.Barrier(3), {}

    def send(name: str, grey: int) -> None:
        held.wait()
        results[name] = client.post("/api/classify", files=parts(png(grey)))

    names = {"bad": StubClassifier.BAD, "good": 50, "also good": 51}
    threads = [threading.Thread(target=send, args=item) for item in names.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    problem = check_problem(results["bad"], 500, "made a mistake")
    assert "a mistake" not in problem["detail"].replace("made a mistake", "")
    assert results["good"].status_code == results["also good"].status_code == 200


@pytest.mark.parametrize(
    ("path", "options", "status", "sentence"),
    [
        ("?classifier=../vgg", {"files": parts(png())}, 422, "no such classifier"),
        ("?classifier=faces2", {"files": parts(png())}, 422, "all, together, resnet"),
        ("?classifier=", {"files": parts(png())}, 422, "no such classifier"),
        ("?letters=maybe", {"files": parts(png())}, 422, "letters: Input should be"),
        ("", {"files": [("photos", png())]}, 422, "part named 'photos'"),
        ("", {"files": parts(*[png()] * 6)}, 413, "at most 5 photos"),
        ("", {"files": parts(bytes(150_000), bytes(60_000))}, 413, "larger than"),
        ("", {"json": {}}, 415, "multipart/form-data"),
        ("", {}, 415, "multipart/form-data"),
        ("", {"content": b"", "type": "multipart/form-data"}, 400, "damaged"),
        ("", {"content": b"", "type": "multipart/form-data; boundary=x"}, 400, "cut"),
        ("", {"content": b"--x--\r\n", "type": "multipart/form-data; boundary=x"}, 422,
         "no photo in the request"),
        ("", {"content": b"hello", "type": "multipart/form-data; boundary=x"}, 400,
         "damaged"),
        ("", {"files": parts(png()), "headers": {"content-encoding": "gzip"}}, 415,
         "without a Content-Encoding"),
    ],
)  # fmt: skip
def test_wrong_requests_get_their_status_and_a_sentence(
    client, path, options, status, sentence
):
    options = dict(options)
    if kind := options.pop("type", None):
        options["headers"] = {"content-type": kind}
    response = client.post(f"/api/classify{path}", **options)
    check_problem(response, status, sentence)
    again = client.post("/api/classify", files=parts(png()))
    assert again.status_code == 200, "the next request is answered"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/classify", 405),
        ("DELETE", "/api/health", 405),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/docs-assets/%2e%2e/core.py", 404),
        ("GET", "/api/models", 404),
    ],
)
def test_other_addresses_and_methods_are_problems(client, method, path, status):
    check_problem(client.request(method, path), status, r"/api/docs|COIN_ADMIN_TOKEN")


def test_a_body_over_the_limit_is_not_read_to_its_end():
    sent = 0

    def endless():
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="photo"\r\n\r\n'
        for _ in range(500):
            sent += 65_536
            yield bytes(65_536)

    limits = Limits(request_bytes=1_000_000)
    with serve(Service(StubClassifier(), limits)) as client:
        response = client.post(
            "/api/classify",
            content=endless(),
            headers={"content-type": "multipart/form-data; boundary=x"},
        )
        check_problem(response, 413, "larger than")


def test_a_full_server_says_when_to_come_back():
    for limits, status in (
        (Limits(requests=0), 503),
        (Limits(requests_of_client=0), 429),
        (Limits(waiting_photos=1), 503),
        (Limits(bytes_in_flight=100), 503),
    ):
        with serve(Service(StubClassifier(), limits)) as client:
            response = client.post("/api/classify", files=parts(png(), png()))
            check_problem(response, status, "again|Wait")
            assert int(response.headers["retry-after"]) >= 1


def test_a_server_without_memory_for_a_large_photo_says_when_to_come_back(
    stub, monkeypatch
):
    monkeypatch.setattr(photo_io, "_SMALL_BYTES", 1000)
    monkeypatch.setattr(photo_io, "_LONGEST_QUEUE_S", 0.01)
    monkeypatch.setattr(photo_io, "_pixels_in_use", photo_io._Memory(0))
    with serve(Service(stub)) as client:
        response = client.post("/api/classify", files=parts(png()))
        check_problem(response, 503, "as much to do as it can hold")
        assert response.headers["retry-after"] == "30"
        small = client.post("/api/classify", files=parts(png(size=16)))
        assert small.status_code == 200


def test_what_the_pages_hold_is_no_room_for_a_request(stub):
    service = Service(stub)
    free = 0
    service.budget.shared_room = lambda: free - service.budget.bytes
    with serve(service) as client:
        response = client.post("/api/classify", files=parts(png()))
        check_problem(response, 503, "as much to do as it can hold")
        assert int(response.headers["retry-after"]) >= 1
        free = 10_000
        answer = client.post("/api/classify", files=parts(*[png()] * 4))
        assert answer.status_code == 200
        assert service.budget.bytes == 0


def test_what_a_request_held_is_given_back(client):
    for _ in range(3):
        client.post("/api/classify", files=parts(png(), b"x"))
        client.post("/api/classify", files=[("other", b"x" * 1000)])
    text = client.get("/metrics").text
    assert "coin_waiting_photos 0.0" in text
    for _ in range(20):  # 20 x 45 kB is more than what may be in flight
        answer = client.post("/api/classify", files=parts(bytes(45_000)))
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/api/health", "/api/ready", "/api/classifiers", "/api/models"),
        *("/api/docs", "/api/openapi.json", "/api/docs-assets/swagger-ui.css"),
        *("/metrics", "/api/classify", "/api/nothing"),
    ],
)
def test_head_answers_as_get_does_without_a_body(client, path):
    asked, headed = client.get(path), client.head(path)
    assert headed.status_code == asked.status_code
    assert headed.content == b""
    varying = ("x-request-id", "content-length")
    for name in asked.headers.keys() - set(varying):
        assert headed.headers[name] == asked.headers[name]
    assert int(headed.headers["content-length"]) > 0
    if path == "/api/health":
        counted = 'coin_requests_total{method="HEAD",route="/health",status="200"} 1.0'
        assert counted in client.get("/metrics").text


def test_an_id_is_kept_if_it_is_sane(client):
    for given, kept in (("abc-1.2_3", True), ("x" * 65, False), ("a b", False)):
        response = client.get("/api/health", headers={"x-request-id": given})
        assert (response.headers["x-request-id"] == given) == kept
        assert re.fullmatch(r"[\w.-]{1,64}", response.headers["x-request-id"])


def test_the_page_of_the_document_works_without_a_network(client):
    page = client.get("/api/docs").text
    addresses = re.findall(r'(?:src|href|url)[=:]\s*["\']([^"\']+)', page)
    assert "/api/openapi.json" in addresses
    for address in addresses:
        assert address.startswith("/api/")
        assert client.get(address).status_code == 200
    assert '"validatorUrl": null' in page


def test_the_document_names_every_status(client):
    document = client.get("/api/openapi.json").json()
    classify = document["paths"]["/classify"]["post"]
    assert set(classify["responses"]) >= {
        *("200", "400", "408", "413", "415", "422", "429", "500", "503")
    }
    for status, response in classify["responses"].items():
        kind = "application/json" if status == "200" else "application/problem+json"
        assert list(response["content"]) == [kind]
    assert document["servers"] == [{"url": "/api"}]


def test_metrics_count_what_was_answered(client):
    client.post("/api/classify", files=parts(png(), b"text"))
    client.get("/api/no/such/place")
    text = client.get("/metrics").text
    assert (
        'coin_requests_total{method="POST",route="/classify",status="200"} 1.0' in text
    )
    assert 'coin_photos_total{outcome="unreadable"} 1.0' in text
    assert "no/such" not in text


def test_a_request_that_is_refused_before_the_routes_is_logged_and_counted(
    stub, caplog
):
    service = Service(stub)
    with caplog.at_level(logging.INFO, "coin_core.api"):
        refusal = refusing(service)(403, "Not from there.", {"X-Frame-Options": "DENY"})
        response = TestClient(refusal).post("/api/classify", files=parts(png()))
    found = check_problem(response, 403, "Not from there.")
    assert response.headers["x-frame-options"] == "DENY"
    (line,) = [one.fields for one in caplog.records if one.message == "request"]
    assert (line["request_id"], line["status"]) == (found["request_id"], 403)
    metrics = generate_latest(service.metrics.registry).decode()
    assert 'requests_total{method="POST",route="unknown",status="403"} 1.0' in metrics


def test_ready_follows_the_classifiers(stub, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(stub, "load", lambda names=None: go.wait(60))
    service = Service(stub)
    with serve(service) as client:
        check_problem(client.get("/api/ready"), 503, "being loaded")
        assert client.get("/api/health").json() == {"status": "ok"}
        go.set()
        while client.get("/api/ready").status_code != 200:
            pass
        service.end()
        check_problem(client.get("/api/ready"), 503, "is ending")
        assert client.get("/api/health").json() == {"status": "ok"}
        assert client.post("/api/classify", files=parts(png())).status_code == 200


@pytest.mark.parametrize("kind", [CoinError, MemoryError])
def test_classifiers_that_cannot_be_loaded_are_named(stub, monkeypatch, kind):
    def fail(names: Any = None) -> None:
        raise kind("The weights are gone.")

    monkeypatch.setattr(stub, "load", fail)
    service = Service(stub)
    with serve(service) as client:
        while "being loaded" in service.state:
            client.get("/api/health")
        check_problem(client.get("/api/ready"), 503, "The weights are gone.")


@pytest.mark.parametrize("kind", [StoreError, WeightsMismatchError, OSError])
def test_it_is_ready_once_the_classifiers_can_be_loaded(stub, monkeypatch, kind):
    tries = []

    def load(names: Any = None) -> None:
        tries.append(names)
        if len(tries) < 3:
            raise kind("They cannot be read now.")

    monkeypatch.setattr(stub, "load", load)
    monkeypatch.setattr("coin_core.api.app._TRY_AGAIN_S", 0.01)
    service = Service(stub)
    with serve(service) as client:
        while len(tries) < 4:  # the first model, then all
            client.get("/api/health")
        assert client.get("/api/ready").json() == {"status": "ready"}


@pytest.mark.parametrize("token", ["מפתח" * 8, "a-long-enough-token\n", "\udcff" * 16])
def test_a_token_that_nobody_can_send_is_refused(monkeypatch, token):
    monkeypatch.setenv("COIN_ADMIN_TOKEN", token)
    with pytest.raises(CoinError, match="cannot be sent in a header"):
        admin_token()


def test_without_the_promoted_model_the_shipped_one_answers(client):
    gone = bundle.models_dir() / "mine"
    shutil.copytree(bundle.WEIGHTS_DIR / "vgg", gone)
    promotion.promote("mine")
    assert default_classifier() == "mine"
    shutil.rmtree(gone)
    answer = client.post("/api/classify", files=parts(png()))
    assert answer.status_code == 200
    used = answer.json()["photos"][0]["verdicts"][0]["classifier"]
    assert client.get("/api/classifiers").json()[0]["name"] == used


@pytest.mark.parametrize("name", [*bundle.DETECTION, "Faces"])
def test_the_networks_of_the_program_are_no_classifiers(client, name):
    answer = client.post(f"/api/classify?classifier={name}", files=parts(png()))
    check_problem(answer, 422, "There is no such classifier")
    assert name not in answer.json()["detail"].split(": ")[1].split(", ")


def test_a_short_token_is_refused(monkeypatch):
    monkeypatch.setenv("COIN_ADMIN_TOKEN", "short")
    with pytest.raises(CoinError, match="has 5 letters"):
        admin_token()
