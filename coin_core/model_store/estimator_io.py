"""scikit-learn estimators in skops files, with a short list of trusted types.

skops itself trusts every scikit-learn estimator. Here only the parts of the shipped
classifiers are trusted: a file with any other type is refused before an object is
created.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

import skops.io

from coin_core.errors import WeightsMismatchError

MAX_MEMBERS = 500
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
_MAX_SCHEMA_BYTES = 4 * 1024 * 1024

# Types that the classifiers need and skops does not trust by itself.
_BEYOND_SKOPS = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
)

TRUSTED_TYPES = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float32",
        "numpy.float64",
        "numpy.int32",
        "numpy.int64",
        "numpy.ndarray",
        "sklearn.calibration.CalibratedClassifierCV",
        "sklearn.decomposition._pca.PCA",
        "sklearn.multiclass.OneVsRestClassifier",
        "sklearn.neighbors._classification.KNeighborsClassifier",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.Normalizer",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.svm._classes.SVC",
        *_BEYOND_SKOPS,
    }
)
_LOADERS = frozenset(
    {
        "DictNode",
        "JsonNode",
        "ListNode",
        "NdArrayNode",
        "ObjectNode",
        "TupleNode",
        "TypeNode",
    }
)


def dump_estimator(estimator: Any, trusted: Iterable[str] = ()) -> bytes:
    """The skops file of a fitted estimator; types in `trusted` are allowed as well.

    Raises:
        WeightsMismatchError: It holds types that `load_estimator` would refuse.
    """
    data: bytes = skops.io.dumps(
        estimator, compression=zipfile.ZIP_DEFLATED, compresslevel=6
    )
    _audit(data, trusted)
    return data


def load_estimator(data: bytes, trusted: Iterable[str] = ()) -> Any:
    """The estimator in a skops file; types in `trusted` are allowed as well.

    Raises:
        WeightsMismatchError: It is damaged, too large, or holds a type that is not
            on the list.
    """
    _audit(data, trusted)
    try:
        return skops.io.loads(data, trusted=[*_BEYOND_SKOPS, *trusted])
    except Exception as error:
        raise WeightsMismatchError(
            f"the estimator cannot be read ({type(error).__name__}: {error})"
        ) from error


def _audit(data: bytes, trusted: Iterable[str]) -> None:
    """Check a file by its table of contents, before any object is created."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED_BYTES:
                raise WeightsMismatchError(
                    f"the estimator unpacks to {len(members)} parts of {unpacked} bytes"
                )
            if archive.getinfo("schema.json").file_size > _MAX_SCHEMA_BYTES:
                raise WeightsMismatchError("the estimator's schema is too large")
            schema = json.loads(archive.read("schema.json"))
        foreign = sorted(_foreign_types(schema) - {*trusted})
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, OSError) as error:
        if isinstance(error, WeightsMismatchError):
            raise
        raise WeightsMismatchError("the estimator is no skops file") from error
    if foreign:
        raise WeightsMismatchError(
            f"the estimator holds types that are not trusted: {', '.join(foreign)}. If "
            "the classifier is yours, name them in the trusted_types of its file"
        )


def _foreign_types(node: Any) -> set[str]:
    """Return the types and loaders in a schema that are not trusted."""
    found: set[str] = set()
    if isinstance(node, dict):
        if "__class__" in node or "__module__" in node or "__loader__" in node:
            kind = f"{node.get('__module__')}.{node.get('__class__')}"
            if kind not in TRUSTED_TYPES:
                found.add(kind)
            if node.get("__loader__") not in _LOADERS:
                found.add(str(node.get("__loader__")))
        for value in node.values():
            found |= _foreign_types(value)
    elif isinstance(node, list):
        for value in node:
            found |= _foreign_types(value)
    return found
