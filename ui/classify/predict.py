"""Results and explanations of uploaded photos, cached by photo and weights."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from coin_core.classifiers.together_card import TOGETHER, can_read_together
from coin_core.errors import KNOWN_ERRORS, UnreadablePhotoError
from coin_core.i18n import _
from coin_core.imaging.photo_io import decode
from coin_core.imaging.preprocessing import RotatedBox, crop_to_flan
from coin_core.model_store.card import Card
from coin_core.results import (
    DetectedFace,
    LetterRead,
    PhotoResult,
    RejectReason,
    Side,
    Verdict,
    are_of_several_coins,
    sentence,
)
from coin_core.rulers import RULERS
from ui.classify.session import LettersKey, UploadedPhoto, UploadSession
from ui.components.images import shrink, to_jpeg
from ui.formatting import as_text
from ui.memory import give_memory_back
from ui.resources import coin_classifier, weights_version

if TYPE_CHECKING:
    from coin_core.classifiers.rim_reader import RimLetter
    from coin_core.explain import NearCoin
    from coin_core.imaging.preprocessing import LegendPose
    from coin_core.legend_alignment import LegendFit
    from coin_core.pipeline import PreparedPhoto

HashFuncs = dict[str | type[Any], Callable[[Any], Any]]

_THUMBNAIL_PX = 96
_KEPT = 256  # prepared photos, 77 kB a crop
_PROGRESS_BAR_FROM = 3
_LOOK_S = 0.2  # between two looks for a click, while a thread reads
_BY_PHOTO: HashFuncs = {UploadedPhoto: lambda photo: photo.digest}
_BY_PHOTO_AND_WEIGHTS: HashFuncs = {
    UploadedPhoto: lambda photo: f"{photo.digest} {weights_version()}"
}


@st.cache_resource(show_spinner=False)
def _prepared() -> OrderedDict[str, PreparedPhoto]:
    """The last photos whose faces were found, by digest."""
    return OrderedDict()


@st.cache_resource(show_spinner=False, max_entries=1, hash_funcs=_BY_PHOTO)
def photo_pixels(photo: UploadedPhoto) -> np.ndarray:
    """A decoded photo, cached while its parts are shown one after the other."""
    return decode(photo.data, name=photo.name)


def classify_photo(
    photo: UploadedPhoto, classifiers: tuple[str, ...], box: RotatedBox | None = None
) -> PhotoResult:
    """The result of these classifiers on a photo, or on one box of it."""
    return _classify_at(photo, classifiers, box)[0]


@st.cache_data(show_spinner=False, max_entries=200, hash_funcs=_BY_PHOTO_AND_WEIGHTS)
def _classify_at(
    photo: UploadedPhoto, classifiers: tuple[str, ...], box: RotatedBox | None
) -> tuple[PhotoResult, datetime]:
    """The result of these classifiers, and when it was given."""
    prepared = [_prepare(photo, box)]
    result = coin_classifier().classify_prepared(prepared, classifiers)[0]
    return result, datetime.now(UTC)


def _prepare(photo: UploadedPhoto, box: RotatedBox | None = None) -> PreparedPhoto:
    """The faces and the crop of a photo, which is decoded if it is not kept."""
    from coin_core.pipeline import prepare_face, prepare_photo

    if box is not None:
        return prepare_face(photo_pixels(photo), chosen_face(photo, box))
    prepared = _prepared().get(photo.digest)
    if prepared is None:
        prepared = prepare_photo(photo_pixels(photo))
        _keep(photo, prepared)
    return prepared


def chosen_face(photo: UploadedPhoto, box: RotatedBox) -> DetectedFace:
    """The face that was found in a box; one that the visitor drew shows a legend."""
    found = (face for face in _prepare(photo).faces if face.box == box)
    return next(found, DetectedFace(box=box, side=Side.LEGEND, confidence=1.0))


def _keep(photo: UploadedPhoto, prepared: PreparedPhoto) -> None:
    kept = _prepared()
    kept[photo.digest] = prepared
    if len(kept) > _KEPT:
        kept.popitem(last=False)


def ask_all(
    session: UploadSession, photo: UploadedPhoto, cards: Mapping[str, Card]
) -> tuple[tuple[Verdict, ...], Verdict | None]:
    """The verdicts of these classifiers, and that of all that ship together.

    The second is None where a classifier is missing, or a user's own replaces one.
    """
    names, box = with_together(cards), session.boxes.get(photo.digest)
    count = len(cards)
    if box is None and _missing(session, photo, cards):
        place = st.empty()
        _wait_for_reader(session, place.empty)
        _start_reader(session, photo, cards)
        _wait_for_reader(session, place.empty)
    if box is None and not _missing(session, photo, cards):
        kept = [session.results[photo.digest, name] for name in names]
        verdicts = tuple(one.verdicts[0] for one in kept)
    else:  # a drawn box, or what was read could not be kept
        verdicts = classify_photo(photo, names, box).verdicts
    return verdicts[:count], verdicts[-1] if len(names) > count else None


def with_together(cards: Mapping[str, Card]) -> tuple[str, ...]:
    """The names of these classifiers, and of all together where they can be."""
    return (*cards, TOGETHER) if can_read_together(cards) else tuple(cards)


def _store(
    session: UploadSession,
    photo: UploadedPhoto,
    result: PhotoResult,
    verdicts: Sequence[Verdict],
) -> None:
    """Keep the answer of each classifier on the face that was found."""
    for verdict in verdicts:
        one = replace(result, verdicts=(verdict,))
        session.keep(photo.digest, verdict.classifier, one)


def _crop_for_nets(photo: UploadedPhoto, box: RotatedBox) -> np.ndarray:
    from coin_core.imaging.preprocessing import CROP_PX

    kept = _prepared().get(photo.digest)
    for number, face in enumerate(kept.faces if kept else ()):
        if kept and face.box == box and number in (0, kept.legend):
            return kept.crop_of(number)
    return crop_to_flan(photo_pixels(photo), box, CROP_PX)


def reads_letters(classifier: str) -> bool:
    """Whether a classifier reads letters; others compare the look of coins."""
    from coin_core import explain

    return explain.reads_letters(coin_classifier(), classifier)


@st.cache_data(show_spinner=False, max_entries=100, hash_funcs=_BY_PHOTO_AND_WEIGHTS)
def letters_read(
    photo: UploadedPhoto, box: RotatedBox, classifier: str
) -> tuple[LetterRead, ...]:
    """The letters that the net of a classifier reads on one face."""
    from coin_core import explain

    crop = _crop_for_nets(photo, box)
    return explain.read_letters(coin_classifier(), crop, classifier)


@st.cache_data(show_spinner=False, max_entries=100, hash_funcs=_BY_PHOTO_AND_WEIGHTS)
def rim_read(
    photo: UploadedPhoto, box: RotatedBox, classifier: str
) -> tuple[RimLetter, ...]:
    """The capitals that a classifier of other coins reads along the rim of a face."""
    from coin_core import explain

    crop = _crop_for_nets(photo, box)
    return explain.read_rim(coin_classifier(), crop, classifier)


@st.cache_data(show_spinner=False, max_entries=100, hash_funcs=_BY_PHOTO_AND_WEIGHTS)
def legend_fits(
    photo: UploadedPhoto, box: RotatedBox, classifier: str
) -> tuple[LegendFit, ...]:
    """How well the letters that were read fit the legends of each ruler."""
    from coin_core.legend_alignment import fit_legends

    return fit_legends(letters_read(photo, box, classifier), tuple(RULERS))


@st.cache_data(show_spinner=False, max_entries=100, hash_funcs=_BY_PHOTO_AND_WEIGHTS)
def legend_pose(photo: UploadedPhoto, box: RotatedBox, classifier: str) -> LegendPose:
    """Where a classifier finds the legend on one face, and how far it is turned."""
    from coin_core import explain

    crop = _crop_for_nets(photo, box)
    return explain.find_legend_pose(coin_classifier(), crop, classifier)


@st.cache_data(show_spinner=False, max_entries=100, hash_funcs=_BY_PHOTO_AND_WEIGHTS)
def heat_map(
    photo: UploadedPhoto, box: RotatedBox, classifier: str, ruler: str
) -> np.ndarray:
    """The regions that speak for one ruler, float32 from 0 to 1."""
    from coin_core import explain

    crop = _crop_for_nets(photo, box)
    return explain.heat_map(coin_classifier(), crop, classifier, ruler)


@st.cache_data(show_spinner=False, max_entries=100, hash_funcs=_BY_PHOTO_AND_WEIGHTS)
def nearest_coins(
    photo: UploadedPhoto, box: RotatedBox
) -> list[tuple[NearCoin, np.ndarray | None]]:
    """The known coins that are most similar to one face."""
    from coin_core import explain

    return explain.nearest_coins(coin_classifier(), _crop_for_nets(photo, box))


@st.cache_data(show_spinner=False, max_entries=100, hash_funcs=_BY_PHOTO_AND_WEIGHTS)
def similarity_vector(photo: UploadedPhoto, box: RotatedBox) -> np.ndarray:
    """What makes one face similar to others, as a unit vector."""
    from coin_core import explain

    crops = _crop_for_nets(photo, box)[None]
    vector: np.ndarray = explain.similarity_vectors(coin_classifier(), crops)[0]
    return vector


def result_of(
    session: UploadSession, photo: UploadedPhoto, classifier: str
) -> PhotoResult | None:
    """The answer on a photo, or on the box chosen in it; None before there is one."""
    if (box := session.boxes.get(photo.digest)) is not None:
        return classify_photo(photo, (classifier,), box)
    return session.results.get((photo.digest, classifier))


def answer(
    session: UploadSession, photo: UploadedPhoto, classifier: str
) -> PhotoResult:
    """The answer on a photo, asked for if it is not there yet."""
    result = result_of(session, photo, classifier)
    if result is None:
        result = classify_photo(photo, (classifier,))
        session.keep(photo.digest, classifier, result)
    return result


def read_at(
    session: UploadSession, photo: UploadedPhoto, classifier: str
) -> datetime | None:
    """When a classifier gave its answer on a photo, or on the box chosen in it."""
    if (box := session.boxes.get(photo.digest)) is not None:
        return _classify_at(photo, (classifier,), box)[1]
    return session.read_at.get((photo.digest, classifier))


def box_read(result: PhotoResult) -> RotatedBox | None:
    """The box of the face that was read, if there is one."""
    face = result.face_read(result.verdicts[0])
    return None if face is None else result.faces[face].box


def face_number(
    session: UploadSession, photo: UploadedPhoto, result: PhotoResult
) -> tuple[int, int] | None:
    """The number of the face that an answer is of, and how many there are.

    None where a photo shows one coin, or the answer is of all faces or of none of them.
    """
    is_chosen = photo.digest in session.boxes
    faces = _prepare(photo).faces if is_chosen else result.faces
    verdict = result.verdicts[0]
    face = result.face_read(verdict)
    is_weighed = verdict.reason in (None, RejectReason.TOO_WORN)
    if face is None and (is_chosen or is_weighed):
        face = verdict.face
    if face is None or not are_of_several_coins(faces):
        return None
    read = result.faces[face].box
    numbers = (number for number, face in enumerate(faces, 1) if face.box == read)
    number = next(numbers, None)
    return None if number is None else (number, len(faces))


def letters_of(
    session: UploadSession, photo: UploadedPhoto, result: PhotoResult, classifier: str
) -> tuple[LetterRead, ...]:
    """The letters that were read for a result; none where no face was read."""
    box = box_read(result)
    if box is None or classifier == TOGETHER or not reads_letters(classifier):
        return ()
    key = (photo.digest, box, classifier)
    if key not in session.letters:
        session.letters[key] = letters_read(photo, box, classifier)
    return session.letters[key]


def classify_rest(session: UploadSession, cards: Mapping[str, Card]) -> None:
    """Let the other classifiers answer too, and read the letters, after all is shown.

    Then another classifier, the CSV and the report are there at once. Each photo is
    read in a thread, so that a click is answered at once; the next run of the page
    goes on with the others.
    """
    _forget_old_answers(session)
    pending = [
        photo for photo in session.photos.values() if _missing(session, photo, cards)
    ]
    if not pending:
        return
    progress = st.empty()
    for done, photo in enumerate(pending):
        words = _("The other classifiers are reading: {done} of {total}").format(
            done=done, total=len(pending)
        )
        tell = partial(progress.caption, words)
        tell()
        _wait_for_reader(session, tell)  # which an earlier run has begun
        _start_reader(session, photo, cards)
        _wait_for_reader(session, tell)
    progress.empty()
    give_memory_back()


def _start_reader(
    session: UploadSession, photo: UploadedPhoto, cards: Mapping[str, Card]
) -> None:
    session.reader = Thread(
        target=_read_rest, args=(session, photo, cards), name="rest", daemon=True
    )
    session.reader.start()


def _wait_for_reader(session: UploadSession, tell: Callable[[], object]) -> None:
    while session.reader is not None and session.reader.is_alive():
        session.reader.join(_LOOK_S)
        tell()  # a click ends this run of the page here


def _missing(
    session: UploadSession, photo: UploadedPhoto, cards: Mapping[str, Card]
) -> tuple[str, ...]:
    """The classifiers whose answers on a photo are not there yet."""
    results, names = session.results, with_together(cards)
    return tuple(name for name in names if (photo.digest, name) not in results)


def _read_rest(
    session: UploadSession, photo: UploadedPhoto, cards: Mapping[str, Card]
) -> None:
    """The answers on a photo that are not there yet, and the letters of each net."""
    if not (names := _missing(session, photo, cards)):
        return
    version = session.weights_version
    try:
        result = classify_photo(photo, names)
        letters = dict[LettersKey, tuple[LetterRead, ...]]()
        if result.legend is not None:
            box = result.faces[result.legend].box
            loaded, by_net = coin_classifier(), dict[int, tuple[LetterRead, ...]]()
            for name in filter(reads_letters, cards):
                net = id(loaded.feature_extractor(name))
                if net not in by_net:
                    by_net[net] = letters_read(photo, box, name)
                letters[photo.digest, box, name] = by_net[net]
    except KNOWN_ERRORS:  # said where the photo is shown
        return
    # Meanwhile the photo may have been removed, and a classifier replaced.
    if photo.digest in session.photos and session.weights_version == version:
        _store(session, photo, result, result.verdicts)
        session.letters |= letters


def _forget_old_answers(session: UploadSession) -> None:
    if session.weights_version != (version := weights_version()):
        session.results.clear()
        session.read_at.clear()
        session.letters.clear()
        session.weights_version = version


def classify_uploads(session: UploadSession, classifier: str) -> bool:
    """Classify the photos that have no result of this classifier yet.

    A file that cannot be read is removed with an error message, and the others are
    classified. Results are stored one by one, so a rerun in between loses none.

    Returns:
        Whether a file was removed.
    """
    _forget_old_answers(session)
    pending = [
        photo
        for photo in session.photos.values()
        if (photo.digest, classifier) not in session.results
    ]
    if not pending:
        return False
    loaded = coin_classifier()
    count = len(session.photos)
    waiting: deque[tuple[UploadedPhoto, bytes]] = deque()  # decoded, no result yet
    bar = st.progress(0.0) if len(pending) >= _PROGRESS_BAR_FROM else None

    def pixels_of(photo: UploadedPhoto) -> np.ndarray:
        # A single photo is shown next: cached, it is decoded only once.
        if len(pending) == 1:
            pixels = photo_pixels(photo)
        else:
            pixels = decode(photo.data, name=photo.name, queue=True)
        waiting.append((photo, _thumbnail(pixels)))
        return pixels

    def decoded() -> Iterator[np.ndarray]:
        for photo in pending:
            try:
                yield pixels_of(photo)  # in no variable, where a batch would keep it
            except UnreadablePhotoError as error:
                session.reject(photo.digest, str(error))

    results = loaded.prepare_and_classify(decoded(), (classifier,))
    for done, (prepared, result) in enumerate(results, 1):
        photo, whole = waiting.popleft()
        _keep(photo, prepared)
        session.keep(photo.digest, classifier, result)
        face = result.face_read(result.verdicts[0])
        session.thumbnails[photo.digest] = (
            whole if face is None else _thumbnail(prepared.crop_of(face))
        )
        if bar is not None:
            bar.progress(
                done / len(pending),
                _("{done} of {count}: {photo}").format(
                    done=f"{done:,}",
                    count=f"{len(pending):,}",
                    photo=as_text(f"{photo.name}, {sentence(result.verdicts[0])}"),
                ),
            )
    if bar is not None:
        bar.empty()
        give_memory_back()
    return len(session.photos) < count


def _thumbnail(pixels: np.ndarray) -> bytes:
    """A picture as a small JPEG; Pillow would make a whole copy of a large one."""
    step = max(1, max(pixels.shape) // (4 * _THUMBNAIL_PX))
    return to_jpeg(shrink(pixels[::step, ::step], _THUMBNAIL_PX), quality=80)
