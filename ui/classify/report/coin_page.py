"""What the report says of one coin, in the language that is spoken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from coin_core.i18n import _
from coin_core.imaging.preprocessing import crop_to_flan, warp_to_legend
from coin_core.legend_alignment import LegendFit, fit_legends
from coin_core.model_store.card import Card
from coin_core.results import (
    DetectedFace,
    PhotoResult,
    RejectReason,
    Verdict,
    class_title,
    transliterated,
)
from coin_core.rulers import RULERS
from ui.classify import predict
from ui.classify.reading import reading_sentences, rim_sentence
from ui.classify.report.pictures import (
    SIDE_PX,
    picture_of,
    picture_of_heat,
    picture_of_letters,
)
from ui.classify.results_table import face_words, own_reading
from ui.classify.session import PhotoNote, UploadedPhoto, UploadSession
from ui.classify.verdict import headline, why_not
from ui.components.paleo_hebrew import letters_of_name
from ui.formatting import (
    NBSP,
    full_title,
    measured_on,
    percent,
    probability_text,
    real_figures,
    short_title,
)
from ui.palette import MUTED, class_colours

_DIGEST = 12  # signs of a digest that are printed
_MOST_SHARES = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The probability of one class."""

    title: str
    text: str
    fraction: float
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A square JPEG with its caption."""

    jpeg: bytes
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinPage:
    """One coin of a report, all in words.

    Attributes:
        photo: The name of the file, as it came.
        verdict: The answer in one sentence.
        reading: What was read of the name, in sentences; "" if nothing was.
        facts: Titles with what they say: the context, the visitor's own reading.
        pictures: The coin first.
        shares: The probabilities of the chosen classifier, those of the unlikeliest of
            many classes as one; empty if they mean nothing.
        letters: What was read, right to left, in transliteration; in Hebrew letters
            if the language has them.
        names: For each ruler, how many letters of his name were read.
        alternatives: The answers of all classifiers, and of all together: title,
            answer, model.
        caveats: What the numbers rest on.
        signature: Date, classifier, photo.
    """

    photo: str
    verdict: str
    reading: str
    facts: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...]
    shares: tuple[Share, ...]
    letters: str
    names: tuple[tuple[str, str], ...]
    alternatives: tuple[tuple[str, str, str], ...]
    caveats: tuple[str, ...]
    signature: str


def coin_page(
    session: UploadSession,
    photo: UploadedPhoto,
    classifier: str,
    cards: Mapping[str, Card],
    at: datetime,
    *,
    with_heat: bool = True,
) -> CoinPage:
    """Everything the report says of one photo.

    Args:
        session: Holds the answers.
        photo: The photo.
        classifier: The classifier whose verdict heads the page.
        cards: The cards of all classifiers.
        at: When the report is made.
        with_heat: Whether the heat map is among the pictures.

    Raises:
        CoinError: The photo cannot be read any more.
    """
    results = {
        name: predict.answer(session, photo, name)
        for name in predict.with_together(cards)
    }
    result = results[classifier]
    verdict = result.verdicts[0]
    is_weighed = verdict.reason in (None, RejectReason.TOO_WORN)
    leaning = verdict.ranked[0][0] if is_weighed and verdict.ranked else ""
    letters = predict.letters_of(session, photo, result, classifier)
    fits: tuple[LegendFit, ...] = ()
    if is_weighed and letters and leaning in RULERS:
        fits = fit_legends(letters, tuple(RULERS))
    reading = ""
    if fits:
        reading = reading_sentences(fits, leaning)
    elif leaning and leaning not in RULERS:
        box = predict.box_read(result)
        if box is not None:
            reading = rim_sentence(predict.rim_read(photo, box, classifier))
    comparable = [
        results[name].verdicts[0]
        for name, card in cards.items()
        if card.classes == cards[classifier].classes
    ]
    note = session.notes.get(photo.digest, PhotoNote())
    facts = (
        (_("In the photo"), face_words(predict.face_number(session, photo, result))),
        (_("Find or context"), note.context),
        (_("Own reading"), own_reading(note)),
        (_("Note"), note.text),
        (_("Rendered coin, not a photograph"), photo.rendered_as or ""),
    )
    return CoinPage(
        photo=photo.name,
        verdict=headline(verdict, comparable, result.faces).replace(" %", f"{NBSP}%"),
        reading=reading,
        facts=tuple((title, text) for title, text in facts if text),
        pictures=_pictures(
            session, photo, result, classifier, leaning, with_heat=with_heat
        ),
        shares=_shares(verdict, cards[classifier]) if is_weighed else (),
        letters=transliterated(letters),
        names=tuple(
            (
                f"{_(RULERS[fit.ruler].name_on_coin)} ({_(RULERS[fit.ruler].name)})",
                _("{found} of {count} letters").format(
                    found=fit.found, count=len(fit.name)
                ),
            )
            for fit in fits
        ),
        alternatives=tuple(
            _alternative(
                short_title(cards[name]) if name in cards else _("Weighed together"),
                one.verdicts[0],
                one.faces,
            )
            for name, one in results.items()
        ),
        caveats=caveats(cards[classifier]),
        signature=_("{date} · {classifier}, model {model} · photo {photo}").format(
            date=f"{at:%Y-%m-%d %H:%M}",
            classifier=full_title(cards[classifier]),
            model=verdict.model[:_DIGEST] or "?",
            photo=photo.digest[:_DIGEST],
        ),
    )


def caveats(card: Card) -> tuple[str, ...]:
    """How often a classifier was right on photos, and what it was trained on."""
    said = [
        _("Measured on {n} {coins}: {accuracy} right ({low} to {high}).").format(
            n=figures["n"],
            coins=measured_on(figures),
            accuracy=percent(figures["accuracy"]),
            low=percent(figures["accuracy_low"]),
            high=percent(figures["accuracy_high"]),
        )
        for figures in card.metrics
        if figures.get("n")
        and figures.get("data") != "rendered"
        and figures.keys() >= {"accuracy", "accuracy_low", "accuracy_high"}
    ]
    if not said:
        said.append(_("This classifier was not measured on real coins."))
    elif real_figures(card) is None:
        said.append(_("It was not measured on real coins alone."))
    if card.training.get("data") == "rendered":
        said.append(
            _("It was trained and calibrated on rendered coins; real ones are harder.")
        )
    said.append(
        _(
            "It reads the name on the coin. A probability is not proof: on a worn "
            "coin this is a second opinion, not an attribution."
        )
    )
    return tuple(said)


def _pictures(
    session: UploadSession,
    photo: UploadedPhoto,
    result: PhotoResult,
    classifier: str,
    leaning: str,
    *,
    with_heat: bool,
) -> tuple[Picture, ...]:
    """The coin; where a legend was weighed, also its letters and the heat map."""
    box = predict.box_read(result) or session.boxes.get(photo.digest)
    if box is None:
        whole = predict.photo_pixels(photo)
        return (Picture(jpeg=picture_of(_squared(whole)), caption=_("The photo")),)
    crop = crop_to_flan(predict.photo_pixels(photo), box, SIDE_PX)
    pictures = [Picture(jpeg=picture_of(crop), caption=_("The coin"))]
    if leaning in RULERS and predict.reads_letters(classifier):
        letters = predict.letters_of(session, photo, result, classifier)
        pose = predict.legend_pose(photo, box, classifier)
        legend = warp_to_legend(crop[None], [pose], crop.shape[0])[0]
        fits = fit_legends(letters, tuple(RULERS))
        of_name = letters_of_name(fits, leaning)
        pictures.append(
            Picture(
                jpeg=picture_of_letters(legend, letters, of_name),
                caption=_("The letters that were read"),
            )
        )
    if leaning and with_heat:
        heat = predict.heat_map(photo, box, classifier, leaning)
        if heat.any():
            caption = _("Heat map: warm places speak for {ruler}")
            pictures.append(
                Picture(
                    jpeg=picture_of_heat(crop, heat),
                    caption=caption.format(ruler=class_title(leaning)),
                )
            )
    return tuple(pictures)


def _squared(image: np.ndarray) -> np.ndarray:
    """A picture with light bands, so that it is square."""
    side = max(image.shape[:2])
    square = np.full((side, side, 3), 245, np.uint8)
    top, left = (side - image.shape[0]) // 2, (side - image.shape[1]) // 2
    square[top : top + image.shape[0], left : left + image.shape[1]] = image
    return square


def _shares(verdict: Verdict, card: Card) -> tuple[Share, ...]:
    colours = class_colours(card.classes)
    ranked, others = verdict.ranked, verdict.ranked[_MOST_SHARES - 1 :]
    if len(others) > 1:
        ranked = ranked[: _MOST_SHARES - 1]
    shares = [
        Share(
            title=class_title(name),
            text=probability_text(probability),
            fraction=probability,
            colour=colours[name] if verdict.ruler else MUTED,
        )
        for name, probability in ranked
    ]
    if len(others) > 1:
        together = sum(probability for _name, probability in others)
        shares.append(
            Share(
                title=_("{n} others together").format(n=len(others)),
                text=probability_text(together),
                fraction=together,
                colour=MUTED,
            )
        )
    return tuple(shares)


def _alternative(
    title: str, verdict: Verdict, faces: Sequence[DetectedFace]
) -> tuple[str, str, str]:
    if verdict.ruler is not None:
        share = probability_text(verdict.probabilities[verdict.ruler])
        says = f"{class_title(verdict.ruler)}, {share}"
    else:
        says = _("cannot tell: {reason}").format(reason=why_not(verdict, faces))
        if verdict.reason is RejectReason.TOO_WORN and verdict.ranked:
            name, probability = verdict.ranked[0]
            says += " " + _("(leans to {ruler}, {probability})").format(
                ruler=class_title(name), probability=probability_text(probability)
            )
    return title, says, verdict.model[:_DIGEST]
