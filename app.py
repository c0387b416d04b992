"""The server: it answers requests of its own pages, and of nobody else's."""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware

from ui.server import RequestGuard, trust_named_hosts

trust_named_hosts()
app = st.App("Home.py", middleware=[Middleware(RequestGuard)])
