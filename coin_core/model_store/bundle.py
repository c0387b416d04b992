"""Model bundles: a folder with card.json and the weights it describes.

Nets lie in model.safetensors, scikit-learn estimators in model.skops. The sha256 of
the weights is in the card and is checked before a byte of them is parsed; nothing is
ever unpickled. Shipped bundles are in `weights/`, those a user trained or brought in
`data/models/`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
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
    "read_estimator",
    "read_tensors",
    "save_bundle",
    "to_half",
    "to_single",
    "weights_digest",
]

MAX_FILE_BYTES = 256 * 1024 * 1024

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
    """A folder that is no usable bundle, and why in one sentence."""

    folder: Path
    sentence: str


def models_dir() -> Path:
    """Where the user's own bundles lie."""
    return data_dir() / "models"


def load_card(folder: Path) -> Card:
    """The card of a bundle.

    Raises:
        WeightsMissingError: There is no such folder, or no card in it.
        WeightsMismatchError: The card is damaged, or made by something else.
    """
    recover_folder(folder)
    path = folder / "card.json"
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CARD_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise WeightsMissingError(
            f"{folder.name}: no model bundle lies in {folder} (card.json is missing)."
        ) from error
    except OSError as error:
        raise WeightsMismatchError(
            f"{folder.name}: card.json cannot be opened ({error.strerror})."
        ) from error
    try:
        return card_from_json(data)
    except WeightsMismatchError as error:
        raise WeightsMismatchError(f"{folder.name}: the card {error}.") from error


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors of a net bundle as they are stored (half or single precision).

    Raises:
        WeightsMissingError: The bundle or its file is missing.
        WeightsMismatchError: It is damaged, foreign, or no net.
    """
    import safetensors
    import safetensors.torch

    data = _read_verified(folder, load_card(folder), TENSORS_FILE)
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise WeightsMismatchError(
            f"{folder.name}: {TENSORS_FILE} is no safetensors file ({error})."
        ) from error


def read_estimator(folder: Path, trusted: Iterable[str] = ()) -> Any:
    """The scikit-learn estimator of a bundle; types in `trusted` are allowed as well.

    Raises:
        WeightsMissingError: The bundle or its file is missing.
        WeightsMismatchError: It is damaged, foreign, or holds a type that is not
            trusted.
    """
    from coin_core.model_store.estimator_io import load_estimator

    data = _read_verified(folder, load_card(folder), ESTIMATOR_FILE)
    try:
        return load_estimator(data, trusted)
    except WeightsMismatchError as error:
        raise WeightsMismatchError(f"{folder.name}: {error}.") from error


def _read_verified(folder: Path, card: Card, name: str) -> bytes:
    """The bytes of a file of a bundle, after their sha256 was found right."""
    if name not in card.files:
        raise WeightsMismatchError(
            f"{folder.name}: holds {', '.join(card.files)}, where {name} was expected."
        )
    path = folder / name
    _check_file(folder, path)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != card.files[name]:
        raise WeightsMismatchError(_damaged(folder, name))
    return data


def _damaged(folder: Path, name: str) -> str:
    return (
        f"{folder.name}: {name} is not the file its card describes (sha256 differs). "
        "Copy the bundle again, or train it anew."
    )


def _check_file(folder: Path, path: Path) -> None:
    if path.is_symlink():
        raise WeightsMismatchError(
            f"{folder.name}: {path.name} is a link; a bundle holds its own files."
        )
    if not path.is_file():
        raise WeightsMissingError(f"{folder.name}: {path.name} is missing.")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise WeightsMismatchError(
            f"{folder.name}: {path.name} has {size >> 20} MB, more than the "
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
    """Write a bundle whole; until that is done the old one stays.

    Args:
        folder: Its place; whatever bundle lies there is replaced.
        card: Its card; `files`, `versions` and `created` are filled in here.
        tensors: The weights of a net.
        estimator: A fitted scikit-learn estimator; one of the two is given.
        trusted: Types that the estimator may hold beyond the usual ones.

    Returns:
        The card as it was written.

    Raises:
        WeightsMismatchError: The estimator holds types that are not trusted.
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
    """Note in a bundle's card what was measured, in place of the same measurement.

    Args:
        folder: The bundle.
        figures: What `evaluation.report_json` gives, with `data`, "rendered" or
            "photos", and `what` was measured on, in words.
    """
    card = load_card(folder)
    what = figures.get("what")
    others = [m for m in card.metrics if m.get("what") != what]
    written = replace(card, metrics=(*others, dict(figures)))
    write_file(folder / "card.json", card_to_json(written).encode())


def to_half(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors with matrices and kernels in half precision.

    Vectors stay as they are: they are small, and the running variances of batch norm
    do not fit the range of half precision.
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
    """One sha256 for all files of a bundle: what features_from refers to."""
    return "+".join(card.files[name] for name in sorted(card.files))


def library_versions() -> dict[str, str]:
    """Versions of the libraries that shape a model."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("numpy", "scikit-learn", "skops", "skorch", "torch", "torchvision"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=256)
def _digest(path: Path, modified_ns: int, size: int) -> str:
    """The sha256 of a file, once per version of it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discover() -> tuple[tuple[BundleInfo, ...], tuple[BundleProblem, ...]]:
    """Every usable bundle, shipped ones first, and every folder that is none."""
    found: list[BundleInfo] = []
    problems: list[BundleProblem] = []
    roots: tuple[tuple[Path, Origin], ...] = (
        (WEIGHTS_DIR, "shipped"),
        (models_dir(), "own"),
    )
    for root, origin in roots:
        folders = sorted(root.iterdir()) if root.is_dir() else []
        for folder in folders:
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            try:
                card = load_card(folder)
                for name in card.files:
                    path = folder / name
                    _check_file(folder, path)
                    stat = path.stat()
                    digest = _digest(path, stat.st_mtime_ns, stat.st_size)
                    if digest != card.files[name]:
                        raise WeightsMismatchError(_damaged(folder, name))
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
    """The folder of a bundle: a path, a name of one's own bundles, or a shipped one.

    Raises:
        WeightsMissingError: There is none; the message names the command that makes
            it.
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
    raise WeightsMissingError(
        f"There is no model bundle {given!r}. Make it with: "
        f"{_command_for(path.name or given)}"
    )


def _command_for(name: str) -> str:
    known = name if name.isidentifier() else "CLASSIFIER"
    return f"python -m coin_core train {known} --data rendered"
