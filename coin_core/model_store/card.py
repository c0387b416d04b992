"""The card of a model bundle: what it is, how it was trained, how good it is.

A card may come from anyone, so the type and size of every field are checked before
anything else of the bundle is read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal

from coin_core.errors import WeightsMismatchError
from coin_core.storage import dump_json

FORMAT = 1
MAX_CARD_BYTES = 256 * 1024
TENSORS_FILE = "model.safetensors"
ESTIMATOR_FILE = "model.skops"

NAME_LETTERS: Final = "A-Za-z0-9\u05d0-\u05ea"
"""Letters and digits of names, as in a regular expression: Latin and Hebrew ones."""
NAME_PATTERN: Final = f"[{NAME_LETTERS}][{NAME_LETTERS}._-]{{0,63}}"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_CLASSES = 500
_MAX_TEXT = 4000
_MAX_DIGITS = 20
_MAX_AXES = 16
_MAX_CHANNELS = 2048
_SIGHTS = ("legend", "look", "both", "rim", "read rim")
_BESIDE = ("pictures", "rims")
_COUNT = (0, 10**9)
_SEED = (-1, 2**63 - 1)
_FRACTION = (-1e-6, 1 + 1e-6)  # the bounds of an interval are rounded
# What the program computes with, by range or type.
_PREPROCESSING: Mapping[str, tuple[float, float] | type] = {
    "size_px": (16, 512),  # as much as a training takes
    "long_px": (16, 1024),
    "zoom_px": (16, 1024),
    "zoom": (0.2, 1.0),
    "disc": (0.1, 1.5),
    "clip": (0.1, 100.0),
    "framed": bool,
}
_TRAINING: Mapping[str, tuple[float, float] | type] = {
    "data": str,
    "digest": str,
    "command": str,
    "machine": str,
    "init": str,
    "run": str,
    "repeatable": str,
    "coins": (1, 10**9),
    "seconds": (0.0, 1e9),
    "seed": _SEED,
    "coins_seed": _SEED,
}
_METRICS: Mapping[str, tuple[float, float] | type] = {
    "data": str,
    "what": str,
    "how": str,
    "classifier": str,
    "n": (1, 10**9),
    "answered": _COUNT,
    "accuracy": _FRACTION,
    "accuracy_low": _FRACTION,
    "accuracy_high": _FRACTION,
    "accuracy_answered": _FRACTION,
    "ece": _FRACTION,
}
TEMPERATURES: Final = (0.05, 20.0)
"""The range of temperatures that a held-out dataset of a reasonable size supports."""

BIASES: Final = (-5.0, 5.0)
"""The range of what is added to the logit of a class."""

# Keys of earlier versions.
_RENAMED = {"leans": "class_logit_bias"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The description of a bundle.

    Attributes:
        name: The name of the bundle; for shipped ones that of the classifier.
        classifier: The registered classifier that the weights belong to; "" for the
            networks of detection.
        title: What a person reads.
        classes: The labels, in the order of the probabilities.
        preprocessing: The settings of `imaging.preprocessing`.
        class_logit_bias: Added to the logits of some labels; below 0 it makes a label
            less likely.
        temperature: Divides the logits before the softmax; above 1 it lowers the
            confidence.
        threshold: "Cannot tell" if the highest probability is below it.
        limits: Other measured values, by name.
        scope: What the coins that it learned from look like, see `classifiers.scope`;
            empty where that is not measured.
        features_from: The bundle whose features the classifier gets: `name`, `sha256`
            and `sight`, a `FeatureMode`, "legend" if missing; of the program's networks
            that help it, `pictures` and `rims`, the sha256. Empty for classifiers of
            photos.
        training: Data, its digest, seed, seconds, command, machine.
        metrics: One entry for each measurement: dataset, n, accuracy, interval, ...
        versions: Library versions at training.
        files: sha256 of each file, by name.
        licence: The licence of the weights.
        created: UTC time, ISO 8601.
        origin: "shipped" or "own"; known once a bundle is read, and not in its file.
    """

    name: str
    classifier: str
    title: str
    classes: tuple[str, ...]
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    class_logit_bias: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    threshold: float = 0.0
    limits: Mapping[str, float] = field(default_factory=dict)
    scope: Mapping[str, Any] = field(default_factory=dict)
    features_from: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[Mapping[str, Any], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    created: str = ""
    origin: Literal["shipped", "own"] = field(default="own", compare=False)

    def __post_init__(self) -> None:
        for attribute in ("name", "classifier", "title", "licence", "created"):
            check_text(attribute, getattr(self, attribute))
        if not is_bundle_name(self.name):
            raise ValueError(
                "name is Latin or Hebrew letters, digits, '.', '_' and '-', not "
                f"{self.name[:80]!r}"
            )
        if not 2 <= len(self.classes) <= _MAX_CLASSES:
            raise ValueError(
                f"classes holds 2 to {_MAX_CLASSES} labels, not {len(self.classes)}"
            )
        for label in self.classes:
            check_text("a class", label)
            if not label or len(label) > 200:
                raise ValueError("a class is a name of 1 to 200 letters")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("classes holds a label twice")
        for label, bias in self.class_logit_bias.items():
            if label not in self.classes:
                raise ValueError(
                    f"class_logit_bias names {str(label)[:80]!r}, which is no class"
                )
            _check_number(f"class_logit_bias.{label}", bias, *BIASES)
        _check_number("temperature", self.temperature, *TEMPERATURES)
        _check_number("threshold", self.threshold, 0.0, 1.0)
        for name, bound in self.limits.items():
            _check_number(f"limits.{name}", bound, -1e12, 1e12)
        _check_scope(self.scope)
        _check_known("preprocessing", self.preprocessing, _PREPROCESSING)
        _check_features_from(self.features_from, self.name)
        _check_known("training", self.training, _TRAINING, others=True)
        for figures in self.metrics:
            _check_known("metrics", figures, _METRICS, others=True)
        for library, release in self.versions.items():
            check_text(f"versions.{library}", release)
        for file, digest in self.files.items():
            if file not in (TENSORS_FILE, ESTIMATOR_FILE):
                raise ValueError(
                    f"files names {str(file)[:80]!r}; a bundle holds "
                    f"{TENSORS_FILE} or {ESTIMATOR_FILE}"
                )
            if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
                raise ValueError(f"the sha256 of {file} is 64 hexadecimal digits")
        if len(self.files) > 1:
            raise ValueError("files names two files; a bundle holds one")


def is_bundle_name(name: str) -> bool:
    """Whether a bundle, and its folder, can have this name."""
    return bool(re.fullmatch(NAME_PATTERN, name))


def check_text(what: str, value: object) -> None:
    """Check that a value is text that a card can hold.

    Raises:
        ValueError: It is not; the message begins with `what`.
    """
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ValueError(f"{what} is text of at most {_MAX_TEXT} letters")
    if any(
        (ord(letter) < 32 and letter not in "\n\t") or "\ud800" <= letter <= "\udfff"
        for letter in value
    ):
        raise ValueError(f"{what} holds control characters")


def _check_number(what: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} is a number, not {str(value)[:80]!r}")
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{what} is from {low:g} to {high:g}, not {value!r}")


def _check_known(
    what: str,
    values: Mapping[str, Any],
    known: Mapping[str, tuple[float, float] | type],
    *,
    others: bool = False,
) -> None:
    """Check the values of known keys, by range or type.

    With `others`, further keys may hold any JSON of a few levels.
    """
    for key, value in values.items():
        expected = known.get(key)
        if expected is None:
            if not others:
                raise ValueError(f"{what} holds the unknown key {str(key)[:80]!r}")
            _check_plain(f"{what}.{key}", value)
        elif isinstance(expected, tuple):
            # Nothing was answered, so no answer was right or wrong.
            if value is not None or key != "accuracy_answered":
                _check_number(f"{what}.{key}", value, *expected)
        elif expected is str:
            check_text(f"{what}.{key}", value)
        elif not isinstance(value, expected):
            raise ValueError(f"{what}.{key} is true or false, not {str(value)[:80]!r}")


def _check_plain(what: str, value: object, levels: int = 5) -> None:
    """Check what the program only shows: a few levels of text and finite numbers."""
    if isinstance(value, str):
        check_text(what, value)
    elif isinstance(value, dict | list) and levels:
        if isinstance(value, dict):
            _check_plain(what, list(value), levels)
            value = list(value.values())
        for item in value:
            _check_plain(what, item, levels - 1)
    elif value is not None and not isinstance(value, bool):
        _check_number(what, value, -1e18, 1e18)


def _check_scope(values: Mapping[str, Any]) -> None:
    if not values:
        return
    if values.keys() != {"mean", "scale", "axes", "limit"}:
        raise ValueError("scope holds mean, scale, axes and limit")
    _check_number("scope.limit", values["limit"], 0.0, 1e12)
    axes = values["axes"]
    if not isinstance(axes, list | tuple) or len(axes) > _MAX_AXES:
        raise ValueError(f"scope.axes holds at most {_MAX_AXES} axes")
    rows = (values["mean"], values["scale"], *axes)
    if not all(isinstance(row, list | tuple) for row in rows):
        raise ValueError("scope holds lists of numbers")
    if len({len(row) for row in rows}) != 1 or not 0 < len(rows[0]) <= _MAX_CHANNELS:
        raise ValueError(f"scope holds lists of one length up to {_MAX_CHANNELS}")
    for row in rows:
        for number in row:
            _check_number("scope", number, -1e9, 1e9)
    if min(values["scale"]) <= 0:
        raise ValueError("scope.scale is above 0")


def _check_features_from(values: Mapping[str, str], own_name: str) -> None:
    if not values:
        return
    known = dict.fromkeys(("name", "sha256", "sight", *_BESIDE), str)
    _check_known("features_from", values, known)
    name = values.get("name", "")
    if not is_bundle_name(name) or name == own_name:
        raise ValueError(
            f"features_from names the bundle that computes the features, not {name!r}"
        )
    digests = {"sha256": "", **values}
    for key in ("sha256", *_BESIDE):
        if key in digests and not _SHA256.fullmatch(digests[key]):
            raise ValueError(f"features_from.{key} is 64 hexadecimal digits")
    if values.get("sight", _SIGHTS[0]) not in _SIGHTS:
        raise ValueError(f"features_from.sight is one of {', '.join(_SIGHTS)}")


def card_to_json(card: Card) -> str:
    """Return the text of card.json."""
    return dump_json({"format": FORMAT, **_stored(asdict(card))}, indent=2)


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    """What a card's file holds; a scope only where there is one."""
    left_out = ("origin",) if values["scope"] else ("origin", "scope")
    return {name: value for name, value in values.items() if name not in left_out}


def card_from_json(data: bytes) -> Card:
    """Parse card.json.

    Raises:
        WeightsMismatchError: This version cannot read it; the message continues a
            sentence that begins with "the card".
    """
    if len(data) > MAX_CARD_BYTES:
        raise WeightsMismatchError(f"is larger than {MAX_CARD_BYTES // 1024} KiB")
    try:
        raw = json.loads(
            data.decode("utf-8"),
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_finite_int,
        )
        return _from_raw(raw)
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is no model card"
        raise WeightsMismatchError(f"cannot be read: {reason}") from error


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:80]} is no finite number")
    return number


