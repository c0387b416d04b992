"""The routes of the API, and what they share."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Mount, Route

from coin_core.access import Person, acting_as
from coin_core.api.batching import Batcher, Wish
from coin_core.api.layer import Metrics, RequestLayer
from coin_core.api.problems import (
    AGAIN_S,
    RequestRefusedError,
    add_handlers,
    describe,
    problem,
    respond,
)
from coin_core.api.schemas import (
    Answer,
    Classifier,
    Model,
    Models,
    PhotoAnswer,
    Status,
)
from coin_core.api.uploads import (
    Budget,
    Limits,
    Upload,
    body_within,
    busy,
    read_photos,
)
from coin_core.classifiers import shipped_classifiers
from coin_core.classifiers.installed import installed_models
from coin_core.classifiers.together_card import TOGETHER
from coin_core.errors import (
    KNOWN_ERRORS,
    BusyError,
    CoinError,
    UnknownClassifierError,
    UnreadablePhotoError,
    WeightsMissingError,
    disk_errors,
    sentence_of,
)
from coin_core.model_store.bundle import (
    MAX_FILE_BYTES,
    RESERVED,
    find_bundle,
    weights_digest,
)
from coin_core.model_store.card import NAME_PATTERN, is_bundle_name
from coin_core.model_store.promotion import demote, promote, promoted, roll_back
from coin_core.model_store.sharing import follow

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from coin_core.pipeline import CoinClassifier

TOKEN_VARIABLE = "COIN_ADMIN_TOKEN"
MIN_TOKEN_LENGTH = 16
_TRY_AGAIN_S = 2.0  # to load the classifiers

_log = logging.getLogger("coin_core.api")


class Service:
    """What the routes share: the classifiers, the queue, the limits, the metrics."""

    def __init__(
        self,
        coin_classifier: CoinClassifier | None = None,
        limits: Limits | None = None,
    ) -> None:
        if coin_classifier is not None:
            self.coin_classifier = coin_classifier
        self.budget = Budget(limits or Limits())
        self.metrics = Metrics()
        self.batcher = Batcher(
            lambda: self.coin_classifier,
            max_waiting=self.budget.limits.waiting_photos,
            observe_batch=self.metrics.batch.observe,
        )
        self.metrics.waiting.set_function(lambda: self.batcher.waiting)
        self.state = "The classifiers are being loaded."
        self.ends = False

    @cached_property
    def coin_classifier(self) -> CoinClassifier:
        """The pipeline; its networks are imported beside the server, which starts."""
        from coin_core.pipeline import CoinClassifier

        return CoinClassifier()

    @asynccontextmanager
    async def lifespan(self, _: object = None) -> AsyncIterator[None]:
        """Load the classifiers and answer until the server ends."""
        tasks = [asyncio.create_task(self.batcher.run())]
        tasks.append(asyncio.create_task(self._load()))
        try:
            yield
        finally:
            self.end()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def end(self) -> None:
        """Be no longer ready; what is asked all the same is answered."""
        self.ends = True

    def activate(self, name: str) -> None:
        """Load a model, which tries it, and only then let it answer by default.

        Raises:
            RequestRefusedError: 404; there is none of that name.
            CoinError: It cannot be used; the other one goes on.
        """
        check_there(name)
        self.coin_classifier.model(name)
        promote(name)

    async def _load(self) -> None:
        while self.state:
            try:
                await asyncio.to_thread(lambda: follow(strict=True))
                await asyncio.to_thread(
                    lambda: self.coin_classifier.load((default_classifier(),))
                )
                self.state = ""
                # The others are loaded before somebody asks for them.
                await asyncio.to_thread(self.coin_classifier.load)
            except Exception as error:  # noqa: BLE001 - whoever looks is told
                said = f"The program failed ({type(error).__name__}: {error})."
                if is_known := isinstance(error, KNOWN_ERRORS):
                    said = sentence_of(error)
                problem = f"The classifiers cannot be loaded: {said}"
                if problem != self.state:
                    _log.error("%s", problem, exc_info=not is_known)
                self.state = self.state and problem
                await asyncio.sleep(_TRY_AGAIN_S)


def default_classifier() -> str:
    """The one that answers where none is named: the promoted one, or the first.

    The first also where the promoted one was removed.
    """
    name = promoted()
    return name if name and _is_there(name) else shipped_classifiers()[0]


def selected(classifier: str | None) -> tuple[str, ...]:
    """The models that a request names: one, or all that ship.

    Raises:
        RequestRefusedError: 422; there is none of that name.
    """
    if classifier == "all":
        return shipped_classifiers()
    name = default_classifier() if classifier is None else classifier
    if not _is_there(name):
        names = f"all, {TOGETHER}, {_names()}"
        raise RequestRefusedError(
            422, f"There is no such classifier. There are: {names}."
        )
    return (name,)


def check_there(name: str) -> None:
    """Refuse the name of no model.

    Raises:
        RequestRefusedError: 404.
    """
    if not _is_there(name):
        raise RequestRefusedError(
            404, f"There is no such model. There are: {_names()}."
        )


def _is_there(name: str) -> bool:
    # `find_bundle` takes paths as well, and the networks that help classifiers.
    if not is_bundle_name(name) or name.casefold() in RESERVED:
        return False
    try:
        find_bundle(name)
    except WeightsMissingError:
        return False
    return True


def _names() -> str:
    return ", ".join(bundle.name for bundle in installed_models()[0])


def admin_token() -> bytes:
    """The token that models need; b"" if there is none.

    Raises:
        CoinError: It is too short to be safe, or no header of HTTP can hold it.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token.isascii() or not token.isprintable() or token != token.strip():
        raise CoinError(
            f"{TOKEN_VARIABLE} has letters that cannot be sent in a header. Take "
            "letters, digits and signs of ASCII, without a space or a new line at "
            "either end."
        )
    if token and len(token) < MIN_TOKEN_LENGTH:
        raise CoinError(
            f"{TOKEN_VARIABLE} has {len(token)} letters. Take at least "
            f"{MIN_TOKEN_LENGTH}, such as the output of: openssl rand -hex 32"
        )
    return token.encode()


