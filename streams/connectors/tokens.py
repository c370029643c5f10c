"""OAuth2 client credentials: one token, shared, refreshed early and once at a time."""

import asyncio
from collections.abc import Callable

import httpx
import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from pydantic import SecretStr

from streams.connectors.errors import ConnectorError, Unauthorised, Unavailable

EARLY_S = 300.0
"""Refresh this long before the end, at most a tenth of the token's life."""


class _TokenWire(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float


class _RefusalWire(msgspec.Struct, frozen=True):
    error: str


class TokenSource:
    """Hands out the access token; asks for a new one when it is nearly or really over.

    authlib writes the request; its own httpx client is not used, because authlib 1.9
    deprecates it in favour of a package that we do not depend on.

    Raises:
        Unauthorised: The credentials were not accepted.
        Unavailable: The token endpoint did not answer, or not sensibly.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        *,
        client_id: str,
        client_secret: SecretStr,
        monotonic: Callable[[], float],
        vendor: str,
        settings: str,
    ) -> None:
        self._http = http
        self._url = url
        self._vendor = vendor
        self._settings = settings
        self._auth = ClientAuth(client_id, client_secret.get_secret_value())
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._token = ""
        self._refresh_at = 0.0
        self.fetches = 0

    def __repr__(self) -> str:
        return f"TokenSource({self._url})"

    async def token(self, *, rejected: str = "") -> str:
        """Return a token that is good; `rejected` names one that was refused."""
        if self._is_good(rejected):
            return self._token
        async with self._lock:
            # Whoever waited here finds the token that the first one brought.
            if not self._is_good(rejected):
                await self._fetch()
        return self._token

    def _is_good(self, rejected: str) -> bool:
        fresh = self._token != "" and self._monotonic() < self._refresh_at
        return fresh and self._token != rejected

    async def _fetch(self) -> None:
        self.fetches += 1
        url, headers, body = self._auth.prepare(
            "POST",
            self._url,
            {"Content-Type": "application/x-www-form-urlencoded"},
            prepare_token_request("client_credentials"),
        )
        try:
            response = await self._http.post(url, headers=headers, content=body)
        except httpx.TransportError as error:
            raise self._unavailable(f"cannot be reached ({error!r})") from error
        if response.status_code != httpx.codes.OK:
            raise self._refusal(response)
        try:
            token = msgspec.json.decode(response.content, type=_TokenWire)
        except msgspec.DecodeError as error:
            raise self._unavailable("does not answer with a token") from error
        self._token = token.access_token
        early_s = min(EARLY_S, token.expires_in / 10)
        self._refresh_at = self._monotonic() + token.expires_in - early_s

    def _refusal(self, response: httpx.Response) -> ConnectorError:
        status = response.status_code
        if status not in (400, 401, 403):
            return self._unavailable(f"answers {status}", status=status)
        try:
            code = msgspec.json.decode(response.content, type=_RefusalWire).error
        except msgspec.DecodeError:
            code = "unreadable"
        return Unauthorised(
            f"{self._vendor} refuses the API client ({code}): check "
            f"{self._settings}CLIENT_ID, __CLIENT_SECRET and __AUTH_URL",
            reason=code,
            status=status,
        )

    def _unavailable(self, what: str, *, status: int = 0) -> Unavailable:
        return Unavailable(
            f"The token endpoint {self._url} {what}",
            reason="token_endpoint",
            status=status,
        )
