"""Teach a legend net to read the coins of a collection, by their rulers alone.

The label of a coin names its ruler, and so the legends that may be on it. Laid over
what the net reads now (`letter_alignment`), they say which letter is where; the later
layers learn these letters, and the coins are aligned again with what was learned: the
expectation and maximisation of speech recognisers. Half of each batch are rendered
coins, whose letters are known, so that nothing is forgotten. The early layers know
strokes of any metal; they stay as they are, and their maps are computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coin_core.classifiers.legend_net import LegendNet
from coin_core.classifiers.letter_alignment import (
    AlignedLetters,
    align_letters,
    on_crop,
)
from coin_core.classifiers.torch_classifier import (
    NetClassifier,
    choose_poses,
    predict_once,
    training_autocast,
)
from coin_core.imaging.preprocessing import (
    LegendPose,
    Preprocessing,
    prepare,
    standardize,
)
from coin_core.jobs import Progress
from coin_core.rendering import RenderedCoin, render_coin
from coin_core.rendering.coins import RenderedLetter
from coin_core.rulers import LETTERS
from coin_core.training.augmentation import randomize_appearance
from coin_core.training.checkpoint import load_tensors, save_tensors
from coin_core.training.letter_targets import NONE, letter_map
from coin_core.training.rendered_dataset import perturb_pose, view_batch

EPOCHS = 4
ALIGNED_AGAIN = 2  # epochs after which what was learned is used to align again
_STEPS = 16  # of an epoch, at least
_BATCH = 16  # coins of the collection, and as many rendered ones
_VIEWS = 3  # of each coin, the one in its own pose among them
_RENDERED = 480
_RENDERED_SEED = 1_000_081
RATE = 6e-4
_HEAD_FACTOR = 1.5  # the layers above the backbone learn faster
# How well the letters of a legend must fit for each one, to be believed at all and
# fully.
_POOR_FIT, _GOOD_FIT = 0.4, 0.7
# Confidences that count nothing, and fully: on coins of another style, most letters
# below the first are another one in truth.
_DOUBTED, _BELIEVED = 0.5, 0.9
_MOST_LETTERS = 48
_KEYS = [letter.key for letter in LETTERS]


def copy_weights(net: NetClassifier) -> dict[str, Tensor]:
    """The weights of a net that learn."""
    weights = net.module_.named_parameters()
    return {name: value.detach().clone() for name, value in weights}


@torch.no_grad()
def go_half_way(net: NetClassifier, start: dict[str, Tensor]) -> None:
    """Give a taught net the mean of its weights and those it started from.

    It learns its own mistakes too, and to be sure of them: half of the way it knows as
    much and is less sure (Wortsman et al., "Robust fine-tuning", CVPR 2022).
    """
    for name, value in net.module_.named_parameters():
        value.lerp_(start[name], 0.5)


@dataclass(slots=True, kw_only=True, eq=False)
class ReadingMaps:
    """What the early layers see of the coins to learn from.

    Attributes:
        own: Maps of the views of N coins, float16 (N, V, C, H, H).
        poses: Of these views on their crops: centre, radius, turn, (N, V, 4).
        letters: Those aligned first on each crop, as `_pack` writes them, (N, M, 7).
        rendered: Maps of rendered coins, float16 (R, C, H, H).
        targets: Their letters by cell, (R, H, H).
        weights: The weights of these, (R, H, H).
    """

    own: Tensor
    poses: Tensor
    letters: Tensor
    rendered: Tensor
    targets: Tensor
    weights: Tensor


def compute_maps(
    net: NetClassifier,
    crops: NDArray[np.uint8],
    labels: Sequence[str],
    path: Path,
    *,
    seed: int,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Align coins with what a net reads, and store what its early layers see.

    Args:
        net: The net, with the weights to start from.
        crops: uint8 (N, S, S, 3).
        labels: The ruler of each.
        path: Where to; a whole file there is kept.
        seed: Of the views.
        stopping: Called for each batch; raises if the training was stopped.
    """
    names = list(ReadingMaps.__dataclass_fields__)
    if set(load_tensors(path)[0]) == set(names):
        return
    module: LegendNet = net.module_.eval()
    settings = net.preparation
    stem = module.trunk.stem()
    own, poses, letters = [], [], []
    total = 2 * len(crops) + _RENDERED
    with (
        torch.random.fork_rng(devices=[]),
        Progress("reading the coins", total, unit="coin") as bar,
    ):
        torch.manual_seed(seed)
        for first in range(0, len(crops), _BATCH):
            stopping()
            part = crops[first : first + _BATCH]
            found = _align_crops(module, part, labels[first:], settings)
            coins = [
                _as_coin(crop, label, pose, one)
                for crop, label, (pose, one) in zip(
                    part, labels[first:], found, strict=False
                )
            ]
            letters += [_pack(one) for _, one in found]
            bar.update(len(part))
            views = [
                [coin.legend_pose or LegendPose() for coin in coins],
                *(
                    [
                        perturb_pose(np.random.default_rng([seed, first + i, v]), coin)
                        for i, coin in enumerate(coins)
                    ]
                    for v in range(1, _VIEWS)
                ),
            ]
            maps = [
                _stem_maps(stem, prepare(part, settings, view), settings, bool(v))
                for v, view in enumerate(views)
            ]
            own.append(torch.stack(maps, dim=1))
            poses.append(
                torch.tensor(
                    [[_pose_row(p) for p in view] for view in views]
                ).transpose(0, 1)
            )
            bar.update(len(part))
        rendered = []
        for first in range(0, _RENDERED, _BATCH):
            stopping()
            coins = [render_coin(_RENDERED_SEED, first + i) for i in range(_BATCH)]
            batch = view_batch(coins, _RENDERED_SEED + seed, first, 0)
            maps_ = _stem_maps(stem, batch.inputs().numpy(), settings, True)
            rendered.append((maps_, batch.letters, batch.weights))
            bar.update(_BATCH)
    columns = [torch.cat(part) for part in zip(*rendered, strict=True)]
    tensors = [torch.cat(own), torch.cat(poses), torch.stack(letters), *columns]
    save_tensors(path, dict(zip(names, tensors, strict=True)), {"seed": seed})


