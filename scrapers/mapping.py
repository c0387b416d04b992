"""What the catalog stores of a listing: facts, references, evidence, file name."""

from __future__ import annotations

from coin_core.catalog import CoinFacts, CoinReference
from scrapers.base import Listing, ListingImage
from scrapers.labels.reader import LotLabel
from scrapers.measures import read_measures


def coin_facts(listing: Listing, label: LotLabel) -> CoinFacts:
    """What a listing states about its coin."""
    measured = read_measures(listing.lot_text)
    return CoinFacts(
        name_on_coin=label.name_on_coin,
        ruler_attributed=label.ruler,
        authority=label.authority if label.ruler else None,
        denomination=listing.denomination or measured.denomination,
        weight_g=listing.weight_g or measured.weight_g,
        diameter_mm=listing.diameter_mm or measured.diameter_mm,
        die_axis_h=listing.die_axis_h or measured.die_axis_h,
        references=tuple(
            CoinReference(
                catalogue=one.catalogue, number=one.number, edition=one.edition
            )
            for one in label.references
            if one.number
        ),
    )


def describe_evidence(label: LotLabel) -> str:
    """The label and the words that support it, in a sentence."""
    words = ", ".join(
        f"{one.words!r} ({one.rule}: {one.speaks_for})" for one in label.evidence
    )
    return f"Label {label.outcome} by rule {label.rule!r}: {words or 'no words'}."


def file_name(listing: Listing, image: ListingImage) -> str:
    """The name of a photo in the catalog."""
    side = f"-{image.side}" if image.side in ("obverse", "reverse") else ""
    return f"{listing.source}-{listing.record_id.rpartition('/')[2]}{side}"
