"""From a source into the catalog: every photo once, with all that is known of it."""

from __future__ import annotations

import contextlib
import errno
import io
import multiprocessing
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PIL import Image

from coin_core.catalog import (
    PhotoQuery,
    open_catalog,
)
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ledger import job_id
from coin_core.catalog.left_out import list_left_out, scrape_table
from coin_core.catalog.scrape_jobs import ScrapeOrder
from coin_core.catalog.similarity import Match
from coin_core.jobs import find_job
from coin_core.rendering import render_coin
from scrapers import ingest
from scrapers.base import ImageSide, Listing, ListingImage
from scrapers.cli import summary
from scrapers.errors import (
    DiskFullError,
    NotFoundError,
    PageChangedError,
    SiteBusyError,
    UnknownHostError,
)
from scrapers.ingest import scrape
from scrapers.sources import ans, commons
from tests.scrapers import museums
from tests.scrapers.fake_sites import Reply, draw_png
from tests.scrapers.listed import prepare

ANTIGONUS = "Mattathias Antigonus. Prutah. Hendin 1164"
SEVERAL = "Lot of 5 prutot of Alexander Jannaeus"
DOUBT = "John Hyrcanus I or Alexander Jannaeus. Prutah"


class Listed:
    """A source that lists what it is given."""

    name = "listed"

    def __init__(self, listings, photos=None, ends=None) -> None:
        self.listings, self.photos, self.ends = listings, photos or {}, ends
        self.problems: list[str] = []
        self.fetched: list[str] = []

    def plan(self, query: str) -> tuple[str, ...]:
        return (f"list {query}",)

    def find(self, query: str) -> Iterator[Listing]:
        yield from self.listings
        if self.ends:
            raise self.ends

    def fetch(self, image: ListingImage) -> bytes:
        self.fetched.append(image.url)
        found = self.photos.get(image.url)
        if isinstance(found, Exception):
            raise found
        return found or draw_png(zlib.crc32(image.url.encode()))


def lot(
    number: int, text: str = "Alexander Jannaeus. Prutah. 1.8 g", **more
) -> Listing:
    return Listing(
        source="listed",
        record_id=str(number),
        url=f"https://x.example/{number}",
        title=f"Lot {number}",
        text=text,
        images=(ListingImage(url=f"photo-{number}", side=ImageSide.BOTH),),
        **more,
    )


def ask(query="prutah", **more):
    return ScrapeOrder(source="listed", query=query, who="ada", **more)


def run(catalog, source, query="prutah", *, stop=lambda: False, **more):
    *_, last = scrape(
        catalog, source, ask(query, **more), stop=stop, prepare_photo=prepare
    )
    return last


def _collect(going, steps):
    for step in going:
        steps.append(step)


def photos_of(catalog):
    return catalog.queries.find(PhotoQuery(), offset=0, limit=10_000).photos


def test_a_scrape_reports_its_counts_to_its_job(catalog):
    last = run(catalog, Listed([lot(1), lot(2), lot(3)]), limit=2)
    job = find_job(job_id(last.import_id))
    assert job.state == "done"
    progress = job.progress()
    assert (progress.done, progress.total) == (2, 2)
    assert progress.text == "2 coins looked at, 2 new photos, 2 of them labelled"
    assert progress.details["current"] == "Lot 2"


def test_what_a_later_sale_adds_to_a_coin_is_said(catalog, monkeypatch):
    run(catalog, Listed([lot(1)]))
    (first,) = photos_of(catalog)
    match = Match(photo=first, similarity=1.0)
    monkeypatch.setattr(ingest.Matcher, "find", lambda *_, **__: match)
    last = run(catalog, Listed([lot(2, die_axis_h=12)]))
    (item,) = ledger.all_items(catalog, last.import_id)
    assert item.message == (
        f"The same coin as photo {first.photo_id}, by its look. What it lacked was "
        "added: die axis."
    )


