"""Teaching readers: targets, learning, and going on after a kill."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from coin_core.classifiers import legend_net
from coin_core.classifiers.legend_net import LegendNet, Trunk, build_legend_net
from coin_core.rulers import LETTERS
from coin_core.training import pretraining
from coin_core.training.letter_targets import NONE
from coin_core.training.pretraining import legend_loss, pretrain
from coin_core.training.rendered_dataset import Batch, Round, Schedule
from coin_core.training.runs import Run

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


def _small_reader(*_: object) -> LegendNet:
    return LegendNet(_SmallTrunk(), 3)


def _two_letters(seed: int, count: int) -> Batch:
    """Pictures of 64 px with one het or taw in one of four places."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, 64, 64, 3), np.uint8)
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
        noisy = np.clip(60 + canvas / 3 + rng.normal(0, 12, (64, 64)), 0, 255)
        images[number] = noisy[..., None]
        cells = (slice(y // 8, y // 8 + 2), slice(x // 8, x // 8 + 2))
        letters[number][cells] = TAW if is_taw else HET
        weights[number][cells] = 1
    return Batch(
        views=torch.from_numpy(images),
        rulers=torch.from_numpy(rulers),
        legible=torch.ones(count),
        letters=torch.from_numpy(letters),
        weights=torch.from_numpy(weights),
    )


@pytest.mark.slow
def test_a_reader_learns_to_tell_two_letters() -> None:
    torch.manual_seed(0)
    reader = _small_reader()
    optimizer = torch.optim.AdamW(reader.parameters(), lr=5e-3)
    for step in range(80):
        optimizer.zero_grad()
        batch = _two_letters(step, 16)
        loss = legend_loss(reader, batch.inputs(), batch, 0.5)
        loss.backward()
        optimizer.step()
    reader.eval()
    unseen = _two_letters(1000, 32)
    with torch.inference_mode():
        out = reader.read_letters(unseen.inputs())
    real = unseen.letters != NONE
    read = out.letters.argmax(1) == unseen.letters
    assert read[real].float().mean() > 0.9
    assert (out.logits.argmax(1) == unseen.rulers).float().mean() > 0.9


@pytest.mark.parametrize("name", ["resnet", "vgg"])
def test_readers_give_maps_features_and_classes(name: str) -> None:
    reader = build_legend_net(name, 3).eval()
    with torch.inference_mode():
        out = reader.read_letters(torch.zeros(2, 3, 128, 128))
    assert out.letters.shape == (2, 17, 16, 16)
    assert out.features.shape == (2, 4096)
    assert out.logits.shape == (2, 3)


@pytest.mark.slow
def test_a_killed_training_ends_as_it_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legend_net, "build_legend_net", _small_reader)
    plan = Schedule(
        rounds=(
            Round(coins=16, batch=8),
            Round(coins=8, batch=8, views=2, augmented=True),
        ),
        validations=4,
        validation_coins=4,
    )

    def taught(names: dict[str, str]) -> dict[str, tuple[LegendNet, dict[str, Any]]]:
        folders = {name: tmp_path / folder for name, folder in names.items()}
        return pretrain(folders, schedule=plan, workers=0)

    whole = taught({"resnet": "a", "vgg": "b"})

    check = pretraining.validate
    calls = []

    def killed_at_the_sixth(*args: object) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return check(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(pretraining, "validate", killed_at_the_sixth)
    with pytest.raises(KeyboardInterrupt):
        taught({"resnet": "c", "vgg": "d"})
    # the one has learnt from three batches, the other from two
    monkeypatch.setattr(pretraining, "validate", check)
    resumed = taught({"resnet": "c", "vgg": "d"})

    for name, folder in (("resnet", "c"), ("vgg", "d")):
        reader, facts = resumed[name]
        assert facts["coins"] == 24
        assert facts["seen"] == 32
        lines = (tmp_path / folder / "history.jsonl").read_text().splitlines()
        assert [json.loads(line)["seen"] for line in lines] == [8, 16, 24, 32]
        for key, tensor in whole[name][0].state_dict().items():
            assert torch.allclose(tensor, reader.state_dict()[key], atol=1e-6), key


def test_a_checkpoint_of_the_version_before_is_left_unused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(legend_net, "build_legend_net", _small_reader)
    plan = Schedule(rounds=(Round(coins=8, batch=8),), validation_coins=4)
    # Its notes were "seen" alone, and its moments were named by the weights.
    tensors = {f"net.{k}": v for k, v in _small_reader().state_dict().items()}
    (tmp_path / "run").mkdir()
    save_file(tensors, tmp_path / "run" / "checkpoint.safetensors", {"seen": "8"})
    pretrain({"resnet": tmp_path / "run"}, schedule=plan, workers=0)
    assert "training starts anew" in caplog.text
    [row] = Run(folder=tmp_path / "run").rows()
    assert row["seen"] == 8
