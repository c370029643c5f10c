"""Who may ask what: Bearer keys with scopes, and what a worker without keys allows."""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from streams.web.replies import HeaderList, Problem

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FORMAT = "name:scope+scope:sha256hex-of-key"
_WWW_AUTHENTICATE = (b"www-authenticate", b'Bearer realm="oneshelf"')


class Scope(StrEnum):
    """What a key may do. No scope contains another."""

    READ = "read"
    INGEST = "ingest"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A configured key: its name, what it may do, the SHA-256 of the secret."""

    name: str
    scopes: frozenset[Scope]
    digest: bytes


class ApiKeysInvalid(ValueError):
    """`ONESHELF_API_KEYS` cannot be read; the message names entry and remedy."""


class UnsafeBinding(ValueError):
    """The worker would listen beyond this machine without any key."""


def digest_of(secret: str | bytes) -> bytes:
    """Return what is stored and compared instead of a secret."""
    raw = secret.encode() if isinstance(secret, str) else secret
    return hashlib.sha256(raw).digest()


def parse_api_keys(text: str) -> tuple[ApiKey, ...]:
    """Read `name:scope+scope:sha256hex,…`; empty text means no keys.

    Raises `ApiKeysInvalid`. The third part never appears in a message, because people
    paste the key itself there by mistake.
    """
    keys: list[ApiKey] = []
    if not text.strip():
        return ()
    for number, entry in enumerate(text.split(","), start=1):
        key = _parse_entry(number, entry.strip())
        for other in keys:
            if other.name == key.name:
                raise ApiKeysInvalid(
                    f"API_KEYS entry {number}: name '{key.name}' is used twice; "
                    "give each key its own name"
                )
            if other.digest == key.digest:
                raise ApiKeysInvalid(
                    f"API_KEYS entry {number} ('{key.name}'): has the same key as "
                    f"'{other.name}'; give each caller its own key"
                )
        keys.append(key)
    return tuple(keys)


def _parse_entry(number: int, entry: str) -> ApiKey:
    parts = entry.split(":")
    if len(parts) != 3:
        raise ApiKeysInvalid(
            f"API_KEYS entry {number}: expected 3 parts, found {len(parts)}; "
            f"write {_FORMAT}, entries apart by commas"
        )
    name, scopes, digest = (part.strip() for part in parts)
    if not _NAME.fullmatch(name):
        raise ApiKeysInvalid(
            f"API_KEYS entry {number}: name '{name[:80]}' is not allowed; use 1 to 64 "
            "letters, digits, dots, dashes or underscores"
        )
    if not _DIGEST.fullmatch(digest.lower()):
        raise ApiKeysInvalid(
            f"API_KEYS entry {number} ('{name}'): the third part has {len(digest)} "
            "characters and is not a SHA-256 in hex; make it with "
            '`printf %s "$KEY" | sha256sum`'
        )
    known = frozenset(_scope(number, name, scope) for scope in scopes.split("+"))
    return ApiKey(name, known, bytes.fromhex(digest))


def _scope(number: int, name: str, text: str) -> Scope:
    try:
        return Scope(text.strip())
    except ValueError:
        raise ApiKeysInvalid(
            f"API_KEYS entry {number} ('{name}'): scope '{text[:80]}' is unknown; "
            "use read, ingest, operate, joined by +"
        ) from None


def is_loopback(host: str) -> bool:
    """Say whether a host name or address can only be reached from this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_unsafe_binding(host: str, keys: Sequence[ApiKey]) -> None:
    """Raise `UnsafeBinding` where others could reach a worker that asks for no key."""
    if is_loopback(host) or keys:
        return
    raise UnsafeBinding(
        f"HTTP_HOST '{host}' can be reached from other machines but API_KEYS is empty; "
        f"set ONESHELF_API_KEYS ({_FORMAT}), or ONESHELF_HTTP_HOST=127.0.0.1"
    )


@dataclass(frozen=True, slots=True)
class Caller:
    """The headers of a request that decide who asks, and how often it was passed on."""

    authorization: bytes = b""
    host: bytes = b""
    origin: bytes = b""
    hop: bytes = b""
    traceparent: bytes = b""
    tracestate: bytes = b""

    @classmethod
    def of(cls, headers: HeaderList) -> "Caller":
        """Read the headers of an ASGI scope; the first of a repeated name counts."""
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            found.setdefault(name, value)
        get = found.get
        return cls(
            get(b"authorization", b""),
            get(b"host", b""),
            get(b"origin", b""),
            get(b"x-oneshelf-hop", b""),
            get(b"traceparent", b""),
            get(b"tracestate", b""),
        )


