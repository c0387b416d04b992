"""The pages for people name only files, commands and flags that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coin_core.cli.main import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
CODE = re.compile(r"```.*?```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_exist(page):
    text = CODE.sub("", page.read_text("utf-8"))
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    files = re.findall(
        r"`((?:coin_core|scrapers|ui|pages|tests|benchmarks|deploy)/[\w/.-]+)`", text
    )
    titles = re.findall(r'```python title="([^"]+)"', page.read_text("utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [x for x in files if not (ROOT / x).exists() and x not in titles]
    assert not missing


def test_benchmarks_that_are_named_exist():
    for page in (*PAGES, ROOT / "Makefile"):
        for name in re.findall(r"benchmarks/\w+\.py", page.read_text("utf-8")):
            assert (ROOT / name).exists(), f"{page.name}: {name}"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_their_flags_exist(page):
    text = page.read_text("utf-8").replace("\\|", "|")
    for command, rest in re.findall(r"python -m coin_core (\w+)([^`\n]*)", text):
        assert command in COMMANDS, f"{command} in {page.name}"
        parsers = build_parser(command)._subparsers._group_actions[0].choices
        known = parsers[command].format_help()
        if command != "dataset":  # its actions have the flags
            for flag in re.findall(r"--[a-z][a-z-]*", rest):
                assert flag in known, f"{command} {flag} in {page.name}"
