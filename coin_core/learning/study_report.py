"""What a study came to: a table in Markdown and a figure in SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from coin_core.learning.comparing import mean_curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an experiment came to here; `right` is a share with its interval.

    The losses are means over the folds at the epochs that were kept, None for
    classifiers that do not learn in epochs.
    """

    key: str
    title: str
    reported: str
    run_id: str
    n: int
    right: tuple[float, float, float]
    train_loss: float | None
    valid_loss: float | None
    seconds: float
    stopped: bool = False


def study_table(outcomes: Iterable[Outcome], about: str) -> str:
    """The table as Markdown, with what the first project reported beside it."""
    lines = [
        f"Measured here on {about}. **The first project had other photos of other "
        "coins, and measured on one split:** its column shows what it reported, not "
        "what these photos would have given it.",
        "",
        "| experiment | right here (95 % interval) | loss, learning | loss, validation "
        "| minutes | reported by the first project |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in outcomes:
        value, low, high = one.right
        losses = " | ".join(
            "–" if loss is None else f"{loss:.2f}"
            for loss in (one.train_loss, one.valid_loss)
        )
        lines.append(
            f"| {one.title}{' (stopped early)' if one.stopped else ''} "
            f"| {100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f}) | {losses} "
            f"| {one.seconds / 60:.1f} | {one.reported or '–'} |"
        )
    return "\n".join(lines) + "\n"


def loss_lines(
    outcomes: Iterable[Outcome],
) -> dict[str, tuple[list[tuple[int, float]], list[tuple[int, float]]]]:
    """Per experiment its mean learning and validation loss over epochs."""
    from coin_core.errors import CoinError
    from coin_core.learning.history import find_run

    found = {}
    for one in outcomes:
        try:
            rows = find_run(one.run_id).rows()
        except CoinError:  # the run was deleted since
            continue
        train, valid = mean_curve(rows, "train_loss"), mean_curve(rows, "valid_loss")
        if train:
            found[one.title] = (train, valid)
    return found


def study_figure(
    curves: Mapping[str, tuple[list[tuple[int, float]], list[tuple[int, float]]]],
) -> str:
    """Small charts on common axes, as SVG: learning dotted, validation solid."""
    wide, high, across = 370, 190, 3
    rows = -(-len(curves) // across)
    points = [p for pair in curves.values() for line in pair for p in line]
    last = max([2, *(epoch for epoch, _ in points)])
    top = max([1.0, *(loss for _, loss in points)])

    def path(line: list[tuple[int, float]]) -> str:
        return " ".join(
            f"{34 + (epoch - 1) / (last - 1) * (wide - 50):.1f},"
            f"{high - 24 - loss / top * (high - 60):.1f}"
            for epoch, loss in line
        )

    drawn = []
    for i, (title, (train, valid)) in enumerate(curves.items()):
        x, y = i % across * wide, i // across * high
        drawn.append(
            f'<g transform="translate({x} {y})">'
            f'<text x="8" y="16" font-size="10">{escape(title)}</text>'
            f'<path d="M34 28V{high - 24}H{wide - 14}" fill="none" stroke="#b9ab97"/>'
            f'<text x="30" y="36" text-anchor="end" font-size="10">{top:.1f}</text>'
            f'<text x="30" y="{high - 22}" text-anchor="end" font-size="10">0</text>'
            f'<text x="{wide - 14}" y="{high - 10}" text-anchor="end" font-size="10">'
            f"epoch {last}</text>"
            f'<polyline points="{path(train)}" fill="none" stroke="#d09a3c" '
            'stroke-width="2" stroke-dasharray="3 3"/>'
            f'<polyline points="{path(valid)}" fill="none" stroke="#3f7468" '
            'stroke-width="2"/></g>'
        )
    width, height = across * wide, max(1, rows) * high + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="Georgia, serif" fill="#2e2620">'
        f'<rect width="{width}" height="{height}" fill="#f7f2e8"/>{"".join(drawn)}'
        f'<text x="8" y="{height - 8}" font-size="11">Loss over epochs, mean of the '
        "folds: validation solid, learning dotted.</text></svg>\n"
    )
