"""commercetools' error bodies: every refusal of the sandbox is one of these.

Source: commercetools API specification, `types/error/*`. Clients branch on `code`.
"""

from collections.abc import Mapping, Sequence


class ApiError(Exception):
    """A request the vendor would refuse: a status and at least one coded reason."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, object] | None = None,
        *,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or {}
        self.headers = headers

    def body(self) -> dict[str, object]:
        """Return the envelope; `message` repeats the error's (`ErrorResponse`)."""
        error = {"code": self.code, "message": self.message, **self.details}
        return {
            "statusCode": self.status,
            "message": self.message,
            "errors": [error],
        }


class AuthError(ApiError):
    """A refusal in OAuth's words beside commercetools' (`AuthErrorResponse`)."""

    def body(self) -> dict[str, object]:
        """Return the envelope with RFC 6749's `error` and `error_description`."""
        return super().body() | {
            "error": self.code,
            "error_description": self.message,
        }


def invalid_json(detail: str) -> ApiError:
    """Refuse a body that is not JSON or not of the expected shape."""
    return ApiError(
        400,
        "InvalidJsonInput",
        "Request body does not contain valid JSON.",
        {"detailedErrorMessage": detail},
    )


def invalid_input(message: str) -> ApiError:
    """Refuse a well-formed request whose content is wrong."""
    return ApiError(400, "InvalidInput", message)


def malformed(parameter: str, reason: str) -> ApiError:
    """Refuse a query parameter."""
    return invalid_input(f"Malformed parameter: {parameter}: {reason}")


def invalid_operation(message: str) -> ApiError:
    """Refuse an operation that the resource's state does not allow."""
    return ApiError(400, "InvalidOperation", message)


def invalid_field(
    field: str, value: object, allowed: Sequence[object] | None = None
) -> ApiError:
    """Refuse a value that its field cannot hold."""
    details = {} if allowed is None else {"allowedValues": list(allowed)}
    return ApiError(
        400,
        "InvalidField",
        f"The value '{value}' is not valid for field '{field}'.",
        {"field": field, "invalidValue": value, **details},
    )


def required_field(field: str) -> ApiError:
    """Refuse a resource that lacks a value which its type requires."""
    return ApiError(
        400,
        "RequiredField",
        f"A value is required for field '{field}'.",
        {"field": field},
    )


def duplicate_field(field: str, value: str, combination: str = "") -> ApiError:
    """Refuse a value that is taken.

    The wording, with its quotes and the `combination`, is what commercetools sent to
    users in `commercetools/commercetools-project-sync` issue 301 and pull request 310.
    """
    return ApiError(
        400,
        "DuplicateField",
        f"A duplicate value '\"{value}\"' exists for field '{field}'{combination}.",
        {"field": field, "duplicateValue": value},
    )


def reference_not_found(type_id: str, name: str, value: str) -> ApiError:
    """Refuse a reference to something absent; `name` is `id` or `key`."""
    return ApiError(
        400,
        "ReferencedResourceNotFound",
        f"The referenced object of type '{type_id}' with {name} '{value}' was not "
        "found. It either doesn't exist, or it can't be accessed from this endpoint.",
        {"typeId": type_id, name: value},
    )


def out_of_stock(line_ids: Sequence[str], skus: Sequence[str]) -> ApiError:
    """Refuse an order whose lines cannot be supplied."""
    return ApiError(
        400,
        "OutOfStock",
        "Some line items are out of stock at the time of placing the order: "
        f"{', '.join(skus)}.",
        {"lineItems": list(line_ids), "skus": list(skus)},
    )


def not_found(name: str, value: str) -> ApiError:
    """Answer for a resource that is not there; `name` is `ID` or `key`."""
    return ApiError(
        404, "ResourceNotFound", f"The Resource with {name} '{value}' was not found."
    )


def concurrent_modification(
    resource_id: str, *, expected: int, current: int
) -> ApiError:
    """Refuse an update made against another version than the stored one."""
    return ApiError(
        409,
        "ConcurrentModification",
        f"Object {resource_id} has a different version than expected. "
        f"Expected: {expected} - Actual: {current}.",
        {"currentVersion": current},
    )


def limit_exceeded(resource: str, maximum: int) -> ApiError:
    """Refuse one resource more than a project may have."""
    return ApiError(
        400,
        "MaxResourceLimitExceeded",
        f"Only {maximum} resources of type '{resource}' are allowed.",
        {"exceededResource": resource},
    )


def missing_role(channel_key: str, role: str) -> ApiError:
    """Refuse a channel that lacks a role."""
    return ApiError(
        400,
        "MissingRoleOnChannel",
        f"Given channel with {channel_key} does not have the required role {role}.",
        {"channel": {"typeId": "channel", "key": channel_key}, "missingRole": role},
    )
