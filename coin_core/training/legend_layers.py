"""The last layers of a legend net, from the letters that it reads to the ruler.

Letters look the same in every legend. Where other legends are struck, or in other lines
(`coin_core.rulers`), the letters need not be learned again, which takes nights; the
layers above them learn in minutes from the letters that the net reads.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from coin_core.classifiers.legend_net import LegendNet
from coin_core.jobs import Progress
from coin_core.training.trainer import warmup_cosine

EPOCHS: Final = 2
_BATCH: Final = 64
_PEAK_RATE: Final = 2e-4
_WARMUP: Final = 0.05  # of all steps
_WEIGHT_DECAY: Final = 0.02


def ruler_loss(logits: Tensor, rulers: Tensor, legible: Tensor) -> Tensor:
    """Weighted cross-entropy of logits (N, C), for rulers int64 (N,).

    Args:
        logits: Of the rulers.
        rulers: Their columns.
        legible: The fraction of the name's letters that is legible, (N,).
    """
    # A coin without a legible name says little about its ruler.
    weights = 0.25 + 0.75 * legible
    losses = functional.cross_entropy(logits.float(), rulers, reduction="none")
    return (losses * weights).sum() / weights.sum()


def teach_last_layers(
    net: LegendNet, letters: Tensor, rulers: Tensor, legible: Tensor, *, seed: int
) -> None:
    """Teach the layers above the letters; all others stay as they are.

    Args:
        net: It is changed.
        letters: Probabilities of the letters on each coin, float16 (N, 16, H, W).
        rulers: As for `ruler_loss`.
        legible: As for `ruler_loss`.
        seed: Of the order of the coins and of what is dropped out.
    """
    learning = torch.nn.ModuleList([net.legend, net.ruler, net.anywhere])
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    learning.requires_grad_(True)
    optimizer = torch.optim.AdamW(
        learning.parameters(), lr=_PEAK_RATE, weight_decay=_WEIGHT_DECAY
    )
    net.eval()
    for part in (learning, net.drop):
        part.train()
    torch.manual_seed(seed)
    batch = min(_BATCH, len(letters))
    steps = EPOCHS * (len(letters) // batch)
    step = 0
    with Progress("teaching the last layers", steps, unit="step") as bar:
        for _ in range(EPOCHS):
            for rows in torch.split(torch.randperm(len(letters)), batch):
                if len(rows) < batch:
                    continue
                rate = warmup_cosine(
                    step, steps, warmup=_WARMUP * steps, start=0.05, end=0.0
                )
                for group in optimizer.param_groups:
                    group["lr"] = _PEAK_RATE * rate
                seen = net.legend.letter_dropout(letters[rows].float())
                logits = net.classify_features(net.legend.layers(seen))
                optimizer.zero_grad()
                loss = ruler_loss(logits, rulers[rows], legible[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                step += 1
                bar.update(1)
    net.eval()
