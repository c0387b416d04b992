"""AlexNet from scratch, for the record of what was tried; nothing of it ships."""

from __future__ import annotations

import torch
from torch import nn

from coin_core.classifiers.registry import register_classifier
from coin_core.classifiers.torch_classifier import NetClassifier, best_device
from coin_core.classifiers.torchvision_import import torchvision


class AlexNet(nn.Module):
    """torchvision's AlexNet with narrower fully connected layers.

    A thousand units each instead of 4096: a few classes need no more, and a bundle
    stays under 40 MB.
    """

    def __init__(self, classes: int, width: int = 1024) -> None:
        super().__init__()
        # The full-width head is made without memory and thrown away.
        with torch.device("meta"):
            full = torchvision.models.alexnet(num_classes=classes)
        self.features = full.features.to_empty(device="cpu")
        for part in self.features:
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
        self.pool = full.avgpool
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, width),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Photos (N, 3, S, S) to logits (N, classes); S is at least 63."""
        logits: torch.Tensor = self.head(self.pool(self.features(x)))
        return logits


@register_classifier(name="alexnet", title="AlexNet from scratch", inputs="photo")
def build_alexnet(labels: tuple[str, ...], *, seed: int) -> NetClassifier:
    """The unfitted classifier."""
    return NetClassifier(
        AlexNet,
        module__classes=len(labels),
        classes=labels,
        seed=seed,
        max_epochs=40,
        batch_size=32,
        lr=3e-4,
        optimizer__weight_decay=1e-2,
        device=best_device(),
    )
