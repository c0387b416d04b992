"""The charts of the pages, as Plotly figures in one theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import streamlit as st

from coin_core.i18n import _, is_right_to_left
from ui.formatting import percent, probability_text
from ui.palette import (
    BRONZE,
    CLASS_COLOURS,
    INK,
    INK_SOFT,
    MUTED,
    PAPER_DEEP,
    text_on,
)

if TYPE_CHECKING:
    from coin_core.training.error_analysis import Bin

# More lines than this cannot be told apart.
LINE_COLOURS = CLASS_COLOURS[:6]
_LEAST_PX = 11  # of figures in bars; smaller ones are left out
Line = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One class in a bar chart; `probability` from 0 to 1."""

    label: str
    probability: float
    colour: str


def chart_text(text: str) -> str:
    """A text that Plotly shows letter by letter: it reads HTML and "%{…}"."""
    return escape(text, quote=False).replace("%{", "%\u2060{")


def show_chart(figure: go.Figure, *, key: str) -> None:
    """Show a figure without Plotly's tool bar and without zooming."""
    config = {"displayModeBar": False, "scrollZoom": False}
    st.plotly_chart(figure, config=config, theme=None, key=key)


def _theme(height_px: int) -> dict[str, Any]:
    return {
        "height": height_px,
        "margin": {"l": 8, "r": 24, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": INK, "size": 14, "family": '"Source Sans", sans-serif'},
        "hoverlabel": {"bgcolor": "white", "font": {"color": INK}},
        "dragmode": False,
    }


def _apply_theme(figure: go.Figure, height_px: int, **layout: object) -> go.Figure:
    figure.update_layout(**_theme(height_px))
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True, automargin=True)
    return figure.update_layout(**layout)


def _bar_chart(
    bars: list[dict[str, Any]], height_px: int, longest: float, **layout: object
) -> go.Figure:
    """Horizontal bars, made in one step: each update of a figure takes milliseconds.

    They begin at the left, or at the right where text does.
    """
    x = {"range": [0, longest], "visible": False, "fixedrange": True}
    y: dict[str, Any] = {"autorange": "reversed", "ticks": "", "ticksuffix": "  "}
    if is_right_to_left():
        x["range"] = [longest, 0]
        y = {"autorange": "reversed", "ticks": "", "tickprefix": "  ", "side": "right"}
    y_axis: dict[str, Any] = {**y, "fixedrange": True, "automargin": True}
    return go.Figure(
        {
            "data": [{"type": "bar", "orientation": "h", **bar} for bar in bars],
            "layout": {**_theme(height_px), "xaxis": x, "yaxis": y_axis, **layout},
        }
    )


def probability_bars(
    bars: Sequence[Bar], *, answered: bool, threshold: float | None, note: str
) -> go.Figure:
    """Horizontal bars of the probabilities, with the "cannot tell" threshold.

    Args:
        bars: The classes from top to bottom.
        answered: Whether the verdict names a ruler; otherwise the bars are pale.
        threshold: The "cannot tell" threshold from 0 to 1, if there is one.
        note: What the probabilities were calibrated on, for the hover text.
    """
    best = max((bar.probability for bar in bars), default=0.0)
    colours = [
        bar.colour if answered and bar.probability == best else MUTED for bar in bars
    ]
    bar_data = {
        "x": [bar.probability for bar in bars],
        "y": [chart_text(bar.label) for bar in bars],
        "marker": {"color": colours},
        "text": [probability_text(bar.probability) for bar in bars],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{text}<br>" + note + "<extra></extra>",
    }
    limit: dict[str, Any] = {}
    if threshold is not None and threshold > 0:
        line = {"type": "line", "x0": threshold, "x1": threshold, "y0": 0, "y1": 1}
        line |= {"yref": "paper", "line": {"color": INK_SOFT, "dash": "dot"}}
        words = _("cannot tell below {threshold}").format(threshold=percent(threshold))
        text = {"x": threshold, "y": 1, "yref": "paper", "yanchor": "bottom"}
        text |= {"text": words, "showarrow": False}
        before = "left" if is_right_to_left() else "right"
        text |= {"xanchor": before if threshold > 0.6 else "center"}  # for phones
        text |= {"font": {"size": 12, "color": INK_SOFT}}
        limit = {"shapes": [line], "annotations": [text]}
    return _bar_chart(
        [bar_data],
        46 * max(len(bars), 2) + 44,
        1.12,
        margin={"l": 16, "r": 16, "t": 30, "b": 8},
        bargap=0.35,
        **limit,
    )


