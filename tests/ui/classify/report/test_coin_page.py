"""What the report says of one coin."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from coin_core.results import Verdict
from tests import fakes
from tests.ui.classify.report.conftest import AT, CARDS, a_page, page_of
from ui.classify.report.coin_page import CoinPage, _shares, caveats, coin_page
from ui.classify.session import UploadSession
from ui.palette import MUTED


def test_a_page_has_verdict_letters_alternatives_and_what_they_rest_on(
    page: CoinPage,
) -> None:
    assert page.verdict == "Judah Aristobulus I, 91\N{NO-BREAK SPACE}%"
    assert page.reading.startswith("Read ")
    assert page.letters == "YHWN / TNHK / HNGD"
    assert [title for title, _, _ in page.alternatives] == [
        *("ResNet", "VGG", "SVM", "kNN", "MLP", "Weighed together")
    ]
    assert page.alternatives[-2][1].startswith("cannot tell: too worn")
    assert page.alternatives[-1][1].startswith("Judah Aristobulus I")
    assert len(page.pictures) == 3
    assert dict(page.facts)["Own reading"] == "John Hyrcanus I"
    assert page.caveats
    assert "2026-11-29" in page.signature


def test_accuracy_is_told_of_real_coins_only() -> None:
    card = CARDS["resnet"]
    assert caveats(card)[0] == "This classifier was not measured on real coins."
    real = {
        **{"data": "photos", "what": "photos of real coins", "n": 18},
        **{"accuracy": 0.78, "accuracy_low": 0.55, "accuracy_high": 0.91},
    }
    measured = replace(card, metrics=(*card.metrics, real))
    assert (
        "18 photos of real coins: 78\N{NO-BREAK SPACE}% right" in caveats(measured)[0]
    )
    own = {**real, "data": "catalog (rendered)", "what": "", "how": "5 folds; too good"}
    said = caveats(replace(card, metrics=(own,)))
    assert "18 coins of the dataset (rendered), 5 folds; too good: 78" in said[0]
    assert said[1] == "It was not measured on real coins alone."


@pytest.mark.usefixtures("_fake_models")
def test_a_photo_without_a_coin_has_its_picture_and_no_probabilities() -> None:
    empty = page_of(np.zeros((60, 100, 3), np.uint8))
    assert empty.verdict.startswith("Cannot tell: no coin")
    assert len(empty.pictures) == 1
    assert not any((empty.shares, empty.letters, empty.names, empty.reading))


@pytest.mark.usefixtures("_fake_models")
def test_a_refused_coin_has_pale_bars_and_the_headline_of_the_page() -> None:
    refused = a_page(classifier="mlp")
    assert refused.verdict.startswith("Cannot tell. It leans to ")
    assert {share.colour for share in refused.shares} == {MUTED}
    assert MUTED not in {share.colour for share in a_page().shares}


def test_the_unlikeliest_of_many_classes_are_one_share() -> None:
    names = tuple(f"class {n}" for n in range(40))
    card = replace(CARDS["resnet"], classes=names)
    likely = dict(zip(names, (0.61, *(0.01,) * 39), strict=True))
    verdict = Verdict(
        classifier="own",
        probabilities=likely,
        ruler="class 0",
        reason=None,
        seconds=0.1,
    )
    shares = _shares(verdict, card)
    assert len(shares) == 9
    assert shares[0].title == "class 0"
    assert (shares[-1].title, shares[-1].text) == (
        "32 others together",
        "32\N{NO-BREAK SPACE}%",
    )
    assert sum(share.fraction for share in shares) == pytest.approx(1)


@pytest.mark.usefixtures("_fake_models")
def test_a_chosen_cornucopia_side_is_shown_and_called_so() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((120, 300, 3), 120, np.uint8)).save(buffer, "PNG")
    session = UploadSession()
    session.add([("both.png", buffer.getvalue())])
    (photo,) = session.photos.values()
    other = fakes._find(np.full((120, 300), 120))[0]
    session.choose_box(photo.digest, other.box)
    page = coin_page(session, photo, "resnet", CARDS, AT)
    assert "cornucopia side" in page.verdict
    assert [picture.caption for picture in page.pictures] == ["The coin"]
    assert all("cornucopia" in says for _title, says, _model in page.alternatives)
