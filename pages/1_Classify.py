"""Drop photos of coins and read whose they are."""

from __future__ import annotations

import streamlit as st

from ui import cache
from ui.classify.model_selector import choose_classifier
from ui.classify.predict import read_tray
from ui.classify.result_view import show_coin
from ui.classify.results_table import show_many
from ui.classify.session import upload_session
from ui.classify.uploads import ask_for_photos, show_problems
from ui.errors import show_error
from ui.layout import begin_page

begin_page(
    "Whose coin is it?",
    "Drop the photo of a small Hasmonean bronze. The side that matters is the one with "
    "the inscription in a wreath; both sides in one photo are fine.",
)
session = upload_session()
ask_for_photos(session)

found, refused = cache.bundles()
for problem in refused:
    show_error(problem.sentence)
if not found:
    show_error(
        "There are no classifiers in this installation yet. This makes them: "
        "python -m coin_core train all --data rendered"
    )
    st.stop()
if not session.photos:
    show_problems(session)
# Loaded before there is a photo: the user is still looking for one.
unusable = cache.unusable()
for sentence in dict.fromkeys(unusable.values()):
    show_error(sentence)
found = tuple(bundle for bundle in found if bundle.name not in unusable)
if not session.photos or not found:
    st.stop()

cards = {bundle.name: bundle.card for bundle in found}
classifier = choose_classifier(found)
if read_tray(session, cache.coin_classifier(), classifier):
    st.rerun()  # what stands above counts the photos
show_problems(session)
table = st.empty()
if len(session.photos) > 1:
    with table.container():
        show_many(session, classifier, cards[classifier])
if session.selected is not None:
    show_coin(session, session.photos[session.selected], classifier, cards)
