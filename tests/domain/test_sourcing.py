"""The saga step by step: what it asks, what it keeps, what it gives back, its ends."""

import pytest

from streams.domain.invariants import InvariantBroken
from streams.domain.order_names import order_number_of, run_of
from streams.domain.reservations import RequestKind
from streams.domain.sourcing import (
    CHECKS_MAX,
    UNKNOWN_MAX,
    cancel,
    on_checked,
    on_injected,
    on_refused,
    on_reply,
    on_time,
    start,
)
from streams.domain.sourcing_choice import SourcedUnit, SourcingRules
from streams.domain.sourcing_run import Phase, Sourcing, Step, release_id
from tests.support.sourcing import (
    NOW,
    NUMBER,
    Ledger,
    checked,
    injected,
    later,
    refused,
    rules,
    units,
)

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


def test_a_run_begins_by_asking_what_is_where() -> None:
    step = begin("TEE", "TEE", "CAP")
    assert [(r.kind, r.sku, r.unit_ids) for r in step.requests] == [
        (RequestKind.QUOTE, "TEE", ("W-1/li#1", "W-1/li#2")),
        (RequestKind.QUOTE, "CAP", ("W-1/li#3",)),
    ]
    assert step.sourcing.wake_at == later(10)


def test_reservations_are_asked_when_every_quote_is_there() -> None:
    ledger = stocked(TEE_LDN01=2, CAP_LDN01=1)
    step = begin("TEE", "TEE", "CAP")
    first = on_reply(step.sourcing, ledger.ask(step.requests[0]), NOW, RULES)
    assert not first.requests
    second = on_reply(first.sourcing, ledger.ask(step.requests[1]), NOW, RULES)
    assert [(r.kind, r.sku, r.location_id, r.attempt) for r in second.requests] == [
        (RequestKind.RESERVE, "TEE", "LDN01", 1001),
        (RequestKind.RESERVE, "CAP", "LDN01", 1001),
    ]
    assert {r.request_id for r in second.requests} == {
        "W-1/1.1/TEE/LDN01",
        "W-1/1.1/CAP/LDN01",
    }


def test_when_all_is_granted_newstore_is_to_be_asked() -> None:
    sourcing = at_check("TEE", "TEE", ledger=stocked(TEE_LDN01=2))
    owed = sourcing.owed_check()
    assert owed is not None
    assert owed.needs == (("TEE", "LDN01", 2),)
    assert owed.not_before == NOW
    assert sourcing.owed_injection() is None


def test_enough_at_newstore_lets_the_order_go_there_and_its_answer_confirms() -> None:
    ledger = stocked(TEE_LDN01=1)
    sourcing = at_check("TEE", ledger=ledger)
    sourcing = on_checked(sourcing, checked(sourcing.owed_check()), NOW, RULES).sourcing
    owed = sourcing.owed_injection()
    assert owed is not None
    assert owed.external_id == "W-1"
    assert sourcing.owed_check() is None
    step = on_injected(sourcing, injected(owed))
    assert step.sourcing.phase == Phase.CONFIRMED
    assert step.sourcing.wake_at is None
    assert not step.releases
    assert places(step.sourcing) == {"li#1": "LDN01"}
    assert on_injected(step.sourcing, injected(owed)).sourcing == step.sourcing


def test_a_decline_keeps_what_is_still_of_use_and_plans_the_rest_anew() -> None:
    ledger = stocked(TEE_LDN01=1, CAP_LDN01=1, CAP_MAN01=1)
    step = begin("TEE", "CAP")
    quotes = [ledger.ask(request) for request in step.requests]
    sourcing = step.sourcing
    for quote in quotes:
        step = on_reply(sourcing, quote, NOW, RULES)
        sourcing = step.sourcing
    ledger.stock["CAP", "LDN01"] = 0  # Sold meanwhile.
    step = answered(step, ledger)
    assert step.sourcing.phase == Phase.CHECKING
    assert places(step.sourcing) == {"li#1": "LDN01", "li#2": "MAN01"}
    assert set(ledger.standing().values()) == {("TEE", "LDN01"), ("CAP", "MAN01")}
    assert [(t.location_id, t.why, t.available) for t in step.sourcing.tried] == [
        ("LDN01", "declined", 0)
    ]