def test_a_photo_comes_with_all_that_is_known_of_it(catalog, site, client):
    one = museums.ans(site, count=2)
    last = run(catalog, ans.Ans(client(one), base=one.address))
    assert (last.state, last.listings, last.added, last.labelled) == ("done", 2, 4, 2)
    photos = {photo.file_name: photo for photo in photos_of(catalog)}
    obverse = photos["ans-1944.100.0-obverse"]
    assert obverse.coin_id == photos["ans-1944.100.0-reverse"].coin_id
    assert obverse.coin_id != photos["ans-1944.100.1-obverse"].coin_id
    assert obverse.source == "ans"
    assert obverse.source_url == "https://numismatics.org/collection/1944.100.0"
    assert (obverse.licence, obverse.ruler) == ("pdm-1.0", "john_hyrcanus_i")
    assert obverse.credit == "American Numismatic Society, 1944.100.0"
    assert "John Hyrcanus I" in obverse.lot_text
    assert obverse.retrieved_at is not None
    coin = catalog.photos.coin(obverse.coin_id)
    assert (coin.weight_g, coin.die_axis_h) == (1.94, 12)
    assert coin.name_on_coin == "yehohanan"
    assert coin.authority == "TJC"
    assert coin.notes == ""
    assert "'John Hyrcanus I' (name: john_hyrcanus_i)" in obverse.label_evidence
    assert obverse.image_url == f"{one.address}/collectionimages/1944.100.0.obv.png"
    assert coin.references[0].edition == "TJC"


def test_a_second_run_asks_only_for_what_is_new(catalog, site, client):
    one = museums.commons(site, count=3)
    first = run(catalog, commons.Commons(client(one, keep_s=0), base=one.address))
    photos = len([r for r in one.requests if r.path.startswith("/files/")])
    assert (first.added, photos) == (3, 3)
    files = [museums.commons_file(one.address, n) for n in range(5)]
    for file in files:
        file["imageinfo"][0]["sha1"] = ""
    answer = {"query": {"pages": files}, "batchcomplete": True}
    one.routes["/w/api.php"] = lambda _: Reply(
        museums.json.dumps(answer), kind="application/json"
    )
    second = run(catalog, commons.Commons(client(one, keep_s=0), base=one.address))
    assert (second.added, second.known) == (2, 3)
    assert len([r for r in one.requests if r.path.startswith("/files/")]) == 5


def test_texts_decide_what_is_brought_in(catalog):
    source = Listed(
        [
            lot(1),
            lot(2, "Lot of 5 prutot of Alexander Jannaeus"),
            lot(3, "Alexander Jannaeus. Anchor / star. Hendin 1150"),
            lot(4, "John Hyrcanus I or Alexander Jannaeus. Prutah"),
        ]
    )
    last = run(catalog, source)
    assert (last.added, last.labelled, last.left_out) == (2, 1, 2)
    rulers = {photo.file_name: photo.ruler for photo in photos_of(catalog)}
    assert rulers == {"listed-1": "alexander_jannaeus", "listed-4": None}
    with_others = run(catalog, source, query="again", everything=True)
    assert (with_others.added, with_others.left_out) == (1, 1)


def test_what_is_left_out_is_recorded_with_the_words_that_decided(catalog):
    lots = [lot(1), lot(2, "Lot of 5 prutot of Alexander Jannaeus")]
    last = run(catalog, Listed(lots))
    (entry,) = list_left_out(catalog, last.import_id)
    assert (entry.key, entry.reason) == ("listed:2", "several coins")
    assert entry.words == ("Lot of",)
    assert last.reasons == {"several coins": 1}
    text = summary(last)
    assert "1 coin was left out (1 several coins)" in text
    assert f"python -m scrapers left-out {last.import_id}" in text
    rows = scrape_table(catalog, last.import_id).decode("utf-8-sig").splitlines()
    assert rows[1].startswith("listed:1,imported")
    assert rows[2].startswith("listed:2,left out,several coins")


