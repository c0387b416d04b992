"""Model bundles: a folder with card.json and the weights that it describes.

Networks are stored as model.safetensors, scikit-learn estimators as model.skops, never
as pickles. The sha256 of the weights is in the card and is checked before they are
parsed. Shipped bundles are in `weights/`, a user's own in `data/models/`.

A bundle may come from anyone. Programs open it with `coin_core.models.open_model`,
which uses the functions here; they read only regular files of limited sizes, and accept
only the tensors that a network of this program has.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coin_core.errors import (
    CoinError,
    TrainingDataError,
    WeightsMismatchError,
    WeightsMissingError,
)
from coin_core.model_store import shipped
from coin_core.model_store.card import (
    ESTIMATOR_FILE,
    MAX_CARD_BYTES,
    TENSORS_FILE,
    Card,
    card_from_json,
    card_to_json,
    is_bundle_name,
)
from coin_core.model_store.shipped import DETECTION, RESERVED, SHIPPED
from coin_core.recycle_bin import discard
from coin_core.storage import (
    WEIGHTS_DIR,
    data_dir,
    dump_json,
    open_lock,
    recover_folder,
    write_file,
    write_folder,
)

if TYPE_CHECKING:
    from filelock import FileLock
    from torch import Tensor, nn

__all__ = [
    "DETECTION",
    "ESTIMATOR_FILE",
    "RESERVED",
    "SHIPPED",
    "TENSORS_FILE",
    "WEIGHTS_DIR",
    "BundleInfo",
    "BundleProblem",
    "Card",
    "add_figures",
    "check_name",
    "check_place",
    "data_dir",
    "discover",
    "find_bundle",
    "library_versions",
    "load_card",
    "load_weights",
    "models_dir",
    "read_estimator",
    "read_files",
    "read_tensors",
    "save_bundle",
    "to_half",
    "to_single",
    "verdict_digest",
    "weights_digest",
    "write_shipped_table",
]

MAX_FILE_BYTES = 256 * 1024 * 1024
_MAX_HEADER_BYTES = 1024 * 1024
_MAX_DIMENSIONS = 8
_LIBRARIES = ("numpy", "scikit-learn", "skops", "skorch", "torch", "torchvision")
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_AGAIN = "Copy the bundle again, or train it again."
_NAMES = "a name is up to 64 Latin or Hebrew letters, digits, '.', '_' and '-'"
_FILES = {"card.json", TENSORS_FILE, ESTIMATOR_FILE}
_OF_EACH_CLASS = {"confusion", "recall", "classes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleInfo:
    """A bundle that can be loaded."""

    name: str
    folder: Path
    card: Card


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
    data = _read_regular(folder / "card.json", MAX_CARD_BYTES)
    try:
        card = _parse_card(data)
    except WeightsMismatchError as error:
        raise WeightsMismatchError(
            f"{folder.name}: the card {error}. {_AGAIN}"
        ) from error
    return _parse_card(data, shipped=True) if is_shipped(folder, card) else card


@lru_cache(maxsize=64)
def _parse_card(data: bytes, *, shipped: bool = False) -> Card:
    """The card in a file: pages look for new cards several times a run."""
    card = card_from_json(data)
    return replace(card, origin="shipped") if shipped else card


def is_shipped(folder: Path, card: Card) -> bool:
    """Whether a bundle is one of those that this version ships, unchanged."""
    return (
        SHIPPED.get(folder.name) == verdict_digest(card)
        and folder.resolve() == (WEIGHTS_DIR / folder.name).resolve()
    )


def _read_regular(path: Path, limit: int) -> bytes:
    """Read a regular file: no link, pipe or device, and not more than `limit` bytes."""
    name = path.parent.name
    try:
        # A pipe without a writer would block, and a device might never end.
        descriptor = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_LINKS | _BINARY
        )
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _not_regular(path)
            data = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise WeightsMissingError(
            f"{name}: there is no model bundle in {path.parent} ({path.name} is "
            "missing)."
        ) from error
    except OSError as error:
        if path.is_symlink() or not path.is_file():
            raise _not_regular(path) from error
        raise WeightsMismatchError(
            f"{name}: {path.name} cannot be opened ({error.strerror})."
        ) from error
    if len(data) > limit:
        raise WeightsMismatchError(
            f"{name}: {path.name} is larger than {limit >> 10} KiB, more than a bundle "
            f"may have. {_AGAIN}"
        )
    return data


def _not_regular(path: Path) -> WeightsMismatchError:
    return WeightsMismatchError(
        f"{path.parent.name}: {path.name} is a link, a folder or a device; a bundle "
        f"holds its own files. {_AGAIN}"
    )


def read_tensors(folder: Path, card: Card | None = None) -> dict[str, Tensor]:
    """Read the tensors of a bundle, in the precision that they are stored in.

    Args:
        folder: The bundle.
        card: Its card, if it was read before: they then belong to that card, also if
            the bundle is replaced meanwhile.

    Raises:
        WeightsMissingError: The bundle or its file is missing.
        WeightsMismatchError: It is damaged, foreign, or not a network.
    """
    import safetensors
    import safetensors.torch

    data = _read_verified(folder, TENSORS_FILE, card)
    try:
        _check_header(data)
        return safetensors.torch.load(data)
    except (
        safetensors.SafetensorError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        RuntimeError,
    ) as error:
        raise WeightsMismatchError(
            f"{folder.name}: {TENSORS_FILE} is no safetensors file "
            f"({str(error)[:200]}). {_AGAIN}"  # it may quote the file
        ) from error


def _check_header(data: bytes) -> None:
    """Refuse a header that no network of this program needs, before it is parsed."""
    size = int.from_bytes(data[:8], "little")
    if not 2 <= size <= min(_MAX_HEADER_BYTES, len(data) - 8):
        raise ValueError("the size of its header is wrong")
    header = json.loads(data[8 : 8 + size])
    for name, entry in header.items():
        if name != "__metadata__" and len(entry["shape"]) > _MAX_DIMENSIONS:
            raise ValueError(f"{name[:80]!r} has {len(entry['shape'])} dimensions")


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load tensors into a network that has exactly these, in single precision.

    The counters of batches matter to no prediction and may be missing.

    Raises:
        WeightsMismatchError: A name, a shape or a type differs, or a number is not
            finite; the message has no name of a bundle.
    """
    own = module.state_dict()
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    if odd := sorted((own.keys() - counters) ^ (tensors.keys() - counters)):
        has = "is missing" if odd[0] in own else "belongs to another network"
        raise WeightsMismatchError(
            f"The weights do not fit this network: {odd[0][:80]!r} {has}. {_AGAIN}"
        )
    for name, value in tensors.items():
        expected = own.get(name)
        if expected is None or value.shape != expected.shape:
            shape = "nothing" if expected is None else tuple(expected.shape)
            raise WeightsMismatchError(
                f"The weights do not fit this network: {name[:80]!r} has the shape "
                f"{tuple(value.shape)}, expected {shape}. {_AGAIN}"
            )
        if value.is_floating_point() != expected.is_floating_point() or (
            value.is_complex() or value.dtype.itemsize < 2
        ):
            raise WeightsMismatchError(
                f"The weights do not fit this network: {name[:80]!r} is {value.dtype}, "
                f"expected {expected.dtype}. {_AGAIN}"
            )
        low, high = value.aminmax() if value.numel() else (0.0, 0.0)
        if not (math.isfinite(low) and math.isfinite(high)):
            raise WeightsMismatchError(
                f"The weights are damaged: {name[:80]!r} holds numbers that are not "
                f"finite. {_AGAIN}"
            )
        if name.endswith("running_var") and low < 0:
            raise WeightsMismatchError(
                f"The weights are damaged: a variance in {name[:80]!r} is negative. "
                f"{_AGAIN}"
            )
    kept = {name: own[name] for name in counters}
    module.load_state_dict(kept | to_single(tensors))


