"""Teach a reader's judge anew: from letters as they are read to the ruler.

While a reader learns to read, its judge chases letter maps that change under it.
Afterwards the reading stands still: the letter maps of some thousand fresh coins are
kept, and the judge sees them many times, each time with other letters missing,
moved or out of place, as they are on real coins.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm

from coin_core._replace import write_file
from coin_core.classifiers._reader import LETTER_CLASSES, Reader
from coin_core.learning.pretraining import Schedule, Strikes, one_batch, ruler_loss

JUDGE_SEED = 1_000_081


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSchedule:
    """How long and how fast a judge is taught, and how much its letters are upset."""

    coins: int = 12_000
    epochs: int = 10
    batch: int = 64
    peak_rate: float = 2e-3
    weight_decay: float = 0.05
    shift_cells: int = 2
    strays: float = 0.12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadCoins:
    """N coins as a reader reads them.

    letters: logits float16 (N, 17, S/8, S/8); rulers: class numbers int64 (N,);
    legible: share of the name's letters, float32 (N,).
    """

    letters: NDArray[np.float16]
    rulers: NDArray[np.int64]
    legible: NDArray[np.float32]


@torch.inference_mode()
def read_coins(
    reader: Reader, count: int, *, seed: int = JUDGE_SEED, workers: int = 1
) -> ReadCoins:
    """Strike `count` coins and read their letters."""
    reader.eval()
    letters: list[NDArray[np.float16]] = []
    rulers: list[NDArray[np.int64]] = []
    legible: list[NDArray[np.float32]] = []
    loader = DataLoader(
        Strikes(seed, 0, Schedule(images=count, easy_share=1e-9)),
        batch_size=1,
        collate_fn=one_batch,
        num_workers=workers,
        prefetch_factor=6 if workers else None,
    )
    with tqdm(total=count, unit="coin", desc="reading") as bar:
        for batch in loader:
            maps = reader.letters(reader.trunk(torch.from_numpy(batch.inputs)))
            letters.append(maps.numpy().astype(np.float16))
            rulers.append(batch.rulers)
            legible.append(batch.legible)
            bar.update(len(batch.rulers))
    return ReadCoins(
        letters=np.concatenate(letters)[:count],
        rulers=np.concatenate(rulers)[:count],
        legible=np.concatenate(legible)[:count],
    )


def upset(letters: Tensor, schedule: JudgeSchedule) -> Tensor:
    """Letter logits (N, 17, H, W), each coin's moved, blurred and strewn with others.

    Draws from torch's random state.
    """
    count, _, height, width = letters.shape
    nothing = torch.full((LETTER_CLASSES,), -8.0)
    nothing[-1] = 8.0
    by = schedule.shift_cells
    framed = nothing.view(1, -1, 1, 1).repeat(count, 1, height + 2 * by, width + 2 * by)
    framed[:, :, by : by + height, by : by + width] = letters
    moves = torch.randint(0, 2 * by + 1, (count, 2)).tolist()
    moved = torch.stack(
        [
            one[:, y : y + height, x : x + width]
            for one, (y, x) in zip(framed, moves, strict=True)
        ]
    )
    # what another coin has there, as a leaf or a pit may look like a letter
    share = schedule.strays * torch.rand(count, 1, 1, 1)
    coarse = torch.rand(count, 1, (height + 1) // 2, (width + 1) // 2) < share
    stray = functional.interpolate(coarse.float(), scale_factor=2)
    stray = stray[:, :, :height, :width]
    others = moved.roll(1, 0).roll((height // 3, width // 3), (2, 3))
    mixed = moved * (1 - stray) + others * stray
    return mixed / (0.7 + 1.1 * torch.rand(count, 1, 1, 1))


def teach_judge(
    reader: Reader,
    coins: ReadCoins,
    *,
    seed: int = 0,
    schedule: JudgeSchedule | None = None,
) -> float:
    """Forget the judge and teach it on these coins; the reading stays as it is.

    Returns:
        The mean loss over the last epoch.
    """
    schedule = schedule or JudgeSchedule()
    torch.manual_seed(seed)
    judge = nn.ModuleList([reader.legend, reader.ruler, reader.anywhere])
    for layer in judge.modules():
        reset = getattr(layer, "reset_parameters", None)
        if callable(reset):
            reset()
    nn.init.zeros_(reader.anywhere.weight)
    nn.init.zeros_(reader.anywhere.bias)
    optimizer = torch.optim.AdamW(
        judge.parameters(), lr=1e-3, weight_decay=schedule.weight_decay
    )
    letters = torch.from_numpy(coins.letters)
    rulers = torch.from_numpy(coins.rulers)
    legible = torch.from_numpy(coins.legible)
    reader.eval()
    judge.train()
    reader.drop.train()
    steps = schedule.epochs * math.ceil(len(rulers) / schedule.batch)
    done, loss_of_epoch = 0, 0.0
    with tqdm(total=schedule.epochs, unit="epoch", desc="judging") as bar:
        for _ in range(schedule.epochs):
            losses = []
            for chosen in torch.split(torch.randperm(len(rulers)), schedule.batch):
                if len(chosen) < 2:  # batch norm cannot learn from one coin
                    continue
                share = done / steps
                rise = min(1.0, share / 0.05)
                fall = (1 + math.cos(math.pi * share)) / 2
                for group in optimizer.param_groups:
                    group["lr"] = schedule.peak_rate * rise * fall
                optimizer.zero_grad()
                read = upset(letters[chosen].float(), schedule)
                logits = reader.judge(reader.legend(read))
                loss = ruler_loss(logits, rulers[chosen], legible[chosen])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                losses.append(float(loss.detach()))
                done += 1
            loss_of_epoch = sum(losses) / max(len(losses), 1)
            bar.update(1)
            bar.set_postfix(loss=f"{loss_of_epoch:.3f}")
    reader.eval()
    return loss_of_epoch


def kept_readings(path: Path, reader: Reader, count: int, workers: int) -> ReadCoins:
    """The readings of an interrupted training, or new ones, kept for the next try."""
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            if len(kept["rulers"]) == count:
                return ReadCoins(
                    letters=kept["letters"],
                    rulers=kept["rulers"],
                    legible=kept["legible"],
                )
    coins = read_coins(reader, count, workers=workers)
    buffer = io.BytesIO()
    np.savez(buffer, letters=coins.letters, rulers=coins.rulers, legible=coins.legible)
    write_file(path, buffer.getvalue())
    return coins
