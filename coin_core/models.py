"""Models: bundles opened through one door, tried on rendered coins, and installed.

A bundle may come from anyone. Before a user's own one answers anybody, it is tried on
coins that the program renders. What the trial shows is kept by the bundle's digest.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count, permutations
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from coin_core.access import Right, check
from coin_core.classifiers.features import compute_features, networks_beside
from coin_core.classifiers.loading import load_classifier
from coin_core.classifiers.registry import (
    feature_extractor,
    get_classifier,
    list_classifiers,
)
from coin_core.classifiers.torch_classifier import (
    LEAST_READ,
    PhotoClassifier,
    predict_calibrated,
)
from coin_core.errors import (
    BusyError,
    CoinError,
    WeightsMismatchError,
    WeightsMissingError,
    disk_errors,
    sentence_of,
)
from coin_core.i18n import N_
from coin_core.imaging.preprocessing import RotatedBox, crop_to_flan
from coin_core.model_store import bundle, sharing
from coin_core.model_store.card import Card, card_from_json, card_to_json
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES, RULERS
from coin_core.storage import (
    data_dir,
    dump_json,
    open_lock,
    read_json,
    write_folder,
    write_json,
)

logger = logging.getLogger(__name__)

_TRIAL = 1  # changes when the trial does
_LONGEST_TRIAL_S = 600.0  # that another process is waited for
_TRIAL_SEED = 1_000_211  # no training uses it
_COINS_PER_RULER = 4
_LEGIBLE = 0.9
_SAME = 1e-6
# A classifier that reads legends, but has the rulers in another order.
_MIXED_UP = 10, 6  # right in the other order, at least; right as it is, at most
_AGAIN = " Copy the bundle again, or train it again."
# Cards that name no reader of rims are of the time of this one.
_UNNAMED = {"rims": "2bb82e458194c853645cac66e7ad19f5497e59eebc3a6583443360f730ff1629"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class LoadedModel:
    """A bundle in memory.

    Attributes:
        name: What it is called by: the name or the folder of the bundle.
        folder: The bundle's folder.
        card: Its card; `card.origin` says whether it is shipped.
        classifier: The fitted classifier.
        digest: That of its weights.
        version: Changes when its card is written again.
        extractor: The model that computes its features, or None.
        takes_features: Whether its inputs are features instead of crops.
        needs_features: Whether a verdict needs them, if only to refuse other coins.
        features_key: The same for models with the same features.
    """

    name: str
    folder: Path
    card: Card
    classifier: Any
    digest: str
    version: tuple[int, ...]
    extractor: LoadedModel | None
    takes_features: bool
    needs_features: bool
    features_key: str


# Models in use, each in memory once, whatever holds it: the pages and the API do.
_Key = tuple[str, Path, tuple[int, ...]]
_loaded: WeakValueDictionary[_Key, LoadedModel] = WeakValueDictionary()
_opening: dict[_Key, threading.Lock] = {}


def open_model(name: str | Path) -> LoadedModel:
    """Open a bundle, by name or folder: the one door for every use of its weights.

    Raises:
        WeightsMissingError: There is none; the message names the command.
        WeightsMismatchError: It is damaged or foreign, its trial showed that it is
            broken, or it was trained on the features of another network.
        UnknownClassifierError: Its card names a classifier that is not registered.
    """
    sharing.follow()
    try:
        folder = bundle.find_bundle(name)
    except WeightsMissingError:
        for spec in list_classifiers():
            if spec.name == str(name):
                data = "rendered" if spec.shipped else "DIR"
                raise bundle.missing_bundle(spec.name, spec.name, data) from None
        raise
    return _open(str(name), folder)


def _open(name: str, folder: Path, tries: int = 20) -> LoadedModel:
    key = name, folder, bundle.card_version(folder)
    # Others of the same bundle wait for it, and those of another do not.
    with _opening.setdefault(key, threading.Lock()):
        known = _loaded.get(key)
        extractor = None if known is None else known.extractor
        if known is not None and (
            extractor is None
            or extractor.version == bundle.card_version(extractor.folder)
        ):
            return known
        try:
            return _load_and_try(key, tries)
        finally:
            _opening.pop(key, None)


def _load_and_try(key: _Key, tries: int) -> LoadedModel:
    name, folder, _ = key
    try:
        model = _load(name, folder, key[-1])
        if model.card.origin == "own":
            _try_once(model)
    except CoinError as error:
        # Replaced between the reading of its card and of its weights?
        if key[-1] != bundle.card_version(folder) and tries > 1:
            return _open(name, folder, tries - 1)
        if folder.parent == bundle.models_dir() and folder.name in bundle.SHIPPED:
            raise type(error)(
                f"{error} Without the folder {folder} the shipped one answers."
            ) from error
        raise
    except OSError as error:
        raise WeightsMismatchError(
            f"{folder.name}: the bundle cannot be read. {sentence_of(error)}"
        ) from error
    except Exception as error:
        if folder.parent == bundle.WEIGHTS_DIR:
            raise
        raise WeightsMismatchError(
            f"{folder.name}: the bundle cannot be used ({type(error).__name__}: "
            f"{error}). Copy it again, or train it again."
        ) from error
    _loaded[key] = model
    return model


# What comes from another machine of the team is tried as one's own.
sharing.try_first(_open)


def _load(name: str, folder: Path, version: tuple[int, ...]) -> LoadedModel:
    card, classifier = load_classifier(folder)
    on_features = get_classifier(card.classifier).inputs == "features"
    if on_features != bool(card.features_from):
        raise WeightsMismatchError(
            f"{folder.name}: the card must name the bundle of the features for a "
            f"classifier of features, and for no other. {card.classifier} takes "
            f"{'features' if on_features else 'photos'}. Train it again."
        )
    if isinstance(classifier, PhotoClassifier):
        classifier.freeze()
    extractor = None
    if on_features:
        extractor = _open(card.features_from["name"], _find_extractor(name, card))
        _check_beside(name, card)
    digest = bundle.weights_digest(card)
    return LoadedModel(
        name=name,
        folder=folder,
        card=card,
        classifier=classifier,
        digest=digest,
        version=version,
        extractor=extractor,
        takes_features=on_features,
        needs_features=(on_features or bool(card.scope) or LEAST_READ in card.limits),
        features_key=str(sorted(card.features_from.items()) or digest),
    )


def _find_extractor(name: str, card: Card) -> Path:
    """The bundle, own or shipped, whose features a classifier was trained on."""
    wanted, digest = card.features_from["name"], card.features_from["sha256"]
    # Models that were trained with the last version's network are used as they are.
    roots = (bundle.models_dir(), bundle.WEIGHTS_DIR, bundle.WEIGHTS_DIR / ".before")
    for folder in (root / wanted for root in roots):
        try:
            found = bundle.load_card(folder)
        except CoinError:
            continue
        if bundle.weights_digest(found) == digest and (
            found.classifier == feature_extractor()
        ):
            return folder
    bundle.find_bundle(wanted)  # says how to make it, if there is none at all
    raise _features_of_another(name, wanted, card)


def _check_beside(name: str, card: Card) -> None:
    """Check that what helps vgg is what it was in the training.

    Raises:
        WeightsMismatchError: It was another.
    """
    installed = networks_beside(card.features_from.get("sight", "legend"))
    for network, digest in installed.items():
        known = _UNNAMED.get(network, digest)
        if card.features_from.get(network, known) != digest:
            raise _features_of_another(name, network, card)


def _features_of_another(name: str, network: str, card: Card) -> WeightsMismatchError:
    data = "rendered" if "sight" not in card.features_from else "PHOTOS"
    return WeightsMismatchError(
        f"{name} was trained on the features of another network {network} than the "
        f"installed one. Train it again: python -m coin_core train {card.classifier} "
        f"--data {data}"
    )


def _try_once(model: LoadedModel) -> None:
    """Try a model, unless a bundle with the same answers was tried before.

    Raises:
        WeightsMismatchError: The trial showed that it is broken.
    """
    path = _trial_path(model.card)
    problem = _kept_problem(path)
    if problem is None:
        with ExitStack() as held:
            # Where nothing can be written, each process tries for itself.
            with suppress(OSError):
                lock = open_lock(path.with_suffix(".lock"), _LONGEST_TRIAL_S)
                held.enter_context(lock)
            problem = _kept_problem(path)
            if problem is None:
                problem = _find_problem(model)
                _keep_problem(path, problem)
    if problem:
        raise WeightsMismatchError(
            f"{model.folder.name}: {problem} Copy the bundle again, or train it again."
        )


def _kept_problem(path: Path) -> str | None:
    problem = read_json(path).get("problem")
    return problem if isinstance(problem, str) else None


def _keep_problem(path: Path, problem: str) -> None:
    try:
        write_json(path, {"problem": problem}, durable=False)
    except OSError as error:
        logger.warning("The trial of a model is not kept: %s", error)


def _trial_path(card: Card) -> Path:
    """The file of a trial: its name is the digest of all that decides a verdict."""
    digests = [bundle.verdict_digest(card), bundle.library_versions(), _TRIAL]
    if card.features_from:
        extractor = bundle.load_card(_find_extractor(card.name, card))
        digests.append(bundle.verdict_digest(extractor))
    key = hashlib.sha256(dump_json(digests, sort_keys=True).encode()).hexdigest()
    return data_dir() / "cache" / "trials" / f"{key}.json"


def _find_problem(model: LoadedModel) -> str:
    """Return what is wrong with the answers on rendered coins, in a sentence, or ""."""
    crops, truth = _trial_coins()
    inputs: NDArray[Any] = crops
    if model.extractor is not None:
        mode = model.card.features_from.get("sight", "legend")
        inputs = compute_features(model.extractor.classifier, crops, mode=mode)
    rows = predict_calibrated(model.classifier, model.card, inputs)
    if not np.isfinite(rows).all():
        return N_("the classifier is damaged: its answers are no numbers.")
    classes = model.card.classes
    if set(classes) != set(DEFAULT_CLASSES):
        return ""  # of other coins nothing is known
    if np.ptp(rows, axis=0).max() < _SAME:
        return N_(
            "the classifier is broken: it gives every coin the same answer. It may "
            "have learned from too few coins: add some."
        )
    named, best = rows.argmax(axis=1), rows.max(axis=1)
    if len({*named}) == 1 and (best >= model.card.threshold).all():
        words = N_(
            "the classifier is broken: it names {name} on each of {count} rendered "
            "coins of {rulers} rulers. It may have learned from too few coins: add "
            "some."
        )
        name = RULERS[classes[named[0]]].name
        return words.format(name=name, count=len(crops), rulers=len(classes))
    columns = np.array([classes.index(ruler) for ruler in truth])
    at_least, at_most = _MIXED_UP
    if (named == columns).sum() <= at_most and any(
        (np.array(order)[named] == columns).sum() >= at_least
        for order in permutations(range(len(classes)))
    ):
        return N_("the classifier is broken: its card has the rulers in another order.")
    return ""


@lru_cache(maxsize=1)
def _trial_coins() -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return crops (N, S, S, 3) of legible rendered coins, and their rulers."""
    crops: list[NDArray[np.uint8]] = []
    rulers: Counter[str] = Counter()
    truth: list[str] = []
    for number in count():
        coin = render_coin(_TRIAL_SEED, number, wear=0.5)
        ruler = str(coin.ruler)
        if coin.name_legibility < _LEGIBLE or rulers[ruler] == _COINS_PER_RULER:
            continue
        left, top, right, bottom = np.clip(coin.flan_box, 0, 1).tolist()
        box = RotatedBox(left=left, top=top, right=right, bottom=bottom)
        crops.append(crop_to_flan(coin.image, box, len(coin.image)))
        truth.append(ruler)
        rulers[ruler] += 1
        if len(truth) == _COINS_PER_RULER * len(DEFAULT_CLASSES):
            break
    return np.stack(crops), tuple(truth)


