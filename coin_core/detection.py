"""The coins in a photo: their boxes, and the side that each shows.

A network finds coins on any background. On a plain background the colour gives the
outline to the pixel, and replaces the network's box where the two agree. A second
network looks at the crop of a coin and gives the side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coin_core.imaging.preprocessing import (
    CROP_PX,
    RotatedBox,
    crop_to_flan,
    halvings,
    local_contrast_normalize,
    shrink_by_halves,
)
from coin_core.model_store.bundle import find_detection_bundle, load_card
from coin_core.model_store.graph import (
    check_finite,
    compiled,
    conv_bn_relu,
    load_small_net,
)
from coin_core.results import MAX_COINS, DetectedFace, Side
from coin_core.rulers import RULERS


def detect_coins(
    photo: NDArray[np.uint8], *, net: nn.Module | None = None
) -> tuple[RotatedBox, ...]:
    """Detect the coins in a photo.

    Args:
        photo: RGB, uint8 (H, W, 3), on any background.
        net: The network; the shipped one if None.

    Returns:
        Tight boxes around the flans, row by row from the top, each row from the left.
        At most `MAX_COINS`, the largest ones.

    Raises:
        WeightsMissingError: The network's weights are missing.
    """
    return _in_fractions(photo, detect_boxes([photo], net)[0])


def _in_fractions(
    photo: NDArray[np.uint8], boxes: Sequence[Box]
) -> tuple[RotatedBox, ...]:
    """The largest boxes, given in px, in reading order."""
    height, width = photo.shape[:2]
    largest = sorted(boxes, key=_area, reverse=True)[:MAX_COINS]
    return _in_reading_order(
        [
            RotatedBox(
                left=max(0.0, left / width),
                top=max(0.0, top / height),
                right=min(1.0, right / width),
                bottom=min(1.0, bottom / height),
            )
            for left, top, right, bottom in largest
        ]
    )


def _in_reading_order(boxes: list[RotatedBox]) -> tuple[RotatedBox, ...]:
    """Sort by rows from the top; a row overlaps the middle of its first coin."""
    remaining = sorted(boxes, key=lambda box: box.top + box.bottom)
    ordered: list[RotatedBox] = []
    while remaining:
        bottom = remaining[0].bottom
        row = [box for box in remaining if (box.top + box.bottom) / 2 < bottom]
        remaining = [box for box in remaining if box not in row]
        ordered += sorted(row, key=lambda box: box.left + box.right)
    return tuple(ordered)


def classify_sides(
    photo: NDArray[np.uint8], boxes: Sequence[RotatedBox]
) -> tuple[DetectedFace, ...]:
    """Classify the side of each coin, all boxes in one batch.

    Raises:
        WeightsMissingError: The network's weights are missing.
    """
    return _classify_in_each([photo], [boxes])[0].faces


@dataclass(frozen=True, slots=True, eq=False)
class FoundCoins:
    """The coins in a photo.

    Attributes:
        faces: Where each is, and the side that it shows.
        crops: What classifiers get of each, uint8 (CROP_PX, CROP_PX, 3) each.
    """

    faces: tuple[DetectedFace, ...]
    crops: tuple[NDArray[np.uint8], ...]


def find_coins(photos: Sequence[NDArray[np.uint8]]) -> list[FoundCoins]:
    """Detect the coins in each photo, and classify their sides, all in batches.

    Raises:
        WeightsMissingError: A network's weights are missing.
    """
    exact = detect_by_colour(photos)
    alone = [k for k, boxes in enumerate(exact) if _fills(photos[k], boxes)]
    at_once = _faces_at([photos[k] for k in alone], [exact[k] for k in alone])
    # If it shows the legend beyond doubt, the network would only confirm its box.
    faces = {
        k: found
        for k, found in zip(alone, at_once, strict=True)
        if found.faces[0].side is Side.LEGEND
        and found.faces[0].confidence >= _SURELY_LEGEND
    }
    others = [k for k in range(len(photos)) if k not in faces]
    rest = [photos[k] for k in others]
    boxes = detect_boxes(rest, exact=[exact[k] for k in others])
    faces |= zip(others, _faces_at(rest, boxes), strict=True)
    return [faces[k] for k in range(len(photos))]


def _faces_at(
    photos: Sequence[NDArray[np.uint8]], boxes: Sequence[Sequence[Box]]
) -> list[FoundCoins]:
    """Classify the sides of the coins in the boxes, in px, of each photo."""
    in_order = [_in_fractions(*one) for one in zip(photos, boxes, strict=True)]
    return _classify_in_each(photos, in_order)


def _fills(photo: NDArray[np.uint8], boxes: Sequence[Box]) -> bool:
    """Whether there is one coin, and no room for another of its size beside it."""
    return len(boxes) == 1 and _long_side(boxes[0]) >= _ALONE * max(photo.shape[:2])


def _classify_in_each(
    photos: Sequence[NDArray[np.uint8]], boxes: Sequence[Sequence[RotatedBox]]
) -> list[FoundCoins]:
    crops = [
        tuple(crop_to_flan(photo, box, CROP_PX) for box in own)
        for photo, own in zip(photos, boxes, strict=True)
    ]
    every = [crop for own in crops for crop in own]
    rows = iter(sides_of_crops(np.stack(every)) if every else ())
    return [
        FoundCoins(tuple(_face(box, next(rows)) for box in own), cut)
        for own, cut in zip(boxes, crops, strict=True)
    ]


def _face(box: RotatedBox, row: NDArray[np.float32]) -> DetectedFace:
    best = int(row.argmax())
    return DetectedFace(box=box, side=tuple(Side)[best], confidence=float(row[best]))


def legend_side(faces: Sequence[DetectedFace]) -> int | None:
    """Return the index of the face that most probably has the legend, or None."""
    legends = [k for k, face in enumerate(faces) if face.side is Side.LEGEND]
    return max(legends, key=lambda k: faces[k].confidence, default=None)


def face_to_read(
    faces: Sequence[DetectedFace], classes: Iterable[str] = tuple(RULERS)
) -> int | None:
    """Return the index of the face that a classifier sees, None without faces.

    The rulers are named on the side with the legend; without one it is the largest
    face. Of other coins it is the first face: by custom the obverse is on the left.

    Args:
        faces: In reading order.
        classes: Of the classifier; of rulers among other coins, the side with the
            legend comes first.
    """
    is_ruler = [name in RULERS for name in classes]
    legend = legend_side(faces) if any(is_ruler) else None
    if legend is not None or not faces:
        return legend
    return _largest_face(faces) if all(is_ruler) else 0


def _largest_face(faces: Sequence[DetectedFace]) -> int:
    areas = [(f.box.right - f.box.left) * (f.box.bottom - f.box.top) for f in faces]
    return int(np.argmax(areas))


# Coins in a photo

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in px."""

