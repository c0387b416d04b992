"""The models of a team: `data/models/` and the choice follow the store.

Where COIN_STORAGE_URL names a store, each bundle is one ZIP file there,
`models/<name>.zip`, and `models/promoted.json` is the choice. Every machine keeps
copies, and looks for changes every few seconds, both there and here; a note says what
it has seen. If both have changed, the store is right, and what was here goes to the
bin.
"""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
import threading
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from filelock import Timeout

from coin_core.errors import CoinError, NotSharedError, StoreError, disk_errors
from coin_core.model_store import bundle
from coin_core.model_store.card import is_bundle_name
from coin_core.object_store import ChangedMeanwhileError, ObjectStore, shared_store
from coin_core.recycle_bin import discard
from coin_core.storage import (
    data_dir,
    open_lock,
    read_json,
    write_file,
    write_folder,
    write_json,
)

POLL_S: Final = 5.0
"""How often a machine looks for changes."""

CHOICE: Final = "promoted.json"
"""The file in the data folder that names the model that answers by default."""

_PREFIX, _ZIP = "models/", ".zip"
_NOTHING = {"there": "", "here": ""}
_WAIT_S = 120.0
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same files make the same ZIP

_log = logging.getLogger(__name__)
_following: tuple[Path, str] | None = None
_starting = threading.Lock()
_try_first: Callable[[str, Path], object] = lambda name, folder: None  # noqa: E731


def try_first(try_model: Callable[[str, Path], object]) -> None:
    """Set what tries the bundle in a folder before it takes the place of another."""
    global _try_first
    _try_first = try_model


def follow(*, strict: bool = False) -> None:
    """Keep the models like those of the store from now on, if there is one.

    Args:
        strict: Whether it is an error if the models of the store were never seen here.

    Raises:
        CoinError: That, because the store cannot be used.
    """
    global _following
    try:
        store = shared_store()
    except StoreError:  # a wrong address, which every use of the dataset names
        if strict:
            raise
        return
    if store is None:
        return
    here = (data_dir(), store.url)
    if _following == here and (not strict or _note().exists()):
        return
    with _starting:
        if _following != here or not _note().exists():
            try:
                with disk_errors("The models of the team cannot be fetched"):
                    synchronize(store)
            except CoinError as error:
                if strict and not _note().exists():
                    raise
                _log.warning("The models of the team may be missing or old: %s", error)
        if _following != here:
            _following = here
            threading.Thread(
                target=_keep_looking, args=(here, store), daemon=True
            ).start()


def _keep_looking(here: tuple[Path, str], store: ObjectStore) -> None:
    said, pause = "", threading.Event()
    while not pause.wait(POLL_S) and _following == here == (data_dir(), store.url):
        problem = ""
        try:
            synchronize(store, wait_s=0)
        except Timeout:
            pass  # another process of this machine is at it
        except (CoinError, OSError) as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - the next look may succeed
            problem = f"The program failed ({type(error).__name__}: {error})."
        if problem != said:
            _log.warning("%s", problem or "The models follow the store again.")
            said = problem


def list_shared() -> set[str]:
    """The names of the models in the store, also of those that are not used here.

    Raises:
        CoinError: There is a store, and its models were never seen here.
    """
    follow(strict=True)
    if shared_store() is None:
        return set()
    return {
        name.removesuffix(_ZIP) for name in read_json(_note()) if name.endswith(_ZIP)
    }


def publish() -> None:
    """Bring what was changed here to the store now, if there is one.

    Raises:
        ChangedMeanwhileError: Somebody else changed the same; theirs is right.
        NotSharedError: The store cannot be used. It is tried again, as long as the
            program runs.
    """
    try:
        failure = "The models could not be compared with those of the store"
        with disk_errors(failure, "was sent"):
            if (store := shared_store()) is not None:
                synchronize(store)
    except ChangedMeanwhileError:
        raise
    except CoinError as error:
        raise NotSharedError(
            "The change is made on this machine, and the others get it as soon as the "
            f"store can be used. {error}"
        ) from error


