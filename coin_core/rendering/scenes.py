"""Photos as people send them: one coin, both sides, a table full, or none at all."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.detection.faces import RotatedBox
from coin_core.rendering.backgrounds import (
    BACKGROUNDS,
    Picture,
    clouds,
    draw_background,
)
from coin_core.rendering.clutter import draw_clutter, paste
from coin_core.rendering.coins import RenderedCoin, render_coin

CoinSource = Callable[[np.random.Generator, str, int], RenderedCoin]
"""Gives a coin of a kind, struck at about so many px."""

_CANVAS_PX = 1200  # larger photos are enlarged from it
_LEAST_PX = 36  # room of a coin among several
_PLAIN = ("white", "black", "grey", "coloured")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A rendered photo and the truth about it.

    `photo` is uint8 (H, W, 3) RGB; `instance_map` uint8 (H, W) numbers the coin that is
    seen at each pixel from 1, with 0 for ground; `boxes` and `kinds` are in that
    order.
    """

    photo: Picture
    instance_map: NDArray[np.uint8]
    boxes: tuple[RotatedBox, ...]
    kinds: tuple[str, ...]
    background: str
    arrangement: str


def render_scene(seed: int, index: int) -> Scene:
    """Render one photo; the same two numbers give the same pixels everywhere."""
    return draw_scene(np.random.default_rng([seed, index, 77]))


def render_for_scene(rng: np.random.Generator, kind: str, size_px: int) -> RenderedCoin:
    """The coin_source that strikes every coin anew."""
    return render_coin(
        int(rng.integers(1 << 31)),
        int(rng.integers(1 << 31)),
        size_px=max(64, min(320, size_px)),
        kind=kind,
    )


def draw_scene(
    rng: np.random.Generator,
    *,
    coin_source: CoinSource = render_for_scene,
    longer_side_px: int | None = None,
    arrangement: str | None = None,
    plain_fraction: float = 0.5,
) -> Scene:
    """Compose one photo.

    Args:
        rng: Source of chance.
        coin_source: Where coins come from; by default each is struck.
        longer_side_px: Longer side; by default 60 to 4000, most some hundreds.
        arrangement: "none", "one", "pair" or "several"; by default any.
        plain_fraction: How many photos surely have a ground of one colour.
    """
    if longer_side_px is None:
        longer_side_px = round(float(np.exp(rng.uniform(math.log(60), math.log(4000)))))
    if arrangement is None:
        arrangement = str(
            rng.choice(["none", "one", "pair", "several"], p=[0.08, 0.5, 0.24, 0.18])
        )
    width, height = _canvas(rng, min(longer_side_px, _CANVAS_PX), arrangement)
    plain = rng.random() < plain_fraction
    ground = str(rng.choice(_PLAIN if plain else BACKGROUNDS))
    picture = draw_background(rng, width, height, ground)
    if arrangement == "none" or rng.random() < 0.35:
        draw_clutter(rng, picture, int(rng.integers(1, 4)))
    places = _PLACES[arrangement](rng, width, height)
    instance_map, kinds = _lay_coins(rng, picture, places, arrangement, coin_source)
    if arrangement != "none" and rng.random() < 0.08 and len(places) < 3:
        _write_over(rng, picture)
    picture = _light(rng, picture, gently=ground in _PLAIN)
    if longer_side_px > _CANVAS_PX:
        scale = longer_side_px / _CANVAS_PX
        size = (round(width * scale), round(height * scale))
        picture = np.asarray(
            cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8
        )
        instance_map = np.asarray(
            cv2.resize(instance_map, size, interpolation=cv2.INTER_NEAREST), np.uint8
        )
    boxes, kept = _boxes(instance_map, len(kinds))
    return Scene(
        photo=picture,
        instance_map=instance_map,
        boxes=boxes,
        kinds=tuple(kinds[k] for k in kept),
        background=ground,
        arrangement=arrangement,
    )


