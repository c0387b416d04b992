"""A store of objects as S3 has them, served from the process of the tests."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from moto.server import ThreadedMotoServer

BUCKET = "coins"
_numbers = count()


@contextmanager
def serve_store() -> Iterator[dict[str, str]]:
    """Run a server; yields the variables by which programs find it."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "not a secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    urllib.request.urlopen(
        urllib.request.Request(f"http://{host}:{port}/{BUCKET}", method="PUT")
    ).close()
    try:
        yield variables
    finally:
        server.stop()


def new_prefix() -> str:
    """The address of a part of the store that nobody else uses."""
    return f"s3://{BUCKET}/team-{next(_numbers)}"