def test_coins_of_one_number_in_two_museums_are_taken_each(catalog, monkeypatch):
    def museum(host):
        url = f"https://{host}/object?id=182000"
        image = ListingImage(url=f"https://{host}/182000.jpg")
        return Listed([replace(lot(182000, SEVERAL), url=url, images=(image,))])

    museums_of_bases = {
        None: museum("ikmk.smb.museum"),
        "https://ikmk.smb.museum": museum("ikmk.smb.museum"),
        "https://www.ikmk.at": museum("www.ikmk.at"),
    }
    for base, source in museums_of_bases.items():
        order = ScrapeOrder(source="ikmk", query="x", who="ada", base=base)
        *_, last = scrape(catalog, source, order, prepare_photo=prepare)
        assert last.left_out == 1
    monkeypatch.setattr(
        ingest,
        "open_source",
        lambda order: contextlib.nullcontext(museums_of_bases[order.base]),
    )
    for key, host in (
        ("listed:182000", "ikmk.smb.museum"),
        ("listed:www.ikmk.at/182000", "www.ikmk.at"),
    ):
        taken = ingest.take_after_all(catalog, key, who="ada", prepare_photo=prepare)
        assert taken.added == 1
        assert f"https://{host}/object?id=182000" in {
            photo.source_url for photo in photos_of(catalog)
        }


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85"])
def test_what_is_left_out_is_listed_whatever_its_text_holds(catalog, sign):
    texts = [f"Lot of {n} prutot of{sign}Alexander Jannaeus" for n in (5, 6, 7)]
    first, *others = [lot(n, text) for n, text in enumerate(texts)]
    with pytest.raises(SiteBusyError):
        run(catalog, Listed([first], ends=SiteBusyError("The site is busy.")))
    (path,) = (catalog.photos_dir.parent / "imports").glob("left-out-*.jsonl")
    with path.open("ab") as file:  # of an entry that found the disk full
        file.write(path.read_bytes()[:40])
    last = run(catalog, Listed([first, *others]))
    listed = list_left_out(catalog, last.import_id)
    assert [entry.listing["text"] for entry in listed] == texts


def test_photos_without_a_label_and_failures_are_explained_at_the_end(catalog):
    lots = [lot(1, "John Hyrcanus I or Alexander Jannaeus. Prutah"), lot(2)]
    last = run(catalog, Listed(lots, {"photo-2": NotFoundError("It is gone.")}))
    first, second = last.advice()
    assert first.startswith("1 photos or records failed. Run the same again")
    assert second.startswith("1 of 1 new photos have no label")
    assert run(catalog, Listed([lot(3)]), query="more").advice() == ()


def test_an_end_at_the_limit_is_explained_and_an_end_of_all_is_not(catalog):
    source = Listed([lot(1), lot(2), lot(3)])
    (words,) = run(catalog, source, limit=2).advice()
    assert "maximum number of new coins, 2; there may be more" in words
    assert run(catalog, source, limit=2).advice() == (), "the third is the last one"


def test_the_same_file_of_two_lots_is_one_photo(catalog):
    same = draw_png(5)
    source = Listed([lot(1), lot(2)], {"photo-1": same, "photo-2": same})
    last = run(catalog, source)
    assert (last.added, last.known) == (1, 1)
    assert len(photos_of(catalog)) == 1


def test_a_limit_counts_what_is_new(catalog):
    source = Listed([lot(number) for number in range(6)])
    assert run(catalog, source, limit=2).added == 2
    assert run(catalog, source, limit=3, query="more").added == 3
    assert len(photos_of(catalog)) == 5


def test_what_is_missing_or_damaged_is_told_and_the_run_goes_on(catalog):
    damaged = draw_png(1)[:60]
    wrong = lot(3)
    wrong = replace(wrong, images=(replace(wrong.images[0], sha1="0" * 40),))
    source = Listed(
        [lot(1), lot(2), wrong, lot(4)],
        {"photo-1": NotFoundError("It is not there."), "photo-2": damaged},
    )
    source.problems.append("A record could not be read.")
    last = run(catalog, source)
    assert (last.state, last.added, last.failed) == ("done", 1, 4)
    assert "It is not there." in last.problems
    assert any("checksum" in sentence for sentence in last.problems)
    # what failed is tried again
    source.photos.clear()
    assert run(catalog, source).added == 2


