"""A coin from a seed: die, flan, strike, wear, corrosion, light, camera."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.imaging.preprocessing import LegendPose
from coin_core.rendering.capitals import engrave_rim_die
from coin_core.rendering.cornucopia import draw_die as draw_cornucopia
from coin_core.rendering.engraving import DiePlacement, PlacedCanvas, polar
from coin_core.rendering.flans import (
    FlanShape,
    distance_to_edge,
    draw_mask,
    draw_shape,
    draw_surface,
    rounded,
)
from coin_core.rendering.foreign_coins import cut_hole, shape_flan
from coin_core.rendering.foreign_coins import draw_die as draw_foreign_coin
from coin_core.rendering.legend_die import EngravedLetter, engrave_legend_die
from coin_core.rendering.noise import Field, blur
from coin_core.rendering.other_coins import draw_die as draw_other_coin
from coin_core.rendering.photo import simulate_camera, simulate_light
from coin_core.rendering.star_anchor import draw_die as draw_star_or_anchor
from coin_core.rendering.wear import apply_wear
from coin_core.rulers import DEFAULT_CLASSES

KINDS = ("legend", "cornucopia", "star_anchor", "other")
HARDER_KINDS = ("foreign", "rough_cornucopia")
"""Other coins from far away, and cornucopias by any hand in low relief."""
CAPITALS_KIND = "capitals"
"""Coins with a legend of capitals along the rim, whose letters are known."""

_ALL_KINDS = (*KINDS, *HARDER_KINDS, CAPITALS_KIND)
_OTHER_DIES: dict[str, Callable[[np.random.Generator, int], Field]] = {
    "cornucopia": draw_cornucopia,
    "star_anchor": draw_star_or_anchor,
    "other": draw_other_coin,
    "foreign": draw_foreign_coin,
    "rough_cornucopia": partial(draw_cornucopia, rough=True),
}
_SHALLOW = 0.4  # of the coins from far away: those of our days are in low relief


@dataclass(frozen=True, slots=True, kw_only=True)
class _Care:
    """How well coins were made, and how well they are photographed.

    Attributes:
        rounds: Whether flans are nearly round.
        spreads: How far dies are off the flan's centre: deviations in radii, of four
            coins in five and of the others.
        fitting: Fraction of the dies that are about as large as the flan.
        sharp: Fraction of the photos that keep all that the light shows.
    """

    rounds: bool = False
    spreads: tuple[float, float] = (0.12, 0.25)
    fitting: float = 0.0
    sharp: float = 0.0


# Mints of large bronzes, which are sold with good photos, took more care.
_CARES = {
    CAPITALS_KIND: _Care(rounds=True, spreads=(0.03, 0.12), fitting=0.7, sharp=0.5)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedLetter:
    """A letter on a rendered coin; lengths are fractions of the image's side.

    Attributes:
        letter: Its key, as in `rulers.LETTERS`, or a capital.
        left, top, right, bottom: Edges of its box in the image.
        upright_width, upright_height: Its size before the coin is turned.
        legibility: Fraction of its relief, 0 to 1, that strike, flan, wear, corrosion
            and the photo's resolution have left.
        in_name: Whether it is part of the ruler's name.
    """

    letter: str
    left: float
    top: float
    right: float
    bottom: float
    upright_width: float
    upright_height: float
    legibility: float
    in_name: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderedCoin:
    """A rendered photo of one side of a coin, and the truth about it.

    Attributes:
        image: The photo, uint8 (S, S, 3) RGB.
        mask: The flan, uint8 (S, S), 255 inside.
        kind: One of `KINDS` or `HARDER_KINDS`, or `CAPITALS_KIND`.
        ruler: A key of `rulers.RULERS`; None if the side is not the legend side.
        legend: The lines in Hebrew letters, read right to left.
        letters: The letters in reading order.
        turn_deg: Clockwise rotation of the die, in degrees.
        flan_box: Left, top, right, bottom of the flan in fractions of the image's side.
        legend_pose: Where the legend's field is; None if there is no legend.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    kind: str
    ruler: str | None
    legend: tuple[str, ...]
    letters: tuple[RenderedLetter, ...]
    turn_deg: float
    flan_box: tuple[float, float, float, float]
    legend_pose: LegendPose | None = None

    @property
    def name_legibility(self) -> float:
        """Fraction of the name's letters with a legibility of at least one half."""
        name = [letter for letter in self.letters if letter.in_name]
        if not name:
            return 0.0
        return sum(letter.legibility >= 0.5 for letter in name) / len(name)


