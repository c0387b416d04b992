"""Teaching readers: targets, learning, and going on after a kill."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from coin_core.classifiers._reader import Reader, Trunk
from coin_core.classifiers._trunks import build_reader
from coin_core.learning import pretraining
from coin_core.learning.pretraining import Batch, Schedule, reading_loss, train_reader
from coin_core.learning.targets import NONE, letter_map
from coin_core.preprocessing import Preprocessing
from coin_core.rendering import strike_coin
from coin_core.rulers import LETTERS

HET = next(n for n, letter in enumerate(LETTERS) if letter.key == "het")
TAW = next(n for n, letter in enumerate(LETTERS) if letter.key == "taw")


class _SmallTrunk(Trunk):
    """Three layers: enough for two letters, and quick."""

    channels = (24, 24, 24)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 5, stride=4, padding=2)
        self.second = nn.Conv2d(16, 24, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(24)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        eighth = functional.relu(self.norm(self.second(functional.relu(self.first(x)))))
        half = functional.avg_pool2d(eighth, 2)
        return eighth, half, functional.avg_pool2d(half, 2)


def _small_reader(*_: object) -> Reader:
    return Reader(_SmallTrunk(), 3)


def _two_letters(seed: int, count: int) -> Batch:
    """Pictures of 64 px with one het or taw in one of four places."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, 3, 64, 64), np.float32)
    letters = np.full((count, 8, 8), NONE)
    weights = np.full((count, 8, 8), 0.1, np.float32)
    rulers = rng.integers(0, 2, count)
    for number, is_taw in enumerate(rulers):
        x, y = (int(v) * 24 + 8 for v in rng.integers(0, 2, 2))
        canvas = np.zeros((64, 64), np.uint8)
        if is_taw:
            cv2.line(canvas, (x + 8, y), (x + 8, y + 16), 255, 2)
            cv2.line(canvas, (x, y + 8), (x + 16, y + 8), 255, 2)
        else:
            cv2.rectangle(canvas, (x, y), (x + 14, y + 16), 255, 2)
            cv2.line(canvas, (x, y + 8), (x + 14, y + 8), 255, 2)
        images[number] = canvas / 255 + rng.normal(0, 0.1, (64, 64))
        cells = (slice(y // 8, y // 8 + 2), slice(x // 8, x // 8 + 2))
        letters[number][cells] = TAW if is_taw else HET
        weights[number][cells] = 1
    return Batch(
        inputs=images,
        rulers=rulers,
        legible=np.ones(count, np.float32),
        letters=letters,
        weights=weights,
    )


def test_a_reader_learns_to_tell_two_letters() -> None:
    torch.manual_seed(0)
    reader = _small_reader()
    optimizer = torch.optim.AdamW(reader.parameters(), lr=5e-3)
    for step in range(80):
        optimizer.zero_grad()
        loss = reading_loss(reader, _two_letters(step, 16), 0.5)
        loss.backward()
        optimizer.step()
    reader.eval()
    unseen = _two_letters(1000, 32)
    with torch.inference_mode():
        out = reader.read(torch.from_numpy(unseen.inputs))
    real = unseen.letters != NONE
    read = out.letters.argmax(1).numpy()
    assert (read == unseen.letters)[real].mean() > 0.9
    assert (out.classes.argmax(1).numpy() == unseen.rulers).mean() > 0.9


def test_the_letter_map_holds_every_legible_letter_in_view() -> None:
    settings = Preprocessing(size_px=128, framed=True)
    coin = strike_coin(2, 1, size_px=128, hardship=0.2)
    assert coin.frame is not None
    labels, weights = letter_map(coin, settings, coin.frame)
    assert labels.shape == weights.shape == (16, 16)
    for letter in coin.letters:
        u, v = coin.frame.to_view(
            (letter.left + letter.right) / 2, (letter.top + letter.bottom) / 2
        )
        x, y = math.floor(u * 16), math.floor(v * 16)
        if not (0 <= x < 16 and 0 <= y < 16):
            continue
        if letter.legibility < 0.3:
            assert weights[y, x] == 0 or labels[y, x] != NONE
        else:
            assert labels[y, x] != NONE
    assert (labels == NONE).mean() > 0.4


@pytest.mark.parametrize("name", ["resnet", "vgg"])
def test_readers_give_maps_features_and_classes(name: str) -> None:
    reader = build_reader(name, 3).eval()
    with torch.inference_mode():
        out = reader.read(torch.zeros(2, 3, 128, 128))
    assert out.letters.shape == (2, 17, 16, 16)
    assert out.features.shape == (2, 4096)
    assert out.classes.shape == (2, 3)


def test_the_rate_rises_then_falls_to_nearly_nothing() -> None:
    plan = Schedule(rounds=(1000,))
    rates = [plan.rate_at(seen) for seen in range(0, 1001, 10)]
    top = int(np.argmax(rates))
    assert 0 < top < 10
    assert rates[top] == pytest.approx(plan.peak_rate, rel=0.02)
    assert rates[-1] < 0.01 * plan.peak_rate


def test_a_second_round_begins_anew_at_a_lower_peak() -> None:
    plan = Schedule(rounds=(1000, 2000), later_peak=0.5)
    rates = [plan.rate_at(seen) for seen in range(0, 3001, 10)]
    assert plan.images == 3000
    assert max(rates[100:]) == pytest.approx(plan.peak_rate / 2, rel=0.02)
    assert rates[99] < 0.01 * plan.peak_rate
    assert rates[-1] < 0.01 * plan.peak_rate


def test_a_killed_training_ends_as_it_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretraining, "build_reader", _small_reader)
    plan = Schedule(rounds=(32,), batch=8, validate_every=8, validation_coins=4)

    whole, _ = train_reader("resnet", tmp_path / "a", schedule=plan, workers=0)

    check = pretraining.validate
    calls = []

    def killed_at_the_third(*args: object) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return check(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(pretraining, "validate", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        train_reader("resnet", tmp_path / "b", schedule=plan, workers=0)
    monkeypatch.setattr(pretraining, "validate", check)
    resumed, facts = train_reader("resnet", tmp_path / "b", schedule=plan, workers=0)

    assert facts["coins"] == 32
    lines = (tmp_path / "b" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["seen"] for line in lines] == [8, 16, 24, 32]
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor, resumed.state_dict()[name], atol=1e-6), name
