"""Licences: one key for all spellings, and whether a photo may be passed on.

Keys are lower case: "cc0-1.0", "pdm-1.0", "public-domain", "cc-by-4.0",
"cc-by-sa-3.0-de", "cc-by-nc-sa-4.0", "gfdl-1.2", "fal-1.3". A photo without a key
never counts as free.
"""

from __future__ import annotations

import html
import re

_MAX_KEY_LENGTH = 64

# Creative Commons with attribution or share-alike, of any version and country, but
# not NC or ND; then the public domain and some other free licences.
_FREE = re.compile(
    r"cc-by(-sa)?(-\d(\.\d)?(-(?!nc|nd)[a-z]{2}|-igo)?)?"
    r"|cc-?(0|zero)(-1\.0)?(-universal)?"
    r"|(cc-)?(pd|pdm|public-domain)(-mark)?(-1\.0)?(-(us|self|user|art|old(-\d+)?))?"
    r"|(fal|free-art)(-1\.\d)?"
    r"|odc-by(-1\.0)?|odbl(-1\.0)?|gfdl(-1\.\d)?|mit|apache-2\.0"
)
_PAGE = re.compile(
    r"(?:https?:)?(?://)?(?:www\.)?creativecommons\.org/(?:"
    r"licenses/(by(?:-nc)?(?:-sa|-nd)?)/(\d\.\d)(?:/([a-z]{2,3})(?![a-z.]))?"
    r"|publicdomain/(zero|mark)(?:/1\.0)?"
    r")(?:/(?:deed|legalcode)[\w.-]*)?/?(?:[?#][^\s()<>]*)?"
)
# What may stand around the address of a licence, beside its name.
_AROUND = re.compile(r"^\W*(?:licen[cs]ed?\b(?: under\b)?)?\W+|\W+$")
# Words that take back a free licence, or part of it. A text may still say that there
# is no copyright, or quote the GFDL's "no invariant sections".
_RESTRICTED = re.compile(
    r"\bno(?:[tn]\b|\b(?!$|\.? ?\d))"
    r"(?![ -](?:longer |known |protected by |subject to |under |in )?"
    r"(?:copyright|rights|restrictions|renewed|notice|invariant|front|back))"
    r"|\b(?:never|nicht|kein\w*|pas|except|excluding)\b|(?<!\d[ -])\bonly\b"
    r"|commercial|kommerziell|deriv|permission|all rights reserved|rechte vorbehalten"
    r"|\b(?:personal|private|educational|research|academic|editorial)\b"
)
_CC_SHORT = re.compile(
    r"(?:cc|creative commons)[ -]*(by)(?:[ -]*(nc))?(?:[ -]*(sa|nd))?(?:[ -]*(nc))?"
    r"(?:[ -]*v?(\d(?:\.\d)?))?(?![\w.])"
)
_CC_LONG = re.compile(
    r"creative commons (attribution|namensnennung|attribuzione|atribucion)"
    r"(.*?)(\d\.\d)?(?: international| unported| generic|$)"
)


def normalize_licence(text: str, page: str = "") -> str | None:
    """The key of a licence as a website words it.

    Args:
        text: The licence in the words of the source.
        page: Address of the licence's text, if the source gives one; it has priority.

    Returns:
        The key, or None if the words do not name a known licence.
    """
    for candidate in (page, text):
        key = _from_page(candidate) or _from_words(candidate)
        if key:
            return key
    return None


def read_licence(text: str) -> str | None:
    """The key of a licence as a user writes it in a table or a form.

    Stricter than `normalize_licence`: further words are never dropped, they become
    part of the key, so a restriction in them is not lost.

    Returns:
        The key, such as "cc-by-sa-4.0" or "own-photo"; None for an empty text or a
        whole sentence.
    """
    key = _from_page(text) or _to_key(text)
    if re.fullmatch(r"by(-(sa|nc|nd))*(-\d\.\d)?", key):
        key = f"cc-{key}"
    if re.fullmatch(r"(public-domain|pd)(-mark)?(-1\.0)?", key):
        key = "public-domain"
    return key if 0 < len(key) <= _MAX_KEY_LENGTH else None


def is_free(licence: str | None) -> bool:
    """Whether a licence, given as its key, lets anybody pass the photo on."""
    return bool(licence and _FREE.fullmatch(_to_key(licence)))


def licence_page(licence: str) -> str:
    """The address of a licence's text; "" if it is not known."""
    key = _to_key(licence)
    if re.match(r"cc-?(0|zero)", key):
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    match = re.fullmatch(r"cc-(by(?:-sa)?)-(\d\.\d)", key)
    if match is None:
        return ""
    return f"https://creativecommons.org/licenses/{match[1]}/{match[2]}/"


def _to_key(text: str) -> str:
    return re.sub(r"[\s_]+", "-", text.strip().lower())


def _from_page(text: str) -> str | None:
    """The key of an address that stands alone or beside the name of its licence."""
    words = text.lower()
    match = _PAGE.search(words)
    if match is None:
        return None
    if match[4]:
        key = "cc0-1.0" if match[4] == "zero" else "pdm-1.0"
    else:
        key = f"cc-{match[1]}-{match[2]}"
    rest = _AROUND.sub("", f"{words[: match.start()]} {words[match.end() :]}")
    if rest and _from_words(rest) != key:
        return None
    return f"{key}-{match[3]}" if match[3] else key


def _from_words(text: str) -> str | None:
    words = re.sub(r"[\s_]+", " ", html.unescape(text)).strip().lower()
    key = _named_in(words)
    return None if is_free(key) and _RESTRICTED.search(words) else key


def _named_in(words: str) -> str | None:
    if re.search(r"\bcc[ -]?(?:0|zero)\b", words):
        return "cc0-1.0"
    if re.search(r"public[ -]domain[ -]mark|\bpdm\b", words):
        return "pdm-1.0"
    match = _CC_SHORT.search(words)
    if match:
        parts = [match[1], match[2] or match[4], match[3]]
        return _creative_commons([part for part in parts if part], match[5])
    match = _CC_LONG.search(words)
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
    for key, pattern in (
        ("gfdl", r"\bgfdl\b|gnu free documentation"),
        ("fal", r"\bfal\b|free art licen[cs]e"),
    ):
        if re.search(pattern, words):
            version = re.search(r"1\.\d", words)
            return f"{key}-{version[0]}" if version else key
    if re.search(r"^pd\b|^pd-|public[ -]domain|gemeinfrei|domaine public", words):
        return "public-domain"
    return None


def _creative_commons(parts: list[str], version: str | None) -> str:
    number = f"-{version if '.' in version else version + '.0'}" if version else ""
    return f"cc-{'-'.join(parts)}{number}"
