"""A source is one file: what declares itself is in every menu."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coin_core.catalog.scrape_jobs import ScrapeOrder
from scrapers import registry
from scrapers.errors import PageChangedError, ScrapeError
from scrapers.registry import (
    QueryKind,
    get_source,
    list_sources,
    open_source,
    parse_page,
    register_page_parser,
    register_source,
)
from scrapers.url_safety import LOCAL_SITES

ROOT = Path(__file__).resolve().parents[2]
NEW_SOURCE = '''
"""A museum that is new."""
from scrapers.collection_source import CollectionSource
from scrapers.registry import register_source


@register_source(
    name="newmuseum",
    title="A New Museum",
    summary="Photos of a museum that opened today.",
    order=5,
    query_hint="prutah",
    base_url="https://new.example",
    hosts=("new.example",),
    pause_s=3.0,
)
class NewMuseum(CollectionSource):
    """Coins of the new museum."""

    def plan(self, query):
        return (f"ask {self.base} for {query}",)

    def find(self, query):
        return iter(())
'''


@pytest.mark.parametrize("info", list_sources(), ids=lambda one: one.name)
def test_every_source_says_what_menus_need(info):
    assert info.title
    assert info.summary.endswith(".")
    assert info.query_label
    assert info.query_hint
    assert info.pause_s >= 1.0
    if info.query_kind is QueryKind.WORDS:
        assert info.base_url.startswith("https://")
        assert info.hosts
    assert bool(info.api_paths) == bool(info.api_rules)


def test_titles_and_places_in_the_menu_are_unique():
    entries = list_sources()
    assert len({one.title for one in entries}) == len(entries)
    assert len({one.order for one in entries}) == len(entries)


def test_a_name_is_taken_once():
    (first, *_) = list_sources()
    again = {"title": "x", "summary": "x", "order": 1}
    for name in (first.name, "contact"):
        with pytest.raises(ValueError, match=name):
            register_source(name=name, **again)(first.factory)
    with pytest.raises(ValueError, match="acsearch"):
        register_page_parser(name="acsearch", order=1, hosts=())(parse_page)


def test_an_unknown_source_is_an_error_that_lists_the_others():
    order = ScrapeOrder(source="elsewhere", query="x", who="ada")
    with pytest.raises(ScrapeError, match=r"no source .*commons"), open_source(order):
        pass


def test_a_page_of_no_known_site_is_refused():
    with pytest.raises(PageChangedError, match="acsearch"):
        parse_page("<p>eggs and milk", "https://shop.example/list")


@pytest.mark.slow
def test_a_source_in_a_new_file_is_in_every_menu_and_can_be_run(tmp_path):
    """No other file is touched: command line, page and plan take it from its entry."""
    for package in ("scrapers", "coin_core", "ui"):
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    (tmp_path / "scrapers" / "sources" / "newmuseum.py").write_text(NEW_SOURCE)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    shown = run("-m", "scrapers", "--help")
    assert "newmuseum" in shown
    assert "A New Museum" in shown
    entries = map(json.loads, run("-m", "scrapers", "sources", "--json").splitlines())
    assert [one["name"] for one in entries] == [
        *(one.name for one in list_sources() if one.order < 5),
        "newmuseum",
        *(one.name for one in list_sources() if one.order > 5),
    ]
    menu = (
        "from ui.dataset.scrape_panel import list_sources;"
        "print([one.title for one in list_sources()])"
    )
    assert "A New Museum" in run("-c", menu)
    steps = run("-m", "scrapers", "newmuseum", "prutah", "--dry-run")
    assert "ask https://new.example for prutah" in steps
    assert "3 s for new.example" in steps


@pytest.mark.parametrize(
    ("source", "base", "words"),
    [
        ("commons", "https://elsewhere.example", "commons.wikimedia.org only"),
        ("ans", "https://8.8.8.8", "numismatics.org only"),
        ("ikmk", "http://ikmk.example", "not encrypted"),
        ("ikmk", "https://ikmk.example:8443", "a port of its own"),
        ("ikmk", "https://user:word@ikmk.example", "password"),
        ("ikmk", "https://127.0.0.1", LOCAL_SITES),
        ("ikmk", "https://0x7f.1", LOCAL_SITES),
        ("ikmk", "http://[::1", "no web address"),
        ("ikmk", "ikmk.example", "no web address"),
    ],
)
@pytest.mark.parametrize("plan_only", [True, False])
def test_another_site_is_asked_where_it_runs_the_same_software(
    monkeypatch, source, base, words, plan_only
):
    monkeypatch.setenv("COIN_CONTACT", "ada@example.org")
    order = ScrapeOrder(source=source, query="x", who="ada", base=base)
    with (
        pytest.raises(ScrapeError, match=words),
        open_source(order, plan_only=plan_only),
    ):
        pass


def test_a_site_that_the_operator_opens_may_run_any_software(monkeypatch):
    monkeypatch.setenv(LOCAL_SITES, "museum.lan:8080")
    order = ScrapeOrder(
        source="commons", query="x", who="ada", base="http://museum.lan:8080"
    )
    with open_source(order, plan_only=True) as source:
        assert source.client.origins == {"museum.lan:8080"}


@pytest.mark.parametrize("address", ["http://[::1", "", "nonsense", "https://a b/"])
def test_an_address_for_a_browser_that_is_none_is_told(address):
    order = ScrapeOrder(
        source="browser", query=address or "x", who="ada", permission="a"
    )
    with pytest.raises(ScrapeError, match="HOST"), open_source(order, plan_only=True):
        pass


def test_the_hosts_of_photos_are_those_of_the_sources_named():
    order = ScrapeOrder(source="nomisma", query="prutah", who="ada")
    with open_source(order, plan_only=True) as source:
        hosts = source.client.origins
    others = get_source("nomisma").photos_from
    assert hosts == {"nomisma.org"}.union(*(get_source(one).hosts for one in others))
    assert registry.known_pauses_s()["numismatics.org"] == 1.0
