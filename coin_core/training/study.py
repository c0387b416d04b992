"""The experiments of the first project, repeated on one dataset by one command.

Each experiment is a run like any other, so a killed study resumes where it was, and the
training-history page shows its parts. No model is kept: experiments are cross-validated
and not fitted on everything. The table has the figures that the first project reported
beside those measured here. Its photos were others, so the two columns show whether the
experiments come out in the same order, not which is better.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coin_core.classifiers import get_classifier, list_classifiers
from coin_core.errors import CoinError, TrainingDataError
from coin_core.storage import parse_json, read_text, write_file, write_json
from coin_core.training.config import TrainingConfig
from coin_core.training.environment import describe_machine
from coin_core.training.report import COLOURS, Curve, curve_charts
from coin_core.training.run_comparison import mean_curve
from coin_core.training.runs import find_run
from coin_core.training.train import Training, measure_on_coins

if TYPE_CHECKING:
    from coin_core.training.cross_validation import FittedClassifier
    from coin_core.training.datasets import CoinSet
    from coin_core.training.runs import Run

logger = logging.getLogger(__name__)

FOLDS = 5
# Raise it when experiments change: earlier outcomes are then not resumed.
_EDITION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One training of the study.

    Attributes:
        key: Its name in files.
        title: What a person reads.
        classifier: A registered classifier.
        init: Where a net starts; "" for the study's own.
        config: Further settings of a net.
        reported: What the first project reported for it, "" where it gave no figure.
    """

    key: str
    title: str
    classifier: str
    init: str = ""
    config: TrainingConfig = field(default_factory=TrainingConfig)
    reported: str = ""

    def training(
        self, init: str, folds: int, epochs: int | None, seed: int, size_px: int | None
    ) -> Training:
        """What is trained, with the study's settings."""
        spec = get_classifier(self.classifier)
        if self.config.rotations:
            most = epochs or spec.default_epochs or 1
            epochs = max(1, round(most * TURNED_SHARE))
        # Features come from the shipped net wherever the others start.
        features = spec.inputs == "features"
        return Training(
            name=self.classifier,
            init="rendered" if features else self.init or init,
            epochs=None if features else epochs,
            folds=folds,
            seed=seed,
            size_px=None if features else size_px,
            config=self.config,
        )


# Five turned copies beside each photo: six times the data.
_TURNS = 5
_MOMENTUM = 0.9
# Of the epochs: each sees six times as many photos.
TURNED_SHARE = 1 / 3


_KINDS = {
    "plain": "photos as they are",
    "momentum": "with momentum",
    "turned": "five turned copies",
    "turned-momentum": "five turned copies, with momentum",
}


def experiments() -> tuple[Experiment, ...]:
    """All of them, in the order they are run.

    A classifier with a pretrained backbone gives eight: frozen or not, with each kind
    of training. Every other classifier gives one.
    """
    # Classifiers of photos come first.
    specs = sorted(list_classifiers(), key=lambda spec: spec.inputs != "photo")
    nets = [
        Experiment(
            key=f"{spec.name}-{layers}-{kind}",
            title=f"{spec.study_title}, {layers}, {words}",
            classifier=spec.name,
            config=TrainingConfig(
                frozen=layers == "frozen",
                fresh_head=True,
                rotations=_TURNS if "turned" in kind else 0,
                momentum=_MOMENTUM if "momentum" in kind else 0.0,
            ),
            reported=spec.reported.get(f"{layers}-{kind}", ""),
        )
        for spec in specs
        if spec.backbone
        for layers, (kind, words) in product(("frozen", "fine-tuned"), _KINDS.items())
    ]
    others = [
        Experiment(
            key=spec.name,
            title=spec.study_title,
            classifier=spec.name,
            init="scratch" if spec.inputs == "photo" else "",
            reported=spec.reported.get("", ""),
        )
        for spec in specs
        if not spec.backbone
    ]
    return (*nets, *others)


def run_study(
    coins: CoinSet,
    out: Path,
    *,
    command: str = "",
    chosen: Sequence[str] = (),
    init: str = "rendered",
    folds: int = FOLDS,
    epochs: int | None = None,
    seed: int = 0,
    size_px: int | None = None,
) -> list[Outcome]:
    """Run the experiments on one dataset; completed ones are only loaded.

    Writes study.json, study.md and study.html into `out` after each experiment.

    Args:
        coins: The crops with their labels.
        out: A folder, created if it is missing.
        command: The command that repeats it; noted with the table and each run.
        chosen: Keys of experiments; all of them when empty.
        init: Where ResNet and VGG start: "rendered", "imagenet" or "scratch".
        folds: Of the cross-validation.
        epochs: At most this many per fold; `TURNED_SHARE` of it with turned copies.
        seed: Fixes splits, first weights and augmentation.
        size_px: Side of the nets' input.

    Raises:
        TrainingDataError: An experiment is not known, there are too few coins, or
            `out` holds a study with other settings.
        WeightsMissingError: The weights to start from are not there.
    """
    wanted = _choose(chosen)
    settings = {"edition": _EDITION, "init": init, "folds": folds}
    settings |= {"epochs": epochs, "seed": seed}
    settings |= {"size_px": size_px, "data": coins.source}
    settings |= {"digest": coins.digest, "rows": coins.rows_digest()}
    done = _read(out / "study.json", settings)
    order = {one.key: place for place, one in enumerate(experiments())}
    for number, experiment in enumerate(wanted, start=1):
        if experiment.key not in done:
            logger.info("%d of %d: %s", number, len(wanted), experiment.title)
            training = experiment.training(init, folds, epochs, seed, size_px)
            run, fitted = measure_on_coins(
                training, coins, command=f"{command} --only {experiment.key}".strip()
            )
            done[experiment.key] = _outcome(experiment, run, fitted)
        outcomes = sorted(done.values(), key=lambda one: order[one.key])
        _write(out, settings, outcomes, coins, command)
        if done[experiment.key].stopped:
            break
    return [done[one.key] for one in wanted if one.key in done]


