"""The Classify page: drop photos of coins and see whose they are."""

from __future__ import annotations

import streamlit as st

from coin_core.i18n import _
from ui import resources
from ui.classify.exports import show_exports
from ui.classify.model_selector import choose_classifier
from ui.classify.photo_bar import show_photo_bar
from ui.classify.predict import classify_rest, classify_uploads
from ui.classify.result_view import show_result
from ui.classify.results_table import show_results_table
from ui.classify.session import upload_session
from ui.classify.uploads import show_problems, show_uploader
from ui.dataset.session import dataset_session, remember_reviewer
from ui.errors import show_error
from ui.layout import begin_page

begin_page(
    _("Whose coin is it?"),
    _(
        "Drop a photo of a small Hasmonean bronze. It should show the side with the "
        "inscription in a wreath; both sides in one photo are fine."
    ),
)
session = upload_session()
show_uploader(session)
remember_reviewer(dataset_session())

found, refused = resources.bundles()
for problem in refused:
    show_error(problem.sentence)
if not found:
    show_error(resources.NO_CLASSIFIERS)
    st.stop()
if not session.photos:
    show_problems(session)
# The classifiers are loaded before the visitor has chosen a photo.
load_errors = resources.load_errors()
for message in dict.fromkeys(load_errors.values()):
    show_error(message)
found = tuple(bundle for bundle in found if bundle.name not in load_errors)
if not session.photos or not found:
    st.stop()

cards = {bundle.name: bundle.card for bundle in found}
classifier = choose_classifier(found)
if classify_uploads(session, classifier):
    st.rerun()  # the uploader above counts the photos
show_problems(session)
if len(session.photos) > 1:
    show_results_table(session, classifier, cards[classifier])
show_exports(session, classifier, cards)
if session.selected is not None:
    photo = session.photos[session.selected]
    show_photo_bar(session, photo)
    show_result(session, photo, classifier, cards)
classify_rest(session, cards)
