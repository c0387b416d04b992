"""A run as one HTML file that needs nothing else: for the archive, or to print.

The charts are drawn as SVG inside the page, the photos stand in it as data.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from coin_core.results import class_title
from coin_core.training.error_analysis import (
    Bin,
    answer_of,
    by_legibility,
    class_figures,
    confidence_of,
    confident_mistakes,
    confusion_of,
    reliability,
)
from coin_core.training.prediction_store import picture_path
from coin_core.training.run_comparison import RunSummary, curve_points, record_of_tests
from coin_core.training.runs import Row, Run, now

_COLOURS = ("#3f7468", "#d09a3c", "#8c3f26", "#5b6b8c", "#7a6a9c", "#9c9a4a")
_WIDTH, _HEIGHT = 450.0, 270.0  # two side by side
_LEFT, _BOTTOM, _TOP, _RIGHT = 64.0, 56.0, 12.0, 12.0
Line = Sequence[tuple[float, float]]

_STYLE = """
body { font: 15px/1.5 Georgia, serif; color: #2e2620; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; }
td, th { padding: .25rem .8rem .25rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #ece3d2; overflow-wrap: anywhere; }
td.n { text-align: right; } .soft { color: #6f6357; font-size: .9rem; }
.photos { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); }
.photos div { overflow-wrap: anywhere; }
.photos img { width: 100%; border-radius: 4px; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
svg text { font: 12px Georgia, serif; fill: #6f6357; }
@media print { h2 { break-after: avoid; } .photos div, svg { break-inside: avoid; } }
"""


def html_report(run: Run, summary: RunSummary) -> str:
    """Everything the page shows of a run, as one HTML document."""
    report, rows, config = run.report(), run.predictions(), run.config()
    figures = report.get("report") or {}
    classes = list(figures.get("classes") or config.get("classes") or [])
    title = f"{summary.classifier} on {summary.data}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">Run {escape(summary.run_id)}, begun '
        f"{escape(summary.started)}; {escape(str(summary.state))}; "
        f"{escape(summary.machine)}. Written {now()}.</p>",
        _headline(summary),
        f"<p>{escape(record_of_tests(run)[0])}</p>" if summary.accuracy else "",
        _caution(config),
        f"<p><b>{escape(summary.few)}</b></p>" if summary.few else "",
        f"<h2>Notes</h2><p>{_lines(summary.note)}</p>" if summary.note else "",
        _curves(run),
        _confusion(rows, figures, classes),
        _calibration(rows),
        _mistakes(rows),
        _settings(summary, config),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        + "\n".join(part for part in parts if part)
        + "</body></html>\n"
    )


def _caution(config: Row) -> str:
    if not (told := config.get("caution")):
        return ""
    return f"<p><b>Not to be taken at its word: {escape(str(told))}.</b></p>"


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _share(figures: tuple[float, float, float]) -> str:
    value, low, high = figures
    return f"{value:.1%} ({low:.1%} to {high:.1%})"


def _headline(summary: RunSummary) -> str:
    told = []
    if summary.accuracy:
        told.append(
            f"<b>{_share(summary.accuracy)}</b> of {summary.n} held-out photos were "
            "right (Wilson's 95 % interval)."
        )
    if summary.valid_accuracy:
        told.append(f"Validation coins: {_share(summary.valid_accuracy)}.")
    if summary.best_epochs:
        epochs = ", ".join(map(str, summary.best_epochs))
        told.append(f"Epoch kept in each fold: {epochs}.")
    if summary.seconds:
        told.append(f"Training took {summary.seconds / 60:.1f} minutes.")
    return f"<p>{' '.join(told)}</p>" if told else ""


def _curves(run: Run) -> str:
    log = run.rows()
    charts = [
        _line_chart(curve_points(log, name), title, as_share=name == "valid_accuracy")
        for name, title in (
            ("train_loss", "loss, coins it learnt from"),
            ("valid_loss", "loss, validation coins"),
            ("valid_accuracy", "right, validation coins"),
            ("rate", "learning rate"),
        )
        if curve_points(log, name)
    ]
    if not charts:
        return ""
    return f'<h2>Curves over epochs</h2><div class="charts">{"".join(charts)}</div>'


def _confusion(rows: Sequence[Row], figures: Row, classes: Sequence[str]) -> str:
    counts = confusion_of(rows, classes) if rows else figures.get("confusion")
    if not counts or not classes:
        return ""
    head = "".join(f"<th>{escape(class_title(name))}</th>" for name in classes)
    lines = "".join(
        f"<tr><th>{escape(class_title(name))}</th>"
        + "".join(f'<td class="n">{count}</td>' for count in line)
        + "</tr>"
        for name, line in zip(classes, counts, strict=True)
    )
    told = "".join(
        f"<tr><td>{escape(class_title(one.label))}</td>"
        + "".join(
            "<td>–</td>"
            if part.value is None
            else f"<td>{_share((part.value, part.low, part.high))}</td>"
            for part in (one.recall, one.precision)
        )
        + f'<td class="n">{one.recall.n}</td></tr>'
        for one in class_figures(counts, classes)
    )
    return (
        "<h2>Who was taken for whom</h2><p class='soft'>Rows are what the coins are, "
        f"columns what they were taken for.</p><table><tr><th></th>{head}</tr>{lines}"
        "</table><p></p><table><tr><th></th><th>found (recall)</th><th>rightly so "
        f"called (precision)</th><th>photos</th></tr>{told}</table>"
    )


def _calibration(rows: Sequence[Row]) -> str:
    parts = [
        f"<h2>{title}</h2><table><tr><th>{what}</th><th>right</th><th>photos</th></tr>"
        + "".join(_bin_row(one) for one in bins)
        + "</table>"
        for title, what, bins in (
            ("Is it as sure as it is right", "it gave", reliability(rows)),
            ("By legible letters", "legible", by_legibility(rows)),
        )
        if bins
    ]
    return "".join(parts)


def _bin_row(one: Bin) -> str:
    value = one.right.value or 0.0
    return (
        f"<tr><td>{one.low:.0%} to {one.high:.0%}</td>"
        f"<td>{_share((value, one.right.low, one.right.high))}</td>"
        f'<td class="n">{one.right.n}</td></tr>'
    )


def _mistakes(rows: Sequence[Row]) -> str:
    wrong = confident_mistakes(rows)
    if not wrong:
        return ""
    cards = "".join(
        f"<div>{_picture(row)}<br>is {escape(class_title(str(row['label'])))}<br>taken "
        f"for {escape(class_title(answer_of(row)))}, {confidence_of(row):.0%}<br>"
        f'<span class="soft">{escape(str(row["photo"]))}</span></div>'
        for row in wrong
    )
    return f'<h2>Most confident mistakes</h2><div class="photos">{cards}</div>'


def _picture(row: Row) -> str:
    try:
        data = picture_path(str(row["picture"])).read_bytes()
    except (OSError, KeyError):
        return '<span class="soft">picture no longer kept</span>'
    code = base64.b64encode(data).decode()
    return f'<img alt="" src="data:image/jpeg;base64,{code}">'


def _settings(summary: RunSummary, config: Row) -> str:
    values = {**summary.settings, "command": config.get("command", "")}
    values |= {f"coins: {k}": v for k, v in config.get("coins_per_class", {}).items()}
    values |= {f"version: {k}": v for k, v in config.get("versions", {}).items()}
    lines = "".join(
        f"<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>"
        for name, value in values.items()
        if value not in (None, "")
    )
    return f"<h2>Settings</h2><table>{lines}</table>"


def _line_chart(lines: Mapping[str, Line], title: str, *, as_share: bool) -> str:
    """Lines over epochs as SVG."""
    points = [point for line in lines.values() for point in line]
    last = max(2.0, *(x for x, _ in points))
    top = 1.0 if as_share else max(y for _, y in points) * 1.05 or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - 1) / (last - 1) * (_WIDTH - _LEFT - _RIGHT)
        return _LEFT + across, _HEIGHT - _BOTTOM - y / top * (_HEIGHT - _BOTTOM - _TOP)

    drawn = []
    for i in range(5):
        value = top * i / 4
        _, y = place(1, value)
        told = f"{value:.0%}" if as_share else f"{value:.2g}"
        drawn.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="#ece3d2"/><text x="{_LEFT - 6}" y="{y + 4:.1f}" '
            f'text-anchor="end">{told}</text>'
        )
    named = []
    for i, (name, line) in enumerate(lines.items()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in line))
        told = f"fold {int(name) + 1}" if name.isdigit() else "all coins"
        colour = _COLOURS[i % len(_COLOURS)]
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke-width="2" '
            f'stroke="{colour}"/>'
        )
        named.append(f'<tspan style="fill: {colour}">{told}</tspan>')
    drawn.append(
        f'<text x="{_LEFT}" y="{_HEIGHT - 38}">1</text><text x="{_WIDTH - _RIGHT}" '
        f'y="{_HEIGHT - 38}" text-anchor="end">epoch {last:g}</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 21}">{escape(title)}</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 4}">{" · ".join(named)}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:g}" '
        f'height="{_HEIGHT:g}" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" '
        f'aria-label="{escape(title)}">{"".join(drawn)}</svg>'
    )
