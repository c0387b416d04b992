"""A demo collection, struck by `coin_core.rendering` and marked as rendered throughout.

It is made to practise on: both sides on some photos, worn coins, copies of photos,
sides that name nobody, coins of elsewhere, photos without a label, and a few labels
that are wrong on purpose, as their coin's notes say.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select

from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import bring_in_items, stop_import
from coin_core.catalog.importing.records import ImportProgress, ImportState
from coin_core.catalog.importing.sources import Item
from coin_core.catalog.repository import Catalog
from coin_core.catalog.schema import ImportRow, PhotoRow
from coin_core.errors import CatalogError
from coin_core.rulers import DEFAULT_CLASSES, RULERS

DEMO_COUNT = 300
DEMO_SEED = 2026
SOURCE = "rendered demo"
_STRUCK_PX = 256
_QUALITY = 88
_WAIT_S = 30.0
_REMOVED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPhoto:
    """What one photo of the collection is to show.

    Attributes:
        number: From 0.
        kind: Side of the coin that stands for it, as in `rendering.KINDS`, or "none".
        two_sided: Obverse and reverse side by side.
        wear: Of the coin's life, as `render_coin` takes it.
        copy_of: The photo that this one is a copy of.
        labelled: Whether it comes with a ruler.
        wrongly: The label is not the ruler whose name was struck.
    """

    number: int
    kind: str = "legend"
    two_sided: bool = False
    wear: float = 1.0
    copy_of: int | None = None
    labelled: bool = True
    wrongly: bool = False


def make_demo(
    catalog: Catalog,
    count: int = DEMO_COUNT,
    *,
    seed: int = DEMO_SEED,
    who: str = "demo",
    stop: Callable[[], bool] | None = None,
) -> Generator[ImportProgress, None, None]:
    """Strike the collection into a catalog, in this process; goes on if interrupted.

    Args:
        catalog: Where it goes.
        count: How many photos, 1 to 10,000.
        seed: The same seed gives the same collection.
        who: Signs it.
        stop: Asked between photos.

    Returns:
        How far it has come, after each photo and at the end.

    Raises:
        CatalogError: The catalog cannot be written, or another process is at it.
    """
    from coin_core.catalog.importing.ingest import resume_import

    spec = demo_spec(who, count, seed)
    import_id = ledger.find_unfinished(catalog, spec)
    if import_id is None:
        import_id = ledger.create(catalog, "demo", spec)
    yield from resume_import(catalog, import_id, stop=stop)


def remove_demo(catalog: Catalog, *, who: str = "demo") -> int:
    """Take every rendered photo out again, with its file; returns how many.

    Raises:
        CatalogError: The collection is still being struck and does not stop.
    """
    _stop_striking(catalog)
    removed = 0
    while True:
        with catalog.database.reading() as connection:
            found = connection.scalars(
                select(PhotoRow.id)
                .where(PhotoRow.is_rendered.is_(True))
                .limit(_REMOVED_AT_ONCE)
            ).all()
        if not found:
            break
        removed += catalog.photos.remove(found, who=who)
    with catalog.database.writing() as connection:
        connection.execute(delete(ImportRow).where(ImportRow.kind == "demo"))
    return removed


def _stop_striking(catalog: Catalog) -> None:
    with catalog.database.reading() as connection:
        underway = connection.scalars(
            select(ImportRow.id).where(
                ImportRow.kind == "demo", ImportRow.state == ImportState.RUNNING
            )
        ).all()
    for import_id in underway:
        stop_import(catalog, import_id)
        give_up = time.monotonic() + _WAIT_S
        while ledger.is_running(import_id):
            if time.monotonic() > give_up:
                raise CatalogError(
                    "The demo collection is still being struck. Wait until it has "
                    "stopped and remove it then."
                )
            time.sleep(0.1)


def demo_spec(who: str, count: int, seed: int) -> dict[str, Any]:
    """What is asked for, as the books of the imports keep it.

    Raises:
        CatalogError: So many photos are not made.
    """
    if not 1 <= count <= 10_000:
        raise CatalogError(f"A demo collection has 1 to 10,000 photos, not {count}.")
    return {"who": who, "count": count, "seed": seed}


def generate_demo(
    catalog: Catalog,
    import_id: int,
    spec: Mapping[str, Any],
    stop: Callable[[], bool] | None,
) -> Generator[ImportProgress, None, bool]:
    """Strike and bring in what is not there yet; returns whether all is."""
    seed = int(spec["seed"])
    items = []
    for plan in plan_demo(int(spec["count"]), seed):
        struck = StruckPhoto(seed, plan)
        name = f"rendered-{seed}-{plan.number:04d}.jpg"
        items.append(
            Item(
                key=f"coin {plan.number}",
                name=name,
                relative=name,
                read=struck.read,
                late_row=struck.row,
            )
        )
    return (yield from bring_in_items(catalog, import_id, spec, items, stop))


def plan_demo(count: int, seed: int) -> list[DemoPhoto]:
    """What each photo of a collection is to show."""
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


class StruckPhoto:
    """A photo of the collection, struck when it is read; the same numbers, the same.

    Attributes:
        ruler: Whose name the legend side carries; None before it is struck.
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
        """What is told of it, as the row of a table would; after `read`."""
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
                row["notes"] = f"Labelled wrongly on purpose: struck as {self.ruler}."
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
                size_px=_STRUCK_PX,
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
    """A photo recompressed, halved or cropped, as copies on the web are."""
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
