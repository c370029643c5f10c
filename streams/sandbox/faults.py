"""Faults on demand, as every stand-in has them: rules in force, drawn by a seed.

A rule says what, to which requests, and either how likely or how many times. What can
go wrong with a vendor, and how it then answers, is the vendor's own.
"""

import re
from abc import ABC, abstractmethod
from random import Random
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

# Vendors cut requests at 60 s; no client of ours waits for two of those.
LATENCY_S_MAX = 120.0
Seconds = Annotated[float, msgspec.Meta(ge=0, le=LATENCY_S_MAX)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What any rule says; fields that its kind does not use are ignored.

    `when` says whether a latency, failure or drop comes before or after the work is
    done. `path` is a regular expression. Without `count` the rule holds until it is
    removed.
    """

    when: Literal["before", "after"] = "before"
    methods: tuple[str, ...] = ()
    path: str = ""
    probability: Probability = 1.0
    count: Count | None = None
    latency_s: Seconds = 0.0
    jitter_s: Seconds = 0.0


class Strike(msgspec.Struct):
    """Everything that goes wrong with one request."""

    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    revokes_token: bool = False
    before: Rule | None = None
    after: Rule | None = None

    def break_off(self, rule: Rule) -> None:
        """Have the request fail before or after its work; the first rule counts."""
        if rule.when == "before":
            self.before = self.before or rule
        else:
            self.after = self.after or rule


R = TypeVar("R", bound=Rule)
S = TypeVar("S", bound=Strike)


class FaultBook(ABC, Generic[R, S]):
    """The rules in force; `calm` is what strikes while there are none."""

    def __init__(self, random: Random, calm: S) -> None:
        self._random = random
        self._calm = calm
        self._rules: dict[int, R] = {}
        self._left: dict[int, int] = {}
        self._hits: dict[int, int] = {}
        self._last = 0

    @abstractmethod
    def new_strike(self) -> S:
        """Return a strike to which rules add what goes wrong."""

    @abstractmethod
    def apply(self, rule: R, strike: S) -> None:
        """Have a rule strike."""

    @abstractmethod
    def refusal(self, text: str) -> Exception:
        """Return the vendor's words for a rule that makes no sense."""

    def concerns(self, rule: R, method: str, path: str) -> bool:
        """Say whether a rule is about a request."""
        if rule.methods and method not in rule.methods:
            return False
        return re.search(rule.path, path) is not None

    def add(self, rule: R) -> int:
        """Put a rule in force; return its number."""
        try:
            re.compile(rule.path)
        except re.error as error:
            raise self.refusal(f"path: {error}") from None
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

    def draw(self, method: str, path: str) -> S:
        """Decide what goes wrong with one request."""
        if not self._rules:
            return self._calm
        strike = self.new_strike()
        for number, rule in list(self._rules.items()):
            if not self.concerns(rule, method, path):
                continue
            if rule.probability < 1 and self._random.random() >= rule.probability:
                continue
            self._count(number)
            self.apply(rule, strike)
        return strike

    def delay(self, rule: R, strike: S) -> None:
        """Have a latency strike; its jitter is drawn."""
        delay_s = rule.latency_s + self._random.uniform(0, rule.jitter_s)
        if rule.when == "before":
            strike.delay_before_s += delay_s
        else:
            strike.delay_after_s += delay_s

    def _count(self, number: int) -> None:
        self._hits[number] += 1
        if number in self._left:
            self._left[number] -= 1
            if not self._left[number]:
                self.remove(number)