def comparison_bars(
    rows: Mapping[str, Sequence[Bar]], *, refused: Mapping[str, str]
) -> go.Figure:
    """One stacked bar per classifier.

    Args:
        rows: The bars of each classifier by its title, from top to bottom.
        refused: The reasons of the classifiers that cannot tell, by title; their bars
            are pale.
    """
    rows = {chart_text(title): bars for title, bars in rows.items()}
    refused = {chart_text(title): chart_text(why) for title, why in refused.items()}
    titles = list(rows)
    opacities = [0.32 if title in refused else 1.0 for title in titles]
    classes = [
        (chart_text(bar.label), bar.colour) for bar in next(iter(rows.values()), ())
    ]
    bars = []
    for i, (label, colour) in enumerate(classes):
        values = [rows[title][i].probability for title in titles]
        bars.append(
            {
                "name": label,
                "y": titles,
                "x": values,
                "marker": {
                    "color": colour,
                    "opacity": opacities,
                    "line": {"color": PAPER_DEEP, "width": 1},
                },
                "text": [probability_text(v) if v >= 0.12 else "" for v in values],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "insidetextfont": {"color": [text_on(colour, o) for o in opacities]},
                "textangle": 0,
                "customdata": [
                    f"{probability_text(value)} {refused.get(title, '')}"
                    for title, value in zip(titles, values, strict=True)
                ],
                "hovertemplate": f"%{{y}}: {label} %{{customdata}}<extra></extra>",
            }
        )
    height_px = 38 * max(len(titles), 2) + 24
    return _bar_chart(
        bars,
        height_px,
        1.0,
        barmode="stack",
        bargap=0.3,
        showlegend=False,
        uniformtext={"minsize": _LEAST_PX, "mode": "hide"},
    )


def _apply_axes_theme(
    figure: go.Figure, height_px: int, *, x: str, y: str
) -> go.Figure:
    for update, text in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        title = {"text": text, "standoff": 6, "font": {"size": 13}}
        update(title=title, gridcolor=PAPER_DEEP, zeroline=False, automargin=True)
    return _apply_theme(
        figure,
        height_px,
        margin={"l": 8, "r": 12, "t": 34, "b": 8},
        font={"size": 13},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
    )