def routes(service: Service) -> list[BaseRoute]:
    """The routes to mount beside the pages."""

    def metrics(_: Request) -> Response:
        data = generate_latest(service.metrics.registry)
        return Response(data, media_type=CONTENT_TYPE_LATEST)

    return [
        Mount("/api", app=_in_layer(create_api(service), service)),
        Route("/metrics", metrics),
    ]


def refusing(service: Service) -> Callable[..., ASGIApp]:
    """Make what answers requests that do not get to the routes; they are logged too.

    Returns:
        A function of a status, a sentence and headers.
    """

    def refuse(*refusal: Any) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await respond(Request(scope), *refusal)(scope, receive, send)

        return _in_layer(answer, service)

    return refuse


def _in_layer(app: ASGIApp, service: Service) -> RequestLayer:
    limits = service.budget.limits
    return RequestLayer(app, limits=limits, metrics=service.metrics)


def create_api(service: Service) -> FastAPI:
    """The API as a FastAPI application, for the path /api."""
    api = FastAPIOffline(
        title="Hasmonean coin reader",
        summary="Photos in, verdicts out.",
        version="1",
        docs_url="/docs",
        redoc_url=None,
        static_url="/docs-assets",
        # Otherwise the page asks a service of its makers to check the document.
        swagger_ui_parameters={"validatorUrl": None},
        servers=[{"url": "/api"}],
        root_path_in_servers=False,
        responses=describe(405, 500),
    )
    add_handlers(api)
    _add_public_routes(api, service)
    api.include_router(_model_routes(service))
    return api


