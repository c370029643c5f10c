"""Faults on demand: what goes wrong between a client and a vendor, drawn by a seed.

A rule says what, to which requests, and either how likely or how many times.
"""

import re
from enum import StrEnum
from random import Random
from typing import Annotated, Literal

import msgspec

from streams.sandbox.commercetools.errors import ApiError, invalid_json

# The vendor cuts requests at 60 s; no client of ours waits for two of those.
LATENCY_S_MAX = 120.0
Seconds = Annotated[float, msgspec.Meta(ge=0, le=LATENCY_S_MAX)]


class FaultKind(StrEnum):
    """What can go wrong."""

    LATENCY = "latency"
    FAILURE = "failure"  # an error status
    DROP = "drop"  # the connection closes without an answer
    CONFLICT = "conflict"  # another client writes the resource just before
    RATE_LIMIT = "rateLimit"
    REVOKE_TOKEN = "revokeToken"  # noqa: S105 - the name of a fault


class FaultRule(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
):
    """One rule; fields that its kind does not use are ignored.

    `when` says whether a latency, failure or drop comes before or after the work is
    done. `page` html answers as a load balancer does. `quantity` is what the other
    client of a conflict adds to the entry. `path` is a regular expression. Without
    `count` the rule holds until it is removed.
    """

    kind: FaultKind
    when: Literal["before", "after"] = "before"
    methods: tuple[str, ...] = ()
    path: str = ""
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    status: Literal[500, 502, 503, 504] = 503
    page: Literal["json", "html"] = "json"
    retry_after_s: Annotated[float, msgspec.Meta(ge=0)] | None = None
    latency_s: Seconds = 0.0
    jitter_s: Seconds = 0.0
    quantity: int = 0


class Strike(msgspec.Struct):
    """Everything that goes wrong with one request."""

    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    revokes_token: bool = False
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


class FaultBook:
    """The rules in force."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._rules: dict[int, FaultRule] = {}
        self._left: dict[int, int] = {}
        self._hits: dict[int, int] = {}
        self._last = 0

    def add(self, rule: FaultRule) -> int:
        """Put a rule in force; return its number."""
        try:
            re.compile(rule.path)
        except re.error as error:
            raise invalid_json(f"path: {error}") from None
        self._last += 1
        self._rules[self._last] = rule
        self._hits[self._last] = 0
        if rule.count is not None:
            self._left[self._last] = rule.count
        return self._last

    def remove(self, number: int) -> bool:
        """Take a rule out of force; tell whether it was."""
        self._left.pop(number, None)
        return self._rules.pop(number, None) is not None

    def clear(self) -> None:
        """Take all rules out of force."""
        self._rules.clear()
        self._left.clear()

    def hits(self, number: int) -> int:
        """Return how often a rule has struck, also when it is no longer in force."""
        return self._hits.get(number, 0)

    def bodies(self) -> list[dict[str, object]]:
        """Describe the rules in force for `GET /_sandbox/faults`."""
        return [
            {
                "id": number,
                "hits": self._hits[number],
                "left": self._left.get(number),
                "rule": rule,
            }
            for number, rule in self._rules.items()
        ]

    def draw(self, method: str, path: str) -> Strike:
        """Decide what goes wrong with one request."""
        if not self._rules:
            return NO_STRIKE
        strike = Strike()
        for number, rule in list(self._rules.items()):
            if not _concerns(rule, method, path):
                continue
            if rule.probability < 1 and self._random.random() >= rule.probability:
                continue
            self._count(number)
            self._apply(rule, strike)
        return strike

    def _count(self, number: int) -> None:
        self._hits[number] += 1
        if number in self._left:
            self._left[number] -= 1
            if not self._left[number]:
                self.remove(number)

    def _apply(self, rule: FaultRule, strike: Strike) -> None:
        match rule.kind:
            case FaultKind.LATENCY:
                delay_s = rule.latency_s + self._random.uniform(0, rule.jitter_s)
                if rule.when == "before":
                    strike.delay_before_s += delay_s
                else:
                    strike.delay_after_s += delay_s
            case FaultKind.FAILURE | FaultKind.DROP:
                if rule.when == "before":
                    strike.before = strike.before or rule
                else:
                    strike.after = strike.after or rule
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


def _concerns(rule: FaultRule, method: str, path: str) -> bool:
    if rule.methods and method not in rule.methods:
        return False
    if rule.kind is FaultKind.CONFLICT:
        is_update = method in ("POST", "DELETE") and UPDATES.search(path) is not None
        return is_update and re.search(rule.path, path) is not None
    return re.search(rule.path, path) is not None
