"""Estimator files: no attribute reaches compiled code unchecked."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest
import skops.io

from coin_core.classifiers import get_classifier
from coin_core.errors import WeightsMismatchError
from coin_core.model_store import estimator_io
from coin_core.model_store.estimator_io import dump_estimator, load_estimator
from coin_core.rulers import DEFAULT_CLASSES

RULERS = (*DEFAULT_CLASSES[1:3], DEFAULT_CLASSES[0])
OTHERS = ("b", "c", "a")


@pytest.fixture(scope="module")
def rows():
    """Features, and the column of the class of each."""
    rng = np.random.default_rng(3)
    columns = np.arange(60) % 3
    X = rng.normal(size=(60, 24)).astype(np.float32)
    X[np.arange(60), columns] += 3
    return X, columns


def fitted(name, labels, rows):
    X, columns = rows
    classifier = get_classifier(name).build(labels, seed=0)
    return classifier.fit(X, np.array(labels)[columns]).estimator_


@pytest.fixture(scope="module")
def files(rows):
    """The files of an svm and a knn of rulers, and of a knn of other coins."""
    kinds = {"svm": RULERS, "knn": RULERS, "knn of others": OTHERS}
    return {
        kind: skops.io.dumps(fitted(kind.partition(" ")[0], labels, rows))
        for kind, labels in kinds.items()
    }


def machines(pipeline):
    """The parts that predict: the three machines, or the neighbours."""
    last = pipeline[-1]
    if hasattr(last, "calibrated_classifiers_"):
        return last.calibrated_classifiers_[0].estimator.estimators_
    return [last]


def altered(files, name, change):
    pipeline = load_estimator(files[name])
    for machine in machines(pipeline):
        change(machine)
    return skops.io.dumps(pipeline)


@pytest.mark.parametrize("labels", [RULERS, OTHERS])
@pytest.mark.parametrize("name", ["svm", "knn"])
def test_what_was_saved_answers_as_before(rows, name, labels):
    expected = fitted(name, labels, rows)
    loaded = load_estimator(dump_estimator(expected))
    for answer in ("predict_proba", "decision_function"):
        if hasattr(expected, answer):
            np.testing.assert_array_equal(
                getattr(loaded, answer)(rows[0]), getattr(expected, answer)(rows[0])
            )


def shorten(attribute, width=False):
    def change(machine):
        value = getattr(machine, attribute)
        setattr(machine, attribute, (value[:, :1] if width else value[:1]).copy())

    return change


def put(**values):
    return lambda machine: [setattr(machine, *pair) for pair in values.items()]


def retype(attribute, dtype):
    return lambda machine: setattr(
        machine, attribute, getattr(machine, attribute).astype(dtype)
    )


def lie_about_counts(svc):
    svc._n_support = np.array([-5, len(svc.support_) + 5], np.int32)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("svm", shorten("_dual_coef_", width=True)),
        ("svm", shorten("dual_coef_", width=True)),
        ("svm", shorten("support_vectors_")),
        ("svm", shorten("support_vectors_", width=True)),
        ("svm", shorten("support_")),
        ("svm", shorten("_n_support")),
        ("svm", lie_about_counts),
        ("svm", put(_intercept_=np.zeros(0))),
        ("svm", put(_probA=np.zeros(7))),
        ("svm", put(_effective_probability=True)),
        ("svm", put(kernel="precomputed")),
        ("svm", put(degree=2**31 - 1)),
        ("svm", put(_sparse=True)),
        ("svm", put(_gamma=float("nan"))),
        ("svm", put(_impl="epsilon_svr")),
        ("svm", put(decision_function="x")),
        ("svm", put(classes_=np.array([0, 0]))),
        ("svm", put(support_vectors_=[[1.0]])),
        ("svm", lambda svc: svc._dual_coef_.fill(np.nan)),
        ("svm", retype("_n_support", np.int64)),
        ("svm", retype("support_vectors_", ">f8")),
        ("svm", retype("support_vectors_", np.float16)),
        ("knn", shorten("_fit_X")),
        ("knn", shorten("_fit_X", width=True)),
        ("knn", lambda knn: knn._fit_X.fill(np.inf)),
        ("knn", shorten("_y")),
        ("knn", lambda knn: knn._y.fill(10**7)),
        ("knn", lambda knn: knn._y.fill(-1)),
        ("knn", retype("_y", float)),
        ("knn", put(n_neighbors=10**9)),
        ("knn", put(n_neighbors=0)),
        ("knn", put(n_jobs=64)),
        ("knn", put(_fit_method="kd_tree")),
        ("knn", put(metric="precomputed")),
        ("knn", put(classes_=np.array([0, 1]))),
        ("knn", put(n_features_in_=5)),
    ],
)
def test_an_altered_attribute_is_refused(files, name, change):
    with pytest.raises(WeightsMismatchError, match="the estimator cannot be read"):
        load_estimator(altered(files, name, change))


def alter_step(files, name, number, **values):
    pipeline = load_estimator(files[name])
    for pair in values.items():
        setattr(pipeline[number], *pair)
    return skops.io.dumps(pipeline)


@pytest.mark.parametrize(
    ("name", "number", "values"),
    [
        ("knn", 0, {"scale_": np.zeros(24)}),
        ("knn", 0, {"mean_": np.zeros(3)}),
        ("knn", 1, {"components_": np.zeros((24, 3))}),
        ("knn", 1, {"n_components_": 10**9}),
        ("knn", 1, {"whiten": True}),
        ("knn", 2, {"norm": "max"}),
        ("knn", 2, {"transform": "x"}),
        ("knn of others", 0, {"spread_": np.zeros(24)}),
        ("knn of others", 0, {"mean_": np.zeros(3)}),
        ("knn of others", 0, {"mean_": np.full(24, np.nan)}),
        ("knn of others", 0, {"parts": 10**9}),
        ("knn of others", 0, {"transform": "x"}),
    ],
)
def test_an_altered_step_is_refused(files, name, number, values):
    with pytest.raises(WeightsMismatchError, match="the estimator cannot be read"):
        load_estimator(alter_step(files, name, number, **values))


def rezip(data, change):
    """The file with another content of each member."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as before,
        zipfile.ZipFile(out, "w") as after,
    ):
        for member in before.infolist():
            after.writestr(
                member.filename, change(member.filename, before.read(member))
            )
    return out.getvalue()


