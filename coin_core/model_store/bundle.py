"""Model bundles: a folder with card.json and the weights that it describes.

Networks are stored as model.safetensors, scikit-learn estimators as model.skops, never
as pickles. The sha256 of the weights is in the card and is checked before they are
parsed. Shipped bundles are in `weights/`, a user's own in `data/models/`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from coin_core.errors import WeightsMismatchError, WeightsMissingError
from coin_core.model_store.card import (
    ESTIMATOR_FILE,
    MAX_CARD_BYTES,
    TENSORS_FILE,
    Card,
    card_from_json,
    card_to_json,
)
from coin_core.storage import (
    WEIGHTS_DIR,
    data_dir,
    recover_folder,
    write_file,
    write_folder,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "ESTIMATOR_FILE",
    "TENSORS_FILE",
    "WEIGHTS_DIR",
    "BundleInfo",
    "BundleProblem",
    "Card",
    "add_figures",
    "data_dir",
    "discover",
    "find_bundle",
    "library_versions",
    "load_card",
    "models_dir",
    "read_estimator",
    "read_tensors",
    "save_bundle",
    "to_half",
    "to_single",
    "weights_digest",
]

MAX_FILE_BYTES = 256 * 1024 * 1024
_LIBRARIES = ("numpy", "scikit-learn", "skops", "skorch", "torch", "torchvision")

Origin = Literal["shipped", "own"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleInfo:
    """A bundle that can be loaded."""

    name: str
    folder: Path
    card: Card
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleProblem:
    """A folder that is not a usable bundle, and the reason in one sentence."""

    folder: Path
    sentence: str


def models_dir() -> Path:
    """Return the folder of the user's own bundles."""
    return data_dir() / "models"


def load_card(folder: Path) -> Card:
    """Load the card of a bundle.

    Raises:
        WeightsMissingError: There is no such folder, or no card in it.
        WeightsMismatchError: The card is damaged, or of another program.
    """
    recover_folder(folder)
    try:
        with (folder / "card.json").open("rb") as file:
            return card_from_json(file.read(MAX_CARD_BYTES + 1))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise WeightsMissingError(
            f"{folder.name}: there is no model bundle in {folder} (card.json is "
            "missing)."
        ) from error
    except OSError as error:
        raise WeightsMismatchError(
            f"{folder.name}: card.json cannot be opened ({error.strerror})."
        ) from error
    except WeightsMismatchError as error:
        raise WeightsMismatchError(f"{folder.name}: the card {error}.") from error


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Read the tensors of a bundle, in the precision that they are stored in.

    Raises:
        WeightsMissingError: The bundle or its file is missing.
        WeightsMismatchError: It is damaged, foreign, or not a network.
    """
    import safetensors
    import safetensors.torch

    data = _read_verified(folder, TENSORS_FILE)
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise WeightsMismatchError(
            f"{folder.name}: {TENSORS_FILE} is no safetensors file ({error})."
        ) from error


def read_estimator(folder: Path, trusted: Iterable[str] = ()) -> Any:
    """Read the scikit-learn estimator of a bundle.

    Args:
        folder: The bundle.
        trusted: Types that it may hold besides the usual ones.

    Raises:
        WeightsMissingError: The bundle or its file is missing.
        WeightsMismatchError: It is damaged, foreign, or holds an untrusted type.
    """
    from coin_core.model_store.estimator_io import load_estimator

    data = _read_verified(folder, ESTIMATOR_FILE)
    try:
        return load_estimator(data, trusted)
    except WeightsMismatchError as error:
        raise WeightsMismatchError(f"{folder.name}: {error}.") from error


def _read_verified(folder: Path, name: str) -> bytes:
    """Read a file of a bundle and check its sha256."""
    card = load_card(folder)
    if name not in card.files:
        raise WeightsMismatchError(
            f"{folder.name}: holds {', '.join(card.files)}, where {name} was expected."
        )
    _check_file(folder / name)
    data = (folder / name).read_bytes()
    _check_digest(folder / name, hashlib.sha256(data).hexdigest(), card)
    return data


def _check_digest(path: Path, digest: str, card: Card) -> None:
    if digest != card.files[path.name]:
        raise WeightsMismatchError(
            f"{path.parent.name}: {path.name} is not the file its card describes "
            "(sha256 differs). Copy the bundle again, or train it again."
        )


def _check_file(path: Path) -> None:
    name = path.parent.name
    if path.is_symlink():
        raise WeightsMismatchError(
            f"{name}: {path.name} is a link; a bundle holds its own files."
        )
    if not path.is_file():
        raise WeightsMissingError(f"{name}: {path.name} is missing.")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise WeightsMismatchError(
            f"{name}: {path.name} has {size >> 20} MB, more than the "
            f"{MAX_FILE_BYTES >> 20} MB a bundle may have."
        )


def save_bundle(
    folder: Path,
    card: Card,
    *,
    tensors: Mapping[str, Tensor] | None = None,
    estimator: Any = None,
    trusted: Iterable[str] = (),
) -> Card:
    """Write a bundle atomically, in place of an older one.

    Args:
        folder: Where it goes.
        card: Its card; `files`, `versions` and `created` are filled in here.
        tensors: The weights of a network.
        estimator: A fitted scikit-learn estimator. One of the two is given.
        trusted: Types that the estimator may hold besides the usual ones.

    Returns:
        The card as written.

    Raises:
        WeightsMismatchError: The estimator holds untrusted types.
    """
    if (tensors is None) == (estimator is None):
        raise ValueError("A bundle holds either tensors or an estimator.")
    if tensors is not None:
        import safetensors.torch

        name = TENSORS_FILE
        whole = {key: value.detach().contiguous() for key, value in tensors.items()}
        data = safetensors.torch.save(whole)
    else:
        from coin_core.model_store.estimator_io import dump_estimator

        name = ESTIMATOR_FILE
        data = dump_estimator(estimator, trusted)
    written = replace(
        card,
        files={name: hashlib.sha256(data).hexdigest()},
        versions=dict(card.versions) or library_versions(),
        created=card.created or datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_folder(folder, {name: data, "card.json": card_to_json(written).encode()})
    return written


def add_figures(folder: Path, figures: Mapping[str, Any]) -> None:
    """Add measured figures to a bundle's card, in place of the same measurement.

    Args:
        folder: The bundle.
        figures: What `evaluation.metrics.report_json` returns, with `data`, "rendered"
            or "photos", and `what`, the dataset in words.
    """
    card = load_card(folder)
    others = [m for m in card.metrics if m.get("what") != figures.get("what")]
    written = replace(card, metrics=(*others, dict(figures)))
    write_file(folder / "card.json", card_to_json(written).encode())


def to_half(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with matrices and kernels in half precision.

    Vectors are small and keep their precision: the running variances of batch norm
    exceed the range of half precision.
    """
    return {
        name: value.half() if value.is_floating_point() and value.ndim > 1 else value
        for name, value in tensors.items()
    }


