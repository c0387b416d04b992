"""Coins of the catalog, as they stand or frozen, become sets to learn from."""

import json
import os

import numpy as np
import pytest
from torch import nn

from coin_core.catalog import (
    CatalogFace,
    CoinFacts,
    PhotoRecord,
    PredictionKind,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.catalog.versions import freeze
from coin_core.classifiers import register_classifier, registry
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.cli.main import main
from coin_core.errors import TrainingDataError
from coin_core.model_store import bundle
from coin_core.training.catalog_dataset import (
    is_catalog,
    load_catalog,
    version_of,
)
from coin_core.training.runs import list_runs

RULERS = ("john_hyrcanus_i", "judah_aristobulus_i", "alexander_jannaeus")
LEGEND = RotatedBox(left=0.5, top=0.0, right=1.0, bottom=1.0)
OTHER = RotatedBox(left=0.0, top=0.0, right=0.5, bottom=1.0)


@pytest.fixture(autouse=True)
def _own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("COIN_DATABASE_URL", raising=False)
    monkeypatch.setattr(bundle, "WEIGHTS_DIR", tmp_path / "weights")
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no waiting for the disk


@pytest.fixture
def catalog():
    opened = open_catalog()
    yield opened
    opened.close()


@pytest.fixture
def add(catalog, encode_photo):
    """A function (n, **record) -> id: right is the legend, a bar at some height."""

    def picture(number, ruler="", faces=None, **record):
        pixels = np.random.default_rng(number).integers(0, 90, (24, 48, 3), np.uint8)
        pixels[8 * (number % 3) :, 24:][:8] += 120
        chosen = RULERS[number % 3] if ruler == "" else ruler
        made = PhotoRecord(
            extension="png",
            width_px=48,
            height_px=24,
            coin=CoinFacts(ruler_attributed=chosen),
            **record,
        )
        both = [
            CatalogFace(box=OTHER, side=Side.CORNUCOPIA),
            CatalogFace(box=LEGEND, side=Side.LEGEND),
        ]
        seen = both if faces is None else faces
        data = encode_photo(pixels)
        return catalog.photos.add(data, made, seen, who="ada").photo_id

    return picture


@pytest.fixture
def ids(add):
    return [add(number) for number in range(30)]


class Bars(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d((3, 1)), nn.Flatten(), nn.Linear(9, classes)
        )

    def forward(self, x):
        return self.layers(x)


@pytest.fixture
def bars(monkeypatch):
    """A net that needs no time to learn heights, registered for one test."""
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))

    @register_classifier(
        name="bars", title="Bars", short_title="Bars", inputs="photo", order=99
    )
    def build(labels, *, seed):
        return NetClassifier(
            Bars, module__classes=len(labels), classes=labels, seed=seed, lr=0.3
        )


@pytest.mark.parametrize(
    ("data", "asked", "version"),
    [("catalog", True, None), ("catalog:v1", True, "v1"), ("my/catalog", False, None)],
)
def test_what_data_asks_for(data, asked, version):
    assert is_catalog(data) is asked
    assert version_of(data) == version


def test_a_colon_without_a_name_is_refused():
    with pytest.raises(TrainingDataError, match="catalog:v1"):
        version_of("catalog:")


def test_the_catalog_as_it_stands_gives_crops_of_the_legend(catalog, add, ids):
    add(40, ruler=None)
    add(41, faces=[CatalogFace(box=OTHER, side=Side.CORNUCOPIA)])
    bare = add(42, faces=[])
    catalog.edits.group_coins([ids[0], ids[3]], who="ada")
    coins = load_catalog(catalog, size_px=32)
    assert coins.photo_ids.tolist() == [*ids, bare]
    assert coins.crops.shape == (31, 32, 32, 3)
    assert coins.classes == RULERS
    assert coins.source == "catalog"
    assert coins.splits is None
    assert len(set(coins.groups)) == 30
    assert coins.groups[0] == coins.groups[3]
    assert coins.without_face == 1
    # The legend's half carries the ruler's bar, the other half does not.
    thirds = np.array_split(coins.crops[:30].mean(axis=(2, 3)), 3, axis=1)
    brightest = np.stack([third.mean(axis=1) for third in thirds]).argmax(axis=0)
    assert [RULERS[i] for i in brightest] == coins.labels[:30].tolist()


def test_the_crop_is_turned_as_the_catalog_says(catalog, add):
    turned = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0, turn_deg=180)
    first = add(0)
    add(1)
    catalog.edits.set_faces(
        first, [CatalogFace(box=turned, side=Side.LEGEND)], who="ada"
    )
    crop = load_catalog(catalog, size_px=48).crops[0].astype(int)
    # The bar was at the top right.
    bottom = crop[29:35].mean(axis=(0, 2))
    assert bottom[:20].mean() > bottom[28:].mean() + 60


def test_the_digest_tells_another_label_or_crop(catalog, ids):
    before = load_catalog(catalog, size_px=16).digest
    assert load_catalog(catalog, size_px=16).digest == before
    catalog.edits.set_ruler([ids[0]], RULERS[2], who="ada")
    relabelled = load_catalog(catalog, size_px=16).digest
    catalog.edits.set_faces(
        ids[1], [CatalogFace(box=OTHER, side=Side.LEGEND)], who="ada"
    )
    assert len({before, relabelled, load_catalog(catalog, size_px=16).digest}) == 3