def test_a_held_unit_moves_where_the_whole_order_is_and_is_released_behind() -> None:
    ledger = stocked(TEE_LDN01=1, CAP_LDN01=1, TEE_PAR01=1, CAP_PAR01=1)
    step = begin("TEE", "CAP")
    sourcing = step.sourcing
    for request in step.requests:
        step = on_reply(sourcing, ledger.ask(request), NOW, RULES)
        sourcing = step.sourcing
    ledger.stock["CAP", "LDN01"] = 0
    step = answered(step, ledger)
    assert places(step.sourcing) == {"li#1": "PAR01", "li#2": "PAR01"}
    assert set(ledger.standing().values()) == {("TEE", "PAR01"), ("CAP", "PAR01")}


def test_a_failed_check_goes_to_the_fallback_first_and_gives_the_place_back() -> None:
    ledger = stocked(TEE_LDN01=1, TEE_MAN01=1, TEE_PAR01=1)
    sourcing = at_check("TEE", ledger=ledger)
    empty = checked(sourcing.owed_check(), LDN01=0)
    step = on_checked(sourcing, empty, NOW, RULES)
    assert [(r.location_id, r.attempt) for r in step.releases] == [("LDN01", 1001)]
    step = answered(step, ledger)
    assert places(step.sourcing) == {"li#1": "PAR01"}
    again = on_checked(
        step.sourcing, checked(step.sourcing.owed_check(), PAR01=0), NOW, RULES
    )
    step = answered(again, ledger)
    assert places(step.sourcing) == {"li#1": "MAN01"}


def test_a_check_that_finds_some_keeps_so_many_there() -> None:
    ledger = stocked(TEE_LDN01=2, TEE_MAN01=1)
    sourcing = at_check("TEE", "TEE", ledger=ledger)
    step = on_checked(sourcing, checked(sourcing.owed_check(), LDN01=1), NOW, RULES)
    step = answered(step, ledger)
    assert places(step.sourcing) == {"li#1": "LDN01", "li#2": "MAN01"}
    owed = step.sourcing.owed_check()
    assert owed is not None
    assert owed.needs == (("TEE", "LDN01", 1), ("TEE", "MAN01", 1))


@pytest.mark.parametrize(
    ("trouble", "number", "limit"), [("late", 1, CHECKS_MAX), ("", None, UNKNOWN_MAX)]
)
def test_no_word_is_asked_for_again_and_then_elsewhere(
    trouble: str, number: int | None, limit: int
) -> None:
    ledger = stocked(TEE_LDN01=1, TEE_PAR01=1)
    sourcing = at_check("TEE", ledger=ledger)
    waits = []
    for _ in range(limit - 1):
        owed = sourcing.owed_check()
        answer = checked(owed, trouble=trouble, LDN01=number)
        sourcing = on_checked(sourcing, answer, NOW, RULES).sourcing
        assert sourcing.phase == Phase.CHECKING
        assert sourcing.check_at is not None
        waits.append((sourcing.check_at - NOW).total_seconds())
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0][: limit - 1]
    last = checked(sourcing.owed_check(), trouble=trouble, LDN01=number)
    step = answered(on_checked(sourcing, last, NOW, RULES), ledger)
    assert places(step.sourcing) == {"li#1": "PAR01"}
    assert step.sourcing.tried[0].why == "unknown"