def load_maps(path: Path) -> ReadingMaps:
    """What `compute_maps` stored."""
    return ReadingMaps(**load_tensors(path)[0])


@torch.inference_mode()
def _stem_maps(
    stem: nn.Module,
    inputs: NDArray[np.float32],
    settings: Preprocessing,
    changed: bool,
) -> Tensor:
    """Maps of inputs, float16; with `changed`, of other metal, light and camera."""
    x = torch.from_numpy(inputs)
    if changed:
        x = standardize(randomize_appearance(x), settings, 0.08)
    device = next(stem.parameters()).device
    x = x.contiguous(memory_format=torch.channels_last).to(device)
    maps: Tensor = stem(x).cpu().contiguous().to(torch.float16)
    return maps


@torch.inference_mode()
def _align_crops(
    net: LegendNet,
    crops: NDArray[np.uint8],
    labels: Sequence[str],
    settings: Preprocessing,
) -> list[tuple[LegendPose, AlignedLetters]]:
    """The pose in which a net reads a coin, and the letters of its ruler's legend.

    How well legends fit does not tell the turn: in another one, some legend of the
    ruler fits worn letters as well.
    """
    poses = choose_poses(net, crops, settings)
    logits = predict_once(net, crops, settings, poses).letters.float().cpu().numpy()
    return [
        (pose, on_crop(_believed(align_letters(one, label)), pose))
        for pose, one, label in zip(poses, logits, labels, strict=False)
    ]


def _fit(letters: AlignedLetters) -> float:
    return letters.score / len(letters.keys)


def _believed(letters: AlignedLetters) -> AlignedLetters:
    """Letters as far as they are taught: none if the legend as a whole fits badly."""
    trust = np.clip((_fit(letters) - _POOR_FIT) / (_GOOD_FIT - _POOR_FIT), 0, 1)
    sure = (letters.confidence * trust - _DOUBTED) / (_BELIEVED - _DOUBTED)
    return replace(letters, confidence=np.clip(sure, 0, 1).astype(np.float32))


def _pose_row(pose: LegendPose) -> tuple[float, float, float, float]:
    return pose.centre_x, pose.centre_y, pose.radius, pose.turn_deg


def _pose_of(row: Sequence[float]) -> LegendPose:
    x, y, radius, turn = row
    return LegendPose(centre_x=x, centre_y=y, radius=radius, turn_deg=turn)


def _pack(letters: AlignedLetters) -> Tensor:
    """Key (-1 after the end), x, y, width, height, confidence, in the name: (M, 7)."""
    out = torch.full((_MOST_LETTERS, 7), -1.0)
    rows = np.column_stack(
        [letters.keys, letters.places, letters.confidence, letters.in_name]
    )[:_MOST_LETTERS]
    out[: len(rows)] = torch.from_numpy(rows.astype(np.float32))
    return out


def _as_coin(
    crop: NDArray[np.uint8], ruler: str, pose: LegendPose, letters: AlignedLetters
) -> RenderedCoin:
    """A coin of the collection as a rendered one, whose letters are known."""
    return _coin_of(_pack(letters), pose, crop, ruler)


def _coin_of(
    packed: Tensor,
    pose: LegendPose,
    crop: NDArray[np.uint8] | None = None,
    ruler: str = "",
) -> RenderedCoin:
    empty = np.zeros((1, 1, 3), np.uint8)
    return RenderedCoin(
        image=empty if crop is None else crop,
        mask=empty[..., 0],
        kind="legend",
        ruler=ruler,
        legend=(),
        letters=tuple(
            RenderedLetter(
                letter=_KEYS[int(key)],
                left=x - width / 2,
                right=x + width / 2,
                top=y - height / 2,
                bottom=y + height / 2,
                upright_width=width,
                upright_height=height,
                legibility=confidence,
                in_name=bool(in_name),
            )
            for key, x, y, width, height, confidence, in_name in packed.tolist()
            if key >= 0
        ),
        turn_deg=pose.turn_deg,
        flan_box=(0.0, 0.0, 1.0, 1.0),
        legend_pose=pose,
    )


