"""Faults on demand: what goes wrong between a client and the vendor, drawn by a seed.

A rule says what, to which calls, and either how likely or how many times.
"""

import re
from enum import StrEnum
from random import Random
from typing import Annotated, Literal

import msgspec

from streams.sandbox.newstore.errors import invalid

LATENCY_S_MAX = 120.0
Seconds = Annotated[float, msgspec.Meta(ge=0, le=LATENCY_S_MAX)]


class FaultKind(StrEnum):
    """What can go wrong."""

    LATENCY = "latency"  # `after`: the answer is late, the work is done
    FAILURE = "failure"  # an error status
    DROP = "drop"  # the connection closes without an answer
    RATE_LIMIT = "rate_limit"  # 429 and Retry-After
    BLOCKED = "blocked"  # 403 with a page: the older form of rate limiting
    REVOKE_TOKEN = "revoke_token"  # noqa: S105 - the name of a fault
    WRONG_ATP = "wrong_atp"  # the check answers `quantity` more than there is


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule; fields that its kind does not use are ignored.

    `when` says whether a latency, failure or drop comes before or after the work is
    done. `path` is a regular expression. Without `count` the rule holds until it is
    removed. `node_id` and `product_id` narrow a wrong ATP; empty means all.
    """

    kind: FaultKind
    when: Literal["before", "after"] = "before"
    methods: tuple[str, ...] = ()
    path: str = ""
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    status: Literal[500, 502, 503, 504] = 500
    page: Literal["json", "html"] = "json"
    retry_after_s: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    latency_s: Seconds = 0.0
    jitter_s: Seconds = 0.0
    quantity: int = 1
    node_id: str = ""
    product_id: str = ""


class Strike(msgspec.Struct):
    """Everything that goes wrong with one call."""

    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    revokes_token: bool = False
    before: FaultRule | None = None
    after: FaultRule | None = None
    atp: tuple[FaultRule, ...] = ()
    kinds: tuple[str, ...] = ()


NO_STRIKE = Strike()


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
            raise invalid(f"path: {error}") from None
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
        """Describe the rules in force."""
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
        """Decide what goes wrong with one call."""
        if not self._rules:
            return NO_STRIKE
        strike = Strike()
        for number, rule in list(self._rules.items()):
            if rule.methods and method not in rule.methods:
                continue
            if re.search(rule.path, path) is None:
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
        strike.kinds = (*strike.kinds, rule.kind)
        match rule.kind:
            case FaultKind.LATENCY:
                delay_s = rule.latency_s + self._random.uniform(0, rule.jitter_s)
                if rule.when == "before":
                    strike.delay_before_s += delay_s
                else:
                    strike.delay_after_s += delay_s
            case FaultKind.WRONG_ATP:
                strike.atp = (*strike.atp, rule)
            case FaultKind.REVOKE_TOKEN:
                strike.revokes_token = True
            case FaultKind.FAILURE | FaultKind.DROP if rule.when == "after":
                strike.after = strike.after or rule
            case _:
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
