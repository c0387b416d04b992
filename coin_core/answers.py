"""A reading as the JSON that the command line and the API answer with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from coin_core.verdicts import PhotoReading


def answers(photo: str, reading: PhotoReading) -> list[dict[str, Any]]:
    """One object per verdict.

    Args:
        photo: The photo's name, as it was given.
        reading: What was read in it.
    """
    faces = [
        {"box": asdict(face.box), "side": str(face.side)} for face in reading.faces
    ]
    return [
        {
            "photo": photo,
            "classifier": verdict.classifier,
            "ruler": verdict.ruler,
            "reason": None if verdict.reason is None else str(verdict.reason),
            "probabilities": dict(verdict.probabilities),
            "faces": faces,
            "seconds": round(verdict.seconds, 4),
        }
        for verdict in reading.verdicts
    ]
