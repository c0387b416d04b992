"""The machine that a training runs on, in words for the model card."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

from coin_core.classifiers import get_classifier
from coin_core.classifiers.torch_classifier import best_device, training_precision


def describe_machine() -> str:
    """Processor, cores and accelerator; no name of host or user."""
    parts = [f"{os.cpu_count() or 1} cores", _processor()]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    elif torch.backends.mps.is_available():
        parts.append("Apple GPU")
    return ", ".join(parts)


def arithmetic(name: str) -> dict[str, Any]:
    """What the last digits of a training depend on beside seed and libraries."""
    on_photos = get_classifier(name).inputs == "photo"
    return {
        "threads": torch.get_num_threads(),
        "precision": training_precision(best_device()) if on_photos else "float32",
    }


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text("utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
