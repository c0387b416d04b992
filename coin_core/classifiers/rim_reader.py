"""Reads the capitals along a coin's rim, on the rim unrolled into a strip.

It learned from rendered coins with random letters (`rendering.capitals`), so it knows
letters and no legend. What it finds is among the numbers by which coins that are not of
the rulers are told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from coin_core.model_store.graph import compiled, conv_bn_relu, load_small_net
from coin_core.storage import WEIGHTS_DIR

RIM_BUNDLE = "rims"
CAPITALS = "ABCDEFGHIKLMNOPQRSTVXYZΓΔΘΛΠΣΦΩ"
NO_LETTER = len(CAPITALS)
# The strip: its height and length in px, how much of the other end each end repeats,
# and its inner and outer edge as fractions of the flan's radius. The margin of a crop
# is as wide as `crop_to_flan` leaves it.
STRIP_PX, AROUND_PX, REPEATED_PX = 48, 512, 32
INNER, OUTER = 0.52 / 1.04, 1.0 / 1.04
PLACE_PX = 4
"""The reader has an answer for every so many pixels along the strip."""
_CHANNELS = (16, 32, 56, 80, 112)
_SECTORS, _COARSE_SECTORS = 24, 12
# How many places after a letter the next one is looked for, and the one after that.
_NEXT = ((2, 5), (4, 8))
_MIN_PROBABILITY = 0.6  # of a letter that is shown, where it is likeliest
_APART = 2  # places between two letters


@dataclass(frozen=True, slots=True, kw_only=True)
class RimLetter:
    """A capital that was read along the rim.

    Attributes:
        letter: One of `CAPITALS`.
        probability: Where it is likeliest.
        turn_deg: Where it is, in degrees clockwise from below.
    """

    letter: str
    probability: float
    turn_deg: float


def unrolled(x: Tensor) -> Tensor:
    """Return the rims of flans (N, C, S, S) as strips, (N, C, 48, 576).

    They begin below and go round clockwise, the edge of the coin above. Each has mean
    0 and deviation 1. Both ends go on with what is at the other.
    """
    strips = functional.grid_sample(
        x,
        _strip_grid().to(x).expand(len(x), -1, -1, -1),
        padding_mode="border",
        align_corners=False,
    )
    strips = strips - strips.mean((2, 3), keepdim=True)
    spread = strips.mean(1, keepdim=True).square().mean((2, 3), keepdim=True).sqrt()
    return (strips / (spread + 0.05)).clamp(-4, 4)


@lru_cache(maxsize=1)
@torch.inference_mode(mode=False)  # kept for a training too
def _strip_grid() -> Tensor:
    """Where each pixel of a strip is on the flan, (1, 48, 576, 2), from -1 to 1."""
    down = (torch.arange(STRIP_PX) + 0.5) / STRIP_PX
    along = torch.arange(-REPEATED_PX, AROUND_PX + REPEATED_PX) + 0.5
    radius = (OUTER - down * (OUTER - INNER))[:, None]
    angle = (2 * torch.pi * along / AROUND_PX + torch.pi / 2)[None]
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 2)[None]


def around(maps: Tensor) -> Tensor:
    """Return maps (..., P) of whole strips without what their ends repeat."""
    repeated = REPEATED_PX * maps.shape[-1] // (AROUND_PX + 2 * REPEATED_PX)
    return maps[..., repeated:-repeated]


def sector_means(maps: Tensor, sectors: int) -> Tensor:
    """Return the means of maps once around (N, C, P) in sectors, (N, C, sectors).

    Neighbouring sectors overlap, so that a coin that is turned a little changes little.
    """
    at = (torch.arange(maps.shape[2]) + 0.5) * sectors / maps.shape[2]
    away = (at - torch.arange(sectors)[:, None] - 0.5).abs()
    weights = (1 - torch.minimum(away, sectors - away)).clamp(min=0)
    weights = weights / weights.sum(1, keepdim=True)
    return maps @ weights.T.to(maps)


class RimReader(nn.Module):
    """Grey strips to letters: seven convolutions, then one along the rim."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = _CHANNELS
        self.strokes = nn.Sequential(
            conv_bn_relu(1, a, 2),
            conv_bn_relu(a, b),
            conv_bn_relu(b, c, 2),
            conv_bn_relu(c, c),
            conv_bn_relu(c, d, (2, 1)),
            conv_bn_relu(d, d),
            nn.Conv2d(d, e, (STRIP_PX // 8, 3), padding=(0, 1), bias=False),
            nn.BatchNorm2d(e),
            nn.ReLU(),
            nn.Conv2d(e, e, (1, 5), padding=(0, 2), bias=False),
            nn.BatchNorm2d(e),
            nn.ReLU(),
        )
        self.letters = nn.Conv2d(e, NO_LETTER + 1, 1)

    def forward(self, strips: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, 32, 1, 144) and maps (N, 112, 1, 144) of strips.

        Args:
            strips: The mean channel of `unrolled`, (N, 1, 48, 576).
        """
        maps = self.strokes(strips)
        return self.letters(maps), maps


def read_strips(reader: nn.Module, strips: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits (N, 32, 144) and maps (N, 112, 144) of strips (N, C, 48, 576)."""
    logits, maps = reader(strips.mean(1, keepdim=True))
    return logits[:, :, 0], maps[:, :, 0]


def letters_on_rims(reader: nn.Module, strips: Tensor) -> Tensor:
    """Return what tells legends apart on strips (N, C, 48, 576), (N, 4010).

    Letters in sectors, letters that follow each other wherever they are, and the maps
    from which they are read; of the means the square roots, as everywhere.
    """
    logits, maps = read_strips(reader, strips)
    letters = around(logits.softmax(1))[:, :-1]
    parts = [sector_means(letters, _SECTORS).flatten(1)]
    for first, last in _NEXT:
        shifted = [letters.roll(-places, 2) for places in range(first, last)]
        following = torch.stack(shifted).mean(0)
        parts.append((letters @ following.transpose(1, 2)).flatten(1))
    parts.append(sector_means(around(maps), _COARSE_SECTORS).flatten(1))
    return torch.cat([part.clamp(min=0).sqrt() for part in parts], dim=1)


def letters_along(logits: Tensor) -> tuple[RimLetter, ...]:
    """Return the letters that a reader finds on one strip, clockwise from below.

    Args:
        logits: Its answer, (32, 144).
    """
    best, which = around(logits.softmax(0))[:-1].max(0)
    places = len(best)
    found: dict[int, RimLetter] = {}
    # The likeliest letter takes the places around it.
    for place in best.argsort(descending=True).tolist():
        if best[place] < _MIN_PROBABILITY:
            break
        away = (abs(place - other) for other in found)
        if all(min(steps, places - steps) > _APART for steps in away):
            found[place] = RimLetter(
                letter=CAPITALS[int(which[place])],
                probability=float(best[place]),
                turn_deg=360 * (place + 0.5) / places,
            )
    return tuple(found[place] for place in sorted(found))


def load_rim_reader() -> nn.Module:
    """Return the network with its shipped weights.

    Raises:
        WeightsMismatchError: They are damaged.
        WeightsMissingError: They are missing.
    """
    return load_small_net(WEIGHTS_DIR / RIM_BUNDLE, RimReader).requires_grad_(False)


def compiled_for_strips(reader: nn.Module, device: str = "cpu") -> nn.Module:
    """Return a reader that computes the same in less time, and cannot be trained."""
    strip = torch.zeros(1, 1, STRIP_PX, AROUND_PX + 2 * REPEATED_PX, device=device)
    return compiled(reader, strip)


@lru_cache(maxsize=2)
def compiled_reader(device: str) -> nn.Module:
    """Return the network for features alone, loaded once."""
    return compiled_for_strips(load_rim_reader().to(device), device)
