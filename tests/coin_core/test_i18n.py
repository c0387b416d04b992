from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

from coin_core import i18n
from coin_core.errors import CoinError
from coin_core.i18n import _, current_language, languages, ngettext, speaking, translate

PO = """msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Save"
msgstr "Konservi"

msgid "The folder {{folder}} holds {{count:,}} photos."
msgstr "En {{folder}} estas {{count:,}} fotoj."

msgid "it is full"
msgstr "ĝi plenas"

msgid "The photo {{name}} is not kept: {{reason}}."
msgstr "La foto {{name}} ne estas konservita: {{reason}}."

msgid "{{title}} is {{state}}."
msgstr "{{title}}: {{state}}."

msgid "{{count}} photo"
msgid_plural "{{count}} photos"
msgstr[0] "{{count}} foto"
msgstr[1] "{{count}} fotoj"
"""


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that makes the catalogue of a language, which is one file."""
    monkeypatch.setattr(i18n, "LOCALE_FOLDER", tmp_path)
    caches = (i18n._translations, i18n._texts, i18n._patterns)

    def make(language: str) -> None:
        path = tmp_path / language / "LC_MESSAGES" / "coin_reader.po"
        path.parent.mkdir(parents=True)
        path.write_text(PO.format(language=language), encoding="utf-8")
        for one in caches:
            one.cache_clear()

    yield make
    for one in caches:
        one.cache_clear()


def test_english_needs_no_catalogue() -> None:
    assert current_language() == "en"
    assert _("Save") == "Save"
    assert ngettext("{count} photo", "{count} photos", 1) == "{count} photo"
    assert ngettext("{count} photo", "{count} photos", 2) == "{count} photos"
    assert translate("The photo is full.") == "The photo is full."


def test_another_language_is_one_file(catalogue) -> None:
    catalogue("eo")
    assert languages() == ("en", "eo")
    with speaking("eo"):
        assert _("Save") == "Konservi"
        assert _("Nobody translated this.") == "Nobody translated this."
        assert _("") == ""
        assert ngettext("{count} photo", "{count} photos", 2) == "{count} fotoj"
    assert _("Save") == "Save"


def test_a_finished_sentence_is_translated_with_what_it_names(catalogue) -> None:
    catalogue("eo")
    error = CoinError(f"The photo {'a b.png'} is not kept: {'it is full'}.")
    with speaking("eo"):
        assert translate(str(error)) == (
            "La foto a b.png ne estas konservita: ĝi plenas."
        )
        # A text of few words would fit sentences that are not its own.
        assert translate("This is new.") == "This is new."
    assert translate(str(error)) == str(error)


def test_a_name_may_hold_the_words_of_a_sentence(catalogue) -> None:
    catalogue("eo")
    with speaking("eo"):
        for name in ("a.png", "what is not kept: all.png"):
            assert translate(f"The photo {name} is not kept: it is full.") == (
                f"La foto {name} ne estas konservita: ĝi plenas."
            )
        # A number in a sentence is text already.
        for folder in ("b", "what holds 2"):
            assert translate(f"The folder {folder} holds 1,200 photos.") == (
                f"En {folder} estas 1,200 fotoj."
            )


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("Training kNN on the dataset is done.", "אימון המאגר הסתיימה"),
        ("Training kNN on the dataset is failed.", "אימון המאגר נכשלה"),
        ("Training kNN on the dataset is waiting.", "אימון המאגר ממתינה"),
        ("fold 1 of 2", "קפל 1 מתוך 2"),
        ("a.jpg, b.jpg and 3 more", "a.jpg, b.jpg ועוד 3"),
        ("Shares 0.8 / 0.1 / 0.1.", "חלוקה 0.8 / 0.1 / 0.1"),
        (
            "it started from m, which was trained on folder coins: coins that are in "
            "both make the figures too good",
            "תיקייה coins",
        ),
    ],
)
def test_short_texts_of_jobs_and_versions_are_translated(sentence, words) -> None:
    with speaking("he"):
        shown = re.sub("[\u2066-\u2069]", "", translate(sentence))
    assert all(word in shown for word in words.split()), shown
    names = ("kNN", "a.jpg", "b.jpg", "m", "coins")
    assert not [w for w in re.findall(r"[A-Za-z.]{2,}", shown) if w not in names], shown


@pytest.mark.parametrize(
    "name",
    [
        *("folder 1", "folder coins", "fold 1 of 2", "fold one of 2", "Tom and 3 more"),
        *("What this is.", "The legend is worn.", "Shares of a dealer.", "a is done."),
        *("This is stopped.", "Shares 1 / 2.", "he and the others and more"),
    ],
)
def test_names_that_look_like_short_texts_stay(name: str) -> None:
    """As parts of a sentence, and as lot texts unless they are the text itself."""
    sentence = f"Row 26 of {name} names 1.png, which is not there."
    with speaking("he"):
        assert f"\u2068{name}\u2069" in translate(sentence)
        if not re.search(r"\d|is (done|stopped)|folder ", name):
            assert translate(name) == name


def test_names_that_repeat_the_words_of_a_sentence_take_no_time() -> None:
    """Names come from anybody; a search that goes back and forth took minutes."""
    began = time.process_time()
    with speaking("he"):
        most = sorted(i18n._texts("he"), key=lambda text: -text.count("{"))[:20]
        for text in most:
            words = re.split(r"\{.*?\}", text)
            for part in ("".join(one * 200 for one in words), "x".join(words) * 50):
                assert translate(f"{part[:1990]}!")
        assert translate("a, " * 600)
        assert translate("x. " * 600)
        assert translate("x. " * 900) == "x. " * 900
    assert time.process_time() - began < 15


def test_a_finished_sentence_fits_one_text_as_a_whole(catalogue) -> None:
    catalogue("eo")
    with speaking("eo"):
        for sentence in (
            "The photo  is not kept: it is full.",
            "The photo is not kept: it is full.",
            "The photo a is not kept: .",
            "The folder b holds some photos.",
        ):
            assert translate(sentence) == sentence


def test_placeholders_keep_their_order_in_text_from_right_to_left(catalogue) -> None:
    catalogue("he")
    with speaking("he"):
        shown = _("The folder {folder} holds {count:,} photos.")
    shown = shown.format(folder="/data/a", count=1200)
    assert shown == "En \u2068/data/a\u2069 estas \u20681,200\u2069 fotoj."


def test_a_thread_speaks_english_unless_told(catalogue) -> None:
    catalogue("eo")
    heard: list[str] = []

    def listen() -> None:
        heard.append(_("Save"))
        with speaking("eo"):
            heard.append(_("Save"))

    with speaking("eo"):
        thread = threading.Thread(target=listen)
        thread.start()
        thread.join()
    assert heard == ["Save", "Konservi"]