def _over_epochs(figure: go.Figure, height_px: int, *, y: str) -> go.Figure:
    """The axes of a chart over epochs, with whole epochs as ticks."""
    last = max((max(line.x, default=1) for line in figure.data), default=1)
    figure.update_xaxes(tick0=1, dtick=max(1, -(-last // 8)))
    return _apply_axes_theme(figure, height_px, x=_("epoch"), y=y)


def _add_lines(
    figure: go.Figure,
    lines: Mapping[str, Line],
    colours: Mapping[str, str],
    *,
    dash: str = "solid",
    value: str,
    what: str = "",
    legend: Sequence[str] = (),
) -> None:
    """Add lines over epochs."""
    for name, line in lines.items():
        shown = chart_text(name)
        figure.add_scatter(
            x=[epoch for epoch, _ in line],
            y=[point for _, point in line],
            mode="lines+markers" if len(line) < 3 else "lines",
            name=shown,
            legendgroup=shown,
            showlegend=name in legend,
            line={"color": colours[name], "dash": dash, "width": 2},
            hovertemplate=f"{shown}{what}: {value}, {_('epoch')} %{{x}}<extra></extra>",
        )


def _line_colours(names: Sequence[str]) -> dict[str, str]:
    return {name: LINE_COLOURS[i % len(LINE_COLOURS)] for i, name in enumerate(names)}


def loss_curves(
    train: Mapping[str, Line],
    valid: Mapping[str, Line],
    kept: Mapping[str, int] | None = None,
) -> go.Figure:
    """Loss over epochs: training dotted, validation solid, a ring at the kept epoch."""
    figure = go.Figure()
    names = list(dict.fromkeys([*valid, *train]))
    colours = _line_colours(names)
    # Each name is once in the legend, for its validation line if there is one.
    several = names if len(names) > 1 else []
    for lines, dash, what, legend in (
        (train, "dot", ", " + _("training"), [n for n in several if n not in valid]),
        (valid, "solid", ", " + _("validation"), several),
    ):
        _add_lines(
            figure,
            lines,
            colours,
            dash=dash,
            value="%{y:.3f}",
            what=what,
            legend=legend,
        )
    for name, epoch in (kept or {}).items():
        loss = dict(valid.get(name, ())).get(epoch)
        if loss is None:
            continue
        ring = {"color": colours[name], "width": 2.5}
        figure.add_scatter(
            x=[epoch],
            y=[loss],
            mode="markers",
            showlegend=False,
            marker={"size": 11, "color": "white", "line": ring},
            hovertemplate=f"{chart_text(name)}: {_('kept')}, %{{y:.3f}}<extra></extra>",
        )
    return _over_epochs(figure, 320, y=_("loss"))


def accuracy_curves(lines: Mapping[str, Line]) -> go.Figure:
    """Accuracy on validation coins over epochs."""
    figure = _single_lines(lines, "%{y:.1%}")
    figure.update_yaxes(tickformat=".0%", range=[0, 1.03])
    return _over_epochs(figure, 320, y=_("right, validation coins"))


def learning_rate_curves(lines: Mapping[str, Line]) -> go.Figure:
    """The learning rate over epochs."""
    figure = _single_lines(lines, "%{y:.2g}")
    figure.update_yaxes(tickformat=".0e", rangemode="tozero")
    return _over_epochs(figure, 220, y=_("learning rate"))


def _single_lines(lines: Mapping[str, Line], value: str) -> go.Figure:
    figure, names = go.Figure(), list(lines)
    legend = names if len(names) > 1 else []
    _add_lines(figure, lines, _line_colours(names), value=value, legend=legend)
    return figure


def reliability_chart(bins: Sequence[Bin]) -> go.Figure:
    """The reliability diagram: accuracy over the stated probability, with intervals."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        hoverinfo="skip",
        line={"color": MUTED, "dash": "dot"},
    )
    figure.add_annotation(
        x=0.2,
        y=0.2,
        text=_("perfect calibration"),
        textangle=-26,
        showarrow=False,
        yshift=12,
        font={"color": INK_SOFT, "size": 12},
    )
    return _accuracy_in_bins(figure, bins, 360, x=_("stated probability"))


def legibility_chart(bins: Sequence[Bin]) -> go.Figure:
    """Accuracy over the legible fraction of the name, with intervals."""
    x = _("legible letters of the name")
    return _accuracy_in_bins(go.Figure(), bins, 300, x=x)


def _accuracy_in_bins(
    figure: go.Figure, bins: Sequence[Bin], height_px: int, *, x: str
) -> go.Figure:
    accuracies = [one.right.value or 0.0 for one in bins]
    figure.add_scatter(
        x=[one.mean for one in bins],
        y=accuracies,
        mode="markers+lines",
        line={"color": BRONZE, "width": 1.5},
        marker={"size": 9, "color": BRONZE},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [one.right.high - a for one, a in zip(bins, accuracies)],
            "arrayminus": [a - one.right.low for one, a in zip(bins, accuracies)],
            "color": MUTED,
            "thickness": 1.5,
        },
        customdata=[(one.right.right, one.right.n) for one in bins],
        hovertemplate=_("{right} of {count} right ({share})").format(
            right="%{customdata[0]}", count="%{customdata[1]}", share="%{y:.0%}"
        )
        + "<extra></extra>",
    )
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%")
    figure = _apply_axes_theme(figure, height_px, x=x, y=_("share right"))
    return figure.update_layout(showlegend=False)