COIN_BUNDLE = "faces"
PHOTO_PX = 128  # longer side of the whole photo as the network gets it
GLANCE_PX = 96  # of the whole photo where the network only confirms boxes
ZOOM_PX = 96  # side of the view of one coin
ZOOM = 1.35  # side of that view over the longer edge of the coin's box
BORDER_PX = 4  # grey around the photo, so that coins cut off by it have an edge
BORDER_GREY = 128
STRIDE = 2  # the maps are half as wide as the input

_TINY_PX = 16
_MIN_OF_LARGEST = 0.35  # of the largest coin; denominations differ less
_MIN_OF_PHOTO = 0.06  # of the photo's longer side
_SAME_COIN = 0.85  # IoU of a coin's boxes by network and colour
_CLEARLY_SAME = 0.9  # at a glance
_OTHER_COIN = 0.3  # a lower IoU is a coin that the network missed
_FOREGROUND = 0.5
_LARGE = 0.4  # of the photo's longer side
_ALONE = 0.6  # likewise
_SURELY_LEGEND = 0.9
_MAX_REGIONS = 32
_ROUNDS = 3  # of zooming in, the later ones for boxes that still moved
_MIN_SCORE = 0.75
_UPSAMPLING = 4
# px of the views that are segmented at once, each mirrored: in larger batches each view
# takes longer on a CPU, since memory has to be fetched
_BATCH_AREA = 2 * 128 * 128
Mirrors = tuple[tuple[int, ...], ...]
"""Axes along which a batch of photos is mirrored, for each time that it is seen."""
_MIRRORED: Mirrors = ((), (3,), (2,), (2, 3))
_GLANCE: Mirrors = ((),)

# Detection by colour, on plain backgrounds.
_PLAIN_PX = 240  # least longer side of the photo, which is halved
_SMALLEST = 0.0012  # fraction of the photo
_ROUND = 0.8  # area over that of the ellipse in the same box
_WHOLE = 0.92  # area over that of the convex hull
_WHOLE_AT_EDGE = 0.95  # things at the edge of a photo merge with coins
_SHARP = 0.96  # area of the box at a stricter level; lower with a shadow


