"""One key for all spellings of a licence."""

from __future__ import annotations

import pytest

from coin_core.catalog.licences import (
    is_free,
    licence_page,
    normalize_licence,
    read_licence,
)


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
        ("", "https://creativecommons.org/licenses/by/4.0/deed.de", "cc-by-4.0", True),
        ("", "https://creativecommons.org/publicdomain/mark/1.0/", "pdm-1.0", True),
        ("", "http://creativecommons.org/licenses/by-nc/4.0/", "cc-by-nc-4.0", False),
        ("GFDL 1.2", "", "gfdl-1.2", True),
        ("Free Art License 1.3", "", "fal-1.3", True),
        ("No Copyright - public domain", "", "public-domain", True),
        ("PD-US-no notice", "", "public-domain", True),
        ("GFDL 1.2 only", "", "gfdl-1.2", True),
        ("CC BY 4.0 http://creativecommons.org/licenses/by/4.0", "", "cc-by-4.0", True),
        ("All rights reserved", "", None, False),
        ("CC BY 4.0 (non-commercial use only)", "", None, False),
        ("CC BY 4.0, no derivatives", "", None, False),
        ("Creative Commons Attribution 4.0, for research", "", None, False),
        ("CC BY-SA 3.0 NO", "", "cc-by-sa-3.0", True),
        ("CC BY 4.0, inv. no. 7", "", "cc-by-4.0", True),
        ("Not CC0", "", None, False),
        ("no public domain", "", None, False),
        ("nicht gemeinfrei", "", None, False),
        ("https://creativecommons.org/licenses/by/4.0/ for study", "", None, False),
        ("", "", None, False),
    ],
)
def test_a_licence_has_one_key(raw, page, key, free):
    assert normalize_licence(raw, page) == key
    assert is_free(normalize_licence(raw, page)) is free


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("cc0-1.0", True),
        ("pdm-1.0", True),
        ("public-domain", True),
        ("cc-by-4.0", True),
        ("CC BY-SA 3.0", True),
        ("cc-by-sa-3.0-de", True),
        ("gfdl-1.2", True),
        ("fal-1.3", True),
        ("cc-by-nc-4.0", False),
        ("cc-by-nc", False),
        ("cc-by-nd-4.0", False),
        ("cc-by-nc-sa-4.0", False),
        ("cc-by-3.0-igo", True),
        ("cc-by-4.0-nc", False),
        ("cc-by-4.0-not", False),
        ("public-domain-not", False),
        ("all-rights-reserved", False),
        ("", False),
        (None, False),
    ],
)
def test_which_licences_are_free(licence, free):
    assert is_free(licence) is free


def test_licences_have_pages():
    assert licence_page("cc-by-sa-4.0").endswith("/licenses/by-sa/4.0/")
    assert licence_page("cc0-1.0").endswith("/publicdomain/zero/1.0/")
    assert licence_page("own") == ""


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("by-nc 3.0", "cc-by-nc-3.0"),
        ("https://creativecommons.org/licenses/by/4.0/deed.de", "cc-by-4.0"),
        ("http://creativecommons.org/licenses/by-nc-sa/3.0/", "cc-by-nc-sa-3.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"),
        ("Public Domain Mark 1.0", "public-domain"),
        ("www.creativecommons.org/licenses/by-sa/3.0/de/", "cc-by-sa-3.0-de"),
        ("https://creativecommons.org/licenses/by/4.0/?ref=chooser-v1", "cc-by-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/legalcode.en", "cc-by-4.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "pdm-1.0"),
        ("CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)", "cc-by-4.0"),
        ("Licence: https://creativecommons.org/licenses/by/4.0/", "cc-by-4.0"),
        ("own photo", "own-photo"),
        ("", None),
        ("ask me first " * 9, None),
    ],
)
def test_licences_are_read_as_they_are_written(written, key):
    assert read_licence(written) == key


@pytest.mark.parametrize(
    "written",
    [
        "https://creativecommons.org/licenses/by/4.0/ non-commercial only",
        "https://creativecommons.org/licenses/by/4.0/non-commercial",
        "CC BY-NC 4.0, https://creativecommons.org/licenses/by/4.0/",
        "All rights reserved. Thumbnails: creativecommons.org/licenses/by-sa/4.0",
        "Not creativecommons.org/publicdomain/zero/1.0 - ask the IAA",
    ],
)
def test_an_address_with_a_restriction_is_not_free(written):
    assert not is_free(read_licence(written))
    assert not is_free(normalize_licence(written))
