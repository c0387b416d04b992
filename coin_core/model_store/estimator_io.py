"""scikit-learn estimators in skops files, with a short list of trusted types.

skops itself trusts every scikit-learn estimator. Here only the parts of the shipped
classifiers are trusted: a file with any other type is refused before an object is
created. What is created is checked attribute by attribute before it predicts, because
compiled code, such as libsvm's, reads beyond arrays that are too short.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import skops.io

from coin_core.errors import WeightsMismatchError

MAX_MEMBERS = 500
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
_MAX_SCHEMA_BYTES = 4 * 1024 * 1024
_MAX_DIRECTORY_BYTES = 256 * 1024
_MAX_NODES = 200_000
_MAX_WIDTH = 16_384  # of features

# Types that the classifiers need and skops does not trust by itself.
_BEYOND_SKOPS = (
    "coin_core.classifiers.base.Directions",
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
        estimator = skops.io.loads(data, trusted=[*_BEYOND_SKOPS, *trusted])
        _check(estimator, 0)
    except Exception as error:
        raise WeightsMismatchError(
            f"the estimator cannot be read ({type(error).__name__}: {str(error)[:200]})"
        ) from error
    return estimator


def _audit(data: bytes, trusted: Iterable[str]) -> None:
    """Check a file by its table of contents, before any object is created."""
    try:
        with open_small_zip(data) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED_BYTES:
                raise WeightsMismatchError(
                    f"the estimator has {len(members):,} arrays of {unpacked:,} bytes, "
                    f"and at most {MAX_MEMBERS:,} arrays of {MAX_UNPACKED_BYTES:,} "
                    "bytes are opened; save one with fewer or smaller parts"
                )
            if archive.getinfo("schema.json").file_size > _MAX_SCHEMA_BYTES:
                raise WeightsMismatchError("the estimator's schema is too large")
            schema = json.loads(archive.read("schema.json"))
            foreign = sorted(_foreign_types(schema) - {*trusted})
            if _count_nodes(schema, {}) > _MAX_NODES:
                raise ValueError("parts that refer to others multiply")
            for member in () if foreign else members:
                if member.filename != "schema.json":
                    _check_array_file(archive, member)
    except WeightsMismatchError:
        raise
    except Exception as error:  # hostile bytes raise any error
        raise WeightsMismatchError("the estimator is no skops file") from error
    if foreign:
        raise WeightsMismatchError(
            f"the estimator holds types that are not trusted: {', '.join(foreign)}. If "
            "the classifier is yours, name them in the trusted_types of its file"
        )


def open_small_zip(data: bytes) -> zipfile.ZipFile:
    """Open an archive of few files; its directory is measured before it is parsed.

    Raises:
        BadZipFile: It is no archive, or its directory is too large.
    """
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    size = int.from_bytes(data[end + 12 : end + 16], "little")
    large = data[max(0, end - 20) : max(0, end - 16)] == b"PK\x06\x07"
    if end < 0 or len(data) < end + 22 or large or size > _MAX_DIRECTORY_BYTES:
        raise zipfile.BadZipFile("its directory is missing or too large")
    return zipfile.ZipFile(io.BytesIO(data))


def _check_array_file(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Refuse an array whose header announces another size than its file has."""
    with archive.open(member) as file:
        major, _ = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0
            if major == 1
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(file)
        count = math.prod(shape)
        size = dtype.itemsize * count
        if (
            dtype.hasobject
            or not dtype.itemsize
            or size != (member.file_size - file.tell())
        ):
            raise ValueError("an array has another size than its header says")


