"""The pages and the HTTP API in one process: python server.py [--server.port 8501]."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import streamlit as st
import uvicorn
from streamlit import config
from streamlit.web.bootstrap import load_config_options
from streamlit.web.cli import configurator_options

from coin_core.api.app import Service, admin_token, refusing, routes
from coin_core.api.protocol import DrainingServer, TimedProtocol, names_no_visitor
from coin_core.errors import CoinError
from coin_core.object_store import shared_store
from ui.application import pages
from ui.memory import share_budget
from ui.resources import share_pipeline

DRAIN_VARIABLE = "COIN_DRAIN_S"
PROXIES_VARIABLE = "FORWARDED_ALLOW_IPS"
MAX_DRAIN_S = 3600
LAST_ANSWERS_S = 60
# Longer than proxies keep idle connections (60 s in nginx, 90 s in Go): a request over
# one that is closed at that moment would fail.
_KEEP_ALIVE_S = 120
_WEBSOCKET_PING_S = 30
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "coin_core.api.layer.JsonLines"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": [names_no_visitor],
        }
    },
    "loggers": {
        name: {"handlers": ["stderr"], "level": "INFO", "propagate": False}
        for name in ("coin_core", "uvicorn")
    },
}


@click.command
@configurator_options
def main(**options: Any) -> None:
    """Serve until stopped; requests that are being answered may end."""
    home = Path(__file__).with_name("Home.py")
    # Where the settings are; otherwise Streamlit looks in the working directory.
    config._main_script_path = str(home)
    # From the variables STREAMLIT_... as well, as `streamlit run` takes them.
    load_config_options(options)
    try:
        admin_token()
        shared_store()
        drain_s = read_drain_s()
    except CoinError as error:
        sys.exit(str(error))
    # Read by torch, which is not loaded yet. Its threads would spin after each step and
    # keep the processor from those of other requests.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    service = Service()
    share_pipeline(lambda: service.coin_classifier)
    service.budget.shared_room = share_budget(lambda: service.budget.bytes)
    parts = pages(refuse_api=refusing(service))
    parts["routes"] += routes(service)
    app = st.App(home, **parts, lifespan=service.lifespan)
    address, port = (
        config.get_option("server.address"),
        config.get_option("server.port"),
    )
    sys.stdout.write(
        f"\nThe app:  http://{address}:{port}\nThe API:  http://{address}:{port}/api/docs"
        "\n\n"
    )
    sys.stdout.flush()
    settings = uvicorn.Config(
        app,
        host=address,
        port=port,
        http=TimedProtocol,
        ws="websockets-sansio",
        ws_max_size=config.get_option("server.maxMessageSize") * 1024 * 1024,
        ws_ping_interval=_WEBSOCKET_PING_S,
        ws_ping_timeout=_WEBSOCKET_PING_S,
        ws_per_message_deflate=False,
        log_config=_LOGGING,
        access_log=False,
        server_header=False,
        # An empty variable would be no proxy, not the default.
        forwarded_allow_ips=os.environ.get(PROXIES_VARIABLE) or "127.0.0.1",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=LAST_ANSWERS_S,
    )
    with suppress(KeyboardInterrupt):
        DrainingServer(settings, drain_s=drain_s, on_drain=service.end).run()


def read_drain_s() -> float:
    """Seconds for which the server goes on answering when it is told to end.

    Raises:
        CoinError: `COIN_DRAIN_S` is no number of seconds.
    """
    text = os.environ.get(DRAIN_VARIABLE) or "0"
    if not text.isdecimal() or int(text) > MAX_DRAIN_S:
        raise CoinError(
            f"{DRAIN_VARIABLE} is {text!r}. It is for how long the server goes on "
            f"answering when it is told to end, in seconds from 0 to {MAX_DRAIN_S}."
        )
    return float(text)


if __name__ == "__main__":
    main()