def _add_public_routes(api: FastAPI, service: Service) -> None:
    limits = service.budget.limits

    @api.post(
        "/classify",
        response_model_exclude_unset=True,
        responses=describe(400, 408, 413, 415, 422, 429, 503),
        openapi_extra={"requestBody": _photo_body(limits.photos)},
    )
    async def classify(
        request: Request,
        classifier: Annotated[
            str | None,
            Query(
                max_length=64,
                description='A name of /api/classifiers, "all" that ship, or '
                '"together" for one verdict of these; without it the default answers.',
            ),
        ] = None,
        letters: Annotated[bool, Query(description="Also the letters read.")] = False,
        heat_map: Annotated[bool, Query(description="Also the heat maps.")] = False,
    ) -> Answer:
        """Say whose coin is in each photo."""
        client = request.client.host if request.client else ""
        with service.budget.admit(client) as lease:
            service.batcher.check_room()
            names: tuple[str, ...] = (TOGETHER,)
            if classifier != TOGETHER:
                names = await asyncio.to_thread(selected, classifier)
            with service.batcher.arriving():
                uploads = await read_photos(request, lease)
            request.state.log = {"photos": len(uploads)}
            wish = Wish(classifiers=names, letters=letters, heat_map=heat_map)
            answers = await _while_connected(request, service.batcher, uploads, wish)
            photos = [
                _photo_answer(upload, answer, service.metrics)
                for upload, answer in zip(uploads, answers, strict=True)
            ]
            return Answer(request_id=request.state.request_id, photos=photos)

    @api.get("/classifiers")
    def classifiers() -> list[Classifier]:
        """List what `classifier` may name, in the order of the menus."""
        default = default_classifier()
        return [
            Classifier(
                name=bundle.name,
                title=bundle.card.title,
                classes=list(bundle.card.classes),
                model=weights_digest(bundle.card),
                default=bundle.name == default,
            )
            for bundle in installed_models()[0]
        ]

    @api.get("/health")
    async def health() -> Status:
        """Answer while the process works."""
        return Status(status="ok")

    @api.get("/ready", responses=describe(503))
    async def ready() -> Status:
        """Answer once photos can be classified, and until the server ends."""
        state = "The server is ending." if service.ends else service.state
        if state:
            raise RequestRefusedError(503, state, retry_after_s=2)
        return Status(status="ready")


