"""Letter maps as nets read them on worse coins, for the classifiers of features.

On real coins, letters are worn off, misread or out of place that are clear on rendered
ones. So the maps that a net has read on rendered coins are changed at random before
the classifiers of features learn from them, as pictures are changed for a net.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

# Standard deviations of a pose that is wrong, which is worse on some coins; and how far
# letters are moved from their places, in halves of the view.
_TURN_DEG, _SIZE, _SHIFT = 5.0, 0.07, 0.05
_FAR_OFF, _TIMES = 0.12, 2.5
_MOVED = 0.06
# At most this fraction of the letters of a coin is misread, or is of another coin.
_MISREAD, _FALSE = 0.35, 0.12
_LETTER = 3  # cells across a letter, about
# A worn arc: how often (twice a coin), and what is left in it.
_WORN, _LEFT = 0.4, 0.1
_LEAST_KEPT = 0.15  # of the letters outside of it
_SOFTNESS = 0.4  # of the logarithm of how clear-cut the letters are


class _Chance:
    """Random tensors for N coins, from a generator of their own."""

    def __init__(self, coins: int, seed: int) -> None:
        self.coins = coins
        self.generator = torch.Generator().manual_seed(seed)

    def even(self, *shape: int) -> Tensor:
        """Even numbers from 0 to 1, (N, ...)."""
        return torch.rand(self.coins, *shape, generator=self.generator)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, (N, ...)."""
        return torch.randn(self.coins, *shape, generator=self.generator)

    def blocks(self, height: int, width: int, side: int) -> Tensor:
        """Even numbers (N, 1, H, W), the same in each square of `side` cells."""
        coarse = self.even(1, height // side + 2, width // side + 2)
        fine = functional.interpolate(coarse, scale_factor=side)
        places = torch.randint(side, (2,), generator=self.generator).tolist()
        return fine[:, :, places[0] :, places[1] :][:, :, :height, :width]


def spoil_letters(probabilities: Tensor, seed: int) -> Tensor:
    """Return letter maps as they may be read on worse coins.

    Args:
        probabilities: Of the letters in each cell, (N, 16, H, W).
        seed: Selects what is changed.

    Returns:
        The same, where the legend is a little turned, moved, larger or smaller; letters
        are out of place, misread, of another coin, missing in arcs or one by one, and
        less clear.
    """
    chance = _Chance(len(probabilities), seed)
    height, width = probabilities.shape[2:]
    spoilt = _displaced(probabilities, chance)
    foreign = chance.blocks(height, width, _LETTER)
    of_others = (foreign < _FALSE * chance.even(1, 1, 1) ** 2).float()
    spoilt = torch.maximum(
        spoilt * (1 - of_others), spoilt.roll(1, 0).flip(2) * of_others
    )
    spoilt = _misread(spoilt, chance) * _kept(height, width, chance)
    return _softened(spoilt, chance)


def _displaced(p: Tensor, chance: _Chance) -> Tensor:
    """The maps as read in another pose, letters a little out of place."""
    off = torch.where(chance.even() < _FAR_OFF, _TIMES, 1.0)
    turn = chance.normal() * math.radians(_TURN_DEG) * off
    size = torch.exp(chance.normal() * _SIZE * off)
    right, down = (chance.normal(2) * _SHIFT * off[:, None]).unbind(1)
    cos, sin = size * turn.cos(), size * turn.sin()
    rows = torch.stack([cos, -sin, right, sin, cos, down], 1).view(-1, 2, 3)
    places = functional.affine_grid(rows, list(p.shape), align_corners=False)
    moves = functional.interpolate(
        chance.normal(2, 5, 5), p.shape[2:], mode="bicubic", align_corners=False
    )
    places = places + (moves * _MOVED * chance.even(1, 1, 1)).permute(0, 2, 3, 1)
    return functional.grid_sample(p, places, align_corners=False)


def _misread(p: Tensor, chance: _Chance) -> Tensor:
    """Some letters become others, wholly or in part; on one coin always the same."""
    letters, height, width = p.shape[1:]
    where = chance.blocks(height, width, _LETTER)
    part = (where < _MISREAD * chance.even(1, 1, 1)).float()
    whole = chance.blocks(height, width, _LETTER) < 0.4
    share = chance.blocks(height, width, _LETTER)
    part = part * torch.where(whole, torch.ones_like(share), share)
    step = 1 + (chance.even(letters) * (letters - 1)).long()
    taken_for = (torch.arange(letters) + step) % letters
    others = functional.one_hot(taken_for, letters).to(p.dtype)
    return (1 - part) * p + part * torch.einsum("nlhw,nlk->nkhw", p, others)


def _kept(height: int, width: int, chance: _Chance) -> Tensor:
    """1 where letters are left, (N, 1, H, W): arcs are worn, and single letters."""
    down, right = torch.meshgrid(
        torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
    )
    fraction = _LEAST_KEPT + (1 - _LEAST_KEPT) * chance.even(1, 1, 1).sqrt()
    kept = chance.blocks(height, width, 2) < fraction
    for _ in range(2):
        angle = chance.even(1, 1, 1) * 2 * math.pi
        beyond = right * angle.cos() + down * angle.sin() > chance.even(1, 1, 1) - 0.1
        worn = beyond & (chance.even(1, 1, 1) < _WORN)
        kept = kept & ~(worn & (chance.blocks(height, width, 2) < 1 - _LEFT))
    return kept.float()


def _softened(p: Tensor, chance: _Chance) -> Tensor:
    """Letters more or less clear-cut, and weaker."""
    read = p.sum(1, keepdim=True).clamp_min(1e-6)
    power = torch.exp(chance.normal(1, 1, 1) * _SOFTNESS) - 1
    weaker = 1 - 0.4 * chance.even(1, 1, 1) * chance.even(1, 1, 1)
    p = p * (read**power).clamp(0, 4) * weaker
    return p / p.sum(1, keepdim=True).clamp_min(1.0)