@dataclass(frozen=True, slots=True)
class Region:
    """A coin's box and the mean probability of its core, 0..1."""

    box: Box
    score: float


class CoinSegmentationNet(nn.Module):
    """Flan and core of the flan for every second pixel of a reduced photo.

    (N, 3, H, W) in -1..1, H and W multiples of 32, to logits (N, 2, H/2, W/2): part of
    a flan; part of a flan's inner region, which never touches another one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = conv_bn_relu(3, 12, 2)
        self.fourth = nn.Sequential(conv_bn_relu(12, 24, 2), conv_bn_relu(24, 24))
        self.eighth = nn.Sequential(conv_bn_relu(24, 48, 2), conv_bn_relu(48, 48))
        self.sixteenth = nn.Sequential(conv_bn_relu(48, 64, 2), conv_bn_relu(64, 64))
        self.whole = nn.Sequential(conv_bn_relu(64, 64, 2), conv_bn_relu(64, 64))
        self.to_sixteenth = conv_bn_relu(64 + 64, 48)
        self.to_eighth = conv_bn_relu(48 + 48, 32)
        self.to_fourth = conv_bn_relu(32 + 24, 24)
        self.to_half = conv_bn_relu(24 + 12, 16)
        self.maps = nn.Conv2d(16, 2, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, photos: Tensor) -> Tensor:
        """Return two maps of logits."""
        half = self.first(photos)
        fourth = self.fourth(half)
        eighth = self.eighth(fourth)
        sixteenth = self.sixteenth(eighth)
        x = self.whole(sixteenth)
        for skip, layer in (
            (sixteenth, self.to_sixteenth),
            (eighth, self.to_eighth),
            (fourth, self.to_fourth),
            (half, self.to_half),
        ):
            x = layer(torch.cat((self.up(x), skip), dim=1))
        out: Tensor = self.maps(x)
        return out


@lru_cache(maxsize=1)
def shipped_coin_net() -> nn.Module:
    """Return the shipped network, loaded once."""
    net = load_small_net(find_detection_bundle(COIN_BUNDLE), CoinSegmentationNet)
    return compiled(net, torch.zeros(1, 3, ZOOM_PX, ZOOM_PX))


def photos_to_input(photos: NDArray[np.uint8]) -> Tensor:
    """Turn photos uint8 (N, H, W, 3) into float (N, 3, H, W), from -1 to 1."""
    # Torch would wake its threads for that, which costs more than they save.
    pixels = photos.astype(np.float32)
    pixels /= 127.5
    pixels -= 1
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def segment(
    photos: NDArray[np.uint8],
    net: nn.Module | None = None,
    mirrors: Mirrors = _MIRRORED,
) -> NDArray[np.float32]:
    """Return the probabilities of flan and core, float32 (N, 2, H/2, W/2).

    They are the mean over each photo and its mirror images.
    """
    net = net or shipped_coin_net()
    pixels = photos_to_input(photos)
    with torch.inference_mode():
        if mirrors != _GLANCE:
            pixels = torch.cat([pixels.flip(axes) for axes in mirrors])
        maps = check_finite(net(pixels).sigmoid(), COIN_BUNDLE)
        maps = maps.view(len(mirrors), len(photos), *maps.shape[1:])
        mean = maps[0]  # of the photos as they are
        for one, axes in zip(maps[1:], mirrors[1:], strict=True):
            mean = mean + one.flip(axes)
        out: NDArray[np.float32] = (mean / len(mirrors)).numpy()
    return out


def _segment_views(
    views: Sequence[NDArray[np.uint8]],
    net: nn.Module | None,
    mirrors: Mirrors = _MIRRORED,
) -> list[NDArray[np.float32]]:
    """Return the maps of views of any size; those of one size are one batch."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for number, view in enumerate(views):
        by_shape.setdefault(view.shape, []).append(number)
    maps: dict[int, NDArray[np.float32]] = {}
    for (height, width, _), numbers in by_shape.items():
        at_once = max(1, _BATCH_AREA // (height * width))
        for first in range(0, len(numbers), at_once):
            part = numbers[first : first + at_once]
            found = segment(np.stack([views[k] for k in part]), net, mirrors)
            maps.update(zip(part, found, strict=True))
    return [maps[number] for number in range(len(views))]


def detect_by_colour(photos: Sequence[NDArray[np.uint8]]) -> list[list[Box]]:
    """Return the boxes in px that colour gives in each photo, none if unreliable."""
    return [
        (min(photo.shape[:2]) >= _TINY_PX and detect_on_plain_background(photo)) or []
        for photo in photos
    ]


def detect_boxes(
    photos: Sequence[NDArray[np.uint8]],
    net: nn.Module | None = None,
    exact: Sequence[list[Box]] | None = None,
) -> list[list[Box]]:
    """Return the boxes of the coins in px of each photo, in no order.

    Args:
        photos: RGB, uint8 (H, W, 3) each.
        net: The network; the shipped one if None.
        exact: What `detect_by_colour` gives, to save finding it again.
    """
    if exact is None:
        exact = detect_by_colour(photos)
    large = [k for k, photo in enumerate(photos) if min(photo.shape[:2]) >= _TINY_PX]
    net = net or shipped_coin_net()
    plain = [k for k in large if exact[k]]
    glances = _detect_in_whole([photos[k] for k in plain], GLANCE_PX, net, _GLANCE)
    sure = {
        k
        for k, regions in zip(plain, glances, strict=True)
        if _agree(exact[k], regions, photos[k].shape)
    }
    closer = [k for k in large if k not in sure]
    by_network = detect_by_network([photos[k] for k in closer], net)
    found: list[list[Box]] = [[] for _ in photos]
    for k, boxes in [*((k, exact[k]) for k in sure), *zip(closer, by_network)]:
        found[k] = _join_boxes(boxes, exact[k], max(photos[k].shape[:2]))
    return found


def _agree(
    exact: Sequence[Box], regions: Sequence[Region], shape: tuple[int, ...]
) -> bool:
    """Whether the network sees at a glance the coins that were found by colour.

    Zooming in would only confirm boxes that are exact already.
    """
    return (
        len(exact) == len(regions)
        and max(map(_long_side, exact)) >= _LARGE * max(shape[:2])
        and all(region.score > _MIN_SCORE for region in regions)
        and all(
            max(iou(box, region.box) for region in regions) > _CLEARLY_SAME
            for box in exact
        )
    )


def _join_boxes(boxes: list[Box], exact: list[Box], long_px: int) -> list[Box]:
    """Join the boxes that the network found with those found by colour."""
    for box in exact:
        overlaps = [iou(box, other) for other in boxes]
        best = int(np.argmax(overlaps)) if overlaps else 0
        if not overlaps or overlaps[best] < _OTHER_COIN:
            boxes.append(box)
        elif overlaps[best] > _SAME_COIN:
            boxes[best] = box
    # Much smaller things are pebbles, seeds or letters.
    least = _MIN_OF_LARGEST * max(map(_long_side, boxes), default=0.0)
    least = max(least, _MIN_OF_PHOTO * long_px)
    return [box for box in boxes if _long_side(box) >= least]


def detect_by_network(
    photos: Sequence[NDArray[np.uint8]], net: nn.Module | None = None
) -> list[list[Box]]:
    """Return boxes in px of each photo: from the whole, refined by zooming in."""
    regions = _detect_in_whole(photos, PHOTO_PX, net)
    small = []
    for k, (photo, found) in enumerate(zip(photos, regions, strict=True)):
        long_px = max(photo.shape[:2])
        largest = max((_long_side(region.box) for region in found), default=0.0)
        if largest < _LARGE * long_px and long_px > PHOTO_PX * 1.25:
            small.append(k)
    # Small coins merge or vanish in the small view.
    again = _detect_in_whole([photos[k] for k in small], 2 * PHOTO_PX, net)
    for k, found in zip(small, again, strict=True):
        regions[k] += found
    regions = [_suppress_overlaps(found, 0.6)[:_MAX_REGIONS] for found in regions]
    settled: list[list[Region]] = [[] for _ in photos]
    for _ in range(_ROUNDS):
        if not any(regions):
            break
        refined = iter(_refine(photos, regions, net))
        for k, before in enumerate(regions):
            moved: list[Region] = []
            for one, after in zip(before, refined, strict=False):
                if after is not None:
                    same = iou(one.box, after.box) > 0.9
                    (settled[k] if same else moved).append(after)
            regions[k] = _suppress_overlaps(moved, 0.6)
    boxes: list[list[Box]] = []
    for photo, done, rest in zip(photos, settled, regions, strict=True):
        height, width = photo.shape[:2]
        likely = [region for region in done + rest if region.score > _MIN_SCORE]
        kept = [region.box for region in _suppress_overlaps(likely, 0.4)]
        boxes.append(
            [
                (
                    max(0.0, x0),
                    max(0.0, y0),
                    min(float(width), x1),
                    min(float(height), y1),
                )
                for x0, y0, x1, y1 in kept
            ]
        )
    return boxes


def _suppress_overlaps(regions: list[Region], limit: float) -> list[Region]:
    """Keep the best regions that cover neither each other nor half of a smaller one."""
    kept: list[Region] = []
    for region in sorted(regions, key=lambda region: -region.score):
        if all(
            iou(region.box, other.box) < limit
            and _fraction_inside(region.box, other.box) < max(0.6, limit)
            for other in kept
        ):
            kept.append(region)
    return kept


def _detect_in_whole(
    photos: Sequence[NDArray[np.uint8]],
    long_px: int,
    net: nn.Module | None,
    mirrors: Mirrors = _MIRRORED,
) -> list[list[Region]]:
    views = [letterbox(photo, long_px) for photo in photos]
    found = []
    every = _segment_views([view for view, _, _ in views], net, mirrors)
    for maps, (_, scale, _) in zip(every, views, strict=True):
        origin = (-BORDER_PX / scale, -BORDER_PX / scale)
        found.append(
            [_to_photo(region, 1 / scale, origin) for region in split_regions(maps)]
        )
    return found


def _refine(
    photos: Sequence[NDArray[np.uint8]],
    regions: Sequence[Sequence[Region]],
    net: nn.Module | None,
) -> list[Region | None]:
    """Detect each region again in a view of its own; None if there is no coin.

    Returns:
        The regions of the first photo, then those of the second, and so on.
    """
    pairs = [
        (photo, region)
        for photo, found in zip(photos, regions, strict=True)
        for region in found
    ]
    views = [zoom_crop(photo, region.box) for photo, region in pairs]
    every = _segment_views([view[0] for view in views], net)
    refined: list[Region | None] = []
    for (photo, first), maps, (_, scale, origin, _) in zip(
        pairs, every, views, strict=True
    ):
        found = [_to_photo(region, 1 / scale, origin) for region in split_regions(maps)]
        best = max(found, key=lambda one: iou(one.box, first.box), default=None)
        if best is None or iou(best.box, first.box) < 0.3:
            refined.append(None)
        else:
            refined.append(_extended(best, first.box, photo.shape[:2]))
    return refined


def _extended(region: Region, zoomed: Box, shape: tuple[int, int]) -> Region:
    """Enlarge a region on the sides where it reaches the edge of its view.

    Args:
        region: In px of the photo.
        zoomed: The box whose view it was found in.
        shape: Height and width of the photo.
    """
    reach = ZOOM / 2 * _long_side(zoomed)
    x = (zoomed[0] + zoomed[2]) / 2
    y = (zoomed[1] + zoomed[3]) / 2
    height, width = shape
    x0, y0, x1, y1 = region.box
    close, more = 0.04 * reach, 0.6 * reach
    return Region(
        (
            x0 - more if x0 < x - reach + close and x0 > close else x0,
            y0 - more if y0 < y - reach + close and y0 > close else y0,
            x1 + more if x1 > x + reach - close and x1 < width - close else x1,
            y1 + more if y1 > y + reach - close and y1 < height - close else y1,
        ),
        region.score,
    )


def letterbox(
    photo: NDArray[np.uint8],
    long_px: int = PHOTO_PX,
    *,
    square: bool = False,
    instances: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.uint8], float, NDArray[np.uint8]]:
    """Reduce a photo into a grey border, to sides that are multiples of 32.

    Args:
        photo: RGB, uint8 (H, W, 3).
        long_px: Longer side of the view, border included.
        square: Pad to a square, for training batches.
        instances: The instance map (H, W) of the same photo, reduced alike.

    Returns:
        The view, its px per px of the photo, and the instance map of the view (zeros
        without one). The photo starts `BORDER_PX` from the corner.
    """
    height, width = photo.shape[:2]
    scale = (long_px - 2 * BORDER_PX) / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    sides = [long_px, long_px] if square else [n + 2 * BORDER_PX for n in size[::-1]]
    rows, columns = (math.ceil(n / 32) * 32 for n in sides)
    at = (BORDER_PX, BORDER_PX)
    view = np.full((rows, columns, 3), BORDER_GREY, np.uint8)
    _paste(view, photo, size, at)
    truth = np.zeros((rows, columns), np.uint8)
    if instances is not None:
        _paste(truth, instances, size, at)
    return view, scale, truth