def test_too_many_failures_end_the_run(catalog):
    gone = {f"photo-{n}": NotFoundError("gone") for n in range(50)}
    with pytest.raises(PageChangedError, match="in a row"):
        run(catalog, Listed([lot(n) for n in range(50)], gone))


@pytest.mark.parametrize("failure", [Reply(status=500), Reply(hang_up=True)])
def test_a_photo_at_which_the_server_fails_costs_only_itself(
    catalog, site, client, failure
):
    one = museums.commons(site, count=4)
    one.routes["/files/1.png"] = lambda _: failure
    last = run(catalog, commons.Commons(client(one), base=one.address))
    assert (last.state, last.added, last.failed) == ("done", 3, 1)
    assert "/files/1.png" in last.problems[0]


def test_a_photo_that_a_site_asks_to_wait_for_ends_the_run(catalog, site, client):
    one = museums.commons(site, count=4)
    later = Reply(status=503, headers={"Retry-After": "9000"})
    one.routes["/files/1.png"] = lambda _: later
    with pytest.raises(SiteBusyError, match="9,000 s"):
        run(catalog, commons.Commons(client(one), base=one.address))


def test_photos_that_failed_before_do_not_keep_a_second_run_from_new_ones(catalog):
    """Every third is gone for good: never many in a row among those that are there."""
    gone = {f"photo-{n}": NotFoundError("gone") for n in range(0, 66, 3)}
    first = run(catalog, Listed([lot(n) for n in range(63)], gone))
    assert (first.added, first.failed) == (42, 21)
    second = run(catalog, Listed([lot(n) for n in range(66)], gone))
    assert (second.state, second.added, second.failed) == ("done", 2, 22)


def test_saved_pages_without_photos_do_not_keep_others_from_being_read(catalog):
    missing = {f"photo-{n}": NotFoundError("not saved") for n in range(25)}
    source = Listed([lot(n) for n in range(26)], missing)
    order = ScrapeOrder(source="saved", query="pages", who="ada")
    *_, last = scrape(catalog, source, order, prepare_photo=prepare)
    assert (last.state, last.added, last.failed) == ("done", 1, 25)


def test_an_ailing_site_stops_the_run_which_goes_on_later(catalog):
    source = Listed([lot(1), lot(2)], ends=SiteBusyError("The site is busy."))
    steps = []
    going = scrape(catalog, source, ask("q"), prepare_photo=prepare)
    with pytest.raises(SiteBusyError):
        _collect(going, steps)
    assert (steps[-1].state, steps[-1].error) == ("stopped", "The site is busy.")
    source.ends = None
    last = run(catalog, source, query="q")
    assert last.import_id == steps[0].import_id
    assert (last.added, last.known) == (0, 2)
    assert source.fetched == ["photo-1", "photo-2"]


def test_it_is_stopped_by_hand(catalog):
    source = Listed([lot(n) for n in range(5)])
    last = run(catalog, source, stop=lambda: len(source.fetched) >= 2)
    assert (last.state, last.added) == ("stopped", 2)
    assert run(catalog, source).added == 3


def test_a_full_disk_ends_the_run_with_a_clear_line(catalog, monkeypatch, caplog):
    source = Listed([lot(1)])

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(catalog.photos), "add", full)
    steps = []
    with pytest.raises(DiskFullError, match="disk is full"):
        _collect(scrape(catalog, source, ask(), prepare_photo=prepare), steps)
    monkeypatch.undo()
    assert "the disk is full. Make room" in summary(steps[-1])
    assert "the disk is full. Make room" in caplog.text
    assert run(catalog, source).added == 1


def test_a_kill_between_photo_and_book_costs_nothing(catalog, monkeypatch):
    source = Listed([lot(1), lot(2)])

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ingest._Run, "_record", killed)
    with pytest.raises(KeyboardInterrupt):
        run(catalog, source)
    monkeypatch.undo()
    last = run(catalog, source)
    assert (last.state, last.added, last.known) == ("done", 1, 1)
    assert len(photos_of(catalog)) == 2
    assert catalog.check() == []


