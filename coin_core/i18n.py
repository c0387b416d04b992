"""The language of the pages, and their texts in it.

How to wrap a text that a person reads on a page:
    st.button(_("Save"))
    _("{name} has {size} letters.").format(name=name, size=size)  # never an f-string
    ngettext("{count} photo is new.", "{count} photos are new.", n).format(count=n)
    PARTS = {"browse": N_("Browse")}  at module level; then _(PARTS[key]) where shown
Placeholders have names; a sentence is one text, not glued from parts; Markdown and
icons (":material/...:") stay outside where they can. Sentences of a `CoinError` stay
plain English f-strings: pages translate them when they show them. The API, command
line, logs and jobs are English, which is the language of a process that no page uses.

A language is one file, `locale/<code>/LC_MESSAGES/coin_reader.po`; its code is one that
Babel knows. `make texts` brings the files up to date with the program.
"""

from __future__ import annotations

import gettext as gettext_module
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Final

ENGLISH: Final = "en"
DOMAIN: Final = "coin_reader"
LOCALE_FOLDER: Final = Path(__file__).parent.parent / "locale"

# A text of no more letters fits sentences that are not its own.
_FEW_LETTERS: Final = 9
_FEW_IN_SENTENCE: Final = 6
_OF_STATE: Final = "{title} is {state}."
# Those that are needed all the same fit where their parts are like this,
_SHORT: Final[Mapping[str, Mapping[str, str]]] = {
    _OF_STATE: {"state": "waiting|running|done|stopped|interrupted|failed"},
    "{names} and {count} more": {},
    "Shares {fractions}.": {"fractions": r"[\d./ ]+"},
    "fold {number} of {count}": {"number": r"\d+"},
    "folder {name}": {},
}
_NAMES_ONLY: Final = frozenset({"{names} and {count} more", "folder {name}"})
# and never as a part of another text, which may be anybody's name of a file, but here:
_SHORT_WITHIN: Final[Mapping[str, str]] = {
    "folder {name}": "it started from {model}, which was trained on {data}: coins that "
    "are in both make the figures too good",
}
# Longer sentences stay English, and so do parts of parts of parts of parts.
_MOST_LETTERS: Final = 2000
_LEVELS: Final = 4
_language: ContextVar[str | None] = ContextVar("language", default=None)
_find_language: Callable[[], str] = lambda: ENGLISH  # noqa: E731


def find_language_by(find: Callable[[], str]) -> None:
    """Let a function say in which language this process speaks, in place of English."""
    global _find_language
    _find_language = find


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Texts are in this language inside the block, in the thread that runs it."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def speak(language: str) -> None:
    """Speak a language in this thread from now on."""
    _language.set(language)


def current_language() -> str:
    """The code of the language that is spoken now: "en", "he"."""
    return _language.get() or _find_language()


def languages() -> tuple[str, ...]:
    """The codes of all languages: English, and each that has a catalogue."""
    found = sorted(path.parts[-3] for path in LOCALE_FOLDER.glob(f"*/*/{DOMAIN}.po"))
    return (ENGLISH, *found)


@cache
def text_direction(language: str) -> str:
    """The direction of a language's text, "ltr" or "rtl"."""
    # Babel takes a moment to load.
    from babel import Locale

    return Locale.parse(language).text_direction


def is_right_to_left() -> bool:
    """Whether the current language runs from right to left."""
    return text_direction(current_language()) == "rtl"


def _(text: str) -> str:
    """A text in the current language; the English one where it has none."""
    language = current_language()
    if language == ENGLISH or not text:
        return text
    return _translations(language).gettext(text)


def ngettext(singular: str, plural: str, count: int) -> str:
    """The form of a text for a count, in the current language."""
    return _translations(current_language()).ngettext(singular, plural, count)


def N_(text: str) -> str:  # noqa: N802
    """Mark a text that is translated later, by `_`, where it is shown."""
    return text


def translate(sentence: str) -> str:
    """A finished English sentence in the current language, as far as it is known.

    What a job or an error has said is English, with names and numbers in it. It is
    compared with the texts that have placeholders, and so are the parts it names.
    """
    return _translate(sentence, _LEVELS)


def _translate(sentence: str, levels: int, within: str = "") -> str:
    """`translate`, with parts of parts down to a number of levels.

    `within` is the text with placeholders that the sentence is a part of. The names in
    a sentence may be anybody's: the work must not grow faster than it.
    """
    language = current_language()
    if language == ENGLISH or not sentence.strip() or not levels:
        return sentence
    known = _(sentence)
    if known != sentence or len(sentence) > _MOST_LETTERS:
        return known
    if re.match(r"[\d,]+ .*, \d", sentence):  # counts of several things
        listed = _translate_list(sentence, levels, within)
        if listed != sentence:
            return listed
    for pattern in _patterns(language):
        if not (found := pattern.match(sentence, within)):
            continue
        # Where a name ends is a question if it holds the words that follow it.
        below = 0 if pattern.text in _NAMES_ONLY else levels - 1
        ways = [_Parts(parts, below, pattern.text) for parts in found]
        best = max(ways, key=lambda parts: parts.known)
        return re.sub(r"\{(\w+)[^{}]*\}", r"{\1}", _(pattern.text)).format(**best)
    return _translate_list(sentence, levels, within)