def zoom_crop(
    photo: NDArray[np.uint8], box: Box, instances: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.uint8], float, tuple[float, float], NDArray[np.uint8]]:
    """Crop a square around a box to `ZOOM_PX`, grey outside the photo.

    Returns:
        The view, its px per px of the photo, the photo's px at its corner, and the
        instance map of the view (zeros without one).
    """
    left, top, right, bottom = box
    side = max(4, math.ceil(ZOOM * max(right - left, bottom - top)))
    x0 = math.floor((left + right - side) / 2)
    y0 = math.floor((top + bottom - side) / 2)
    height, width = photo.shape[:2]
    rows = slice(max(y0, 0), min(y0 + side, height))
    columns = slice(max(x0, 0), min(x0 + side, width))
    scale = ZOOM_PX / side
    at = (round((columns.start - x0) * scale), round((rows.start - y0) * scale))
    size = (
        max(1, min(ZOOM_PX - at[0], round((columns.stop - columns.start) * scale))),
        max(1, min(ZOOM_PX - at[1], round((rows.stop - rows.start) * scale))),
    )
    view = np.full((ZOOM_PX, ZOOM_PX, 3), BORDER_GREY, np.uint8)
    _paste(view, photo[rows, columns], size, at)
    truth = np.zeros((ZOOM_PX, ZOOM_PX), np.uint8)
    if instances is not None:
        _paste(truth, instances[rows, columns], size, at)
    return view, scale, (float(x0), float(y0)), truth


