"""From photo to verdict with the shipped models: sides, reasons, by-hand boxes."""

import io
import re
import shutil
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from PIL import Image

from coin_core import pipeline
from coin_core.classifiers import shipped_classifiers, torch_classifier
from coin_core.classifiers.scope import fit_scope
from coin_core.classifiers.torch_classifier import LEAST_READ
from coin_core.detection import FoundCoins
from coin_core.errors import WeightsMismatchError
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import CROP_PX, RotatedBox, crop_to_flan
from coin_core.model_store import bundle
from coin_core.model_store.card import card_to_json
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import RenderedCoin, render_coin
from coin_core.rendering.backgrounds import draw_background
from coin_core.rendering.clutter import paste
from coin_core.results import (
    DetectedFace,
    RejectReason,
    Side,
    Verdict,
    sentence,
    to_json,
)
from coin_core.training.datasets import load_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def coin_classifier() -> CoinClassifier:
    return CoinClassifier()


@pytest.fixture(scope="module")
def coin() -> RenderedCoin:
    return render_coin(77, 1, size_px=200, wear=0.1)


def test_every_shipped_model_gives_a_verdict(
    coin_classifier: CoinClassifier, coin: RenderedCoin
) -> None:
    reading = coin_classifier.classify(coin.image, classifiers=shipped_classifiers())
    assert [verdict.classifier for verdict in reading.verdicts] == list(
        shipped_classifiers()
    )
    assert reading.legend == 0
    for verdict in reading.verdicts:
        assert sum(verdict.probabilities.values()) == pytest.approx(1, abs=1e-4)
        assert (verdict.ruler is None) == (verdict.reason is not None)
        assert sentence(verdict)


def test_the_cornucopia_side_names_nobody(coin_classifier: CoinClassifier) -> None:
    photo = render_coin(77, 3, size_px=200, kind="cornucopia", wear=0.1).image
    verdict = coin_classifier.classify(photo, classifiers=["resnet"]).verdicts[0]
    assert verdict.reason is RejectReason.LEGEND_NOT_SHOWN
    assert "cornucopia" in sentence(verdict)
    assert verdict.probabilities, (
        "the numbers are shown beside the reason not to trust them"
    )


def test_of_two_sides_the_one_with_the_legend_is_read(
    coin_classifier: CoinClassifier, coin: RenderedCoin
) -> None:
    white = (255, 255, 255)
    other = render_coin(77, 3, size_px=200, kind="cornucopia", wear=0.1)
    sides = []
    for one in (other, coin):
        page = np.full((260, 260, 3), white, np.uint8)
        page[30:230, 30:230] = np.where(
            one.mask[:, :, None] > 127, one.image, np.uint8(255)
        )
        sides.append(page)
    reading = coin_classifier.classify(np.hstack(sides), classifiers=["vgg"])
    assert len(reading.faces) == 2
    assert reading.legend == 1


def test_other_coins_are_read_on_the_left_as_in_training(
    coin_classifier: CoinClassifier, tmp_path: Path
) -> None:
    """The right coin is larger; a classifier of rulers sees that one."""
    own = bundle.models_dir() / "portraits"
    shutil.copytree(bundle.WEIGHTS_DIR / "svm", own)
    card = replace(
        bundle.load_card(own),
        name="portraits",
        classes=("vespasian", "titus", "domitian"),
        class_logit_bias={},
        limits={},
    )
    (own / "card.json").write_text(card_to_json(card))
    photo = np.full((300, 560, 3), 250, np.uint8)
    for number, size, middle in ((1, 180, (130, 150)), (2, 240, (400, 150))):
        one = render_coin(78, number, size_px=size, kind="other")
        paste(photo, one.image, one.mask, middle)
    for name in ("titus", "vespasian"):
        (tmp_path / name).mkdir()
        Image.fromarray(photo).save(tmp_path / name / "1.png")
        photo[0, 0] = 0  # no copy
    learned = load_folder(tmp_path).crops[0]
    found = coin_classifier.classify(photo, classifiers=["svm", "portraits"])
    assert [one.box.left < 0.4 for one in found.faces] == [True, False]
    assert [verdict.face for verdict in found.verdicts] == [1, 0]
    assert [one["face"] for one in to_json("photo", found)] == [1, 0]
    prepared = pipeline.prepare_photo(photo)
    np.testing.assert_array_equal(prepared.crop_of(0), learned)
    for verdict in found.verdicts:
        crop = prepared.crop_of(verdict.face)[None]
        alone = coin_classifier.probabilities(crop, verdict.classifier)[0]
        assert list(verdict.probabilities.values()) == pytest.approx(alone, abs=1e-5)