def test_a_version_keeps_its_splits_labels_and_crops(catalog, ids):
    version = freeze(catalog, "v1")
    before = load_catalog(catalog, "v1", size_px=16)
    catalog.edits.set_ruler(ids[:6], RULERS[0], who="ada")
    for photo_id in ids[:3]:
        catalog.edits.set_faces(photo_id, [], who="ada")
    coins = load_catalog(catalog, "v1", size_px=16)
    assert coins.source == "catalog:v1"
    assert coins.digest == version.digest
    assert coins.labels.tolist() == before.labels.tolist()
    np.testing.assert_array_equal(coins.crops, before.crops)
    split = {item.photo_id: str(item.split) for item in version.items}
    assert coins.splits.tolist() == [split[i] for i in coins.photo_ids.tolist()]
    test = coins.take(coins.splits == "test")
    assert set(test.splits) == {"test"}
    assert len(test) == len(test.names) == 6


def test_missing_originals_are_named(catalog, ids):
    catalog.photos.path(catalog.photos.get(ids[0])).unlink()
    coins = load_catalog(catalog, size_px=16)
    assert len(coins) == 29
    assert f"photo {ids[0]}" in coins.unreadable[0]


def test_rendered_coins_are_called_so(catalog, add):
    for number in range(6):
        add(number, is_rendered=True)
    assert load_catalog(catalog, size_px=16).source == "catalog (rendered)"


def run(*arguments):
    return main([*map(str, arguments)])


def train_bars(data, out, *more):
    how = ("--init", "scratch", "--epochs", 6, "--size-px", 32)
    return run("train", "bars", "--data", data, "--out", out, *how, *more)


def test_training_on_a_version_measures_its_test_split(
    catalog, ids, bars, tmp_path, capsys
):
    version = freeze(catalog, "v1")
    out = tmp_path / "bundle"
    assert train_bars("catalog:v1", out, "--json") == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["n"] == 6
    assert report["accuracy"] == 1.0
    card = bundle.load_card(out)
    assert card.training["data"] == "catalog:v1"
    assert card.training["digest"] == version.digest
    assert "--data catalog:v1" in card.training["command"]
    assert "test split" in card.metrics[0]["how"]
    (trained,) = list_runs()
    measured = {row["photo"] for row in trained.predictions()}
    test = {i.photo_id for i in version.items if i.split == "test"}
    assert measured == {f"photo {photo_id}" for photo_id in test}
    assert run("evaluate", "--data", "catalog:v1", "--model", out, "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["n"], again["confusion"]) == (6, report["confusion"])
    assert again["log_loss"] == pytest.approx(report["log_loss"], abs=1e-3)
    freeze(catalog, "v2", seed=5)
    assert run("evaluate", "--data", "catalog:v2", "--model", out) == 0
    assert "too good to be true" in capsys.readouterr().err
    keep = ("--keep", "my six coins")
    assert run("evaluate", "--data", "catalog:v1", "--model", out, *keep) == 0
    kept = bundle.load_card(out).metrics[-1]
    assert (kept["what"], kept["data"], kept["n"]) == ("my six coins", "photos", 6)


def test_figures_of_photos_and_rendered_coins_are_not_kept_together(
    catalog, add, ids, bars, tmp_path, capsys
):
    freeze(catalog, "photos")
    assert train_bars("catalog:photos", tmp_path / "bundle") == 0
    for number in range(30, 60):
        add(number, is_rendered=True)
    freeze(catalog, "both", with_rendered=True)
    asked = ("evaluate", "--data", "catalog:both", "--model", tmp_path / "bundle")
    capsys.readouterr()
    assert run(*asked, "--keep", "everything") == 2
    assert "stay separate" in capsys.readouterr().err
    assert run(*asked) == 0


def test_training_with_folds_keeps_opinions_and_finds_wrong_labels(
    catalog, ids, bars, tmp_path, capsys
):
    catalog.edits.set_ruler([ids[4]], RULERS[2], who="ada")
    out = tmp_path / "bundle"
    assert train_bars("catalog", out, "--folds", 3) == 0
    assert "1 labels look wrong" in capsys.readouterr().err
    (opinion,) = catalog.predictions.of_photo(ids[4])
    assert opinion.kind is PredictionKind.OUT_OF_FOLD
    assert (opinion.classifier, opinion.ruler) == ("bars", RULERS[1])
    assert opinion.model_digest == bundle.weights_digest(bundle.load_card(out))
    assert catalog.queries.queue("suspected") == (ids[4],)
    assert run("evaluate", "--data", "catalog", "--model", out) == 2
    assert "was trained on these photos" in capsys.readouterr().err


def test_a_version_without_validation_cannot_choose_an_epoch(
    catalog, ids, bars, tmp_path, capsys
):
    freeze(catalog, "v1", fractions=(0.8, 0.0, 0.2))
    assert train_bars("catalog:v1", tmp_path / "bundle") == 2
    assert "--data catalog" in capsys.readouterr().err


def test_versions_from_the_command_line(catalog, ids, tmp_path, capsys):
    assert run("dataset", "list") == 0
    assert "No version yet" in capsys.readouterr().err
    assert run("dataset", "freeze", "v1", "--who", "ada") == 0
    assert "--data catalog:v1" in capsys.readouterr().err
    assert run("dataset", "freeze", "v1") == 2
    assert run("dataset", "freeze", "v2", "--seed", 4, "--json") == 0
    capsys.readouterr()
    assert run("dataset", "list", "--json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["name"], second["seed"]) == ("v1", 4)
    assert run("dataset", "compare", "v1", "v2") == 0
    assert "with another split" in capsys.readouterr().out
    assert run("dataset", "leaks", "v1") == 0
    catalog.edits.group_coins(ids, who="ada")
    capsys.readouterr()
    assert run("dataset", "leaks", "v1", "--json") == 1
    assert json.loads(capsys.readouterr().out)[0]["why"] == "same_coin_now"
    out = tmp_path / "out.zip"
    assert run("dataset", "export", out, "--version", "v1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["photos"] == 30
    assert run("dataset", "export", out.with_suffix(""), "--version", "v9") == 2
