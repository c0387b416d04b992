"""The command line: plans, runs, kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scrapers.__main__ import main
from tests.scrapers import museums, saved_pages
from tests.scrapers.fake_sites import CONTACT

ROOT = Path(__file__).resolve().parents[2]


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


def test_saved_pages_without_photos_are_counted(tmp_path, capsys):
    (tmp_path / "a.html").write_text(saved_pages.acsearch(), encoding="utf-8")
    assert main(["saved", str(tmp_path), "--json"]) == 1
    steps = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert steps[-1]["state"] == "done"
    assert (steps[-1]["listings"], steps[-1]["failed"]) == (3, 3)
    assert main(["saved", str(tmp_path / "none")]) == 1
    assert "neither" in capsys.readouterr().err


PATCHED = """
import sys
from tests.scrapers.test_gathering import prepare
import scrapers._gathering as gathering
gathering.gather.__kwdefaults__["prepare_photo"] = prepare
from scrapers.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_brings_every_photo_once(site, tmp_path):
    """The referee sees the pause kept over the kills, too."""
    one = museums.commons(site, count=40)
    one.robots = f"User-agent: *\nCrawl-delay: {one.pause_s}\nDisallow: /private/\n"
    for file_number in range(40):
        assert museums.commons_file("", file_number)
    environment = {
        **os.environ,
        "COIN_CONTACT": CONTACT,
        "COIN_DATA_DIR": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", PATCHED, "commons", "x", "--base", one.address]
    kills = 0
    while kills < 3:
        before = len(one.requests)
        process = subprocess.Popen(
            [*command, "--json"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while len(one.requests) < before + 10 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    originals = list((tmp_path / "photos").rglob("*.png"))
    assert len(originals) == 40
    assert all(path.read_bytes().endswith(b"IEND\xaeB`\x82") for path in originals)
    asked = [r.path for r in one.requests if r.path.startswith("/files/")]
    assert len(asked) <= 40 + kills
