"""Figures of trainings: curves over epochs, reliability, legibility."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from coin_core.training.error_analysis import Bin
from ui.palette import BRONZE, INK, INK_SOFT, MUTED, PAPER_DEEP

CONFIG = {"displayModeBar": False, "scrollZoom": False}
# Apart in lightness too; more runs than this are hard to tell apart in any colours.
RUN_COLOURS = ("#3f7468", "#d09a3c", "#8c3f26", "#5b6b8c", "#7a6a9c", "#9c9a4a")
Line = Sequence[tuple[int, float]]


def _laid_out(figure: go.Figure, height_px: int, *, x: str, y: str) -> go.Figure:
    figure.update_layout(
        height=height_px,
        margin={"l": 8, "r": 12, "t": 34, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "size": 13},
        hoverlabel={"bgcolor": "white", "font": {"color": INK}},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        dragmode=False,
    )
    axis = {"gridcolor": PAPER_DEEP, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(title={"text": x, "standoff": 6}, **axis)
    figure.update_yaxes(title={"text": y, "standoff": 6}, automargin=True, **axis)
    return figure


def _over_epochs(figure: go.Figure, height_px: int, *, y: str) -> go.Figure:
    """Laid out with whole epochs on the axis."""
    last = max((max(line.x, default=1) for line in figure.data), default=1)
    figure.update_xaxes(tick0=1, dtick=max(1, -(-last // 8)))
    return _laid_out(figure, height_px, x="epoch", y=y)


def loss_curves(
    train: Mapping[str, Line],
    valid: Mapping[str, Line],
    marked: Mapping[str, int] | None = None,
) -> go.Figure:
    """Loss over epochs: learning dotted, validation solid, a ring where it was best.

    Args:
        train: (epoch, loss) by fold or by run.
        valid: The same on validation coins.
        marked: The epoch that was kept, by the same names.
    """
    figure = go.Figure()
    names = list(dict.fromkeys([*valid, *train]))
    for i, name in enumerate(names):
        colour = RUN_COLOURS[i % len(RUN_COLOURS)]
        for lines, dash, what in (
            (train, "dot", "learning"),
            (valid, "solid", "validation"),
        ):
            if name not in lines:
                continue
            figure.add_scatter(
                x=[epoch for epoch, _ in lines[name]],
                y=[value for _, value in lines[name]],
                mode="lines+markers" if len(lines[name]) < 3 else "lines",
                name=name,
                legendgroup=name,
                # Once in the legend, by the validation line where there is one.
                showlegend=len(names) > 1 and (lines is valid or name not in valid),
                line={"color": colour, "dash": dash, "width": 2},
                hovertemplate=f"{name}, {what}: %{{y:.3f}} after epoch %{{x}}"
                "<extra></extra>",
            )
        kept = dict(valid.get(name, ())).get((marked or {}).get(name, -1))
        if kept is not None:
            figure.add_scatter(
                x=[(marked or {})[name]],
                y=[kept],
                mode="markers",
                showlegend=False,
                marker={
                    "size": 11,
                    "color": "white",
                    "line": {"color": colour, "width": 2.5},
                },
                hovertemplate=f"{name}: kept, %{{y:.3f}}<extra></extra>",
            )
    return _over_epochs(figure, 320, y="loss")


def share_curves(lines: Mapping[str, Line]) -> go.Figure:
    """Share of the validation coins that were right, over epochs."""
    figure = _plain_lines(lines, "%{y:.1%}")
    figure.update_yaxes(tickformat=".0%", range=[0, 1.03])
    return _over_epochs(figure, 320, y="right, validation coins")


def rate_curves(lines: Mapping[str, Line]) -> go.Figure:
    """The learning rate over epochs."""
    figure = _plain_lines(lines, "%{y:.2g}")
    figure.update_yaxes(tickformat=".0e", rangemode="tozero")
    return _over_epochs(figure, 220, y="learning rate")


def _plain_lines(lines: Mapping[str, Line], shown: str) -> go.Figure:
    figure = go.Figure()
    for i, (name, line) in enumerate(lines.items()):
        figure.add_scatter(
            x=[epoch for epoch, _ in line],
            y=[value for _, value in line],
            mode="lines+markers" if len(line) < 3 else "lines",
            name=name,
            showlegend=len(lines) > 1,
            line={"color": RUN_COLOURS[i % len(RUN_COLOURS)], "width": 2},
            hovertemplate=f"{name}: {shown} after epoch %{{x}}<extra></extra>",
        )
    return figure


def reliability_chart(bins: Sequence[Bin]) -> go.Figure:
    """Of the photos shown as so probable, how many were right; with intervals."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        showlegend=False,
        hoverinfo="skip",
        line={"color": MUTED, "dash": "dot"},
    )
    figure.add_annotation(
        x=0.2,
        y=0.2,
        text="as often right as it says",
        textangle=-26,
        showarrow=False,
        yshift=12,
        font={"color": INK_SOFT, "size": 12},
    )
    _add_bins(figure, bins)
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%")
    figure = _laid_out(figure, 360, x="probability it gave", y="share right")
    return figure.update_layout(showlegend=False)


def legibility_chart(bins: Sequence[Bin]) -> go.Figure:
    """Share right by the legible share of the name; with intervals."""
    figure = go.Figure()
    _add_bins(figure, bins)
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%")
    figure = _laid_out(
        figure, 300, x="letters of the name that are legible", y="share right"
    )
    return figure.update_layout(showlegend=False)


def _add_bins(figure: go.Figure, bins: Sequence[Bin]) -> None:
    shares = [one.right.value or 0.0 for one in bins]
    figure.add_scatter(
        x=[one.mean for one in bins],
        y=shares,
        mode="markers+lines",
        line={"color": BRONZE, "width": 1.5},
        marker={"size": 9, "color": BRONZE},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [b.right.high - s for b, s in zip(bins, shares, strict=True)],
            "arrayminus": [s - b.right.low for b, s in zip(bins, shares, strict=True)],
            "color": MUTED,
            "thickness": 1.5,
        },
        customdata=[(one.right.right, one.right.n) for one in bins],
        hovertemplate="%{customdata[0]} of %{customdata[1]} right"
        " (%{y:.0%})<extra></extra>",
    )