@pytest.mark.skipif(sys.platform != "linux", reason="forks beside threads")
def test_a_run_that_is_killed_again_and_again_brings_every_photo_once(
    catalog, site, client, tmp_path
):
    """The referee sees the pause kept over the kills, too."""
    one = museums.commons(site, count=24)
    catalog.close()

    def work() -> None:
        opened = open_catalog()
        source = commons.Commons(client(one), base=one.address)
        run(opened, source)

    killed = 0
    for _ in range(5):
        before = len(one.requests)
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        while len(one.requests) < before + 5 and child.is_alive():
            time.sleep(0.002)
        killed += child.is_alive()
        child.kill()
        child.join()
    assert killed >= 3
    opened = open_catalog()
    last = run(opened, commons.Commons(client(one), base=one.address))
    assert (last.state, last.failed) == ("done", 0)
    assert len(photos_of(opened)) == 24
    assert opened.check(digests=True) == []
    opened.close()
    asked = [r.path for r in one.requests if r.path.startswith("/files/")]
    assert len(asked) <= 24 + killed


def test_a_coin_that_is_sold_again_is_one_coin(catalog):
    """By its picture, unless the texts disagree or one of them is in doubt."""
    one, other = (
        Image.fromarray(render_coin(77, index, size_px=200).image) for index in (1, 2)
    )

    def jpeg(picture, quality):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    source = Listed(
        [
            lot(1),
            lot(2, "Alexander Jannaeus. Prutah. House B, 2 years later."),
            lot(3),
            lot(4, "John Hyrcanus I. Prutah."),
            lot(5, "John Hyrcanus I or Alexander Jannaeus. Prutah."),
            lot(6, "Hasmonean prutah, 14.2 mm"),
        ],
        {
            "photo-1": jpeg(one, 88),
            "photo-2": jpeg(one, 45),
            "photo-3": jpeg(other, 88),
            "photo-4": jpeg(one, 60),
            "photo-5": jpeg(one, 70),
            "photo-6": jpeg(one, 87),  # most like the first
        },
    )
    *_, last = scrape(catalog, source, ask())
    assert (last.added, last.failed) == (6, 0)
    photos = {photo.file_name[-1]: photo for photo in photos_of(catalog)}
    coins = {name: photo.coin_id for name, photo in photos.items()}
    assert coins["1"] == coins["2"] == coins["6"]
    assert catalog.photos.coin(coins["1"]).diameter_mm == 14.2  # the last one says it
    assert len({coins[name] for name in "1345"}) == 4
    rulers = {name: photo.ruler for name, photo in photos.items()}
    assert rulers["6"] == rulers["1"] == "alexander_jannaeus"
    assert (rulers["4"], rulers["5"]) == ("john_hyrcanus_i", None)


def _alike(count):
    """JPEG files of one coin, each with other bytes."""
    picture = Image.fromarray(render_coin(77, 1, size_px=200).image)
    for quality in range(88, 88 - count, -1):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        yield buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "by_hand"), [(ANTIGONUS, True), (SEVERAL, True), (ANTIGONUS, False)]
)
def test_a_coin_of_another_ruler_takes_no_label_from_one_that_looks_alike(
    catalog, monkeypatch, text, by_hand
):
    photos = dict(zip(("photo-1", "photo-2"), _alike(2), strict=True))
    source = Listed([lot(1), lot(2, text)], photos)
    list(scrape(catalog, source, ask(everything=not by_hand)))
    if by_hand:
        monkeypatch.setattr(
            ingest, "open_source", lambda _: contextlib.nullcontext(source)
        )
        ingest.take_after_all(catalog, "listed:2", who="ada")
    first, second = sorted(photos_of(catalog), key=lambda photo: photo.file_name)
    assert (first.ruler, second.ruler) == ("alexander_jannaeus", None)
    assert first.coin_id != second.coin_id
    assert catalog.photos.coin(first.coin_id).references == ()


