"""Runs in one line each, and whether two runs differ significantly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

from coin_core.evaluation.metrics import mcnemar, wilson
from coin_core.i18n import _
from coin_core.training.comparison import Comparison
from coin_core.training.config import TrainingConfig
from coin_core.training.runs import Row, Run, RunState, list_runs
from coin_core.training.splits import few_coins_warning

# The names of a curve in the history of each kind of training.
_CURVES = {
    "train_loss": ("train_loss", "loss"),
    "valid_loss": ("valid_loss",),
    "valid_accuracy": ("valid_accuracy", "rulers"),
    "rate": ("rate",),
}
_DEFAULT_CONFIG = TrainingConfig().as_dict()
# Entries of a run's config that are not settings.
_FACTS = {
    *("started", "job", "machine", "versions", "command", "classes", "coins"),
    *("photos", "coins_per_class", "unreadable", "left_out", "without_face"),
    *("caution", "rows"),
}
_LAST_DIGITS = ("threads", "precision")
# What code raises that reads damaged files without checking each value.
_DAMAGE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
# p-values below it are called significant.
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in one line; unknown values are None or "".

    Attributes:
        run_id: Its folder.
        state: Its state.
        reason: Why it failed or is damaged, in one sentence.
        classifier: Its name.
        data: Where the coins came from.
        digest: sha256 over photos and labels.
        started: UTC time, ISO 8601.
        settings: Everything that the result depends on, by name.
        machine: The machine it was trained on.
        seconds: Time of training.
        epochs: Completed epochs of all folds.
        best_epochs: The epoch that each fold kept.
        valid_accuracy: Accuracy on the validation coins of those epochs with its Wilson
            95 % interval: value, low, high; None without any.
        accuracy: The same on the held-out or test coins.
        n: Held-out or test coins.
        bundle: The name of the trained model.
        note: The user's note.
        few: Classes with too few coins to trust, in one sentence.
    """

    run_id: str
    state: RunState
    reason: str = ""
    classifier: str = ""
    data: str = ""
    digest: str = ""
    started: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    machine: str = ""
    seconds: float | None = None
    epochs: int = 0
    best_epochs: tuple[int, ...] = ()
    valid_accuracy: tuple[float, float, float] | None = None
    accuracy: tuple[float, float, float] | None = None
    n: int | None = None
    bundle: str = ""
    note: str = ""
    few: str = ""


def summaries() -> list[RunSummary]:
    """All runs, the latest first, including damaged ones."""
    return [summarise(run) for run in reversed(list_runs())]


def summarise(run: Run) -> RunSummary:
    """A run in one line, cached until one of its files changes."""
    stamps = []
    for name in ("config.json", "report.json", "history.jsonl", "notes.txt"):
        try:
            stat = (run.folder / name).stat()
        except OSError:
            stamps.append((0, 0))
        else:
            stamps.append((stat.st_mtime_ns, stat.st_size))
    return _summarise(run.folder, tuple(stamps), run.is_alive())


@lru_cache(maxsize=4096)
def _summarise(
    folder: Path, stamps: tuple[tuple[int, int], ...], alive: bool
) -> RunSummary:
    run = Run(folder=folder)
    state, reason = run.state_and_reason(alive)
    if state is RunState.DAMAGED:
        return RunSummary(run_id=run.run_id, state=state, reason=reason)
    try:
        record_of_tests(run)
        record_of_reading(run)
        return _read_summary(run, state, reason)
    except _DAMAGE as error:
        return RunSummary(
            run_id=run.run_id,
            state=RunState.DAMAGED,
            reason=f"Its files have unexpected content ({error}).",
        )


def _read_summary(run: Run, state: RunState, reason: str) -> RunSummary:
    config, report = run.config(), run.report()
    figures = report.get("report") or {}
    best = [row for row in (report.get("best") or {}).values() if "epoch" in row]
    latest = report.get("latest") or {}
    seconds = report.get("seconds", latest.get("seconds"))
    return RunSummary(
        run_id=run.run_id,
        state=state,
        reason=reason,
        classifier=str(config.get("classifier", "")),
        data=_data_of(config),
        digest=str(config.get("digest", "")),
        started=str(config.get("started", "")),
        settings=_settings_in_effect(config, report),
        machine=str(config.get("machine", "")),
        seconds=None if seconds is None else float(seconds),
        epochs=len(run.rows()) if not best else sum(int(r["epoch"]) for r in best),
        best_epochs=tuple(int(row["epoch"]) for row in best),
        valid_accuracy=_pooled(best),
        accuracy=(
            (
                float(figures["accuracy"]),
                float(figures["accuracy_low"]),
                float(figures["accuracy_high"]),
            )
            if figures
            else None
        ),
        n=int(figures["n"]) if figures else None,
        bundle=str(report.get("bundle", "")),
        note=run.note(),
        few=few_coins_warning(config.get("coins_per_class") or {}),
    )