def _choose(chosen: Sequence[str]) -> list[Experiment]:
    known = {one.key: one for one in experiments()}
    if unknown := sorted(set(chosen) - set(known)):
        raise TrainingDataError(
            f"The study has no experiment {', '.join(unknown)}. "
            f"It has: {', '.join(known)}."
        )
    return [one for key, one in known.items() if key in chosen or not chosen]


def _outcome(experiment: Experiment, run: Run, fitted: FittedClassifier) -> Outcome:
    best = run.report().get("best", {}).values()

    def mean(name: str) -> float | None:
        values = [float(row[name]) for row in best if name in row]
        return sum(values) / len(values) if values else None

    report = fitted.report
    return Outcome(
        key=experiment.key,
        title=experiment.title,
        reported=experiment.reported,
        run_id=run.run_id,
        n=report.n,
        right=(report.accuracy, report.accuracy_low, report.accuracy_high),
        train_loss=mean("train_loss"),
        valid_loss=mean("valid_loss"),
        seconds=fitted.seconds,
        stopped=fitted.stopped,
    )


def _write(
    out: Path,
    settings: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    coins: CoinSet,
    command: str,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    kept = {
        "settings": dict(settings),
        "outcomes": [asdict(one) for one in outcomes if not one.stopped],
    }
    write_json(out / "study.json", kept)
    about = (
        f"{len(coins)} photos of {len(coins.classes)} classes, {coins.source}, digest "
        f"{coins.digest[:12]}; {settings['folds']}-fold cross-validation by coin, seed "
        f"{settings['seed']}, ResNet and VGG from {_STARTS[settings['init']]}"
    )
    if settings["epochs"]:
        about += (
            f", at most {settings['epochs']} epochs, a third of it with turned copies"
        )
    if settings["size_px"]:
        about += f", {settings['size_px']} px input"
    about += f"; {describe_machine()}"
    if command:
        about += f"; `{command}`"
    write_file(out / "study.md", study_table(outcomes, about).encode())
    write_file(out / "study.html", study_figure(outcomes).encode())


_STARTS = {
    "rendered": "the shipped weights (trained on rendered coins)",
    "imagenet": "ImageNet's weights",
    "scratch": "nothing",
}


# Settings that are no flags, where they differ.
_OTHERS = {
    "edition": "other experiments",
    "data": "other data",
    "digest": "other coins or labels",
    "rows": "other coins or labels",
}


def _read(path: Path, settings: Mapping[str, Any]) -> dict[str, Outcome]:
    """The completed experiments of an earlier session with the same settings.

    Raises:
        TrainingDataError: The settings were others, or the file is no study.
    """
    try:
        kept = parse_json(read_text(path))
        earlier = dict(kept["settings"])
        found = [
            Outcome(**{**one, "right": tuple(one["right"])}) for one in kept["outcomes"]
        ]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingDataError(
            f"{path} cannot be read as a study. Name another folder, or delete that "
            "file."
        ) from error
    others = [name for name in settings if earlier.get(name) != settings[name]]
    if others:
        words = [_OTHERS.get(name) or _flag(name, earlier.get(name)) for name in others]
        raise TrainingDataError(
            f"{path.parent} holds a study with {', '.join(dict.fromkeys(words))}. Give "
            "the same settings, name another folder, or delete that one."
        )
    known = {one.key for one in experiments()}
    return {one.key: one for one in found if one.key in known}


def _flag(name: str, value: Any) -> str:
    said = "by default" if value is None else value
    return f"--{name.replace('_', '-')} {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an experiment; `right` is the accuracy with its interval.

    The losses are means over the folds at the epochs that were kept, None for
    classifiers that do not train in epochs.
    """

    key: str
    title: str
    reported: str
    run_id: str
    n: int
    right: tuple[float, float, float]
    train_loss: float | None
    valid_loss: float | None
    seconds: float
    stopped: bool = False


def study_table(outcomes: Iterable[Outcome], about: str) -> str:
    """The table as Markdown, with what the first project reported beside it."""
    lines = [
        f"Measured here on {about}. **The first project had other photos of other "
        "coins, and measured on one split:** its column shows what it reported, not "
        "what these photos would have given it.",
        "",
        "| experiment | right here (95 % interval) | loss, learning | loss, validation "
        "| minutes | reported by the first project |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in outcomes:
        value, low, high = one.right
        losses = " | ".join(
            "–" if loss is None else f"{loss:.2f}"
            for loss in (one.train_loss, one.valid_loss)
        )
        lines.append(
            f"| {one.title}{' (stopped early)' if one.stopped else ''} "
            f"| {100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f}) | {losses} "
            f"| {one.seconds / 60:.1f} | {one.reported or '–'} |"
        )
    return "\n".join(lines) + "\n"


def study_figure(outcomes: Iterable[Outcome]) -> str:
    """Loss over epochs of each experiment, mean of the folds, as one HTML document."""
    charts = {}
    for one in outcomes:
        try:
            rows = find_run(one.run_id).rows()
        except CoinError:  # the run was deleted since
            continue
        if train := mean_curve(rows, "train_loss"):
            valid = mean_curve(rows, "valid_loss")
            charts[one.title] = [
                Curve("training", train, COLOURS[1], "dot"),
                Curve("validation", valid, COLOURS[0]),
            ]
    figure = curve_charts(charts, across=3, shared=True)
    figure.update_layout(title="Loss over epochs, mean of the folds")
    return str(figure.to_html())