@pytest.mark.parametrize("text", [ANTIGONUS, DOUBT])
def test_a_coin_that_looks_like_one_of_another_ruler_gives_it_no_label(catalog, text):
    """Also where a photo without a text is most like it."""
    photos = dict(zip(("photo-1", "photo-2", "photo-3"), _alike(3), strict=True))
    lots = [lot(1, text), lot(2, "Hasmonean prutah"), lot(3)]
    *_, last = scrape(catalog, Listed(lots, photos), ask(everything=True))
    assert last.added == 3
    found = sorted(photos_of(catalog), key=lambda photo: photo.file_name)
    assert [one.ruler for one in found] == [None, None, "alexander_jannaeus"]


@pytest.mark.parametrize(
    ("first", "second", "ruler"),
    [
        (DOUBT, "Alexander Jannaeus. Prutah", None),
        (ANTIGONUS, "Alexander Jannaeus. Prutah", None),
        ("Alexander Jannaeus. Prutah", DOUBT, "alexander_jannaeus"),
        ("Alexander Jannaeus. Prutah", "John Hyrcanus I. Prutah", "alexander_jannaeus"),
        ("Hasmonean prutah", "Alexander Jannaeus. Prutah", "alexander_jannaeus"),
    ],
)
def test_the_same_picture_with_another_text_changes_nothing(
    catalog, first, second, ruler
):
    """Nor does the other side of its coin join the coin of the picture."""
    same = draw_png(5)
    other = lot(2, second)
    both = (*other.images, ListingImage(url="other", side=ImageSide.REVERSE))
    lots = [lot(1, first), replace(other, images=both)]
    source = Listed(lots, {"photo-1": same, "photo-2": same})
    last = run(catalog, source, everything=True)
    assert (last.added, last.known) == (2, 1)
    front, back = sorted(photos_of(catalog), key=lambda photo: photo.photo_id)
    agree = first == "Hasmonean prutah"
    assert front.ruler == ruler
    assert (front.coin_id == back.coin_id) is agree
    table = scrape_table(catalog, last.import_id).decode("utf-8-sig")
    note = f"The same picture as photo {front.photo_id}, but the texts name different"
    assert (note in table) is not agree
    assert "two coins" not in table


def test_what_no_database_can_hold_is_replaced_and_what_is_no_lot_is_told(
    catalog, caplog
):
    """Half of a pair of surrogates, a zero, an address that runs, a text of a book."""
    url = "https://museum.example/\ud800.png"
    odd = Listing(
        source="listed",
        record_id="1\0\udfff",
        url="javascript:alert(1)",
        title="Alexander Jannaeus\0. Prutah.",
        text="\ud800",
        credit="\udc00",
        references=("TJC\0 A",),
        images=(ListingImage(url=url),),
    )
    book = replace(odd, record_id="2", text="x" * 200_000)
    source = Listed([odd, book], {url.replace("\ud800", "\ufffd"): draw_png(1)})
    source.problems.append("The record \ud800 is damaged.")
    order = ScrapeOrder(source="listed", query="x", who="ada")
    *_, last = scrape(catalog, source, order, prepare_photo=prepare)
    assert (last.state, last.added, last.failed) == ("done", 1, 2)
    assert "200,0" in summary(last)
    assert "The record \ufffd is damaged." in last.problems
    caplog.text.encode()  # a log is UTF-8
    photo = catalog.queries.find(PhotoQuery(), limit=1).photos[0]
    assert photo.source_url is None
    assert photo.lot_text.startswith("Alexander Jannaeus\ufffd. Prutah.")


def test_a_photo_on_a_host_that_does_not_exist_costs_only_itself(catalog):
    class Gone(Listed):
        def fetch(self, image):
            if "gone" in image.url:
                raise UnknownHostError("There is no site gone.example.")
            return super().fetch(image)

    photo = draw_png(3)
    lots = [
        Listing(
            source="listed",
            record_id=host,
            url=f"https://{host}.example/",
            title="Alexander Jannaeus. Prutah.",
            images=(ListingImage(url=f"https://{host}.example/a.png"),),
        )
        for host in ("gone", "here")
    ]
    source = Gone(lots, {"https://here.example/a.png": photo})
    order = ScrapeOrder(source="listed", query="x", who="ada")
    *_, last = scrape(catalog, source, order, prepare_photo=prepare)
    assert (last.state, last.added, last.failed) == ("done", 1, 1)
