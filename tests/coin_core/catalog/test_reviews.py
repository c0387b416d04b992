"""Reviews of several people, their agreement, and the opinions of classifiers."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from sklearn.metrics import cohen_kappa_score

from coin_core.catalog import Catalog, Prediction, PredictionKind
from coin_core.errors import CatalogError
from coin_core.rulers import DEFAULT_CLASSES

HYRCANUS, ARISTOBULUS, JANNAEUS = DEFAULT_CLASSES
Add = Callable[..., int]


def opinion(photo_id: int, classifier: str, *shares: float, **more) -> Prediction:
    by_ruler = dict(zip(DEFAULT_CLASSES, shares))
    fields = {"model_digest": "d", "ruler": max(by_ruler, key=by_ruler.__getitem__)}
    return Prediction(
        photo_id=photo_id,
        classifier=classifier,
        probabilities=by_ruler,
        **(fields | more),
    )


def test_a_review_labels_the_coin_and_marks_the_photo(catalog, add_photo: Add):
    photo_id = add_photo(1)
    catalog.predictions.mark_label_issues({photo_id: 0.9})
    catalog.reviews.add(photo_id, HYRCANUS, who="ada")
    photo = catalog.photos.get(photo_id)
    assert (photo.ruler, photo.status, photo.suspicion) == (HYRCANUS, "reviewed", None)
    undone = catalog.edits.undo(who="ada")
    assert undone is not None
    assert undone.photo_ids == (photo_id,)
    photo = catalog.photos.get(photo_id)
    assert (photo.ruler, photo.status, photo.suspicion) == (None, "unreviewed", 0.9)
    assert catalog.reviews.of_photo(photo_id) == ()


def test_the_same_decision_twice_is_undone_one_by_one(catalog, add_photo: Add):
    photo_id = add_photo(1)
    for _ in range(2):
        catalog.reviews.add(photo_id, HYRCANUS, who="ada")
    undone = catalog.edits.undo(who="ada")
    assert undone is not None
    assert undone.photo_ids == (photo_id,)
    assert catalog.photos.get(photo_id).ruler == HYRCANUS
    assert len(catalog.reviews.of_photo(photo_id)) == 1


def test_cannot_tell_is_a_decision(catalog: Catalog, add_photo: Add):
    photo_id = add_photo(1)
    catalog.edits.set_ruler([photo_id], HYRCANUS, who="bert")
    catalog.reviews.add(photo_id, None, who="ada")
    photo = catalog.photos.get(photo_id)
    assert (photo.ruler, photo.status) == (None, "reviewed")


def test_cannot_tell_leaves_the_label_of_the_other_photos(catalog, add_photo: Add):
    one, two = add_photo(1), add_photo(2)
    catalog.edits.group_coins([one, two], who="ada")
    catalog.reviews.add(one, JANNAEUS, who="ada")
    catalog.reviews.add(two, None, who="bert")
    assert catalog.photos.get(one).ruler == JANNAEUS
    assert catalog.photos.get(two).status == "reviewed"
    catalog.reviews.add(one, None, who="ada")  # now nobody names one
    assert catalog.photos.get(one).ruler is None


def test_a_decision_that_is_taken_back_gives_way_to_that_on_another_photo(
    catalog, add_photo: Add
):
    one, two = add_photo(1), add_photo(2)
    catalog.edits.group_coins([one, two], who="ada")
    catalog.reviews.add(one, JANNAEUS, who="ada")
    catalog.reviews.add(two, HYRCANUS, who="bert")
    catalog.reviews.add(two, None, who="bert")
    assert catalog.photos.get(one).ruler == JANNAEUS
    catalog.edits.set_ruler([one], ARISTOBULUS, who="eva")  # not by a decision
    catalog.reviews.add(two, None, who="bert")
    assert catalog.photos.get(one).ruler == ARISTOBULUS


def test_both_reviewers_are_kept_and_the_latest_decision_labels(catalog, add_photo):
    photo_id = add_photo(1)
    catalog.reviews.add(photo_id, HYRCANUS, who="ada")
    catalog.reviews.add(photo_id, JANNAEUS, who="bert")
    kept = [(r.reviewer, r.ruler) for r in catalog.reviews.of_photo(photo_id)]
    assert kept == [("ada", HYRCANUS), ("bert", JANNAEUS)]
    assert catalog.photos.get(photo_id).ruler == JANNAEUS
    agreement = catalog.reviews.agreement()
    assert (agreement.n, agreement.disputed) == (1, (photo_id,))
    catalog.reviews.add(photo_id, JANNAEUS, who="ada")
    assert catalog.reviews.agreement().disputed == ()


def test_kappa_is_cohens(catalog: Catalog, add_photo: Add):
    rng = random.Random(3)
    answers: dict[str, list[str]] = {"ada": [], "bert": []}
    for k in range(12):
        photo_id = add_photo(k)
        truth = rng.choice(DEFAULT_CLASSES)
        for who, sureness in (("ada", 0.9), ("bert", 0.6)):
            said = truth if rng.random() < sureness else None
            catalog.reviews.add(photo_id, said, who=who)
            answers[who].append(said or "cannot tell")
    agreement = catalog.reviews.agreement()
    expected = cohen_kappa_score(answers["ada"], answers["bert"])
    assert agreement.kappa == pytest.approx(expected)
    assert (agreement.n, agreement.reviewers) == (12, ("ada", "bert"))
    assert agreement.pairs[0].same == sum(a == b for a, b in zip(*answers.values()))


def test_kappa_is_not_told_where_there_is_none(catalog: Catalog, add_photo: Add):
    assert catalog.reviews.agreement().kappa is None
    photo_id = add_photo(1)
    for who in ("ada", "bert"):
        catalog.reviews.add(photo_id, HYRCANUS, who=who)
    assert (catalog.reviews.agreement().kappa, catalog.reviews.agreement().n) == (
        None,
        1,
    )


def test_opinions_tell_how_sure_and_how_far_apart(catalog: Catalog, add_photo: Add):
    one, two, three = (add_photo(k) for k in range(3))
    catalog.predictions.add(
        [
            opinion(one, "resnet", 0.7, 0.2, 0.1),
            opinion(one, "svm", 0.2, 0.7, 0.1),
            opinion(two, "resnet", 0.5, 0.3, 0.2),
            opinion(two, "svm", 0.5, 0.3, 0.2, ruler=None),
            opinion(three, "resnet", 0.4, 0.3, 0.3),
        ]
    )
    photos = catalog.photos.get_many([one, two, three])
    assert [photo.confidence for photo in photos] == [0.7, 0.5, 0.4]
    assert photos[0].disagreement == pytest.approx(0.5)
    assert [photo.disagreement for photo in photos[1:]] == [0, None]
    assert [photo.rulers_differ for photo in photos] == [True, False, None]
    assert catalog.queries.queue("disagreement") == (one,)
    assert catalog.queries.queue("low_confidence") == (two,)


def test_the_latest_opinion_of_a_classifier_and_kind_counts(catalog, add_photo: Add):
    photo_id = add_photo(1)
    catalog.predictions.add([opinion(photo_id, "svm", 0.9, 0.1, 0)])
    catalog.predictions.add([opinion(photo_id, "svm", 0.8, 0.2, 0, model_digest="new")])
    assert [o.model_digest for o in catalog.predictions.of_photo(photo_id)] == ["new"]
    unseen = opinion(photo_id, "svm", 0.4, 0.6, 0, kind=PredictionKind.OUT_OF_FOLD)
    catalog.predictions.add([unseen])
    assert [str(o.kind) for o in catalog.predictions.of_photo(photo_id)] == [
        "model",
        "out_of_fold",
    ]
    assert (
        catalog.photos.get(photo_id).confidence == 0.6
    )  # not the one that learnt from it
    held = catalog.predictions.of_photos(kind=PredictionKind.OUT_OF_FOLD)[photo_id]
    assert [dict(o.probabilities) for o in held] == [dict(unseen.probabilities)]
    with pytest.raises(CatalogError, match="no photo 99"):
        catalog.predictions.add(
            [opinion(photo_id, "knn", 1, 0, 0), opinion(99, "knn", 1)]
        )
    assert len(catalog.predictions.of_photo(photo_id)) == 2
