"""The pages and the HTTP API in one process: python server.py [--server.port 8501]."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import streamlit as st
import uvicorn
from streamlit import config

from coin_core.api.app import Service, admin_token, routes
from coin_core.api.protocol import TimedProtocol
from coin_core.errors import CoinError
from ui.application import pages

_DRAIN_S = 30
_WEBSOCKET_PING_S = 30
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "coin_core.api.layer.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {
        name: {"handlers": ["stderr"], "level": "INFO", "propagate": False}
        for name in ("coin_core", "uvicorn")
    },
}


def main() -> None:
    """Serve until stopped; requests that are being answered may end."""
    parser = argparse.ArgumentParser(description=__doc__)
    # The names that `streamlit run` has for them.
    parser.add_argument("--server.port", dest="port", type=int, metavar="PORT")
    parser.add_argument("--server.address", dest="address", metavar="ADDRESS")
    options = parser.parse_args()
    try:
        admin_token()
    except CoinError as error:
        sys.exit(str(error))
    service = Service()
    home = Path(__file__).with_name("Home.py")
    # Where the settings are; otherwise Streamlit looks in the working directory.
    config._main_script_path = str(home)
    parts = pages()
    parts["routes"] += routes(service)
    app = st.App(home, **parts, lifespan=service.lifespan)
    for name in ("port", "address"):
        if (value := getattr(options, name)) is not None:
            config.set_option(f"server.{name}", value)
    address, port = (
        config.get_option("server.address"),
        config.get_option("server.port"),
    )
    sys.stdout.write(
        f"\nThe app:  http://{address}:{port}\nThe API:  http://{address}:{port}/api/docs"
        "\n\n"
    )
    sys.stdout.flush()
    uvicorn.run(
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
        timeout_graceful_shutdown=_DRAIN_S,
    )


if __name__ == "__main__":
    main()
