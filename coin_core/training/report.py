"""A run as one HTML file that opens offline: for the archive, or to print."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from coin_core.i18n import N_, _, current_language, text_direction, translate
from coin_core.results import class_title, stated
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
from coin_core.training.run_comparison import (
    RunSummary,
    curve_points,
    record_of_reading,
    record_of_tests,
)
from coin_core.training.runs import Row, Run, now

COLOURS = ("#3f7468", "#d09a3c", "#8c3f26", "#5b6b8c", "#7a6a9c", "#9c9a4a")
_CURVES = {
    "train_loss": N_("loss, training coins"),
    "valid_loss": N_("loss, validation coins"),
    "valid_accuracy": N_("right, validation coins"),
    "rate": N_("learning rate"),
}
_STYLE = """
body { font: 15px/1.5 Georgia, serif; color: #2e2620; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; margin-bottom: 1rem; }
td, th { padding: .25rem 0;
  padding-inline-end: .8rem; text-align: start; vertical-align: top;
  border-bottom: 1px solid #ece3d2; overflow-wrap: anywhere; }
.soft { color: #60564b; font-size: .9rem; }
.photos { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); }
.photos div { overflow-wrap: anywhere; }
.photos img { width: 100%; border-radius: 4px; }
@media print { h2 { break-after: avoid; } .photos div { break-inside: avoid; } }
"""


class Curve(NamedTuple):
    """One line of a chart: its name, its (epoch, value) points, colour and dash."""

    name: str
    points: Sequence[tuple[int, float]]
    colour: str
    dash: str = "solid"


def curve_charts(
    charts: Mapping[str, Sequence[Curve]], *, across: int, shared: bool = False
) -> go.Figure:
    """Small charts of values over epochs; a curve name is once in the legend."""
    rows = max(1, -(-len(charts) // across))
    figure = make_subplots(
        rows=rows,
        cols=across,
        subplot_titles=[*charts],
        shared_xaxes="all" if shared else False,
        shared_yaxes="all" if shared else False,
        vertical_spacing=0.25 / rows,
    )
    named: set[str] = set()
    for place, curves in enumerate(charts.values()):
        for curve in curves:
            figure.add_scatter(
                x=[epoch for epoch, _ in curve.points],
                y=[value for _, value in curve.points],
                mode="lines+markers",
                name=curve.name,
                legendgroup=curve.name,
                showlegend=curve.name not in named,
                line={"color": curve.colour, "dash": curve.dash},
                marker={"size": 4},
                row=place // across + 1,
                col=place % across + 1,
            )
            named.add(curve.name)
    figure.update_layout(
        template="simple_white",
        height=80 + 240 * rows,
        font={"family": "Georgia, serif", "color": "#2e2620"},
        margin={"l": 40, "r": 10, "t": 40, "b": 40},
        legend={"orientation": "h", "y": -0.12},
    )
    return figure.update_yaxes(rangemode="tozero").update_annotations(font_size=12)


def html_report(run: Run, summary: RunSummary) -> str:
    """Everything the page shows of a run, as one HTML document.

    Plotly's program is part of the document, about 5 MB.
    """
    rows, config = run.predictions(), run.config()
    figures = run.report().get("report") or {}
    classes = list(figures.get("classes") or config.get("classes") or [])
    title = _("{classifier} on {data}").format(
        classifier=summary.classifier, data=summary.data
    )
    note = escape(summary.note).replace("\n", "<br>")
    about = _("Run {run}, started {time}; {state}; {machine}. Written {now}.").format(
        run=summary.run_id,
        time=summary.started,
        state=_(str(summary.state)),
        machine=summary.machine,
        now=now(),
    )
    caution = ""
    if config.get("caution"):
        words = _("Unreliable: {caution}.")
        caution = words.format(caution=translate(str(config["caution"])))
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(about)}</p>',
        f"<p>{_headline(summary)}</p>",
        f"<p>{escape(record_of_tests(run)[0])}</p>" if summary.accuracy else "",
        f"<p>{escape(record_of_reading(run))}</p>",
        f"<p><b>{escape(caution)}</b></p>" if caution else "",
        f"<p><b>{escape(translate(summary.few))}</b></p>" if summary.few else "",
        f"<h2>{escape(_('Notes'))}</h2><p>{note}</p>" if note else "",
        _curves(run),
        _confusion(rows, figures, classes),
        _bins(_("Calibration"), _("confidence"), reliability(rows)),
        _bins(_("By legible letters"), _("legible"), by_legibility(rows)),
        _mistakes(rows),
        _settings(summary, config),
    ]
    language = current_language()
    return (
        f'<!doctype html><html lang="{language}" dir="{text_direction(language)}">'
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'unsafe-inline' data: blob:\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        + "\n".join(part for part in parts if part)
        + "</body></html>\n"
    )


def _percent(value: float | None, low: float, high: float) -> str:
    if value is None:
        return "–"
    span = _("{low} to {high}").format(low=f"{low:.1%}", high=f"{high:.1%}")
    return f"{value:.1%} ({span})"


def _table(rows: Sequence[Any], names: list[str] | None = None) -> str:
    """Rows as an HTML table; `names` are those of rows and columns of a matrix."""
    frame = pd.DataFrame(rows, index=names, columns=names)
    with pd.option_context("display.max_colwidth", None):
        return str(frame.to_html(index=names is not None, border=0))


def _headline(summary: RunSummary) -> str:
    sentences = []
    if summary.accuracy:
        words = _(
            "{percent} of {count} held-out photos were right (Wilson 95 % interval)."
        ).format(percent="{percent}", count=summary.n)
        share = f"<b>{_percent(*summary.accuracy)}</b>"
        sentences.append(escape(words).replace("{percent}", share))
    if summary.valid_accuracy:
        words = _("Validation coins: {percent}.")
        sentences.append(
            escape(words.format(percent=_percent(*summary.valid_accuracy)))
        )
    if summary.best_epochs:
        epochs = ", ".join(map(str, summary.best_epochs))
        words = _("Epoch kept in each fold: {epochs}.")
        sentences.append(escape(words.format(epochs=epochs)))
    if summary.seconds:
        words = _("Training took {count} minutes.")
        sentences.append(escape(words.format(count=f"{summary.seconds / 60:.1f}")))
    return " ".join(sentences)


def _curves(run: Run) -> str:
    log = run.rows()
    charts = {}
    for name, title in _CURVES.items():
        if lines := curve_points(log, name):
            charts[_(title)] = [
                Curve(
                    _("fold {number}").format(number=int(fold) + 1)
                    if fold.isdigit()
                    else _("all coins"),
                    points,
                    COLOURS[place % len(COLOURS)],
                )
                for place, (fold, points) in enumerate(lines.items())
            ]
    if not charts:
        return ""
    figure = curve_charts(charts, across=2)
    heading = f"<h2>{escape(_('Curves over epochs'))}</h2>"
    return f'{heading}<div dir="ltr">{figure.to_html(full_html=False)}</div>'


def _confusion(rows: Sequence[Row], figures: Row, classes: Sequence[str]) -> str:
    counts = confusion_of(rows, classes) if rows else figures.get("confusion")
    if not counts or not classes:
        return ""
    titles = [class_title(name) for name in classes]
    per_class = [
        {
            "": class_title(one.label),
            _("recall"): _percent(one.recall.value, one.recall.low, one.recall.high),
            _("precision"): _percent(
                one.precision.value, one.precision.low, one.precision.high
            ),
            _("photos"): one.recall.n,
        }
        for one in class_figures(counts, classes)
    ]
    words = _("Rows are the true classes, columns the predicted ones.")
    return (
        f"<h2>{escape(_('Confusion matrix'))}</h2>"
        f'<p class="soft">{escape(words)}</p>'
        f"{_table(counts, titles)}{_table(per_class)}"
    )


def _bins(title: str, column: str, bins: Sequence[Bin]) -> str:
    rows = [
        {
            column: _("{low} to {high}").format(
                low=f"{one.low:.0%}", high=f"{one.high:.0%}"
            ),
            _("right"): _percent(one.right.value, one.right.low, one.right.high),
            _("photos"): one.right.n,
        }
        for one in bins
    ]
    return f"<h2>{escape(title)}</h2>{_table(rows)}" if rows else ""


def _mistakes(rows: Sequence[Row]) -> str:
    cards = "".join(
        f"<div>{_picture(row)}<br>{escape(_mistake(row))}<br>"
        f'<span class="soft"><bdi>{escape(str(row["photo"]))}</bdi></span></div>'
        for row in confident_mistakes(rows)
    )
    if not cards:
        return ""
    heading = escape(_("Most confident mistakes"))
    return f'<h2>{heading}</h2><div class="photos">{cards}</div>'


def _mistake(row: Row) -> str:
    return _("is {label}; predicted {answer}, {percent}").format(
        label=class_title(str(row["label"])),
        answer=class_title(answer_of(row)),
        percent=f"{stated(confidence_of(row)):.0%}",
    )


def _picture(row: Row) -> str:
    try:
        data = picture_path(str(row["picture"])).read_bytes()
    except (OSError, KeyError):
        return f'<span class="soft">{escape(_("picture no longer kept"))}</span>'
    code = base64.b64encode(data).decode()
    return f'<img alt="" src="data:image/jpeg;base64,{code}">'


def _settings(summary: RunSummary, config: Row) -> str:
    values = {**summary.settings, "command": config.get("command", "")}
    values |= {f"coins: {k}": v for k, v in config.get("coins_per_class", {}).items()}
    values |= {f"version: {k}": v for k, v in config.get("versions", {}).items()}
    rows = [
        {_("setting"): name, _("value"): str(value)}
        for name, value in values.items()
        if value not in (None, "")
    ]
    return f"<h2>{escape(_('Settings'))}</h2>{_table(rows)}"
