"""The one way to torchvision.

torchvision from the package index is built for CUDA. Beside a CPU-only torch its
compiled operators do not load, and its import stops where it describes the shapes of
two operators nobody has defined. Declaring their signatures lets the import go on;
models and transforms need no compiled operator.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import torch

_MISSING_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

# Kept for the life of the process: a library that is collected takes its
# declarations with it.
_declared: list[torch.library.Library] = []


def _load() -> ModuleType:
    """Import torchvision, declaring its missing operators when that is what fails."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        # The failed import leaves its submodules behind, half made.
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for signature in _MISSING_OPERATORS:
            library.define(signature)
        _declared.append(library)
        return importlib.import_module("torchvision")


torchvision: Any = _load()
