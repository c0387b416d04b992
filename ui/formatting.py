"""Words and numbers as the pages show them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from coin_core.classifiers import list_classifiers
from coin_core.i18n import ENGLISH, N_, _, current_language, ngettext, translate
from coin_core.imaging.photo_io import ACCEPTED
from coin_core.model_store.bundle import BundleInfo
from coin_core.model_store.card import Card
from coin_core.results import Side, stated
from coin_core.rulers import Ruler

NBSP = "\N{NO-BREAK SPACE}"
SIDE_TITLES = {
    Side.LEGEND: N_("legend side"),
    Side.CORNUCOPIA: N_("cornucopia side"),
    Side.STAR_ANCHOR: N_("star or anchor"),
    Side.OTHER: N_("another coin"),
    Side.NOTHING: N_("no coin"),
}

_DOUBTED_SIDES = {
    Side.LEGEND: N_("perhaps the legend side"),
    Side.CORNUCOPIA: N_("perhaps a cornucopia side"),
    Side.STAR_ANCHOR: N_("perhaps a star or anchor"),
    Side.OTHER: N_("perhaps another coin"),
    Side.NOTHING: N_("perhaps no coin"),
}
_WITH_INTERVAL = {"n", "accuracy", "accuracy_low", "accuracy_high"}
N_("photos of real coins")  # `what` of figures on the shipped cards
# How the name of training data ends if all or some of the coins are rendered.
_RENDERED = re.compile(r"(?!folder ).* \((?:([\d,]+) of ([\d,]+) )?rendered\)")
SURE_OF_SIDE = 0.9
"""A side is doubted below this probability."""


def side_title(side: Side, confidence: float = 1.0) -> str:
    """The title of a side, with "perhaps" if the net is not sure of it."""
    return _((SIDE_TITLES if confidence >= SURE_OF_SIDE else _DOUBTED_SIDES)[side])


# What Markdown takes for more than a letter, anywhere or at the start. In an address
# that begins with an unescaped "://" or "www." no sign would be escaped.
_MARKDOWN = re.compile(
    r"([\\`*\[\]<~$|]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|^[-+#>]"
    r"|:(?=[^\W\d]|::?|//)|(?i:(?<=www))\.)"
)
_LIST_NUMBER = re.compile(r"^(\d{1,9})(?=[.)](\s|$))")
# Icons and emoji, which Streamlit finds among escaped letters too.
_NAME_IN_COLONS = re.compile(r":(?=material[/_]|[\w+-]+:)")
_SPACE = re.compile(r"[\x00-\x20\x7f\x85\u2028\u2029]+")


def as_text(value: object) -> str:
    """What was stored or typed, as Markdown that shows it letter by letter.

    Labels, messages and captions of Streamlit are Markdown: without this a name could
    load a picture from elsewhere. Line breaks become spaces.
    """
    text = _SPACE.sub(" ", str(value)).strip()
    text = _NAME_IN_COLONS.sub(":\N{WORD JOINER}", text)
    return _LIST_NUMBER.sub(r"\1\\", _MARKDOWN.sub(r"\\\1", text))


def classifier_names() -> list[str]:
    """The names of all classifiers, in the order of menus."""
    return [spec.name for spec in list_classifiers()]


def classifier_title(name: str) -> str:
    """The short title of a classifier."""
    titles = {spec.name: spec.short_title for spec in list_classifiers()}
    return titles.get(name, name)


def short_title(card: Card) -> str:
    """A name for buttons and charts; a user's bundle keeps its own name, marked."""
    short = classifier_title(card.classifier)
    named = short if card.name == card.classifier else f"{short}, {card.name}"
    return _marked(named, card)


def full_title(card: Card) -> str:
    """The title of a classifier; a user's bundle is marked."""
    title, comma, data = card.title.rpartition(", ")
    if card.origin == "own" and comma:
        return _marked(f"{_(title)}, {data_title(data)}", card)
    return _marked(_(card.title), card)


def data_title(data: str) -> str:
    """Where the coins of a training came from, as a run or a card has it."""
    if data.startswith("folder "):
        return _("folder {name}").format(name=data.removeprefix("folder "))
    name, _sign, rest = data.partition(" (")
    title = _("the dataset") if name == "catalog" else name.removeprefix("catalog:")
    if found := _RENDERED.fullmatch(data):
        if found[1] is None:
            return _("{data} (rendered)").format(data=title)
        words = _("{data} ({count} of {total} rendered)")
        return words.format(data=title, count=found[1], total=found[2])
    return data if rest else title


def measured_on(figures: Mapping[str, Any]) -> str:
    """The coins that figures of a card are of, and how they were measured."""
    data = str(figures.get("data", ""))
    if figures.get("how"):
        return _("coins of {data}, {how}").format(
            data=data_title(data), how=_way(figures)
        )
    return _(str(figures.get("what") or f"{data} coins"))


def _way(figures: Mapping[str, Any]) -> str:
    """How figures were measured, and why they are too good if they are."""
    way, sign, caution = str(figures.get("how", "")).partition("; ")
    return f"{translate(way)}{sign}{translate(caution)}"


def _marked(title: str, card: Card) -> str:
    """A title; that of a user's bundle says whose it is."""
    return with_mark(title, _("yours")) if card.origin == "own" else title


def with_mark(title: str, mark: str) -> str:
    """A title with a mark behind it, where Hebrew runs behind a Latin title, too."""
    return _("{title} ({mark})").format(title=title, mark=mark)