def read_estimator(
    folder: Path, trusted: Iterable[str] = (), card: Card | None = None
) -> Any:
    """Read the scikit-learn estimator of a bundle.

    Args:
        folder: The bundle.
        trusted: Types that it may hold besides the usual ones.
        card: As for `read_tensors`.

    Raises:
        WeightsMissingError: The bundle or its file is missing.
        WeightsMismatchError: It is damaged, foreign, or holds an untrusted type.
    """
    from coin_core.model_store.estimator_io import load_estimator

    data = _read_verified(folder, ESTIMATOR_FILE, card)
    try:
        return load_estimator(data, trusted)
    except WeightsMismatchError as error:
        raise WeightsMismatchError(f"{folder.name}: {error}. {_AGAIN}") from error


def _read_verified(folder: Path, name: str, card: Card | None) -> bytes:
    """Read a file of a bundle and check its sha256."""
    card = card or load_card(folder)
    if name not in card.files:
        raise WeightsMismatchError(
            f"{folder.name}: holds {', '.join(card.files)}, where {name} was expected."
        )
    data = _read_regular(folder / name, MAX_FILE_BYTES)
    _check_digest(folder / name, hashlib.sha256(data).hexdigest(), card)
    return data


def _check_digest(path: Path, digest: str, card: Card) -> None:
    if digest != card.files[path.name]:
        raise WeightsMismatchError(
            f"{path.parent.name}: {path.name} is not the file its card describes "
            f"(sha256 differs). {_AGAIN}"
        )