def _photo_body(most: int) -> dict[str, Any]:
    photo = {"type": "array", "minItems": 1, "maxItems": most}
    photo["items"] = {"type": "string", "format": "binary"}
    schema = {
        "type": "object",
        "required": ["photo"],
        "properties": {"photo": photo},
        "additionalProperties": False,
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


async def _while_connected(
    request: Request, batcher: Batcher, uploads: list[Upload], wish: Wish
) -> list[list[dict[str, Any]] | BaseException]:
    """The verdicts or the error of each photo; nothing is done for who hangs up."""
    futures = batcher.submit(uploads, wish)
    gathered = asyncio.gather(*futures, return_exceptions=True)
    gone = asyncio.create_task(_hang_up(request))
    either: set[asyncio.Future[Any]] = {gathered, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not gathered.done():
            raise ClientDisconnect
        return gathered.result()
    finally:
        gone.cancel()
        for future in futures:
            future.cancel()


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _photo_answer(
    upload: Upload, answer: list[dict[str, Any]] | BaseException, metrics: Metrics
) -> PhotoAnswer:
    if isinstance(answer, UnreadablePhotoError):
        metrics.photos.labels("unreadable").inc()
        fault = problem(422, str(answer))
        return PhotoAnswer(photo=upload.name, verdicts=[], problem=fault)
    if isinstance(answer, BusyError):
        raise busy(AGAIN_S) from answer
    if isinstance(answer, CoinError) and not isinstance(answer, UnknownClassifierError):
        # One of the models cannot be loaded.
        raise RequestRefusedError(503, str(answer)) from answer
    if isinstance(answer, BaseException):
        raise answer
    metrics.photos.labels("classified").inc()
    return PhotoAnswer.model_validate(
        {"photo": upload.name, "verdicts": answer, "problem": None}
    )


def _model_routes(service: Service) -> APIRouter:
    """The routes of models, for the operator alone."""
    changing = asyncio.Lock()

    def admin(
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> None:
        if not (token := admin_token()):
            raise RequestRefusedError(
                404,
                f"Models are not managed over HTTP here: {TOKEN_VARIABLE} is empty.",
            )
        if given is None or not hmac.compare_digest(given.credentials.encode(), token):
            raise RequestRefusedError(
                401,
                f"This needs the header Authorization: Bearer, with {TOKEN_VARIABLE}.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    router = APIRouter(
        prefix="/models",
        dependencies=[Depends(admin)],
        responses=describe(401, 404, 422),
    )

    async def change(work: Callable[[], object]) -> Models:
        """Do one thing at a time, and list the models after it."""

        def as_operator() -> Models:
            with acting_as(Person(name="HTTP API")):
                work()
            return _list_models()

        async with changing:
            return await asyncio.to_thread(as_operator)

    @router.get("")
    def list_models() -> Models:
        """List the installed models."""
        return _list_models()

    @router.post(
        "",
        status_code=201,
        responses=describe(408, 409, 413, 415, 503),
        openapi_extra={"requestBody": _BUNDLE_BODY},
    )
    async def add(
        request: Request,
        name: Annotated[
            str, Query(max_length=64, description="A name of its own.")
        ] = "",
        activate: Annotated[bool, Query(description="Whether it answers now.")] = False,
    ) -> Models:
        """Install a bundle, a ZIP file, after all checks and a trial."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/zip":
            raise RequestRefusedError(
                415,
                "Send the ZIP file of a bundle as it is, as application/zip.",
                headers={"Accept-Post": "application/zip"},
            )
        with (
            disk_errors("The model cannot be installed", kind=BusyError),
            tempfile.TemporaryDirectory() as folder,
        ):
            path = Path(folder) / "bundle.zip"
            with path.open("wb") as file:
                async for chunk in body_within(request, MAX_FILE_BYTES):
                    file.write(chunk)

            def install() -> None:
                from coin_core.models import install_model

                try:
                    model = install_model(path, name, share=not activate)
                except WeightsMissingError as error:
                    raise RequestRefusedError(422, str(error)) from error
                if activate:
                    service.activate(model.name)

            return await change(install)

    @router.post("/roll-back", responses=describe(409, 503))
    async def undo() -> Models:
        """Let the model answer that did before the last change."""
        return await change(lambda: roll_back(service.coin_classifier.model))

    @router.post("/{name}/activate", responses=describe(409, 503))
    async def activate(name: _Name) -> Models:
        """Load and try a model, and let it answer where no classifier is named."""
        return await change(lambda: service.activate(name))

    @router.post("/{name}/deactivate", responses=describe(409, 503))
    async def deactivate(name: _Name) -> Models:
        """Let the shipped model answer where no classifier is named."""

        def work() -> None:
            if promoted() != name:  # a model that is gone may be
                check_there(name)
                raise RequestRefusedError(409, f"{name} is not active.")
            demote()

        return await change(work)

    return router


_bearer = HTTPBearer(auto_error=False, description=f"What {TOKEN_VARIABLE} holds.")
_Name = Annotated[str, PathParameter(pattern=f"^{NAME_PATTERN}$")]
_BUNDLE_BODY: dict[str, Any] = {
    "required": True,
    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
}


def _list_models() -> Models:
    found, problems = installed_models()
    default = default_classifier()
    return Models(
        models=[
            Model(
                name=bundle.name,
                classifier=bundle.card.classifier,
                title=bundle.card.title,
                model=weights_digest(bundle.card),
                origin=bundle.card.origin,
                created=bundle.card.created,
                active=bundle.name == default,
            )
            for bundle in found
        ],
        problems=[problem.sentence for problem in problems],
    )
