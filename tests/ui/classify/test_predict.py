from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from coin_core import pipeline
from coin_core.classifiers.together_card import TOGETHER
from coin_core.detection import face_to_read
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import DetectedFace, PhotoResult, RejectReason, Side, Verdict
from tests import fakes
from ui.classify import predict
from ui.classify.session import UploadedPhoto, UploadSession

CARDS = {bundle.name: bundle.card for bundle in fakes.bundles()}


@pytest.fixture
def session(encode_photo: Callable[..., bytes]) -> UploadSession:
    session = UploadSession()
    session.add(
        (f"{grey}.png", encode_photo(np.full((90, 90, 3), grey, np.uint8)))
        for grey in (120, 121)
    )
    return session


def test_a_file_that_is_no_photo_is_removed_and_the_others_are_classified(
    session: UploadSession,
) -> None:
    session.add([("notes.jpg", b"a shopping list")])
    assert predict.classify_uploads(session, "resnet")
    assert "notes.jpg" in session.problems[0]
    assert {photo.name for photo in session.photos.values()} == {"120.png", "121.png"}
    assert set(session.results) == {(digest, "resnet") for digest in session.photos}
    for digest in session.photos:
        assert session.thumbnails[digest].startswith(b"\xff\xd8")


@pytest.mark.slow
def test_no_decoded_photo_of_a_group_is_in_memory_while_it_is_classified(
    encode_photo: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = UploadSession()
    session.add(
        (f"{grey}.png", encode_photo(np.full((20, 20, 3), grey, np.uint8)))
        for grey in range(18)
    )
    decoded: list[weakref.ref[Any]] = []
    alive: list[int] = []
    classify = fakes.FakeCoinClassifier.classify_prepared
    prepare = pipeline.prepare_photos

    def prepare_copies(photos: list[np.ndarray]) -> list[pipeline.PreparedPhoto]:
        return prepare([photo.copy() for photo in photos])  # a fake crop is the photo

    def decode(*args: Any, **options: Any) -> np.ndarray:
        pixels = photo_io.decode(*args, **options)
        decoded.append(weakref.ref(pixels if pixels.base is None else pixels.base))
        return pixels

    def classify_group(self: Any, prepared: Any, names: Any) -> Any:
        gc.collect()
        group = [int(one.crop[0, 0, 0]) for one in prepared]
        alive.append(sum(decoded[grey]() is not None for grey in group))
        return classify(self, prepared, names)

    monkeypatch.setattr(pipeline, "prepare_photos", prepare_copies)
    monkeypatch.setattr(predict, "decode", decode)
    monkeypatch.setattr(fakes.FakeCoinClassifier, "classify_prepared", classify_group)
    assert not predict.classify_uploads(session, "resnet")
    assert len(decoded) == len(session.results) == 18
    assert alive == [0] * 5


def test_only_photos_without_a_result_are_classified(
    session: UploadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not predict.classify_uploads(session, "resnet")
    monkeypatch.setattr(fakes.FakeCoinClassifier, "classify_prepared", None)
    assert not predict.classify_uploads(session, "resnet")


def test_new_weights_make_new_results(
    session: UploadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict.classify_uploads(session, "resnet")
    monkeypatch.setattr(predict, "weights_version", lambda: "retrained")
    predict.classify_uploads(session, "mlp")
    assert {classifier for _, classifier in session.results} == {"mlp"}


def test_results_of_old_weights_that_come_late_are_not_kept(
    session: UploadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict.classify_uploads(session, "resnet")
    classify = fakes.FakeCoinClassifier.classify_prepared

    def retrain_meanwhile(self: Any, prepared: Any, names: Any) -> Any:
        result = classify(self, prepared, names)
        monkeypatch.setattr(predict, "weights_version", lambda: "retrained")
        predict._forget_old_answers(session)  # as the next run of the page does
        return result

    monkeypatch.setattr(
        fakes.FakeCoinClassifier, "classify_prepared", retrain_meanwhile
    )
    predict._read_rest(session, session.photos[str(session.selected)], CARDS)
    assert session.results == session.letters == {}


def test_results_are_cached_by_photo_and_weights(
    session: UploadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    class Counting(fakes.FakeCoinClassifier):
        def classify_prepared(self, *args):
            calls.append(args)
            return super().classify_prepared(*args)

    monkeypatch.setattr(predict, "coin_classifier", Counting)
    (first, second) = session.photos.values()
    renamed = UploadedPhoto(name="copy.png", digest=first.digest, data=first.data)
    for photo in (first, first, renamed, second):
        predict.classify_photo(photo, ("resnet",))
    assert len(calls) == 2
    monkeypatch.setattr(predict, "weights_version", lambda: "retrained")
    predict.classify_photo(first, ("resnet",))
    assert len(calls) == 3


def test_the_time_of_a_reading_on_a_box_is_kept_with_the_reading(
    session: UploadSession,
) -> None:
    (photo, _second) = session.photos.values()
    session.boxes[photo.digest] = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)
    predict.answer(session, photo, "resnet")
    after = datetime.now(UTC)
    read_at = predict.read_at(session, photo, "resnet")
    assert read_at is not None
    assert read_at <= after
    assert predict.read_at(session, photo, "resnet") == read_at


def test_a_photo_is_decoded_once_for_all_classifiers_and_letters(
    session: UploadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []

    def decode(data: bytes, *, name: str, queue: bool = False) -> np.ndarray:
        decoded.append(name)
        return photo_io.decode(data, name=name, queue=queue)

    monkeypatch.setattr(predict, "decode", decode)
    predict.classify_uploads(session, "resnet")
    predict.classify_rest(session, CARDS)
    assert sorted(decoded) == ["120.png", "121.png"]
    assert {name for _, name in session.results} == {*CARDS, TOGETHER}
    assert len(session.letters) == 2 * len(CARDS)


def test_few_crops_are_kept(
    session: UploadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "_KEPT", 1)
    predict.classify_uploads(session, "resnet")
    predict.classify_rest(session, {name: CARDS[name] for name in ("resnet", "vgg")})
    assert len(session.results) == 4  # not all are there, so none together
    assert len(predict._prepared()) == 1


def test_the_comparison_of_a_photo_is_not_asked_for_again(
    session: UploadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict.classify_uploads(session, "resnet")
    shown, other = session.photos.values()
    verdicts, together = predict.ask_all(session, shown, CARDS)
    assert [one.classifier for one in verdicts] == list(CARDS)
    assert together is not None
    assert together.classifier == TOGETHER
    asked = []
    classify = fakes.FakeCoinClassifier.classify_prepared

    def counted(self, prepared, names):
        asked.append(tuple(names))
        return classify(self, prepared, names)

    monkeypatch.setattr(fakes.FakeCoinClassifier, "classify_prepared", counted)
    predict.classify_rest(session, CARDS)
    assert asked == [("vgg", "svm", "knn", "mlp", TOGETHER)]
    assert (other.digest, "mlp") in session.results
    assert predict.ask_all(session, other, CARDS)[1] is not None
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("classes", "legend", "read"),
    [
        (("herod", "philip"), None, 0),
        (("herod", "philip"), 1, 0),
        (("john_hyrcanus_i",), 1, 1),
        (("john_hyrcanus_i",), None, None),
    ],
)
def test_the_box_is_of_the_face_that_was_read(
    classes: tuple[str, ...], legend: int | None, read: int | None
) -> None:
    small = RotatedBox(left=0.0, top=0.0, right=0.3, bottom=0.3)
    large = RotatedBox(left=0.4, top=0.0, right=1.0, bottom=0.6)
    sides = [Side.OTHER, Side.OTHER if legend is None else Side.LEGEND]
    faces = tuple(
        DetectedFace(box=box, side=side, confidence=0.9)
        for box, side in zip((small, large), sides, strict=True)
    )
    verdict = Verdict(
        classifier="own",
        probabilities=dict.fromkeys(classes, 1 / len(classes)),
        ruler=None,
        reason=RejectReason.TOO_WORN,
        seconds=0.0,
        face=face_to_read(faces, classes),
    )
    result = PhotoResult(faces=faces, legend=legend, verdicts=(verdict,))
    assert result.face_read(result.verdicts[0]) == read
    assert predict.box_read(result) == (None if read is None else faces[read].box)


def test_the_crop_that_was_classified_is_used_again(
    session: UploadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = [
        RotatedBox(left=left, top=0.0, right=left + 0.4, bottom=0.4)
        for left in (0.0, 0.5)
    ]
    first, legend = (np.full((8, 8, 3), grey, np.uint8) for grey in (1, 2))
    prepared = pipeline.PreparedPhoto(
        faces=tuple(
            DetectedFace(box=box, side=side, confidence=0.9)
            for box, side in zip(boxes, (Side.OTHER, Side.LEGEND), strict=True)
        ),
        legend=1,
        crop=legend,
        first_crop=first,
        reason=None,
    )
    (photo, *_) = session.photos.values()
    predict._keep(photo, prepared)
    assert predict._crop_for_nets(photo, boxes[0]) is first
    assert predict._crop_for_nets(photo, boxes[1]) is legend
