"""Which licences allow a photo to be passed on."""

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
