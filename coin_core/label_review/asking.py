"""Asking the classifiers about photos of the dataset, as a job."""

from __future__ import annotations

from collections.abc import Sequence

from coin_core import jobs
from coin_core.errors import WeightsMissingError
from coin_core.i18n import N_

_MAX_NAMED = 200
_WITH = "--with="


def start_asking(photo_ids: Sequence[int], classifiers: Sequence[str] = ()) -> jobs.Job:
    """Store what classifiers say of photos; the job continues if resumed.

    What they have said of the same crop with the same weights is not asked again.

    Raises:
        CoinError: They are being asked about all of these photos already.
    """
    title = N_("Asking the classifiers about {count} photos").format(
        count=f"{len(photo_ids):,}"
    )
    arguments = [_WITH + name for name in classifiers]
    arguments += [str(photo_id) for photo_id in photo_ids]
    jobs.refuse_twice(jobs.JobKind.CLASSIFY, lambda job: _covers(job, arguments))
    return jobs.add_job(
        jobs.JobKind.CLASSIFY, title, arguments, module="coin_core.label_review.asking"
    )


def _covers(job: jobs.Job, arguments: Sequence[str]) -> bool:
    """Whether a job asks at least these classifiers, or all, about these photos."""
    asks_all = not any(one.startswith(_WITH) for one in job.arguments)
    asked_all = not any(one.startswith(_WITH) for one in arguments)
    lacking = set(arguments).difference(job.arguments)
    if asks_all:
        return all(one.startswith(_WITH) for one in lacking)
    return not asked_all and not lacking


def main(arguments: Sequence[str]) -> int:
    """Ask about the photos with these ids; returns 0.

    Raises:
        WeightsMissingError: There is no classifier, or none of those named.
    """
    asked = [a.removeprefix(_WITH) for a in arguments if a.startswith(_WITH)]
    arguments = [a for a in arguments if not a.startswith(_WITH)]
    # Counted from here, so that the time left includes loading the classifiers.
    with jobs.Progress(
        "asking the classifiers", len(arguments), unit="photo"
    ) as progress:
        # The page that starts the job does not wait for these.
        from coin_core.catalog import open_catalog
        from coin_core.classifiers.installed import installed_models
        from coin_core.label_review.label_errors import record_predictions
        from coin_core.pipeline import CoinClassifier

        installed = [one.name for one in installed_models()[0]]
        names = [name for name in installed if not asked or name in asked]
        if not names:
            raise WeightsMissingError(
                "There are no classifiers in this installation yet. This makes them: "
                "python -m coin_core train all --data rendered"
            )
        recorded = record_predictions(
            open_catalog(),
            CoinClassifier(),
            [int(photo_id) for photo_id in arguments],
            classifiers=names,
            progress=progress.advance_to,
        )
    read = recorded.photos + recorded.known
    jobs.report_details(
        read=read,
        skipped=len(arguments) - read,
        left_out=list(recorded.left_out[:_MAX_NAMED]),
    )
    return 0