@pytest.mark.slow
def test_a_classifier_of_other_coins_names_nobody_on_a_coin_unlike_its_own() -> None:
    own = bundle.models_dir() / "portraits"
    shutil.copytree(bundle.WEIGHTS_DIR / "svm", own)
    alike = [render_coin(78, n, size_px=200, kind="other").image for n in range(25)]
    reader = CoinClassifier()
    crops = np.stack([pipeline.prepare_photo(image).crop for image in alike])
    card = replace(
        bundle.load_card(own),
        name="portraits",
        classes=("vespasian", "titus", "domitian"),
        class_logit_bias={},
        threshold=0.0,
        limits={},
        scope=fit_scope(reader.features(crops, "svm"), np.arange(len(crops))),
    )
    (own / "card.json").write_text(card_to_json(card))
    hasmonean = render_coin(77, 1, size_px=200, wear=0.1).image
    verdict = reader.classify(hasmonean, classifiers=["portraits"]).verdicts[0]
    assert verdict.reason is RejectReason.NOT_THESE
    assert "coins that this classifier learned from" in sentence(verdict)
    named = reader.classify_batch(alike, ["portraits"])
    assert sum(one.verdicts[0].ruler is not None for one in named) >= 22


@pytest.mark.parametrize("name", ["svm", "resnet"])
def test_nobody_is_named_where_too_little_of_a_legend_is_read(
    name: str,
) -> None:
    coin = render_coin(77, 4, size_px=200, wear=0.1)  # its side is beyond doubt
    own = bundle.models_dir() / "strict"
    shutil.copytree(bundle.WEIGHTS_DIR / name, own)
    card = bundle.load_card(own)
    verdicts = []
    for least in (0.0, 1e6):
        limits = {**card.limits, LEAST_READ: least}
        strict = replace(card, name="strict", limits=limits)
        (own / "card.json").write_text(card_to_json(strict))
        found = CoinClassifier().classify(coin.image, classifiers=["strict"])
        verdicts.append(found.verdicts[0])
    assert verdicts[0].ruler == coin.ruler
    assert verdicts[1].reason is RejectReason.TOO_WORN
    assert verdicts[1].probabilities == verdicts[0].probabilities