def _paste(
    view: NDArray[np.uint8],
    part: NDArray[np.uint8],
    size: tuple[int, int],
    at: tuple[int, int],
) -> None:
    """Scale a part of a photo, or of an instance map, and paste it into a view."""
    if part.ndim == 2:
        mode = cv2.INTER_NEAREST_EXACT
    else:
        times = min(map(halvings, part.shape[1::-1], (2 * size[0], 2 * size[1])))
        part = shrink_by_halves(part, times)
        mode = cv2.INTER_AREA if size[0] < part.shape[1] else cv2.INTER_LINEAR
    x, y = at
    scaled = cv2.resize(part, size, interpolation=mode)
    view[y : y + size[1], x : x + size[0]] = scaled


def _to_photo(region: Region, scale: float, origin: tuple[float, float]) -> Region:
    x, y = origin
    x0, y0, x1, y1 = region.box
    box = (x + x0 * scale, y + y0 * scale, x + x1 * scale, y + y1 * scale)
    return Region(box, region.score)


def split_regions(maps: NDArray[np.float32]) -> list[Region]:
    """Separate coins, in px of the view, in maps (2, H/2, W/2) of flan and core.

    Each connected part of the core is a coin. Each pixel of flan belongs to the nearest
    core, measured in that core's radii, so that large coins keep their wide rims.
    """
    flan, core = maps
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        np.asarray(core > _FOREGROUND, np.uint8), connectivity=4
    )
    seeds = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= 4]
    seeds = [k for k in seeds if float(core[labels == k].max()) > 0.7]
    if not seeds:
        return []
    distances = []
    for k in seeds:
        away = cv2.distanceTransform(np.asarray(labels != k, np.uint8), cv2.DIST_L2, 5)
        distances.append(away / math.sqrt(stats[k, cv2.CC_STAT_AREA] / math.pi))
    stacked = np.stack(distances)
    owner = stacked.argmin(axis=0)
    # No rim is wider than about the core itself.
    near = stacked.min(axis=0) < 1.6
    regions = []
    for number, k in enumerate(seeds):
        own = np.where((owner == number) & near, flan, 0).astype(np.float32)
        box = _subpixel_box(own, labels == k)
        if box is not None:
            regions.append(Region(box, float(core[labels == k].mean())))
    return regions


