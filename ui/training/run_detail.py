"""One training run: figures, curves, mistakes, model card, notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import streamlit as st

from coin_core.access import Right, may, refusal
from coin_core.errors import CoinError, WeightsMismatchError, WeightsMissingError
from coin_core.i18n import _, current_language, ngettext, speaking, translate
from coin_core.jobs import JobKind, list_jobs, may_change
from coin_core.model_store import bundle as models
from coin_core.model_store.promotion import demote, promote, promoted
from coin_core.recycle_bin import KEPT_DAYS
from coin_core.results import class_title
from coin_core.training.error_analysis import by_legibility, reliability
from coin_core.training.report import html_report
from coin_core.training.run_comparison import (
    RunSummary,
    record_of_reading,
    record_of_tests,
    runs_on_same_coins,
)
from coin_core.training.runs import Row, Run, RunState, find_run
from ui.components.charts import (
    accuracy_curves,
    learning_rate_curves,
    legibility_chart,
    loss_curves,
    reliability_chart,
    show_chart,
)
from ui.components.table import show_table
from ui.errors import damage_on_page, errors_on_page, show_error
from ui.formatting import as_text, duration, percent
from ui.training.confusion_view import show_confusion, show_mistakes
from ui.training.formatting import (
    STATE_TITLES,
    curves_by_fold,
    fold_title,
    interval,
    machine_title,
    run_title,
    setting_title,
    setting_value,
    when,
)
from ui.training.models_panel import show_choice, try_model
from ui.training.runs_table import clear_selection


def show_run(summary: RunSummary, runs: Sequence[RunSummary]) -> None:
    """Everything about one run, and the actions on it."""
    with errors_on_page():
        run = find_run(summary.run_id)
        st.header(as_text(run_title(summary)), anchor=False)
        if summary.state is RunState.DAMAGED:
            show_error(
                _(
                    "The folder of this run is damaged: {reason} What can still be "
                    "read is in {folder}."
                ).format(reason=translate(summary.reason), folder=run.folder)
            )
            _show_deletion(run, summary)
            return
        _show_headline(run, summary, runs)
        _show_actions(run, summary)
        with damage_on_page(_("The rest of this run")):
            _show_tabs(run, summary)


def _show_headline(run: Run, summary: RunSummary, runs: Sequence[RunSummary]) -> None:
    if summary.state is RunState.FAILED:
        show_error(
            _("This training failed: {reason}").format(reason=translate(summary.reason))
        )
    elif summary.state is RunState.INTERRUPTED:
        words = _(
            "This training was interrupted: its process ended, or the computer shut "
            "down."
        )
        st.warning(f"{words} {_how_to_resume(run)}")
    cells = st.columns(4)
    if summary.accuracy:
        cells[0].metric(
            _("Right, held-out coins"),
            percent(summary.accuracy[0]),
            help=_(
                "Highest probability on the right class, with Wilson's 95 % interval."
            ),
        )
        cells[0].caption(
            ngettext(
                "{interval} of {count} photo",
                "{interval} of {count} photos",
                summary.n or 0,
            ).format(interval=interval(summary.accuracy), count=f"{summary.n:,}")
        )
    if summary.valid_accuracy:
        cells[1].metric(_("Right, validation"), percent(summary.valid_accuracy[0]))
        cells[1].caption(interval(summary.valid_accuracy))
    cells[2].metric(_("Took"), duration(summary.seconds) or "–")
    cells[2].caption(as_text(machine_title(summary.machine)))
    cells[3].metric(_("State"), _(STATE_TITLES[summary.state]))
    cells[3].caption(_("started {time}").format(time=when(summary.started)))
    if summary.accuracy:
        sentence, is_clean = record_of_tests(run)
        count = runs_on_same_coins(summary, runs)
        if count > 1:
            sentence += " " + _(
                "{count} runs were measured on the same coins, so the best one "
                "looks slightly better than it is."
            ).format(count=count)
        (st.caption if is_clean else st.info)(as_text(sentence))
        if learned := record_of_reading(run):
            st.info(as_text(learned))
        if caution := run.config().get("caution"):
            words = _("Unreliable: {caution}.")
            st.warning(words.format(caution=as_text(translate(caution))))
    if summary.few:
        st.warning(as_text(translate(summary.few)), icon=":material/scale:")


def _how_to_resume(run: Run) -> str:
    """What continues a training that was interrupted, or begins it again."""
    has_button = any(
        job.can_resume
        and may_change(job)
        and job.progress().details.get("run") == run.run_id
        for job in list_jobs(JobKind.TRAINING)
    )
    if run.has_learned():
        if has_button:
            return _("The same command, or “Resume” above, continues where it was.")
        return _("The same command continues where it was.")
    if has_button:
        return _("The same command, or “Resume” above, starts it from the beginning.")
    return _("The same command starts it from the beginning.")


def _show_actions(run: Run, summary: RunSummary) -> None:
    card, problem = _load_card(summary)
    if not may(Right.PROMOTE):
        st.caption(refusal(Right.PROMOTE))
    with st.container(horizontal=True, vertical_alignment="center"):
        if card and promoted() == card.name:
            st.markdown(_("The Classify page opens with this model."), width="content")
            if st.button(
                _("Go back to the shipped models"),
                icon=":material/undo:",
                disabled=not may(Right.PROMOTE),
            ):
                demote()
                show_choice()
        elif card and st.button(
            _("Use on the Classify page"),
            icon=":material/publish:",
            type="primary",
            help=_(
                "The Classify page then opens with {model}; the others stay one click "
                "away."
            ).format(model=as_text(card.name)),
            disabled=not may(Right.PROMOTE),
        ):
            with errors_on_page():
                try_model(card.name)
                promote(card.name)
                show_choice()
        if problem:
            st.caption(as_text(problem), width="content")
        st.download_button(
            _("Report as HTML"),
            partial(_html_report, run, summary, current_language()),
            f"{run.run_id}.html",
            "text/html",
            icon=":material/download:",
            on_click="ignore",
            help=_("One file with everything in it; a browser prints it as PDF."),
        )
        _show_deletion(run, summary)
    _show_note(run)


def _html_report(run: Run, summary: RunSummary, language: str) -> bytes:
    with speaking(language):  # made in another thread, when it is asked for
        return html_report(run, summary).encode()


def _load_card(summary: RunSummary) -> tuple[models.Card | None, str]:
    """The card of the model of this run, or None and the reason."""
    if not summary.bundle:
        return None, ""
    folder = models.models_dir() / summary.bundle
    try:
        card = models.load_card(folder)
    except WeightsMissingError:
        return None, _("Its model {name} is not among the models here.").format(
            name=summary.bundle
        )
    except WeightsMismatchError as error:
        return None, translate(str(error))
    if card.training.get("run") != summary.run_id:
        return None, _("A later training has replaced its model {name}.").format(
            name=summary.bundle
        )
    return card, ""


def _show_deletion(run: Run, summary: RunSummary) -> None:
    if not may(Right.DELETE):
        return
    with st.popover(
        _("Delete"),
        icon=":material/delete:",
        disabled=summary.state is RunState.RUNNING,
        key=f"delete_{run.run_id}",
    ):
        st.markdown(_("Delete this run with its curves, answers and notes?"))
        st.caption(
            _(
                "It stays in the bin for {days} days. The model that it made is kept."
            ).format(days=KEPT_DAYS)
        )
        if st.button(_("Delete the run"), type="primary", key="delete_now"):
            try:
                run.delete()
            except (CoinError, OSError) as error:
                show_error(str(error))
            else:
                clear_selection()
                st.rerun()


def _show_note(run: Run) -> None:
    before = run.note()
    # Another key for another note: a page that shows an older one stores nothing.
    key = f"note_{run.run_id}_{hash(before)}"

    def store() -> None:
        with errors_on_page():
            run.set_note(st.session_state[key])

    st.text_area(
        _("Notes"),
        before,
        key=key,
        on_change=store,
        height=80,
        placeholder=_("What you tried, what you think of it …"),
        disabled=not may(Right.TRAIN),
    )


def _show_tabs(run: Run, summary: RunSummary) -> None:
    rows, report = run.predictions(), run.report().get("report", {})
    classes = report.get("classes") or run.config().get("classes") or []
    log = run.rows()
    has_curves = any(
        curves_by_fold(log, column) for column in ("train_loss", "valid_loss")
    )
    # A classifier that does not learn in epochs has no curves, and no tab of them.
    parts: dict[str, Callable[[], None]] = {
        _("Curves"): lambda: _show_curves(run, log),
        _("Confusion matrix"): lambda: show_confusion(rows, report, classes),
        _("Calibration"): lambda: _show_calibration(rows),
        _("Most confident mistakes"): lambda: show_mistakes(rows),
        _("Card and settings"): lambda: _show_settings_and_card(run, summary),
    }
    if not has_curves:
        del parts[_("Curves")]
    for tab, show in zip(st.tabs(list(parts)), parts.values(), strict=True):
        with tab:
            show()


def _show_curves(run: Run, log: Sequence[Row]) -> None:
    train = curves_by_fold(log, "train_loss")
    valid = curves_by_fold(log, "valid_loss")
    best = run.report().get("best", {})
    kept = {fold_title(fold): int(row["epoch"]) for fold, row in best.items()}
    left, right = st.columns(2)
    with left:
        show_chart(loss_curves(train, valid, kept), key="loss")
    with right:
        lines = curves_by_fold(log, "valid_accuracy")
        show_chart(accuracy_curves(lines), key="right")
    st.caption(
        _(
            "Solid: validation coins; dotted: training coins; the ring marks "
            "the epoch that was kept."
        )
    )
    with st.expander(_("Learning rate")):
        show_chart(learning_rate_curves(curves_by_fold(log, "rate")), key="rate")
    if torn := run.torn_lines():
        st.caption(
            ngettext(
                "{count} line of the history cannot be read and is left out.",
                "{count} lines of the history cannot be read and are left out.",
                torn,
            ).format(count=torn)
        )


def _show_calibration(rows: Sequence[Row]) -> None:
    if not rows:
        st.caption(_("The answers for single photos of this run were not kept."))
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(_("How many of the photos with this probability were right?"))
        show_chart(reliability_chart(reliability(rows)), key="reliability")
    with right:
        st.markdown(_("Accuracy by legible letters"))
        if bins := by_legibility(rows):
            show_chart(legibility_chart(bins), key="legibility")
        else:
            st.caption(_("The legibility of these coins is unknown."))


def _show_settings_and_card(run: Run, summary: RunSummary) -> None:
    config = run.config()
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(_("**Settings**"))
        show_table(
            {_("setting"): setting_title(name), _("value"): setting_value(name, value)}
            for name, value in summary.settings.items()
        )
        if command := config.get("command"):
            st.caption(_("The command that repeats it:"))
            st.code(command, language="bash", wrap_lines=True)
    with right:
        _show_training_data(config)
        card = _load_card(summary)[0]
        if card:
            st.markdown(_("**Card of {model}**").format(model=as_text(card.name)))
            st.json(asdict(card), expanded=False)


def _show_training_data(config: dict[str, Any]) -> None:
    per_class: dict[str, int] = config.get("coins_per_class") or {}
    if per_class:
        st.markdown(_("**Training coins**"))
        show_table(
            {_("class"): class_title(name), _("coins"): count}
            for name, count in per_class.items()
        )
        st.caption(
            as_text(
                _(
                    "{photos} photos; {unreadable} could not be read; in {whole} no "
                    "coin was found, so the whole photo was used."
                ).format(
                    photos=config.get("photos", "?"),
                    unreadable=config.get("unreadable", 0),
                    whole=config.get("without_face", 0),
                )
            )
        )
    if left_out := config.get("left_out"):
        with st.expander(_("Could not be read: {count}").format(count=len(left_out))):
            st.code("\n".join(map(str, left_out)), language=None, wrap_lines=True)
