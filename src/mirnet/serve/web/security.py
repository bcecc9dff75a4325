"""Who may ask: names of the server, tokens, and pages of other origins.

A page on the internet can make a browser send requests to this machine, and by DNS rebinding even
read the answers. Hence on loopback the Host must be one of ours, and a token is needed there too.
"""

import hmac
import secrets
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from mirnet.errors import DataError
from mirnet.serve.problems import Problem

SHORTEST = 16
"""Characters of a token at least."""

OPEN = ("/healthz", "/readyz")
"""Paths that probes ask, by whatever name and without a token."""

PUBLIC = ("/", "/openapi.json", "/favicon.ico")
"""Paths without secrets, which links may lead to; and all below `/page/`."""

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Headers of every answer."""


def new_token() -> str:
    """A token for this launch."""
    return secrets.token_urlsafe(24)


def read_tokens(path: Path) -> tuple[str, ...]:
    """Tokens from a file: one a line; empty lines and those that begin with # are left out.

    Raises:
        DataError: if there is none, or one is too short to be safe.
        OSError: if the file cannot be read.
    """
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    tokens = tuple(line for line in lines if line and not line.startswith("#"))
    if not tokens:
        raise DataError(f"{path} holds no token: write one line, such as of `openssl rand -hex 24`")
    if any(
        len(token) < SHORTEST or not token.isascii() or not token.isprintable() for token in tokens
    ):
        raise DataError(f"{path}: a token is of {SHORTEST} or more ASCII characters")
    return tokens


def cookie_name(port: int) -> str:
    """Name of the cookie that holds the token: browsers share cookies among a host's ports."""
    return f"mirnet_{port}"


class Gate:
    """Decides whether a request may go on.

    Args:
        hosts: names, with the port where it is not the scheme's own, by which the server may be
            addressed; empty for any.
        tokens: see `Settings`.
        cookie: name of the cookie that may hold a token.
    """

    def __init__(self, hosts: Sequence[str], tokens: Sequence[str], cookie: str) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._tokens = [token.encode() for token in tokens]
        self._cookie = cookie

    def admit(self, method: str, path: str, headers: Headers) -> str:
        """The client that sends this request, "" where anyone may.

        Raises:
            Problem: if it may not go on.
        """
        if path in OPEN:
            return ""
        host = self._check_host(headers)
        if method not in ("GET", "HEAD"):
            _check_origin(host, headers)
        client = self.client(_bearer(headers) or self._cookie_token(headers))
        if client:
            return client
        if method in ("GET", "HEAD") and (path in PUBLIC or path.startswith("/page/")):
            return ""
        raise Problem(
            "unauthorised",
            "a token is needed: open the address that `mirnet serve` printed, or send "
            "Authorization: Bearer",
        )

    def client(self, token: str) -> str:
        """Name of the client whose token this is; "" if it is nobody's."""
        given, found = token.encode(), ""
        for number, known in enumerate(self._tokens):  # all of them: time must not tell
            if hmac.compare_digest(given, known):
                found = f"client-{number}"
        return found

    def _check_host(self, headers: Headers) -> str:
        hosts = headers.getlist("host")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        if not host or (self._hosts and host not in self._hosts):
            raise Problem(
                "unknown_host",
                "this server is not known by that name: start it with --allow-host to add one",
            )
        return host

    def _cookie_token(self, headers: Headers) -> str:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return morsel.value if morsel else ""


def _bearer(headers: Headers) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _check_origin(host: str, headers: Headers) -> None:
    """Refuse changes that a page of another origin asks for.

    Programs send neither header. A link that leads here is a GET, so it is never refused.
    """
    site = headers.get("sec-fetch-site", "none")
    origins = headers.getlist("origin")
    origin = urlsplit(origins[0]).netloc.lower() if origins else host
    if site not in ("none", "same-origin") or len(origins) > 1 or origin != host:
        raise Problem("forbidden", "pages of other origins may not change anything here")
