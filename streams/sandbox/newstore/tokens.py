"""Access tokens: client credentials in, bearer tokens out.

Source: migration from the legacy token API (docs): `POST
/auth/realms/{tenant}/protocol/openid-connect/token`; a call without the header is 401,
with an expired or invalid token 403 (troubleshooting pages).
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from streams.sandbox.newstore.config import SandboxConfig
from streams.sandbox.newstore.errors import ApiError, AuthError

# A client that loses its tokens must not fill a long-lived sandbox's memory.
TOKENS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Token:
    """A token given out: to whom, until when."""

    value: str
    client_id: str
    expires_at: datetime


class TokenOffice:
    """Gives tokens to the tenant's API clients and checks them again."""

    def __init__(self, config: SandboxConfig, random: Random) -> None:
        self._config = config
        self._random = random
        self._tokens: dict[str, Token] = {}

    def issue(
        self, authorization: str | None, form: Mapping[str, str], now: datetime
    ) -> dict[str, object]:
        """Answer a request for a token; credentials in the form or as HTTP Basic."""
        grant_type = form.get("grant_type", "")
        if grant_type != "client_credentials":
            code = "unsupported_grant_type" if grant_type else "invalid_request"
            raise AuthError(400, code, f"Grant type '{grant_type}' is not taken.")
        given = _basic(authorization) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        client_id = self._authenticate(*given)
        if len(self._tokens) >= TOKENS_MAX:
            del self._tokens[next(iter(self._tokens))]
        validity_s = self._config.token_validity_s
        token = Token(
            value=f"{self._random.getrandbits(256):064x}",
            client_id=client_id,
            expires_at=now + timedelta(seconds=validity_s),
        )
        self._tokens[token.value] = token
        return {
            "access_token": token.value,
            "expires_in": validity_s,
            "token_type": "Bearer",
        }

    def check(self, authorization: str | None, now: datetime) -> Token:
        """Return the bearer's token; 401 without one, 403 with a dead one."""
        if authorization is None:
            raise ApiError(401, "unauthorized", "The Authorization header is missing.")
        token = self._tokens.get(bearer(authorization))
        if token is None or token.expires_at <= now:
            raise ApiError(403, "forbidden", "The access token is expired or invalid.")
        return token

    def revoke(self, authorization: str | None) -> None:
        """Forget the bearer's token, as if it had expired."""
        self._tokens.pop(bearer(authorization or ""), None)

    def revoke_all(self) -> None:
        """Forget every token."""
        self._tokens.clear()

    def _authenticate(self, client_id: str, secret: str) -> str:
        for client in self._config.clients:
            same_id = hmac.compare_digest(client.client_id.encode(), client_id.encode())
            if same_id and hmac.compare_digest(client.secret.encode(), secret.encode()):
                return client_id
        raise AuthError(401, "invalid_client", "Invalid client or client credentials.")


def bearer(authorization: str) -> str:
    """Return the token of an `Authorization` header, or an empty text."""
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _basic(authorization: str | None) -> tuple[str, str] | None:
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _, secret = decoded.partition(":")
    return client_id, secret
