"""A case of the exceptions list and its records, as a stage keeps them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from streams.domain.exception_kinds import kind_of
from streams.domain.exception_moves import act, fold_parking, fold_success
from streams.domain.exceptions import (
    Act,
    Case,
    CaseRecord,
    Parking,
    Refused,
    State,
    Trouble,
    Version,
)

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
TROUBLE = Trouble(
    "intake", "events", "order-1", "unknown_sku", "payload.items[0].product_id", "NEW"
)


def after(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def parking(
    offset: int = 0, *, at: int = 0, done_until: int = -1, reason: str = "unknown_sku"
) -> Parking:
    return Parking(
        trouble=TROUBLE._replace(reason=reason),
        version=Version(offset, after(at)),
        sentence=f"{reason}: mend it.",
        kind=kind_of(reason),
        entity_type="order",
        done_until=done_until,
    )


@dataclass
class Desk:
    """A case and its records, as a stage keeps them."""

    case: Case | None = None
    records: dict[str, CaseRecord] = field(default_factory=dict)

    def park(self, name: str, what: Parking) -> None:
        self.case, self.records[name] = fold_parking(
            self.case, self.records.get(name), what, "0-abc"
        )

    def succeed(self, name: str, until: int, *, at: int = 0) -> None:
        assert self.case is not None
        self.case, self.records[name] = fold_success(
            self.case, self.records[name], until, after(at), "intake"
        )

    def ask(self, what: Act, **more: str) -> Refused | None:
        assert self.case is not None
        answer = act(self.case, what, who="ann", at=after(99), **more)
        if isinstance(answer, Refused):
            return answer
        self.case = answer
        return None

    def state(self) -> State:
        assert self.case is not None
        return self.case.state


def desk(*offsets: int) -> Desk:
    made = Desk()
    for offset in offsets or (0,):
        made.park(f"r{offset}", parking(offset))
    return made
