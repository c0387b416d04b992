"""Models that are managed while the server runs."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from coin_core.api.app import Service
from coin_core.api.client import ApiError, Client
from coin_core.errors import StoreError
from coin_core.model_store import bundle, promotion, sharing
from coin_core.object_store import ChangedMeanwhileError, ObjectStore
from coin_core.pipeline import CoinClassifier
from coin_core.storage import data_dir, open_lock
from tests.coin_core.api.conftest import TOKEN, Listening, listen
from tests.coin_core.api.test_app import check_problem


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COIN_ADMIN_TOKEN", TOKEN)


@pytest.fixture(scope="module")
def server():
    with listen(Service(CoinClassifier())) as listening:
        yield listening


@pytest.fixture
def admin(server: Listening):
    with Client(server.url, token=TOKEN) as client:
        yield client


def packed(name: str, tmp_path: Path, **changes: bytes) -> Path:
    """The ZIP file of a shipped bundle."""
    path = tmp_path / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (bundle.WEIGHTS_DIR / name).iterdir():
            archive.writestr(file.name, changes.get(file.stem, file.read_bytes()))
    return path


HEADERS = {"authorization": f"Bearer {TOKEN}"}
ROUTES = [
    ("GET", "/api/models"),
    ("POST", "/api/models"),
    ("POST", "/api/models/vgg/activate"),
    ("POST", "/api/models/vgg/deactivate"),
    ("POST", "/api/models/roll-back"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_only_the_token_opens_the_routes(client, method, path, monkeypatch):
    for given in (None, "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xe9"):
        headers = {} if given is None else {"authorization": given.encode("latin-1")}
        response = client.request(method, path, headers=headers)
        check_problem(response, 401, "COIN_ADMIN_TOKEN")
        assert response.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in response.text
    monkeypatch.delenv("COIN_ADMIN_TOKEN")
    for token in ("", TOKEN):
        headers = {"authorization": f"Bearer {token}"}
        check_problem(client.request(method, path, headers=headers), 404, "is empty")


@pytest.mark.parametrize("name", ["mine", "כסף-1"])
def test_a_bundle_is_installed_answers_and_is_taken_back(
    admin, server, tmp_path, coin_jpeg, name
):
    def active() -> list[str]:
        return [one.name for one in admin.models().models if one.active]

    def digest_of_answer() -> str:
        return admin.classify([coin_jpeg(1)]).photos[0].verdicts[0].model

    assert active() == ["resnet"]
    resnet = digest_of_answer()
    renamed = packed("vgg", tmp_path)
    after = admin.add_model(renamed, name=name, activate=True)
    mine = next(one for one in after.models if one.name == name)
    assert (mine.active, mine.origin, mine.classifier) == (True, "own", "vgg")
    assert digest_of_answer() == mine.model != resnet
    assert admin.classifiers()[0].name == name
    named = admin.classify([coin_jpeg(1)], classifier=name).photos[0].verdicts[0]
    assert (named.classifier, named.origin) == (name, "own")
    admin.activate("svm")
    assert active() == ["svm"]
    with pytest.raises(ApiError, match=f"{name} is not active"):
        admin.deactivate(name)
    admin.roll_back()
    assert active() == [name]
    admin.deactivate(name)
    assert digest_of_answer() == resnet
    admin.roll_back()
    admin.roll_back()
    with pytest.raises(ApiError, match="No model was chosen before"):
        admin.roll_back()
    with pytest.raises(ApiError, match="taken") as refused:
        admin.add_model(renamed, name=name)
    assert refused.value.problem.status == 422


def test_a_bad_bundle_leaves_all_as_it_is(admin, tmp_path):
    before = admin.models()
    empty = tmp_path / "empty.zip"
    with zipfile.ZipFile(empty, "w"):
        pass
    text = tmp_path / "text.zip"
    text.write_bytes(b"no archive")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(packed("vgg", tmp_path).read_bytes()[:-400])
    broken = packed("resnet", tmp_path, model=b"no tensors")
    for path in (empty, text, cut, broken):
        with pytest.raises(ApiError) as refused:
            admin.add_model(path, name="other", activate=True)
        assert refused.value.problem.status == 422, path
        assert str(tmp_path) not in str(refused.value)
    for name in ("../vgg", "faces", "a/b", ".hidden"):
        with pytest.raises(ApiError) as refused:
            admin.add_model(packed("vgg", tmp_path), name=name)
        assert refused.value.problem.status == 422, name
    assert admin.models() == before
    assert not [*bundle.models_dir().glob("*")]


def test_only_a_zip_of_limited_size_is_taken(server, admin, monkeypatch):
    with pytest.raises(ApiError) as refused:
        admin._ask("POST", "/api/models", json={})
    assert refused.value.problem.status == 415
    with pytest.raises(ApiError) as refused:
        admin._ask("POST", "/api/models/no such/activate")
    assert refused.value.problem.status == 422
    start = (
        f"POST /api/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/zip\r\nContent-Length: 9999999999\r\n\r\n"
    )
    assert b" 413 " in server.send(start.encode(), bytes(1000))[:20]


def test_a_full_disk_is_said_where_a_model_is_added(client, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    headers = HEADERS | {"content-type": "application/zip"}
    data = packed("svm", tmp_path).read_bytes()
    for place in ("coin_core.storage._write_synced", "tempfile.mkdtemp"):
        monkeypatch.setattr(place, full)
        response = client.post("/api/models", content=data, headers=headers)
        check_problem(response, 503, "the disk is full.*nothing was changed")


def test_a_model_that_cannot_be_loaded_does_not_take_over(admin, coin_jpeg):
    folder = bundle.models_dir() / "half"
    shutil.copytree(bundle.WEIGHTS_DIR / "vgg", folder)
    weights = folder / bundle.TENSORS_FILE
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ApiError, match="half"):
        admin.activate("half")
    assert admin.classify([coin_jpeg(1)]).photos[0].verdicts[0].classifier == "resnet"
    with pytest.raises(ApiError) as refused:
        admin.classify([coin_jpeg(1)], classifier="half")
    assert refused.value.problem.status == 503
    assert "half" in str(admin.models().problems)


@pytest.mark.parametrize("name", ["nobody", "all", "together", "docs"])
@pytest.mark.parametrize("change", ["activate", "deactivate"])
def test_a_name_in_the_address_that_no_model_has_is_not_found(client, name, change):
    response = client.post(f"/api/models/{name}/{change}", headers=HEADERS)
    check_problem(response, 404, r"no such model\. There are: resnet, vgg")


@pytest.fixture
def failing_store(monkeypatch):
    """A function that lets the store of the team fail with an error."""
    monkeypatch.setenv("COIN_STORAGE_URL", "s3://coins")
    monkeypatch.setattr(sharing, "_following", (data_dir(), "s3://coins"))

    def fail_with(error: Exception) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(ObjectStore, "find", fail)

    return fail_with


CHANGES = ["vgg/activate", "vgg/deactivate", "roll-back"]


def test_a_choice_that_has_not_reached_the_store_is_told_as_made_here(
    client, failing_store, tmp_path
):
    failing_store(StoreError("The store does not answer. Start it."))
    for change, active in zip(CHANGES, ["vgg", None, "vgg"], strict=True):
        response = client.post(f"/api/models/{change}", headers=HEADERS)
        check_problem(response, 503, r"made on this machine.* does not answer\. Start")
        assert int(response.headers["retry-after"]) >= 1
        assert promotion.promoted() == active
    response = client.post(
        "/api/models?name=mine&activate=true",
        content=packed("vgg", tmp_path).read_bytes(),
        headers={**HEADERS, "content-type": "application/zip"},
    )
    check_problem(response, 503, "made on this machine")
    assert promotion.promoted() == "mine"


def test_who_chooses_at_the_same_moment_as_somebody_elsewhere_is_told(
    client, failing_store
):
    failing_store(ChangedMeanwhileError("Somebody else changed it."))
    response = client.post("/api/models/vgg/activate", headers=HEADERS)
    check_problem(response, 409, "Somebody else changed it")


def test_a_choice_that_another_process_holds_is_asked_for_again(client, monkeypatch):
    lock = data_dir() / f"{sharing.CHOICE}.lock"
    monkeypatch.setattr(promotion, "open_lock", lambda path: open_lock(path, 0.05))
    with open_lock(lock):
        response = client.post("/api/models/vgg/activate", headers=HEADERS)
    check_problem(
        response, 503, "another process is at work on it.*nothing was changed"
    )
    assert int(response.headers["retry-after"]) >= 1
    assert promotion.promoted() is None
