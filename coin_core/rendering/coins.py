"""A coin from a seed: die, flan, strike, weather, light, camera."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.imaging.legend_pose import LegendPose
from coin_core.rendering.cornucopia import draw_die as draw_cornucopia
from coin_core.rendering.flans import (
    FlanShape,
    distance_inside,
    draw_mask,
    draw_shape,
    surface,
)
from coin_core.rendering.legend_die import CutLetter, Ink, Placing, cut_legend_die
from coin_core.rendering.noise import Field, blurred
from coin_core.rendering.other_coins import draw_die as draw_other_coin
from coin_core.rendering.photo import camera, photograph
from coin_core.rendering.star_anchor import draw_die as draw_star_or_anchor
from coin_core.rendering.wear import apply_wear
from coin_core.rulers import DEFAULT_CLASSES

KINDS = ("legend", "cornucopia", "star_anchor", "other")
_OTHER_DIES = {
    "cornucopia": draw_cornucopia,
    "star_anchor": draw_star_or_anchor,
    "other": draw_other_coin,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedLetter:
    """A letter on a rendered coin; box in fractions of the image.

    `wide` and `tall` are its size before the coin was turned, likewise.
    `legibility` is the share of its relief, 0..1, that strike, flan, wear,
    corrosion and the photo's resolution have left.
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
    """A rendered photo with everything that is true of it.

    `image` is uint8 (S, S, 3) RGB, `mask` uint8 (S, S) with 255 on the flan,
    `flan_box` left, top, right, bottom in fractions of the image.
    `legend_pose` is where the legend's field lies; None for other designs.
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
        """Share of the name's letters of which half or more is legible."""
        name = [letter for letter in self.letters if letter.in_name]
        if not name:
            return 0.0
        return sum(letter.legibility >= 0.5 for letter in name) / len(name)


def _place_die(rng: np.random.Generator, shape: FlanShape, any_turn: bool) -> Placing:
    """Dies were seldom centred, and seldom as large as the flan."""
    stray = 0.25 if rng.random() < 0.2 else 0.12
    away = shape.radius * abs(float(rng.normal(0, stray)))
    to = float(rng.uniform(0, 2 * math.pi))
    turn = float(rng.uniform(-180, 180)) if any_turn else float(rng.normal(0, 9))
    return Placing(
        centre_x=shape.centre_x + away * math.cos(to),
        centre_y=shape.centre_y + away * math.sin(to),
        radius=shape.radius * float(rng.uniform(0.86, 1.2)),
        turn_deg=turn,
    )


def _as_relief(ink: NDArray[np.uint8], sigma: float, rise_px: float = 0.0) -> Field:
    """The cut as metal fills it: edges softened, strokes rounded over `rise_px`."""
    height = ink.astype(np.float32) / np.float32(255)
    if rise_px:
        # the 3 x 3 integer distance is exact; a stroke's crest stands highest
        away = cv2.distanceTransform((ink > 127).astype(np.uint8), cv2.DIST_L1, 3)
        up = np.minimum(away / np.float32(rise_px), np.float32(1))
        height *= np.float32(0.4) + np.float32(0.6) * up * (np.float32(2) - up)
    return blurred(height, sigma)


def _cut_other(
    rng: np.random.Generator, kind: str, size_px: int, placing: Placing
) -> NDArray[np.uint8]:
    """A die of another design, laid where the placing says."""
    drawn = np.round(_OTHER_DIES[kind](rng, size_px) * 255).astype(np.uint8)
    scale = placing.radius / (0.46 * size_px)
    turn = cv2.getRotationMatrix2D((size_px / 2, size_px / 2), -placing.turn_deg, scale)
    turn[0, 2] += placing.centre_x - size_px / 2
    turn[1, 2] += placing.centre_y - size_px / 2
    laid: NDArray[np.uint8] = np.asarray(
        cv2.warpAffine(drawn, turn, (size_px, size_px), flags=cv2.INTER_LINEAR),
        np.uint8,
    )
    return laid


def _ghost(
    rng: np.random.Generator, relief: Field, size_px: int, placing: Placing
) -> Field:
    """A second blow beside the first, or an older coin under the strike."""
    chance = rng.random()
    if chance < 0.07:  # double strike
        shift = float(rng.uniform(0.04, 0.12)) * size_px
        to = float(rng.uniform(0, 2 * math.pi))
        dx, dy = round(shift * math.cos(to)), round(shift * math.sin(to))
        moved = np.roll(relief, (dy, dx), axis=(0, 1))
        relief = np.maximum(relief, moved * np.float32(rng.uniform(0.3, 0.7)))
    elif chance < 0.12:  # overstruck on a lily, an anchor or a star
        under = _cut_other(rng, "star_anchor", size_px, placing)
        old = _as_relief(under, 1.0) * np.float32(rng.uniform(0.2, 0.5))
        relief = np.maximum(relief, old)
    return relief


