"""The command line: plans, runs, wrong use."""

from __future__ import annotations

import base64
import json

import pytest

from coin_core.catalog import PhotoQuery
from coin_core.storage import data_dir
from scrapers import ingest
from scrapers.cli import main
from scrapers.registry import list_sources
from tests.scrapers import saved_pages
from tests.scrapers.fake_sites import CONTACT, draw_png
from tests.scrapers.listed import prepare


def test_a_plan_sends_nothing_and_needs_no_contact(capsys, monkeypatch):
    monkeypatch.delenv("COIN_CONTACT", raising=False)
    assert main(["commons", "prutah", "--dry-run"]) == 0
    assert "commons.wikimedia.org" in (out := capsys.readouterr().out)
    assert main(["commons", "prutah", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"plan": out.splitlines()}


def test_without_a_contact_nothing_is_asked(capsys, monkeypatch):
    monkeypatch.delenv("COIN_CONTACT", raising=False)
    assert main(["commons", "prutah"]) == 2
    assert "scrapers contact" in capsys.readouterr().err
    assert main(["contact", CONTACT]) == 0
    assert CONTACT in capsys.readouterr().out


def test_contact_explains_itself(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["contact", "--help"])
    assert ended.value.code == 0
    assert "scrapers contact you@example.org" in capsys.readouterr().out


def test_a_data_folder_that_is_none_is_told(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "file"))
    assert main(["contact", CONTACT]) == 1
    assert "Check the disk" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [[], ["elsewhere", "x"], ["commons"], ["commons", "x", "--limit", "0"]]
)
def test_wrong_use_is_told(wrong):
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2


def test_a_browser_needs_leave(capsys):
    assert main(["browser", "https://www.acsearch.info/search.html"]) == 2
    assert "--i-have-permission www.acsearch.info" in capsys.readouterr().err
    wrong = ["browser", "https://x.example/a", "--i-have-permission", "y.example"]
    assert main(wrong) == 2


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


def test_a_lot_that_was_left_out_is_taken_after_all(
    tmp_path, capsys, monkeypatch, catalog
):
    quick = {"prepare_photo": prepare}
    monkeypatch.setattr(ingest.take_after_all, "__kwdefaults__", quick)
    photo = base64.b64encode(draw_png(1)).decode()
    (tmp_path / "lot.html").write_text(
        "<!-- saved from url=(0044)https://www.numisbids.com/sale/62/lot/7 -->"
        f"<div class=viewlot><img src='data:image/png;base64,{photo}'><div "
        "class=description>Lot of 5 prutot of Alexander Jannaeus.</div></div>"
    )
    assert main(["saved", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "1 coin was left out (1 several coins)" in out
    run = out.split("left-out ")[1].split(".")[0]
    assert main(["saved", str(tmp_path), "--limit", "9"]) == 0
    later = capsys.readouterr().out.split("left-out ")[1].split(".")[0]
    assert later != run
    table = tmp_path / "all.csv"
    assert main(["left-out", run, "--csv", str(table)]) == 0
    assert "numisbids:62-7: several coins, by " in capsys.readouterr().out
    assert "left out,several coins" in table.read_text(encoding="utf-8-sig")
    kept = data_dir() / "kept.csv"
    kept.write_text("mine", encoding="utf-8")
    assert main(["left-out", run, "--csv", str(kept)]) != 0
    assert "of the data folder" in capsys.readouterr().err
    assert kept.read_text("utf-8") == "mine"
    (tmp_path / "lot.html").rename(tmp_path / "lot.txt")  # the page is not needed
    assert main(["take", "numisbids:62-7", "--who", "ada"]) == 0
    assert "1 new photos without a label" in capsys.readouterr().out
    (added,) = catalog.queries.find(PhotoQuery(), offset=0, limit=9).photos
    assert (added.ruler, added.status) == (None, "unreviewed")
    assert "several coins" in added.label_evidence
    (tmp_path / "lot.txt").rename(tmp_path / "lot.html")
    assert main(["saved", str(tmp_path), "--limit", "8"]) == 0
    again = capsys.readouterr().out.split("left-out ")[1].split(".")[0]
    for scrape in (run, later, again):
        assert main(["left-out", scrape]) == 0
        assert "(taken after all)" in capsys.readouterr().out
    assert main(["take", "numisbids:62-8"]) == 2
    assert "No scrape has left out" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["left-out", "last"], ["ans", "q", "--limit", "-5"]])
def test_a_mistyped_number_is_named_in_plain_words(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "_positive" not in said
    assert f"must be a number of 1 or more, not '{words[-1]}'" in said


def test_the_sources_are_listed_for_people_and_programs(capsys):
    assert main(["sources"]) == 0
    assert "ans: American Numismatic Society" in capsys.readouterr().out
    assert main(["sources", "--json"]) == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["name"] for one in entries] == [one.name for one in list_sources()]
    assert all(one["title"] and one["summary"] for one in entries)


@pytest.mark.parametrize(
    ("called", "name"),
    [("/usr/bin/coin-scrape", "coin-scrape"), ("__main__.py", "python -m scrapers")],
)
@pytest.mark.parametrize("words", [["--help"], ["left-out", "--help"]])
def test_the_help_names_the_command_as_it_was_called(
    capsys, monkeypatch, words, called, name
):
    monkeypatch.setattr("sys.argv", [called, *words])
    with pytest.raises(SystemExit):
        main(words)
    assert f"usage: {name} " in capsys.readouterr().out
