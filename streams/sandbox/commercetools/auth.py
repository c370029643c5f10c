"""Access tokens: client credentials in, bearer tokens out, scopes and expiry enforced.

Source: commercetools docs, "HTTP API authorization"; API spec `oauth.raml`; RFC 6749.
"""

import base64
import binascii
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from streams.sandbox.commercetools.clock import Clock
from streams.sandbox.commercetools.config import SandboxConfig
from streams.sandbox.commercetools.errors import AuthError

# Asked for often and never told to stop: a client that loses its tokens must not
# fill the memory of a long-lived sandbox.
TOKENS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Token:
    """A token given out: whose it is, what it may do, until when."""

    value: str
    client_id: str
    scopes: frozenset[str]
    expires_at: datetime

    def require(self, any_of: Collection[str]) -> None:
        """Refuse with 403 unless one of the scopes is held (`InsufficientScopeError`).

        A token of one project holds no scope of another.
        """
        if self.scopes.isdisjoint(any_of):
            raise AuthError(
                403,
                "insufficient_scope",
                "Insufficient scope. One of the following scopes is missing: "
                f"{', '.join(any_of)}.",
            )


class TokenOffice:
    """Gives tokens to the project's API clients and checks them again."""

    def __init__(self, config: SandboxConfig, clock: Clock, random: Random) -> None:
        self._config = config
        self._clock = clock
        self._random = random
        self._tokens: dict[str, Token] = {}

    def issue(
        self, authorization: str | None, parameters: Mapping[str, str]
    ) -> dict[str, object]:
        """Answer `POST /oauth/token` (docs, "Client credentials flow").

        A wrong id or secret is 401 `invalid_client`; another grant, or a scope that the
        client does not hold, is 400.
        """
        client_id, granted = self._authenticate(authorization)
        grant_type = parameters.get("grant_type")
        if not grant_type:
            raise AuthError(400, "invalid_request", "Missing grant_type.")
        if grant_type != "client_credentials":
            raise AuthError(
                400, "unsupported_grant_type", f"Invalid grant_type: {grant_type}."
            )
        scopes = frozenset(parameters.get("scope", "").split()) or granted
        if refused := sorted(scopes - granted):
            raise AuthError(400, "invalid_scope", f"Scope {refused[0]} is not granted.")
        token = self._keep(client_id, scopes)
        return {
            "access_token": token.value,
            "token_type": "Bearer",
            "expires_in": self._config.token_validity_s,
            "scope": " ".join(sorted(scopes)),
        }

    def check(self, authorization: str | None) -> Token:
        """Return the bearer's token if it is alive; 401 `invalid_token` otherwise.

        Source: API spec, `InvalidTokenError`.
        """
        token = self._tokens.get(bearer(authorization))
        if token is None or token.expires_at <= self._clock():
            raise AuthError(401, "invalid_token", "invalid_token")
        return token

    def revoke(self, authorization: str | None) -> None:
        """Forget the bearer's token, as if it had expired."""
        self._tokens.pop(bearer(authorization), None)

    def revoke_all(self) -> None:
        """Forget every token."""
        self._tokens.clear()

    def _authenticate(self, authorization: str | None) -> tuple[str, frozenset[str]]:
        client_id, secret = _basic(authorization)
        for client in self._config.clients:
            same_id = hmac.compare_digest(client.client_id.encode(), client_id.encode())
            if same_id and hmac.compare_digest(client.secret.encode(), secret.encode()):
                project = self._config.project_key
                return client_id, frozenset(f"{s}:{project}" for s in client.scopes)
        raise AuthError(
            401,
            "invalid_client",
            "Please provide valid client credentials using HTTP Basic Authentication.",
        )

    def _keep(self, client_id: str, scopes: frozenset[str]) -> Token:
        if len(self._tokens) >= TOKENS_MAX:
            del self._tokens[next(iter(self._tokens))]
        token = Token(
            value=f"{self._random.getrandbits(192):048x}",
            client_id=client_id,
            scopes=scopes,
            expires_at=self._clock() + timedelta(seconds=self._config.token_validity_s),
        )
        self._tokens[token.value] = token
        return token


def bearer(authorization: str | None) -> str:
    """Return the token of an `Authorization` header, or an empty text."""
    scheme, _, value = (authorization or "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _basic(authorization: str | None) -> tuple[str, str]:
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _, secret = decoded.partition(":")
    return client_id, secret
