"""Laws of sourcing, whatever is lost, repeated, late or out of order.

Never two places for a unit, never a confirmation without NewStore's word, what was
granted is confirmed or released in the end, and there is an end.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streams.domain.order_answers import StockChecked
from streams.domain.reservations import ReservationAnswer, ReservationRequest
from streams.domain.sourcing import (
    cancel,
    on_checked,
    on_injected,
    on_refused,
    on_reply,
    on_time,
    start,
)
from streams.domain.sourcing_run import (
    CheckStock,
    Injection,
    Phase,
    Release,
    Sourcing,
    Step,
)
from tests.support.sourcing import (
    NOW,
    NUMBER,
    PLACES,
    SKUS,
    Ledger,
    checked,
    injected,
    refused,
    rules,
    units,
)


@dataclass
class World:
    """One order, its ledger and its NewStore; messages may take any way and time."""

    rules = rules(rounds_max=4)
    ledger: Ledger = field(default_factory=Ledger)
    now: datetime = NOW
    requests: list[ReservationRequest] = field(default_factory=list)
    replies: list[ReservationAnswer] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    checks: list[tuple[CheckStock, StockChecked]] = field(default_factory=list)
    injections: list[Injection] = field(default_factory=list)
    said_enough: set[tuple[int, int, int]] = field(default_factory=set)
    bodies: dict[str, Injection] = field(default_factory=dict)
    confirmed: dict[str, tuple[int, str]] = field(default_factory=dict)
    failed: dict[tuple[str, str], int] = field(default_factory=dict)
    sourcing: Sourcing | None = None

    @property
    def run(self) -> Sourcing:
        assert self.sourcing is not None
        return self.sourcing

    def take(self, step: Step) -> None:
        before = self.sourcing
        # As it will be stored: nothing may be lost by that.
        stored = msgspec.json.encode(step.sourcing)
        self.sourcing = msgspec.json.decode(stored, type=Sourcing)
        assert self.sourcing == step.sourcing
        self.requests += step.requests
        self.releases += step.releases
        if before is not None and step.sourcing.run == before.run:
            self._judge(before, step.sourcing)

    def _judge(self, before: Sourcing, after: Sourcing) -> None:
        for tried in after.tried[len(before.tried) :]:
            if tried.why == "checked":
                place = (f"{NUMBER}/{tried.unit}", tried.location_id)
                self.failed[place] = after.run
        if before.phase != Phase.INJECTING and after.phase == Phase.INJECTING:
            assert (before.run, before.round, before.checks) in self.said_enough
        if before.phase != Phase.CONFIRMED and after.phase == Phase.CONFIRMED:
            for placement in after.plan:
                assert placement.unit not in self.confirmed
                self.confirmed[placement.unit] = (after.run, placement.location_id)
        owed = after.owed_injection()
        if owed is not None:
            known = self.bodies.setdefault(owed.external_id, owed)
            assert known == owed, "the body of an injection must never change"

    def hear_reply(self, reply: ReservationAnswer) -> None:
        self.take(on_reply(self.run, reply, self.now, self.rules))

    def hear_check(self, owed: CheckStock, answer: StockChecked) -> None:
        self.take(on_checked(self.run, answer, self.now, self.rules))

    def answer_check(self, numbers: dict[str, int | None], trouble: str) -> None:
        owed = self.run.owed_check()
        if owed is None:
            return
        answer = checked(owed, self.now, trouble=trouble, **numbers)
        found = {(f.sku, f.location_id): f.available for f in answer.found}
        if all((found.get(n[:2]) or 0) >= n.quantity for n in owed.needs):
            self.said_enough.add((owed.run, owed.round, owed.check))
        self.checks.append((owed, answer))

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.take(on_time(self.run, self.now, self.rules))


NUMBERS = st.dictionaries(
    st.sampled_from(PLACES), st.one_of(st.none(), st.integers(0, 3))
)


class Sourcings(RuleBasedStateMachine):
    """Everything that can happen to a run, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(
        stock=st.lists(st.integers(0, 3), min_size=6, max_size=6),
        skus=st.lists(st.sampled_from(SKUS), min_size=1, max_size=4),
        wish=st.sampled_from(["", *PLACES]),
    )
    def begin(self, stock: list[int], skus: list[str], wish: str) -> None:
        keys = [(sku, place) for sku in SKUS for place in PLACES]
        self.world.ledger.stock.update(dict(zip(keys, stock, strict=True)))
        step = start(
            NUMBER,
            1,
            units(*skus, wish=wish),
            country="",
            now=NOW,
            rules=self.world.rules,
        )
        self.world.take(step)

    @rule(pick=st.randoms(use_true_random=False), keep=st.booleans())
    def ledger_answers(self, pick: random.Random, keep: bool) -> None:
        world = self.world
        if world.requests:
            request = pick.choice(world.requests)
            if not keep:
                world.requests.remove(request)
            world.replies.append(world.ledger.ask(request))

    @rule(steps=st.integers(1, 12))
    def all_goes_well_for_a_while(self, steps: int) -> None:
        for _ in range(steps):
            owed = self.world.run.owed_check() or self.world.run.owed_injection()
            if owed is not None and not self.world.requests:
                return
            self._quiet_step()

    @rule(pick=st.randoms(use_true_random=False), keep=st.booleans())
    def reply_arrives(self, pick: random.Random, keep: bool) -> None:
        world = self.world
        if world.replies:
            reply = pick.choice(world.replies)
            if not keep:
                world.replies.remove(reply)
            world.hear_reply(reply)

    @rule(pick=st.randoms(use_true_random=False))
    def release_arrives(self, pick: random.Random) -> None:
        if self.world.releases:
            release = pick.choice(self.world.releases)
            self.world.releases.remove(release)
            self.world.ledger.release(release)

    @rule(pick=st.randoms(use_true_random=False))
    def request_is_late(self, pick: random.Random) -> None:
        pick.shuffle(self.world.requests)

    @rule(numbers=NUMBERS, trouble=st.sampled_from(["", "", "no answer"]))
    def newstore_is_asked(self, numbers: dict[str, int | None], trouble: str) -> None:
        self.world.answer_check(numbers, trouble)

    @rule(pick=st.randoms(use_true_random=False), keep=st.booleans())
    def check_arrives(self, pick: random.Random, keep: bool) -> None:
        world = self.world
        if world.checks:
            check = pick.choice(world.checks)
            if not keep:
                world.checks.remove(check)
            world.hear_check(*check)

    @rule()
    def order_is_sent(self) -> None:
        owed = self.world.run.owed_injection()
        if owed is not None:
            self.world.injections.append(owed)

    @rule(pick=st.randoms(use_true_random=False), keep=st.booleans())
    def injection_arrives(self, pick: random.Random, keep: bool) -> None:
        world = self.world
        if world.injections:
            owed = pick.choice(world.injections)
            if not keep:
                world.injections.remove(owed)
            world.take(on_injected(world.run, injected(owed)))

    @rule(pick=st.randoms(use_true_random=False))
    def refusal_arrives(self, pick: random.Random) -> None:
        world = self.world
        if world.injections:
            owed = pick.choice(world.injections)
            # NewStore either has an order or refuses it, never both.
            world.injections = [o for o in world.injections if o.run != owed.run]
            if world.run.phase != Phase.CONFIRMED:
                world.take(on_refused(world.run, refused(owed)))

    @rule(seconds=st.sampled_from([0.5, 11.0, 25.0, 301.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def ledger_is_silent_for_long(self) -> None:
        for _ in range(6):
            self.world.pass_time(400.0)

    @rule(unit=st.integers(1, 4))
    def unit_is_cancelled(self, unit: int) -> None:
        world = self.world
        world.take(cancel(world.run, [f"li#{unit}"], world.now, world.rules))

    @rule()
    def fulfilment_fails(self) -> None:
        world = self.world
        run = world.run
        if run.phase != Phase.CONFIRMED or run.run >= 3:
            return
        failed = run.plan[0]
        del world.confirmed[failed.unit]
        world.failed[f"{NUMBER}/{failed.unit}", failed.location_id] = run.run
        rank = run.rank + 100
        world.ledger.latest[f"{NUMBER}/{failed.unit}"] = ((rank, 0), failed.sku, "-")
        world.ledger.undone.add((f"{NUMBER}/{failed.unit}", "-", rank, 0))
        step = start(
            NUMBER,
            run.run + 1,
            [unit for unit in run.units if unit.unit == failed.unit],
            country="",
            now=world.now,
            rules=world.rules,
            previous=run,
            failed={failed.unit: failed.location_id},
            rank=rank,
        )
        world.take(step)

    @rule()
    def person_asks_again(self) -> None:
        world = self.world
        run = world.run
        if run.phase != Phase.EXHAUSTED or run.run >= 3:
            return
        step = start(
            NUMBER,
            run.run + 1,
            run.units,
            country="",
            now=world.now,
            rules=world.rules,
            previous=run,
            rank=run.rank,
        )
        world.take(step)

    @rule()
    def stock_is_sold(self) -> None:
        stock = self.world.ledger.stock
        for key in list(stock)[:2]:
            stock[key] = max(0, stock[key] - 1)

    @invariant()
    def no_unit_is_asked_for_twice_at_a_place(self) -> None:
        grants = self.world.ledger.grants
        assert len(grants) == len(set(grants))
        # In a later run neither, where NewStore or its store said no.
        for unit, place, run in grants:
            failed_in = self.world.failed.get((unit, place), run)
            assert run <= failed_in

    @invariant()
    def the_plan_has_one_place_for_each_unit(self) -> None:
        if self.world.sourcing is not None:
            names = [p.unit for p in self.world.run.plan]
            assert len(names) == len(set(names))
            assert self.world.run.round <= self.world.rules.rounds_max

    def teardown(self) -> None:
        world = self.world
        if world.sourcing is None:
            return
        for _ in range(2000):
            if not self._quiet_step():
                break
        else:
            raise AssertionError(f"no end: {world.sourcing}")
        assert world.run.is_over
        standing = world.ledger.standing()
        held = {u: place for u, (_, place) in standing.items()}
        expected = {
            f"{NUMBER}/{unit}": place for unit, (_, place) in world.confirmed.items()
        }
        assert held == expected

    def _quiet_step(self) -> bool:
        """Let everything arrive that is under way, then what is owed, then time."""
        world = self.world
        if world.requests:
            world.replies.append(world.ledger.ask(world.requests.pop(0)))
        elif world.replies:
            world.hear_reply(world.replies.pop(0))
        elif world.releases:
            world.ledger.release(world.releases.pop(0))
        elif world.checks:
            world.hear_check(*world.checks.pop(0))
        elif world.injections:
            world.take(on_injected(world.run, injected(world.injections.pop(0))))
        elif world.run.owed_check() is not None:
            world.answer_check({}, "")
        elif (owed := world.run.owed_injection()) is not None:
            world.injections.append(owed)
        elif world.run.is_over:
            return False
        else:
            world.pass_time(400.0)
        return True


TestSourcings = Sourcings.TestCase
TestSourcings.settings = settings(
    max_examples=100,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
