"""Photos as users send them: no coin, one coin, both sides, or many coins."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.imaging.preprocessing import RotatedBox
from coin_core.rendering.backgrounds import (
    BACKGROUNDS,
    PLAIN_BACKGROUNDS,
    Picture,
    draw_background,
    draw_clouds,
)
from coin_core.rendering.clutter import draw_clutter, overlap, paste
from coin_core.rendering.coins import KINDS, RenderedCoin, render_coin
from coin_core.rendering.engraving import polar
from coin_core.rendering.photo import compress_jpeg

CoinSource = Callable[[np.random.Generator, str, int], RenderedCoin]
"""Gives a coin of a kind, rendered at about this size in px."""

_CANVAS_PX = 1200  # larger photos are enlarged from this size
_MIN_CELL_PX = 36  # side of a coin's cell among several
_DIFFERENT_COINS = 5  # rendering is slow, so further coins of a scene repeat these


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A rendered photo and the truth about it.

    Attributes:
        photo: uint8 (H, W, 3) RGB.
        instance_map: uint8 (H, W), the number of the coin at each pixel, from 1 in the
            order in which they were drawn; 0 for background.
        boxes: The visible part of each coin.
        kinds: The kind of each coin in `boxes`, one of `rendering.KINDS`.
        background: One of `backgrounds.BACKGROUNDS`.
        arrangement: "none", "one", "pair" or "several".
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
    """A new random coin, the default source of coins."""
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
    """Draw a random photo.

    Args:
        rng: Source of chance.
        coin_source: Where coins come from; by default each is rendered.
        longer_side_px: Longer side of the photo; by default 60 to 4000, log-uniform.
        arrangement: "none", "one", "pair" or "several"; random by default.
        plain_fraction: Probability that only plain backgrounds are considered, 0 to 1.
    """
    if longer_side_px is None:
        longer_side_px = round(float(np.exp(rng.uniform(math.log(60), math.log(4000)))))
    if arrangement is None:
        arrangement = str(
            rng.choice(["none", "one", "pair", "several"], p=[0.08, 0.5, 0.24, 0.18])
        )
    width, height = _draw_size(rng, min(longer_side_px, _CANVAS_PX), arrangement)
    plain = rng.random() < plain_fraction
    background = str(rng.choice(PLAIN_BACKGROUNDS if plain else BACKGROUNDS))
    picture = draw_background(rng, width, height, background)
    if arrangement == "none" or rng.random() < 0.35:
        draw_clutter(rng, picture, int(rng.integers(1, 4)))
    places = _ARRANGEMENTS[arrangement](rng, width, height)
    instance_map, kinds = _draw_coins(rng, picture, places, arrangement, coin_source)
    if arrangement != "none" and rng.random() < 0.08 and len(places) < 3:
        _draw_watermark(rng, picture)
    picture = _finish(rng, picture, gently=background in PLAIN_BACKGROUNDS)
    if longer_side_px > _CANVAS_PX:
        scale = longer_side_px / _CANVAS_PX
        size = (round(width * scale), round(height * scale))
        picture, instance_map = (
            np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
            for pixels, method in (
                (picture, cv2.INTER_LINEAR),
                (instance_map, cv2.INTER_NEAREST),
            )
        )
    boxes = _find_boxes(instance_map, len(kinds))
    return Scene(
        photo=picture,
        instance_map=instance_map,
        boxes=tuple(boxes.values()),
        kinds=tuple(kinds[number] for number in boxes),
        background=background,
        arrangement=arrangement,
    )


def _draw_size(
    rng: np.random.Generator, longer_px: int, arrangement: str
) -> tuple[int, int]:
    """Width and height of a photo."""
    ratios = {"pair": (0.42, 0.8), "one": (0.72, 1.0)}.get(arrangement, (0.6, 1.0))
    shorter_px = max(32, round(longer_px * float(rng.uniform(*ratios))))
    if arrangement != "pair" and rng.random() < 0.4:
        return shorter_px, longer_px
    return longer_px, shorter_px


@dataclass(frozen=True, slots=True)
class _Place:
    """Centre of a coin, and the longer edge of its flan's box."""

    x: float
    y: float
    size_px: float


def _arrange_one(rng: np.random.Generator, width: int, height: int) -> list[_Place]:
    """In 35 % the coin fills the photo, in 10 % the edge may cut it off."""
    shorter = min(width, height)
    chance = rng.random()
    if chance < 0.35:
        size = shorter * float(rng.uniform(0.93, 1.0))
        return [_Place(width / 2, height / 2, size)]
    if chance < 0.45:
        size = shorter * float(rng.uniform(0.9, 1.12))
        dx, dy = rng.normal(0, 0.03, 2) * shorter
        return [_Place(width / 2 + dx, height / 2 + dy, size)]
    size = shorter * float(rng.uniform(0.22, 0.93))
    free_x, free_y = (width - size) / 2, (height - size) / 2
    x = width / 2 + free_x * float(rng.uniform(-1, 1)) * 0.9
    y = height / 2 + free_y * float(rng.uniform(-1, 1)) * 0.9
    return [_Place(x, y, size)]


