"""What can go wrong between a client and NewStore."""

from enum import StrEnum
from random import Random
from typing import Annotated, Literal

import msgspec

from streams.sandbox import faults
from streams.sandbox.newstore.errors import ApiError, invalid


class FaultKind(StrEnum):
    """What can go wrong."""

    LATENCY = "latency"  # `after`: the answer is late, the work is done
    FAILURE = "failure"  # an error status
    DROP = "drop"  # the connection closes without an answer
    RATE_LIMIT = "rate_limit"  # 429 and Retry-After
    BLOCKED = "blocked"  # 403 with a page: the older form of rate limiting
    REVOKE_TOKEN = "revoke_token"  # noqa: S105 - the name of a fault
    WRONG_ATP = "wrong_atp"  # the check answers `quantity` more than there is


class FaultRule(faults.Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule; `node_id` and `product_id` narrow a wrong ATP, empty means all."""

    kind: FaultKind
    status: Literal[500, 502, 503, 504] = 500
    page: Literal["json", "html"] = "json"
    retry_after_s: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    quantity: int = 1
    node_id: str = ""
    product_id: str = ""


class Strike(faults.Strike):
    """Everything that goes wrong with one call."""

    before: FaultRule | None = None
    after: FaultRule | None = None
    atp: tuple[FaultRule, ...] = ()
    kinds: tuple[str, ...] = ()


NO_STRIKE = Strike()


class FaultBook(faults.FaultBook[FaultRule, Strike]):
    """The rules in force for NewStore."""

    def __init__(self, random: Random) -> None:
        super().__init__(random, NO_STRIKE)

    def new_strike(self) -> Strike:
        return Strike()

    def refusal(self, text: str) -> ApiError:
        return invalid(text)

    def apply(self, rule: FaultRule, strike: Strike) -> None:
        """Have a rule strike."""
        strike.kinds = (*strike.kinds, rule.kind)
        match rule.kind:
            case FaultKind.LATENCY:
                self.delay(rule, strike)
            case FaultKind.WRONG_ATP:
                strike.atp = (*strike.atp, rule)
            case FaultKind.REVOKE_TOKEN:
                strike.revokes_token = True
            case FaultKind.FAILURE | FaultKind.DROP:
                strike.break_off(rule)
            case FaultKind.RATE_LIMIT | FaultKind.BLOCKED:
                strike.before = strike.before or rule


def wrong_by(rules: tuple[FaultRule, ...], node_id: str, product_id: str) -> int:
    """Return by how much an ATP answer is wrong."""
    return sum(
        rule.quantity
        for rule in rules
        if rule.node_id in ("", node_id) and rule.product_id in ("", product_id)
    )


def read_rule(body: object) -> FaultRule:
    """Read a rule from JSON; what does not fit is refused with its reason."""
    try:
        return msgspec.convert(body, FaultRule)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
