"""The estimator around a reader: a net that is as wide as the weights it is given."""

from __future__ import annotations

from torch import Tensor

from coin_core.classifiers._net import NetClassifier
from coin_core.classifiers._trunks import has_full_width


class ReaderClassifier(NetClassifier):
    """A reader of half or full width."""

    def load_tensors(self, tensors: dict[str, Tensor]) -> NetClassifier:
        """Become the net that gave these `tensors`."""
        self.set_params(module__full_width=has_full_width(tensors))
        return super().load_tensors(tensors)