def synchronize(store: ObjectStore, *, wait_s: float = _WAIT_S) -> None:
    """Bring changes from the store here, and from here to the store.

    Raises:
        StoreError: The store cannot be used, or somebody else changed the same.
        Timeout: Another process of this machine is at it all the time.
    """
    with open_lock(_note().with_suffix(".lock"), wait_s):
        seen: dict[str, dict[str, str]] = {
            name: both
            for name, both in read_json(_note()).items()
            if isinstance(both, dict) and both.keys() == _NOTHING.keys()
        }
        there = {
            name.removeprefix(_PREFIX): facts.version
            for name, facts in store.find(_PREFIX).items()
        }
        here = _look_here()
        names = sorted({*seen, *there, *here})
        refused: dict[str, CoinError] = {}
        for _ in range(2):  # a bundle may need another that comes after it
            for name in names:
                old = seen.get(name, _NOTHING)
                now = {"there": there.get(name, ""), "here": here.get(name, "")}
                if now == old:
                    continue
                try:
                    settled = _settle(store, name, old, now)
                    refused.pop(name, None)
                except StoreError:
                    raise
                except CoinError as error:
                    refused[name] = error
                    continue
                if settled is not None:
                    seen[name] = settled
                    write_json(_note(), seen)
            names = [*refused]
        for name, problem in refused.items():
            # Not again until one of the two changes.
            seen[name] = {"there": there.get(name, ""), "here": here.get(name, "")}
            _log.warning("A model of the team is not used here: %s", problem)
        gone = [name for name, both in seen.items() if both == _NOTHING]
        if refused or gone or not _note().exists():
            left = {name: both for name, both in seen.items() if name not in gone}
            write_json(_note(), left)


def _settle(
    store: ObjectStore, name: str, old: dict[str, str], now: dict[str, str]
) -> dict[str, str] | None:
    """Make both alike; what they are then, or None if it has to wait."""
    if now["there"] == old["there"] and now["here"]:
        there = store.replace(_PREFIX + name, _pack(name), now["there"])
        return {"there": there, "here": now["here"]}
    data = store.read(_PREFIX + name)
    if name == CHOICE:
        here = _write_choice(data, now["here"])
    else:
        here = _write_bundle(name, data, now["here"], seen=old["here"])
    if here is None:
        return None
    return {"there": "" if data is None else now["there"], "here": here}


def _note() -> Path:
    return data_dir() / "models" / ".store.json"


def _look_here() -> dict[str, str]:
    """A digest of each whole bundle of this machine, and of the choice."""
    found = {
        f"{one.name}{_ZIP}": one.folder / "card.json"
        for one in bundle.discover()[0]
        if one.folder.parent == bundle.models_dir()
    }
    found[CHOICE] = data_dir() / CHOICE
    return {name: digest for name, path in found.items() if (digest := _digest(path))}


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _write_choice(data: bytes | None, here: str) -> str | None:
    """Write the choice of the store; its digest, or None if somebody chooses now."""
    path = data_dir() / CHOICE
    with open_lock(path.with_name(f"{CHOICE}.lock")):
        if _digest(path) != here:
            return None
        if data is None:
            path.unlink(missing_ok=True)
            return ""
        write_file(path, data)
    return hashlib.sha256(data).hexdigest()


def _write_bundle(name: str, data: bytes | None, here: str, *, seen: str) -> str:
    """Write a bundle of the store, once it was tried; the digest of its card.

    What is here by then goes to the bin, unless it is what both had before.
    """
    model = name.removesuffix(_ZIP)
    if model == name or not is_bundle_name(model) or model in bundle.RESERVED:
        return ""
    folder = bundle.models_dir() / model
    if data is None:
        if folder.is_dir():
            discard(folder)
        return ""
    files = _unpack(data, name)
    digest = hashlib.sha256(files["card.json"]).hexdigest()

    def keep(replaced: Path) -> None:
        if _digest(replaced / "card.json") not in ("", seen):
            discard(folder, replaced)

    if digest != here:
        write_folder(folder, files, keep, partial(_try_first, model))
    return digest


def _pack(name: str) -> bytes:
    if name == CHOICE:
        return (data_dir() / CHOICE).read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        files = bundle.read_files(bundle.models_dir() / name.removesuffix(_ZIP))
        for file, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(file, _EPOCH), data)
    return packed.getvalue()


def _unpack(data: bytes, name: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return bundle.read_files(path)