def _arrange_pair(rng: np.random.Generator, width: int, height: int) -> list[_Place]:
    """Side by side, with or without a gap."""
    size = min(height * float(rng.uniform(0.6, 0.99)), width / 2 * 0.98)
    gap = 0.0 if rng.random() < 0.25 else float(rng.uniform(0, 0.3)) * size
    gap = min(gap, width - 2 * size)
    middle = width / 2 + float(rng.uniform(-0.4, 0.4)) * (width - 2 * size - gap)
    free_y = (height - size) / 2
    places = []
    for side in (-1, 1):
        own_size = size * float(rng.uniform(0.9, 1.0))
        y = height / 2 + free_y * float(rng.uniform(-0.3, 0.3))
        places.append(_Place(middle + side * (size + gap) / 2, y, own_size))
    return places


def _arrange_several(rng: np.random.Generator, width: int, height: int) -> list[_Place]:
    """In rows, or at random without covering each other."""
    count = int(rng.choice([3, 4, 5, 6, 8, 10, 12, 16, 20, 24]))
    # nobody photographs two dozen coins at 10 px each
    count = max(2, min(count, int(width * height / _MIN_CELL_PX**2)))
    if rng.random() < 0.5:
        columns = max(1, round(math.sqrt(count * width / height)))
        rows = -(-count // columns)
        cell = min(width / columns, height / rows)
        size = cell * float(rng.uniform(0.6, 0.97))
        places = []
        for k in range(count):
            dx, dy = rng.normal(0, (cell - size) * 0.15, 2)
            x = (k % columns + 0.5) * width / columns + dx
            y = (k // columns + 0.5) * height / rows + dy
            places.append(_Place(x, y, size * float(rng.uniform(0.85, 1.0))))
        return places
    size = math.sqrt(width * height / count) * float(rng.uniform(0.4, 0.72))
    placed: list[_Place] = []
    for _ in range(count * 12):
        own = size * float(rng.uniform(0.75, 1.15))
        x = float(rng.uniform(own * 0.5, max(own * 0.51, width - own * 0.5)))
        y = float(rng.uniform(own * 0.5, max(own * 0.51, height - own * 0.5)))
        # flans are seldom round: circles around the boxes' edges may not meet
        if all(math.hypot(x - p.x, y - p.y) > (own + p.size_px) * 0.5 for p in placed):
            placed.append(_Place(x, y, own))
        if len(placed) == count:
            break
    return placed


_ARRANGEMENTS: dict[str, Callable[[np.random.Generator, int, int], list[_Place]]] = {
    "none": lambda _rng, _width, _height: [],
    "one": _arrange_one,
    "pair": _arrange_pair,
    "several": _arrange_several,
}


def _draw_kinds(rng: np.random.Generator, count: int, arrangement: str) -> list[str]:
    if arrangement == "pair" and rng.random() < 0.7:
        both = ["cornucopia", "legend"]
        return both if rng.random() < 0.7 else both[::-1]
    picks = rng.choice(KINDS, size=count, p=[0.45, 0.2, 0.1, 0.25])
    return [str(kind) for kind in picks]


def _draw_coins(
    rng: np.random.Generator,
    picture: Picture,
    places: list[_Place],
    arrangement: str,
    coin_source: CoinSource,
) -> tuple[NDArray[np.uint8], list[str]]:
    """Draw coins onto a picture, in place; returns the instance map and the kinds."""
    instance_map = np.zeros(picture.shape[:2], np.uint8)
    coins: list[RenderedCoin] = []
    shadow = _Shadow.draw(rng)
    kinds = _draw_kinds(rng, len(places), arrangement)
    for number, place in enumerate(places):
        turn_deg = 0.0
        if number < _DIFFERENT_COINS:
            coin = coin_source(rng, kinds[number], round(place.size_px * 1.06))
            coins.append(coin)
        else:
            coin = coins[int(rng.integers(len(coins)))]
            turn_deg = float(rng.uniform(0, 360))
        kinds[number] = coin.kind
        part, cover = _cut_out(coin, place.size_px, turn_deg)
        centre = (round(place.x), round(place.y))
        shadow.cast(picture, cover, centre)
        paste(picture, part, cover, centre)
        there, here = overlap(instance_map.shape, cover.shape, centre)
        instance_map[there][cover[here] > 127] = number + 1
    return instance_map, kinds


def _cut_out(
    coin: RenderedCoin, size_px: float, turn_deg: float
) -> tuple[Picture, NDArray[np.uint8]]:
    """The flan alone, with `size_px` as the longer edge of its box, and its cover."""
    side = coin.mask.shape[0]
    # the photo's blur has mixed the outermost pixels with the background
    square = np.ones((3, 3), np.uint8)
    inner = cv2.erode(coin.mask, square, iterations=max(1, side // 100))
    left, top, width, height = cv2.boundingRect(inner)
    scale = size_px / max(width, height, 1)
    out_px = max(4, math.ceil(size_px * (1.5 if turn_deg else 1.04)))
    centre = ((left + left + width) / 2, (top + top + height) / 2)
    turn = cv2.getRotationMatrix2D(centre, turn_deg, scale)
    turn[:, 2] += np.array([out_px / 2 - centre[0], out_px / 2 - centre[1]])
    image = coin.image
    if scale < 0.6:  # warping alone would skip pixels
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 / scale), np.uint8)
        inner = cv2.GaussianBlur(inner, (0, 0), 0.4 / scale)
    size, flags = (out_px, out_px), cv2.INTER_LINEAR
    part = cv2.warpAffine(
        image, turn, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    cover = cv2.warpAffine(inner, turn, size, flags=flags)
    return np.asarray(part, np.uint8), np.asarray(cover, np.uint8)


@dataclass(frozen=True, slots=True)
class _Shadow:
    """Shadows of coins under one light.

    Attributes:
        depth: Opacity, 0 (no shadow) to 1.
        dx: Offset to the right, relative to the coin's size.
        dy: Offset downwards, relative to the coin's size.
        softness: Standard deviation of the blur, relative to the coin's size.
    """

    depth: float
    dx: float
    dy: float
    softness: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "_Shadow":
        depth = float(rng.uniform(0.1, 0.7)) if rng.random() < 0.55 else 0.0
        angle = float(rng.uniform(0, 2 * math.pi))
        dx, dy = polar(float(rng.uniform(0.0, 0.09)), angle)
        return cls(depth, dx, dy, float(rng.uniform(0.01, 0.06)))

    def cast(
        self, picture: Picture, cover: NDArray[np.uint8], centre: tuple[int, int]
    ) -> None:
        """Darken the background beside and below a coin."""
        side = cover.shape[0]
        if not self.depth or side < 12:
            return
        margin = max(1, round(side * 0.2))
        padded = np.pad(cover, margin)
        soft = cv2.GaussianBlur(padded, (0, 0), max(0.5, side * self.softness))
        opacity = np.asarray(soft * np.float32(self.depth), np.uint8)
        shifted = (centre[0] + round(self.dx * side), centre[1] + round(self.dy * side))
        black = np.zeros((*opacity.shape, 3), np.uint8)
        paste(picture, black, opacity, shifted)


def _draw_watermark(rng: np.random.Generator, picture: Picture) -> None:
    """Draw a seller's watermark across the photo, in place."""
    height, width = picture.shape[:2]
    above = picture.copy()
    colour = [255.0] * 3 if rng.random() < 0.7 else [0.0] * 3
    at = (int(rng.uniform(0, 0.4) * width), int(rng.uniform(0.3, 0.9) * height))
    scale = width / 300
    cv2.putText(above, "coins 0123", at, 0, scale, colour, max(1, round(scale * 2)))
    opacity = float(rng.uniform(0.15, 0.5))
    cv2.addWeighted(above, opacity, picture, 1 - opacity, 0, dst=picture)


def _finish(rng: np.random.Generator, picture: Picture, gently: bool) -> Picture:
    """Apply uneven light, blur, grain and JPEG compression."""
    height, width = picture.shape[:2]
    if rng.random() < (0.35 if gently else 0.6):
        depth = np.float32(rng.uniform(0.03, 0.2 if gently else 0.45))
        shade = np.float32(1) + depth * draw_clouds(rng, width, height, (2, 2))
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
        picture = compress_jpeg(picture, int(rng.integers(40, 96)))
    return picture


def _find_boxes(instance_map: NDArray[np.uint8], count: int) -> dict[int, RotatedBox]:
    """Box of the visible part of each visible coin, by its index from 0."""
    height, width = instance_map.shape
    boxes = {}
    for index in range(count):
        pixels = np.asarray(instance_map == index + 1, np.uint8)
        left, top, box_width, box_height = cv2.boundingRect(pixels)
        if box_width and box_height:
            boxes[index] = RotatedBox(
                left=left / width,
                top=top / height,
                right=(left + box_width) / width,
                bottom=(top + box_height) / height,
            )
    return boxes
