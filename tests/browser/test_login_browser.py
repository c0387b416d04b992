"""A log-in with OpenID Connect, at a provider that runs beside the app."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from selenium.webdriver import Chrome

from coin_core.access import ADMINS, EDITORS
from tests.browser.visit import Visit
from tests.serving import READY, SERVER, answering, free_port, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CLIENT = "coins"


class Provider(ThreadingHTTPServer):
    """Lets in whoever `person` describes, as soon as the browser comes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.address = f"http://localhost:{self.server_port}"
        self.key = RSAKey.generate_key(2048, {"kid": "1", "alg": "RS256"})
        self.person: dict[str, Any] = {}
        self.asked: dict[str, dict[str, str]] = {}  # by code


class _Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        """Describe the provider, or send the browser back with a code."""
        place, query = self._request()
        if place == "/authorize":
            code = f"code-{len(self.server.asked)}"
            self.server.asked[code] = query
            back = urlencode({"code": code, "state": query["state"]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri']}?{back}")
            self.end_headers()
        elif place == "/keys":
            self._send({"keys": [self.server.key.as_dict(private=False)]})
        else:
            base = self.server.address
            self._send(
                {
                    "issuer": base,
                    "authorization_endpoint": f"{base}/authorize",
                    "token_endpoint": f"{base}/token",
                    "jwks_uri": f"{base}/keys",
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "code_challenge_methods_supported": ["S256"],
                }
            )

    def do_POST(self) -> None:
        """Give a signed token for a code, to who can prove to have asked for it."""
        length = int(self.headers["Content-Length"])
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
        asked = self.server.asked.pop(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        assert challenge == asked["code_challenge"]
        now = int(time.time())
        claims = {
            "iss": self.server.address,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 3600,
            "nonce": asked["nonce"],
            **self.server.person,
        }
        header = {"alg": "RS256", "kid": "1"}
        token = jwt.encode(header, claims, self.server.key)
        self._send({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def _request(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}

    def _send(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def test_who_logs_in_has_the_role_of_their_checked_address(
    module_browser: Chrome, tmp_path: Path
) -> None:
    port, secrets = free_port(), tmp_path / "secrets.toml"
    provider = Provider()
    with answering(provider):
        secrets.write_text(
            "[auth]\n"
            f'redirect_uri = "http://localhost:{port}/oauth2callback"\n'
            'cookie_secret = "thirty-two letters of no meaning"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "known to both"\n'
            f'server_metadata_url = "{provider.address}/about"\n'
        )
        arguments = [*SERVER, "--secrets.files", str(secrets)]
        roles = {ADMINS: "anna@x.org", EDITORS: "ben@x.org"}
        with serve(
            tmp_path, arguments, ready=READY, environment=roles, port=port
        ) as served:
            visit = Visit(module_browser, served.address)
            for person, shown in (
                ({"sub": "1", "email": "anna@x.org", "email_verified": True}, "admin"),
                ({"sub": "2", "email": "ben@x.org", "email_verified": True}, "editor"),
                ({"sub": "3", "email": "anna@x.org"}, "reader"),  # he says so himself
            ):
                provider.person = person
                name = person["email"] if "email_verified" in person else person["sub"]
                visit.open("/Dataset")
                visit.press("Log in")
                signed_in = visit.until(
                    lambda: [
                        one.text
                        for one in visit.all('[data-testid="stSidebar"]')
                        if "Signed in" in one.text
                    ],
                    "Nobody is signed in",
                )[0]
                assert f"Signed in as {name}, {shown}" in signed_in
                visit.press("Log out")
                visit.see("Log in")
