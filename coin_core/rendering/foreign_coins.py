"""Coins of distant places: foreign scripts, punch marks, beasts, holes, patterns.

The other coins of `other_coins` are those that lie beside the rulers' in trays and
shops of the Levant. These are for whoever photographs something else altogether.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.engraving import (
    DieCanvas,
    DiePlacement,
    bezier,
    ellipse,
    polar,
    tapered_band,
)
from coin_core.rendering.flans import FlanShape
from coin_core.rendering.letters import LATIN, Point
from coin_core.rendering.portraits import draw_head
from coin_core.rendering.scripts import Script

_HOLED = 0.1  # of the flans
_ROUND = 0.4
_SQUARE = 0.1


def draw_die(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Engrave a random die; relief 0 (field) to 1, float32 (size_px, size_px)."""
    die = DieCanvas(size_px)
    DESIGNS[int(rng.integers(len(DESIGNS)))](die, rng)
    if rng.random() < 0.6:
        die.border(rng)
    return die.relief(float(rng.uniform(0.002, 0.006)))


def shape_flan(rng: np.random.Generator, shape: FlanShape) -> FlanShape:
    """The flan of such a coin: some are struck on round ones, some on square ones."""
    chance = rng.random()
    if chance < _ROUND:
        edges = [1.0] * len(shape.outline)
    elif chance < _ROUND + _SQUARE:
        turn, long = float(rng.normal(0, 0.1)), float(rng.uniform(0.7, 1.0))
        edges = []
        for k in range(len(shape.outline)):
            x, y = polar(1.0, turn + 2 * math.pi * k / len(shape.outline))
            edges.append(min(0.8 / max(abs(x), 1e-3), 0.8 * long / max(abs(y), 1e-3)))
        edges = [min(edge, 1.05) for edge in edges]
    else:
        return shape
    left, top, right, bottom = shape.box()
    centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
    radius = max(right - left, bottom - top) / 2
    outline = []
    for k, edge in enumerate(edges):
        x, y = polar(radius * edge, 2 * math.pi * k / len(edges))
        outline.append((centre_x + x, centre_y + y))
    return FlanShape(
        centre_x=centre_x, centre_y=centre_y, radius=radius, outline=tuple(outline)
    )


def cut_hole(
    rng: np.random.Generator, mask: NDArray[np.uint8], placement: DiePlacement
) -> NDArray[np.uint8]:
    """The mask of a flan, some with a square or round hole through the middle."""
    if rng.random() >= _HOLED:
        return mask
    half = float(rng.uniform(0.1, 0.28))
    sides = 4 if rng.random() < 0.8 else 24
    turn = math.pi / sides if sides == 4 else 0.0
    corners = [
        polar(half * (1.3 if sides == 4 else 1), turn + 2 * math.pi * k / sides)
        for k in range(sides)
    ]
    points = np.round(placement.to_px(np.array(corners)) * 16).astype(np.int32)
    out = mask.copy()
    cv2.fillPoly(out, [points[:, None]], 0, cv2.LINE_AA, 4)
    return out


def _inscription(die: DieCanvas, rng: np.random.Generator) -> None:
    """Lines of script over the whole face, sometimes in a frame."""
    script = Script(rng)
    rows = int(rng.integers(2, 6))
    half = float(rng.uniform(0.28, 0.5))
    size = 2 * half / rows / float(rng.uniform(1.1, 1.7))
    script.lines(die, rng, rows=rows, size=size, half_width=half)
    frame = rng.random()
    if frame < 0.2:
        square = [polar(half * 1.15, math.pi / 4 + k * math.pi / 2) for k in range(5)]
        die.line(square, 0.012, 210)
    elif frame < 0.4:
        die.ring((0, 0), half * 0.95, 0.012, 210)
    if frame < 0.4 and half < 0.38:
        size = float(rng.uniform(0.05, 0.08))
        script.around(
            die, rng, radius=0.42, size=size, start=0.0, sweep=float(rng.uniform(3, 6))
        )
    for _ in range(int(rng.integers(0, 4))):
        at = polar(float(rng.uniform(0, 0.4)), float(rng.uniform(0, 6.3)))
        die.pellet(at, float(rng.uniform(0.01, 0.03)))