def _translate_list(text: str, levels: int, within: str) -> str:
    """Several sentences, or a list of which each part is known, part by part."""
    sentences = re.split(r"(?<=\.) ", text)
    if len(sentences) > 1:
        return " ".join(_translate(one, levels - 1, within) for one in sentences)
    parts = text.split(", ")
    if len(parts) == 1:
        return text
    translated = [_translate(part, levels - 1, within) for part in parts]
    known = all(one != part for one, part in zip(translated, parts, strict=True))
    return ", ".join(translated) if known else text


class _Parts(dict[str, str]):
    """The translated parts of a sentence, and how many are known words or numbers."""

    def __init__(self, parts: dict[str, str], levels: int, within: str) -> None:
        super().__init__(
            {name: _translate(part, levels, within) for name, part in parts.items()}
        )
        self.known = sum(
            self[name] != part or not re.search(r"[^\W\d_]", part)
            for name, part in parts.items()
        )


class _Pattern:
    """A text with placeholders, which are of one letter or more in a sentence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._short = _SHORT.get(text)
        self._names: list[str] = []
        self._words = [""]
        for words, name, _spec, _conversion in Formatter().parse(text):
            self._words[-1] += words
            if name:
                self._names.append(name)
                self._words.append("")

    def match(self, sentence: str, within: str = "") -> list[dict[str, str]]:
        """The parts of a sentence in place of the placeholders, if it is that text.

        The first one takes as little as it can, and then as much.
        """
        if self._short is not None and within != _SHORT_WITHIN.get(self.text, ""):
            return []
        first, *between = self._words[:-1]
        start, end = len(first), len(sentence) - len(self._words[-1])
        if end <= start or not (
            sentence.startswith(first) and sentence.endswith(self._words[-1])
        ):
            return []
        last = end
        for words in reversed(between):
            last = sentence.rfind(words, start + 1, last - 1)
            if last < 0:
                return []
        ways = [
            self._parts(sentence, between, start, one, end)
            for one in ((start, last) if between else (start,))
        ]
        return [parts for parts in ways if parts]

    def _parts(
        self, sentence: str, between: list[str], start: int, least: int, end: int
    ) -> dict[str, str]:
        """The parts, where the first does not end before `least`; {} if none fit."""
        parts: dict[str, str] = {}
        for name, words in zip(self._names, [*between, None], strict=True):
            stop = end
            if words is not None:
                stop = sentence.find(words, max(start + 1, least), end)
            part = sentence[start:stop]
            if stop <= start or parts.setdefault(name, part) != part:
                return {}
            like = (self._short or {}).get(name)
            if like is not None and not re.fullmatch(like, part):
                return {}
            if name == "count" and not re.fullmatch(r"[\d,]+", part):
                return {}
            start = stop + len(words or "")
        return parts


@cache
def _patterns(language: str) -> tuple[_Pattern, ...]:
    """A pattern for each text with placeholders, those with most words first.

    But a state ends a sentence about a job, whose title may be a text of more words.
    """
    sizes = {text: len(re.sub(r"\{.*?\}|\W", "", text)) for text in _texts(language)}
    texts = [
        text
        for text, size in sizes.items()
        if "{" in text
        and (size > (_FEW_IN_SENTENCE if "." in text else _FEW_LETTERS))
        | text.startswith("{count} ")
        | (text in _SHORT)
    ]
    texts.sort(key=lambda text: (text != _OF_STATE, -sizes[text]))
    return tuple(map(_Pattern, texts))


@cache
def _texts(language: str) -> tuple[str, ...]:
    """The English texts of a language's catalogue, without those with a plural."""
    from babel.messages.pofile import read_po

    with _path(language).open("rb") as file:
        catalog = read_po(file, locale=language, domain=DOMAIN)
    return tuple(
        entry.id for entry in catalog if isinstance(entry.id, str) and entry.id
    )


def _path(language: str) -> Path:
    return LOCALE_FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def _isolate(text: str) -> str:
    """A right-to-left text whose placeholders keep the order of what they will hold.

    A path or a number with its sign would otherwise be torn apart. Addresses in links
    stay as they are, and so does a text with isolates of its own.
    """
    if re.search("[\u2066-\u2069]", text):
        return text
    return re.sub(r"(?<!\]\()(?<!\{)\{\w[^{}]*\}(?!\})", "\u2068\\g<0>\u2069", text)


@cache
def _translations(language: str) -> gettext_module.NullTranslations:
    path = _path(language)
    if language == ENGLISH or not path.is_file():
        return gettext_module.NullTranslations()
    # Babel takes a moment to load, which English does without.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        catalog = read_po(file, locale=language, domain=DOMAIN)
    if catalog.locale is not None and catalog.locale.text_direction == "rtl":
        for entry in catalog:
            forms = entry.string
            if isinstance(forms, str):
                entry.string = _isolate(forms)
            elif forms:
                entry.string = tuple(map(_isolate, forms))
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext_module.GNUTranslations(compiled)