def _canvas(
    rng: np.random.Generator, longer_side_px: int, arrangement: str
) -> tuple[int, int]:
    narrow = {"pair": (0.42, 0.8), "one": (0.72, 1.0)}.get(arrangement, (0.6, 1.0))
    short_px = max(32, round(longer_side_px * float(rng.uniform(*narrow))))
    if arrangement != "pair" and rng.random() < 0.4:
        return short_px, longer_side_px
    return longer_side_px, short_px


@dataclass(frozen=True, slots=True)
class _Place:
    x: float
    y: float
    size_px: float  # of the longer edge of the flan's box


def _one(rng: np.random.Generator, width: int, height: int) -> list[_Place]:
    """Mostly in the middle; a third fill the frame, a few are cut off by it."""
    short = min(width, height)
    way = rng.random()
    if way < 0.35:
        size = short * float(rng.uniform(0.93, 1.0))
        return [_Place(width / 2, height / 2, size)]
    if way < 0.45:
        size = short * float(rng.uniform(0.9, 1.12))
        off = rng.normal(0, 0.03, 2) * short
        return [_Place(width / 2 + off[0], height / 2 + off[1], size)]
    size = short * float(rng.uniform(0.22, 0.93))
    free_x, free_y = (width - size) / 2, (height - size) / 2
    x = width / 2 + free_x * float(rng.uniform(-1, 1)) * 0.9
    y = height / 2 + free_y * float(rng.uniform(-1, 1)) * 0.9
    return [_Place(x, y, size)]


def _pair(rng: np.random.Generator, width: int, height: int) -> list[_Place]:
    """Side by side, apart, or touching."""
    size = min(height * float(rng.uniform(0.6, 0.99)), width / 2 * 0.98)
    gap = 0.0 if rng.random() < 0.25 else float(rng.uniform(0, 0.3)) * size
    gap = min(gap, width - 2 * size)
    middle = width / 2 + float(rng.uniform(-0.4, 0.4)) * (width - 2 * size - gap)
    room = (height - size) / 2
    places = []
    for side in (-1, 1):
        own = size * float(rng.uniform(0.9, 1.0))
        y = height / 2 + room * float(rng.uniform(-0.3, 0.3))
        places.append(_Place(middle + side * (size + gap) / 2, y, own))
    return places