def _four_signs(die: DieCanvas, rng: np.random.Generator) -> None:
    """One to four large signs around the middle, with a rim, as on cash."""
    script = Script(rng)
    size = float(rng.uniform(0.14, 0.26))
    away = float(rng.uniform(0.22, 0.3))
    quarters = ((0, 1, 2, 3), (0, 2), (1, 3), (0, 1, 2, 3))[int(rng.integers(4))]
    for quarter in quarters:
        at = polar(away, quarter * math.pi / 2)
        script.write(die, rng, at, 1, size, size * float(rng.uniform(0.08, 0.16)))
    if rng.random() < 0.7:
        half = float(rng.uniform(0.1, 0.16))
        die.line(
            [polar(half * 1.4, math.pi / 4 + k * math.pi / 2) for k in range(5)], 0.02
        )
    if rng.random() < 0.8:
        die.ring((0, 0), 0.44, float(rng.uniform(0.02, 0.06)), 230)


def _with_script(die: DieCanvas, rng: np.random.Generator) -> None:
    """A head, a figure, a beast or a thing, with script around or beside it."""
    chance = rng.random()
    if chance < 0.25:
        draw_head(die, rng)
    elif chance < 0.5:
        _person(die, rng)
    elif chance < 0.8:
        _beast(die, rng)
    else:
        _symbol(die, rng, (0.0, 0.0), float(rng.uniform(0.15, 0.3)))
    script = Script(rng)
    size = float(rng.uniform(0.05, 0.11))
    kind = rng.random()
    if kind < 0.5:
        script.around(
            die,
            rng,
            radius=0.43 - size / 2,
            size=size,
            start=float(rng.uniform(0, 6.3)),
            sweep=float(rng.uniform(2, 6)),
        )
    elif kind < 0.75:
        middle = float(rng.choice([-0.32, 0.32]))
        rows = int(rng.integers(1, 3))
        script.lines(die, rng, rows=rows, size=size, half_width=0.42, middle=middle)
    for _ in range(int(rng.integers(0, 4))):
        at = polar(float(rng.uniform(0.25, 0.38)), float(rng.uniform(0, 6.3)))
        _symbol(die, rng, at, float(rng.uniform(0.03, 0.08)))


def _punches(die: DieCanvas, rng: np.random.Generator) -> None:
    """Small stamps set anywhere, over each other."""
    ground = int(rng.integers(70, 150))
    die.fill([polar(0.7, k * math.pi / 2) for k in range(4)], ground)
    for _ in range(int(rng.integers(2, 9))):
        at = polar(0.4 * math.sqrt(float(rng.random())), float(rng.uniform(0, 6.3)))
        size = float(rng.uniform(0.07, 0.17))
        turn = float(rng.uniform(0, 6.3))
        sides = int(rng.choice([4, 16, 16]))
        stamp = [
            polar(size * 1.3, turn + 2 * math.pi * k / sides) for k in range(sides)
        ]
        die.fill(
            [(at[0] + x, at[1] + y) for x, y in stamp], int(rng.integers(0, ground))
        )
        _symbol(die, rng, at, size, turn)