def test_an_answer_that_waited_too_long_confirms_nothing() -> None:
    sourcing = at_check("TEE", ledger=stocked(TEE_LDN01=1))
    answer = checked(sourcing.owed_check())
    late = on_checked(sourcing, answer, later(30.5), RULES).sourcing
    assert (late.phase, late.checks) == (Phase.CHECKING, 2)
    just = on_checked(sourcing, answer, later(30), RULES).sourcing
    assert just.phase == Phase.INJECTING


def test_an_answer_to_another_check_confirms_nothing() -> None:
    ledger = stocked(TEE_LDN01=1, TEE_PAR01=1)
    sourcing = at_check("TEE", ledger=ledger)
    first = checked(sourcing.owed_check())
    sourcing = on_checked(
        sourcing, checked(sourcing.owed_check(), trouble="x"), NOW, RULES
    ).sourcing
    assert on_checked(sourcing, first, NOW, RULES) == Step(sourcing)
    second = checked(sourcing.owed_check(), LDN01=0)
    moved = answered(on_checked(sourcing, second, NOW, RULES), ledger).sourcing
    assert on_checked(moved, second, NOW, RULES) == Step(moved)
    assert on_checked(begin("TEE").sourcing, first, NOW, RULES).requests == ()


def test_an_order_that_finds_no_place_names_what_was_seen_and_holds_nothing() -> None:
    ledger = stocked(TEE_LDN01=1, CAP_LDN01=1)
    sourcing = at_check("TEE", "CAP", ledger=ledger)
    step = on_checked(sourcing, checked(sourcing.owed_check(), LDN01=0), NOW, RULES)
    step = answered(step, ledger)
    assert step.sourcing.phase == Phase.EXHAUSTED
    assert ledger.standing() == {}
    assert step.trouble is not None
    assert step.trouble.reason == "sourcing_exhausted"
    sentence = step.trouble.sentence
    assert "1 CAP, 1 TEE of order W-1" in sentence
    assert "LDN01 was tried for TEE (NewStore has fewer, saw 0)" in sentence
    assert "MAN01 has 0 of TEE (none)" in sentence


def test_rounds_are_bounded() -> None:
    using = rules(rounds_max=2)
    ledger = stocked(TEE_LDN01=1, TEE_MAN01=1, TEE_PAR01=1)
    sourcing = at_check("TEE", ledger=ledger, using=using)
    for _ in range(2):
        empty = checked(sourcing.owed_check(), LDN01=0, PAR01=0)
        step = on_checked(sourcing, empty, NOW, using)
        sourcing = answered(step, ledger, using).sourcing
    assert sourcing.phase == Phase.EXHAUSTED
    assert sourcing.trouble is not None
    assert sourcing.trouble.reason == "sourcing_rounds"
    assert ledger.standing() == {}


def test_an_unanswered_question_is_repeated_as_it_was_and_not_for_ever() -> None:
    using = rules(rounds_max=3)
    step = begin("TEE", using=using)
    sourcing, asked = step.sourcing, step.requests
    assert on_time(sourcing, later(9.9), using) == Step(sourcing)
    waited = 10.0
    for repeat in range(1, 4):
        assert sourcing.wake_at == later(waited)
        step = on_time(sourcing, later(waited), using)
        sourcing = step.sourcing
        assert [r.request_id for r in step.requests] == [r.request_id for r in asked]
        waited += 10.0 * 2**repeat
    step = on_time(sourcing, later(waited), using)
    assert step.sourcing.phase == Phase.EXHAUSTED
    assert step.trouble is not None
    assert step.trouble.reason == "ledger_silent"
    assert "asked 4 times" in step.trouble.sentence


