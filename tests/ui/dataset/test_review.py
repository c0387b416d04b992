from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from coin_core.catalog import Catalog, PhotoStatus, Prediction, QueueKind
from tests.ui.dataset.dataset_page import RULERS, components, open_page, press, words_of
from ui.dataset import review
from ui.dataset.review import ReviewQueue, apply_decision


def test_the_review_shows_one_photo_and_its_progress(catalog: Catalog) -> None:
    page = open_page("review")
    keys = next(data for data in components(page) if "reasons" in data)
    assert [ruler["key"] for ruler in keys["rulers"]] == list(RULERS[:3])
    assert keys["photo"] == 1
    assert "0 of 12 photos reviewed" in page.get("progress")[0].proto.text
    assert "kappa" in words_of(page)


def a_queue(catalog: Catalog) -> ReviewQueue:
    return ReviewQueue(
        kind="unreviewed", photo_ids=list(catalog.queries.queue("unreviewed"))
    )


def decide(
    page: AppTest, catalog: Catalog, now: ReviewQueue, what: str, value: object
) -> None:
    session = page.session_state["dataset_session"]
    said = {"photo": now.photo_id, "turn": now.turn, "what": what, "value": value}
    apply_decision(session, catalog, now, said)
    assert not session.error


def test_each_key_stores_a_decision_before_the_next_photo(catalog: Catalog) -> None:
    page, now = open_page(), a_queue(catalog)
    decide(page, catalog, now, "ruler", "alexander_jannaeus")
    assert catalog.photos.get(1).ruler == "alexander_jannaeus"
    assert catalog.photos.get(1).status is PhotoStatus.REVIEWED
    assert now.photo_id == 2
    decide(page, catalog, now, "ruler", None)
    assert catalog.reviews.of_photo(2)[0].ruler is None
    decide(page, catalog, now, "exclude", "wrong_coin")
    assert catalog.photos.get(3).status is PhotoStatus.EXCLUDED
    assert now.photo_id == 4
    decide(page, catalog, now, "undo", None)
    assert now.photo_id == 3
    assert catalog.photos.get(3).status is PhotoStatus.UNREVIEWED
    decide(page, catalog, now, "step", -1)
    decide(page, catalog, now, "step", -1)
    decide(page, catalog, now, "step", -1)
    assert now.photo_id == 1


def test_the_review_leads_to_the_tools_and_back(catalog: Catalog) -> None:
    page = open_page("review")
    press(page, "review_crop")
    assert "Back to the review" in [b.label for b in page.button]
    press(page, "crop_Turn 90° right")
    assert catalog.photos.faces(1)[0].box.turn_deg == 90
    next(b for b in page.button if b.label == "Back to the review").click().run()
    page.run()
    assert not page.exception
    keys = next(data for data in components(page) if "reasons" in data)
    assert keys["photo"] == 1


def test_a_second_reviewer_is_shown_what_the_first_has_seen(catalog: Catalog) -> None:
    for photo_id in (1, 2, 3):
        catalog.reviews.add(photo_id, "john_hyrcanus_i", who="Boaz")
    page = open_page("review")
    page.button_group(key="review_queue").set_value("second_look").run()
    assert not page.exception
    keys = next(data for data in components(page) if "reasons" in data)
    assert keys["photo"] in (1, 2, 3)
    assert not any(ruler["current"] or ruler["note"] for ruler in keys["rulers"])
    for photo_id, ruler in ((1, "john_hyrcanus_i"), (2, None)):
        catalog.reviews.add(photo_id, ruler, who="Anna")
    page.run()
    assert page.metric[0].label == "Cohen's kappa"


def test_chosen_classifiers_read_all_that_wait_for_a_review(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[int], list[str]]] = []

    def start(photo_ids: Sequence[int], classifiers: Sequence[str]) -> None:
        asked.append((sorted(photo_ids), list(classifiers)))

    monkeypatch.setattr(review, "start_asking", start)
    catalog.edits.exclude([2], "noise", who="Anna")
    page = open_page("review")
    page.button_group(key="classify_all_with").set_value(["vgg", "svm"]).run()
    page.button(key="classify_all").click().run()
    assert not page.exception
    waiting = sorted(catalog.queries.queue(QueueKind.UNREVIEWED))
    assert asked == [(waiting, ["vgg", "svm"])]
    assert 2 not in waiting
    page.button_group(key="classify_all_with").set_value([]).run()
    assert page.button(key="classify_all").disabled


def test_an_empty_queue_says_whether_the_classifiers_were_asked(
    catalog: Catalog,
) -> None:
    page = open_page("review")
    page.button_group(key="review_queue").set_value("disagreement").run()
    assert "The classifiers fill it" in page.info[0].value
    for classifier in ("svm", "knn"):
        answer = {"alexander_jannaeus": 0.9, "john_hyrcanus_i": 0.1}
        prediction = Prediction(
            photo_id=3,
            classifier=classifier,
            model_digest="0",
            probabilities=answer,
            ruler="alexander_jannaeus",
        )
        catalog.predictions.add([prediction])
    page.run()
    assert "name the same ruler" in page.info[0].value
    page.button_group(key="review_queue").set_value("low_confidence").run()
    assert "name a ruler for all" in page.info[0].value


