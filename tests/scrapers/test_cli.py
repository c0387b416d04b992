"""The command line: plans, runs, wrong use."""

from __future__ import annotations

import json

import pytest

from scrapers.cli import main
from scrapers.registry import list_sources
from tests.scrapers import saved_pages
from tests.scrapers.fake_sites import CONTACT


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


def test_the_sources_are_listed_for_people_and_programs(capsys):
    assert main(["sources"]) == 0
    assert "ans: American Numismatic Society" in capsys.readouterr().out
    assert main(["sources", "--json"]) == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["name"] for one in entries] == [one.name for one in list_sources()]
    assert all(one["title"] and one["summary"] for one in entries)