def test_what_is_granted_after_the_end_is_given_back_once() -> None:
    using = rules(rounds_max=1)
    ledger = stocked(TEE_LDN01=1)
    step = begin("TEE", using=using)
    step = on_reply(step.sourcing, ledger.ask(step.requests[0]), NOW, using)
    late = ledger.ask(step.requests[0])
    sourcing = on_time(step.sourcing, later(10), using).sourcing
    sourcing = on_time(sourcing, later(100), using).sourcing
    assert sourcing.phase == Phase.EXHAUSTED
    step = on_reply(sourcing, late, later(200), using)
    assert [(r.unit, r.location_id) for r in step.releases] == [("li#1", "LDN01")]
    ledger.release(step.releases[0])
    assert ledger.standing() == {}
    assert release_id(NUMBER, step.releases[0]) == "release:W-1/li#1/LDN01/1001"
    assert on_reply(step.sourcing, late, later(201), using) == Step(step.sourcing)


def test_a_late_grant_of_the_run_before_is_given_back_by_the_next_run() -> None:
    using = rules(rounds_max=1)
    ledger = stocked(TEE_LDN01=1)
    step = begin("TEE", using=using)
    step = on_reply(step.sourcing, ledger.ask(step.requests[0]), NOW, using)
    late = ledger.ask(step.requests[0])
    sourcing = on_time(step.sourcing, later(10), using).sourcing
    sourcing = on_time(sourcing, later(100), using).sourcing
    second = start(
        NUMBER, 2, units("TEE"), country="", now=NOW, rules=using, previous=sourcing
    )
    step = on_reply(second.sourcing, late, NOW, using)
    assert [(r.unit, r.attempt) for r in step.releases] == [("li#1", 1001)]
    assert step.sourcing.phase == Phase.QUOTING


def test_a_failed_fulfilment_is_sourced_elsewhere_under_another_name() -> None:
    ledger = stocked(TEE_LDN01=1, TEE_PAR01=1)
    sourcing = at_check("TEE", ledger=ledger)
    sourcing = on_checked(sourcing, checked(sourcing.owed_check()), NOW, RULES).sourcing
    sourcing = on_injected(sourcing, injected(sourcing.owed_injection())).sourcing
    step = start(
        NUMBER,
        2,
        units("TEE"),
        country="GB",
        now=NOW,
        rules=RULES,
        previous=sourcing,
        failed={"li#1": "LDN01"},
        rank=175,
    )
    step = answered(step, ledger)
    assert places(step.sourcing) == {"li#1": "PAR01"}
    (asked,) = [
        a for a in ledger.answers if a.startswith("W-1/2.1/TEE/") and "PAR01" in a
    ]
    assert ledger.latest["W-1/li#1"] == ((175, 2001), "TEE", "PAR01"), asked
    done = on_checked(step.sourcing, checked(step.sourcing.owed_check()), NOW, RULES)
    owed = done.sourcing.owed_injection()
    assert owed is not None
    assert owed.external_id == "W-1~2"


def test_where_a_fulfilment_failed_is_not_tried_again_unless_a_person_asks() -> None:
    ledger = stocked(TEE_LDN01=1)
    exhausted = answered(
        start(
            NUMBER,
            2,
            units("TEE"),
            country="",
            now=NOW,
            rules=RULES,
            failed={"li#1": "LDN01"},
        ),
        ledger,
    ).sourcing
    assert exhausted.phase == Phase.EXHAUSTED
    again = answered(
        start(
            NUMBER,
            3,
            units("TEE"),
            country="",
            now=NOW,
            rules=RULES,
            previous=exhausted,
            anew=True,
        ),
        ledger,
    ).sourcing
    assert places(again) == {"li#1": "LDN01"}


def test_one_run_at_a_time() -> None:
    with pytest.raises(InvariantBroken, match="run 1 is not over"):
        start(
            NUMBER,
            2,
            units("TEE"),
            country="",
            now=NOW,
            rules=RULES,
            previous=begin("TEE").sourcing,
        )


def test_an_order_without_units_has_nothing_to_find() -> None:
    assert begin().sourcing.phase == Phase.CANCELLED


