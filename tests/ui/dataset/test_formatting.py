from __future__ import annotations

import re

import pytest

from coin_core.catalog import (
    Catalog,
    ExcludeReason,
    PhotoOrder,
    PhotoStatus,
    QueueKind,
    Side,
)
from coin_core.catalog.audit_log import PROVENANCE
from coin_core.catalog.importing.tables import FIELDS
from coin_core.catalog.mappers import COIN_FIELDS
from coin_core.i18n import speaking
from coin_core.rulers import DEFAULT_CLASSES, RULERS
from ui.dataset import formatting
from ui.palette import BRONZE, MUTED


@pytest.mark.parametrize(
    ("titles", "values"),
    [
        (formatting.STATUS_TITLES, PhotoStatus),
        (formatting.REASON_TITLES, ExcludeReason),
        (formatting.ORDER_TITLES, PhotoOrder),
        (formatting.QUEUE_TITLES, QueueKind),
    ],
)
def test_every_value_has_a_title(titles: dict, values: type) -> None:
    assert set(titles) == set(values)


def test_the_default_rulers_come_first_and_have_their_own_colours() -> None:
    keys = formatting.ruler_keys(("herod", *DEFAULT_CLASSES))
    assert keys == (*DEFAULT_CLASSES, "herod")
    colours = [formatting.ruler_colour(key, ("herod",)) for key in keys]
    assert colours[:3] == [RULERS[key].colour for key in DEFAULT_CLASSES]
    assert len(set(colours)) == 4
    assert formatting.ruler_colour(None) == MUTED


def test_only_known_rulers_lose_their_first_name() -> None:
    assert formatting.short_ruler_title("john_hyrcanus_i") == "Hyrcanus I"
    assert formatting.short_ruler_title("judah_the_smith") == "judah the smith"


def test_faces_are_outlined_with_number_and_side(catalog: Catalog) -> None:
    (outline,) = formatting.face_outlines(catalog.photos.faces(1))
    assert outline["label"] == "1 · legend side"
    assert outline["colour"] == BRONZE
    assert outline["box"] == [0.05, 0.1, 0.95, 0.9]
    assert formatting.side_title(None) == "side not stated"
    assert formatting.side_title(Side.OTHER) == "another coin"


def test_an_edit_is_one_line(catalog: Catalog) -> None:
    catalog.edits.set_ruler([1], "alexander_jannaeus", who="Anna")
    texts = [formatting.edit_text(edit) for edit in catalog.edits.history(1)]
    assert any(
        "ruler: John Hyrcanus I → Alexander Jannaeus" in text for text in texts
    ), texts
    assert "imported" in texts


@pytest.mark.parametrize(
    "field", sorted({*FIELDS, *COIN_FIELDS, *PROVENANCE, "suspicion", "exclude_reason"})
)
def test_every_field_has_a_title_in_both_languages(field: str) -> None:
    assert "_" not in formatting.field_title(field)
    with speaking("he"):
        assert re.search("[\u0590-\u05ff]", formatting.field_title(field))
