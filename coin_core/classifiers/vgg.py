"""VGG-11 with batch norm; it reads the legend too, and lends its features.

Its 4096 numbers before the last layer are what svm, knn and mlp learn from.
"""

from __future__ import annotations

from torch import Tensor

from coin_core.classifiers._net import NetClassifier, best_device
from coin_core.classifiers._registry import register_classifier
from coin_core.classifiers._trunks import build_reader
from coin_core.preprocessing import Preprocessing

_FULL_FIRST_LAYER = 64  # kernels of the published VGG-11's first layer


class VggClassifier(NetClassifier):
    """A net that is as wide as the weights it is given."""

    def load_tensors(self, tensors: dict[str, Tensor]) -> NetClassifier:
        """Become the net that gave these `tensors`, of half or full width."""
        first = tensors.get("trunk.features.0.weight")
        full_width = first is not None and len(first) == _FULL_FIRST_LAYER
        self.set_params(module__full_width=full_width)
        return super().load_tensors(tensors)


@register_classifier(name="vgg", title="VGG-11", inputs="photo")
def build_vgg(labels: tuple[str, ...], *, seed: int) -> VggClassifier:
    """The unfitted classifier."""
    return VggClassifier(
        build_reader,
        module__name="vgg",
        module__classes=len(labels),
        classes=labels,
        seed=seed,
        preprocessing=Preprocessing(size_px=128),
        max_epochs=20,
        batch_size=32,
        lr=3e-4,
        optimizer__weight_decay=2e-2,
        device=best_device(),
    )
