"""The import of torchvision; every module imports it from here.

torchvision from the package index is built for CUDA. With a CPU-only torch its
compiled operators do not load, and the import fails where it describes the shapes of
two operators that are not defined. With their signatures declared, the import
succeeds; models and transforms need no compiled operator.
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

# A library that is garbage-collected takes its declarations with it.
_declared: list[torch.library.Library] = []


def _load() -> ModuleType:
    """Import torchvision, and declare its missing operators if that fails."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        # The failed import leaves its submodules behind, half initialized.
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for signature in _MISSING_OPERATORS:
            library.define(signature)
        _declared.append(library)
        return importlib.import_module("torchvision")


torchvision: Any = _load()