def _pattern(die: DieCanvas, rng: np.random.Generator) -> None:
    """Dots, strokes, arcs or blobs all over, more or less in order."""
    step = float(rng.uniform(0.06, 0.16))
    kind = int(rng.integers(5))
    loose = float(rng.uniform(0, 0.4)) * step
    width = step * float(rng.uniform(0.15, 0.35))
    turn = float(rng.uniform(0, 3.2))
    for x in np.arange(-0.5, 0.5, step).tolist():
        for y in np.arange(-0.5, 0.5, step).tolist():
            if rng.random() < 0.15:
                continue
            at = (x + float(rng.normal(0, loose)), y + float(rng.normal(0, loose)))
            if kind == 0:
                die.pellet(at, width)
            elif kind == 1:
                angle = turn + float(rng.normal(0, 0.4))
                dx, dy = polar(step * 0.5, angle)
                die.line([(at[0] - dx, at[1] - dy), (at[0] + dx, at[1] + dy)], width)
            elif kind == 2:
                die.ring(at, step * 0.35, width * 0.6)
            elif kind == 3:
                dx, dy = polar(step, float(rng.uniform(0, 6.3)))
                bend = polar(step, float(rng.uniform(0, 6.3)))
                end = (at[0] + dx, at[1] + dy)
                die.line(bezier(at, (at[0] + bend[0], at[1] + bend[1]), end, 5), width)
            else:
                rx, ry = step * float(rng.uniform(0.3, 0.8)), step * 0.4
                die.body(ellipse(at, rx, ry, float(rng.uniform(0, 3.2))), step * 0.3)
    if rng.random() < 0.3:
        _symbol(die, rng, (0.0, 0.0), float(rng.uniform(0.1, 0.25)))


def _altar(die: DieCanvas, rng: np.random.Generator) -> None:
    """A fire altar between two attendants, or three pillars of dots."""
    die.line([(0, -0.05), (0, 0.25)], float(rng.uniform(0.05, 0.1)), 230)
    for y in (-0.08, 0.24):
        half = float(rng.uniform(0.08, 0.14))
        die.line([(-half, y), (half, y)], 0.03, 240)
    for _ in range(int(rng.integers(3, 7))):
        x = float(rng.uniform(-0.08, 0.08))
        die.line(bezier((x * 0.5, -0.1), (x * 2, -0.2), (x, -0.3)), 0.018, 220)
    for side in (-1, 1):
        x = side * float(rng.uniform(0.2, 0.3))
        die.line([(x, -0.18), (x, 0.25)], float(rng.uniform(0.04, 0.08)), 225)
        die.pellet((x, -0.24), float(rng.uniform(0.03, 0.05)))
        die.line([(x - side * 0.08, -0.2), (x - side * 0.08, 0.2)], 0.014, 210)
    script = Script(rng)
    for turn in (0.0, math.pi):
        script.around(die, rng, radius=0.4, size=0.06, start=turn - 0.6, sweep=1.2)


def _modern(die: DieCanvas, rng: np.random.Generator) -> None:
    """A modern coin: a value over a map or lines, stars, a ring of another metal."""
    for _ in range(int(rng.integers(1, 5))):  # a map
        centre = (float(rng.uniform(-0.2, 0.3)), float(rng.uniform(-0.25, 0.25)))
        shape = [
            (
                centre[0] + x * float(rng.uniform(0.5, 1.4)),
                centre[1] + y * float(rng.uniform(0.5, 1.4)),
            )
            for x, y in ellipse((0, 0), 0.14, 0.17, 0, 14)
        ]
        die.fill(shape, int(rng.integers(90, 200)))
    if rng.random() < 0.6:
        for k in range(int(rng.integers(4, 7))):
            x = 0.05 + 0.05 * k
            die.line([(x, -0.4), (x, 0.4)], 0.008, 150)
    value = ("1", "2", "5", "10", "20", "50", "25", "100")[int(rng.integers(8))]
    size = float(rng.uniform(0.2, 0.42))
    at = (float(rng.uniform(-0.28, 0.0)), float(rng.uniform(-0.1, 0.1)))
    die.text(
        value, at, size, size * float(rng.uniform(0.12, 0.2)), pitch=0.8, height=255
    )
    if rng.random() < 0.6:
        word = "".join("EUROCENTSPAI"[int(rng.integers(12))] for _ in range(5))
        die.text(word, (-0.2, float(rng.choice([-0.28, 0.25]))), 0.1, 0.016)
    if rng.random() < 0.6:
        for k in range(12):
            x, y = polar(float(rng.choice([0.4, 0.42])), k * math.pi / 6)
            for a in range(5):
                dx, dy = polar(0.03, a * math.pi * 0.4)
                die.line([(x, y), (x + dx, y + dy)], 0.012, 230)
    if rng.random() < 0.6:
        die.ring((0, 0), float(rng.uniform(0.3, 0.36)), 0.012, 220)
    die.ring((0, 0), 0.455, 0.02, 240)


