"""Plotly figures from plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from ui.palette import INK, INK_SOFT, MUTED, PAPER_DEEP

# The charts are for reading, not for operating.
CONFIG = {"displayModeBar": False, "staticPlot": False, "scrollZoom": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One class in a bar chart; `probability` from 0 to 1."""

    label: str
    probability: float
    colour: str


def percent(share: float) -> str:
    """A share of 1 as whole per cent, e.g. "91 %"."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def probability_text(share: float) -> str:
    """A probability as whole per cent, never quite none and never quite all.

    The classifiers were not measured finely enough for either.
    """
    return (
        "<\N{NO-BREAK SPACE}1\N{NO-BREAK SPACE}%"
        if share < 0.005
        else percent(min(share, 0.99))
    )


def _laid_out(figure: go.Figure, height_px: int) -> go.Figure:
    figure.update_layout(
        height=height_px,
        margin={"l": 8, "r": 24, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "size": 14},
        hoverlabel={"bgcolor": "white", "font": {"color": INK}},
        dragmode=False,
    )
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True, automargin=True)
    return figure


def probability_bars(
    bars: Sequence[Bar],
    *,
    answered: bool,
    threshold: float | None,
    note: str,
) -> go.Figure:
    """Horizontal bars of the probabilities, with the line below which nothing is said.

    Args:
        bars: The classes in the order they are shown, top first.
        answered: Whether the verdict names a ruler; else the bars are pale.
        threshold: The measured "cannot tell" line from 0 to 1, if there is one.
        note: What the probabilities were calibrated on, for the hover text.
    """
    best = max((bar.probability for bar in bars), default=0.0)
    figure = go.Figure(
        go.Bar(
            orientation="h",
            x=[bar.probability for bar in bars],
            y=[bar.label for bar in bars],
            marker={
                "color": [
                    bar.colour if answered and bar.probability == best else MUTED
                    for bar in bars
                ]
            },
            text=[probability_text(bar.probability) for bar in bars],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1%}<br>" + note + "<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 1.12], visible=False)
    figure.update_yaxes(autorange="reversed", ticks="", ticksuffix="  ", title=None)
    if threshold is not None and threshold > 0:
        figure.add_vline(x=threshold, line={"color": INK_SOFT, "dash": "dot"})
        figure.add_annotation(
            x=threshold,
            y=1,
            yref="paper",
            yanchor="bottom",
            xanchor="right" if threshold > 0.6 else "center",  # a phone is narrow
            text=f"cannot tell below {percent(threshold)}",
            showarrow=False,
            font={"size": 12, "color": INK_SOFT},
        )
    figure = _laid_out(figure, 46 * max(len(bars), 2) + 44)
    return figure.update_layout(margin={"t": 30}, bargap=0.35)


def comparison_bars(
    rows: Mapping[str, Sequence[Bar]], *, refused: Mapping[str, str]
) -> go.Figure:
    """One stacked bar for each classifier, so that agreement is seen at a glance.

    Args:
        rows: The classifiers' titles in order, each with its classes.
        refused: Titles of those that cannot tell, with the reason; drawn pale.
    """
    figure = go.Figure()
    titles = list(rows)
    classes = [(bar.label, bar.colour) for bar in next(iter(rows.values()), ())]
    for i, (label, colour) in enumerate(classes):
        shares = [rows[title][i].probability for title in titles]
        figure.add_bar(
            name=label,
            orientation="h",
            y=titles,
            x=shares,
            marker={
                "color": colour,
                "opacity": [0.32 if title in refused else 1.0 for title in titles],
                "line": {"color": PAPER_DEEP, "width": 1},
            },
            text=[probability_text(share) if share >= 0.12 else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={
                "color": [INK if title in refused else "white" for title in titles]
            },
            textangle=0,
            customdata=[refused.get(title, "") for title in titles],
            hovertemplate=f"%{{y}}: {label} %{{x:.1%}} %{{customdata}}<extra></extra>",
        )
    figure.update_xaxes(range=[0, 1], visible=False)
    figure.update_yaxes(autorange="reversed", ticks="", ticksuffix="  ", title=None)
    figure = _laid_out(figure, 38 * max(len(titles), 2) + 24)
    return figure.update_layout(barmode="stack", bargap=0.3, showlegend=False)