def _legibility(
    cut: CutLetter,
    ink: NDArray[np.uint8],
    kept: Field,
    grey: NDArray[np.uint8],
    blur_px: float,
) -> float:
    """What is left of a letter: of its relief, its sharpness and its contrast."""
    left, right = round(cut.left), round(cut.right) + 1
    top, bottom = round(cut.top), round(cut.bottom) + 1
    inside = (slice(max(top, 0), bottom), slice(max(left, 0), right))
    area = (right - left) * (bottom - top)
    weight = ink[inside].astype(np.float32)
    if weight.size < 0.55 * area or float(weight.sum()) <= 0:
        return 0.0
    share = float((weight * kept[inside]).sum() / weight.sum())
    # the strokes of a letter lie about a fourth of its height apart; blurred by as
    # much they are gone
    sharp = (cut.bottom - cut.top) / (4 * blur_px)
    # fewer than some eight of 255 steps of grey do not survive a JPEG
    contrast = float(grey[inside].std()) / 8
    part = weight.size / area
    return min(1.0, share) * min(1.0, sharp) * min(1.0, contrast) * part


def render_coin(
    seed: int,
    index: int,
    *,
    size_px: int = 160,
    kind: str | None = None,
    wear: float = 1.0,
) -> RenderedCoin:
    """Strike, weather and photograph one coin.

    Args:
        seed: The collection; `index` counts the coins in it. The same two
            numbers, size and kind give the same pixels everywhere.
        index: Number of the coin, 0 or more.
        size_px: Side of the square photo, 48 to 1024.
        kind: One of `KINDS`; by default the legend side.
        wear: Scales wear and corrosion: 1 as on real coins, 0 as struck.

    Raises:
        ValueError: If size or kind are not known.
    """
    kind = "legend" if kind is None else kind
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
    if not 48 <= size_px <= 1024:
        raise ValueError(f"size_px must be 48 to 1024, got {size_px}.")
    rng = np.random.default_rng([seed, index, KINDS.index(kind)])
    shape = draw_shape(rng, size_px)
    placing = _place_die(rng, shape, any_turn=rng.random() < 0.1)
    # a worn die leaves soft ridges where a fresh one leaves edges
    sigma = float(rng.uniform(0.4, 1.8 if rng.random() < 0.35 else 1.1)) * size_px / 160
    ruler: str | None = None
    legend: tuple[str, ...] = ()
    letters: list[CutLetter] = []
    legend_pose: LegendPose | None = None
    if kind == "legend":
        ruler = DEFAULT_CLASSES[int(rng.integers(len(DEFAULT_CLASSES)))]
        pen = Ink(size_px, placing)
        text, letters, field = cut_legend_die(rng, pen, ruler)
        legend = text.text()
        legend_pose = LegendPose(
            centre_x=placing.centre_x / size_px,
            centre_y=placing.centre_y / size_px,
            radius=field * placing.radius / size_px,
            turn_deg=placing.turn_deg,
        )
        ink = pen.relief()
    else:
        ink = _cut_other(rng, kind, size_px, placing)
    rise = float(rng.uniform(1.5, 4.5)) * size_px / 160
    relief = _ghost(rng, _as_relief(ink, sigma, rise), size_px, placing)
    # most coins are middling; a few are fresh, a few nearly smooth
    wear *= float(rng.beta(1.6, 2.2))
    mask = draw_mask(shape, size_px)
    away = distance_inside(mask)
    worn = apply_wear(rng, relief, wear)
    bare = surface(
        rng, shape, away, (placing.centre_x, placing.centre_y, placing.radius)
    )
    depth = np.float32(rng.uniform(0.8, 1.9))
    detail = worn.relief * depth + worn.corrosion
    steep = np.float32(size_px / 160)
    photo, blur_px = camera(
        rng, photograph(rng, (bare + detail) * steep * 2, detail, mask)
    )
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    kept = worn.kept * (mask.astype(np.float32) / np.float32(255))
    left, top, right, bottom = shape.box()
    return RenderedCoin(
        image=photo,
        mask=mask,
        kind=kind,
        ruler=ruler,
        legend=legend,
        letters=tuple(
            RenderedLetter(
                letter=cut.letter,
                left=cut.left / size_px,
                top=cut.top / size_px,
                right=cut.right / size_px,
                bottom=cut.bottom / size_px,
                upright_width=cut.wide / size_px,
                upright_height=cut.tall / size_px,
                legibility=_legibility(cut, ink, kept, grey, blur_px),
                in_name=cut.in_name,
            )
            for cut in letters
        ),
        turn_deg=placing.turn_deg,
        flan_box=(left / size_px, top / size_px, right / size_px, bottom / size_px),
        legend_pose=legend_pose,
    )
