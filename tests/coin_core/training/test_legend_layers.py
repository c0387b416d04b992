"""The layers from letters to rulers learn, and the letters stay as they are."""

import pytest
import torch

from coin_core.classifiers.legend_net import build_legend_net
from coin_core.classifiers.loading import load_classifier
from coin_core.model_store import bundle
from coin_core.training import legend_layers
from coin_core.training.legend_layers import ruler_loss, teach_last_layers


def letters_of(rulers: torch.Tensor) -> torch.Tensor:
    """Letter maps of 16 cells a side in which one letter tells the ruler."""
    letters = torch.full((len(rulers), 16, 16, 16), 0.01)
    for row, ruler in enumerate(rulers.tolist()):
        letters[row, 3 + ruler, 4:7, 8:11] = 0.9
    return letters


def test_the_last_layers_learn_which_letter_tells_and_nothing_else_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Thousands of coins teach as much at the usual rate.
    monkeypatch.setattr(legend_layers, "_PEAK_RATE", 3e-3)
    monkeypatch.setattr(legend_layers, "EPOCHS", 4)
    _, shipped = load_classifier(bundle.find_bundle(bundle.WEIGHTS_DIR / "vgg"))
    net = shipped.module_
    before = {key: value.clone() for key, value in net.state_dict().items()}
    rulers = torch.arange(512) % 3
    letters, legible = letters_of(rulers), torch.ones(len(rulers))

    def loss() -> float:
        with torch.inference_mode():
            logits = net.classify_features(net.legend.layers(letters[:3]))
        return float(ruler_loss(logits, rulers[:3], legible[:3]))

    first = loss()
    teach_last_layers(net, letters.half(), rulers, legible, seed=0)
    assert loss() < 0.7 * first
    changed = {
        key.split(".")[0]
        for key, value in net.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert changed == {"legend", "ruler", "anywhere"}
    assert not net.training


def test_the_same_seed_teaches_the_same() -> None:
    rulers = torch.arange(128) % 3
    taught = []
    for _ in range(2):
        torch.manual_seed(0)
        net = build_legend_net("vgg", 3)
        teach_last_layers(
            net, letters_of(rulers).half(), rulers, torch.ones(128), seed=5
        )
        taught.append(net.ruler.weight.detach())
    assert torch.equal(*taught)


def test_coins_without_a_legible_name_count_a_fourth() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    rulers = torch.tensor([0, 0])
    right, wrong = torch.nn.functional.cross_entropy(logits, rulers, reduction="none")
    legible = torch.tensor([1.0, 0.0])
    assert torch.isclose(
        ruler_loss(logits, rulers, legible), (right + wrong / 4) / 1.25
    )
