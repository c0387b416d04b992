"""Errors of the API, each with its status and a sentence (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from coin_core.api.schemas import Problem
from coin_core.errors import (
    BusyError,
    CoinError,
    NotAllowedError,
    StoreError,
    WeightsMissingError,
)
from coin_core.object_store import ChangedMeanwhileError

HANG_UP = 499
"""What the log says of a client that did not wait for its answer."""

MEDIA_TYPE = "application/problem+json"


class RequestRefusedError(CoinError):
    """A request is refused, with a status and headers of its own."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        retry_after_s: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)


class ProblemResponse(JSONResponse):
    """A problem as the body of a response."""

    media_type = MEDIA_TYPE


def describe(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The entries of these statuses in the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def problem(status: int, detail: str, request_id: str | None = None) -> Problem:
    """An error as a value."""
    title = HTTPStatus(status).phrase
    return Problem(title=title, status=status, detail=detail, request_id=request_id)


def respond(
    request: Request, status: int, detail: str, headers: Any = None
) -> ProblemResponse:
    """An error as a response."""
    request_id = request.scope.get("state", {}).get("request_id")
    content = problem(status, detail, request_id).model_dump(exclude_none=True)
    return ProblemResponse(content, status, headers)


AGAIN_S = 30
"""After so long a server may have what it lacks, such as memory or the store."""

# The first one that fits.
_STATUSES = {
    WeightsMissingError: 404,
    NotAllowedError: 403,
    ChangedMeanwhileError: 409,
    StoreError: 503,
    BusyError: 503,
}
_PHRASES = {
    404: "There is nothing at this address. /api/docs lists what there is.",
    405: "This address does not answer that method. /api/docs lists those it does.",
}


def add_handlers(app: FastAPI) -> None:
    """Answer every error of an app with a problem."""

    @app.exception_handler(RequestRefusedError)
    def refused(request: Request, error: RequestRefusedError) -> ProblemResponse:
        return respond(request, error.status, str(error), error.headers)

    @app.exception_handler(CoinError)
    def user_error(request: Request, error: CoinError) -> ProblemResponse:
        status = next(
            (status for kind, status in _STATUSES.items() if isinstance(error, kind)),
            422,
        )
        headers = {"Retry-After": str(AGAIN_S)} if status == 503 else None
        return respond(request, status, str(error), headers)

    @app.exception_handler(ClientDisconnect)
    def gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=HANG_UP)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> ProblemResponse:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'][1:]))}: {fault['msg']}"
            for fault in error.errors()
        )
        return respond(request, 422, f"The request is not valid: {faults}.")

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> ProblemResponse:
        detail = _PHRASES.get(error.status_code, error.detail)
        return respond(request, error.status_code, detail, error.headers)

    @app.exception_handler(Exception)
    def mistake(request: Request, _: Exception) -> ProblemResponse:
        return respond(
            request,
            500,
            "The server has made a mistake, which is in its log under this request id. "
            "Other requests go on.",
        )