def _finite_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"{text[:20]}... is too long for a number")
    return int(text)


def _from_raw(raw: object) -> Card:
    if not isinstance(raw, dict):
        raise ValueError("it is no JSON object")
    given = dict(raw)
    version = given.pop("format", None)
    if version != FORMAT:
        raise ValueError(f"its format is {version!r}, and this version reads {FORMAT}")
    known = {item.name for item in fields(Card)} - {"origin"}
    for old, new in _RENAMED.items():
        if old in given:
            given.setdefault(new, given.pop(old))
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"it holds the unknown key {unknown[0][:80]!r}")
    missing = {"name", "classifier", "title", "classes", "files"} - given.keys()
    if missing:
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    for name in ("classes", "metrics"):
        if not isinstance(given.get(name, []), list):
            raise ValueError(f"{name} is a list")
        if name in given:
            given[name] = tuple(given[name])
    for name in (
        "preprocessing",
        "class_logit_bias",
        "limits",
        "scope",
        "features_from",
        "training",
        "versions",
        "files",
    ):
        if not isinstance(given.get(name, {}), dict):
            raise ValueError(f"{name} is an object")
    if not all(isinstance(entry, dict) for entry in given.get("metrics", ())):
        raise ValueError("metrics is a list of objects")
    if not given["files"]:
        raise ValueError("it names no file")
    return Card(**given)