def letter_targets(
    packed: Tensor, pose: LegendPose, settings: Preprocessing
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Letters and weights by cell of a view; a doubtful letter's cells count nothing.

    Where few letters are sure, that the other cells are empty is not either.
    """
    targets, weights = letter_map(_coin_of(packed, pose), settings, pose)
    sure = packed[packed[:, 0] >= 0, 5]
    weights[targets == NONE] *= float(sure.mean()) if len(sure) else 0.0
    return targets, weights


# Maps, then targets and weights by cell.
Batch = tuple[Tensor, Tensor, Tensor]


class ReadingLesson:
    """The batches and the loss of one fit.

    Args:
        net: The net to teach, with the weights to start from.
        maps: Of all coins.
        rows: Coins to learn from.
        labels: Their rulers.
        path: Where the letters that were aligned last are kept.
    """

    def __init__(
        self,
        net: NetClassifier,
        maps: ReadingMaps,
        rows: NDArray[np.int64],
        labels: Sequence[str],
        path: Path,
    ) -> None:
        self.net, self.maps, self.rows, self.labels = net, maps, rows, labels
        self.path = path
        self.steps = max(_STEPS, -(-len(rows) // _BATCH))
        module: LegendNet = net.module_
        module.trunk.stem().requires_grad_(False)
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                # Few coins give poor statistics, and predictions would differ.
                layer.register_forward_pre_hook(lambda one, _: one.eval() and None)

    def optimizer(self, rate: float) -> torch.optim.Optimizer:
        """The optimizer of what learns: later layers, and the letter head faster.

        The layers from letters to rulers saw hundreds of thousands of coins, and would
        know these few by heart: with them the confidence was lost.
        """
        module = self.net.module_
        trunk = [one for one in module.trunk.parameters() if one.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": trunk},
            {"params": list(module.letters.parameters()), "factor": _HEAD_FACTOR},
        ]
        return torch.optim.AdamW(groups, lr=rate, weight_decay=0.01)

    def draw_epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch; what was learned aligns the coins now and then."""
        packed = self._letters(epoch)
        rng = np.random.default_rng([self.net.seed, epoch])
        order = np.concatenate(
            [
                rng.permutation(len(self.rows))
                for _ in range(-(-self.steps * _BATCH // len(self.rows)))
            ]
        )
        others = len(self.maps.rendered)
        drawn = np.concatenate(
            [rng.permutation(others) for _ in range(-(-self.steps * _BATCH // others))]
        )
        for step in range(self.steps):
            part = slice(step * _BATCH, (step + 1) * _BATCH)
            own, rendered = order[part], torch.from_numpy(drawn[part])
            coins = self.rows[own]
            views = rng.integers(self.maps.own.shape[1], size=len(own))
            cells = [
                letter_targets(
                    packed[row],
                    _pose_of(self.maps.poses[coin, view].tolist()),
                    self.net.preparation,
                )
                for row, coin, view in zip(own, coins, views, strict=True)
            ]
            targets, weights = zip(*cells, strict=True)
            yield (
                torch.cat([self.maps.own[coins, views], self.maps.rendered[rendered]]),
                torch.cat(
                    [
                        torch.from_numpy(np.stack(targets)),
                        self.maps.targets[rendered],
                    ]
                ),
                torch.cat(
                    [
                        torch.from_numpy(np.stack(weights)),
                        self.maps.weights[rendered],
                    ]
                ),
            )

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        """Weighted cross-entropy of letters, and the number of coins."""
        device = self.net.device
        maps, targets, weights = (part.to(device) for part in batch)
        with training_autocast(str(device)):
            letters = self._read(maps.float())
        cells = functional.cross_entropy(letters.float(), targets, reduction="none")
        return (cells * weights).sum() / weights.sum().clamp(min=1), len(maps)

    def _read(self, maps: Tensor) -> Tensor:
        module: LegendNet = self.net.module_
        letters: Tensor = module.letters(module.trunk.finish(maps))
        return letters

    def _letters(self, epoch: int) -> Tensor:
        """The letters of the rows, aligned anew where this epoch begins with that."""
        last = epoch - epoch % ALIGNED_AGAIN
        if last == 0:
            return self.maps.letters[self.rows]
        kept, notes = load_tensors(self.path)
        if notes == {"epoch": last}:
            return kept["letters"]
        self.net.module_.eval()
        parts = []
        for first in range(0, len(self.rows), _BATCH):
            coins = self.rows[first : first + _BATCH]
            with torch.inference_mode():
                own = self.maps.own[coins, 0].float().to(self.net.device)
                logits = self._read(own).float().cpu().numpy()
            for number, coin in enumerate(coins):
                letters = _believed(
                    align_letters(logits[number], self.labels[first + number])
                )
                pose = _pose_of(self.maps.poses[coin, 0].tolist())
                parts.append(_pack(on_crop(letters, pose)))
        self.net.module_.train()
        packed = torch.stack(parts)
        save_tensors(self.path, {"letters": packed}, {"epoch": last})
        return packed
