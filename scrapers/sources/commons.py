"""Wikimedia Commons, through its API: files with licence, author and description."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from coin_core.catalog.licences import normalize_licence
from scrapers.base import ImageSide, Listing, ListingImage
from scrapers.collection_source import CollectionSource
from scrapers.errors import (
    PageChangedError,
    RobotsForbidError,
    SiteBusyError,
    UnexpectedAnswerError,
)
from scrapers.html_utils import strip_markup
from scrapers.registry import register_source
from scrapers.url_safety import host_of

NAME: Final = "commons"
_API: Final = "/w/api.php"
_RULES: Final = "https://www.mediawiki.org/wiki/API:Etiquette"
_BATCH: Final = 50
_WIDTH_PX: Final = 1920
_LARGE_BYTES: Final = 8 << 20
_MIMES: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/tiff"})
_FACTS: Final = (
    "LicenseShortName|License|LicenseUrl|UsageTerms|Artist|Credit|Attribution|"
    "ImageDescription|ObjectName|DateTimeOriginal|Restrictions"
)


@register_source(
    name=NAME,
    title="Wikimedia Commons",
    summary="Photos that anybody may use, each with its licence and author.",
    order=1,
    query_label="Words to look for, or a category as Category:…",
    query_hint='"Alexander Jannaeus" prutah',
    base_url="https://commons.wikimedia.org",
    hosts=("commons.wikimedia.org", "upload.wikimedia.org"),
    pause_s=1.0,
    api_paths=(_API,),
    api_rules=_RULES,
)
class Commons(CollectionSource):
    """Files that a search finds, or that are in a category ("Category:...")."""

    def plan(self, query: str) -> tuple[str, ...]:
        """The requests of a run, in sentences."""
        address = self.base + _API
        return (
            f"ask {address} for the files of {query!r}, {_BATCH} at a time"
            if query.startswith("Category:")
            else f"ask {address} for files that match {query!r}, {_BATCH} at a time",
            "take JPEG, PNG, WebP and TIFF with their licence, author and description",
        )

    def find(self, query: str) -> Iterator[Listing]:
        """The files, in the order of the API, until it has no more."""
        steps: set[str] = set()
        following: dict[str, str] | None = {}
        while following is not None:
            answer = self._ask(search_params(query) | following)
            files, following = parse_answer(answer)
            for file in files:
                listing = self.try_record(partial(parse_file, file))
                if listing is not None:
                    yield listing
            step = repr(following)
            if following is not None and step in steps:
                raise PageChangedError(
                    f"Commons continues at a place that was read already ({step})."
                )
            steps.add(step)

    def _ask(self, params: dict[str, str]) -> Any:
        try:
            return self.client.get_json(f"{self.base}{_API}", params, check=_check)
        except RobotsForbidError as error:
            host = host_of(self.base)
            raise RobotsForbidError(
                f"The robots.txt of {host} closes its API, {_API}, to crawlers. "
                "Nothing was asked. Its owner allows programs by other rules "
                f"({_RULES}), which this program keeps: a contact, one request at a "
                "time, maxlag, Retry-After. If you have read them and they cover your "
                f"use, add --i-have-permission {host}, or tick the box on the page."
            ) from error


def search_params(query: str) -> dict[str, str]:
    """The parameters of the first request; "continue" of an answer adds to them."""
    if query.startswith("Category:"):
        generator = {
            "generator": "categorymembers",
            "gcmtitle": query,
            "gcmtype": "file",
            "gcmlimit": str(_BATCH),
        }
    else:
        generator = {
            "generator": "search",
            "gsrsearch": query,
            "gsrnamespace": "6",
            "gsrlimit": str(_BATCH),
        }
    return {
        "action": "query",
        "format": "json",
        "formatversion": "2",
        "maxlag": "5",
        "prop": "imageinfo",
        "iiprop": "url|size|mime|sha1|timestamp|user|extmetadata",
        "iiurlwidth": str(_WIDTH_PX),
        "iiextmetadatafilter": _FACTS,
        **generator,
    }


def parse_answer(answer: Any) -> tuple[list[dict[str, Any]], dict[str, str] | None]:
    """The files of an answer, and the parameters to add next; None at the end.

    Raises:
        UnexpectedAnswerError: It is not an answer of this API.
    """
    if not isinstance(answer, dict):
        raise UnexpectedAnswerError("Commons answered JSON that is no object.")
    try:
        pages = answer.get("query", {}).get("pages", [])
        if not isinstance(pages, list) or not {"query", "batchcomplete"} & set(answer):
            raise TypeError
        files = sorted(pages, key=lambda page: int(page.get("index", 0)))
        following = answer.get("continue")
        if following is None:
            return files, None
        return files, {str(key): str(value) for key, value in following.items()}
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise UnexpectedAnswerError(
            "Commons answered JSON without the list of files; its API has changed."
        ) from error


def parse_file(page: dict[str, Any]) -> Listing | None:
    """Read a file of an answer; None if it is no photo.

    Raises:
        UnexpectedAnswerError: It is damaged.
    """
    try:
        return _from_page(page)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        name = str(page.get("title") or page.get("pageid"))[:200]
        raise UnexpectedAnswerError(f"The record of {name} is damaged.") from error


def _from_page(page: dict[str, Any]) -> Listing | None:
    infos = page.get("imageinfo") or []
    if not infos or infos[0].get("mime") not in _MIMES or not infos[0].get("url"):
        return None
    info = infos[0]
    facts = {
        key: strip_markup(str(entry.get("value", "")))
        for key, entry in (info.get("extmetadata") or {}).items()
        if isinstance(entry, dict)
    }
    raw = facts.get("LicenseShortName") or facts.get("UsageTerms") or ""
    small = int(info.get("size") or 0) <= _LARGE_BYTES
    title = str(page.get("title", "")).removeprefix("File:")
    credit = facts.get("Attribution") or " / ".join(
        filter(None, (facts.get("Artist"), facts.get("Credit")))
    )
    return Listing(
        source=NAME,
        record_id=str(page.get("pageid") or title),
        url=str(info.get("descriptionurl") or ""),
        title=facts.get("ObjectName") or title.rpartition(".")[0],
        text=facts.get("ImageDescription", ""),
        images=(
            ListingImage(
                url=info["url"] if small else info.get("thumburl") or info["url"],
                side=ImageSide.UNKNOWN,
                sha1=str(info.get("sha1") or "") if small else "",
            ),
        ),
        licence=normalize_licence(
            facts.get("License") or raw, facts.get("LicenseUrl", "")
        )
        or normalize_licence(raw),
        licence_raw=raw,
        credit=credit or str(info.get("user") or ""),
        date=facts.get("DateTimeOriginal", ""),
    )


def _check(answer: Any) -> None:
    """Raise an error that the API answers; a busy server is asked again."""
    if not isinstance(answer, dict) or "error" not in answer:
        parse_answer(answer)
        return
    error = answer["error"]
    code = error.get("code", "") if isinstance(error, dict) else ""
    if code in ("maxlag", "ratelimited", "readonly"):
        raise SiteBusyError(f"Commons is busy ({code}). Try again in some minutes.")
    raise UnexpectedAnswerError("Commons does not accept the request.")
