"""Opinions of classifiers, and labels that look wrong by them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from coin_core.catalog import (
    CatalogFace,
    CoinFacts,
    PhotoRecord,
    Prediction,
    PredictionKind,
    RotatedBox,
    Side,
)
from coin_core.errors import CatalogError, StoreError
from coin_core.label_review import label_errors
from coin_core.label_review.label_errors import (
    find_label_issues,
    record_out_of_fold,
    record_predictions,
)
from coin_core.model_store import sharing
from coin_core.model_store.card import Card

RULERS = ("john_hyrcanus_i", "judah_aristobulus_i", "alexander_jannaeus")
DIGESTS = {"resnet": "a" * 64, "mlp": "b" * 64}
WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)


class ColourCoinClassifier:
    """Takes red, green and blue for the three rulers; mlp believes the next one."""

    def __init__(self):
        self.asked = []

    def model(self, name):
        card = Card(
            name=name,
            classifier=name,
            title=name,
            classes=RULERS,
            threshold=0.5,
            files={"model.skops": DIGESTS[name]},
        )
        return SimpleNamespace(name=name, card=card, takes_features=name == "mlp")

    def pinned(self, names):
        return self

    def feature_extractor(self, name):
        return SimpleNamespace(name="vgg")

    def features(self, crops, name):
        return crops.mean(axis=(1, 2)).astype(np.float32)

    def outside_scope(self, crops, name, features=None):
        return np.zeros(len(crops), bool)

    def probabilities(self, crops, name, features=None):
        self.asked.append((name, len(crops)))
        means = self.features(crops, name) if features is None else features
        shares = means + 1
        if name == "mlp":
            shares = np.roll(shares, 1, axis=1)
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def add(catalog, encode_photo):
    """A function (n, ruler=None, faces=legend) -> id of a photo in its own colour."""

    def picture(number, ruler="", faces=None, **facts):
        pixels = np.zeros((20, 20, 3), np.uint8)
        pixels[..., number % 3] = 200 + number // 3
        record = PhotoRecord(
            extension="png",
            width_px=20,
            height_px=20,
            **facts,
            coin=CoinFacts(
                ruler_attributed=RULERS[number % 3] if ruler == "" else ruler
            ),
        )
        legend = [CatalogFace(box=WHOLE, side=Side.LEGEND)]
        data = encode_photo(pixels)
        seen = legend if faces is None else faces
        return catalog.photos.add(data, record, seen, who="ada").photo_id

    return picture


def test_models_of_other_coins_read_the_first_face_where_no_legend_is_marked(
    catalog, add
):
    halves = [
        RotatedBox(left=left, top=0.0, right=left + 0.5, bottom=1.0)
        for left in (0.0, 0.5)
    ]
    sides = {
        side: add(
            number,
            None,
            [
                CatalogFace(box=halves[0], side=Side.OTHER),
                CatalogFace(box=halves[1], side=side),
            ],
        )
        for number, side in enumerate((Side.OTHER, Side.LEGEND))
    }

    class WithOthers(ColourCoinClassifier):
        def model(self, name):
            model = super().model(name)
            if name == "mlp":
                model.card = replace(model.card, classes=("herod", "philip", "antipas"))
            return model

    models = WithOthers()
    names = ("resnet", "mlp")
    ids = list(sides.values())
    done = record_predictions(catalog, models, ids, classifiers=names)
    assert (done.photos, models.asked) == (2, [("resnet", 1), ("mlp", 2)])
    told = catalog.predictions.of_photos(ids)
    assert [p.classifier for p in told[sides[Side.OTHER]]] == ["mlp"]
    assert {p.classifier for p in told[sides[Side.LEGEND]]} == {"resnet", "mlp"}
    again = record_predictions(catalog, models, ids, classifiers=names)
    assert (again.photos, again.known) == (0, 2)


def test_opinions_are_recorded_with_confidence_and_disagreement(catalog, add):
    ids = [add(number) for number in range(6)]
    coin_classifier = ColourCoinClassifier()
    done = record_predictions(
        catalog, coin_classifier, ids, classifiers=("resnet", "mlp")
    )
    assert (done.photos, done.known, done.left_out) == (6, 0, ())
    said = {o.classifier: o for o in catalog.predictions.of_photo(ids[1])}
    assert said["resnet"].ruler == RULERS[1]
    assert said["mlp"].ruler == RULERS[2]
    assert said["resnet"].model_digest == DIGESTS["resnet"]
    photo = catalog.photos.get(ids[1])
    assert photo.confidence == pytest.approx(201 / 203, abs=1e-4)
    assert photo.disagreement > 0.9
    assert photo.rulers_differ


def test_what_was_asked_is_not_asked_again(catalog, add):
    ids = [add(number) for number in range(3)]
    coin_classifier = ColourCoinClassifier()
    record_predictions(catalog, coin_classifier, ids[:2], classifiers=["resnet"])
    done = record_predictions(catalog, coin_classifier, ids, classifiers=["resnet"])
    assert (done.photos, done.known) == (1, 2)
    assert coin_classifier.asked == [("resnet", 2), ("resnet", 1)]
    again = record_predictions(
        catalog, coin_classifier, ids, classifiers=["resnet"], repeat=True
    )
    assert (again.photos, again.known) == (3, 0)


@pytest.fixture
def own_models(monkeypatch):
    """Name to digest of the models in data/models, which a test changes."""
    models = {"first-try": "1" * 64}

    def discover():
        cards = {
            name: Card(
                name=name,
                classifier="svm",
                title=name,
                classes=RULERS,
                files={"model.skops": digest},
            )
            for name, digest in models.items()
        }
        found = [SimpleNamespace(name=name, card=card) for name, card in cards.items()]
        return tuple(found), (SimpleNamespace(folder=Path("damaged")),)

    monkeypatch.setattr(label_errors, "discover", discover)
    monkeypatch.setattr(label_errors, "shared_store", object)
    return models


def test_models_of_other_machines_are_not_taken_for_removed(monkeypatch):
    shared = SimpleNamespace(database=SimpleNamespace(is_sqlite=False))
    label_errors._forget_removed(shared)  # without its predictions
    monkeypatch.setattr(label_errors, "shared_store", object)
    with pytest.raises(AttributeError, match="predictions"):
        label_errors._forget_removed(shared)


def said_of(catalog, photo_id):
    return {one.classifier for one in catalog.predictions.of_photo(photo_id)}


def answers_of(photo_ids, classifier, digest, kind=PredictionKind.MODEL):
    return [
        Prediction(
            photo_id=photo_id,
            classifier=classifier,
            model_digest=digest,
            probabilities={RULERS[2]: 0.9},
            ruler=RULERS[2],
            kind=kind,
        )
        for photo_id in photo_ids
    ]


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_answers_of_a_model_that_is_gone_dispute_no_more(
    catalog, add, own_models, change
):
    ids = [add(number) for number in range(2)]
    catalog.predictions.add(answers_of(ids, "first-try", "1" * 64))
    record_predictions(catalog, ColourCoinClassifier(), ids, classifiers=["resnet"])
    assert said_of(catalog, ids[0]) == {"first-try", "resnet"}
    assert {*catalog.queries.queue("disagreement")} == {*ids}
    if change == "removed":
        del own_models["first-try"]
    else:
        own_models["first-try"] = "2" * 64
    record_predictions(catalog, ColourCoinClassifier(), ids[:1], classifiers=["resnet"])
    assert [said_of(catalog, k) for k in ids] == [{"resnet"}] * 2
    assert catalog.queries.queue("disagreement") == ()
    assert catalog.photos.get(ids[1]).rulers_differ is None


@pytest.mark.parametrize("name", ["vgg", "together", "damaged", "of-the-team"])
def test_answers_of_shipped_shared_and_refused_models_stay(
    catalog, add, own_models, monkeypatch, name
):
    monkeypatch.setattr(sharing, "list_shared", lambda: {"of-the-team"})
    photo_id = add(0)
    catalog.predictions.add(answers_of([photo_id], name, "9" * 64))
    record_predictions(catalog, ColourCoinClassifier(), [], classifiers=["resnet"])
    assert said_of(catalog, photo_id) == {name}


def test_answers_stay_where_a_training_or_an_unknown_store_has_the_word(
    catalog, add, own_models, monkeypatch
):
    photo_id = add(0)
    of_training = answers_of([photo_id], "own", "9" * 64, PredictionKind.OUT_OF_FOLD)
    catalog.predictions.add(of_training)
    record_predictions(catalog, ColourCoinClassifier(), [], classifiers=["resnet"])
    assert said_of(catalog, photo_id) == {"own"}

    def fail():
        raise StoreError("The store does not answer.")

    monkeypatch.setattr(sharing, "list_shared", fail)
    catalog.predictions.add(answers_of([photo_id], "gone", "9" * 64))
    record_predictions(catalog, ColourCoinClassifier(), [], classifiers=["resnet"])
    assert said_of(catalog, photo_id) == {"gone", "own"}


HALF = CatalogFace(
    box=RotatedBox(left=0.0, top=0.0, right=0.5, bottom=1.0), side=Side.LEGEND
)


@pytest.mark.parametrize("step", ["edit", "reset", "undo", "redo", "reverse"])
def test_photos_whose_crop_has_changed_since_are_asked_again(catalog, add, step):
    ids = [add(number) for number in range(3)]
    change = {ids[0]: [HALF], ids[1]: [HALF]}
    if step != "edit":
        catalog.edits.edit_faces(change, who="ada")
    if step == "redo":
        catalog.edits.undo(who="ada")
    predictor = ColourCoinClassifier()
    record_predictions(catalog, predictor, ids, classifiers=["resnet"])
    if step == "edit":
        catalog.edits.edit_faces(change, who="ada")
    elif step == "reset":
        catalog.edits.reset_faces(ids, who="bert")
    elif step == "reverse":
        group_id = catalog.edits.history(ids[0])[-1].group_id
        catalog.edits.reverse(group_id, who="bert")
    else:
        getattr(catalog.edits, step)(who="ada")
    assert catalog.predictions.of_photos(ids).keys() == {ids[2]}
    assert catalog.photos.get(ids[0]).confidence is None
    done = record_predictions(catalog, predictor, ids, classifiers=["resnet"])
    assert (done.photos, done.known) == (2, 1)
    assert catalog.photos.get(ids[0]).confidence is not None


def test_a_crop_that_changes_while_classifiers_answer_keeps_no_old_answer(catalog, add):
    ids = [add(number) for number in range(3)]

    class Cropper(ColourCoinClassifier):
        def probabilities(self, crops, name, features=None):
            catalog.edits.edit_faces({ids[0]: [HALF]}, who="bert")
            return super().probabilities(crops, name, features)

    done = record_predictions(catalog, Cropper(), ids, classifiers=["resnet"])
    assert (done.photos, done.known) == (2, 0)
    assert catalog.predictions.of_photos(ids).keys() == {*ids[1:]}


def test_a_new_crop_leaves_what_a_training_said(catalog, add):
    ids = [add(number) for number in range(3)]
    out_of_fold(catalog, ids)
    catalog.edits.edit_faces({ids[0]: [HALF]}, who="ada")
    assert len(catalog.predictions.of_photo(ids[0])) == 1


class ReplacedCoinClassifier(ColourCoinClassifier):
    """Its resnet is replaced by one of another digest once `version` is 1."""

    version = 0

    def pinned(self, names):
        fixed = ReplacedCoinClassifier()
        fixed.version = self.version
        return fixed

    def model(self, name):
        model = super().model(name)
        model.card.files["model.skops"] = "ac"[self.version] * 64
        return model

    def probabilities(self, crops, name, features=None):
        rows = super().probabilities(crops, name, features)
        return np.roll(rows, self.version, axis=1)


def test_a_model_that_is_replaced_does_not_answer_under_the_digest_of_the_old_one(
    catalog, add
):
    ids = [add(number) for number in range(20)]
    predictor = ReplacedCoinClassifier()

    def replace(here, total):
        predictor.version = 1

    record_predictions(
        catalog, predictor, ids, classifiers=["resnet"], progress=replace
    )
    for number, photo_id in enumerate(ids):
        [said] = catalog.predictions.of_photo(photo_id)
        assert (said.model_digest[0], said.ruler) == ("a", RULERS[number % 3])


def test_a_photo_that_is_removed_while_classifiers_answer_stops_no_other(catalog, add):
    ids = [add(number, is_rendered=True) for number in range(6)]

    class Remover(ColourCoinClassifier):
        def probabilities(self, crops, name, features=None):
            catalog.photos.remove(ids[:1], who="bert")
            return super().probabilities(crops, name, features)

    record_predictions(catalog, Remover(), ids, classifiers=["resnet"])
    assert catalog.predictions.of_photos(ids).keys() == {*ids[1:]}
    probabilities = np.full((6, 3), 1 / 3, np.float32)
    record_out_of_fold(
        catalog, "svm", ids, probabilities, RULERS, model_digest="a" * 64
    )
    assert len(catalog.predictions.of_photo(ids[1])) == 2


def test_reverses_and_excluded_photos_are_not_judged(catalog, add):
    reverse = add(0, faces=[CatalogFace(box=WHOLE, side=Side.CORNUCOPIA)])
    excluded, bare, gone = add(1), add(2, faces=[]), add(3)
    catalog.edits.exclude([excluded], "noise", who="ada")
    catalog.photos.path(catalog.photos.get(gone)).unlink()
    told = []
    done = record_predictions(
        catalog,
        ColourCoinClassifier(),
        [reverse, excluded, bare, gone],
        classifiers=["resnet"],
        progress=lambda here, total: told.append((here, total)),
    )
    assert done.photos == 1
    assert f"Photo {gone}: " in done.left_out[0]
    assert catalog.predictions.of_photo(bare)
    assert not catalog.predictions.of_photo(reverse)
    assert told == [(4, 4)]


def out_of_fold(catalog, ids, wrong=(), classifier="svm"):
    rng = np.random.default_rng(0)
    p = np.full((len(ids), 3), 0.05, np.float32)
    for row, photo_id in enumerate(ids):
        truth = RULERS.index(catalog.photos.get(photo_id).ruler)
        p[row, (truth + 1) % 3 if photo_id in wrong else truth] = 0.9
    p += rng.uniform(0, 0.02, p.shape).astype(np.float32)
    p /= p.sum(axis=1, keepdims=True)
    record_out_of_fold(catalog, classifier, ids, p, RULERS, model_digest="d" * 64)


def test_wrong_labels_are_suspected(catalog, add):
    ids = [add(number) for number in range(36)]
    wrong = [ids[4], ids[11]]
    out_of_fold(catalog, ids, wrong)
    assert catalog.predictions.of_photo(ids[0])[0].kind is PredictionKind.OUT_OF_FOLD
    label_issues = find_label_issues(catalog)
    assert {suspect.photo_id for suspect in label_issues} == set(wrong)
    assert label_issues[0].suspicion >= label_issues[-1].suspicion > 0.8
    by_photo = {suspect.photo_id: suspect for suspect in label_issues}
    assert by_photo[ids[4]].ruler == RULERS[1]
    assert by_photo[ids[4]].suggested == RULERS[2]
    assert set(catalog.queries.queue("suspected")) == set(wrong)


def test_a_corrected_label_is_no_longer_suspected(catalog, add):
    ids = [add(number) for number in range(36)]
    out_of_fold(catalog, ids, [ids[4]])
    assert find_label_issues(catalog)
    catalog.edits.set_ruler([ids[4]], RULERS[2], who="ada")
    assert find_label_issues(catalog) == ()
    assert catalog.queries.queue("suspected") == ()


def test_label_issues_need_a_training_with_folds(catalog, add):
    add(0)
    with pytest.raises(CatalogError, match="train svm --data catalog"):
        find_label_issues(catalog)
