"""What a stock adjustment means: which two accounts it moves units between.

Types and reasons are free text of each retailer, so the answer is a table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from streams.domain.movements import Account, Outside, Pool

ANY = "*"

DEFAULT_POOLS: Mapping[str, Pool] = {
    "main": Pool.MAIN,
    "damaged": Pool.DAMAGED,
    "held": Pool.HELD,
    "reserved": Pool.HELD,
    "reservations": Pool.HELD,
    "in_transit": Pool.IN_TRANSIT,
}
"""Names of NewStore's stock locations as our pools. What the shop calls reserved is set
aside by hand; our pool `reserved` is kept by the ledger alone, so those are held."""


class Unclear(StrEnum):
    """Why an adjustment cannot be understood."""

    ORIGIN = "unknown origin"
    DESTINATION = "unknown destination"
    NOTHING = "neither origin nor destination nor rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentRule:
    """What the sides that an adjustment leaves out mean, for one type and reason.

    Attributes:
        type, reason: As the retailer writes them, case ignored; `*` fits any.
        source, target: The account where the event names none; None: the default.
        ignored: This adjustment only repeats what another event says.
    """

    type: str
    reason: str = ANY
    source: Account | None = None
    target: Account | None = None
    ignored: bool = False


DAMAGE_OUT = AdjustmentRule(
    type="Damage out", reason="Damaged", source=Pool.MAIN, target=Pool.DAMAGED
)
"""Seen in the field: origin `main`, no destination, and meant as a move to damaged."""


@dataclass(frozen=True, slots=True)
class Move:
    """Units go from one account to another; both the same means nothing moves."""

    source: Account
    target: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentTable:
    """All rules of a retailer; the most exact one wins."""

    rules: tuple[AdjustmentRule, ...] = (DAMAGE_OUT,)
    pools: Mapping[str, Pool] = field(default_factory=lambda: DEFAULT_POOLS)
    _by_name: dict[tuple[str, str], AdjustmentRule] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _pool_by_name: dict[str, Pool] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for rule in self.rules:
            self._by_name[_plain(rule.type), _plain(rule.reason)] = rule
        for name, pool in self.pools.items():
            self._pool_by_name[_plain(name)] = pool

    def rule_for(self, type_: str, reason: str) -> AdjustmentRule | None:
        """Find the rule: type and reason, then type alone, then reason alone."""
        for name in (
            (_plain(type_), _plain(reason)),
            (_plain(type_), ANY),
            (ANY, _plain(reason)),
            (ANY, ANY),
        ):
            rule = self._by_name.get(name)
            if rule is not None:
                return rule
        return None

    def move(
        self, type_: str, reason: str, origin: str, destination: str
    ) -> Move | Unclear | None:
        """Say what an adjustment moves; None where a rule says it moves nothing.

        A side named by the event wins over the rule. Without either, units that leave
        are written off (shrink), units that come were found (unknown).
        """
        rule = self.rule_for(type_, reason)
        if rule is not None and rule.ignored:
            return None
        source: Account | None = self._pool_by_name.get(_plain(origin))
        if origin and source is None:
            return Unclear.ORIGIN
        target: Account | None = self._pool_by_name.get(_plain(destination))
        if destination and target is None:
            return Unclear.DESTINATION
        if rule is not None:
            source = source or rule.source
            target = target or rule.target
        if not isinstance(source, Pool) and not isinstance(target, Pool):
            return Unclear.NOTHING
        return Move(source or Outside.UNKNOWN, target or Outside.SHRINK)


def with_rules(extra: Iterable[AdjustmentRule]) -> AdjustmentTable:
    """Build a table of the known default and a retailer's own rules; the latter win."""
    return AdjustmentTable(rules=(DAMAGE_OUT, *extra))


def _plain(name: str) -> str:
    return "_".join(name.replace("_", " ").casefold().split())
