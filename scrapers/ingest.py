"""Scrapes a source into the dataset; the only module here that writes to it.

The result of each photo is recorded at once. A killed run therefore loses at most the
photo that it was working on, and a second run asks only for what is new.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from coin_core import jobs
from coin_core.catalog import Catalog, CatalogPhoto, PhotoStatus
from coin_core.catalog.import_records import (
    SCRAPE,
    ImportState,
    ItemState,
    say_filled,
)
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import Prepared, drop_uploads, prepare
from coin_core.catalog.left_out import (
    MOST_KEPT,
    LeftOut,
    find_left_out,
    keep_photo,
    kept_photo,
    list_left_out,
    note_left_out,
    note_taken,
)
from coin_core.catalog.schema import ImportItemRow, ImportRow
from coin_core.catalog.scrape_jobs import (
    ScrapeOrder,
    ScrapeProgress,
    begin_scrape,
    job_title,
    scrape_order,
)
from coin_core.catalog.similarity import Matcher
from coin_core.errors import (
    CatalogError,
    CoinError,
    JobStoppedError,
    UnreadablePhotoError,
)
from scrapers.base import MOST_FAILURES, ImageSide, Listing, ListingImage, Source
from scrapers.errors import (
    DiskFullError,
    NotFoundError,
    PageChangedError,
    ServerFailureError,
    UnexpectedAnswerError,
    UnknownHostError,
    UnsafeAddressError,
)
from scrapers.labels.reader import LotLabel, Outcome, read_label
from scrapers.mapping import coin_facts, describe_evidence, file_name
from scrapers.registry import QueryKind, SourceInfo, get_source, open_source
from scrapers.url_safety import origin_of

_log = logging.getLogger("scrapers")

THUMBNAILS_CACHED: Final = 500  # the site is slower than decoding a photo again
PROBLEMS_KEPT: Final = 10
MOST_TEXT: Final = 100_000
"""Characters of each text of a listing; what has more describes no coin."""
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_LONG_DATA: Final = 100  # characters of a data address that a key contains whole
Prepare = Callable[[bytes, str], Prepared]


def take_after_all(
    catalog: Catalog, key: str, *, who: str, prepare_photo: Prepare = prepare
) -> ScrapeProgress:
    """Add a listing that a scrape left out, without a label, to be reviewed.

    Raises:
        CoinError: No scrape left it out, it is scraped right now, or its photo is
            missing.
    """
    import_id, entry = find_left_out(catalog, key)
    listing = _stored_listing(catalog, import_id, entry.listing)
    order = replace(scrape_order(catalog, import_id), who=who)
    if ledger.is_running(import_id):
        raise CatalogError(
            f"Scrape {import_id} is running. Wait for its end, or stop it first."
        )
    with open_source(order) as source:
        run = _Run(catalog, source, import_id, order, prepare_photo)
        run.take(listing)
        if run.progress.problems:
            raise NotFoundError(run.progress.problems[-1])
        note_taken(catalog, key)
    return run.progress


def scrape(
    catalog: Catalog,
    source: Source,
    order: ScrapeOrder,
    *,
    stop: Callable[[], bool] = jobs.stop_requested,
    prepare_photo: Prepare = prepare,
) -> Iterator[ScrapeProgress]:
    """Add the photos of a source to the dataset; resumes a run that was interrupted.

    Args:
        catalog: The dataset.
        source: Where the photos come from.
        order: What to look for.
        stop: Called between listings; True ends the run, which can be resumed.
        prepare_photo: Decodes a photo and finds its coins.

    Yields:
        The progress after each listing and at the end. An error that ends the run is
        raised after the progress that states it.

    Raises:
        CoinError: The source or the catalog ends the run.
    """
    import_id = begin_scrape(catalog, order)
    with ledger.hold(catalog, import_id, _title(order)):
        ledger.set_state(catalog, import_id, ImportState.RUNNING)
        run = _Run(catalog, source, import_id, order, prepare_photo)
        try:
            yield from run.work(stop)
        except JobStoppedError as error:
            yield run.end(ImportState.STOPPED, str(error))
        except CoinError as error:
            yield run.end(ImportState.STOPPED, str(error))
            raise
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if full else str(error)
            failure = DiskFullError(
                f"The photos cannot be written: {reason}. Make room and start the same "
                "command again; it resumes."
            )
            yield run.end(ImportState.STOPPED, str(failure))
            raise failure from error
        except BaseException as error:  # recorded, then raised again
            reason = f"It was interrupted ({type(error).__name__})."
            run.end(ImportState.STOPPED, reason)
            raise


class _Run:
    """One run: asks the source, adds photos, and records results."""

    def __init__(
        self,
        catalog: Catalog,
        source: Source,
        import_id: int,
        order: ScrapeOrder,
        prepare_photo: Prepare,
    ) -> None:
        self._catalog, self._source, self._order = catalog, source, order
        self._prepare = prepare_photo
        self._matcher = Matcher(catalog.photos, cache_size=THUMBNAILS_CACHED)
        self._recorded = _recorded_photos(catalog)
        self._left_out = {one.key for one in list_left_out(catalog, import_id)}
        self._failures_in_a_row = 0
        self._problems_reported = 0
        self.progress = ScrapeProgress(
            import_id=import_id, taken=_count_listings(catalog, import_id)
        )
        self._report()

    def work(self, stop: Callable[[], bool]) -> Iterator[ScrapeProgress]:
        """Process listings until there are no more, or enough."""
        limit = self._order.limit
        enough = limit is not None and self.progress.taken >= limit
        self.progress = replace(self.progress, at_limit=enough)
        listings = iter(()) if enough else self._source.find(self._order.query)
        for listing in listings:
            if stop():
                raise JobStoppedError("It was stopped by hand.")
            self._count(listings=1, taken=int(self._process(listing)))
            self._report_problems()
            self.progress = replace(self.progress, current=listing.title)
            self._report()
            yield self.progress
            if limit is not None and self.progress.taken >= limit:
                self.progress = replace(self.progress, at_limit=True)
                break
        self._report_problems()
        with self._catalog.database.writing() as connection:
            connection.execute(
                update(ImportRow)
                .where(ImportRow.id == self.progress.import_id)
                .values(total=ImportRow.done)
            )
        drop_uploads(self._catalog, self._order.spec())
        yield self.end(ImportState.DONE)

    def end(self, state: ImportState, error: str | None = None) -> ScrapeProgress:
        """Record how the run ended, and log the error that ended it."""
        if error:
            _log.error("stopped: %s", error)
        self.progress = replace(self.progress, state=state, error=error)
        try:
            ledger.set_state(self._catalog, self.progress.import_id, state, error)
        except CatalogError as failure:  # a full disk may refuse even this
            _log.warning("not recorded: %s", failure)
        self._report()
        return self.progress

    def _report(self) -> None:
        jobs.report(
            self.progress.text,
            done=self.progress.taken,
            total=self._order.limit,
            **dataclasses.asdict(self.progress),
        )

    def _process(self, listing: Listing) -> bool:
        """Process a listing; returns whether a photo of it is new."""
        longest = max(map(len, (listing.lot_text, *_texts_of(listing).values())))
        if longest > MOST_TEXT:
            self._add_problem(
                f"{listing.key[:80]} has a text of {longest:,} characters, more than "
                f"{MOST_TEXT:,}: that is no description of a coin."
            )
            return False
        listing = _storable(listing)
        label = read_label(listing.lot_text)
        other = label.outcome is Outcome.OTHER and not self._order.everything
        if label.outcome is Outcome.REJECTED or other:
            _log.info("left out, %s: %s", label.rule, listing.title)
            self._leave_out(listing, label)
            return False
        return self._add_photos(listing, label)

    def take(self, listing: Listing) -> None:
        """Add the photos of a listing whatever its text says; it gets no label."""
        label = replace(read_label(listing.lot_text), ruler=None)
        self._count(listings=1, taken=int(self._add_photos(listing, label)))
        with self._catalog.database.writing() as connection:
            connection.execute(
                update(ImportRow)
                .where(ImportRow.id == self.progress.import_id)
                .values(total=ImportRow.done)
            )

    def _leave_out(self, listing: Listing, label: LotLabel) -> None:
        """Count a listing and record it, so that a person can take it after all."""
        reasons = dict(self.progress.reasons)
        reasons[label.rule] = reasons.get(label.rule, 0) + 1
        self._count(left_out=1)
        self.progress = replace(self.progress, reasons=reasons)
        import_id = self.progress.import_id
        key = _key_among_sites(listing, self._order)
        if key in self._left_out or len(self._left_out) >= MOST_KEPT:
            return
        self._left_out.add(key)
        stored = dataclasses.asdict(listing)
        for image in stored["images"]:
            data = image.pop("data")
            image["kept"] = keep_photo(self._catalog, import_id, data) if data else ""
            if data and image["url"].startswith("data:"):
                image["url"] = f"data:{image['kept']}"
        keys = {_photo_key(listing, i["side"], i["url"]) for i in stored["images"]}
        entry = LeftOut(
            key=key,
            reason=label.rule,
            words=tuple(dict.fromkeys(one.words for one in label.evidence)),
            title=listing.title,
            url=listing.url,
            taken=bool(keys) and keys <= self._recorded.keys(),  # by another scrape
            listing=stored,
        )
        note_left_out(self._catalog, import_id, entry)

    def _add_photos(self, listing: Listing, label: LotLabel) -> bool:
        """Add the photos of a listing; returns whether one of them is new."""
        coin_id, new = None, False
        keys = [_photo_key(listing, one.side, one.url) for one in listing.images]
        for key in keys:
            photo_id = self._recorded.get(key)
            if photo_id is not None:
                coin_id = self._catalog.photos.get(photo_id).coin_id
        for key, image in zip(keys, listing.images, strict=True):
            if key in self._recorded:
                self._count(known=1)
                self._failures_in_a_row = 0
                continue
            try:
                coin_id = self._add(key, listing, image, label, coin_id)
                new, self._failures_in_a_row = True, 0
            except (
                NotFoundError,
                ServerFailureError,
                UnexpectedAnswerError,
                UnreadablePhotoError,
                UnknownHostError,
                UnsafeAddressError,
            ) as error:
                self._fail(key, listing, str(error))
        return new

    def _add(
        self,
        key: str,
        listing: Listing,
        image: ListingImage,
        label: LotLabel,
        coin_id: int | None,
    ) -> int | None:
        """Fetch and add one photo; returns the coin of the listing."""
        data = self._source.fetch(image)
        if image.sha1 and hashlib.sha1(data).hexdigest() != image.sha1:
            raise UnexpectedAnswerError(
                f"{image.url} does not have the checksum that its source states."
            )
        name = file_name(listing, image)
        prepared = self._prepare(data, name)
        remark = None
        if coin_id is None and image.side is not ImageSide.REVERSE:
            coin_id, remark = self._find_coin(prepared, label)
        facts = coin_facts(listing, label)
        added = self._catalog.photos.add(
            data,
            prepared.record(
                file_name=name,
                source=listing.source,
                source_url=listing.url if origin_of(listing.url) else None,
                licence=listing.licence,
                licence_raw=listing.licence_raw,
                credit=listing.credit,
                lot_text=listing.lot_text,
                image_url="" if image.url.startswith("data:") else image.url,
                source_date=listing.date,
                label_evidence=describe_evidence(label),
                retrieved_at=datetime.now(UTC),
                coin=facts,
            ),
            prepared.faces,
            coin_id=coin_id,
            who=self._order.who,
        )
        self._matcher.add(added.photo_id, prepared.thumbnail)
        if added.known:
            self._count(known=1)
            photo = self._catalog.photos.get(added.photo_id)
            if photo.lot_text != listing.lot_text and self._disagrees(label, photo):
                remark = (
                    f"The same picture as photo {photo.photo_id}, but the texts name "
                    "different rulers, or one is in doubt; nothing was changed."
                )
                # without the photo, whose coin is not that of the listing
                self._record(key, ItemState.KNOWN, None, remark)
                return coin_id
            self._label(added.photo_id, label)
            self._record(key, ItemState.KNOWN, added.photo_id, None)
            return added.coin_id
        self._label(added.photo_id, label)
        if coin_id is not None:
            edits = self._catalog.edits
            filled = edits.fill_coin(coin_id, facts, who=self._order.who)
            if filled and remark:  # by its look
                remark += f" {say_filled(filled)}"
        self._record(key, ItemState.DONE, added.photo_id, remark)
        self._count(added=1, labelled=int(label.ruler is not None))
        return added.coin_id

    def _find_coin(
        self, prepared: Prepared, label: LotLabel
    ) -> tuple[int | None, str | None]:
        """The coin of a photo of the same picture, such as of an earlier sale."""
        same = self._matcher.find(prepared.thumbnail, prepared.phash)
        if same is None:
            return None, None
        other = same.photo
        if self._disagrees(label, other):
            return None, (
                f"Looks the same as photo {other.photo_id}, but the texts name "
                "different rulers, or one is in doubt; they stay two coins."
            )
        return other.coin_id, f"The same coin as photo {other.photo_id}, by its look."

    def _disagrees(self, label: LotLabel, photo: CatalogPhoto) -> bool:
        """Whether a text disagrees with that of any photo of the coin of a photo."""
        photos = self._catalog.photos.of_coin(photo.coin_id)
        return any(_disagree(label, one) for one in photos)

    def _label(self, photo_id: int, label: LotLabel) -> None:
        """Label a coin that has no label."""
        photo = self._catalog.photos.get(photo_id)
        fresh = photo.status is PhotoStatus.UNREVIEWED and not photo.is_rendered
        if label.ruler and photo.ruler is None and fresh:
            self._catalog.edits.set_ruler(
                [photo_id], label.ruler, who=self._order.who, authority=label.authority
            )

    def _fail(self, key: str, listing: Listing, sentence: str) -> None:
        _log.warning("%s: %s", listing.key, sentence)
        self._record(key, ItemState.FAILED, None, sentence)
        self._add_problem(sentence)
        self._failures_in_a_row += 1
        asks_a_site = not _reads_files(self._order)
        if asks_a_site and self._failures_in_a_row >= MOST_FAILURES:
            raise PageChangedError(
                f"{MOST_FAILURES} photos in a row failed, the last: {sentence} The "
                "site has changed, or has a problem."
            )

    def _report_problems(self) -> None:
        """Count the records that the source could not read."""
        fresh = self._source.problems[self._problems_reported :]
        self._problems_reported += len(fresh)
        for sentence in fresh:
            _log.warning("left out: %s", _UNSTORABLE.sub("\ufffd", sentence))
            self._add_problem(sentence)

    def _add_problem(self, sentence: str) -> None:
        self._count(failed=1)
        sentence = _UNSTORABLE.sub("\ufffd", sentence)
        last = (*self.progress.problems, sentence)[-PROBLEMS_KEPT:]
        self.progress = replace(self.progress, problems=last)

    def _count(self, **more: int) -> None:
        sums: dict[str, Any] = {
            name: getattr(self.progress, name) + value for name, value in more.items()
        }
        self.progress = replace(self.progress, **sums)

    def _record(
        self, key: str, state: ItemState, photo_id: int | None, message: str | None
    ) -> None:
        """Record the result of one photo."""
        import_id = self.progress.import_id
        with self._catalog.database.writing() as connection:
            connection.execute(
                delete(ImportItemRow).where(
                    ImportItemRow.import_id == import_id, ImportItemRow.key == key
                )
            )
            connection.execute(
                insert(ImportItemRow).values(
                    import_id=import_id,
                    key=key,
                    state=state,
                    photo_id=photo_id,
                    message=message,
                )
            )
            connection.execute(
                update(ImportRow)
                .where(ImportRow.id == import_id)
                .values(done=ImportRow.done + 1)
            )
        if state is not ItemState.FAILED:
            self._recorded[key] = photo_id


def _texts_of(listing: Listing) -> dict[str, str]:
    values = {
        one.name: getattr(listing, one.name) for one in dataclasses.fields(listing)
    }
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _storable(listing: Listing) -> Listing:
    """A listing without characters that no database and no file can hold."""
    images = tuple(
        replace(image, url=_UNSTORABLE.sub("\ufffd", image.url))
        for image in listing.images
    )
    texts: dict[str, Any] = {
        name: _UNSTORABLE.sub("\ufffd", value)
        for name, value in _texts_of(listing).items()
    }
    references = tuple(_UNSTORABLE.sub("\ufffd", one) for one in listing.references)
    return replace(listing, images=images, references=references, **texts)


def _disagree(label: LotLabel, other: CatalogPhoto) -> bool:
    """Whether one of two texts would get the other's ruler without stating it.

    A text that names nobody takes the ruler of the other. One that is in doubt, names
    another ruler or is no text of one coin does not, until a person has decided.
    """
    if label.ruler is None:
        return label.outcome is not Outcome.UNLABELLED and other.ruler is not None
    if other.ruler is not None:
        return label.ruler != other.ruler
    return bool(other.label_evidence) and not other.label_evidence.startswith(
        f"Label {Outcome.UNLABELLED} "
    )


def _recorded_photos(catalog: Catalog) -> dict[str, int | None]:
    """Key to photo of all runs so far; a photo that was deleted is not added again."""
    with catalog.database.reading() as connection:
        rows = connection.execute(
            select(ImportItemRow.key, ImportItemRow.photo_id)
            .join(ImportRow, ImportRow.id == ImportItemRow.import_id)
            .where(
                ImportRow.kind == SCRAPE,
                ImportItemRow.state.in_((ItemState.DONE, ItemState.KNOWN)),
            )
        )
        return {_short_key(row.key): row.photo_id for row in rows}


def _key_among_sites(listing: Listing, order: ScrapeOrder) -> str:
    """The key of a listing, with the site if that is not the source's own."""
    info = _source_info(order)
    if not order.base or (info and origin_of(order.base) == origin_of(info.base_url)):
        return listing.key
    return f"{listing.source}:{origin_of(order.base)}/{listing.record_id}"


