"""Models that are managed while the server runs."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from coin_core.api.app import Service
from coin_core.api.client import ApiError, Client
from coin_core.model_store import bundle
from coin_core.pipeline import CoinClassifier
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


def test_a_bundle_is_installed_answers_and_is_taken_back(
    admin, server, tmp_path, coin_jpeg
):
    def active() -> list[str]:
        return [one.name for one in admin.models().models if one.active]

    def digest_of_answer() -> str:
        return admin.classify([coin_jpeg(1)]).photos[0].verdicts[0].model

    assert active() == ["resnet"]
    resnet = digest_of_answer()
    renamed = packed("vgg", tmp_path)
    after = admin.add_model(renamed, name="mine", activate=True)
    mine = next(one for one in after.models if one.name == "mine")
    assert (mine.active, mine.origin, mine.classifier) == (True, "own", "vgg")
    assert digest_of_answer() == mine.model != resnet
    assert admin.classifiers()[0].name == "mine"
    named = admin.classify([coin_jpeg(1)], classifier="mine").photos[0].verdicts[0]
    assert (named.classifier, named.origin) == ("mine", "own")
    admin.activate("svm")
    assert active() == ["svm"]
    with pytest.raises(ApiError, match="mine is not active"):
        admin.deactivate("mine")
    admin.roll_back()
    assert active() == ["mine"]
    admin.deactivate("mine")
    assert digest_of_answer() == resnet
    admin.roll_back()
    admin.roll_back()
    with pytest.raises(ApiError, match="No model was chosen before"):
        admin.roll_back()
    with pytest.raises(ApiError, match="taken") as refused:
        admin.add_model(renamed, name="mine")
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
