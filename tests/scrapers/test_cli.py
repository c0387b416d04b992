"""The command line: plans, runs, wrong use."""

from __future__ import annotations

import json

import pytest

from coin_core.catalog.scrape_jobs import ScrapeOrder
from scrapers.__main__ import main
from scrapers.base import SOURCES
from scrapers.errors import ScrapeError
from scrapers.registry import COLLECTIONS, opened
from tests.scrapers import saved_pages
from tests.scrapers.fake_sites import CONTACT


def order(source, query="x", **more):
    return ScrapeOrder(source=source, query=query, who="ada", **more)


def test_a_plan_sends_nothing_and_needs_no_contact(capsys, monkeypatch):
    monkeypatch.delenv("COIN_CONTACT", raising=False)
    assert main(["commons", "prutah", "--dry-run"]) == 0
    assert "commons.wikimedia.org" in capsys.readouterr().out


def test_without_a_contact_nothing_is_asked(capsys, monkeypatch):
    monkeypatch.delenv("COIN_CONTACT", raising=False)
    assert main(["commons", "prutah"]) == 1
    assert "scrapers contact" in capsys.readouterr().err
    assert main(["contact", CONTACT]) == 0
    assert CONTACT in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [[], ["elsewhere", "x"], ["commons"], ["commons", "x", "--limit", "0"]]
)
def test_wrong_use_is_told(wrong):
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2


def test_a_browser_needs_leave(capsys):
    assert main(["browser", "https://www.acsearch.info/search.html"]) == 1
    assert "--i-have-permission www.acsearch.info" in capsys.readouterr().err
    wrong = ["browser", "https://x.example/a", "--i-have-permission", "y.example"]
    assert main(wrong) == 1


def test_saved_pages_without_photos_are_counted(tmp_path, capsys, caplog):
    (tmp_path / "a.html").write_text(saved_pages.acsearch(), encoding="utf-8")
    assert main(["saved", str(tmp_path), "--json"]) == 1
    steps = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert steps[-1]["state"] == "done"
    assert (steps[-1]["listings"], steps[-1]["failed"]) == (3, 3)
    assert main(["saved", str(tmp_path / "none")]) == 1
    assert "Stopped:" in (out := capsys.readouterr().out)
    assert "neither a file nor a folder" in out
    assert "neither a file nor a folder" in caplog.text


def test_every_source_is_opened_by_its_name():
    assert (*COLLECTIONS, "saved", "browser") == SOURCES
    with pytest.raises(ScrapeError, match="no source"), opened(order("elsewhere")):
        pass
