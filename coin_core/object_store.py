"""The store of a team: originals and models of several machines, as S3 keeps them.

COIN_STORAGE_URL names it: s3://bucket or s3://bucket/prefix. Keys, region and endpoint
are those of AWS's own variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
AWS_ENDPOINT_URL). An object is there whole or not at all: a killed writer leaves none.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from coin_core.errors import StoreError

STORAGE_VARIABLE: Final = "COIN_STORAGE_URL"

_PATTERN = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.-]+)*/?", re.ASCII)
_CONNECT_S, _ANSWER_S, _TRIES = 5, 60, 3
_CHANGED = {
    *("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"),
    *("404", "409", "412"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What a store says about an object.

    Attributes:
        size: In bytes.
        version: Differs once the object is written with other contents.
    """

    size: int
    version: str


class ChangedMeanwhileError(StoreError):
    """Somebody else wrote an object after it was read."""


class ObjectStore:
    """Objects by name, below one address; threads may share it.

    Every method raises `StoreError` where the store cannot be reached or refuses.
    """

    def __init__(self, url: str) -> None:
        """Take the address; nothing is asked yet.

        Raises:
            StoreError: It is no address of a store.
        """
        if not _PATTERN.fullmatch(url):
            raise StoreError(
                f"{url[:80]!r} is no address of a store. {STORAGE_VARIABLE} is "
                "something like s3://bucket/prefix; keys and the server's address are "
                "in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL."
            )
        self.url = url.rstrip("/")
        self._root = self.url.removeprefix("s3://")

    def address(self, name: str) -> str:
        """Where an object is, for a person."""
        return f"{self.url}/{name}"

    def find(self, prefix: str) -> dict[str, StoredObject]:
        """The objects whose names begin with `prefix`, a name and a slash."""
        with self._explained():
            files = self._files()
            root = f"{self._root}/{prefix}".rstrip("/")
            found = files.find(root, detail=True, refresh=True)
        start = len(self._root) + 1
        return {path[start:]: _describe(facts) for path, facts in found.items()}

    def facts(self, name: str) -> StoredObject | None:
        """What is known about an object; None if there is none."""
        with self._explained():
            try:
                return _describe(self._files().info(self._path(name), refresh=True))
            except FileNotFoundError:
                return None

    def read(self, name: str, *, most_bytes: int | None = None) -> bytes | None:
        """The contents of an object, or their beginning; None if there is none."""
        with self._explained():
            try:
                path = self._path(name)
                return bytes(self._files().cat_file(path, end=most_bytes))
            except FileNotFoundError as error:
                if "NoSuchBucket" in _codes(error):
                    raise
                return None

    def write(self, name: str, data: bytes) -> None:
        """Write an object, in place of an older one of that name."""
        with self._explained():
            self._put(name, data)

    def replace(self, name: str, data: bytes, before: str) -> str:
        """Write an object unless somebody else has written it meanwhile.

        Returns:
            Its new version.

        Raises:
            ChangedMeanwhileError: It has another version now.
        """
        match = {"IfMatch": f'"{before}"'} if before else {"IfNoneMatch": "*"}
        with self._explained(name):
            return _version(self._put(name, data, **match))

    def delete(self, name: str) -> None:
        """Delete an object, if there is one."""
        bucket, _, key = self._path(name).partition("/")
        with self._explained():
            self._files().call_s3("delete_object", Bucket=bucket, Key=key)

    def _put(self, name: str, data: bytes, **match: str) -> Any:
        # In one request: what is cut off leaves nothing.
        bucket, _, key = self._path(name).partition("/")
        files = self._files()
        return files.call_s3("put_object", Bucket=bucket, Key=key, Body=data, **match)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _files(self) -> Any:
        return _open_files(os.getpid())

    @contextmanager
    def _explained(self, name: str = "") -> Iterator[None]:
        from aiohttp import ClientError as ConnectionLostError
        from botocore.exceptions import BotoCoreError, ClientError

        failures = (OSError, BotoCoreError, ClientError, ConnectionLostError)
        try:
            yield
        except failures as error:
            if name and _codes(error) & _CHANGED:
                raise ChangedMeanwhileError(
                    f"Somebody else changed {self.address(name)} at the same moment. "
                    "Look at it again, and repeat the change if it is still needed."
                ) from error
            reason = " ".join(str(error).split()) or type(error).__name__
            raise StoreError(
                f"The store {self.url} cannot be used ({reason}); nothing was changed "
                "there. Start it, or correct its address, the keys and "
                "AWS_ENDPOINT_URL."
            ) from error


def shared_store() -> ObjectStore | None:
    """The store that COIN_STORAGE_URL names, or None.

    Raises:
        StoreError: The variable holds no address of a store.
    """
    url = os.environ.get(STORAGE_VARIABLE, "")
    return ObjectStore(url) if url else None


@lru_cache(maxsize=1)
def _open_files(_pid: int) -> Any:
    # Each process has its own: a connection does not survive a fork.
    import s3fs

    # It names the host of each request.
    logging.getLogger("aiobotocore").setLevel(logging.WARNING)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return s3fs.S3FileSystem(
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL") or None,
        client_kwargs={"region_name": region} if region else {},
        use_listings_cache=False,
        skip_instance_cache=True,
        config_kwargs={
            "connect_timeout": _CONNECT_S,
            "read_timeout": _ANSWER_S,
            "retries": {"max_attempts": _TRIES, "mode": "standard"},
        },
    )


def _describe(facts: dict[str, Any]) -> StoredObject:
    return StoredObject(size=int(facts["size"]), version=_version(facts))


def _version(facts: dict[str, Any]) -> str:
    return str(facts.get("ETag", "")).strip('"')


def _codes(error: BaseException | None) -> set[str]:
    """The codes of an answer of the store, also where s3fs has translated it."""
    codes = set()
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            codes.add(str(response.get("Error", {}).get("Code")))
        error = error.__cause__
    return codes