def _check_file(path: Path) -> None:
    """Check a file without reading it, for `discover`."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise _not_regular(path)
    if not path.is_file():
        raise WeightsMissingError(f"{path.parent.name}: {path.name} is missing.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise WeightsMismatchError(
            f"{path.parent.name}: {path.name} has {path.stat().st_size >> 20} MB, more "
            f"than the {MAX_FILE_BYTES >> 20} MB a bundle may have."
        )


def read_files(source: Path) -> dict[str, bytes]:
    """Read the files of a bundle in a folder or a ZIP file, by name; not checked yet.

    Raises:
        WeightsMissingError: There is no bundle in it.
        WeightsMismatchError: A file is too large, or the ZIP file is damaged.
    """
    names = ("card.json", TENSORS_FILE, ESTIMATOR_FILE)
    limits = (MAX_CARD_BYTES, MAX_FILE_BYTES, MAX_FILE_BYTES)
    if source.is_dir():
        return {
            name: _read_regular(source / name, limit)
            for name, limit in zip(names, limits, strict=True)
            if name == "card.json" or os.path.lexists(source / name)
        }
    from coin_core.model_store.estimator_io import open_small_zip

    data = _read_regular(source, MAX_FILE_BYTES + MAX_CARD_BYTES)
    try:
        with open_small_zip(data) as archive:
            members = {member.filename: member for member in archive.infolist()}
            cards = [path for path in members if path.split("/")[-1] == "card.json"]
            if not cards:
                raise WeightsMissingError(
                    f"{source.name}: there is no model bundle in it (card.json is "
                    "missing). Pack the folder of the bundle."
                )
            folder = min(cards, key=len).removesuffix("card.json")
            files = {}
            for name, limit in zip(names, limits, strict=True):
                if folder + name in members:
                    with archive.open(members[folder + name]) as file:
                        files[name] = file.read(limit + 1)
                    if len(files[name]) > limit:
                        raise WeightsMismatchError(
                            f"{source.name}: {name} is larger than {limit >> 10} KiB, "
                            "more than a bundle may have."
                        )
    except (WeightsMissingError, WeightsMismatchError):
        raise
    except Exception as error:  # hostile bytes raise any error
        raise WeightsMismatchError(
            f"{source.name} is no ZIP file, is damaged, or needs a password. Pack the "
            "folder of the bundle again."
        ) from error
    return files


def save_bundle(
    folder: Path,
    card: Card,
    *,
    tensors: Mapping[str, Tensor] | None = None,
    estimator: Any = None,
    trusted: Iterable[str] = (),
    trial: Callable[[Path], object] | None = None,
) -> Card:
    """Write a bundle atomically; a user's older one in its place goes to the bin.

    Args:
        folder: Where it goes.
        card: Its card; `files`, `versions` and `created` are filled in here.
        tensors: The weights of a network.
        estimator: A fitted scikit-learn estimator. One of the two is given.
        trusted: Types that the estimator may hold besides the usual ones.
        trial: Called with the new bundle before it replaces another; if it raises,
            nothing is changed.

    Returns:
        The card as written.

    Raises:
        WeightsMismatchError: The estimator holds untrusted types.
        TrainingDataError: The folder holds something else than a bundle.
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
    written, card_file = _fit_card(written)
    _check_replaced(folder)
    in_bin = partial(discard, models_dir() / folder.name)
    with _cards_lock():
        write_folder(
            folder,
            {name: data, "card.json": card_file},
            in_bin if is_in_models_dir(folder) else None,
            trial,
        )
    return written


