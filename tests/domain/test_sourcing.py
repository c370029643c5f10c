"""The saga step by step: what it asks, what it keeps, what it gives back, its ends."""

import pytest

from streams.domain.reservations import RequestKind
from streams.domain.sourcing import (
    CHECKS_MAX,
    UNKNOWN_MAX,
    on_checked,
    on_injected,
    on_reply,
    on_time,
    start,
)
from streams.domain.sourcing_run import Phase, Step, release_id
from tests.support.sourcing import (
    NOW,
    NUMBER,
    RULES,
    answered,
    at_check,
    begin,
    checked,
    injected,
    later,
    places,
    rules,
    stocked,
    units,
)


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
