"""What the server of the pages consists of, whichever program starts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from ui.downloads import download_route
from ui.memory import UploadBudget, keep_heaps_small
from ui.server import RequestGuard, trust_named_hosts

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def pages(refuse_api: Callable[..., ASGIApp] | None = None) -> dict[str, Any]:
    """The routes and middleware of `st.App`, after reading the settings.

    Args:
        refuse_api: Makes what answers a foreign request to the API, if one is served.
    """
    keep_heaps_small()
    trust_named_hosts()
    return {
        "routes": [download_route()],
        "middleware": [
            Middleware(RequestGuard, refuse_api=refuse_api),
            Middleware(UploadBudget),
        ],
    }