def reviewed_photo(page: AppTest) -> int | None:
    keys = [data for data in components(page) if "reasons" in data]
    return keys[0]["photo"] if keys else None


def predict(catalog: Catalog, photo_id: int, classifier: str, ruler: str) -> None:
    prediction = Prediction(
        photo_id=photo_id,
        classifier=classifier,
        model_digest="0",
        probabilities={ruler: 1.0},
        ruler=ruler,
    )
    catalog.predictions.add([prediction])


def test_a_queue_that_was_empty_shows_what_came_meanwhile(catalog: Catalog) -> None:
    page = open_page("review")
    page.button_group(key="review_queue").set_value("disagreement").run()
    assert reviewed_photo(page) is None
    predict(catalog, 5, "svm", "john_hyrcanus_i")
    predict(catalog, 5, "knn", "alexander_jannaeus")
    page.run()
    assert not page.exception
    assert reviewed_photo(page) == 5


def test_when_all_was_reviewed_new_photos_are_shown(catalog: Catalog) -> None:
    everything = list(catalog.queries.queue(QueueKind.UNREVIEWED))
    catalog.edits.exclude(everything, "noise", who="Anna")
    page = open_page("review")
    assert "Every photo has been reviewed" in page.success[0].value
    catalog.edits.restore([7], who="Anna")
    page.run()
    assert not page.success
    assert reviewed_photo(page) == 7


def test_photos_that_were_removed_meanwhile_make_room_for_others(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "_QUEUE_LENGTH", 2)
    page = open_page("review")
    assert reviewed_photo(page) == 1
    with catalog.database.writing() as connection:  # photographs are never removed
        connection.execute(text("UPDATE photos SET is_rendered = 1"))
    catalog.photos.remove([1, 2], who="Boaz")
    page.run()
    assert not page.exception
    assert reviewed_photo(page) == 3


def press_key(page: AppTest, catalog: Catalog, what: str, value: object) -> None:
    """Decide on the photo that is shown, as the visitor of the page."""
    decide(page, catalog, page.session_state["review_queue_state"], what, value)
    page.run()
    assert not page.exception


def test_photos_that_others_decide_on_meanwhile_are_skipped(catalog: Catalog) -> None:
    page = open_page("review")
    assert reviewed_photo(page) == 1
    for photo_id in (2, 3, 5):
        catalog.reviews.add(photo_id, "john_hyrcanus_i", who="Boaz")
    catalog.edits.exclude([6], "noise", who="Boaz")
    press_key(page, catalog, "ruler", "alexander_jannaeus")
    assert reviewed_photo(page) == 4
    assert "7 in this queue" in page.get("progress")[0].proto.text
    press_key(page, catalog, "step", -1)
    assert reviewed_photo(page) == 1  # steps back show what was decided on
    press_key(page, catalog, "step", 1)
    catalog.reviews.add(4, "john_hyrcanus_i", who="Boaz")
    page.run()
    assert reviewed_photo(page) == 4  # it stays while somebody looks at it
    press_key(page, catalog, "step", 1)
    assert reviewed_photo(page) == 7
    press_key(page, catalog, "undo", None)
    assert reviewed_photo(page) == 1
    for photo_id in range(8, 13):
        catalog.reviews.add(photo_id, "john_hyrcanus_i", who="Boaz")
    press_key(page, catalog, "ruler", None)
    press_key(page, catalog, "step", 1)
    press_key(page, catalog, "ruler", None)
    assert "Every photo has been reviewed" in page.success[0].value


@pytest.mark.parametrize(
    ("ruler", "words"),
    [("john_hyrcanus_i", "John Hyrcanus I;"), (None, "“cannot tell”;")],
)
def test_a_decision_on_what_somebody_else_has_just_decided_says_so(
    catalog: Catalog, ruler: str | None, words: str
) -> None:
    page = open_page("review")
    catalog.reviews.add(1, ruler, who="Boaz")
    press_key(page, catalog, "ruler", "alexander_jannaeus")
    assert f"Meanwhile Boaz has said {words}" in page.toast[0].value
    assert catalog.photos.get(1).ruler == "alexander_jannaeus"
    catalog.edits.exclude([2], "noise", who="Boaz")
    press_key(page, catalog, "ruler", "alexander_jannaeus")
    assert "Boaz has excluded" in page.toast[0].value
    press_key(page, catalog, "ruler", "alexander_jannaeus")
    assert not page.toast


def test_another_reviewer_is_given_a_queue_of_their_own(catalog: Catalog) -> None:
    catalog.reviews.add(1, "john_hyrcanus_i", who="Boaz")
    page = open_page("review")
    page.button_group(key="review_queue").set_value("second_look").run()
    assert reviewed_photo(page) == 1
    page.session_state["dataset_session"].reviewer = "Boaz"
    page.run()
    assert not page.exception
    assert reviewed_photo(page) is None
    assert "Nobody else has decided" in page.info[0].value
