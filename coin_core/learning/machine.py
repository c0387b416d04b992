"""What a training ran on, in words for the model card."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def autocast() -> torch.autocast:
    """Half precision for a net's forward pass, where the processor computes in it.

    With AVX-512's or AMX's bfloat16 a training takes about half the time; on other
    processors it would take longer, and nothing is changed.
    """
    has_it = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_it)


def describe_machine() -> str:
    """Processor, cores and accelerator; no name of host or user."""
    parts = [f"{os.cpu_count() or 1} cores", _processor()]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    elif torch.backends.mps.is_available():
        parts.append("Apple GPU")
    return ", ".join(parts)


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text("utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