def _place_die(
    rng: np.random.Generator, shape: FlanShape, any_turn: bool, care: _Care
) -> DiePlacement:
    """Dies were seldom centred, and seldom as large as the flan."""
    usual, wide = care.spreads
    spread = wide if rng.random() < 0.2 else usual
    away = shape.radius * abs(float(rng.normal(0, spread)))
    dx, dy = polar(away, float(rng.uniform(0, 2 * math.pi)))
    turn = float(rng.uniform(-180, 180)) if any_turn else float(rng.normal(0, 9))
    size = float(rng.uniform(0.86, 1.2))
    if care.fitting > 0 and rng.random() < care.fitting:
        size = float(rng.uniform(0.9, 1.04))
    return DiePlacement(
        centre_x=shape.centre_x + dx,
        centre_y=shape.centre_y + dy,
        radius=shape.radius * size,
        turn_deg=turn,
    )


def strike(ink: NDArray[np.uint8], sigma: float, rise_px: float = 0.0) -> Field:
    """The relief, 0 to 1, of metal that fills the die's strokes.

    Args:
        ink: What is engraved in the die, 0 to 255.
        sigma: Standard deviation of the blur of the edges, in px.
        rise_px: Distance over which a stroke's height rises from its edge.
    """
    height = ink.astype(np.float32) / np.float32(255)
    if rise_px:
        # the 3 x 3 integer distance is exact; a stroke is highest along its middle
        away = cv2.distanceTransform((ink > 127).astype(np.uint8), cv2.DIST_L1, 3)
        up = np.minimum(away / np.float32(rise_px), np.float32(1))
        height *= np.float32(0.4) + np.float32(0.6) * up * (np.float32(2) - up)
    return blur(height, sigma)


def _engrave_other(
    rng: np.random.Generator, kind: str, size_px: int, placement: DiePlacement
) -> NDArray[np.uint8]:
    """A die without a legend at its placement, uint8 (S, S)."""
    die = np.round(_OTHER_DIES[kind](rng, size_px) * 255).astype(np.uint8)
    return placement.place(die)


def _add_ghost(
    rng: np.random.Generator, relief: Field, size_px: int, placement: DiePlacement
) -> Field:
    """Add a double strike (7 % of coins) or an undertype (5 %) to a relief."""
    chance = rng.random()
    if chance < 0.07:
        shift = float(rng.uniform(0.04, 0.12)) * size_px
        dx, dy = map(round, polar(shift, float(rng.uniform(0, 2 * math.pi))))
        moved = np.roll(relief, (dy, dx), axis=(0, 1))
        relief = np.maximum(relief, moved * np.float32(rng.uniform(0.3, 0.7)))
    elif chance < 0.12:
        under = _engrave_other(rng, "star_anchor", size_px, placement)
        old = strike(under, 1.0) * np.float32(rng.uniform(0.2, 0.5))
        relief = np.maximum(relief, old)
    return relief


def _legibility(
    letter: EngravedLetter,
    ink: NDArray[np.uint8],
    kept: Field,
    grey: NDArray[np.uint8],
    blur_px: float,
) -> float:
    """What is left of a letter: the product of relief, sharpness and contrast."""
    left, top, right, bottom = letter.box_px
    columns = slice(max(round(left), 0), round(right) + 1)
    rows = slice(max(round(top), 0), round(bottom) + 1)
    area = (round(right) + 1 - round(left)) * (round(bottom) + 1 - round(top))
    weight = ink[rows, columns].astype(np.float32)
    if weight.size < 0.55 * area or float(weight.sum()) <= 0:
        return 0.0
    relief = float((weight * kept[rows, columns]).sum() / weight.sum())
    # the strokes of a letter are about a fourth of its height apart; a blur of that
    # width merges them
    sharpness = (bottom - top) / (4 * blur_px)
    # less contrast than about 8 of 255 grey levels does not survive a JPEG
    contrast = float(grey[rows, columns].std()) / 8
    inside = weight.size / area
    return min(1.0, relief) * min(1.0, sharpness) * min(1.0, contrast) * inside