def test_a_net_sees_a_coin_once_where_coins_of_other_kinds_are_refused(
    coin_classifier: CoinClassifier,
    coin: RenderedCoin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One embedding gives the probabilities, and says whether the coin is alike."""
    own = bundle.models_dir() / "alike"
    shutil.copytree(bundle.WEIGHTS_DIR / "resnet", own)
    crop = pipeline.prepare_photo(coin.image).crop[None]
    alike = np.repeat(coin_classifier.features(crop, "resnet"), 30, axis=0)
    alike += np.random.default_rng(0).normal(0, 1, alike.shape).astype(np.float32)
    scope = fit_scope(alike, np.arange(len(alike)))
    card = replace(bundle.load_card(own), name="alike", limits={}, scope=scope)
    (own / "card.json").write_text(card_to_json(card))
    coin_classifier.model("alike")
    seen, predict = [], torch_classifier.predict

    def count(net, crops, *rest):
        seen.append(len(crops))
        return predict(net, crops, *rest)

    monkeypatch.setattr(torch_classifier, "predict", count)
    found = coin_classifier.classify(coin.image, classifiers=["alike"])
    assert found.verdicts[0].ruler == coin.ruler
    assert seen == [1]


def let_faces_be(monkeypatch: pytest.MonkeyPatch, side: Side, sure: float) -> None:
    """Let each photo be one coin whose side is found to be this."""

    def find(photos):
        box = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
        face = DetectedFace(box=box, side=side, confidence=sure)
        crops = [crop_to_flan(photo, box, CROP_PX) for photo in photos]
        return [FoundCoins((face,), (crop,)) for crop in crops]

    monkeypatch.setattr(pipeline, "find_coins", find)


def test_more_has_to_be_read_on_a_coin_that_may_show_no_legend(
    coin: RenderedCoin, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = bundle.models_dir() / "strict"
    shutil.copytree(bundle.WEIGHTS_DIR / "svm", own)
    let_faces_be(monkeypatch, Side.LEGEND, 0.99)
    crop = pipeline.prepare_photos([coin.image])[0].crop
    least = 0.9 * float(CoinClassifier().features(crop[None], "svm").mean())
    card = replace(bundle.load_card(own), name="strict", limits={LEAST_READ: least})
    (own / "card.json").write_text(card_to_json(card))
    reasons = []
    for sure in (0.99, 0.8):
        let_faces_be(monkeypatch, Side.LEGEND, sure)
        found = CoinClassifier().classify(coin.image, classifiers=["strict"])
        reasons.append(found.verdicts[0].reason)
    assert reasons == [None, RejectReason.NOT_THESE]


@pytest.mark.parametrize(
    ("side", "sure", "reason"),
    [
        (Side.LEGEND, 0.95, RejectReason.TOO_WORN),
        (Side.LEGEND, 0.6, RejectReason.NOT_THESE),
        (Side.CORNUCOPIA, 0.8, RejectReason.LEGEND_NOT_SHOWN),
        (Side.CORNUCOPIA, 0.4, RejectReason.NOT_THESE),
        (Side.OTHER, 0.4, RejectReason.NOT_THESE),
        (Side.NOTHING, 0.4, RejectReason.NO_COIN),
    ],
)
def test_a_reason_is_given_where_the_side_is_sure(
    coin_classifier: CoinClassifier,
    monkeypatch: pytest.MonkeyPatch,
    side: Side,
    sure: float,
    reason: RejectReason,
) -> None:
    let_faces_be(monkeypatch, side, sure)
    blank = np.full((160, 160, 3), 120, np.uint8)
    verdict = coin_classifier.classify(blank, classifiers=["resnet"]).verdicts[0]
    assert verdict.reason is reason


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_no_coin_is_said_to_be_no_coin(
    coin_classifier: CoinClassifier, shade: int
) -> None:
    photo = np.full((120, 160, 3), shade, np.uint8)
    reading = coin_classifier.classify(photo, classifiers=["resnet"])
    assert reading.faces == ()
    assert reading.verdicts[0].reason is RejectReason.NO_COIN
    assert reading.verdicts[0].probabilities == {}


@pytest.mark.parametrize("ground", ["wood", "gravel", "print"])
def test_a_photo_of_the_table_alone_names_nobody(
    coin_classifier: CoinClassifier, ground: str
) -> None:
    photo = draw_background(np.random.default_rng(5), 640, 480, ground)
    verdict = coin_classifier.classify(photo, classifiers=["resnet"]).verdicts[0]
    assert verdict.reason in (RejectReason.NO_COIN, RejectReason.NOT_THESE)
    assert sentence(verdict)


def test_twenty_coins_are_found_and_one_of_them_is_read(
    coin_classifier: CoinClassifier, coin: RenderedCoin
) -> None:
    other = render_coin(77, 3, size_px=200, kind="cornucopia", wear=0.1)
    photo = np.full((4 * 220, 5 * 220, 3), 240, np.uint8)
    for place in range(20):
        one = coin if place == 13 else other
        middle = (110 + place % 5 * 220, 110 + place // 5 * 220)
        paste(photo, one.image, one.mask, middle)
    reading = coin_classifier.classify(photo, classifiers=["resnet"])
    assert len(reading.faces) == 20
    assert reading.legend == 13


def test_a_box_set_by_hand_is_read_without_question(
    coin_classifier: CoinClassifier, coin: RenderedCoin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the finder was asked")

    monkeypatch.setattr(pipeline, "detect_coins", never)
    box = RotatedBox(left=0, top=0, right=1, bottom=1, turn_deg=10)
    reading = coin_classifier.classify(coin.image, classifiers=["resnet"], box=box)
    assert reading.faces[0].box == box
    assert reading.verdicts[0].probabilities


def test_many_photos_come_back_in_order_as_if_read_alone(
    coin_classifier: CoinClassifier, coin: RenderedCoin
) -> None:
    blank = np.full((100, 100, 3), 255, np.uint8)
    photos = [coin.image, blank, coin.image[::1, ::1].copy()]
    many = list(coin_classifier.classify_batch(photos, ["resnet"]))
    alone = [
        coin_classifier.classify(photo, classifiers=["resnet"]) for photo in photos
    ]
    for one, other in zip(many, alone, strict=True):
        assert one.faces == other.faces
        assert one.verdicts[0].reason == other.verdicts[0].reason
        assert one.verdicts[0].probabilities == pytest.approx(
            other.verdicts[0].probabilities, abs=1e-3
        )


def test_a_verdict_is_a_ruler_or_a_reason() -> None:
    with pytest.raises(ValueError, match="either a ruler or a reason"):
        Verdict(classifier="x", probabilities={}, ruler=None, reason=None, seconds=0)


def test_no_certainty_is_ever_shown() -> None:
    sure = Verdict(
        classifier="x",
        probabilities={"john_hyrcanus_i": 1.0, "judah_aristobulus_i": 0.0},
        ruler="john_hyrcanus_i",
        reason=None,
        seconds=0.1,
    )
    assert sentence(sure) == "John Hyrcanus I, 99 %"


@pytest.mark.parametrize(("side_px", "most"), [(200, 12), (2000, 3)])
def test_few_photos_of_a_batch_are_in_memory_at_once(
    coin_classifier: CoinClassifier, coin: RenderedCoin, side_px: int, most: int
) -> None:
    alive, counts = 0, []

    def collected() -> None:
        nonlocal alive
        alive -= 1

    def photos() -> Iterator[np.ndarray]:
        nonlocal alive
        for _ in range(14):
            photo = np.full((side_px, side_px, 3), 255, np.uint8)
            photo[:200, :200] = coin.image
            alive += 1
            weakref.finalize(photo, collected)
            counts.append(alive)
            yield photo
            del photo

    assert len(list(coin_classifier.classify_batch(photos(), ["resnet"]))) == 14
    assert max(counts) <= most


def test_photos_are_read_two_groups_at_a_time_and_answered_in_order(
    coin_classifier: CoinClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first group ends last."""
    both = threading.Barrier(2)
    second_done = threading.Event()

    def prepare(photos: list[np.ndarray]) -> list[pipeline.PreparedPhoto]:
        first = int(photos[0][0, 0, 0])
        if first < 8:
            both.wait(60)
        if first == 0:
            assert second_done.wait(60)
        elif first == 4:
            second_done.set()
        return [
            pipeline.PreparedPhoto(
                faces=(), legend=None, crop=photo, reason=RejectReason.NO_COIN
            )
            for photo in photos
        ]

    monkeypatch.setattr(pipeline, "prepare_photos", prepare)
    photos = (np.full((8, 8, 3), number, np.uint8) for number in range(14))
    done = coin_classifier.prepare_and_classify(photos, ["resnet"])
    assert [int(one.crop[0, 0, 0]) for one, _ in done] == list(range(14))


def test_photos_in_a_batch_are_found_and_read_as_each_alone(
    coin_classifier: CoinClassifier,
) -> None:
    """Photos of several sizes, with no coin, one and two."""
    coins = [render_coin(77, number, size_px=200, wear=0.3).image for number in (1, 2)]
    photos = [
        coins[0],
        np.full((150, 210, 3), 200, np.uint8),
        np.hstack(coins),
        np.vstack(coins),
        np.zeros((9, 300, 3), np.uint8),
        coins[1],
    ]
    together = list(coin_classifier.classify_batch(photos, ["resnet"]))
    for photo, found in zip(photos, together, strict=True):
        alone = coin_classifier.classify(photo, classifiers=["resnet"])
        assert [face.side for face in found.faces] == [
            face.side for face in alone.faces
        ]
        for one, other in zip(found.faces, alone.faces, strict=True):
            edges = [one.box.left, one.box.top, one.box.right, one.box.bottom]
            assert edges == pytest.approx(
                [other.box.left, other.box.top, other.box.right, other.box.bottom],
                abs=1e-4,
            )
        assert found.verdicts[0].ruler == alone.verdicts[0].ruler
        assert found.verdicts[0].reason == alone.verdicts[0].reason
        assert found.verdicts[0].probabilities == pytest.approx(
            alone.verdicts[0].probabilities, abs=1e-3
        )


def test_the_path_of_a_photo_is_the_documented_one(
    coin_classifier: CoinClassifier, coin: RenderedCoin
) -> None:
    file = io.BytesIO()
    Image.fromarray(coin.image).save(file, "PNG")
    reader = coin_classifier.pinned(["resnet"])
    reader.classify(photo_io.decode(file.getvalue()), classifiers=["resnet"])
    run: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT / "coin_core"):
            run[path.relative_to(ROOT).as_posix()] = None

    sys.setprofile(note)
    try:
        photo = photo_io.decode(file.getvalue())
        reader.classify(photo, classifiers=["resnet"])
    finally:
        sys.setprofile(None)
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert list(run) == re.findall(r"^\| \d+ \| `(coin_core/\S+)`", text, re.M)
    assert len(run) <= 9


