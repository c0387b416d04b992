"""Licences: read as they are written, and whether a photo may be passed on."""

from __future__ import annotations

import re

# Creative Commons with attribution or share-alike, of any version and country;
# nothing that forbids commerce or changes. Then what is in the public domain.
_FREE = re.compile(
    r"cc-by(-sa)?(-\d(\.\d)?(-(?!nc|nd)[a-z]{2,3})?)?"
    r"|cc-?(0|zero)(-1\.0)?(-universal)?"
    r"|(cc-)?(pd|pdm|public-domain)(-mark)?(-1\.0)?(-(us|self|user|art|old(-\d+)?))?"
    r"|(fal|free-art)(-1\.\d)?"
    r"|odc-by(-1\.0)?|odbl(-1\.0)?|gfdl(-1\.\d)?|mit|apache-2\.0"
)

_PAGES = {
    "by": "https://creativecommons.org/licenses/by/{version}/",
    "by-sa": "https://creativecommons.org/licenses/by-sa/{version}/",
}


_ADDRESS = re.compile(
    r"creativecommons\.org/(?:licenses/(by(?:-[a-z]{2})*)/(\d\.\d)|"
    r"publicdomain/(zero|mark)/1\.0)"
)
_LONGEST = 64


def read_licence(text: str) -> str | None:
    """The key of a licence as somebody has written it, such as "cc-by-sa-4.0".

    Knows the names of the Creative Commons licences and their addresses; other words
    become a key of their own. None for nothing, and for whole sentences.
    """
    key = _plain(text)
    if found := _ADDRESS.search(key):
        kind, version, domain = found.groups()
        if kind:
            return f"cc-{kind}-{version}"
        return "cc0-1.0" if domain == "zero" else "public-domain"
    if re.fullmatch(r"by(-(sa|nc|nd))*(-\d\.\d)?", key):
        key = f"cc-{key}"
    if re.fullmatch(r"(public-domain|pd)(-mark)?(-1\.0)?", key):
        key = "public-domain"
    return key if 0 < len(key) <= _LONGEST else None


def is_free(licence: str | None) -> bool:
    """Whether a licence, as its normalised key, lets anybody pass the photo on."""
    return bool(licence and _FREE.fullmatch(_plain(licence)))


def licence_page(licence: str) -> str:
    """Where the text of a licence stands; "" if that is not known."""
    key = _plain(licence)
    if re.match(r"cc-?(0|zero)", key):
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    found = re.fullmatch(r"cc-(by(?:-sa)?)-(\d\.\d)", key)
    return _PAGES[found[1]].format(version=found[2]) if found else ""


def _plain(licence: str) -> str:
    return re.sub(r"[\s_]+", "-", licence.strip().lower())
