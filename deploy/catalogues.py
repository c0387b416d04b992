"""Bring the catalogues in `locale/` up to date with the texts of the program.

Run it in the project: make texts. New texts have no translation afterwards, and those
that the program no longer has are gone; `coin_core.i18n` says how texts are wrapped.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

PROJECT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = ("Home.py", "pages", "ui", "coin_core", "scrapers")
NOT_SHOWN: Final = ("coin_core/api", "coin_core/cli", "scrapers/cli.py")
"""Commands and the API speak English."""
DECLARED: Final = {
    "register_classifier": {"title", "other_coins_title"},
    "register_source": {"title", "summary", "query_label"},
    "Ruler": {"name", "name_on_coin", "tell_apart", "reign_note"},
    "Attribution": {"school", "ruler", "note"},
    "Letter": {"key", "transliteration", "form"},
}
"""Texts in what classifiers, sources and rulers declare, which pages show."""

PHASES: Final = ("Progress", "track", "describe")
"""Calls that say what a job does, and what it counts."""

PLAN: Final = "plan"
"""Functions that say in sentences what a run would request."""

Text = str | tuple[str, str]


def program_texts(project: Path = PROJECT) -> Catalog:
    """All texts of the program that pages show, with the files that they stand in."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in _files(project)}
    errors = _coin_errors(trees.values())
    catalog = Catalog()
    for path, tree in trees.items():
        name = path.relative_to(project).as_posix()
        for message in dict.fromkeys(texts_of(tree, errors)):
            catalog.add(message, locations=[(name, 0)])
    return catalog


def texts_of(tree: ast.Module, errors: Collection[str] = ()) -> Iterator[Text]:
    """The texts in one Python file, with the plural where there is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == PLAN:
            yield from filter(_has_words, _templates(node.body[1:]))
        elif isinstance(node, ast.Call):
            name = _called(node)
            if name in errors:  # also of one that a function returns
                yield from _sentences(node)
            words = [text for text in map(_constant, node.args) if text]
            if name in ("_", "N_") and words:
                yield words[0]
            elif name == "ngettext" and len(words) == 2:
                yield words[0], words[1]
            elif name == "plural" and words:
                yield f"{{count}} {words[0]}", f"{{count}} {words[0]}s"
            elif name == "cite" and len(words) == 3:
                yield words[2]
            elif name in PHASES:
                yield from _phase(node)
            elif name in DECLARED:
                for keyword in node.keywords:
                    if keyword.arg in DECLARED[name] and _constant(keyword.value):
                        yield _constant(keyword.value)


def _phase(call: ast.Call) -> Iterator[str]:
    """What a job does at the moment, and the count of what it is through with."""
    yield from filter(None, map(template, call.args))
    for keyword in call.keywords:
        if keyword.arg == "unit" and _constant(keyword.value):
            yield f"{{done}} of {{total}} {_constant(keyword.value)}s"


def _sentences(error: ast.Call) -> Iterator[str]:
    """The sentence of an error, where it is given as such."""
    text = template(error.args[0]) if error.args else ""
    if re.search(r"[a-z]{2}", re.sub(r"\{\w+\}", "", text)):
        yield text


def _templates(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The texts in some parts of a program, each whole."""
    for node in nodes:
        if isinstance(node, (ast.Constant, ast.JoinedStr)):
            yield template(node)
        else:
            yield from _templates(ast.iter_child_nodes(node))


def _has_words(text: str) -> bool:
    return len(re.findall(r"[a-z]+", re.sub(r"\{\w+\}", "", text))) > 1


def _coin_errors(trees: Iterable[ast.Module]) -> set[str]:
    classes = [n for t in trees for n in ast.walk(t) if isinstance(n, ast.ClassDef)]
    found = {"CoinError"}
    while more := {
        node.name
        for node in classes
        if node.name not in found and {ast.unparse(b) for b in node.bases} & found
    }:
        found |= more
    return found


def template(node: ast.expr) -> str:
    """A text with a placeholder for each part that is not constant; "" for no text."""
    if isinstance(node, ast.Constant):
        return _constant(node).replace("{", "{{").replace("}", "}}")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = template(node.left), template(node.right)
        return left + right if left and right else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    names: dict[str, str] = {}
    text = ""
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            code = ast.unparse(part.value)
            if code not in names:
                words = re.findall(r"[A-Za-z_]\w*", re.sub(r"'.*?'", "", code))
                name = (words[-1] if words else "value").strip("_").lower()
                taken = list(names.values())
                while name in taken:
                    name += "_"
                names[code] = name
            text += f"{{{names[code]}}}"
        else:
            text += template(part)
    return text


def update(path: Path, texts: Catalog) -> Catalog:
    """A language's catalogue with exactly the texts of the program."""
    catalog = read(path)
    catalog.update(texts, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def read(path: Path) -> Catalog:
    """The catalogue in a file `locale/<code>/LC_MESSAGES/coin_reader.po`."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def written(catalog: Catalog, header: str) -> str:
    """The text of a catalogue's file, in the order of the program's files."""
    buffer = io.BytesIO()
    write_po(
        buffer,
        catalog,
        width=88,
        omit_header=True,
        sort_by_file=True,
        include_lineno=False,
    )
    return f"{header}\n\n{buffer.getvalue().decode('utf-8').strip()}\n"


def untranslated(catalog: Catalog) -> list[Text]:
    """The texts without a translation, or with one that is only a guess."""
    return [
        message.id
        for message in catalog
        if message.id and (message.fuzzy or not all(strings(message)))
    ]


def strings(message: Message) -> tuple[str, ...]:
    """The translations of a text: one, or one for each plural form."""
    if isinstance(message.string, (tuple, list)):
        return tuple(message.string)
    return (message.string or "",)


def _files(project: Path) -> Iterator[Path]:
    for source in SOURCES:
        path = project / source
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            if not file.relative_to(project).as_posix().startswith(NOT_SHOWN):
                yield file


def _called(node: ast.Call) -> str:
    name = node.func
    return name.id if isinstance(name, ast.Name) else getattr(name, "attr", "")


def _constant(node: ast.expr) -> str:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if is_text else ""


def main() -> int:
    """Write every catalogue again; returns 1 if one lacks translations."""
    texts = program_texts()
    missing = 0
    for path in sorted((PROJECT / "locale").glob("*/LC_MESSAGES/*.po")):
        header = path.read_text("utf-8").partition("\n\n")[0]
        catalog = update(path, texts)
        path.write_text(written(catalog, header), encoding="utf-8")
        blank = untranslated(catalog)
        missing += len(blank)
        print(f"{path}: {len(catalog)} texts, {len(blank)} not translated")  # noqa: T201
    return min(missing, 1)


if __name__ == "__main__":
    sys.exit(main())