def test_what_newstore_will_never_take_is_released_and_said() -> None:
    ledger = stocked(TEE_LDN01=1)
    sourcing = at_check("TEE", ledger=ledger)
    sourcing = on_checked(sourcing, checked(sourcing.owed_check()), NOW, RULES).sourcing
    step = on_refused(sourcing, refused(sourcing.owed_injection()))
    assert step.sourcing.phase == Phase.EXHAUSTED
    assert [r.location_id for r in step.releases] == ["LDN01"]
    assert step.trouble is not None
    assert step.trouble.reason == "product_unknown"
    assert on_refused(step.sourcing, refused(sourcing.owed_injection())).releases == ()


def test_a_cancelled_unit_leaves_the_plan_and_the_rest_goes_on() -> None:
    ledger = stocked(TEE_LDN01=1, CAP_LDN01=1)
    sourcing = at_check("TEE", "CAP", ledger=ledger)
    step = cancel(sourcing, ["li#2"], NOW, RULES)
    assert [(r.unit, r.location_id) for r in step.releases] == [("li#2", "LDN01")]
    assert places(step.sourcing) == {"li#1": "LDN01"}
    step = cancel(step.sourcing, ["li#1", "li#9"], NOW, RULES)
    assert step.sourcing.phase == Phase.CANCELLED
    assert [r.unit for r in step.releases] == ["li#1"]
    assert cancel(step.sourcing, ["li#1"], NOW, RULES) == Step(step.sourcing)


def test_a_unit_cancelled_while_it_is_reserved_is_given_back_when_granted() -> None:
    ledger = stocked(TEE_LDN01=2)
    step = begin("TEE", "TEE")
    step = on_reply(step.sourcing, ledger.ask(step.requests[0]), NOW, RULES)
    reserve = step.requests[0]
    sourcing = cancel(step.sourcing, ["li#2"], NOW, RULES).sourcing
    step = on_reply(sourcing, ledger.ask(reserve), NOW, RULES)
    assert [r.unit for r in step.releases] == ["li#2"]
    assert step.sourcing.phase == Phase.CHECKING
    assert [p.unit for p in step.sourcing.held] == ["li#1"]


def test_a_decline_that_a_cancelled_unit_may_have_caused_rules_no_place_out() -> None:
    ledger = stocked(TEE_LDN01=1)
    both = stocked(TEE_LDN01=2)
    step = begin("TEE", "TEE")
    step = on_reply(step.sourcing, both.ask(step.requests[0]), NOW, RULES)
    reserve = step.requests[0]
    sourcing = cancel(step.sourcing, ["li#2"], NOW, RULES).sourcing
    step = answered(on_reply(sourcing, ledger.ask(reserve), NOW, RULES), ledger)
    assert places(step.sourcing) == {"li#1": "LDN01"}
    assert step.sourcing.tried == ()


def test_a_cancellation_while_quoting_is_enough_to_go_on() -> None:
    ledger = stocked(TEE_LDN01=1)
    step = begin("TEE", "CAP")
    step = on_reply(step.sourcing, ledger.ask(step.requests[0]), NOW, RULES)
    assert cancel(step.sourcing, ["li#2"], NOW, RULES).requests == ()
    # The open quote is still waited for; its answer lets the run go on.


def test_an_order_on_its_way_to_newstore_is_not_changed_but_a_person_is_told() -> None:
    ledger = stocked(TEE_LDN01=1, CAP_LDN01=1)
    sourcing = at_check("TEE", "CAP", ledger=ledger)
    sourcing = on_checked(sourcing, checked(sourcing.owed_check()), NOW, RULES).sourcing
    owed = sourcing.owed_injection()
    step = cancel(sourcing, ["li#1"], NOW, RULES)
    assert step.sourcing.owed_injection() == owed
    assert not step.releases
    done = on_injected(step.sourcing, injected(owed))
    assert done.sourcing.phase == Phase.CONFIRMED
    assert done.trouble is not None
    assert done.trouble.reason == "cancelled_after_injection"
    both = cancel(step.sourcing, ["li#2"], NOW, RULES).sourcing
    gone = on_refused(both, refused(owed))
    assert gone.sourcing.phase == Phase.CANCELLED
    assert gone.trouble is None
    assert len(gone.releases) == 2


