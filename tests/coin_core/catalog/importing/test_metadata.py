"""Facts from rows of tables and from folders."""

import pytest

from coin_core.catalog.importing.metadata import facts_of
from coin_core.catalog.importing.sources import Item


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