def _milled(die: DieCanvas, rng: np.random.Generator) -> None:
    """A coin of today: a flat rim, a large numeral or a picture, stars or letters."""
    rim = float(rng.uniform(0.36, 0.44))
    die.ring((0, 0), 0.465, float(rng.uniform(0.015, 0.05)), 220)
    if rng.random() < 0.5:  # of two metals
        die.ring((0, 0), rim - 0.06, float(rng.uniform(0.006, 0.02)), 200)
    heights = int(rng.integers(120, 256))
    chance = rng.random()
    if chance < 0.5:
        value = "0123456789"[int(rng.integers(1, 10))]
        value += "0" if rng.random() < 0.5 else ""
        size = float(rng.uniform(0.25, 0.5))
        pitch = 0.75
        at = (float(rng.uniform(-0.25, 0.12)), float(rng.uniform(-0.12, 0.1)))
        width = size * float(rng.uniform(0.1, 0.24))
        die.text(value, at, size, width, pitch=pitch, height=heights)
        if rng.random() < 0.4:  # an outline
            die.text(value, at, size, width * 0.55, pitch=pitch, height=heights // 3)
        if rng.random() < 0.7:
            word = "".join("EUROCENTSPAI"[int(rng.integers(12))] for _ in range(4))
            below = (at[0] - 0.05, at[1] + size * 0.5 + 0.07)
            die.text(word, below, float(rng.uniform(0.06, 0.13)), 0.016)
        side = 1 if at[0] < 0 else -1
        for _ in range(int(rng.integers(5, 25))):  # the lands of a map
            x, y = side * float(rng.uniform(0.05, 0.3)), float(rng.uniform(-0.3, 0.3))
            land = ellipse((x, y), float(rng.uniform(0.01, 0.07)), 0.03, 0.0, 7)
            die.fill(land, int(rng.integers(70, 220)))
        if rng.random() < 0.6:
            across = float(rng.uniform(0.02, 0.045))
            for k in range(6):
                x = side * (0.02 + across * k)
                die.line([(x, -0.34), (x, 0.34)], 0.007, 170)
    elif chance < 0.65:
        draw_head(die, rng)
    elif chance < 0.75:
        _beast(die, rng)
    elif chance < 0.85:
        _person(die, rng)
    else:  # a building: walls, windows, spires
        for _ in range(int(rng.integers(2, 7))):
            x = -0.24 + 0.48 * float(rng.random())
            high = float(rng.uniform(0.1, 0.4))
            die.line(
                [(x, 0.22), (x, 0.22 - high)], float(rng.uniform(0.015, 0.08)), 200
            )
            die.line([(x, 0.22 - high), (x, 0.16 - high)], 0.014, 230)
        for y in np.arange(-0.05, 0.24, 0.07).tolist():
            die.line([(-0.26, y), (0.26, y)], 0.01, 120)
    chance = rng.random()
    if chance < 0.6:
        small = float(rng.uniform(0.014, 0.03))
        for k in range(12):
            x, y = polar(rim, k * math.pi / 6)
            for arm in range(5):
                dx, dy = polar(small, arm * math.pi * 0.4)
                die.line([(x, y), (x + dx, y + dy)], small * 0.5, 230)
    elif chance < 0.85:
        die.rim_legend(
            rng,
            LATIN,
            radius=rim - 0.02,
            size=float(rng.uniform(0.045, 0.075)),
            width=0.012,
            start=float(rng.uniform(0, 6.3)),
            sweep=float(rng.uniform(2, 5.5)),
        )


def _flowing(die: DieCanvas, rng: np.random.Generator) -> None:
    """A crowded picture: limbs, drapery and ornament as bands that flow together."""
    waves = [
        (rng.normal(0, 3.5, 2), float(rng.uniform(0, 6.3)), float(rng.uniform(0.2, 1)))
        for _ in range(3)
    ]
    upright = float(rng.normal(math.pi / 2, 0.5))
    mirrored = rng.random() < 0.45

    def direction(x: float, y: float) -> float:
        turns = sum(
            size * math.sin(float(by @ (x, y)) + phase) for by, phase, size in waves
        )
        return upright + turns

    width = float(rng.uniform(0.025, 0.075))
    steps = int(rng.integers(3, 12))
    reach = float(rng.uniform(0.3, 0.44))
    taken = np.full((1, 2), 9.0)
    for _ in range(int(rng.integers(30, 140))):
        x, y = polar(reach * math.sqrt(float(rng.random())), float(rng.uniform(0, 6.3)))
        x = abs(x) if mirrored else x
        spine = [(x, y)]
        for _ in range(int(rng.integers(2, steps))):
            dx, dy = polar(width, direction(x, y))
            x, y = x + dx, y + dy
            if math.hypot(x, y) > reach + 0.03:
                break
            spine.append((x, y))
        new = np.array(spine)
        gaps = np.square(new[:, None] - taken[None]).sum(axis=2)
        if float(gaps.min()) < (1.15 * width) ** 2:
            continue
        taken = np.concatenate([taken, new])
        thick = width * float(rng.uniform(0.7, 1.2))
        for sign in (1, -1) if mirrored else (1,):
            points = [(sign * u, v) for u, v in spine]
            if len(points) < 3 or rng.random() < 0.1:
                die.pellet(points[0], thick * 0.6, 235)
            else:
                ends = [thick * (0.5 + 0.5 * math.sin(k + 0.6)) for k in range(2)]
                widths = np.interp(
                    np.linspace(0, 1, len(points)),
                    (0, 0.5, 1),
                    (ends[0], thick, ends[1]),
                )
                die.body(tapered_band(points, widths.tolist()), thick / 2, 240, 80)
    if rng.random() < 0.5:
        head = (0.0, -float(rng.uniform(0.2, 0.32)))
        die.body(ellipse(head, 0.06, 0.07), 0.04)
        if rng.random() < 0.5:
            die.ring(head, 0.1, 0.014, 200)
    if rng.random() < 0.5:
        die.pellet_ring(float(rng.uniform(0.4, 0.45)), float(rng.uniform(0.012, 0.03)))


def _standing_king(die: DieCanvas, rng: np.random.Generator) -> None:
    """A king in stripes with balls beside him, as in Ceylon and the Chola country."""
    facing = 1 if rng.random() < 0.5 else -1
    wide = float(rng.uniform(0.03, 0.055))
    for k in range(int(rng.integers(3, 7))):
        x = facing * (0.05 * k - 0.12)
        bend = float(rng.normal(0, 0.03))
        points = bezier((x, -0.1), (x + bend, 0.1), (x + bend, 0.34))
        die.body(tapered_band(points, [wide] * len(points)), wide / 2, 240, 90)
    die.body(ellipse((0, -0.24), 0.06, 0.07), 0.04)
    for side in (-1, 1):
        hand = (side * float(rng.uniform(0.15, 0.3)), float(rng.uniform(-0.3, 0.0)))
        arm = bezier((0, -0.13), (side * 0.2, float(rng.uniform(-0.1, 0.1))), hand)
        die.body(tapered_band(arm, [wide] * len(arm)), wide / 2, 240, 90)
        if rng.random() < 0.7:
            _symbol(die, rng, hand, float(rng.uniform(0.04, 0.09)))
    ball = float(rng.uniform(0.025, 0.05))
    for k in range(int(rng.integers(0, 6))):
        die.pellet((facing * 0.3, -0.15 + 2.1 * ball * k), ball, 235)
    if rng.random() < 0.4:
        script = Script(rng)
        start = (-facing * 0.34, -0.15)
        script.write(die, rng, start, 3, 0.11, 0.02, turn=math.pi / 2)
    if rng.random() < 0.5:
        die.pellet_ring(0.44, float(rng.uniform(0.012, 0.025)))


def _beast_and_line(die: DieCanvas, rng: np.random.Generator) -> None:
    """A beast below or above a line of large letters, in a ring of dots."""
    above = rng.random() < 0.6
    beasts = DieCanvas(die.size_px)
    _beast(beasts, rng)
    up = round(die.side * float(rng.uniform(0.04, 0.14))) * (1 if above else -1)
    die.canvas = np.roll(beasts.canvas, up, axis=0)
    script = Script(rng)
    size = float(rng.uniform(0.09, 0.17))
    middle = -0.22 if above else 0.22
    script.lines(die, rng, rows=1, size=size, half_width=0.4, middle=middle)
    if rng.random() < 0.7:
        die.pellet_ring(float(rng.uniform(0.38, 0.45)), float(rng.uniform(0.008, 0.02)))


def _fruit(die: DieCanvas, rng: np.random.Generator) -> None:
    """Grapes, a leaf, a jar, ears of grain, a crook or a canopy, with letters."""
    kind = int(rng.integers(6))
    if kind == 0:
        for row in range(5):
            for k in range(5 - row):
                die.pellet((0.07 * (k - (4 - row) / 2), -0.1 + 0.07 * row), 0.035)
        die.line([(0, -0.12), (0.02, -0.26)], 0.03)
    elif kind == 1:
        leaf = [
            polar(
                0.24 if k % 2 else float(rng.uniform(0.1, 0.16)), 2 * math.pi * k / 10
            )
            for k in range(10)
        ]
        die.body(leaf, 0.05, 230, 120)
        die.line([(0, 0), (0.05, 0.32)], 0.024)
    elif kind == 2:
        die.body(ellipse((0, 0.05), 0.12, 0.18), 0.06, 240, 120)
        die.line([(0, -0.12), (0, -0.25)], 0.07, 225)
        for side in (-1, 1):
            handle = bezier(
                (side * 0.04, -0.22), (side * 0.24, -0.2), (side * 0.1, 0.0)
            )
            die.line(handle, 0.022)
    elif kind == 3:
        for turn in (-0.4, 0.0, 0.4):
            die.line([(0, 0.3), (turn * 0.6, -0.1)], 0.018)
            for k in range(6):
                x, y = turn * (0.6 + 0.06 * k), -0.1 - 0.03 * k
                for side in (-1, 1):
                    die.pellet((x + side * 0.022, y), 0.02, 225)
    elif kind == 4:
        curl = [polar(0.12 - 0.007 * k, -1.6 + 0.5 * k) for k in range(14)]
        die.line([(-0.1 + x, -0.18 + y) for x, y in curl], 0.026)
        die.line([(0.0, 0.3), (0.02, -0.18)], 0.026)
    else:
        dome = bezier((-0.22, -0.05), (0, -0.42), (0.22, -0.05))
        die.body(dome, 0.05, 235, 120)
        die.line([(0, -0.05), (0, 0.25)], 0.024)
        for k in range(8):
            x = -0.21 + 0.06 * k
            die.line([(x, -0.05), (x, 0.03)], 0.014)
    script = Script(rng)
    for start in (2.2, -0.9):
        script.around(
            die,
            rng,
            radius=0.37,
            size=float(rng.uniform(0.07, 0.11)),
            start=start,
            sweep=float(rng.uniform(1, 2)),
        )


def _person(die: DieCanvas, rng: np.random.Generator) -> None:
    """A dancing, striding, squatting or sitting figure with many limbs' attributes."""
    facing = 1 if rng.random() < 0.5 else -1
    scale = float(rng.uniform(0.7, 1.3))
    limb = float(rng.uniform(0.025, 0.055))

    def at(x: float, y: float) -> Point:
        return (facing * x * scale, y * scale)

    die.body([at(x, y) for x, y in ellipse((0, -0.25), 0.045, 0.055)], 0.03)
    if rng.random() < 0.5:
        die.ring(at(0, -0.25), 0.09 * scale, 0.012, 190)
    torso = [at(-0.07, -0.18), at(0.07, -0.18), at(0.045, 0.0), at(-0.045, 0.0)]
    die.body(torso, 0.03, 240, 130)
    for side in (-1, 1):
        elbow = (side * 0.13, float(rng.uniform(-0.16, -0.02)))
        hand = (side * float(rng.uniform(0.08, 0.26)), float(rng.uniform(-0.3, 0.08)))
        die.line([at(side * 0.06, -0.16), at(*elbow), at(*hand)], limb * 0.8, 225)
        if rng.random() < 0.6:
            _symbol(die, rng, at(*hand), float(rng.uniform(0.03, 0.07)))
        knee = (side * float(rng.uniform(0.03, 0.17)), float(rng.uniform(0.05, 0.18)))
        foot = (side * float(rng.uniform(0.0, 0.16)), float(rng.uniform(0.2, 0.33)))
        die.line([at(side * 0.03, 0.0), at(*knee), at(*foot)], limb, 230)
    if rng.random() < 0.5:
        skirt = [at(-0.05, 0), at(0.05, 0), at(0.14, 0.2), at(-0.14, 0.2)]
        die.body(skirt, 0.03, 210, 120)
    if rng.random() < 0.5:
        die.line([at(-0.3, 0.34), at(0.3, 0.34)], 0.018, 210)


def _beast(die: DieCanvas, rng: np.random.Generator) -> None:
    """An elephant, a humped bull, a lion, a horse with a rider, a bird or a fish."""
    facing = 1 if rng.random() < 0.5 else -1
    scale = float(rng.uniform(0.8, 1.5))

    def at(x: float, y: float) -> Point:
        return (facing * x * scale, y * scale)

    def body(points: list[Point], rise: float = 0.05) -> None:
        die.body([at(x, y) for x, y in points], rise, 240, 120)

    kind = int(rng.integers(6))
    if kind == 5:
        body(
            tapered_band(
                [(-0.25, 0), (-0.1, 0), (0.1, 0), (0.25, 0)], [0.12, 0.05, 0.16, 0.02]
            )
        )
        for k in range(5):
            die.line(
                [at(-0.05 + 0.05 * k, -0.06), at(-0.08 + 0.05 * k, 0.06)], 0.01, 120
            )
        return
    if kind == 4:
        body(ellipse((0, 0), 0.16, 0.09, 0.5))
        body(ellipse((0.16, -0.18), 0.05, 0.05))
        die.line([at(0.1, -0.05), at(0.15, -0.16)], 0.06, 230)
        for k in range(6):
            die.line(
                bezier(at(-0.1, 0.04), at(-0.25, -0.1), at(-0.3, -0.15 + 0.07 * k)),
                0.02,
            )
        for x in (-0.02, 0.05):
            die.line([at(x, 0.08), at(x, 0.26)], 0.02)
        return
    deep = (0.13, 0.1, 0.085, 0.085)[kind]
    body(ellipse((0, 0), 0.2, deep), 0.07)
    for x in (-0.16, -0.09, 0.09, 0.15):
        foot = x + float(rng.uniform(-0.04, 0.05))
        die.line([at(x, 0.04), at(foot, 0.25)], (0.06, 0.035, 0.035, 0.03)[kind], 225)
    if kind == 0:
        body(ellipse((0.21, -0.06), 0.08, 0.09))
        trunk = bezier((0.27, -0.05), (0.36, 0.08), (0.3, 0.22))
        die.line([at(x, y) for x, y in trunk], 0.035, 230)
        die.ring(at(0.17, -0.05), 0.05 * scale, 0.012, 140)
        die.line([at(0.25, 0.02), at(0.35, 0.06)], 0.018, 250)
    else:
        body([(0.12, 0.03), (0.1, -0.08), (0.24, -0.2), (0.28, -0.08)])
        body(ellipse((0.28, -0.15), 0.06, 0.045, 0.4))
        if kind == 1:
            body(ellipse((0.08, -0.11), 0.06, 0.06))
            for bend in (-0.32, -0.28):
                die.line(bezier(at(0.27, -0.18), at(0.24, bend), at(0.34, bend)), 0.02)
        elif kind == 2:
            for k in range(9):
                x, y = 0.1 + 0.02 * k, -0.17 + 0.02 * (k % 5)
                die.line([at(x, y), at(x - 0.03, y + 0.07)], 0.016, 190)
        else:
            body([(-0.04, -0.08), (0.05, -0.08), (0.04, -0.26), (-0.03, -0.26)])
            body(ellipse((0.01, -0.31), 0.04, 0.045))
            die.line([at(0.02, -0.2), at(0.2, -0.24), at(0.3, -0.36)], 0.02)
    die.line(bezier(at(-0.19, -0.03), at(-0.3, -0.1), at(-0.26, 0.15)), 0.02, 215)


def _symbol(
    die: DieCanvas, rng: np.random.Generator, at: Point, size: float, turn: float = 0.0
) -> None:
    """One of the signs of Indian and Persian coins, `size` from middle to edge."""
    x, y = at
    width = max(size * float(rng.uniform(0.16, 0.3)), 0.008)

    def away(radius: float, angle: float) -> Point:
        dx, dy = polar(radius * size, turn + angle)
        return (x + dx, y + dy)

    kind = int(rng.integers(9))
    quarter = math.pi / 2
    if kind == 0:  # a cross with balls
        for k in range(4):
            die.line([at, away(0.7, k * quarter)], width)
            die.ring(away(0.75, k * quarter), size * 0.25, width * 0.7)
    elif kind == 1:  # a sun or a wheel
        rays = int(rng.integers(6, 14))
        for k in range(rays):
            die.line(
                [away(0.35, 2 * math.pi * k / rays), away(1, 2 * math.pi * k / rays)],
                width * 0.7,
            )
        die.ring(at, size * float(rng.choice([0.35, 1.0])), width * 0.8)
        die.pellet(at, size * 0.2)
    elif kind == 2:  # a hill of arches
        for u, v in ((-0.55, 0.4), (0.55, 0.4), (0.0, -0.3)):
            left, top, right = (u - 0.5, v + 0.4), (u, v - 0.9), (u + 0.5, v + 0.4)
            arch = bezier(left, top, right, 7)
            die.line([(x + a * size, y + b * size) for a, b in arch], width)
    elif kind == 3:  # a bent cross
        for k in range(4):
            arm = [at, away(0.8, k * quarter), away(1.1, k * quarter + 0.75)]
            die.line(arm, width)
    elif kind == 4:  # a crescent on a ball
        arc = [away(0.8, 0.2 + 0.34 * k) for k in range(9)]
        die.line(arc, width)
        die.pellet(at, size * 0.35)
    elif kind == 5:  # a tree in a railing
        die.line([away(0.9, quarter), away(0.9, -quarter)], width)
        for k in range(6):
            root = away(0.15 * k, -quarter)
            die.line([root, away(0.9, -quarter + 0.8 * (-1) ** k)], width * 0.7)
        box = [away(0.9, quarter + d) for d in (-0.6, 0.6)]
        die.line(box, width)
    elif kind == 6:  # a trident
        die.line([away(1, quarter), away(1, -quarter)], width)
        for side in (-1, 1):
            prong = bezier(
                away(0.2, -quarter),
                away(1.1, -quarter + side),
                away(1, -quarter + 0.5 * side),
            )
            die.line(prong, width)
    elif kind == 7:  # dots around a dot
        for k in range(6):
            die.pellet(away(0.75, k * math.pi / 3), size * 0.22)
        die.pellet(at, size * 0.3)
    else:  # a bow with its arrow
        die.line([away(1, -1.2 + 0.3 * k) for k in range(9)], width)
        die.line([away(1, -1.2), away(1, 1.2)], width * 0.6)
        die.line([away(0.6, math.pi), away(1.1, 0)], width * 0.8)


_Design = Callable[[DieCanvas, np.random.Generator], None]
DESIGNS: tuple[_Design, ...] = (
    *(_inscription,) * 6,
    *(_with_script,) * 6,
    *(_flowing,) * 5,
    *(_standing_king,) * 2,
    *(_beast_and_line,) * 4,
    *(_milled,) * 6,
    *(_punches,) * 3,
    *(_pattern,) * 2,
    _four_signs,
    _four_signs,
    _altar,
    _modern,
    _modern,
    _fruit,
    _fruit,
)
