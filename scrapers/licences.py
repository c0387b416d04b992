"""One key per licence, however a source spells it.

The keys are those of the catalog: "cc0-1.0", "pdm-1.0", "public-domain",
"cc-by-4.0", "cc-by-sa-3.0", "cc-by-nc-sa-4.0", "gfdl-1.2", "fal-1.3". What is not
recognised has no key, and a photo without a key is never counted as free.
"""

from __future__ import annotations

import html
import re
from typing import Final

_CC_PAGE: Final = re.compile(
    r"creativecommons\.org/licenses/(by(?:-nc)?(?:-sa|-nd)?)/(\d\.\d)(?:/([a-z]{2,3}))?"
)
_ZERO_PAGE: Final = re.compile(r"creativecommons\.org/publicdomain/(zero|mark)")
_CC_SHORT: Final = re.compile(
    r"(?:cc|creative commons)[ -]*(by)(?:[ -]*(nc))?(?:[ -]*(sa|nd))?(?:[ -]*(nc))?"
    r"(?:[ -]*v?(\d(?:\.\d)?))?(?![\w.])"
)
_CC_LONG: Final = re.compile(
    r"creative commons (attribution|namensnennung|attribuzione|atribucion)"
    r"(.*?)(\d\.\d)?(?: international| unported| generic|$)"
)


def normalise(raw: str, page: str = "") -> str | None:
    """The key of a licence.

    Args:
        raw: The licence as the source words it.
        page: Address of its text, where the source gives one; it decides.

    Returns:
        The key, or None where the wording is not known to be a licence.
    """
    for text in (page, raw):
        key = _from_page(text) or _from_words(text)
        if key:
            return key
    return None


def _from_page(text: str) -> str | None:
    match = _CC_PAGE.search(text.lower())
    if match:
        country = f"-{match[3]}" if match[3] else ""
        return f"cc-{match[1]}-{match[2]}{country}"
    match = _ZERO_PAGE.search(text.lower())
    if match:
        return "cc0-1.0" if match[1] == "zero" else "pdm-1.0"
    return None


def _from_words(text: str) -> str | None:
    plain = re.sub(r"[\s_]+", " ", html.unescape(text)).strip().lower()
    if not plain or re.search(r"\bnot (?:in the )?public domain", plain):
        return None
    if re.search(r"\bcc[ -]?(?:0|zero)\b", plain):
        return "cc0-1.0"
    if re.search(r"public[ -]domain[ -]mark|\bpdm\b", plain):
        return "pdm-1.0"
    match = _CC_SHORT.search(plain)
    if match:
        parts = [match[1], match[2] or match[4], match[3]]
        return _creative_commons([part for part in parts if part], match[5])
    match = _CC_LONG.search(plain)
    if match:
        rest = match[2]
        parts = ["by"]
        if re.search(r"non ?-?commercial|nicht.?kommerziell|non commerciale", rest):
            parts.append("nc")
        if re.search(r"share ?-?alike|weitergabe|condividi|compartir", rest):
            parts.append("sa")
        elif re.search(r"no ?-?deriv|keine.?bearbeitung", rest):
            parts.append("nd")
        return _creative_commons(parts, match[3])
    if re.search(r"\bgfdl\b|gnu free documentation", plain):
        version = re.search(r"1\.\d", plain)
        return f"gfdl-{version[0]}" if version else "gfdl"
    if re.search(r"\bfal\b|free art licen[cs]e", plain):
        version = re.search(r"1\.\d", plain)
        return f"fal-{version[0]}" if version else "fal"
    if re.search(r"^pd\b|^pd-|public[ -]domain|gemeinfrei|domaine public", plain):
        return "public-domain"
    return None


def _creative_commons(parts: list[str], version: str | None) -> str:
    number = f"-{version if '.' in version else version + '.0'}" if version else ""
    return f"cc-{'-'.join(parts)}{number}"
