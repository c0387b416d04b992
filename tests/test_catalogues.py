"""Every text of the pages is in every catalogue, and every page speaks Hebrew."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from string import Formatter

import pytest
from streamlit.testing.v1 import AppTest

from coin_core import i18n
from coin_core.catalog.scrape_jobs import ScrapeOrder
from coin_core.jobs import JobProgress
from deploy import catalogues
from scrapers.registry import QueryKind, list_sources, plan
from tests import fakes
from tests.ui.dataset.dataset_page import catalog, full_folder  # noqa: F401
from tests.ui.training.history_page import make_run
from ui.components.job_panel import done_words

ROOT = Path(__file__).parents[1]
PO_FILES = sorted((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))
# What remains in Latin letters: names, commands, formats, what users have typed.
ALLOWED = re.compile(
    r"(?:TJC|GBC4|GBC5|GBC6|HGC 10) [A-Z0-9].*|python -m [\w ]+|pip install \w+|https?://\S+|Category:\S*|data/collections"
    r"|: (?:Meshorer|Hendin|Hoover), .*"
    r"|e\.g\.|Wikimedia Commons|American Numismatic Society|Münzkabinett Berlin"
    r"|cc-by-4.0|Public domain|All rights reserved|CC[0-9A-Z .-]+"
    r"|\b[A-Z]{2,}\w*\b|\bGB(?:C\d)\b|\w+\.(?:png|jpg|csv|zip|json|pdf)\b"
)
ENGLISH = re.compile(
    r"\b(?:the|an?|of|is|are|to|and|in|no|not|this|that|with|for|by|on|from|or|was"
    r"|it|you|your|all|more|photos?|coins?)\b",
    re.IGNORECASE,
)
HEBREW = re.compile("[\u0590-\u05ff]")


@pytest.fixture(scope="module")
def texts() -> list[catalogues.Text]:
    return [message.id for message in catalogues.program_texts() if message.id]


def test_there_is_a_hebrew_catalogue() -> None:
    assert i18n.languages() == ("en", "he")
    assert len(PO_FILES) == 1


@pytest.mark.parametrize("path", PO_FILES, ids=lambda path: path.parts[-3])
def test_every_text_is_translated_and_none_is_left_over(path: Path, texts) -> None:
    entries = {message.id: message for message in catalogues.read(path) if message.id}
    missing = [text for text in texts if text not in entries]
    assert not missing, f"run make texts, then translate: {missing}"
    assert set(entries) == set(texts), "run make texts"
    assert not catalogues.read(path).obsolete
    assert not catalogues.untranslated(catalogues.read(path))


@pytest.mark.parametrize("path", PO_FILES, ids=lambda path: path.parts[-3])
def test_translations_have_the_placeholders_and_marks_of_their_texts(path) -> None:
    for message in catalogues.read(path):
        if not message.id:
            continue
        source = message.id if isinstance(message.id, str) else message.id[-1]
        forms = catalogues.strings(message)
        for form in forms if isinstance(message.id, str) else forms[1:]:
            assert fields_of(form) == fields_of(source), message.id
            for mark in ("**", "`", "]("):
                assert form.count(mark) == source.count(mark), message.id
        for form in forms:
            assert set(fields_of(form)) <= set(fields_of(source)), message.id
            assert form == form.strip() or source != source.strip(), message.id


@pytest.mark.parametrize("path", PO_FILES, ids=lambda path: path.parts[-3])
def test_options_of_commands_are_not_torn_by_text_from_right_to_left(path) -> None:
    """A mark stands before the dashes, unless they follow Latin letters: those keep
    them in order, and a command that is copied must have no mark in it."""
    language = path.parts[-3]
    if i18n.text_direction(language) != "rtl":
        return
    torn = []
    for message in catalogues.read(path):
        for form in catalogues.strings(message):
            for option in re.finditer(r"--[A-Za-z]", form):
                before = re.sub(r"\{[^{}]*\}", "", form[: option.start()])
                letters = re.findall("[A-Za-z\u0590-\u05ff\u200e]", before)
                if not letters or HEBREW.match(letters[-1]):
                    torn.append(form)
    assert torn == []


def fields_of(text: str) -> Counter[str]:
    """The placeholders of a text, each with its format."""
    parts = Formatter().parse(text)
    return Counter(f"{name}:{spec}" for _words, name, spec, _ in parts if name)


def test_no_sentence_of_the_pages_is_left_unmarked() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {text}"
        for source in ("Home.py", "pages", "ui")
        for path in python_files(ROOT / source)
        for text in unmarked_sentences(path)
    }
    assert found == UNMARKED, "wrap these as coin_core/i18n.py says"


# Answers of the server that are no pages, names of licences and fonts, and words of
# Streamlit that others take the place of.
UNMARKED = {
    "ui/language.py: Upload directories",
    "ui/language.py: Add files",
    "ui/language.py: Drag and drop a file here",
    "ui/language.py: Drag and drop files here",
    "ui/language.py: Drag and drop directories here",
    'ui/components/charts.py: "Source Sans", sans-serif',
    "ui/dataset/photo_facts.py: Public domain",
    "ui/dataset/photo_facts.py: All rights reserved",
    "ui/downloads.py: This download is gone, or its page is an old one. Reload the "
    "page.",
    "ui/server.py: This server answers only its own pages, not those of other sites.",
    "ui/server.py: This server does not answer to the name in the address. On this "
    "computer open it as localhost; on a server its operator names the host in "
    "{hosts_variable}.",
    "ui/server.py: This server does not answer to the name in the address. On this "
    "computer open it as localhost; on a server its operator names the host in ",
}


def python_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def unmarked_sentences(path: Path) -> Iterator[str]:
    """Texts like sentences or labels of several words that are not for `_`."""
    tree = ast.parse(path.read_text("utf-8"))
    ignored: set[ast.AST] = set()
    for node in ast.walk(tree):
        name = ""
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if (
            name in ("_", "N_", "ngettext", "warning", "exit", "compile")
            or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            or isinstance(node, ast.Raise)
        ):
            ignored.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in ignored or not isinstance(node, (ast.Constant, ast.JoinedStr)):
            continue
        text = catalogues.template(node) if not is_text(node) else node.value
        plain = re.sub(
            r"<style.*?</style>|<script.*?</script>|<[^>]*>", "", text, flags=re.S
        )
        is_code = re.search(r"[{};]\s*\n|font-family|var\(--", plain)
        if not is_code and re.match(r"\W*[A-Z][a-z]+[,:]? \{?\w", plain.strip()):
            yield plain


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.fixture
def _fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)


@pytest.fixture(autouse=True)
def _speak_hebrew(request: pytest.FixtureRequest) -> Iterator[None]:
    """AppTest asks in this thread for the titles of options."""
    with i18n.speaking("he" if "speaks" in request.node.name else "en"):
        yield


def open_in_hebrew(name: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / name), default_timeout=60)
    page.query_params["lang"] = "he"
    page.run()
    assert not page.exception
    return page


def english_in(page: AppTest) -> list[str]:
    """The sentences in English that a page shows."""
    found = []
    for block in (page.main, page.sidebar):
        for node in block:
            for text in strings_in(getattr(node, "proto", None)):
                words = ALLOWED.sub(" ", text)
                if not HEBREW.search(words) and ENGLISH.search(words):
                    found.append(text)
    return found


def strings_in(proto: object) -> Iterator[str]:
    if not hasattr(proto, "ListFields"):
        return
    for field, value in proto.ListFields():
        if field.name in IGNORED_FIELDS:
            continue
        many = value if field.is_repeated else [value]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        for one in many:
            if isinstance(one, str):
                yield from shown_words(one)
            else:
                yield from strings_in(one)


# Names of widgets and files, and code.
IGNORED_FIELDS = {
    *("id", "key", "icon", "html_content", "css_content", "js_content", "user_key"),
    *("type", "format", "url", "page", "page_script_hash", "form_id", "spec", "width"),
    *("component_name", "element_id", "language", "fragment_id", "imgs", "arrow_data"),
}


def shown_words(text: str) -> Iterator[str]:
    if text.startswith(("{", "[")):
        try:
            yield from values_in(json.loads(text))
        except ValueError:
            pass
        else:
            return
    text = re.sub(r"<(style|script).*?</\1>", " ", text, flags=re.DOTALL)
    for part in re.split(r"<[^>]*>|\n|`[^`]*`", text):
        if part.strip():
            yield unescape(part.strip())


def values_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in ("words", "label", "title", "note", "help", "hint", "text"):
                yield from values_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from values_in(one)


@pytest.mark.usefixtures("_fake_models")
@pytest.mark.parametrize("name", ["Home.py", "pages/1_Classify.py"])
def test_a_page_speaks_hebrew(name: str) -> None:
    page = open_in_hebrew(name)
    assert not english_in(page)


@pytest.mark.usefixtures("_fake_models")
def test_a_verdict_speaks_hebrew() -> None:
    from tests.pages.test_pages import a_photo

    page = open_in_hebrew("pages/1_Classify.py")
    photos = [(f"{grey}.png", a_photo(grey=grey), "image/png") for grey in (120, 121)]
    page.file_uploader[0].set_value(photos).run()
    assert not page.exception
    assert not english_in(page)


@pytest.mark.parametrize("part", ["browse", "review", "bring", "versions"])
def test_the_dataset_speaks_hebrew(part: str, catalog) -> None:  # noqa: F811
    page = open_in_hebrew("pages/2_Dataset.py")
    page.session_state["dataset_session"].reviewer = "Anna"
    if part != "browse":
        page.button_group(key="dataset_part").set_value(part)
    page.run()
    assert not page.exception
    assert not english_in(page)


def test_a_photo_of_the_dataset_speaks_hebrew(catalog) -> None:  # noqa: F811
    page = open_in_hebrew("pages/2_Dataset.py")
    session = page.session_state["dataset_session"]
    session.reviewer = "Anna"
    session.open_photo(3)
    page.run()
    assert not page.exception
    assert not english_in(page)


def test_the_training_page_speaks_hebrew() -> None:
    runs = [make_run(), make_run("svm", wrong_every=2)]
    page = AppTest.from_file(
        str(ROOT / "pages" / "3_Training_history.py"), default_timeout=60
    )
    for chosen in (runs[:1], runs):
        page.query_params["lang"] = "he"
        page.query_params["run"] = [run.run_id for run in chosen]
        page.run()
        assert not page.exception
        assert not english_in(page)


@pytest.mark.parametrize("query", ["prutah", "Category:Coins"])
@pytest.mark.parametrize(
    "source", [one.name for one in list_sources() if one.query_kind is QueryKind.WORDS]
)
def test_the_plan_of_a_source_is_said_in_hebrew(source: str, query: str) -> None:
    for limit, everything in ((None, False), (5, True)):
        order = ScrapeOrder(
            source=source, query=query, who="a", limit=limit, everything=everything
        )
        with i18n.speaking("he"):
            for step in map(i18n.translate, plan(order)):
                # A text of a word or two is not found again in a finished sentence.
                assert HEBREW.search(step), f"translate, or say in more words: {step}"
                assert not ENGLISH.search(ALLOWED.sub(" ", step)), step


def test_what_a_job_does_is_said_in_hebrew() -> None:
    """Its words and its count, as every command of the program writes them."""
    said = set()
    for path in sorted((ROOT / "coin_core").rglob("*.py")):
        if any(part in path.as_posix() for part in catalogues.NOT_SHOWN):
            continue
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            if getattr(call.func, "id", getattr(call.func, "attr", "")) == "Progress":
                unit = [k.value for k in call.keywords if k.arg == "unit"]
                words = catalogues.template(call.args[0])
                if words and unit and isinstance(unit[0], ast.Constant):
                    said.add((words.format(name="svm"), str(unit[0].value)))
    assert ("asking the classifiers", "photo") in said
    with i18n.speaking("he"):
        for words, unit in said:
            progress = JobProgress(words=words, unit=unit, done=3, total=1_200)
            shown = done_words(progress)
            assert not re.search("[A-Za-z]{2}", shown.replace("svm", "")), shown
            assert re.search(r"\b3\b.*\b1,200\b", shown), shown