class Guard:
    """Decides whether a caller may use a scope; compares keys in constant time.

    Without keys (loopback only) everything is open to this machine, but not to web
    pages that a browser on it shows: foreign `Host` and `Origin` names are refused.
    """

    def __init__(
        self,
        *,
        host: str,
        keys: Sequence[ApiKey] = (),
        webhook_key: str = "",
        commerce_key: str = "",
    ) -> None:
        refuse_unsafe_binding(host, keys)
        self._keys = tuple(keys)
        self._webhook = digest_of(webhook_key) if webhook_key else None
        self._commerce = digest_of(commerce_key) if commerce_key else None
        self._loopback = is_loopback(host)

    @property
    def is_open(self) -> bool:
        """Whether reading needs no key."""
        return not self._keys

    def allows(self, caller: Caller, scope: Scope) -> bool:
        """Answer without a reason, for the fast path."""
        if not self._keys:
            return _from_this_machine(caller)
        digest = _presented(caller)
        return digest is not None and scope in self._scopes(digest)

    def name_of(self, caller: Caller) -> str:
        """Return the name of the caller's key; empty where there is none."""
        digest = _presented(caller)
        names = [key.name for key in self._keys if key.digest == digest]
        return names[0] if names else ""

    def require(self, caller: Caller, scope: Scope) -> None:
        """Raise a 401 or 403 problem unless the caller holds the scope."""
        if not self._keys:
            _refuse_foreign(caller)
            return
        digest = _presented(caller)
        if digest is None:
            raise _no_key(scope)
        scopes = self._scopes(digest)
        if not scopes:
            raise _wrong_key()
        if scope not in scopes:
            raise _lacks(scope)

    def require_webhook(self, caller: Caller) -> None:
        """Raise unless the caller has NewStore's webhook key or a key that ingests."""
        self._require_source(caller, self._webhook)

    def require_commerce_webhook(self, caller: Caller) -> None:
        """Raise unless the caller has the key for commerce messages, or ingests."""
        self._require_source(caller, self._commerce)

    def _require_source(self, caller: Caller, source: bytes | None) -> None:
        if source is None:
            self.require(caller, Scope.INGEST)
            return
        digest = _presented(caller)
        if digest is None:
            raise _no_key(Scope.INGEST)
        scopes = self._scopes(digest)
        if hmac.compare_digest(digest, source) or Scope.INGEST in scopes:
            return
        raise _lacks(Scope.INGEST) if scopes else _wrong_key()

    def require_operator(self, caller: Caller) -> None:
        """Raise unless the caller may see health and metrics.

        On loopback no key is needed for these, so that local probes stay simple.
        """
        if self._loopback:
            _refuse_foreign(caller)
            return
        self.require(caller, Scope.READ)

    def _scopes(self, digest: bytes) -> frozenset[Scope]:
        # Every key is compared, so that the time tells nothing about which one fitted.
        scopes: frozenset[Scope] = frozenset()
        for key in self._keys:
            if hmac.compare_digest(digest, key.digest):
                scopes = key.scopes
        return scopes


def _presented(caller: Caller) -> bytes | None:
    kind, _, token = caller.authorization.partition(b" ")
    token = token.strip()
    if kind.lower() != b"bearer" or not token:
        return None
    return digest_of(token)


def _from_this_machine(caller: Caller) -> bool:
    return _is_local(caller.host) and (
        not caller.origin or _is_local(caller.origin.partition(b"://")[2])
    )


@lru_cache(maxsize=256)
def _is_local(authority: bytes) -> bool:
    text = authority.decode("latin-1")
    host, _, port = text.rpartition(":")
    return is_loopback(host if port.isdigit() and host else text)


def _refuse_foreign(caller: Caller) -> None:
    if _from_this_machine(caller):
        return
    local = _is_local(caller.host)
    field, value = ("Origin", caller.origin) if local else ("Host", caller.host)
    raise Problem(
        403,
        "foreign-host",
        title="Only this machine may ask without a key",
        detail=f"{field} does not name this machine.",
        field=field,
        value=value.decode("latin-1"),
        remedy="use http://127.0.0.1 or http://localhost, or set ONESHELF_API_KEYS",
    )


def _no_key(scope: Scope) -> Problem:
    return Problem(
        401,
        "key-missing",
        title="A key is needed",
        detail="The request carries no Bearer key.",
        field="Authorization",
        value="",
        remedy=f"send 'Authorization: Bearer <key>' with a key that may {scope}",
        headers=[_WWW_AUTHENTICATE],
    )


def _wrong_key() -> Problem:
    return Problem(
        401,
        "key-unknown",
        title="The key is not known",
        detail="The Bearer key is none of the configured keys.",
        field="Authorization",
        value="(not shown)",
        remedy="check the key; ONESHELF_API_KEYS holds the SHA-256 of each valid key, "
        "ONESHELF_NEWSTORE__WEBHOOK_KEY the one for events",
        headers=[_WWW_AUTHENTICATE],
    )


def _lacks(scope: Scope) -> Problem:
    return Problem(
        403,
        "scope-missing",
        title="The key may not do this",
        detail=f"The key does not have the scope '{scope}'.",
        field="Authorization",
        value="(not shown)",
        remedy=f"use a key with the scope {scope}, or add it in ONESHELF_API_KEYS",
    )
