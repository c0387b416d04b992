"""The server of the pages alone: it answers their own requests, and nobody else's."""

from __future__ import annotations

import streamlit as st

from ui.application import pages

app = st.App("Home.py", **pages())