def _count_nodes(node: Any, known: dict[int, int]) -> int:
    """Count the parts that skops visits: one that is named again counts again."""
    if isinstance(node, list):
        return sum(_count_nodes(value, known) for value in node)
    if not isinstance(node, dict):
        return 0
    name = node.get("__id__", 0)
    if type(name) is not int:
        raise ValueError("a part has no number")
    if name in known:
        return known[name]
    if name:
        known[name] = _MAX_NODES + 1  # within itself
    count = 1 + sum(_count_nodes(value, known) for value in node.values())
    if name:
        known[name] = count
    return count


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
            if node.get("__loader__") == "NdArrayNode" and node["type"] != "numpy":
                found.add("an array of objects")
        for value in node.values():
            found |= _foreign_types(value)
    elif isinstance(node, list):
        for value in node:
            found |= _foreign_types(value)
    return found


def _check(estimator: Any, width: int) -> int:
    """Check a fitted estimator and its parts, before any of them predicts.

    Types that only a classifier's own file trusts are that file's affair.

    Args:
        estimator: One of the trusted types.
        width: How many numbers each row has that it gets; 0 if any.

    Returns:
        How many numbers each row has that it gives.

    Raises:
        ValueError: An attribute is unknown, or has a wrong type, shape or range.
    """
    name = type(estimator).__name__
    rule = _RULES.get(name) if type(estimator).__module__ in _OUR_MODULES else None
    if rule is None:
        return 0
    fitted, check_fitted = rule
    known = {*estimator.get_params(deep=False), *fitted.split()}
    own = set(vars(estimator))
    if odd := sorted(own - known):
        raise ValueError(f"{name} has the unknown attribute {odd[0][:80]}")
    for attribute, allowed in _PARAMETERS.items():
        if attribute in own and not any(
            type(getattr(estimator, attribute)) is type(value)
            and getattr(estimator, attribute) == value
            for value in allowed
        ):
            raise ValueError(f"{name}.{attribute} is {getattr(estimator, attribute)!r}")
    inside = width or getattr(estimator, "n_features_in_", 0)
    if "n_features_in_" in fitted and not (
        1 <= _whole(inside, "n_features_in_") <= _MAX_WIDTH
        and getattr(estimator, "n_features_in_", inside) == inside
    ):
        raise ValueError(f"{name} takes another number of features than it gets")
    return check_fitted(estimator, inside)


def _whole(value: Any, what: str) -> int:
    if type(value) is not int:
        raise ValueError(f"{what} is {value!r}, no whole number")
    return value


