"""What can go wrong between a client and commercetools, and how it is then answered."""

import re
from enum import StrEnum
from random import Random
from typing import Annotated, Literal

import msgspec

from streams.sandbox import faults
from streams.sandbox.commercetools.errors import ApiError, invalid_json


class FaultKind(StrEnum):
    """What can go wrong."""

    LATENCY = "latency"
    FAILURE = "failure"  # an error status
    DROP = "drop"  # the connection closes without an answer
    CONFLICT = "conflict"  # another client writes the resource just before
    RATE_LIMIT = "rateLimit"
    REVOKE_TOKEN = "revokeToken"  # noqa: S105 - the name of a fault


class FaultRule(
    faults.Rule, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """One rule; fields that its kind does not use are ignored.

    `page` html answers as a load balancer does. `quantity` is what the other client of
    a conflict adds to the entry.
    """

    kind: FaultKind
    status: Literal[500, 502, 503, 504] = 503
    page: Literal["json", "html"] = "json"
    retry_after_s: Annotated[float, msgspec.Meta(ge=0)] | None = None
    quantity: int = 0
    # Said again, because only fields of its own are renamed.
    latency_s: faults.Seconds = 0.0
    jitter_s: faults.Seconds = 0.0


class Strike(faults.Strike):
    """Everything that goes wrong with one request."""

    is_rate_limited: bool = False
    retry_after_s: float = 1.0
    conflicts: tuple[int, ...] = ()
    before: FaultRule | None = None
    after: FaultRule | None = None


NO_STRIKE = Strike()
# Creations have addresses under the collection, too; they write nothing that is held.
UPDATES = re.compile(
    r"/(inventory|orders|payments|customers|carts|states)/(?!import$).+"
)
CODES = {500: "General", 502: "BadGateway", 503: "OverCapacity", 504: "GatewayTimeout"}


class FaultBook(faults.FaultBook[FaultRule, Strike]):
    """The rules in force for commercetools."""

    def __init__(self, random: Random) -> None:
        super().__init__(random, NO_STRIKE)

    def new_strike(self) -> Strike:
        return Strike()

    def refusal(self, text: str) -> ApiError:
        return invalid_json(text)

    def concerns(self, rule: FaultRule, method: str, path: str) -> bool:
        """Say whether a rule is about a request; a conflict needs an update."""
        if rule.kind is FaultKind.CONFLICT and not (
            method in ("POST", "DELETE") and UPDATES.search(path)
        ):
            return False
        return super().concerns(rule, method, path)

    def apply(self, rule: FaultRule, strike: Strike) -> None:
        """Have a rule strike."""
        match rule.kind:
            case FaultKind.LATENCY:
                self.delay(rule, strike)
            case FaultKind.FAILURE | FaultKind.DROP:
                strike.break_off(rule)
            case FaultKind.CONFLICT:
                strike.conflicts = (*strike.conflicts, rule.quantity)
            case FaultKind.RATE_LIMIT:
                strike.is_rate_limited = True
                strike.retry_after_s = rule.retry_after_s or 1.0
            case FaultKind.REVOKE_TOKEN:
                strike.revokes_token = True


def read_rule(body: object) -> FaultRule:
    """Read a rule from JSON; what does not fit is refused with its reason."""
    try:
        return msgspec.convert(body, FaultRule)
    except msgspec.ValidationError as error:
        raise invalid_json(str(error)) from None


def failure(rule: FaultRule) -> ApiError:
    """Build the error that a failure rule answers with."""
    headers = []
    if rule.retry_after_s:
        headers.append(("Retry-After", f"{rule.retry_after_s:.0f}"))
    return ApiError(
        rule.status,
        CODES[rule.status],
        "The request could not be completed.",
        headers=headers,
    )
