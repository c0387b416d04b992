"""All errors that a user can meet and correct.

    CoinError
    ├── WrongUseError           (ValueError)         a command cannot do as it was told
    ├── UnreadablePhotoError    (ValueError)         a file is not an accepted photo
    ├── DecoderMissingError     (RuntimeError)       photos cannot be decoded at all
    ├── BusyError                                    others use the memory or a file
    ├── CropOutOfBoundsError    (ValueError)         a crop box is outside the photo
    ├── UnknownRulerError       (LookupError)        no ruler has that key
    ├── UnknownClassifierError  (LookupError)        no classifier has that name
    ├── WeightsMissingError     (FileNotFoundError)  there is no such model bundle
    ├── WeightsMismatchError    (ValueError)         a bundle is damaged or foreign
    ├── TrainingDataError       (ValueError)         the data cannot be trained on
    ├── TrainingStoppedError                         stopped before there is a model
    ├── JobStoppedError                              a user has stopped a job
    ├── NotAllowedError         (PermissionError)    the role of a user is too low
    └── CatalogError                                 the catalog refuses a change
        ├── DamagedCatalogError                      the catalog is lost or damaged
        └── StoreError                               a team's store cannot be used
            └── NotSharedError                       a change is only on this machine

A message says what was expected, what was found and what to do next, and is shown to
the user. Any other exception is a mistake in the program.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final


class CoinError(Exception):
    """The base class of all errors that a user can correct."""


class WrongUseError(CoinError, ValueError):
    """The arguments of a command contradict each other, or name what is not there."""


class UnreadablePhotoError(CoinError, ValueError):
    """A file is not a readable photo: another kind, damaged, or too large."""


class DecoderMissingError(CoinError, RuntimeError):
    """The process that decodes photos does not start."""


class BusyError(CoinError):
    """Others use the memory or the file that this needs; it can be tried again."""


class CropOutOfBoundsError(CoinError, ValueError):
    """A crop box is empty or reaches outside the photo."""


class UnknownRulerError(CoinError, LookupError):
    """No ruler has that key."""


class UnknownClassifierError(CoinError, LookupError):
    """No classifier is registered under that name."""


class WeightsMissingError(CoinError, FileNotFoundError):
    """There is no model bundle where one is expected."""


class WeightsMismatchError(CoinError, ValueError):
    """A model bundle is damaged, incomplete, or made for something else."""


class TrainingDataError(CoinError, ValueError):
    """The photos or labels cannot be trained on."""


class TrainingStoppedError(CoinError):
    """A training was stopped before there was a model."""


class JobStoppedError(CoinError):
    """A user has stopped a job; its command can be run again."""


class NotAllowedError(CoinError, PermissionError):
    """Somebody does not have the role that a change needs."""


class CatalogError(CoinError):
    """The catalog refuses a change, or cannot be opened."""


class DamagedCatalogError(CatalogError):
    """The catalog is lost or damaged; a backup can take its place."""


class StoreError(CatalogError):
    """The store of originals and models that a team shares cannot be used."""


class NotSharedError(StoreError):
    """A change is made on this machine, and the others of the team lack it."""


def explain_disk_error(error: OSError) -> str:
    """What is wrong with a file or disk and what to do, after the words "X: "."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full. Make room and do it again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "this is not permitted. Check the permissions"
    if isinstance(error, TimeoutError):
        return "another process is at work on it. Try again in a moment"
    return f"{error.strerror or error}. Check the disk"


KNOWN_ERRORS: Final = (CoinError, OSError)
"""What users are told in a sentence, by `sentence_of`; others are bugs."""


def sentence_of(error: CoinError | OSError) -> str:
    """The sentence of an error: its message, or what is wrong with a file or disk."""
    if isinstance(error, CoinError):
        return str(error)
    return f"{error.filename or 'A file'}: {explain_disk_error(error)}."


@contextmanager
def disk_errors(
    failure: str, undone: str = "was changed", kind: type[CoinError] = CoinError
) -> Iterator[None]:
    """Turn errors of files and disks inside the block into one that says what to do.

    Args:
        failure: What could not be done, as a sentence without its end.
        undone: What did not happen either: "was changed".
        kind: The class of the error; where others hold a lock, it may be `BusyError`.
    """
    try:
        yield
    except CoinError:
        raise
    except OSError as error:
        reason = explain_disk_error(error)
        if isinstance(error, TimeoutError) and issubclass(BusyError, kind):
            kind = BusyError
        raise kind(f"{failure}: {reason}; nothing {undone}.") from error
