"""How sourcing ends: refused, cancelled, silent, or in several orders of NewStore."""

import pytest

from streams.domain.invariants import InvariantBroken
from streams.domain.order_names import order_number_of, run_of
from streams.domain.sourcing import (
    cancel,
    on_checked,
    on_injected,
    on_refused,
    on_reply,
    on_time,
    start,
)
from streams.domain.sourcing_choice import SourcedUnit
from streams.domain.sourcing_run import Phase, Step
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
    refused,
    stocked,
    units,
)


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