def announce_terabytes(name, data):
    if not name.endswith(".npy"):
        return data
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (300000000000,), }"
    text = text.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def hold_objects(name, data):
    if name != "schema.json":
        return data
    return data.replace(b'"numpy", "file"', b'"json", "file"').replace(
        b'"type": "numpy"', b'"type": "json", "content": []'
    )


def nest(name, data):
    return b"[" * 100_000 if name == "schema.json" else data


def multiply(name, data):
    """Each list holds the one before twice."""
    if name != "schema.json":
        return data
    kind = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode"}
    schema = {**kind, "__id__": 1, "content": []}
    for number in range(2, 60):
        again = {**kind, "__id__": number - 1, "content": []}
        schema = {**kind, "__id__": number, "content": [schema, again]}
    return json.dumps(schema | {"protocol": 2, "_skops_version": "0.16.0"}).encode()


def hold_itself(name, data):
    return data.replace(b'"__id__": ', b'"__id__": 7, "x": ')


@pytest.mark.parametrize(
    "change", [announce_terabytes, hold_objects, nest, multiply, hold_itself]
)
def test_a_file_that_lies_is_refused_before_it_is_read(files, change, monkeypatch):
    monkeypatch.setattr(estimator_io.skops.io, "loads", lambda *_, **__: 1 / 0)
    with pytest.raises(WeightsMismatchError, match=r"the estimator (is|holds)"):
        load_estimator(rezip(files["knn"], change))


def test_an_estimator_of_many_arrays_says_how_many_are_opened(files, monkeypatch):
    monkeypatch.setattr(estimator_io, "MAX_MEMBERS", 3)
    with pytest.raises(WeightsMismatchError, match="at most 3 arrays of 268,435,456"):
        load_estimator(files["knn"])


def test_a_directory_of_many_files_is_not_parsed():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(6000):
            archive.writestr(f"{number}.npy", b"")
        archive.writestr("schema.json", json.dumps({}))
    with pytest.raises(WeightsMismatchError, match="no skops file"):
        load_estimator(out.getvalue())
