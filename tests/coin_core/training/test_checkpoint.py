"""A checkpoint restores net and optimizer, or is left unused with a sentence."""

import torch
from torch import nn

from coin_core.training.checkpoint import (
    load_checkpoint,
    load_tensors,
    save_checkpoint,
    save_tensors,
)


def build(width=3):
    net = nn.Sequential(nn.Conv2d(3, width, 3), nn.Flatten(), nn.Linear(width, 2))
    net = net.to(memory_format=torch.channels_last)
    return net, torch.optim.AdamW(net.parameters(), lr=0.01)


def step(net, optimizer, seed):
    torch.manual_seed(seed)
    optimizer.zero_grad()
    net(torch.randn(4, 3, 3, 3)).square().sum().backward()
    optimizer.step()


def test_a_restored_training_continues_exactly(tmp_path):
    path = tmp_path / "latest.safetensors"
    net, optimizer = build()
    step(net, optimizer, 1)
    save_checkpoint(path, net, optimizer, {"epoch": 1, "best_loss": 0.5})
    restored, its_optimizer = build()
    notes = load_checkpoint(path, restored, its_optimizer)
    assert notes == {"epoch": 1, "best_loss": 0.5}
    moment = its_optimizer.state[next(restored.parameters())]["exp_avg"]
    assert moment.is_contiguous(memory_format=torch.channels_last)
    for one, its in ((net, optimizer), (restored, its_optimizer)):
        step(one, its, 2)
    for name, value in net.state_dict().items():
        assert torch.equal(value, restored.state_dict()[name]), name


def test_without_a_checkpoint_nothing_changes(tmp_path):
    net, optimizer = build()
    assert load_checkpoint(tmp_path / "none.safetensors", net, optimizer) == {}


def test_a_checkpoint_of_another_net_or_layout_is_left_unused(tmp_path, caplog):
    path = tmp_path / "latest.safetensors"
    save_checkpoint(path, *build(width=5), {"epoch": 4})
    net, optimizer = build()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert load_checkpoint(path, net, optimizer) == {}
    save_checkpoint(path, net, optimizer, {"epochs": 4, "seconds": 2.0})
    assert load_checkpoint(path, net, optimizer) == {}
    assert caplog.text.count("training starts anew") == 2
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_a_torn_file_is_left_unused(tmp_path, caplog):
    path = tmp_path / "result.safetensors"
    save_tensors(path, {"probabilities": torch.ones(3)}, {"epochs": 2})
    tensors, notes = load_tensors(path)
    assert notes == {"epochs": 2}
    assert tensors["probabilities"].tolist() == [1.0, 1.0, 1.0]
    path.write_bytes(path.read_bytes()[:20])
    assert load_tensors(path) == ({}, {})
    assert "cannot be read" in caplog.text
