"""What was stored or typed reaches Streamlit's Markdown only through `as_text`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    ROOT / "Home.py",
    *sorted((ROOT / "pages").glob("*.py")),
    *sorted((ROOT / "ui").rglob("*.py")),
]
# Functions of Streamlit with the positions of their Markdown; `st.text`, `st.code`,
# tables, the values of inputs and the options of `st.selectbox` show letters.
MARKDOWN = {
    **dict.fromkeys(("markdown", "write", "caption", "title", "header", "toast"), (0,)),
    **dict.fromkeys(("subheader", "error", "warning", "info", "success", "tab"), (0,)),
    **dict.fromkeys(("button", "download_button", "form_submit_button"), (0,)),
    **dict.fromkeys(("checkbox", "toggle", "radio", "selectbox", "multiselect"), (0,)),
    **dict.fromkeys(("pills", "segmented_control", "select_slider", "slider"), (0,)),
    **dict.fromkeys(("text_input", "text_area", "number_input", "file_uploader"), (0,)),
    **dict.fromkeys(("expander", "popover", "spinner", "status", "tabs"), (0,)),
    **dict.fromkeys(("link_button", "table", "latex", "page_link", "badge"), (0,)),
    "metric": (0, 1),
    "progress": (1,),
}
NAMES = {"label", "body", "help", "caption", "text", "value"}
# Their results hold no more than numbers, dates and words of the program.
PLAIN = {
    *("as_text", "plural", "percent", "duration", "probability_text", "interval"),
    *("when", "len", "min", "max", "sum", "round", "abs", "calibration_note"),
    *("face_name", "side_title", "summary_line", "agreement", "fold_title", "refusal"),
    *("describe_empty", "accepted_files", "_together_measured"),
}
# Words of the program that come in variables.
TRUSTED = {
    "ui/background_task.py": {"label", "task.words"},  # of a button; as text already
    "ui/resources.py": {"text"},  # of a spinner
    "ui/classify/exports.py": {"language_name"},
    "ui/language.py": {"language_name"},
    "ui/classify/predict.py": {"done"},
    "ui/classify/report/pdf_report.py": {"page"},  # of paper
    "ui/components/job_list.py": {"progress_words(job)"},  # as text already
    "ui/training/compare.py": {
        *("pair.coins", "pair.only_one", "pair.only_other", "pair.p"),  # numbers
        *("better", "worse", "f'{sentence} {counts}'"),  # as text already
    },
    "ui/training/form.py": {"_"},  # of its own options
    "ui/training/run_detail.py": {"list(parts)", "torn"},
    "ui/layout.py": {"title"},
    "ui/classify/demo.py": {"coin.label"},
    "ui/components/job_panel.py": {
        *("self.open_title", "self.ended_title", "self.stop_label(job)"),
        "self.remove_label(job)",
    },
    "ui/dataset/actions.py": {"word"},  # undo or redo
    "ui/dataset/filters.py": {"label"},
    # the two of its drop zone come from its callers, as texts of the program
    "ui/dataset/import_panel.py": {"title", "field_title(field)", "label", "words"},
    "ui/dataset/earlier_imports.py": {"title"},
    "ui/dataset/photo_facts.py": {"title"},
    "ui/dataset/review.py": {"titles.__getitem__"},
    "ui/dataset/session.py": {"why"},
    "ui/dataset/scrape_panel.py": {
        # what the sources in scrapers/ declare of themselves
        *("source.summary", "source.query_label", "source.title", "source.api_rules"),
        *("source.name", "sources[key].title"),
    },
}


class Text:
    """The values that a variable may have in a function, and whether all are text."""

    def __init__(self, module: ast.Module, path: str) -> None:
        self.trusted = TRUSTED.get(path, set())
        self.functions = {
            node.name: node for node in module.body if isinstance(node, ast.FunctionDef)
        }

    def is_plain(self, node: ast.expr, scope: ast.AST, seen: tuple = ()) -> bool:
        """Whether an expression holds nothing that was stored or typed."""

        def plain(*nodes: ast.expr) -> bool:
            return all(self.is_plain(one, scope, seen) for one in nodes)

        if ast.unparse(node) in self.trusted:
            return True
        match node:
            case ast.Constant():
                return True
            case ast.JoinedStr(values=values):
                return plain(*values)
            case ast.FormattedValue(value=value, format_spec=spec):
                # Only numbers and dates take a format.
                return spec is not None or plain(value)
            case ast.BinOp(left=left, right=right, op=operator):
                if any(is_number(one) for one in (left, right)):
                    return isinstance(operator, ast.Add | ast.Sub) or plain(left)
                return plain(left) and (isinstance(operator, ast.Mult) or plain(right))
            case ast.IfExp(body=body, orelse=other):
                return plain(body, other)
            case ast.BoolOp(values=values):
                return plain(*values)
            case ast.Compare() | ast.UnaryOp():
                return True
            case ast.Lambda(body=body):
                return plain(body)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return plain(*parts)
            case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
                return plain(part)
            case ast.Call(func=ast.Name(id=name)) if name in PLAIN:
                return True
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                function = self.functions[name]
                returned = [
                    one.value
                    for one in ast.walk(function)
                    if isinstance(one, ast.Return) and one.value is not None
                ]
                return all(self.is_plain(one, function, seen) for one in returned)
            case ast.Call(func=ast.Name(id="str"), args=[value]):
                return plain(value)
            case ast.Call(func=ast.Attribute(value=text, attr="join"), args=[parts]):
                return plain(text, parts)
            case ast.Call(func=ast.Name(id="_" | "N_" | "ngettext"), args=texts):
                # Translations are words of the program; a count is a number.
                return plain(*texts[:2])
            case ast.Call(func=ast.Attribute(value=text, attr="format")):
                return plain(text, *(k.value for k in node.keywords))
            case ast.Call(func=ast.Attribute(value=text, attr=name)):
                allowed = ("upper", "capitalize", "get", "replace")
                return name in allowed and plain(text)
            case ast.Attribute(value=ast.Name(id=name), attr="__getitem__"):
                return name.strip("_").isupper()
            case ast.Attribute(attr=name):
                return name.isupper()
            case ast.Subscript(value=value):
                return plain(value)
            case ast.Name(id=name):
                if name.strip("_").isupper():  # a constant of the program
                    return True
                if name in seen:
                    return True
                values = list(self.values(name, scope))
                deeper = (*seen, name)
                return bool(values) and all(
                    self.is_plain(value, scope, deeper) for value in values
                )
        return False

    def values(self, name: str, scope: ast.AST) -> Iterator[ast.expr]:
        """What is assigned to a name inside a function, or to its parameter."""
        unknown = ast.Name(id="")
        for node in ast.walk(scope):
            match node:
                case ast.arg(arg=argument) if argument == name:
                    yield unknown
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        yield from self.unpacked(target, value, name)
                case ast.AnnAssign(target=ast.Name(id=given), value=value):
                    if given == name and value is not None:
                        yield value
                case ast.AugAssign(target=ast.Name(id=given), value=value):
                    if given == name:
                        yield value
                case ast.NamedExpr(target=ast.Name(id=given), value=value):
                    if given == name:
                        yield value
                case ast.For() | ast.comprehension():
                    yield from self.looped(node.target, node.iter, name)
                case ast.With(items=items):
                    for item in items:
                        held = item.optional_vars
                        if held and name in names_in(held):
                            yield unknown

    def unpacked(
        self, target: ast.expr, value: ast.expr, name: str
    ) -> Iterator[ast.expr]:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, other in zip(target.elts, value.elts, strict=True):
                yield from self.unpacked(one, other, name)
        elif name in names_in(target):
            yield value if isinstance(target, ast.Name) else ast.Name(id="")

    def looped(self, target: ast.expr, over: ast.expr, name: str) -> Iterator[ast.expr]:
        """The part of a loop's values that a name gets."""
        if name not in names_in(target):
            return
        match over:
            case ast.Tuple(elts=rows) | ast.List(elts=rows):
                for row in rows:
                    yield from self.unpacked(target, row, name)
            case ast.Call(func=ast.Attribute(value=table, attr="items" | "values")):
                yield table
            case _:
                yield ast.Name(id="")