def test_a_model_that_is_replaced_on_disk_is_loaded_again(
    coin_classifier: CoinClassifier, tmp_path: Path
) -> None:
    folder = tmp_path / "resnet"
    shutil.copytree(bundle.find_bundle("resnet"), folder)
    model = coin_classifier.model(str(folder))
    assert coin_classifier.model(str(folder)) is model
    bundle.add_figures(
        folder, bundle.load_card(folder), {"what": "other coins", "n": 3}
    )
    again = coin_classifier.model(str(folder))
    assert again is not model
    assert again.card.metrics[-1] == {"what": "other coins", "n": 3}


def test_ones_own_model_takes_the_place_of_a_shipped_one_while_it_runs(
    coin_classifier: CoinClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))
    shipped = coin_classifier.model("resnet")
    own = bundle.models_dir() / "resnet"
    shutil.copytree(bundle.WEIGHTS_DIR / "vgg", own)
    assert coin_classifier.model("resnet").card.classifier == "vgg"
    shutil.rmtree(own)
    assert coin_classifier.model("resnet").digest == shipped.digest


def test_one_model_is_in_memory_once() -> None:
    assert CoinClassifier().model("resnet") is CoinClassifier().model("resnet")


def test_a_pinned_model_stays_though_its_bundle_is_replaced(
    coin_classifier: CoinClassifier, coin: RenderedCoin, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(bundle.find_bundle("resnet"), folder)
    before = coin_classifier.pinned([str(folder)])
    shutil.rmtree(folder)
    shutil.copytree(bundle.find_bundle("vgg"), folder)
    after = coin_classifier.pinned([str(folder)])
    digests = {
        which: classifier.classify(coin.image, classifiers=[str(folder)])
        .verdicts[0]
        .model
        for which, classifier in {"before": before, "after": after}.items()
    }
    assert digests == {
        which: bundle.weights_digest(bundle.load_card(bundle.find_bundle(name)))
        for which, name in {"before": "resnet", "after": "vgg"}.items()
    }


def test_a_model_keeps_the_network_whose_features_it_was_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))
    for name in ("vgg", "svm"):
        shutil.copytree(bundle.WEIGHTS_DIR / name, bundle.models_dir() / name)
    coin_classifier = CoinClassifier()
    own = coin_classifier.feature_extractor("svm")
    assert own.folder == bundle.models_dir() / "vgg"
    shutil.rmtree(bundle.models_dir() / "vgg")
    shutil.copytree(bundle.WEIGHTS_DIR / "resnet", bundle.models_dir() / "vgg")
    shipped = coin_classifier.feature_extractor("svm")
    assert shipped.folder == bundle.WEIGHTS_DIR / "vgg"
    path = bundle.models_dir() / "svm" / "card.json"
    path.write_text(path.read_text().replace(shipped.digest, "0" * 64))
    with pytest.raises(WeightsMismatchError, match="features of another network vgg"):
        coin_classifier.model("svm")


