"""Every error is a CoinError and the nearest standard one."""

import pytest

from coin_core import errors


@pytest.mark.parametrize(
    ("error", "standard"),
    [
        (errors.UnreadablePhotoError, ValueError),
        (errors.CropOutOfBoundsError, ValueError),
        (errors.UnknownRulerError, LookupError),
        (errors.UnknownClassifierError, LookupError),
        (errors.WeightsMissingError, FileNotFoundError),
        (errors.WeightsMismatchError, ValueError),
        (errors.TrainingDataError, ValueError),
        (errors.NotAllowedError, PermissionError),
        (errors.CatalogError, Exception),
    ],
)
def test_an_error_can_be_caught_under_both_names(error, standard):
    assert issubclass(error, errors.CoinError)
    assert issubclass(error, standard)
    with pytest.raises(standard, match="what to do next"):
        raise error("what to do next")


def test_the_tree_in_the_docstring_names_every_error():
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.CoinError):
            assert name in (errors.__doc__ or "")