def to_single(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with all floating-point numbers in single precision."""
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in tensors.items()
    }


def weights_digest(card: Card) -> str:
    """Return one digest of all files of a bundle, as `features_from` stores it."""
    return "+".join(card.files[name] for name in sorted(card.files))


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that affect a model."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=256)
def _file_digest(path: Path, modified_ns: int, size: int) -> str:
    """The sha256 of a file, computed once per version of it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discover() -> tuple[tuple[BundleInfo, ...], tuple[BundleProblem, ...]]:
    """Return all usable bundles, shipped ones first, and the unusable folders."""
    found: list[BundleInfo] = []
    problems: list[BundleProblem] = []
    roots: dict[Origin, Path] = {"shipped": WEIGHTS_DIR, "own": models_dir()}
    for origin, root in roots.items():
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            try:
                card = load_card(folder)
                for path in (folder / name for name in card.files):
                    _check_file(path)
                    stat = path.stat()
                    digest = _file_digest(path, stat.st_mtime_ns, stat.st_size)
                    _check_digest(path, digest, card)
            except (WeightsMissingError, WeightsMismatchError) as error:
                problems.append(BundleProblem(folder=folder, sentence=str(error)))
            else:
                found.append(
                    BundleInfo(
                        name=folder.name, folder=folder, card=card, origin=origin
                    )
                )
    return tuple(found), tuple(problems)


def find_bundle(name_or_path: str | Path) -> Path:
    """Return the folder of a bundle: a path, a user's own bundle, or a shipped one.

    Raises:
        WeightsMissingError: There is none; the message names the command to make it.
    """
    given = str(name_or_path)
    path = Path(given)
    places = [path] if isinstance(name_or_path, Path) or path.name != given else []
    if not places and not given.startswith("."):
        places = [models_dir() / given, WEIGHTS_DIR / given]
        if path.is_dir():
            places.append(path)
    for place in places:
        recover_folder(place)
        if (place / "card.json").is_file():
            return place
    name = path.name or given
    classifier = name if name.isidentifier() else "CLASSIFIER"
    raise WeightsMissingError(
        f"There is no model bundle {given!r}. Make it with: "
        f"python -m coin_core train {classifier} --data rendered"
    )
