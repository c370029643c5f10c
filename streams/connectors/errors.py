"""What can go wrong with a vendor's HTTP API; each error says whether to try again.

Foreign errors (httpx, authlib, a vendor's error body) are translated at the edge.
"""

from dataclasses import dataclass


@dataclass(eq=False)
class ConnectorError(Exception):
    """Anything a vendor's API, or the way to it, did not do.

    Attributes:
        message: What is wrong, for a person; holds no secret and no personal data.
        reason: A short code, the vendor's own where there is one.
        status: The HTTP status; 0 where no answer came.
        retry_after_s: How long the vendor asks us to wait; None if it does not say.
    """

    message: str
    reason: str = ""
    status: int = 0
    retry_after_s: float | None = None
    correlation_id: str = ""

    retriable = False

    def __str__(self) -> str:
        return self.message


class Ambiguous(ConnectorError):
    """No answer or a failing one: the request may have been applied, or may not."""

    retriable = True


class Unavailable(ConnectorError):
    """The vendor could not be reached or is over capacity; nothing was applied."""

    retriable = True


class Throttled(Unavailable):
    """We are too fast; nothing was applied."""


class VersionConflict(ConnectorError):
    """Another version is stored than the one we named: re-read and decide again."""

    retriable = True


class Overtaken(ConnectorError):
    """The entry was told something later: by our successor, or by another history."""

    retriable = True


class Refused(ConnectorError):
    """The vendor will not take this request, however often it is sent."""


class NotFound(Refused):
    """There is no such resource."""


class Duplicate(Refused):
    """A unique field is taken; for a create of ours this may mean: already done."""


class Misconfigured(ConnectorError):
    """A person must change something before any such request can succeed."""


class Unauthorised(Misconfigured):
    """The credentials were not accepted, or lack a scope."""


class TypeMissing(Misconfigured):
    """commercetools does not have the custom type that carries our fields."""


class ChannelMissing(Misconfigured):
    """commercetools does not have the supply channel that a location names."""


class StateMissing(Misconfigured):
    """commercetools does not have the line item states or the type that we need."""


class OrderUnknown(ConnectorError):
    """commercetools does not have the order, or not yet."""

    retriable = True
