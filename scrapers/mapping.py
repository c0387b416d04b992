"""What the catalog is told of a listing: facts, references, label, names."""

from __future__ import annotations

from coin_core.catalog import CoinFacts, CoinReference
from scrapers.base import Listing, ListingImage
from scrapers.labels.reader import LotLabel
from scrapers.measures import read_measures


def facts_of(listing: Listing, label: LotLabel) -> CoinFacts:
    """What a listing says of its coin."""
    read = read_measures(listing.lot_text)
    cited = tuple(
        CoinReference(catalogue=one.catalogue, number=one.number, edition=one.edition)
        for one in label.references
        if one.number
    )
    return CoinFacts(
        name_on_coin=label.name_on_coin,
        ruler_attributed=label.ruler,
        authority=label.authority if label.ruler else None,
        denomination=listing.denomination or read.denomination,
        weight_g=listing.weight_g or read.weight_g,
        diameter_mm=listing.diameter_mm or read.diameter_mm,
        die_axis_h=listing.die_axis_h or read.die_axis_h,
        references=cited,
    )


def say(label: LotLabel) -> str:
    """The label and the words it rests on, in a sentence for a numismatist."""
    words = ", ".join(
        f"{one.words!r} ({one.rule}: {one.speaks_for})" for one in label.evidence
    )
    return f"Label {label.outcome} by rule {label.rule!r}: {words or 'no words'}."


def file_name(listing: Listing, image: ListingImage) -> str:
    """What a photo of a listing is called in the catalog."""
    side = f"-{image.side}" if image.side in ("obverse", "reverse") else ""
    return f"{listing.source}-{listing.record_id.rpartition('/')[2]}{side}"
