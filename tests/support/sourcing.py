"""A sourcing run with a ledger and a NewStore around it, both by their rules."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from streams.domain.order_answers import (
    InjectionRefused,
    OrderInjected,
    StockChecked,
    StockFound,
)
from streams.domain.reference import Location, Product, Reference
from streams.domain.reservations import (
    Offer,
    RequestKind,
    ReservationAnswer,
    ReservationOutcome,
    ReservationRequest,
)
from streams.domain.sourcing import on_reply, start
from streams.domain.sourcing_choice import SourcedUnit, SourcingRules
from streams.domain.sourcing_run import (
    ATTEMPTS_IN_RUN,
    CheckStock,
    Injection,
    Phase,
    Release,
    Sourcing,
    Step,
)

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
NUMBER = "W-1"
SKUS = ("TEE", "CAP")
PLACES = ("LDN01", "MAN01", "PAR01")
FALLBACKS = {"LDN01": "PAR01"}


def rules(**changes: object) -> SourcingRules:
    """Return rules for three enabled places, in their order."""
    reference = Reference()
    for place in PLACES:
        reference.put_location(
            Location(location_id=place, fallback_location_id=FALLBACKS.get(place, ""))
        )
    for sku in SKUS:
        reference.put_product(Product(sku=sku))
    settings = {"reference": reference, "locations": PLACES, **changes}
    return SourcingRules(**settings)  # type: ignore[arg-type]  # named by the tests


def units(*skus: str, wish: str = "") -> tuple[SourcedUnit, ...]:
    return tuple(SourcedUnit(f"li#{i}", sku, wish) for i, sku in enumerate(skus, 1))


@dataclass
class Ledger:
    """Stock by SKU and place; a request's answer is remembered, a release may be early.

    Where a unit stands follows from its latest attempt and the releases known, as in
    `streams.domain.units`.
    """

    stock: Counter[tuple[str, str]] = field(default_factory=Counter)
    latest: dict[str, tuple[tuple[int, int], str, str]] = field(default_factory=dict)
    undone: set[tuple[str, str, int, int]] = field(default_factory=set)
    answers: dict[str, ReservationAnswer] = field(default_factory=dict)
    grants: list[tuple[str, str, int]] = field(default_factory=list)

    def standing(self) -> dict[str, tuple[str, str]]:
        """Return SKU and place of each unit that is reserved."""
        return {
            unit: (sku, place)
            for unit, ((rank, attempt), sku, place) in self.latest.items()
            if (unit, place, rank, attempt) not in self.undone
        }

    def ask(self, request: ReservationRequest) -> ReservationAnswer:
        known = self.answers.get(request.request_id)
        if known is not None:
            return known
        offers = self._offers(request)
        outcome = ReservationOutcome.QUOTED
        if request.kind == RequestKind.RESERVE:
            free = {offer.location_id: offer.available for offer in offers}
            granted = free.get(request.location_id, 0) >= len(request.unit_ids)
            outcome = ReservationOutcome.DECLINED
            if granted:
                outcome = ReservationOutcome.GRANTED
                self._grant(request)
        answer = ReservationAnswer(
            request_id=request.request_id,
            order_number=request.order_number,
            sku=request.sku,
            outcome=outcome,
            location_id=request.location_id,
            offers=offers,
        )
        self.answers[request.request_id] = answer
        return answer

    def release(self, release: Release, number: str = NUMBER) -> None:
        unit = f"{number}/{release.unit}"
        place, rank = release.location_id, release.rank
        assert place, "a release without a place is final"
        self.undone.add((unit, place, rank, release.attempt))

    def _grant(self, request: ReservationRequest) -> None:
        order = (request.rank, request.attempt)
        for unit in request.unit_ids:
            run = request.attempt // ATTEMPTS_IN_RUN
            self.grants.append((unit, request.location_id, run))
            if unit not in self.latest or order > self.latest[unit][0]:
                self.latest[unit] = (order, request.sku, request.location_id)

    def _offers(self, request: ReservationRequest) -> tuple[Offer, ...]:
        standing = self.standing()
        taken = Counter(standing.values())
        own = Counter(standing[u] for u in request.unit_ids if u in standing)
        return tuple(
            Offer(
                location_id=place,
                available=self.stock[request.sku, place]
                - taken[request.sku, place]
                + own[request.sku, place],
            )
            for place in PLACES
        )


def checked(
    owed: CheckStock | None,
    at: datetime = NOW,
    *,
    trouble: str = "",
    **numbers: int | None,
) -> StockChecked:
    """Answer a check: for every place enough, unless a number is given for it."""
    assert owed is not None
    found = tuple(
        StockFound(
            sku=need.sku,
            location_id=need.location_id,
            available=numbers.get(need.location_id, need.quantity),
        )
        for need in owed.needs
    )
    return StockChecked(
        order_number=owed.order_number,
        run=owed.run,
        round=owed.round,
        check=owed.check,
        found=() if trouble else found,
        answered_at=at,
        trouble=trouble,
    )


def injected(owed: Injection | None) -> OrderInjected:
    assert owed is not None
    return OrderInjected(
        order_number=owed.order_number,
        run=owed.run,
        external_id=owed.external_id,
        newstore_id=f"ns-{owed.run}",
        items=tuple((p.unit, f"uuid-{owed.run}-{p.unit}") for p in owed.placements),
    )


def refused(owed: Injection | None) -> InjectionRefused:
    assert owed is not None
    return InjectionRefused(
        order_number=owed.order_number,
        run=owed.run,
        external_id=owed.external_id,
        reason="product_unknown",
        sentence="NewStore does not know TEE.",
    )


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


RULES = rules()


def begin(
    *skus: str, wish: str = "", using: SourcingRules = RULES, run: int = 1
) -> Step:
    return start(
        NUMBER, run, units(*skus, wish=wish), country="GB", now=NOW, rules=using
    )


def answered(step: Step, ledger: Ledger, using: SourcingRules = RULES) -> Step:
    """Let the ledger hear everything, and go on until nothing more is asked."""
    sourcing, requests = step.sourcing, list(step.requests)
    for release in step.releases:
        ledger.release(release)
    while requests:
        step = on_reply(sourcing, ledger.ask(requests.pop(0)), NOW, using)
        sourcing = step.sourcing
        requests += step.requests
        for release in step.releases:
            ledger.release(release)
    return Step(sourcing)


def stocked(**numbers: int) -> Ledger:
    """Make a ledger with `TEE_LDN01=2` and the like."""
    ledger = Ledger()
    for name, number in numbers.items():
        sku, _, place = name.partition("_")
        ledger.stock[sku, place] = number
    return ledger


def at_check(*skus: str, ledger: Ledger, using: SourcingRules = RULES) -> Sourcing:
    sourcing = answered(begin(*skus, using=using), ledger, using).sourcing
    assert sourcing.phase == Phase.CHECKING
    return sourcing


def places(sourcing: Sourcing) -> dict[str, str]:
    return {p.unit: p.location_id for p in sourcing.plan}
