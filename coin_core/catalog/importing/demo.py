"""The demo dataset: photos of coins rendered by `coin_core.rendering`.

It is for practice: it contains photos of both sides, worn coins, copies of photos,
sides without a name, foreign coins, photos without a label, and a few labels that are
wrong on purpose, as the notes of their coins say. All photos are marked as rendered.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.catalog.importing.sources import Item
from coin_core.errors import CatalogError
from coin_core.rulers import DEFAULT_CLASSES, RULERS

DEMO_COUNT = 300
DEMO_SEED = 2026
SOURCE = "rendered demo"
_COIN_PX = 256
_QUALITY = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPhoto:
    """What one photo of the demo shows.

    Attributes:
        number: From 0.
        kind: The side that represents the coin, as in `rendering.KINDS`, or "none".
        two_sided: Obverse and reverse side by side.
        wear: As in `render_coin`.
        copy_of: Number of the photo that this one is a copy of.
        labelled: Whether it has a ruler.
        wrongly: Whether the label is not the ruler named on the coin.
    """

    number: int
    kind: str = "legend"
    two_sided: bool = False
    wear: float = 1.0
    copy_of: int | None = None
    labelled: bool = True
    wrongly: bool = False


def demo_spec(who: str, count: int, seed: int) -> dict[str, Any]:
    """The import of a demo, as the ledger stores it.

    Raises:
        CatalogError: The count is out of range.
    """
    if not 1 <= count <= 10_000:
        raise CatalogError(f"A demo dataset has 1 to 10,000 photos, not {count}.")
    return {"who": who, "count": count, "seed": seed}


def demo_items(spec: Mapping[str, Any]) -> list[Item]:
    """The photos of a demo as items to import; each is rendered when it is read."""
    seed = int(spec["seed"])
    items = []
    for plan in plan_demo(int(spec["count"]), seed):
        rendered = RenderedPhoto(seed, plan)
        name = f"rendered-{seed}-{plan.number:04d}.jpg"
        items.append(
            Item(
                key=f"coin {plan.number}",
                name=name,
                relative=name,
                read=rendered.read,
                deferred_row=rendered.row,
            )
        )
    return items


def plan_demo(count: int, seed: int) -> list[DemoPhoto]:
    """What each photo of a demo shows; a longer demo starts with a shorter one."""
    rng = np.random.default_rng([seed, 41])
    plans: list[DemoPhoto] = []
    for number in range(count):
        chance, other = rng.random(2).tolist()
        wear = float(rng.choice([0.35, 1.0, 1.7], p=[0.5, 0.35, 0.15]))
        labelled = bool(rng.random() < 0.7)
        originals = [plan for plan in plans if plan.copy_of is None]
        if originals and chance < 0.05:
            of = originals[int(other * len(originals))]
            plans.append(
                DemoPhoto(
                    number=number,
                    kind=of.kind,
                    two_sided=of.two_sided,
                    wear=of.wear,
                    copy_of=of.number,
                    labelled=False,
                )
            )
            continue
        kind, two_sided = "legend", other < 0.35
        if chance > 0.92:
            two_sided = False
            kind = next(
                name
                for name, until in (
                    *(("cornucopia", 0.45), ("star_anchor", 0.7)),
                    *(("other", 0.85), ("none", 1.0)),
                )
                if other <= until
            )
        plans.append(
            DemoPhoto(
                number=number,
                kind=kind,
                two_sided=two_sided,
                wear=wear,
                labelled=labelled and kind == "legend",
                wrongly=labelled and kind == "legend" and 0.05 <= chance < 0.085,
            )
        )
    return plans


class RenderedPhoto:
    """A photo of the demo, rendered when it is read; reproducible.

    Attributes:
        ruler: The ruler named in the legend; None before the photo is read.
    """

    def __init__(self, seed: int, plan: DemoPhoto) -> None:
        self._seed = seed
        self._plan = plan
        self.ruler: str | None = None

    def read(self) -> bytes:
        """The photo as a JPEG file."""
        plan = self._plan
        if plan.copy_of is None:
            return _encode(self._draw(plan.number), _QUALITY)
        return _copy(self._draw(plan.copy_of), self._seed, plan.number)

    def row(self) -> dict[str, str]:
        """Its facts, as the row of a table gives them; call `read` first."""
        plan = self._plan
        row = {
            "source": SOURCE,
            "licence": "cc0-1.0",
            "credit": "Rendered by this program; no photograph",
            "lot_text": "Rendered coin, no photograph.",
            "is_rendered": "yes",
        }
        if self.ruler is None or plan.copy_of is not None:
            return row
        rng = np.random.default_rng([self._seed, plan.number, 44])
        row["denomination"] = "prutah"
        row["weight_g"] = f"{rng.normal(1.9, 0.3):.2f}"
        row["diameter_mm"] = f"{rng.normal(14, 1):.1f}"
        row["die_axis_h"] = str(int(rng.integers(1, 13)))
        if plan.labelled:
            label = self.ruler
            if plan.wrongly:
                others = [key for key in DEFAULT_CLASSES if key != label]
                label = others[int(rng.integers(len(others)))]
                name = RULERS[self.ruler].name
                row["notes"] = f"Labelled wrongly on purpose: it is a coin of {name}."
            row["ruler"] = label
            row["name_on_coin"] = RULERS[label].name_on_coin
        return row

    def _draw(self, number: int) -> NDArray[np.uint8]:
        """The photo, uint8 (H, W, 3) RGB."""
        from coin_core.rendering import RenderedCoin, render_coin
        from coin_core.rendering.scenes import draw_scene

        plan = self._plan
        kinds = ["cornucopia", plan.kind] if plan.two_sided else [plan.kind]

        def supply(_rng: np.random.Generator, _kind: str, _px: int) -> RenderedCoin:
            coin = render_coin(
                self._seed,
                number,
                size_px=_COIN_PX,
                kind=kinds.pop(0) if kinds else plan.kind,
                wear=plan.wear,
            )
            self.ruler = coin.ruler or self.ruler
            return coin

        arrangement = "pair" if plan.two_sided else "one"
        return draw_scene(
            np.random.default_rng([self._seed, number, 42]),
            coin_source=supply,
            longer_side_px=720 if plan.two_sided else 480,
            arrangement="none" if plan.kind == "none" else arrangement,
        ).photo


def _copy(photo: NDArray[np.uint8], seed: int, number: int) -> bytes:
    """A photo recompressed, halved or cropped, like copies on the web."""
    import cv2

    height, width = photo.shape[:2]
    way = number % 3
    if way == 0:
        return _encode(photo, 40)
    if way == 1:
        size = (width // 2, height // 2)
        half = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        return _encode(np.asarray(half, np.uint8), _QUALITY)
    rng = np.random.default_rng([seed, number, 43])
    off_x, off_y = round(width * 0.05), round(height * 0.05)
    left, top = round(rng.random() * off_x), round(rng.random() * off_y)
    cut = photo[top : top + height - off_y, left : left + width - off_x]
    return _encode(np.ascontiguousarray(cut), _QUALITY)


def _encode(photo: NDArray[np.uint8], quality: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