def render_coin(
    seed: int,
    index: int,
    *,
    size_px: int = 160,
    kind: str | None = None,
    wear: float = 1.0,
) -> RenderedCoin:
    """Render one coin: engrave a die, strike a flan, wear it, photograph it.

    Args:
        seed: Number of the set of coins. The same seed, index, size and kind give the
            same pixels on every machine.
        index: Number of the coin in the set, 0 or more.
        size_px: Side of the square photo, 48 to 1024.
        kind: One of `KINDS` or `HARDER_KINDS`, or `CAPITALS_KIND`; the legend side by
            default.
        wear: Scales wear and corrosion: 1 as on real coins, 0 as struck.

    Raises:
        ValueError: The size or kind is not valid.
    """
    kind = "legend" if kind is None else kind
    if kind not in _ALL_KINDS:
        raise ValueError(f"kind must be one of {', '.join(_ALL_KINDS)}, got {kind!r}.")
    if not 48 <= size_px <= 1024:
        raise ValueError(f"size_px must be 48 to 1024, got {size_px}.")
    rng = np.random.default_rng([seed, index, _ALL_KINDS.index(kind)])
    shape = draw_shape(rng, size_px)
    if kind == "foreign":
        shape = shape_flan(rng, shape)
    care = _CARES.get(kind, _Care())
    if care.rounds:
        shape = rounded(rng, shape)
    placement = _place_die(rng, shape, any_turn=rng.random() < 0.1, care=care)
    # a worn die leaves soft ridges where a fresh one leaves edges
    sigma = float(rng.uniform(0.4, 1.8 if rng.random() < 0.35 else 1.1)) * size_px / 160
    ruler: str | None = None
    legend: tuple[str, ...] = ()
    letters: list[EngravedLetter] = []
    pose: LegendPose | None = None
    if kind == "legend":
        ruler = DEFAULT_CLASSES[int(rng.integers(len(DEFAULT_CLASSES)))]
        canvas = PlacedCanvas(size_px, placement)
        text, letters, field_radius = engrave_legend_die(rng, canvas, ruler)
        legend = text.text()
        pose = LegendPose(
            centre_x=placement.centre_x / size_px,
            centre_y=placement.centre_y / size_px,
            radius=field_radius * placement.radius / size_px,
            turn_deg=placement.turn_deg,
        )
        ink = canvas.relief()
    elif kind == CAPITALS_KIND:
        letters, ink = engrave_rim_die(rng, PlacedCanvas(size_px, placement))
    else:
        ink = _engrave_other(rng, kind, size_px, placement)
    rise_px = float(rng.uniform(1.5, 4.5)) * size_px / 160
    relief = _add_ghost(rng, strike(ink, sigma, rise_px), size_px, placement)
    # most coins are moderately worn; a few are fresh, a few nearly smooth
    wear *= float(rng.beta(1.6, 2.2))
    mask = draw_mask(shape, size_px)
    if kind == "foreign":
        mask = cut_hole(rng, mask, placement)
    worn = apply_wear(rng, relief, wear)
    surface = draw_surface(rng, shape, distance_to_edge(mask), placement)
    depth = np.float32(rng.uniform(0.8, 1.9))
    if kind == "rough_cornucopia" or (kind == "foreign" and rng.random() < _SHALLOW):
        depth *= np.float32(rng.uniform(0.35, 1.0))
    detail = worn.relief * depth + worn.corrosion
    steepness = np.float32(size_px / 160)
    lit = simulate_light(rng, (surface + detail) * steepness * 2, detail, mask)
    sharp = care.sharp > 0 and rng.random() < care.sharp
    image, blur_px = simulate_camera(rng, lit, sharp=sharp)
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    kept = worn.kept * (mask.astype(np.float32) / np.float32(255))
    left, top, right, bottom = shape.box()
    return RenderedCoin(
        image=image,
        mask=mask,
        kind=kind,
        ruler=ruler,
        legend=legend,
        letters=tuple(
            RenderedLetter(
                letter=letter.letter,
                left=letter.box_px[0] / size_px,
                top=letter.box_px[1] / size_px,
                right=letter.box_px[2] / size_px,
                bottom=letter.box_px[3] / size_px,
                upright_width=letter.upright_px[0] / size_px,
                upright_height=letter.upright_px[1] / size_px,
                legibility=_legibility(letter, ink, kept, grey, blur_px),
                in_name=letter.in_name,
            )
            for letter in letters
        ),
        turn_deg=placement.turn_deg,
        flan_box=(left / size_px, top / size_px, right / size_px, bottom / size_px),
        legend_pose=pose,
    )