def _data_of(config: Mapping[str, Any]) -> str:
    return str(config.get("data", "rendered" if "schedule" in config else ""))


def _pooled(best: Sequence[Row]) -> tuple[float, float, float] | None:
    """Accuracy on the validation coins of all folds; a coin may be in several."""
    rows = [row for row in best if "valid_accuracy" in row]
    if not rows:
        return None
    counts = [int(row.get("valid_n", 0)) for row in rows]
    if not all(counts):
        mean = sum(float(row["valid_accuracy"]) for row in rows) / len(rows)
        return mean, mean, mean
    right = sum(row["valid_accuracy"] * n for row, n in zip(rows, counts, strict=True))
    n = sum(counts)
    return (right / n, *wilson(round(right), n))


def flat_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run by name, without nesting."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if name in _FACTS:
            continue
        if isinstance(value, Mapping):
            # Settings that older runs did not have had their defaults.
            value = {**(_DEFAULT_CONFIG if name == "recipe" else {}), **value}
            flat |= {
                f"{key}" if name == "recipe" else f"{name}: {key}": inner
                for key, inner in value.items()
            }
        else:
            flat[name] = value
    # Settings that only change the last digits come last.
    return {name: flat[name] for name in sorted(flat, key=_LAST_DIGITS.__contains__)}