def test_a_silent_newstore_is_said_once_and_its_answer_takes_it_back() -> None:
    sourcing = at_check("TEE", ledger=stocked(TEE_LDN01=1))
    assert sourcing.wake_at == later(900)
    owed = sourcing.owed_check()
    silent = on_time(sourcing, later(900), RULES)
    assert silent.trouble is not None
    assert "final check" in silent.trouble.sentence
    assert silent.sourcing.wake_at is None
    assert silent.sourcing.owed_check() == owed
    assert on_time(silent.sourcing, later(9000), RULES) == Step(silent.sourcing)
    heard = on_checked(silent.sourcing, checked(owed, later(901)), later(901), RULES)
    assert heard.trouble is None
    waiting = on_time(heard.sourcing, later(2000), RULES)
    assert waiting.trouble is not None
    assert "injection" in waiting.trouble.sentence
    assert (
        on_injected(
            waiting.sourcing, injected(waiting.sourcing.owed_injection())
        ).trouble
        is None
    )


def test_the_wish_of_a_line_is_kept_through_the_run() -> None:
    ledger = stocked(TEE_LDN01=1, TEE_PAR01=1)
    step = answered(begin("TEE", wish="PAR01"), ledger)
    assert places(step.sourcing) == {"li#1": "PAR01"}
    assert step.sourcing.units == (SourcedUnit("li#1", "TEE", "PAR01"),)


def test_each_place_gets_an_order_of_its_own_one_after_the_other() -> None:
    ledger = stocked(TEE_LDN01=1, CAP_MAN01=1)
    sourcing = at_check("TEE", "CAP", ledger=ledger)
    sourcing = on_checked(sourcing, checked(sourcing.owed_check()), NOW, RULES).sourcing
    first = sourcing.owed_injection()
    assert first is not None
    assert (first.external_id, first.part) == ("W-1", 1)
    assert [p.location_id for p in first.placements] == ["LDN01"]
    assert first.parts == (("li#1",), ("li#2",))
    sourcing = on_injected(sourcing, injected(first)).sourcing
    assert sourcing.phase == Phase.INJECTING
    assert on_injected(sourcing, injected(first)) == Step(sourcing)
    second = sourcing.owed_injection()
    assert second is not None
    assert second.external_id == "W-1~1.2"
    assert run_of(second.external_id) == 1
    assert order_number_of(second.external_id) == "W-1"
    done = on_injected(sourcing, injected(second)).sourcing
    assert done.phase == Phase.CONFIRMED


def test_what_newstore_took_before_it_refused_the_rest_stays_confirmed() -> None:
    ledger = stocked(TEE_LDN01=1, CAP_MAN01=1)
    sourcing = at_check("TEE", "CAP", ledger=ledger)
    sourcing = on_checked(sourcing, checked(sourcing.owed_check()), NOW, RULES).sourcing
    sourcing = on_injected(sourcing, injected(sourcing.owed_injection())).sourcing
    step = on_refused(sourcing, refused(sourcing.owed_injection()))
    assert step.sourcing.phase == Phase.CONFIRMED
    assert places(step.sourcing) == {"li#1": "LDN01"}
    assert [(r.unit, r.location_id) for r in step.releases] == [("li#2", "MAN01")]
    assert step.trouble is not None


def test_very_many_units_of_one_place_are_several_orders() -> None:
    ledger = stocked(TEE_LDN01=150)
    sourcing = at_check(*["TEE"] * 150, ledger=ledger)
    sourcing = on_checked(sourcing, checked(sourcing.owed_check()), NOW, RULES).sourcing
    assert [len(part) for part in sourcing.parts()] == [100, 50]
    assert len({p.unit for part in sourcing.parts() for p in part}) == 150