def is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def names_in(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def markdown_in(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that Streamlit reads as Markdown."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="self")):
            return
        case ast.Attribute(attr=name):
            pass
        case _:
            return
    if name.endswith("Column"):
        yield from (k.value for k in call.keywords if k.arg == "help")
        return
    positions = MARKDOWN.get(name)
    if positions is None:
        if name == "image":
            yield from (k.value for k in call.keywords if k.arg == "caption")
        return
    is_input = name in ("text_input", "text_area", "number_input", "slider")
    yield from (call.args[i] for i in positions if i < len(call.args))
    for keyword in call.keywords:
        options = keyword.arg == "format_func" and name in (
            *("pills", "segmented_control", "radio", "select_slider"),
        )
        named = keyword.arg in NAMES and not (keyword.arg == "value" and is_input)
        if named or options:
            yield keyword.value


def raw_markdown(source: str, path: str = "") -> list[str]:
    """Arguments of Markdown that may hold what was stored or typed."""
    module = ast.parse(source)
    text, found = Text(module, path), []

    def visit(node: ast.AST, scope: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef):
            scope = node
        if isinstance(node, ast.Call):
            for argument in markdown_in(node):
                if not text.is_plain(argument, scope):
                    found.append(f"{path}:{argument.lineno}: {ast.unparse(argument)}")
        for child in ast.iter_child_nodes(node):
            visit(child, scope)

    visit(module, module)
    return found


# Streamlit gives the labels of these to screen readers as they are, with all signs of
# Markdown: a stored text goes beside them.
READ_OUT = {
    *("checkbox", "toggle", "slider", "select_slider", "text_input", "text_area"),
    *("number_input", "selectbox", "multiselect", "radio", "pills"),
    *("segmented_control", "file_uploader", "date_input", "time_input"),
}
SIGNS = re.compile(r"[*`\[\]\\\\]|:material/")


def marked_labels(source: str) -> list[str]:
    """The labels that would be read out with signs of Markdown."""
    return [
        ast.unparse(call.args[0])
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and call.args
        if isinstance(call.func, ast.Attribute) and call.func.attr in READ_OUT
        for part in ast.walk(call.args[0])
        if (isinstance(part, ast.Name) and part.id == "as_text")
        or (
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and SIGNS.search(part.value)
        )
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_label_is_read_out_with_signs_of_markdown(path):
    assert marked_labels(path.read_text("utf-8")) == []


def test_labels_with_signs_of_markdown_are_found():
    assert marked_labels("st.checkbox(f'Of {as_text(name)}')\nst.toggle('*x*')") == [
        "f'Of {as_text(name)}'",
        "'*x*'",
    ]
    assert marked_labels("c.slider(_('[x](y)'))\nst.button(as_text(x))") == [
        "_('[x](y)')"
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_only_words_of_the_program_are_markdown(path):
    name = path.relative_to(ROOT).as_posix()
    assert raw_markdown(path.read_text("utf-8"), name) == []


@pytest.mark.parametrize(
    "code",
    [
        "def f(photo): st.markdown(photo.name)",
        "def f(photo): st.caption(f'of {photo.name}')",
        "def f(name):\n text = 'x'\n text += name\n st.error(text)",
        "def f(name): st.button('x', help=name)",
        "def f(names): st.markdown(', '.join(names))",
        "def f(names): st.markdown(', '.join(f'{n}' for n in names))",
        "def f(n): st.pills('x', [1], format_func=lambda i: n[i])",
        "def f(n):\n for one in n: st.toast(one)",
        "def f(n): st.progress(0.5, 'a' if n else n)",
        "def f(n): st.image(n, caption=n)",
        "def f(n): cells[0].metric('x', n)",
        "def f(n): st.column_config.TextColumn(help=n)",
        "def f(n): st.markdown((n or 'x').upper())",
        "def f(n): st.caption(_hint(n))\ndef _hint(n):\n return n.text",
        "def f(n):\n for label, key in n.items(): st.button(label)",
        "def f(n): st.markdown(n * 3)",
        "def f(n): st.markdown(_('of {name}').format(name=n))",
        "def f(n): st.markdown(_(n))",
        "def f(n): st.markdown(ngettext('x', n, 3))",
    ],
)
def test_stored_text_is_found(code):
    assert len(raw_markdown(code)) == 1


@pytest.mark.parametrize(
    "code",
    [
        "st.markdown('**x**')",
        "def f(n): st.markdown(_('of {name}').format(name=as_text(n)))",
        "def f(n): st.markdown(ngettext('{c} x', '{c} y', n).format(c=len(n)))",
        "def f(photo): st.markdown(f'**{as_text(photo.name)}**')",
        "def f(n): st.markdown(f'{n:,} photos{\"s\" * (n != 1)}')",
        "def f(n):\n text = 'x'\n text += as_text(n)\n st.error(text)",
        "def f(names): st.markdown(', '.join(as_text(n) for n in names))",
        "def f(n): st.text(n)",
        "def f(n): st.caption(_hint(n))\ndef _hint(n):\n return 'a' if n else 'b'",
        "def f(i): st.button(f'Face {i + 1}')",
        "def f(n): st.text_input('x', value=n)",
        "def f(n): st.selectbox('x', n, format_func=lambda i: n[i])",
        "def f():\n for label, key in (('a', 1), ('b', 2)): st.button(label)",
        "def f():\n for key, title in TITLES.items(): st.button(title.capitalize())",
    ],
)
def test_words_of_the_program_and_escaped_text_are_left_alone(code):
    assert raw_markdown(code) == []