def _fit_card(card: Card) -> tuple[Card, bytes]:
    """The card and its file; of many classes without the figures of each.

    Raises:
        WeightsMismatchError: It is larger than a card that is read.
    """
    data = card_to_json(card).encode()
    if len(data) > MAX_CARD_BYTES:
        metrics = tuple(
            {key: value for key, value in one.items() if key not in _OF_EACH_CLASS}
            for one in card.metrics
        )
        card = replace(card, metrics=metrics)
        data = card_to_json(card).encode()
    if len(data) > MAX_CARD_BYTES:
        raise WeightsMismatchError(
            f"{card.name}: its card would be larger than {MAX_CARD_BYTES >> 10} KiB. "
            "Shorten the names of its classes, or keep the figures under the name of "
            "earlier ones."
        )
    return card, data


def _cards_lock() -> FileLock:
    """Nobody replaces a bundle while figures are added to its card."""
    return open_lock(data_dir() / ".cards.lock", timeout_s=-1)


def is_in_models_dir(folder: Path) -> bool:
    """Whether a bundle is one of the user's, which go to the bin when replaced."""
    return folder.parent.resolve() == models_dir().resolve()


def check_name(name: str) -> None:
    """Check that a model of one's own can have a name.

    Raises:
        CoinError: It cannot.
    """
    if is_bundle_name(name) and name.casefold() not in RESERVED:
        return
    why = "the program uses it itself" if is_bundle_name(name) else _NAMES
    raise CoinError(
        f"A model cannot have the name {name[:80]!r}: {why}. Give the model another "
        "name."
    )


def check_place(folder: Path) -> None:
    """Check that a model that is to be trained can be written to a folder.

    Raises:
        TrainingDataError: No model can have its name, or something else is there.
    """
    if is_in_models_dir(folder) or not is_bundle_name(folder.name):
        try:
            check_name(folder.name)
        except CoinError as error:
            raise TrainingDataError(str(error)) from error
    _check_replaced(folder)
    place = folder.absolute().parent
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise TrainingDataError(
            f"No model can be written to {place}. Name another folder for it."
        )


def _check_replaced(folder: Path) -> None:
    """Refuse to delete what is no bundle; in `data/models/` it goes to the bin."""
    if folder.exists() and not folder.is_dir():
        raise TrainingDataError(f"{folder} is a file; a model is a folder.")
    if not folder.is_dir() or is_in_models_dir(folder):
        return
    inside = {path.name for path in folder.iterdir()}
    if inside and not {"card.json"} <= inside <= _FILES:
        raise TrainingDataError(
            f"{folder} holds other files than a model, which would be deleted. Name a "
            "folder that is not there yet, or the folder of a model."
        )


def add_figures(folder: Path, measured: Card, figures: Mapping[str, Any]) -> None:
    """Add measured figures to a bundle's card, in place of the same measurement.

    Args:
        folder: The bundle.
        measured: Its card when it was measured.
        figures: What `evaluation.metrics.report_json` returns, with `data`, "rendered"
            or "photos", and `what`, the dataset in words.

    Raises:
        WeightsMismatchError: Another bundle is there by now, or the card is full.
    """
    with _cards_lock():
        card = load_card(folder)
        if verdict_digest(card) != verdict_digest(measured):
            raise WeightsMismatchError(
                f"{folder.name} was replaced while it was measured, and its card is "
                "left as it is. Measure it again."
            )
        others = [m for m in card.metrics if m.get("what") != figures.get("what")]
        _, data = _fit_card(replace(card, metrics=(*others, dict(figures))))
        write_file(folder / "card.json", data)


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


