"""The table of lot texts, and what a label tells beside the class."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from scrapers.labels.reader import Outcome, fold, read_label

CLASSES = {
    "hyrcanus": "john_hyrcanus_i",
    "aristobulus": "judah_aristobulus_i",
    "jannaeus": "alexander_jannaeus",
}
LONG = ("long", "other", "third_hand")


def lot_texts(name: str = "lot_texts.tsv") -> list[tuple[str, str, str]]:
    table = Path(__file__).with_name(name).read_text(encoding="utf-8")
    lines = [line for line in table.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split("\t")) for line in lines]


def test_the_table_is_long_enough_and_speaks_seven_languages():
    rows = lot_texts()
    assert len(rows) >= 150
    assert len({text for _, _, text in rows}) == len(rows)
    languages = Counter(language for language, _, _ in rows)
    assert set(languages) == {"en", "de", "fr", "it", "es", "ru", "he"}


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("lot_texts.tsv", 0.95),
        ("long_lot_texts.tsv", 0.95),
        ("other_lot_texts.tsv", 0.85),
        ("third_hand_lot_texts.tsv", 0.85),
    ],
)
def test_no_label_is_wrong_and_few_are_missing(name, least):
    right = wanted = 0
    wrong, missed = [], []
    for _, truth, text in lot_texts(name):
        label = read_label(text)
        expected = CLASSES.get(truth)
        wanted += expected is not None
        right += label.ruler is not None and label.ruler == expected
        if label.ruler is not None and label.ruler != expected:
            wrong.append((truth, label.ruler, label.rule, text))
        elif expected and label.ruler is None:
            missed.append((truth, label.outcome, label.rule, text))
    assert wrong == []
    assert right / wanted >= least, missed


def test_what_is_no_class_is_told_apart():
    """A rejected lot is not offered for review, and a doubtful one is."""
    rows = [(truth, text) for _, truth, text in lot_texts() if truth not in CLASSES]
    wrong = [
        (truth, read_label(text).outcome.value, read_label(text).rule, text)
        for truth, text in rows
        if read_label(text).outcome != truth
    ]
    assert len(wrong) <= 0.05 * len(rows), wrong


def test_the_evidence_stands_in_the_text_as_it_was_written():
    text = "JUDÄA. Alexander Jannäus. „Yehonatan“. Hendin 1145; TJC P3."
    label = read_label(text)
    assert label.outcome is Outcome.NAMED
    for one in label.evidence:
        assert text[one.start : one.end].strip() == one.words
    assert [one.words for one in label.evidence if one.rule == "name"] == [
        "Alexander Jannäus"
    ]


def test_long_texts_are_many_and_speak_seven_languages():
    tables = [lot_texts(f"{name}_lot_texts.tsv") for name in LONG]
    others = [len(table) for table in tables[1:]]
    assert others == [90, 70], "each hand alone, as in docs/benchmarks.md"
    rows = [row for table in tables for row in table]
    assert len(rows) >= 281
    assert len({language for language, _, _ in rows}) == 7


@pytest.mark.parametrize(
    "note",
    [
        "Collectors of the coins of this dynasty know this type well.",
        "A loaf of bread cost about ten prutot in those days.",
        "The widow's mites of the Gospel were two small coins of this kind.",
        "Two of his brothers and his mother died in prison by his order.",
        "Antiochos VII laid siege to the city and took five hundred talents.",
        "The dies may perhaps have been cut by a hand that knew no Hebrew.",
        "The Temple tax was paid with a silver coin of Tyre.",
        "In older books such coins are attributed to his grandson Hyrcanus II.",
        "The type was later imitated by Herod the Great and by Pontius Pilate.",
        "In der Literatur werden diese Stücke wohl zu Unrecht Hyrkanos II. gegeben.",
    ],
)
def test_a_note_about_history_neither_rejects_nor_doubts_a_coin(note):
    text = (
        "JUDAEA. Alexander Jannaeus. AE prutah, 1.8 g. Legend in wreath / double "
        f"cornucopiae. Hendin 1145. VF. {note}"
    )
    assert read_label(text).ruler == "alexander_jannaeus"


@pytest.mark.parametrize(
    "note",
    [
        "The attribution is not certain, and the king could also be his father.",
        "This coin may be a later copy in bronze.",
        "You will receive one of the coins in the picture, chosen at random.",
    ],
)
def test_a_note_that_doubts_its_own_coin_leaves_it_to_a_person(note):
    text = (
        "JUDAEA. Alexander Jannaeus. AE prutah, 1.8 g. Legend in wreath / double "
        f"cornucopiae. Hendin 1145. VF. {note}"
    )
    assert read_label(text).outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize(
    "text",
    [
        "Alexander Jannaeus 104 BC - 76 BC. Prutah, wreath / double cornucopia.",
        "Share this lot: by e-mail. Alexander Jannaeus, prutah. Legend in wreath / "
        "double cornucopiae.",
    ],
)
def test_a_sites_own_words_and_dates_are_no_doubt(text):
    assert read_label(text).ruler == "alexander_jannaeus"


@pytest.mark.parametrize(
    ("text", "name_on_coin"),
    [
        ("Alexander Jannaeus, Yonatan the High Priest, wreath", "yonatan"),
        ("Alexander Jannaeus, Yehonatan the High Priest, wreath", "yehonatan"),
        ("John Hyrcanus I, legend YHWḤ / NN H KHN in wreath", "yehohanan"),
        ("Judah Aristobulus I, (Yehudah), prutah", "yehudah"),
        ("Alexander Jannaeus, prutah", None),
    ],
)
def test_the_name_on_the_coin_is_told_beside_the_ruler(text, name_on_coin):
    assert read_label(text).name_on_coin == name_on_coin


def test_an_older_school_is_seen_and_left_to_a_person():
    label = read_label("Hyrcanus II. Yehohanan the High Priest. AJC, series Ea")
    assert (label.outcome, label.rule) == (Outcome.AMBIGUOUS, "attribution school")
    assert label.name_on_coin == "yehohanan"
    assert label.authority == "AJC"


@pytest.mark.parametrize(
    ("text", "edition", "number", "votes_for"),
    [
        ("Hendin 1143", "GBC5", "1143", "judah_aristobulus_i"),
        ("Hendin-465", "GBC4", "465", "judah_aristobulus_i"),
        ("Hendin 473 (4th ed.)", "GBC4", "473", "alexander_jannaeus"),
        ("GBC6 6195", "GBC6", "6195", "other type"),
        ("Meshorer TJC group A", "TJC", "A", "john_hyrcanus_i"),
        ("TJC 36", "TJC", "36", "other ruler"),
        ("AJC I, series Ea", "AJC", "ea", None),
        ("HGC 10, 636", "HGC 10", "636", None),
        ("Hendin 1188", "GBC5", "1188", None),
    ],
)
def test_references_vote_with_their_edition(text, edition, number, votes_for):
    (vote,) = read_label(text).references
    assert (vote.edition, vote.number, vote.votes_for) == (edition, number, votes_for)


def test_a_series_of_1982_does_not_vote_as_a_letter_of_2001():
    label = read_label("Hasmonean prutah, Meshorer AJC, series P")
    assert label.ruler is None


def test_folding_keeps_places():
    folded, places = fold("Æ Jannée")
    assert folded == "ae jannee"
    assert places == (0, 0, 1, 2, 3, 4, 5, 6, 7)
    assert read_label("").outcome is Outcome.UNLABELLED


def test_what_is_too_long_for_a_lot_text_is_read_in_part():
    """A page may be made to keep the rules busy for hours."""
    assert read_label("kranz" * 200_000 + " John Hyrcanus I").ruler is None
    assert read_label("John Hyrcanus I " + "a" * 200_000).ruler is not None


@pytest.mark.parametrize(
    "words",
    [
        *("hendin gbc ", "gbc ", "a. ", "aa. ", "gbc 3 no. ", "63 40 "),
        *("not jannaeus ", "contemporary of ", "hendin 1145 or 1133 "),
    ],
)
def test_words_that_may_be_read_in_many_ways_are_read_quickly(words):
    """Once, "hendin" and two dozen times "gbc" took minutes."""
    begun = time.process_time()
    assert read_label(words * 4_000).ruler is None
    assert time.process_time() - begun < 20


@pytest.mark.parametrize(
    "text",
    [
        "Alexander Jannaeus. Silver ring, wreath / cornucopiae.",
        "Alexander Jannaeus, 4 prutot",
        "One of the coins shown, Alexander Jannaeus. Prutah.",
    ],
)
def test_what_is_hardly_one_bronze_of_its_own_gets_no_label(text):
    assert read_label(text).ruler is None
