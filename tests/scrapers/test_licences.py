"""One key for all spellings of a licence."""

from __future__ import annotations

import pytest

from coin_core.catalog.licences import is_free
from scrapers.licences import normalise


@pytest.mark.parametrize(
    ("raw", "page", "key", "free"),
    [
        ("CC BY-SA 3.0", "", "cc-by-sa-3.0", True),
        ("CC-BY-SA-3.0", "", "cc-by-sa-3.0", True),
        ("cc-by-sa-3.0,2.5,2.0,1.0", "", "cc-by-sa-3.0", True),
        ("CC BY 4.0", "", "cc-by-4.0", True),
        (
            "Creative Commons Attribution-Share Alike 4.0 International",
            "",
            "cc-by-sa-4.0",
            True,
        ),
        ("Creative Commons Attribution 2.0 Generic", "", "cc-by-2.0", True),
        ("CC BY-NC-SA 4.0", "", "cc-by-nc-sa-4.0", False),
        ("CC BY-NC 4.0", "", "cc-by-nc-4.0", False),
        ("CC BY-ND 4.0", "", "cc-by-nd-4.0", False),
        ("CC0", "", "cc0-1.0", True),
        ("Public Domain Mark 1.0", "", "pdm-1.0", True),
        ("Public domain", "", "public-domain", True),
        ("PD-old-100", "", "public-domain", True),
        ("Not in the public domain", "", None, False),
        (
            "some rights",
            "https://creativecommons.org/licenses/by-sa/3.0/de/",
            "cc-by-sa-3.0-de",
            True,
        ),
        ("", "https://creativecommons.org/publicdomain/mark/1.0/", "pdm-1.0", True),
        ("", "http://creativecommons.org/licenses/by-nc/4.0/", "cc-by-nc-4.0", False),
        ("GFDL 1.2", "", "gfdl-1.2", True),
        ("Free Art License 1.3", "", "fal-1.3", True),
        ("All rights reserved", "", None, False),
        ("", "", None, False),
    ],
)
def test_a_licence_has_one_key(raw, page, key, free):
    assert normalise(raw, page) == key
    assert is_free(normalise(raw, page)) is free
