"""What the server of the pages consists of, whichever program starts it."""

from __future__ import annotations

from typing import Any

from starlette.middleware import Middleware

from ui.downloads import download_route
from ui.memory import UploadBudget, keep_heaps_small
from ui.server import RequestGuard, trust_named_hosts


def pages() -> dict[str, Any]:
    """The routes and middleware of `st.App`, after reading the settings."""
    keep_heaps_small()
    trust_named_hosts()
    return {
        "routes": [download_route()],
        "middleware": [Middleware(RequestGuard), Middleware(UploadBudget)],
    }