def install_model(source: Path, name: str = "", *, share: bool = True) -> LoadedModel:
    """Copy a bundle into `data/models/`, after all checks and its trial.

    Args:
        source: A folder, or a ZIP file of one.
        name: What it is called here; the name in its card if empty.
        share: Whether to send it to the other machines of a team now, and not with
            the next change.

    Raises:
        WeightsMissingError: There is no bundle in it.
        WeightsMismatchError: It is damaged or foreign, or its trial showed that it is
            broken; nothing was installed.
        CoinError: The name cannot be used, or is taken.
        BusyError: The disk is full or cannot be written; nothing was installed.
        NotAllowedError: The person who acts may not add classifiers.
        NotSharedError: It is installed here, and not yet on the other machines.
    """
    check(Right.TRAIN)
    if name:
        bundle.check_name(name)
    with disk_errors("The model cannot be installed", kind=BusyError):
        installed = _install(source, name)
    if share:
        sharing.publish()
    return open_model(installed)


def _install(source: Path, name: str) -> str:
    """Copy a bundle once it was tried; what it is called here."""
    files = bundle.read_files(source)
    try:
        card = card_from_json(files.pop("card.json"))
        card = replace(card, name=name or card.name)
    except ValueError as error:
        raise WeightsMismatchError(
            f"{source.name}: the card {error}. Copy the bundle again."
        ) from error
    bundle.check_name(card.name)
    folder = bundle.models_dir() / card.name
    _refuse_taken(folder)

    def trial(temporary: Path) -> None:
        _try_new(temporary, card.name)
        _refuse_taken(folder)  # a training may have ended during the trial

    files["card.json"] = card_to_json(card).encode()
    write_folder(folder, files, trial=trial)
    return card.name


def try_trained(name: str, bundle_folder: Path) -> None:
    """Open a trained bundle that has not replaced another of this name yet.

    Raises:
        WeightsMismatchError: The trial showed that it is broken.
    """
    try:
        _try_new(bundle_folder, name)
    except WeightsMismatchError as error:
        problem = str(error).removeprefix(f"{name}: ").removesuffix(_AGAIN)
        raise WeightsMismatchError(f"{name}: {problem} It is not kept.") from error


def _try_new(temporary: Path, name: str) -> None:
    """Open a bundle that is not in its place yet."""
    try:
        _open(name, temporary)
    except CoinError as error:
        raise type(error)(str(error).replace(temporary.name, name)) from error


def _refuse_taken(folder: Path) -> None:
    if folder.exists():
        raise CoinError(
            f"The name {folder.name!r} is taken. Give the model another name, or "
            f"remove the folder {folder} first."
        )
