"""Who acts, and what that person may do.

Whatever changes something calls `check` first: the transactions of the catalog, the
jobs, the runs, the bin and the choice of a model. So it does not matter which button,
page or forged event leads there. A command, and a job, act as the operator, who may do
everything. The pages say who visits them (`identify_by`).
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coin_core.errors import NotAllowedError
from coin_core.i18n import N_, _

ADMINS, EDITORS = "COIN_ADMINS", "COIN_EDITORS"
"""Environment variables with the names of those who have a role."""


class Right(StrEnum):
    """What a person may do, as the end of a sentence."""

    LABEL = N_("change labels and facts")
    CROP = N_("crop photos")
    FREEZE = N_("freeze versions")
    IMPORT = N_("import photos")
    EXPORT = N_("export photos")
    GATHER = N_("gather photos from sites")
    TRAIN = N_("train classifiers")
    PROMOTE = N_("choose the model of the Classify page")
    DELETE = N_("delete or restore anything")
    MANAGE_JOBS = N_("change other people's jobs")


class Role(StrEnum):
    """What a person is here; each may do what those before it may."""

    READER = N_("reader")
    EDITOR = N_("editor")
    ADMIN = N_("admin")


_EDITORS_RIGHTS: Final = frozenset(
    {Right.LABEL, Right.CROP, Right.FREEZE, Right.IMPORT, Right.EXPORT}
)
RIGHTS: Final = {
    Role.READER: frozenset[Right](),
    Role.EDITOR: _EDITORS_RIGHTS,
    Role.ADMIN: frozenset(Right),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who acts.

    Attributes:
        name: Signs changes; "" if nobody has given one.
        role: What the person may do.
        is_verified: Whether the name is known from elsewhere than from the person.
        visit: Begins the ids of the actions of one visit; hexadecimal digits.
    """

    name: str
    role: Role = Role.ADMIN
    is_verified: bool = True
    visit: str = ""


def operator() -> Person:
    """Whoever runs this process."""
    try:
        return Person(name=getpass.getuser())
    except (KeyError, OSError):  # a container may have no user of that number
        return Person(name="command line")


_acting: ContextVar[Person | None] = ContextVar("acting", default=None)
_find_person: Callable[[], Person] = operator


def identify_by(find: Callable[[], Person]) -> None:
    """Let a function say who acts in this process, in place of the operator."""
    global _find_person
    _find_person = find


@contextmanager
def acting_as(person: Person) -> Iterator[None]:
    """This person acts inside the block, whatever thread runs it."""
    token = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(token)


def current_person() -> Person:
    """Who acts now."""
    return _acting.get() or _find_person()


def role_of(name: str) -> Role:
    """The role that the environment gives to a name, exactly as it is written there."""
    for variable, role in ((ADMINS, Role.ADMIN), (EDITORS, Role.EDITOR)):
        listed = [part.strip() for part in os.environ.get(variable, "").split(",")]
        if name and (name in listed or "*" in listed):
            return role
    return Role.READER


def may(right: Right) -> bool:
    """Whether the person who acts has a right."""
    return right in RIGHTS[current_person().role]


def refusal(right: Right) -> str:
    """The sentence for somebody who does not have a right."""
    person = current_person()
    needed = next(role for role in Role if right in RIGHTS[role])
    return _(
        "Your role is {role}: to {right} you need the role {needed}. Whoever runs this "
        "program gives roles."
    ).format(role=_(person.role), right=_(right), needed=_(needed))


def check(right: Right) -> None:
    """Refuse what the person who acts may not do.

    Raises:
        NotAllowedError: The person does not have that right.
    """
    if not may(right):
        raise NotAllowedError(refusal(right))