def verdict_digest(card: Card) -> str:
    """Return the sha256 of all that decides a verdict: weights, classes, settings."""
    fields = (
        *("classifier", "classes", "preprocessing", "class_logit_bias", "temperature"),
        *("threshold", "limits", "features_from", "files"),
    )
    values = {name: getattr(card, name) for name in fields}
    if card.scope:  # cards without one keep the digest that they had before
        values["scope"] = card.scope
    return hashlib.sha256(dump_json(values, sort_keys=True).encode()).hexdigest()


def write_shipped_table() -> None:
    """Write the digests of the bundles in `weights/` into `shipped.py` again."""
    cards = {path.parent.name: path.parent for path in WEIGHTS_DIR.glob("*/card.json")}
    lines = [
        f'    "{name}": "{verdict_digest(load_card(folder))}",\n'
        for name, folder in sorted(cards.items())
    ]
    path = Path(shipped.__file__)
    before, _, rest = path.read_text("utf-8").partition("SHIPPED = {\n")
    after = rest.partition("}\n")[2]
    text = f"{before}SHIPPED = {{\n{''.join(lines)}}}\n{after}"
    write_file(path, text.encode())


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
    for root in (WEIGHTS_DIR, models_dir()):
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            try:
                card = _check_one_version(folder)
            except (WeightsMissingError, WeightsMismatchError) as error:
                if folder.is_dir():  # it may be deleted meanwhile
                    problems.append(BundleProblem(folder=folder, sentence=str(error)))
            else:
                found.append(BundleInfo(name=folder.name, folder=folder, card=card))
    return tuple(found), tuple(problems)


def card_version(folder: Path) -> tuple[int, ...]:
    """Return numbers that differ once a card is replaced; none if it is missing."""
    try:
        card = (folder / "card.json").stat()
    except OSError:
        return ()
    return card.st_ino, card.st_mtime_ns, card.st_size


def _check_one_version(folder: Path, tries: int = 20) -> Card:
    """Return what `_check_files` does, of a bundle that may be replaced meanwhile."""
    version = card_version(folder)
    try:
        return _check_files(folder)
    except (WeightsMissingError, WeightsMismatchError):
        if version == card_version(folder) or tries == 1:
            raise
    return _check_one_version(folder, tries - 1)


def _check_files(folder: Path) -> Card:
    """Return the card of a listed bundle, after a check of its name and its files."""
    own = folder.parent == models_dir()
    is_reserved = folder.name.casefold() in RESERVED
    if own and (is_reserved or not is_bundle_name(folder.name)):
        why = "the program uses it itself"
        if not is_reserved:
            why = _NAMES
        raise WeightsMismatchError(
            f"A model cannot have the name {folder.name[:80]!r}: {why}. Rename the "
            f"folder in {folder.parent}."
        )
    card = load_card(folder)
    try:
        for path in (folder / name for name in card.files):
            _check_file(path)
            stat = path.stat()
            _check_digest(
                path, _file_digest(path, stat.st_mtime_ns, stat.st_size), card
            )
    except OSError as error:
        raise WeightsMismatchError(
            f"{folder.name}: the files cannot be read ({error.strerror})."
        ) from error
    return card


def find_detection_bundle(name: str) -> Path:
    """Return the folder of one of the program's own networks, which is shipped.

    Raises:
        WeightsMissingError: It is missing; the message names the command to make it.
    """
    return find_bundle(WEIGHTS_DIR / name)


def missing_bundle(
    given: str, name: str, data: str = "rendered"
) -> WeightsMissingError:
    """The error that tells how to make a bundle that is not there.

    Args:
        given: What was asked for: its name, or its folder.
        name: What the command trains.
        data: What it learns from.
    """
    return WeightsMissingError(
        f"There is no model bundle {given!r}. Make it with: "
        f"python -m coin_core train {name} --data {data}"
    )


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
        try:
            recover_folder(place)
            if os.path.lexists(place / "card.json"):
                return place
        except (OSError, ValueError):
            continue  # a name that no folder can have, or a folder without access
    if path.name in SHIPPED:
        raise missing_bundle(given, path.name)
    raise WeightsMissingError(
        f"There is no model bundle {given!r}. Give the name of a model that was "
        "trained or installed here, or the folder of one. This makes one: "
        "python -m coin_core train CLASSIFIER --data DIR"
    )
