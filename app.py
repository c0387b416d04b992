"""The server: it answers requests of its own pages, and of nobody else's."""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware

from ui.downloads import download_route
from ui.memory import UploadBudget
from ui.server import RequestGuard, trust_named_hosts

trust_named_hosts()
app = st.App(
    "Home.py",
    routes=[download_route()],
    middleware=[Middleware(RequestGuard), Middleware(UploadBudget)],
)