def _settings_in_effect(
    config: Mapping[str, Any], report: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings without those that this run has no use for."""
    settings, unused = flat_settings(config), set[str]()
    # What learns in one step takes no number of epochs, and plans one of each fit.
    plan = report.get("plan") or {}
    if settings.get("epochs") is None and plan.get("epochs") == 1:
        unused |= {"epochs", "patience"}
    if settings.get("folds") is None:  # the splits of a version
        unused.add("folds")
    return {name: value for name, value in settings.items() if name not in unused}


def setting_rows(runs: Sequence[RunSummary]) -> list[tuple[str, list[Any], bool]]:
    """Each setting's values over the runs, and whether they differ; those first.

    The value of a run that does not have the setting is "".
    """
    names = dict.fromkeys(name for run in runs for name in run.settings)
    rows = []
    for name in names:
        values = [run.settings.get(name, "") for run in runs]
        rows.append((name, values, any(value != values[0] for value in values)))
    return sorted(rows, key=lambda row: not row[2])


def curve_points(rows: Iterable[Row], name: str) -> dict[str, list[tuple[int, float]]]:
    """(epoch, value) by fold: of "train_loss", "valid_loss", "valid_accuracy", "rate".

    Raises:
        KeyError: There is no such curve.
    """
    points: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        for key in _CURVES[name]:
            if isinstance(value := row.get(key), int | float) and row.get("epoch"):
                fold = str(row.get("fold", 0))
                points.setdefault(fold, []).append((int(row["epoch"]), float(value)))
                break
    return {fold: sorted(line) for fold, line in points.items()}


def mean_curve(rows: Iterable[Row], name: str) -> list[tuple[int, float]]:
    """(epoch, mean over the folds that reached it), without the final fit."""
    by_epoch: dict[int, list[float]] = {}
    for fold, line in curve_points(rows, name).items():
        if fold != "final":
            for epoch, value in line:
                by_epoch.setdefault(epoch, []).append(value)
    return [(e, sum(v) / len(v)) for e, v in sorted(by_epoch.items())]


def record_of_tests(run: Run) -> tuple[str, bool]:
    """How often the held-out coins were measured, and whether once as it should be."""
    measured = Counter(int(test["fold"]) for test in run.report().get("tests", []))
    if not measured:
        return _("How often its test coins were measured was not recorded."), False
    if run.config().get("folds", 0) is None:
        if measured.total() == 1:
            return _("Test coins were measured once, after the epoch was chosen."), True
        times = measured.total()
        words = _(
            "Test coins were measured {times} times: the training was stopped or "
            "killed afterwards, and resumed."
        )
        return words.format(times=times), False
    again = sorted(fold for fold, times in measured.items() if times > 1)
    if not again:
        words = _(
            "The held-out coins of each fold were measured once, after its epoch was "
            "chosen on other coins."
        )
        return words, True
    folds = ", ".join(str(fold + 1) for fold in again)
    words = _(
        "The held-out coins of fold {folds} were measured more than once: the training "
        "was stopped or killed afterwards, and resumed."
    )
    return words.format(folds=folds), False


def record_of_reading(run: Run) -> str:
    """What learning to read the coins gave; "" where no net was to learn that."""
    compared = run.report().get("comparison")
    if not compared:
        return ""
    found = Comparison(**compared)
    if not found.error:
        words = _(
            "There are too few photos to learn to read these coins from, so the model "
            "answers as the one that it started from."
        )
    elif found.is_kept:
        words = _(
            "It learned to read these coins: on {count} that it did not learn from, "
            "the log loss is {after}, that of the model it started from {before} (the "
            "difference has a standard error of {error})."
        )
    else:
        words = _(
            "What it learned to read on these coins did not help on {count} others "
            "(log loss {after}, as it started {before}; the difference has a standard "
            "error of {error}), so it was not kept: the model answers as the one that "
            "it started from."
        )
    return words.format(
        count=f"{found.coins:,}",
        after=f"{found.after:.3f}",
        before=f"{found.before:.3f}",
        error=f"{found.error:.3f}",
    )


def runs_on_same_coins(run: RunSummary, runs: Iterable[RunSummary]) -> int:
    """How many runs were measured on the same photos and labels, including this."""
    return sum(
        other.digest == run.digest and other.accuracy is not None
        for other in runs
        if run.digest
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two runs on the same coins.

    Attributes:
        one: The first run.
        other: The second.
        coins: Coins that both measured.
        only_one: Coins that only the first got right.
        only_other: Coins that only the second got right.
        p: The p-value of McNemar's exact test, with Holm's correction when there are
            several pairs.
    """

    one: str
    other: str
    coins: int
    only_one: int
    only_other: int
    p: float

    @property
    def is_real(self) -> bool:
        """Whether the difference is significant."""
        return self.p < SIGNIFICANT


def compare_pairs(
    predictions: Mapping[str, Sequence[Row]], digests: Mapping[str, str]
) -> tuple[list[Difference], list[str]]:
    """Compare every pair of runs on the coins that both measured.

    Photos of one coin are not independent: a coin counts once, as right when the mean
    of its photos' probabilities is highest for its label. It is in both runs if they
    measured the same photos of it.

    Args:
        predictions: The rows of each run.
        digests: sha256 over the photos and labels of each run; "" if unknown.

    Returns:
        The pairs, and one sentence for each pair that shares no coins.
    """
    pairs, apart = [], []
    for one, other in combinations(predictions, 2):
        is_same = bool(digests[one]) and digests[one] == digests[other]
        a, b = (
            coins_right(predictions[name], by_name=is_same) for name in (one, other)
        )
        shared = [coin for coin in a if coin in b]
        if not shared:
            apart.append(
                _("{one} and {other} measured no coin in common.").format(
                    one=one, other=other
                )
            )
            continue
        only_one = sum(a[coin] and not b[coin] for coin in shared)
        only_other = sum(b[coin] and not a[coin] for coin in shared)
        pairs.append(
            Difference(
                one=one,
                other=other,
                coins=len(shared),
                only_one=only_one,
                only_other=only_other,
                p=mcnemar(only_one, only_other),
            )
        )
    return _holm(pairs), apart


def coins_right(
    rows: Sequence[Row], *, by_name: bool
) -> dict[tuple[str, frozenset[str]], bool]:
    """Per coin, whether its photos together are predicted as its label.

    The number of a coin is that of a folder or a seed, so a coin is told by its label
    and its photos; one with a photo that cannot be told is left out.

    Args:
        rows: Of one run.
        by_name: Whether names tell photos, as they do in sets with the same digest.
    """
    sums: dict[tuple[str, str], dict[str, float]] = {}
    photos: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        coin = (str(row.get("coin", row.get("photo"))), str(row.get("label")))
        totals = sums.setdefault(coin, {})
        for name, probability in row["probabilities"].items():
            totals[name] = totals.get(name, 0.0) + float(probability)
        photo = str(row.get("photo")) if by_name else _photo_everywhere(row)
        photos.setdefault(coin, set()).add(photo)
    return {
        (coin[1], frozenset(photos[coin])): max(totals, key=totals.__getitem__)
        == coin[1]
        for coin, totals in sums.items()
        if "" not in photos[coin]
    }


def _photo_everywhere(row: Row) -> str:
    """What tells a photo from those of all other runs; "" if nothing does."""
    photo, coin = str(row.get("photo")), str(row.get("coin"))
    if photo.removeprefix("photo ").isdigit() and coin.startswith("coin "):
        return photo  # of the dataset, where a crop may be changed
    return coin if coin.startswith("sha256 ") else str(row.get("picture") or "")


def _holm(pairs: Sequence[Difference]) -> list[Difference]:
    """The pairs with p-values corrected for their number (Holm 1979)."""
    corrected: dict[int, float] = {}
    highest = 0.0
    ranked = sorted(range(len(pairs)), key=lambda i: pairs[i].p)
    for rank, i in enumerate(ranked):
        highest = max(highest, min(1.0, pairs[i].p * (len(pairs) - rank)))
        corrected[i] = highest
    return [replace(pair, p=corrected[i]) for i, pair in enumerate(pairs)]
