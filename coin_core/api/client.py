"""A client of the API.

with Client("http://localhost:8501") as client:
    for photo in client.classify(["a.jpg", "b.jpg"], classifier="resnet").photos:
        print(photo.photo, [verdict.ruler for verdict in photo.verdicts])
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from coin_core.api.schemas import Answer, Classifier, Models, Problem
from coin_core.errors import CoinError

_TRY_AGAIN = (429, 503)
_MAX_PAUSE_S = 60.0
_CONNECT_S = 30.0


class ApiError(CoinError):
    """The server refuses a request; `problem` is what it says."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.detail} (HTTP {problem.status})")
        self.problem = problem


class Client:
    """Asks one server; threads may share it."""

    def __init__(
        self,
        url: str = "http://localhost:8501",
        *,
        token: str | None = None,
        timeout_s: float = 600.0,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            url: The address of the app.
            token: The admin token, for models.
            timeout_s: How long to wait for an answer; many photos with all evidence
                take minutes.
            retries: How often a request that a busy server refuses is sent again. A
                change of models never is: it may be made, and not yet be on the other
                machines of a team.
            transport: How requests are sent, if not over the network.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._retries = retries
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S))
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def classify(
        self,
        photos: Sequence[str | Path | bytes],
        *,
        classifier: str | None = None,
        letters: bool = False,
        heat_map: bool = False,
    ) -> Answer:
        """Classify photos, given as paths or as the bytes of files.

        Args:
            photos: At least one.
            classifier: A name of `classifiers`, or "all"; the default one if None.
            letters: Whether to return the letters read.
            heat_map: Whether to return the heat maps.

        Raises:
            ApiError: The server refuses the request.
            OSError: A file cannot be read.
        """
        files = [
            (f"photo {number}", photo)
            if isinstance(photo, bytes)
            else (Path(photo).name, Path(photo).read_bytes())
            for number, photo in enumerate(photos, 1)
        ]
        parameters = {"classifier": classifier} if classifier else {}
        if letters:
            parameters["letters"] = "true"
        if heat_map:
            parameters["heat_map"] = "true"
        parts = [("photo", file) for file in files]
        return Answer.model_validate(
            self._ask("POST", "/api/classify", params=parameters, files=parts)
        )

    def classifiers(self) -> list[Classifier]:
        """List the classifiers."""
        found = self._ask("GET", "/api/classifiers")
        return [Classifier.model_validate(one) for one in found]

    def models(self) -> Models:
        """List the installed models; needs the token, as the methods below do."""
        return Models.model_validate(self._ask("GET", "/api/models"))

    def add_model(
        self, bundle: str | Path, *, name: str = "", activate: bool = False
    ) -> Models:
        """Install a bundle.

        Args:
            bundle: The path of a ZIP file.
            name: What it is called there; the name in its card if empty.
            activate: Whether it answers where no classifier is named, from now on.
        """
        data = Path(bundle).read_bytes()
        headers = {"Content-Type": "application/zip"}
        parameters = {"name": name, "activate": str(activate).lower()}
        return self._change(
            "/api/models", content=data, headers=headers, params=parameters
        )

    def activate(self, name: str) -> Models:
        """Let a model answer where no classifier is named."""
        return self._change(f"/api/models/{name}/activate")

    def deactivate(self, name: str) -> Models:
        """Let the shipped model answer again."""
        return self._change(f"/api/models/{name}/deactivate")

    def roll_back(self) -> Models:
        """Let the model answer that did before the last change."""
        return self._change("/api/models/roll-back")

    def _change(self, path: str, **options: Any) -> Models:
        """Ask for a change of models, once."""
        return Models.model_validate(self._ask("POST", path, retries=0, **options))

    def _ask(
        self, method: str, path: str, *, retries: int | None = None, **options: Any
    ) -> Any:
        for remaining in range(self._retries if retries is None else retries, -1, -1):
            response = self._http.request(method, path, **options)
            pause = response.headers.get("Retry-After", "")
            busy = response.status_code in _TRY_AGAIN and pause.isdecimal()
            if not busy or not remaining:
                break
            time.sleep(min(_MAX_PAUSE_S, float(pause)))
        if response.is_success:
            return response.json()
        try:
            problem = Problem.model_validate_json(response.content)
        except ValueError:  # a proxy has answered, or another server
            problem = Problem(
                title=response.reason_phrase or "Error",
                status=max(400, response.status_code),
                detail=f"{self._http.base_url} did not answer as this API does.",
            )
        raise ApiError(problem)