def _photo_key(listing: Listing, side: str, url: str) -> str:
    """The key of a photo of a listing."""
    return _short_key(f"{listing.key}#{side}:{url}")


def _short_key(key: str) -> str:
    """The key of a photo, with the digest of a photo that its address contains."""
    place, mark, data = key.partition(":data:")
    if not mark or len(data) < _LONG_DATA:
        return key
    return f"{place}:data:{hashlib.sha256(data.encode()).hexdigest()}"


def _stored_listing(
    catalog: Catalog, import_id: int, stored: Mapping[str, Any]
) -> Listing:
    """A listing as it was left out, with the photos that were saved along with it."""
    images = tuple(
        ListingImage(
            url=image["url"],
            side=ImageSide(image["side"]),
            sha1=image["sha1"],
            data=kept_photo(catalog, import_id, image["kept"]),
        )
        for image in stored["images"]
    )
    texts = {**stored, "references": tuple(stored["references"]), "images": images}
    return Listing(**texts)


def _title(order: ScrapeOrder) -> str:
    info = _source_info(order)
    if info is None:
        return ""
    return job_title(order, info.title, is_upload=_reads_files(order))


def _reads_files(order: ScrapeOrder) -> bool:
    info = _source_info(order)
    return info is not None and info.query_kind is QueryKind.FILES


def _source_info(order: ScrapeOrder) -> SourceInfo | None:
    """What is registered of the source of an order; None if it is not."""
    try:
        return get_source(order.source)
    except CoinError:
        return None


def _count_listings(catalog: Catalog, import_id: int) -> int:
    """Listings with photos that this run added before it was interrupted."""
    keys = ledger.coins_of(catalog, import_id)
    return len({key.partition("#")[0] for key in keys})
