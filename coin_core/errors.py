"""All errors that a user can meet and correct.

    CoinError
    ├── UnreadablePhotoError    (ValueError)         a file is no photo that is accepted
    ├── CropOutOfBoundsError    (ValueError)         a crop box leaves the photo
    ├── UnknownRulerError       (LookupError)        no ruler has that key
    ├── UnknownClassifierError  (LookupError)        no classifier has that name
    ├── WeightsMissingError     (FileNotFoundError)  no model bundle lies there
    ├── WeightsMismatchError    (ValueError)         a bundle is damaged or foreign
    ├── TrainingDataError       (ValueError)         a folder cannot be learnt from
    ├── TrainingStoppedError                         stopped with nothing to keep yet
    ├── JobStoppedError                              somebody asked a job to stop
    └── CatalogError                                 the catalog refuses a change

A message says what was expected, what was found and what to do next, and is meant
to be shown as it is. Whatever is not a `CoinError` is a mistake in the program.
"""


class CoinError(Exception):
    """The root: catching it catches everything a user can mend, nothing else."""


class UnreadablePhotoError(CoinError, ValueError):
    """A file is not a photo that can be read: wrong kind, damaged, or too large."""


class CropOutOfBoundsError(CoinError, ValueError):
    """A crop box is empty or reaches outside the photo."""


class UnknownRulerError(CoinError, LookupError):
    """No ruler is known by that key."""


class UnknownClassifierError(CoinError, LookupError):
    """No classifier is registered under that name."""


class WeightsMissingError(CoinError, FileNotFoundError):
    """No model bundle lies where one was expected."""


class WeightsMismatchError(CoinError, ValueError):
    """A model bundle is damaged, incomplete, or made for something else."""


class TrainingDataError(CoinError, ValueError):
    """The photos or labels given cannot be learnt from."""


class TrainingStoppedError(CoinError):
    """A training was stopped before there was a model to keep."""


class JobStoppedError(CoinError):
    """Somebody asked the job to stop; its command can be run again."""


class CatalogError(CoinError):
    """The catalog refuses a change, or cannot be opened."""
