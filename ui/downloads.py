"""Downloads of exports, sent from the disk so that they take no memory.

The address of a download has a code that only this server makes: who has not seen the
page cannot guess it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.routing import Route
from streamlit import config

from coin_core.jobs import Job, JobKind, JobState, find_job

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

_KEY = secrets.token_bytes(32)
_GONE = "This download is gone, or its page is an old one. Reload the page."


def export_path(job: Job) -> Path | None:
    """The file that a finished export has made; None if there is none."""
    name = job.progress().details.get("file")
    if job.kind is not JobKind.EXPORT or job.state is not JobState.DONE:
        return None
    if not isinstance(name, str) or not name:
        return None
    path = job.folder / name
    return path if path.parent == job.folder and path.is_file() else None


def download_address(job: Job) -> str:
    """The address on this server from which its pages download an export."""
    return f"{_base()}/exports/{job.job_id}/{_code(job.job_id)}"


def download_route() -> Route:
    """The route that answers these addresses."""
    return Route(f"{_base()}/exports/{{job_id}}/{{code}}", _send)


def _base() -> str:
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}" if base else ""


def _code(job_id: str) -> str:
    return hmac.new(_KEY, job_id.encode(), hashlib.sha256).hexdigest()[:32]


def _send(request: Request) -> FileResponse:
    job_id, code = request.path_params["job_id"], request.path_params["code"]
    is_right = hmac.compare_digest(code.encode(), _code(job_id).encode())
    job = find_job(job_id) if is_right else None
    path = job and export_path(job)
    if not path:
        raise HTTPException(404, _GONE)
    return FileResponse(path, filename=path.name)
