"""The rulers: what is stated agrees with itself and with the letters."""

import dataclasses

import pytest

from coin_core.errors import UnknownRulerError
from coin_core.rulers import (
    DEFAULT_CLASSES,
    HEBREW_TO_LETTER,
    LETTERS,
    RULERS,
    Evidence,
    Layout,
    get_ruler,
    to_paleo,
    transliterate,
)

ALL = list(RULERS.values())


def test_the_default_classes_stand_in_the_order_of_the_reigns():
    assert DEFAULT_CLASSES == (
        "john_hyrcanus_i",
        "judah_aristobulus_i",
        "alexander_jannaeus",
    )
    reigns = [(ruler.reign_from, ruler.reign_to) for ruler in ALL]
    assert reigns == [(-135, -104), (-104, -103), (-103, -76)]


def test_the_letters_stand_in_the_order_that_nets_are_trained_with():
    assert " ".join(letter.key for letter in LETTERS) == (
        "aleph bet gimel dalet he waw het yod kaf lamed mem nun resh shin taw greek_a"
    )


@pytest.mark.parametrize(
    ("hebrew", "key"), [("כ", "kaf"), ("ך", "kaf"), ("ם", "mem"), ("ן", "nun")]
)
def test_a_final_form_counts_as_the_same_letter(hebrew, key):
    assert HEBREW_TO_LETTER[hebrew] == key


def test_every_letter_is_described_in_a_sentence():
    for letter in LETTERS:
        assert letter.form.endswith(".")


@pytest.mark.parametrize(
    ("key", "hebrew", "letters", "telling"),
    [
        ("john_hyrcanus_i", "יהוחנן", "YHWḤNN", "het"),
        ("judah_aristobulus_i", "יהודה", "YHWDH", "dalet"),
        ("alexander_jannaeus", "יהונתן", "YHWNTN", "taw"),
    ],
)
def test_a_ruler_names_himself_on_the_coin(key, hebrew, letters, telling):
    ruler = get_ruler(key)
    assert ruler.name_hebrew_on_coin == hebrew
    assert ruler.letters_transliterated == letters
    assert ruler.telling_letters == (telling,)
    assert len(ruler.name_paleo) == len(hebrew)
    assert all(0x10900 <= ord(char) <= 0x1091F for char in ruler.name_paleo)


def test_the_telling_letters_stand_in_one_name_only():
    for ruler in ALL:
        for key in ruler.telling_letters:
            holders = [
                other.key
                for other in ALL
                if key in {HEBREW_TO_LETTER[c] for c in other.name_hebrew_on_coin}
            ]
            assert holders == [ruler.key]


@pytest.mark.parametrize("ruler", ALL, ids=lambda ruler: ruler.key)
def test_every_ruler_has_layouts_of_four_and_of_five_lines_that_were_read(ruler):
    assert {4, 5} <= {len(layout.lines) for layout in ruler.layouts}
    assert any(layout.evidence is Evidence.READ for layout in ruler.layouts)
    assert len(set(ruler.layouts)) == len(ruler.layouts)


@pytest.mark.parametrize(
    ("key", "lines"),
    [
        ("john_hyrcanus_i", "יהוח נןהכהן הגדלוח ברהיה דים"),
        ("alexander_jannaeus", "יהו נתןהכ הןהגדלו חברהי הד"),
        ("alexander_jannaeus", "יהונ תןהכ ןהגדלוח ברהידם"),
        ("judah_aristobulus_i", "יהוד הכהןג דולוחבר היהד"),
        ("judah_aristobulus_i", "יהוד הכהןגד ולוחבר היהודי ם"),
    ],
)
def test_a_layout_read_on_a_coin_is_listed(key, lines):
    assert tuple(lines.split()) in {layout.lines for layout in get_ruler(key).layouts}


def test_the_variants_that_tell_one_ruler_are_all_there():
    hyrcanus = get_ruler("john_hyrcanus_i").layouts
    assert any(layout.greek_a for layout in hyrcanus)
    assert any("ראשחבר" in "".join(layout.lines) for layout in hyrcanus)
    assert {layout.name for layout in get_ruler("alexander_jannaeus").layouts} == {
        "יהונתן",
        "ינתן",
        "יונתן",
    }
    others = [ruler for ruler in ALL if ruler.key != "john_hyrcanus_i"]
    assert not any(layout.greek_a for ruler in others for layout in ruler.layouts)


@pytest.mark.parametrize("ruler", ALL, ids=lambda ruler: ruler.key)
def test_every_fact_names_its_source(ruler):
    facts = [*ruler.layouts, *ruler.references]
    assert all(fact.source for fact in facts)
    assert all(note.school and note.note for note in ruler.attributions)
    assert ruler.reign_note
    assert any(fact.edition == "GBC5" and fact.checked for fact in ruler.references)


@pytest.mark.parametrize("ruler", ALL, ids=lambda ruler: ruler.key)
def test_a_legend_begins_with_its_name(ruler):
    for layout in ruler.layouts:
        assert "".join(layout.lines).startswith(layout.name)


@pytest.mark.parametrize(
    ("lines", "name"), [(("abc",), "a"), (("יהוד", ""), "יהוד"), (("הכהן",), "יהודה")]
)
def test_a_layout_that_is_no_legend_is_refused(lines, name):
    with pytest.raises(ValueError, match=r"lines must be|does not begin"):
        Layout(lines=lines, name=name, source="none")


def test_a_reign_must_run_forwards_and_before_the_common_era():
    with pytest.raises(ValueError, match="negative year"):
        dataclasses.replace(ALL[0], reign_from=-100, reign_to=-120)


def test_an_unknown_ruler_is_told_the_known_ones():
    with pytest.raises(UnknownRulerError, match="known are john_hyrcanus_i"):
        get_ruler("herod")


def test_spaces_stay_when_letters_are_written_otherwise():
    assert transliterate("הכהן הגדל") == "HKHN HGDL"
    assert to_paleo("כהן גדל")[3] == " "
