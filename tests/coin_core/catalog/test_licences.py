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


_BY = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    "written",
    [
        f"This work is licensed under {_BY}",
        "This work is licensed under the Creative Commons Attribution 4.0 "
        f"International License. To view a copy of this license, visit {_BY}",
        f"Attribution 4.0 International ({_BY})",
        f"Creative Commons Attribution, {_BY}",
        f"Namensnennung 4.0 International ({_BY}deed.de)",
        f"Lizenz: {_BY}",
        f"רישיון: {_BY}",
        f"ייחוס 4.0 {_BY}deed.he",
        f"צילום: רשות העתיקות, {_BY}",
        f"© Israel Museum, {_BY}",
        f"Some rights reserved, {_BY}, private collection, inv. no. 7",
        f'<a rel="license" href="{_BY}">{_BY}</a>',
    ],
)
def test_a_credit_beside_an_address_restricts_nothing(written):
    assert read_licence(written) == normalize_licence(written) == "cc-by-4.0"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (
            "http://creativecommons.org/licenses/by-sa/4.0/ Staatliche Museen zu "
            "Berlin, Münzkabinett",
            "cc-by-sa-4.0",
        ),
        ("https://creativecommons.org/licenses/by/3.0/scotland/", "cc-by-3.0"),
        ("Nicht portiert: creativecommons.org/licenses/by-sa/3.0", "cc-by-sa-3.0"),
        ("Public domain, creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"),
        ("Rights: http://creativecommons.org/licenses/by-nc/4.0/", "cc-by-nc-4.0"),
        (f"CC BY 4.0, {_BY.replace('by', 'by-nc')}", "cc-by-nc-4.0"),
        (f"{_BY} or {_BY.replace('by', 'by-nd')}", "cc-by-nd-4.0"),
    ],
)
def test_an_address_names_its_licence(written, key):
    assert read_licence(written) == normalize_licence(written) == key


@pytest.mark.parametrize(
    "written",
    [
        f"{_BY} non-commercial only",
        f"{_BY}non-commercial",
        f"CC BY-NC 4.0, {_BY}",
        f"{_BY} / CC BY-NC-SA 3.0",
        f"{_BY} NC",
        f"{_BY} not_free",
        f"{_BY} creativecommons.org/licenses/by-nd-nc/1.0/",
        f"Attribution-NonCommercial 4.0 ({_BY})",
        f"{_BY} nur zur Ansicht",
        f"{_BY} sauf usage commercial",
        f"{_BY} - לא לשימוש מסחרי",
        f"{_BY} בלבד",
        f"{_BY}, כל הזכויות שמורות",
        "Metadata: creativecommons.org/publicdomain/zero/1.0",
        "All rights reserved. Thumbnails: creativecommons.org/licenses/by-sa/4.0",
        "Not creativecommons.org/publicdomain/zero/1.0 - ask the IAA",
        "CC BY 4.0 (non-commercial use only)",
        "CC BY 4.0 only with the consent of the museum",
        "CC BY 4.0, but not for commercial use",
        "CC BY 4.0, no derivatives",
        "CC BY 4.0 NC",
        "CC BY-NonCommercial 4.0",
        "CC BY NoDerivatives",
        "Not CC0",
        "no public domain",
    ],
)
def test_a_licence_with_a_restriction_is_not_free(written):
    assert not is_free(read_licence(written))
    assert not is_free(normalize_licence(written))


def test_the_notice_of_the_gfdl_is_no_restriction():
    notice = (
        "Permission is granted to copy, distribute and/or modify this document under "
        "the terms of the GNU Free Documentation License, Version 1.2; with no "
        "Invariant Sections, no Front-Cover Texts, and no Back-Cover Texts."
    )
    assert normalize_licence(notice) == "gfdl-1.2"
    assert normalize_licence("CC BY 4.0 with permission") is None