def test_a_bundle_that_is_replaced_while_it_is_loaded_is_no_mixture(
    coin: RenderedCoin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its card with other weights, nor an error."""
    folder = tmp_path / "mine"
    shutil.copytree(bundle.WEIGHTS_DIR / "resnet", folder)
    read, replaced = bundle.read_tensors, []

    def replace_and_read(path: Path, card: object = None) -> object:
        if path == folder and len(replaced) < 3:
            name = ("vgg", "resnet")[len(replaced) % 2]
            bundle.write_folder(folder, bundle.read_files(bundle.WEIGHTS_DIR / name))
            replaced.append(name)
        return read(path, card)

    monkeypatch.setattr(bundle, "read_tensors", replace_and_read)
    mine = CoinClassifier().classify(coin.image, classifiers=[str(folder)]).verdicts[0]
    vgg = CoinClassifier().classify(coin.image, classifiers=["vgg"]).verdicts[0]
    assert replaced == ["vgg", "resnet", "vgg"]
    assert (mine.model, dict(mine.probabilities)) == (vgg.model, vgg.probabilities)


@pytest.mark.parametrize(
    ("side", "reason"),
    [
        (Side.LEGEND, None),
        (Side.CORNUCOPIA, RejectReason.LEGEND_NOT_SHOWN),
        (Side.STAR_ANCHOR, RejectReason.NOT_THESE),
    ],
)
def test_a_chosen_face_is_judged_as_if_it_were_alone(
    monkeypatch: pytest.MonkeyPatch, side: Side, reason: RejectReason | None
) -> None:
    photo = np.full((60, 60, 3), 120, np.uint8)
    let_faces_be(monkeypatch, side, 0.97)
    alone = pipeline.prepare_photo(photo)
    chosen = pipeline.prepare_face(photo, alone.faces[0])
    assert chosen.reason == alone.reason == reason
    assert (chosen.faces, chosen.legend) == (alone.faces, alone.legend)
    assert np.array_equal(chosen.crop, alone.crop)
