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
    r"licenses/(by(?:-nc)?(?:-sa|-nd)?)/(\d\.\d)(?:/([a-z]{2}|igo)(?![a-z.]))?"
    r"|publicdomain/(zero|mark)(?:/1\.0)?"
    r")(?:/(?:deed|legalcode)[\w.-]*)?/?(?:[?#][^\s()<>]*)?"
)
# Words that take back a free licence, or part of it. A text may still say that there
# is no copyright, quote the GFDL or name a private collection.
_RESTRICTED = re.compile(
    r"\bno(?:[tn]\b|\b(?!$|\.? ?\d))"
    r"(?![ -](?:longer |known |protected by |subject to |under |in )?"
    r"(?:copyright|rights|restrictions|renewed|notice|invariant|front|back|transpos))"
    r"|\b(?:never|except|excluding|unless|until|solely|provided|nc|nd)\b"
    r"|\b(?:without|ask|asked|on request|metadata|thumbnails?)\b"
    r"|\b(?:nicht(?! portiert)|nur|ohne|ausser|außer|auf anfrage|metadaten)\b"
    r"|\b(?:kein|vorbehalt|unter(?:sag|richt)|verbot|studien)|zwecke"
    r"|\b(?:pas|sauf|sans|droits r[ée]serv[ée]s|interdite?)\b"
    r"|\b(?:diritti riservati|derechos reservados)\b"
    r"|\b[והשכ]{0,2}(?:לא|אין|אינ\w+|ללא|אסור\w*|איסור|בלבד|למעט|רק)\b"
    r"|מסחרי|נגזר|אישור|זכויות.{0,9} שמורות"
    r"|(?<!\d[ -])\bonly\b|\bonly\b(?!\W*$)"
    r"|comm?ercial|kommerziell|deriv|permission(?! is granted to copy)"
    r"|all rights reserved|prohibited|forbidden|consent"
    r"|\bprivate?[nrs]?\b(?! collection)"
    r"|\b(?:personal|educational|teaching|study|research|academic|editorial)\b"
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

    Stricter than `normalize_licence`: words beside the name of a licence are never
    dropped, they become part of the key, so a restriction in them is not lost. Those
    beside an address are dropped if they neither restrict nor name another licence.

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
    """The key of the licence whose address a text has.

    None if it has none, or if what is beside a free one may take it back.
    """
    words = _plain(text)
    matches = list(_PAGE.finditer(words))
    keys = [_key_of_page(match) for match in matches]
    for key in keys:
        if not is_free(key):
            return key
    if len(set(keys)) != 1:
        return None
    key, rest = keys[0], _PAGE.sub(" ", words).replace("_", " ")
    named = _named_in(rest) or ""
    same = key.startswith(named) or (named == "public-domain" and matches[0][4])
    return key if same and not _RESTRICTED.search(rest) else None


def _key_of_page(match: re.Match[str]) -> str:
    if match[4]:
        return "cc0-1.0" if match[4] == "zero" else "pdm-1.0"
    return "-".join(filter(None, ("cc", match[1], match[2], match[3])))


def _from_words(text: str) -> str | None:
    words = _plain(text).replace("_", " ")
    key = _named_in(words)
    return None if is_free(key) and _RESTRICTED.search(words) else key


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(text)).strip().lower()


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