def menu_titles(found: Sequence[BundleInfo]) -> dict[str, str]:
    """The title of each bundle in the classifier menu, by bundle name."""
    return {bundle.name: short_title(bundle.card) for bundle in found}


def percent(fraction: float, digits: int = 0) -> str:
    """A fraction of 1 as a percentage, e.g. "91 %"."""
    return _("{number}\N{NO-BREAK SPACE}%").format(
        number=f"{100 * fraction:.{digits}f}"
    )


def probability_text(probability: float) -> str:
    """A probability as a whole percentage, never 0 % or 100 %."""
    if probability < 0.005:
        return f"<{NBSP}{percent(0.01)}"
    return percent(stated(probability))


def real_figures(card: Card) -> Mapping[str, Any] | None:
    """What was measured of a classifier on real coins; None if nothing was."""
    of_photos = [
        figures
        for figures in card.metrics
        if figures.keys() >= _WITH_INTERVAL and _is_of_photos(figures)
    ]
    return of_photos[-1] if of_photos else None


def _is_of_photos(figures: Mapping[str, Any]) -> bool:
    """Whether figures are of photos only; a training may have had rendered coins."""
    data = str(figures.get("data", ""))
    if data in ("photos", "rendered"):  # of `evaluate --keep`
        return data == "photos"
    return bool(figures.get("how")) and not _RENDERED.fullmatch(data)


def measured(card: Card) -> str:
    """How often a classifier was right, and on which coins, in one sentence."""
    title, figures = short_title(card), real_figures(card)
    if figures is None and card.metrics and card.metrics[-1].get("how"):
        figures = card.metrics[-1]  # of a training with rendered coins
    if figures is None or not figures.keys() >= _WITH_INTERVAL:
        rendered = [
            one
            for one in card.metrics
            if one.keys() >= {"n", "accuracy"} and one.get("data") == "rendered"
        ]
        if not rendered:
            return _("{classifier} was never measured on real coins.").format(
                classifier=title
            )
        return _(
            "{classifier} was measured on rendered coins only: {accuracy} of {count} "
            "right."
        ).format(
            classifier=title,
            accuracy=percent(rendered[-1]["accuracy"]),
            count=f"{rendered[-1]['n']:,}",
        )
    values = {
        "classifier": title,
        "right": f"{round(figures['accuracy'] * figures['n']):,}",
        "count": f"{figures['n']:,}",
        "low": f"{100 * figures['accuracy_low']:.0f}",
        "high": percent(figures["accuracy_high"]),
        "data": data_title(str(figures.get("data", ""))),
        "how": _way(figures),
    }
    if figures.get("how"):
        return _(
            "Measured on {data}, {how}: {right} of {count} right ({low} to {high})."
        ).format(**values)
    return _(
        "On {count} photos of real coins, {classifier} put the right ruler first on "
        "{right} ({low} to {high})."
    ).format(**values)


def measured_together(cards: Sequence[Card]) -> str:
    """What the percentage of a photo is that several classifiers have read."""
    return _(
        "A percentage is the highest probability that a classifier gives. How often "
        "each was right: {figures}."
    ).format(
        figures=", ".join(
            _("{classifier}: {figure}").format(
                classifier=short_title(card), figure=how_often_right(card)
            )
            for card in cards
        )
    )


def how_often_right(card: Card) -> str:
    """On how many photos a classifier put the right ruler first, and on which."""
    figures = real_figures(card)
    if figures is None:
        return _("not measured on real photos")
    words = _("{found} of {count} real photos")
    if figures.get("how"):  # of a training, whose photos nobody else knows
        words = _("{found} of {count} of {data}")
    return words.format(
        found=f"{round(figures['accuracy'] * figures['n']):,}",
        count=f"{figures['n']:,}",
        data=data_title(str(figures.get("data", ""))),
    )


def reign_years(ruler: Ruler) -> str:
    """The years of a reign before the common era."""
    return _("{first}\N{EN DASH}{last} BCE").format(
        first=-ruler.reign_from, last=-ruler.reign_to
    )


def accepted_files() -> str:
    """Which files are accepted as photos, in one sentence."""
    words = translate(ACCEPTED)
    return f"{words[:1].upper()}{words[1:]}."


def plural(count: int, noun: str) -> str:
    """A count with its noun, e.g. "1 photo" or "1,200 photos"."""
    form = ngettext(f"{{count}} {noun}", f"{{count}} {noun}s", count)
    return form.format(count=f"{count:,}")


def date_and_time(time: datetime) -> str:
    """A time as "22 Nov 2026 17:50" in the server's time zone; the day with `date`."""
    time = time.astimezone()
    return f"{date(time)} {time:%H:%M}"


def date(day: datetime) -> str:
    """A day as "22 Nov 2026" in the current language."""
    language = current_language()
    if language == ENGLISH:
        return f"{day.day} {day:%b %Y}"
    # Babel takes a moment to load, which English does without.
    from babel.dates import format_date

    return format_date(day, "medium", locale=language)


def duration(seconds: float | None) -> str:
    """A time span in its two largest units, e.g. "2 h 05 min"; "" for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return _("{seconds}\N{NO-BREAK SPACE}s").format(seconds=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("{minutes}\N{NO-BREAK SPACE}min").format(minutes=minutes)
    return _("{hours}\N{NO-BREAK SPACE}h {minutes}\N{NO-BREAK SPACE}min").format(
        hours=minutes // 60, minutes=f"{minutes % 60:02d}"
    )
