"""Measures in lot texts."""

from __future__ import annotations

import pytest

from scrapers.measures import read_measures


@pytest.mark.parametrize(
    ("text", "weight_g", "diameter_mm", "die_axis_h"),
    [
        ("AE Prutah (14.2mm, 1.77 g, 6h)", 1.77, 14.2, 6),
        ("Prutah 1,92 g. 14 mm, 12 Uhr", 1.92, 14.0, 12),
        ("AE g. 1,88", 1.88, None, None),
        ("Прута, 1,85 г, 14 мм", 1.85, 14.0, None),
        ('14 מ"מ, 1.6 גרם', 1.6, 14.0, None),
        ("Prutah, 13 x 12 mm", None, 13.0, None),
        ("Lot 412, 1500 g silver", None, None, None),
        ("Hasmonean prutah, TJC G3, 14 mm", None, 14.0, None),
        ("Hasmonean prutah. TJC Group G 2", None, None, None),
        ("Prutah (TJC G 1) 2.1g", 2.1, None, None),
        ("Prutah, 1.80 gms, 13 mm", 1.8, 13.0, None),
        ("Prutah, weight: 1.77", 1.77, None, None),
        ("Gewicht (g): 1,77; 14 mm", 1.77, 14.0, None),
        ("Weight 14 mm", None, 14.0, None),
        ("Half prutah, .95 g", 0.95, None, None),
        ("Prutah, G 1.88", 1.88, None, None),
        ("Bronzo, 1,9 grammi", 1.9, None, None),
        ("", None, None, None),
    ],
)
def test_measures_are_read(text, weight_g, diameter_mm, die_axis_h):
    measures = read_measures(text)
    assert measures.weight_g == weight_g
    assert measures.diameter_mm == diameter_mm
    assert measures.die_axis_h == die_axis_h


def test_the_denomination_is_as_the_source_words_it():
    assert read_measures("AE half prutah").denomination == "half prutah"
    assert read_measures("silver shekel").denomination is None
