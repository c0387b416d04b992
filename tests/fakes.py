"""A stand-in for the trained models: quick, and the same answer every time."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from coin_core.classifiers.rim_reader import RimLetter
from coin_core.detection import face_to_read
from coin_core.explain import NearCoin
from coin_core.imaging.preprocessing import LegendPose, RotatedBox
from coin_core.model_store.bundle import BundleInfo
from coin_core.model_store.card import Card
from coin_core.pipeline import CoinClassifier, PreparedPhoto
from coin_core.rendering import render_coin
from coin_core.results import (
    DetectedFace,
    LetterRead,
    PhotoResult,
    RejectReason,
    Side,
    Verdict,
)
from coin_core.rulers import DEFAULT_CLASSES

TITLES = {
    "resnet": "ResNet-18",
    "vgg": "VGG-11",
    "svm": "Support vector machine",
    "knn": "k nearest neighbours",
    "mlp": "Multilayer perceptron",
}
_LINES = (
    ("yod", "he", "waw", "nun"),
    ("taw", "nun", "he", "kaf"),
    ("he", "nun", "gimel", "dalet"),
)


# The caches of Streamlit are empty for each test, and the demo coins always the same.
_render_once = functools.cache(render_coin)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every page use the stand-ins: no weights are needed, nothing is slow."""
    import streamlit as st

    from coin_core import explain, pipeline
    from coin_core.model_store import bundle
    from ui.classify import demo

    # Visitors see the type of a defect; whoever reads a failed test needs all of it.
    st.set_option("client.showErrorDetails", "full")
    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setattr(demo, "render_coin", _render_once)
    monkeypatch.setattr(bundle, "discover", lambda: (bundles(), ()))
    monkeypatch.setattr(pipeline, "CoinClassifier", FakeCoinClassifier)
    monkeypatch.setattr(pipeline, "prepare_photos", lambda all_: [*map(_prepare, all_)])
    for fake in (
        reads_letters,
        read_letters,
        read_rim,
        find_legend_pose,
        heat_map,
        nearest_coins,
        similarity_vectors,
    ):
        monkeypatch.setattr(explain, fake.__name__, fake)


def bundles() -> tuple[BundleInfo, ...]:
    return tuple(
        BundleInfo(
            name=name,
            folder=Path("weights") / name,
            card=Card(
                name=name,
                classifier=name,
                title=title,
                classes=DEFAULT_CLASSES,
                threshold=0.6,
                metrics=(
                    {"data": "rendered", "n": 3000, "accuracy": 0.97, "ece": 0.012},
                ),
                files={"model.skops": "0" * 64},
                origin="shipped",
            ),
        )
        for name, title in TITLES.items()
    )


class FakeCoinClassifier:
    """Sees two faces in wide photos, none in dark ones; mlp never agrees."""

    def load(self, names: Sequence[str] = ()) -> None:
        pass

    def model(self, name: str) -> None:
        pass

    def feature_extractor(self, name: str) -> None:
        pass

    def classify(
        self,
        photo: np.ndarray,
        *,
        classifiers: Sequence[str],
        box: RotatedBox | None = None,
    ) -> PhotoResult:
        return self.classify_prepared([_prepare(photo, box)], classifiers)[0]

    prepare_and_classify = CoinClassifier.prepare_and_classify

    def classify_prepared(
        self, prepared: Sequence[PreparedPhoto], names: Sequence[str]
    ) -> list[PhotoResult]:
        return [
            PhotoResult(
                faces=one.faces,
                legend=one.legend,
                verdicts=tuple(_verdict(one, name) for name in names),
            )
            for one in prepared
        ]


def _prepare(photo: np.ndarray, box: RotatedBox | None = None) -> PreparedPhoto:
    """The whole photo as the crop."""
    faces = (_face(box, Side.LEGEND),) if box else _find(photo)
    legend = next((i for i, f in enumerate(faces) if f.side is Side.LEGEND), None)
    return PreparedPhoto(faces=faces, legend=legend, crop=photo, reason=None)


def _face(box: RotatedBox, side: Side) -> DetectedFace:
    return DetectedFace(box=box, side=side, confidence=0.9)


def _find(photo: np.ndarray) -> tuple[DetectedFace, ...]:
    height, width = photo.shape[:2]
    if photo.max() < 8:
        return ()
    if width > 1.5 * height:
        return (
            _face(
                RotatedBox(left=0.05, top=0.1, right=0.48, bottom=0.9), Side.CORNUCOPIA
            ),
            _face(RotatedBox(left=0.52, top=0.1, right=0.95, bottom=0.9), Side.LEGEND),
        )
    return (
        _face(RotatedBox(left=0.06, top=0.05, right=0.94, bottom=0.95), Side.LEGEND),
    )


def _verdict(prepared: PreparedPhoto, name: str) -> Verdict:
    if not prepared.faces:
        return Verdict(
            classifier=name,
            probabilities={},
            ruler=None,
            reason=RejectReason.NO_COIN,
            seconds=0.01,
        )
    best = int(prepared.crop.mean(dtype=np.float64)) % 3
    sure = 0.5 if name == "mlp" else 0.91
    shares = [(1 - sure) * 0.7, (1 - sure) * 0.3]
    shares.insert(best, sure)
    answered = sure > 0.6 and prepared.legend is not None
    return Verdict(
        classifier=name,
        probabilities=dict(zip(DEFAULT_CLASSES, shares, strict=True)),
        ruler=DEFAULT_CLASSES[best] if answered else None,
        reason=None if answered else prepared.reason or RejectReason.TOO_WORN,
        seconds=0.04,
        face=face_to_read(prepared.faces),
    )


def reads_letters(*_: object) -> bool:
    return True


def read_rim(*given: object) -> tuple[RimLetter, ...]:
    return tuple(
        RimLetter(letter=letter, probability=0.9, turn_deg=40 + 15 * place)
        for place, letter in enumerate("VESPASIAN")
    )


def read_letters(*_: object) -> tuple[LetterRead, ...]:
    read = []
    for line, letters in enumerate(_LINES):
        for place, letter in enumerate(letters):
            x, y = 0.68 - 0.14 * place, 0.25 + 0.17 * line
            box = RotatedBox(left=x, top=y, right=x + 0.1, bottom=y + 0.13)
            read.append(
                LetterRead(
                    letter=letter, box=box, probability=0.8, line=line, place=place
                )
            )
    return tuple(read)


def find_legend_pose(*_: object) -> LegendPose:
    return LegendPose(radius=0.3, turn_deg=-170.0)


def heat_map(*_: object) -> np.ndarray:
    y, x = np.mgrid[:40, :40] / 40
    heat: np.ndarray = np.exp(-((x - 0.5) ** 2 + (y - 0.4) ** 2) / 0.04)
    return heat.astype(np.float32)


def similarity_vectors(_: object, crops: np.ndarray) -> np.ndarray:
    """Photos are similar if they are equally bright."""
    angle = crops.mean(axis=(1, 2, 3)) / 255 * np.pi / 2
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def nearest_coins(
    _: object, crop: np.ndarray, count: int = 8
) -> list[tuple[NearCoin, np.ndarray | None]]:
    return [
        (
            NearCoin(
                label=DEFAULT_CLASSES[i % 3],
                similarity=0.95 - 0.03 * i,
                origin=f"rendered coin {i}",
            ),
            crop if i % 2 else None,
        )
        for i in range(count)
    ]