def _subpixel_box(flan: NDArray[np.float32], seed: NDArray[np.bool_]) -> Box | None:
    """The box of the part above one half around the seed, in px of the view."""
    height, width = flan.shape
    fine = cv2.resize(
        flan,
        (width * _UPSAMPLING, height * _UPSAMPLING),
        interpolation=cv2.INTER_LINEAR,
    )
    mask = np.asarray(fine > _FOREGROUND, np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return None
    rows, columns = (
        index * _UPSAMPLING + _UPSAMPLING // 2 for index in np.nonzero(seed)
    )
    hits = labels[rows, columns]
    hits = hits[hits > 0]
    if not len(hits):
        return None
    best = int(np.bincount(hits).argmax())
    x, y, w, h = (int(v) for v in stats[best, :4])
    unit = STRIDE / _UPSAMPLING
    if min(w, h) * unit < 4:
        return None
    return x * unit, y * unit, (x + w) * unit, (y + h) * unit


def detect_on_plain_background(photo: NDArray[np.uint8]) -> list[Box] | None:
    """Return boxes in px of a photo (H, W, 3), or None if colour alone is unreliable.

    It is on uneven or patterned backgrounds, for coins that touch, with shadows, and if
    anything has another shape than a coin.
    """
    height, width = photo.shape[:2]
    times = halvings(max(height, width), _PLAIN_PX)
    small = shrink_by_halves(photo, times)
    distances = _distances_from_background(small)
    if distances is None:
        return None
    boxes = _coin_boxes(distances, min(small.shape[:2]))
    if boxes is None:
        return None
    sx, sy = width / small.shape[1], height / small.shape[0]
    return [(x0 * sx, y0 * sy, x1 * sx, y1 * sy) for x0, y0, x1, y1 in boxes]


def _distances_from_background(small: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Distance of each pixel from the background's colour, or None if there is none."""
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.uint8)
    height, width = lab.shape[:2]
    edge = max(1, min(height, width) // 24)
    rows = (slice(0, edge), slice(height - edge, height))
    columns = (slice(0, edge), slice(width - edge, width))
    corners = np.stack([lab[r, c].reshape(-1, 3) for r in rows for c in columns])
    middles = np.median(corners, axis=1)
    background = np.median(middles, axis=0)
    off = np.sqrt(((middles - background) ** 2).sum(axis=1))
    # One corner may be covered by a coin.
    if np.sort(off)[2] > 9:
        return None
    parts = cv2.subtract(lab, np.append(background, 0), dtype=cv2.CV_32F)
    parts = cv2.multiply(parts, parts, dst=parts)
    squares = np.asarray(cv2.transform(parts, np.ones((1, 3))), np.float32)
    away = np.minimum(np.sqrt(squares, out=squares), 255).astype(np.uint8)
    ring = np.concatenate(
        (
            away[:edge].ravel(),
            away[-edge:].ravel(),
            away[:, :edge].ravel(),
            away[:, -edge:].ravel(),
        )
    )
    similar = np.count_nonzero(ring < 14)
    # Grain leaves less than half of the background within 5 of its colour.
    if similar < 0.45 * len(ring) or np.count_nonzero(ring < 5) < similar / 2:
        return None
    return away


def _coin_boxes(away: NDArray[np.uint8], short: int) -> list[Box] | None:
    otsu, _ = cv2.threshold(away, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    above = np.arange(int(max(otsu, 8)) + 1, 256)
    histogram = cv2.calcHist([away], [0], None, [256], [0, 256])
    counts = np.asarray(histogram, np.float64).ravel()[above]
    if counts.sum() < max(1.0, _SMALLEST * away.size):
        return []
    level = min(max(0.35 * float(above @ counts / counts.sum()), 12.0), 60.0)
    mask = (away > level).view(np.uint8)
    # A shadow is between background and coin: the box must not depend on the level.
    stricter = (away > min(level * 1.7, 200)).view(np.uint8)
    boxes = []
    least = max(40.0, _SMALLEST * away.size)
    for contour in _outlines(mask, short):
        area = cv2.contourArea(contour)
        if area < least:
            continue
        x, y, w, h = cv2.boundingRect(contour)
        at_edge = min(x, y) <= 0 or x + w >= away.shape[1] or y + h >= away.shape[0]
        if not _is_coin_shaped(contour, area, w, h, at_edge):
            return None
        _, _, wide, high = cv2.boundingRect(stricter[y : y + h, x : x + w])
        if wide * high < _SHARP * w * h:
            return None
        boxes.append((float(x), float(y), float(x + w), float(y + h)))
    return boxes


def _outlines(mask: NDArray[np.uint8], short: int) -> list[NDArray[np.int32]]:
    """Outer outlines without thin lines and specks."""
    width = max(3, short // 60 * 2 + 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    padded = cv2.copyMakeBorder(
        mask, width, width, width, width, cv2.BORDER_CONSTANT, value=0
    )
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)
    outer, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    full = np.zeros_like(closed)
    cv2.drawContours(full, outer, -1, 1, cv2.FILLED)
    opened = cv2.morphologyEx(full, cv2.MORPH_OPEN, disc)
    found, _ = cv2.findContours(
        opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(-width, -width)
    )
    return [np.asarray(contour, np.int32) for contour in found]


def _is_coin_shaped(
    contour: NDArray[np.int32], area: float, width: int, height: int, at_edge: bool
) -> bool:
    if max(width, height) > 1.6 * min(width, height):
        return False
    if area < _ROUND * math.pi / 4 * width * height:
        return False
    hull = cv2.convexHull(contour)
    if area < (_WHOLE_AT_EDGE if at_edge else _WHOLE) * cv2.contourArea(hull):
        return False
    # A card fills its box, however it is turned; a coin does not fill the corners.
    _, (wide, high), _ = cv2.minAreaRect(hull)
    return area < 0.9 * (wide + 1) * (high + 1)


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    both = _intersection(a, b)
    return both / (_area(a) + _area(b) - both)


def _fraction_inside(a: Box, b: Box) -> float:
    """The fraction of the smaller box that is inside the other."""
    return _intersection(a, b) / min(_area(a), _area(b))


def _intersection(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _long_side(box: Box) -> float:
    return max(box[2] - box[0], box[3] - box[1])


# Sides

SIDE_BUNDLE = "sides"
SIDE_PX = 64
_BATCH = 64
LEGEND_LOGIT_BIAS = "legend_lift"
"""The limit in the side network's card that is added to the logit of the legend."""


class SideNet(nn.Module):
    """The side of a coin: normalized crops (N, 1, 64, 64) to five logits."""

    def __init__(self, sides: int = 5) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            conv_bn_relu(1, 16, 2),
            conv_bn_relu(16, 24, 2),
            conv_bn_relu(24, 32),
            conv_bn_relu(32, 56, 2),
            conv_bn_relu(56, 56),
            conv_bn_relu(56, 96, 2),
            conv_bn_relu(96, 96),
        )
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(96 * 2, sides)

    def forward(self, crops: Tensor) -> Tensor:
        """Return logits in the order of `Side`."""
        x = self.trunk(crops)
        pooled = torch.cat((x.mean((2, 3)), x.amax((2, 3))), dim=1)
        out: Tensor = self.head(self.drop(pooled))
        return out


@lru_cache(maxsize=1)
def shipped_side_net() -> tuple[nn.Module, float]:
    """Return the shipped side network, loaded once, and its legend bias."""
    folder = find_detection_bundle(SIDE_BUNDLE)
    bias = load_card(folder).limits.get(LEGEND_LOGIT_BIAS, 0.0)
    net = compiled(load_small_net(folder, SideNet), torch.zeros(1, 1, SIDE_PX, SIDE_PX))
    return net, float(bias)


def sides_of_crops(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probability of each side, (N, 5), on crops (N, S, S, 3) of any size.

    That of the side with the legend comes first.
    """
    views = [side_view(crop) for crop in crops]
    parts = [
        side_probabilities(np.stack(views[first : first + _BATCH]))
        for first in range(0, len(views), _BATCH)
    ]
    return np.concatenate(parts)


def side_view(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn a crop (S, S, 3) into what the side network is asked about, (64, 64)."""
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    half = shrink_by_halves(grey, halvings(len(grey), SIDE_PX))
    size = (SIDE_PX, SIDE_PX)
    return np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_AREA), np.uint8)


def side_probabilities(
    crops: NDArray[np.uint8], net: nn.Module | None = None, legend_bias: float = 0.0
) -> NDArray[np.float32]:
    """Return the probability of each side.

    Args:
        crops: RGB, uint8 (N, 64, 64, 3), or grey, (N, 64, 64).
        net: The network; the shipped one with its own bias if None.
        legend_bias: Added to the legend's logit. To refuse a readable coin is worse
            than to classify one without a name, since classifiers can refuse it too.

    Returns:
        float32 (N, 5) in the order of `Side`.
    """
    if net is None:
        net, legend_bias = shipped_side_net()
    with torch.inference_mode():
        logits = check_finite(net(local_contrast_normalize(crops)), SIDE_BUNDLE)
        logits[:, 0] += legend_bias
        out: NDArray[np.float32] = logits.softmax(dim=1).numpy()
    return out