def _array(
    owner: Any, attribute: str, shape: tuple[int, ...], kinds: str = "f"
) -> np.ndarray[Any, Any]:
    """Return an attribute that is an array of finite numbers of this shape."""
    value = getattr(owner, attribute)
    what = f"{type(owner).__name__}.{attribute}"
    if type(value) is not np.ndarray or value.dtype.kind not in kinds:
        raise ValueError(f"{what} is no array of numbers")
    if value.dtype.newbyteorder("=") != value.dtype or value.dtype.itemsize not in (
        4,
        8,
    ):
        raise ValueError(f"{what} has numbers of type {value.dtype.str}")
    if value.shape != shape:
        raise ValueError(f"{what} has the shape {value.shape}, expected {shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"{what} holds numbers that are not finite")
    return value


def _number(owner: Any, attribute: str, low: float, high: float) -> float:
    value = getattr(owner, attribute)
    if type(value) not in (int, float, np.float32, np.float64) or not (
        low <= value <= high
    ):
        raise ValueError(f"{type(owner).__name__}.{attribute} is {value!r}")
    return float(value)


def _classes(owner: Any, attribute: str = "classes_") -> int:
    """Return the number of classes, which are column numbers in their order."""
    value = getattr(owner, attribute)
    count = len(value)
    if not np.array_equal(_array(owner, attribute, (count,), "i"), np.arange(count)):
        # A class without training coins has no column.
        numbers = value.tolist()
        if numbers != sorted({*numbers}) or not 0 <= numbers[0] <= numbers[-1] < 500:
            raise ValueError(f"{type(owner).__name__}.{attribute} is {value!r}")
    return count


def _pipeline(pipeline: Any, width: int) -> int:
    for step in _list(pipeline.steps):
        if type(step) is not tuple or len(step) != 2 or type(step[0]) is not str:
            raise ValueError("a step of the pipeline is no name with an estimator")
        width = _check(step[1], width)
    return width


def _scaler(scaler: Any, width: int) -> int:
    _array(scaler, "mean_", (width,))
    if (_array(scaler, "scale_", (width,)) <= 0).any():
        raise ValueError("StandardScaler.scale_ is not above 0")
    return width


def _directions(directions: Any, width: int) -> int:
    _array(directions, "mean_", (width,))
    if (_array(directions, "spread_", (width,)) <= 0).any():
        raise ValueError("Directions.spread_ is not above 0")
    return width


def _pca(pca: Any, width: int) -> int:
    count = _whole(pca.n_components_, "PCA.n_components_")
    _array(pca, "mean_", (width,))
    _array(pca, "components_", (count, width))
    _array(pca, "explained_variance_", (count,))
    return count


def _same_width(_: Any, width: int) -> int:
    return width


def _calibrated(classifier: Any, width: int) -> int:
    count = _classes(classifier)
    for part in _list(classifier.calibrated_classifiers_):
        if type(part).__name__ != "_CalibratedClassifier" or set(vars(part)) != {
            *("estimator", "calibrators", "classes", "method")
        }:
            raise ValueError("a calibrated classifier is of another type")
        if _classes(part, "classes") != count:
            raise ValueError("a calibrated classifier has other classes")
        margins = _check(part.estimator, width)
        if margins not in (count, 1 if count == 2 else count):
            raise ValueError(f"{margins} margins are for other than {count} classes")
        calibrators = _list(part.calibrators)
        if len(calibrators) != (1 if part.method == "temperature" else margins):
            raise ValueError("a calibrated classifier lacks a calibrator")
        for calibrator in calibrators:
            _check(calibrator, 0)
    return count


def _temperature(calibrator: Any, _: int) -> int:
    _number(calibrator, "beta_", 1e-6, 1e6)
    return 0


def _sigmoid(calibrator: Any, _: int) -> int:
    _number(calibrator, "a_", -1e9, 1e9)
    _number(calibrator, "b_", -1e9, 1e9)
    return 0


def _one_vs_rest(classifier: Any, width: int) -> int:
    binarizer = classifier.label_binarizer_
    if type(binarizer).__name__ != "LabelBinarizer":
        raise ValueError("OneVsRestClassifier.label_binarizer_ is of another type")
    count = _check(binarizer, 0)
    machines = _list(classifier.estimators_)
    if len(machines) != (1 if count == 2 else count):
        raise ValueError(f"{len(machines)} machines are for other than {count} classes")
    for machine in machines:
        if type(machine).__name__ != "SVC" or _check(machine, width) != 1:
            raise ValueError("a machine does not tell one class from the others")
    return len(machines)


def _binarizer(binarizer: Any, _: int) -> int:
    return _classes(binarizer)


def _svc(svc: Any, width: int) -> int:
    count = _classes(svc)
    pairs = count * (count - 1) // 2
    vectors = len(_array(svc, "support_", np.shape(svc.support_)[:1], "i"))
    counts = _array(svc, "_n_support", (count,), "i")
    if (counts < 1).any() or int(counts.sum()) != vectors:
        raise ValueError("SVC._n_support does not add up")
    for attribute in ("support_", "_n_support"):
        if getattr(svc, attribute).dtype != np.int32:
            raise ValueError(f"SVC.{attribute} is not of type int32")
    _array(svc, "support_vectors_", (vectors, width))
    for attribute in ("dual_coef_", "_dual_coef_"):
        _array(svc, attribute, (count - 1, vectors))
    for attribute in ("intercept_", "_intercept_"):
        _array(svc, attribute, (pairs,))
    for attribute in ("_probA", "_probB"):
        if np.shape(getattr(svc, attribute)) != (0,):
            _array(svc, attribute, (pairs,))
    _number(svc, "_gamma", 0.0, 1e6)
    _number(svc, "coef0", -1e6, 1e6)
    return pairs if count == 2 else count


def _knn(knn: Any, width: int) -> int:
    count = _classes(knn)
    rows = _whole(knn.n_samples_fit_, "KNeighborsClassifier.n_samples_fit_")
    _array(knn, "_fit_X", (rows, width))
    columns = _array(knn, "_y", (rows,), "i")
    if columns.dtype != np.int64 or columns.min() < 0 or columns.max() >= count:
        raise ValueError("KNeighborsClassifier._y names classes that are not there")
    if not 1 <= _whole(knn.n_neighbors, "KNeighborsClassifier.n_neighbors") <= rows:
        raise ValueError(f"KNeighborsClassifier.n_neighbors is {knn.n_neighbors}")
    return count


def _list(value: Any) -> list[Any]:
    if type(value) is not list or not 1 <= len(value) <= 500:
        raise ValueError("a part of the estimator is no list")
    return value


_OUR_MODULES = frozenset(name.rpartition(".")[0] for name in TRUSTED_TYPES)
_RULES: dict[str, tuple[str, Callable[[Any, int], int]]] = {
    "Pipeline": ("", _pipeline),
    "StandardScaler": ("n_features_in_ n_samples_seen_ mean_ var_ scale_", _scaler),
    "PCA": (
        "n_features_in_ n_samples_ n_components_ _fit_svd_solver mean_ components_ "
        "explained_variance_ explained_variance_ratio_ singular_values_ "
        "noise_variance_",
        _pca,
    ),
    "Normalizer": ("n_features_in_", _same_width),
    "Directions": ("mean_ spread_ n_features_in_", _directions),
    "CalibratedClassifierCV": (
        "calibrated_classifiers_ classes_ n_features_in_",
        _calibrated,
    ),
    "_TemperatureScaling": ("beta_", _temperature),
    "_SigmoidCalibration": ("a_ b_", _sigmoid),
    "OneVsRestClassifier": (
        "label_binarizer_ estimators_ classes_ n_features_in_",
        _one_vs_rest,
    ),
    "LabelBinarizer": ("y_type_ sparse_input_ classes_", _binarizer),
    "SVC": (
        "classes_ class_weight_ support_ support_vectors_ _n_support dual_coef_ "
        "_dual_coef_ intercept_ _intercept_ _probA _probB _num_iter n_iter_ shape_fit_ "
        "_sparse _gamma fit_status_ n_features_in_ _effective_probability nu epsilon",
        _svc,
    ),
    "KNeighborsClassifier": (
        "classes_ _y _fit_X _fit_method _tree n_samples_fit_ n_features_in_ "
        "outputs_2d_ effective_metric_ effective_metric_params_ radius",
        _knn,
    ),
}
"""By type: the attributes of a fitted one, and the check of those that it predicts by.
The value of any other attribute is only stored."""

_PARAMETERS: dict[str, tuple[Any, ...]] = {
    "memory": (None,),
    "transform_input": (None,),
    "n_jobs": (None,),
    "whiten": (False,),
    "norm": ("l2",),
    "parts": (1, 3, 4),
    "with_mean": (True,),
    "with_std": (True,),
    "kernel": ("linear", "poly", "rbf", "sigmoid"),
    "degree": (1, 2, 3, 4, 5),
    "_sparse": (False,),
    "_effective_probability": (False,),
    "decision_function_shape": ("ovr",),
    "break_ties": (False,),
    "algorithm": ("brute",),
    "weights": ("uniform", "distance"),
    "metric": ("minkowski",),
    "metric_params": (None,),
    "p": (2,),
    "outputs_2d_": (False,),
    "effective_metric_": ("euclidean",),
    "effective_metric_params_": ({},),
    "_fit_method": ("brute",),
    "_tree": (None,),
}
"""The values of parameters that lead to other code than what is checked here."""
