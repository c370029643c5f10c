"""NewStore's refusals: a status, a code and a sentence.

Two wordings are public: `error_code` with `error_description` (Fulfillment Provider
API) and `error_code` with `message` (Order Injection API, seen in public code). Both
are sent. Codes other than the ones cited where they are raised are ours.
"""

from collections.abc import Sequence


class ApiError(Exception):
    """A request the vendor would refuse."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    def body(self) -> dict[str, object]:
        """Return the error's body."""
        return {
            "error_code": self.code,
            "message": self.message,
            "error_description": self.message,
        }


class AuthError(ApiError):
    """A refusal of the token endpoint, in OAuth's words (RFC 6749, section 5.2)."""

    def body(self) -> dict[str, object]:
        """Return OAuth's error."""
        return {"error": self.code, "error_description": self.message}


def invalid(message: str) -> ApiError:
    """Refuse a body that is not what the operation takes."""
    return ApiError(400, "invalid_request", message)


def not_found(what: str, name: str) -> ApiError:
    """Answer for something that is not there."""
    return ApiError(404, "not_found", f"{what} '{name}' was not found.")


def not_allowed(code: str, message: str) -> ApiError:
    """Refuse an operation that the state of things does not allow."""
    return ApiError(400, code, message)
