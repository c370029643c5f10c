"""Requests to commercetools: where they go, and what its failing answers mean."""

from collections.abc import Callable

import httpx
import msgspec

from streams.connectors.errors import (
    Ambiguous,
    ChannelMissing,
    ConnectorError,
    Duplicate,
    NotFound,
    Refused,
    Throttled,
    TypeMissing,
    Unauthorised,
    Unavailable,
    VersionConflict,
)
from streams.connectors.session import (
    ANSWER_TIMEOUT_S,
    Credentials,
    VendorSession,
    retry_after_s,
)
from streams.settings import CommercetoolsSettings

BOOTSTRAP_HINT = "run `oneshelf commercetools bootstrap`"


class _ErrorDetail(msgspec.Struct, frozen=True, rename="camel"):
    code: str = ""
    message: str = ""
    field: str = ""
    type_id: str = ""


class _ErrorBody(msgspec.Struct, frozen=True):
    message: str = ""
    errors: list[_ErrorDetail] = []


class HttpSession(VendorSession):
    """Sends requests for one project of commercetools."""

    vendor = "commercetools"

    def __init__(
        self,
        settings: CommercetoolsSettings,
        *,
        new_correlation_id: Callable[[], str] | None = None,
        monotonic: Callable[[], float] | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        credentials = Credentials(
            f"{settings.auth_url.rstrip('/')}/oauth/token",
            settings.client_id,
            settings.client_secret,
            "ONESHELF_COMMERCETOOLS__",
        )
        super().__init__(
            f"{settings.api_url.rstrip('/')}/{settings.project_key}",
            credentials,
            connections=settings.max_concurrency + 2,
            new_correlation_id=new_correlation_id,
            monotonic=monotonic,
            answer_timeout_s=answer_timeout_s,
        )

    def error_of(self, response: httpx.Response, correlation_id: str) -> ConnectorError:
        """Translate a failing answer, which need not be JSON, into our error tree."""
        status = response.status_code
        body = _error_body(response)
        detail = body.errors[0] if body.errors else _ErrorDetail()
        kind, hint = _classify(status, detail)
        text = detail.message or body.message or response.reason_phrase
        return kind(
            f"commercetools answers {status} {detail.code or 'without a code'}: {text}"
            + (f"; {hint}" if hint else ""),
            reason=detail.code or f"http_{status}",
            status=status,
            retry_after_s=retry_after_s(response.headers.get("Retry-After")),
            correlation_id=correlation_id,
        )


def _classify(status: int, detail: _ErrorDetail) -> tuple[type[ConnectorError], str]:
    match status, detail.code:
        case 400, "DuplicateField" | "DuplicateFieldWithConflictingResource":
            return Duplicate, ""
        case 400 | 404, "ReferencedResourceNotFound" if detail.type_id == "type":
            return TypeMissing, BOOTSTRAP_HINT
        case 400 | 404, "ReferencedResourceNotFound" if detail.type_id == "channel":
            return ChannelMissing, BOOTSTRAP_HINT
        case 401, _:
            return Unauthorised, "the API client's token is refused"
        case 403, _:
            return Unauthorised, "the API client needs the scopes manage_products"
        case 404, _:
            return NotFound, ""
        case 409, _:
            return VersionConflict, ""
        case 429, _:
            return Throttled, ""
        case 503, _:
            return Unavailable, ""
        case 400 | 405 | 413 | 422, _:
            return Refused, ""
        case _:
            # 500, 502 and 504 may come after the write; so may what we do not know.
            return Ambiguous, ""


def _error_body(response: httpx.Response) -> _ErrorBody:
    try:
        return msgspec.json.decode(response.content, type=_ErrorBody)
    except msgspec.DecodeError:
        return _ErrorBody()  # A page from a proxy or load balancer in front.