def _several(rng: np.random.Generator, width: int, height: int) -> list[_Place]:
    """Rows of coins, or coins thrown down without covering each other."""
    count = int(rng.choice([3, 4, 5, 6, 8, 10, 12, 16, 20, 24]))
    # nobody photographs two dozen coins at ten px each
    count = max(2, min(count, int(width * height / _LEAST_PX**2)))
    if rng.random() < 0.5:
        columns = max(1, round(math.sqrt(count * width / height)))
        rows = -(-count // columns)
        cell = min(width / columns, height / rows)
        size = cell * float(rng.uniform(0.6, 0.97))
        places = []
        for k in range(count):
            jitter = rng.normal(0, (cell - size) * 0.15, 2)
            x = (k % columns + 0.5) * width / columns + jitter[0]
            y = (k // columns + 0.5) * height / rows + jitter[1]
            places.append(_Place(x, y, size * float(rng.uniform(0.85, 1.0))))
        return places
    size = math.sqrt(width * height / count) * float(rng.uniform(0.4, 0.72))
    placed: list[_Place] = []
    for _ in range(count * 12):
        own = size * float(rng.uniform(0.75, 1.15))
        x = float(rng.uniform(own * 0.5, max(own * 0.51, width - own * 0.5)))
        y = float(rng.uniform(own * 0.5, max(own * 0.51, height - own * 0.5)))
        # flans are seldom round: boxes may not meet, so that none covers another
        if all(math.hypot(x - p.x, y - p.y) > (own + p.size_px) * 0.5 for p in placed):
            placed.append(_Place(x, y, own))
        if len(placed) == count:
            break
    return placed


_PLACES: dict[str, Callable[[np.random.Generator, int, int], list[_Place]]] = {
    "none": lambda _rng, _width, _height: [],
    "one": _one,
    "pair": _pair,
    "several": _several,
}


def _kinds(rng: np.random.Generator, count: int, arrangement: str) -> list[str]:
    if arrangement == "pair" and rng.random() < 0.7:
        both = ["cornucopia", "legend"]
        return both if rng.random() < 0.7 else both[::-1]
    names = ["legend", "cornucopia", "star_anchor", "other"]
    picks = rng.choice(names, size=count, p=[0.45, 0.2, 0.1, 0.25])
    return [str(kind) for kind in picks]


def _lay_coins(
    rng: np.random.Generator,
    picture: Picture,
    places: list[_Place],
    arrangement: str,
    coin_source: CoinSource,
) -> tuple[NDArray[np.uint8], list[str]]:
    """Lay coins in place; striking is slow, so large lots use some coins again."""
    instance_map = np.zeros(picture.shape[:2], np.uint8)
    kinds: list[str] = []
    stock: list[RenderedCoin] = []
    shadow = _Shadow.draw(rng)
    wanted = _kinds(rng, len(places), arrangement)
    for number, place in enumerate(places):
        if number < 5:
            struck_px = round(place.size_px * 1.06)
            stock.append(coin_source(rng, wanted[number], struck_px))
            coin = stock[-1]
        else:
            coin = stock[int(rng.integers(len(stock)))]
        turn = 0.0 if number < 5 else float(rng.uniform(0, 360))
        part, cover = _cut_out(coin, place.size_px, turn)
        at = (round(place.x), round(place.y))
        shadow.cast(picture, cover, at)
        paste(picture, part, cover, at)
        _own(instance_map, cover, at, number + 1)
        kinds.append(coin.kind)
    return instance_map, kinds


def _cut_out(
    coin: RenderedCoin, size_px: float, turn_deg: float
) -> tuple[Picture, NDArray[np.uint8]]:
    """The flan alone, its box's longer edge `size_px`, and its cover."""
    side = coin.mask.shape[0]
    # the photo's blur has mixed the outermost pixels with the ground it was laid on
    thin = np.ones((3, 3), np.uint8)
    inner = cv2.erode(coin.mask, thin, iterations=max(1, side // 100))
    left, top, right, bottom = cv2.boundingRect(inner)
    right, bottom = left + right, top + bottom
    longer = max(right - left, bottom - top, 1)
    scale = size_px / longer
    out_px = max(4, math.ceil(size_px * (1.5 if turn_deg else 1.04)))
    centre = ((left + right) / 2, (top + bottom) / 2)
    turn = cv2.getRotationMatrix2D(centre, turn_deg, scale)
    turn[:, 2] += np.array([out_px / 2 - centre[0], out_px / 2 - centre[1]])
    image = coin.image
    if scale < 0.6:  # averaging first: warping alone would skip pixels
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 / scale), np.uint8)
        inner = cv2.GaussianBlur(inner, (0, 0), 0.4 / scale)
    flags = cv2.INTER_LINEAR
    part = cv2.warpAffine(
        image, turn, (out_px, out_px), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    cover = cv2.warpAffine(inner, turn, (out_px, out_px), flags=flags)
    return np.asarray(part, np.uint8), np.asarray(cover, np.uint8)


def _own(
    instance_map: NDArray[np.uint8],
    cover: NDArray[np.uint8],
    at: tuple[int, int],
    number: int,
) -> None:
    height, width = cover.shape
    x0, y0 = at[0] - width // 2, at[1] - height // 2
    xa, ya = max(x0, 0), max(y0, 0)
    xb, yb = (
        min(x0 + width, instance_map.shape[1]),
        min(y0 + height, instance_map.shape[0]),
    )
    if xa >= xb or ya >= yb:
        return
    seen = cover[ya - y0 : yb - y0, xa - x0 : xb - x0] > 127
    instance_map[ya:yb, xa:xb][seen] = number


@dataclass(frozen=True, slots=True)
class _Shadow:
    """One light for the whole table; `depth` 0 where there is none."""

    depth: float
    dx: float
    dy: float
    softness: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "_Shadow":
        depth = float(rng.uniform(0.1, 0.7)) if rng.random() < 0.55 else 0.0
        angle = float(rng.uniform(0, 2 * math.pi))
        long = float(rng.uniform(0.0, 0.09))
        return cls(
            depth,
            long * math.cos(angle),
            long * math.sin(angle),
            float(rng.uniform(0.01, 0.06)),
        )

    def cast(
        self, picture: Picture, cover: NDArray[np.uint8], at: tuple[int, int]
    ) -> None:
        """Darken the ground beside and below a coin."""
        side = cover.shape[0]
        if not self.depth or side < 12:
            return
        wide = max(1, round(side * 0.2))
        padded = cv2.copyMakeBorder(
            cover, wide, wide, wide, wide, cv2.BORDER_CONSTANT, value=0
        )
        soft = cv2.GaussianBlur(padded, (0, 0), max(0.5, side * self.softness))
        dim = np.asarray(soft * np.float32(self.depth), np.uint8)
        where = (at[0] + round(self.dx * side), at[1] + round(self.dy * side))
        dark = np.zeros((*dim.shape, 3), np.uint8)
        paste(picture, dark, dim, where)


def _write_over(rng: np.random.Generator, picture: Picture) -> None:
    """A seller's mark across the photo."""
    height, width = picture.shape[:2]
    above = picture.copy()
    tone = [255.0] * 3 if rng.random() < 0.7 else [0.0] * 3
    at = (int(rng.uniform(0, 0.4) * width), int(rng.uniform(0.3, 0.9) * height))
    size = width / 300
    cv2.putText(above, "coins 0123", at, 0, size, tone, max(1, round(size * 2)))
    share = float(rng.uniform(0.15, 0.5))
    cv2.addWeighted(above, share, picture, 1 - share, 0, dst=picture)


def _light(rng: np.random.Generator, picture: Picture, gently: bool) -> Picture:
    """Uneven light over everything, a little blur, grain, JPEG."""
    height, width = picture.shape[:2]
    if rng.random() < (0.35 if gently else 0.6):
        depth = np.float32(rng.uniform(0.03, 0.2 if gently else 0.45))
        shade = np.float32(1) + depth * clouds(rng, width, height, (2, 2))
        lit = picture.astype(np.float32) * shade[:, :, None]
        picture = np.asarray(np.clip(lit, 0, 255), np.uint8)
    if rng.random() < 0.35:
        sigma = max(0.35, min(width, height) * float(rng.uniform(0.0005, 0.004)))
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
    if rng.random() < 0.3:
        strength = float(rng.uniform(1, 9))
        tile = rng.normal(0, strength, (96, 96, 1)).round().astype(np.int16)
        grain = np.tile(tile, (-(-height // 96), -(-width // 96), 1))[:height, :width]
        picture = np.asarray(np.clip(picture + grain, 0, 255), np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(40, 96))
        _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return picture


def _boxes(
    instance_map: NDArray[np.uint8], count: int
) -> tuple[tuple[RotatedBox, ...], list[int]]:
    """Boxes of what is seen of each coin, and the numbers of those that are seen."""
    height, width = instance_map.shape
    boxes, kept = [], []
    for number in range(count):
        left, top, wide, high = cv2.boundingRect(
            np.asarray(instance_map == number + 1, np.uint8)
        )
        if not wide or not high:
            continue
        kept.append(number)
        boxes.append(
            RotatedBox(
                left=left / width,
                top=top / height,
                right=(left + wide) / width,
                bottom=(top + high) / height,
            )
        )
    return tuple(boxes), kept
