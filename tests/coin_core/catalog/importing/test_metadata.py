"""Facts from rows of tables and from folders."""

import json

import pytest

from coin_core.catalog import class_key
from coin_core.catalog.importing.metadata import facts_of
from coin_core.catalog.importing.sources import Item
from coin_core.catalog.importing.tables import EXPORT_COLUMNS, MAX_CELL


def _item(folders=(), **row):
    return Item(key="a", name="a.png", relative="a.png", folders=folders, row=row)


@pytest.mark.parametrize(
    "item",
    [
        _item(ruler="Jannaeus?"),
        _item(ruler="probably Alexander Jannaeus"),
        _item(name_on_coin="Yehonatan (?)"),
        _item(("photos", "Jannaeus?")),
        _item(("photos", "wohl Jannaeus", "obverse")),
        _item(("photos", "Hyrcanus I"), ruler="Jannaeus?"),
    ],
)
def test_a_ruler_in_doubt_is_no_label_but_a_suggestion(item):
    facts = facts_of(item, folder_labels=True)
    assert facts.coin.ruler_attributed is None
    assert facts.coin.name_on_coin is None
    assert "suggested: alexander_jannaeus" in facts.photo["label_evidence"]
    (remark,) = facts.remarks
    assert "is in doubt" in remark
    assert remark.endswith("whether it is Alexander Jannaeus.")


def test_the_innermost_folder_counts():
    facts = facts_of(_item(("Jannaeus?", "Hyrcanus I")), folder_labels=True)
    assert facts.coin.ruler_attributed == "john_hyrcanus_i"
    assert "label_evidence" not in facts.photo
    assert facts.remarks == ()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (" Mattathias Antigonus ", "mattathias_antigonus"),
        ("Alexander Jannaeus", "alexander_jannaeus"),
        ("unlabelled", ""),
        (" – ", ""),
    ],
)
def test_a_written_name_becomes_a_class_key(name, key):
    assert class_key(name) == key


@pytest.mark.parametrize(
    ("cell", "ruler", "remarks"),
    [
        ("mattathias_antigonus", "mattathias_antigonus", 0),
        ("Mattathias Antigonus", "mattathias_antigonus", 0),
        ("Yehudah", "judah_aristobulus_i", 0),
        ("Jannaeus?", None, 1),
        ("unknown", None, 0),
        ("–", None, 1),
    ],
)
def test_an_export_names_classes_of_its_own(cell, ruler, remarks):
    row = dict.fromkeys(EXPORT_COLUMNS, "1") | {"file": "a/b.jpg", "ruler": cell}
    facts = facts_of(_item(**row), folder_labels=True)
    assert facts.coin.ruler_attributed == ruler
    assert len(facts.remarks) == remarks
    del row["sha256"]  # the table of somebody else
    if ruler == "mattathias_antigonus":
        facts = facts_of(_item(**row), folder_labels=True)
        assert facts.coin.ruler_attributed is None


@pytest.mark.parametrize(
    ("row", "stored"),
    [
        ({"licence": "CC BY 4.0"}, ("cc-by-4.0", "CC BY 4.0")),
        (
            {"licence": "cc-by-4.0", "licence_raw": "free if the IAA is named"},
            ("cc-by-4.0", "free if the IAA is named"),
        ),
        ({"licence_raw": "ask the IAA"}, (None, "ask the IAA")),
    ],
)
def test_the_owner_s_words_for_a_licence_are_kept(row, stored):
    photo = facts_of(_item(**row), folder_labels=True).photo
    assert (photo.get("licence"), photo["licence_raw"]) == stored


def test_a_text_that_is_cut_is_named():
    row = {"lot_text": "x" * (MAX_CELL + 1), "notes": "y" * MAX_CELL}
    facts = facts_of(_item(**row), folder_labels=True)
    assert len(facts.photo["lot_text"]) == len(facts.coin.notes) == MAX_CELL
    assert facts.remarks == ("'lot_text' was cut after 100,000 characters.",)


@pytest.mark.parametrize("left", ["1" * 400, "1" * 5000, "1e999", "NaN", '"x"', "{}"])
def test_a_crop_that_is_none_is_left_out(left):
    box = {"side": None, "left": 0, "top": 0, "right": 1, "bottom": 1, "turn_deg": 0}
    row = dict.fromkeys(EXPORT_COLUMNS, "1") | {"file": "photos/a.png"}
    row["faces"] = json.dumps([box])
    assert facts_of(_item(**row), folder_labels=True).exported is not None
    row["faces"] = row["faces"].replace('"left": 0', f'"left": {left}')
    facts = facts_of(_item(**row), folder_labels=True)
    assert facts.exported is None
    assert "were not understood" in facts.remarks[0]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T01:00:00+02:00", "2026-01-30T23:00:00+00:00"),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("soon", None),
    ],
)
def test_a_date_is_stored_in_utc_or_left_out(text, stored):
    facts = facts_of(_item(retrieved_at=text), folder_labels=True)
    time = facts.photo.get("retrieved_at")
    assert (time and time.isoformat()) == stored
    assert [remark.startswith(repr(text)) for remark in facts.remarks] == (
        [] if stored else [True]
    )
