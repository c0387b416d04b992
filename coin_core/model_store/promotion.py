"""The model that answers where nobody chooses one, if a user has promoted it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from coin_core.access import Right, check
from coin_core.errors import CoinError, disk_errors
from coin_core.model_store import sharing
from coin_core.model_store.bundle import find_bundle
from coin_core.storage import data_dir, open_lock, read_json, write_json

_KEPT = 50  # former choices


def promoted() -> str | None:
    """Return the name of the promoted model, or None."""
    sharing.follow()
    name = read_json(data_dir() / sharing.CHOICE).get("model")
    return name if isinstance(name, str) else None


def promote(name: str) -> None:
    """Let a model answer where nobody chooses one.

    Raises:
        WeightsMissingError: There is no such model.
    """
    check(Right.PROMOTE)
    find_bundle(name)
    with _changing():
        if promoted() != name:
            _write(name, [*_before(), promoted()])


def demote() -> None:
    """Let the shipped models answer again."""
    check(Right.PROMOTE)
    with _changing():
        if promoted() is not None:
            _write(None, [*_before(), promoted()])


def can_roll_back() -> bool:
    """Whether there is a choice that `roll_back` would undo."""
    sharing.follow()
    return bool(_before())


def roll_back(prepare: Callable[[str], object] = find_bundle) -> str | None:
    """Undo the last choice; return the name of the model that answers now, or None.

    Args:
        prepare: Called with the name before it answers; an error leaves all as it is.

    Raises:
        CoinError: No choice is left to undo.
        WeightsMissingError: The model that answered before is gone.
    """
    check(Right.PROMOTE)
    with _changing():
        if not (before := _before()):
            raise CoinError("No model was chosen before this one.")
        name = before.pop()
        if name is not None:
            prepare(name)
        _write(name, before)
    return name


@contextmanager
def _changing() -> Iterator[None]:
    """Nobody else changes the choice inside it; other machines learn of it after it.

    Raises:
        BusyError: Somebody else changes it all the time.
        CoinError: It cannot be stored.
        ChangedMeanwhileError: Another machine has changed it; its choice is right.
        NotSharedError: It is changed here, and not yet on the others.
    """
    sharing.follow()
    failure = "The choice of the model could not be stored"
    with disk_errors(failure), open_lock(data_dir() / f"{sharing.CHOICE}.lock"):
        yield
    sharing.publish()


def _before() -> list[str | None]:
    """The former choices, the latest last; None stands for the shipped models.

    The latest is another one than the present choice.
    """
    before = read_json(data_dir() / sharing.CHOICE).get("before")
    known = before if isinstance(before, list) else []
    names = [name for name in known if name is None or isinstance(name, str)]
    now = promoted()
    while names and names[-1] == now:  # an older version kept these too
        names.pop()
    return names


def _write(name: str | None, before: list[str | None]) -> None:
    value = {"model": name, "before": before[-_KEPT:]}
    write_json(data_dir() / sharing.CHOICE, value)
