"""Returns: which unit came back, what waits for its sale, and the money."""

from dataclasses import replace
from datetime import timedelta

import pytest

from streams.domain.commerce_wanted import WantedRefund, WantedReturnItem
from streams.domain.order_rules import OrderRules
from streams.domain.returns import QUANTITY_MAX
from tests.support.ledger import NOON
from tests.support.orders import (
    COMPLETED,
    QUIET,
    RULES,
    SECOND,
    Book,
    appeased,
    back,
    book,
    cancelled,
    item,
    items_of,
    line,
    opened,
    placed,
    returned,
    seen,
    settled,
    web_order,
)

WAIT = RULES.return_wait


def sold(quantity: int = 2, rules: OrderRules = RULES) -> Book:
    """Return an order of which everything was shipped and told."""
    made = (line("a", "TEE", quantity),)
    names = [each.item_id for each in items_of(made)]
    notes = placed(*made), opened(*items_of(made)), seen(COMPLETED, *names)
    return book(*notes, rules=rules)


def matched(made: Book) -> dict[str, str]:
    return {unit: m.claim.return_id for unit, m in made.order.matches.items()}


def items(made: Book) -> list[WantedReturnItem]:
    return [each for whole in made.says.returns for each in whole.items]


def test_a_return_that_names_the_unit_is_told_with_its_place_and_its_use() -> None:
    made = sold().hear(
        returned(back("TEE", "i-a#2", sellable=False), back("TEE", "i-a#1"))
    )
    assert items(made) == []

    made.wait()

    assert items(made) == [
        WantedReturnItem(
            key="ret-1-a_1",
            line_id="a",
            quantity=1,
            shipment_state="BackInStock",
            payment_state="Initial",
            comment="LDS01",
        ),
        WantedReturnItem(
            key="ret-1-a_2",
            line_id="a",
            quantity=1,
            shipment_state="Unusable",
            payment_state="Initial",
            comment="LDS01",
        ),
    ]
    assert made.states == {"a#1": "returned", "a#2": "returned"}
    assert made.says.lines[0].states[0].state_key == "oneshelf-returned"
    assert made.says.lines[0].locations == ("LDN01:2",)
    assert made.order.wanted_sequence == 2


def test_a_return_without_the_unit_is_matched_by_product_lowest_first() -> None:
    made = sold().hear(returned(back("TEE"))).wait()

    assert matched(made) == {"a#1": "ret-1"}


def test_a_line_of_several_units_is_matched_to_as_many() -> None:
    made = sold().hear(returned(back("TEE", quantity=2))).wait()

    assert matched(made) == {"a#1": "ret-1", "a#2": "ret-1"}


def test_the_first_of_several_is_the_named_one_and_the_rest_go_by_product() -> None:
    made = sold().hear(returned(back("TEE", "i-a#2", quantity=2))).wait()

    assert matched(made) == {"a#1": "ret-1", "a#2": "ret-1"}
    assert made.order.matches["a#2"].by_name
    assert not made.order.matches["a#1"].by_name


def test_named_units_are_matched_before_nameless_ones() -> None:
    made = sold().hear(
        returned(back("TEE"), return_id="ret-1", returned_at=NOON),
        returned(back("TEE", "i-a#1"), return_id="ret-2"),
    )

    assert matched(made.wait()) == {"a#1": "ret-2", "a#2": "ret-1"}


def test_a_named_unit_taken_by_a_nameless_return_gives_another_of_its_kind() -> None:
    made = sold().hear(returned(back("TEE"), return_id="ret-1")).wait()
    first = items(made)

    made.hear(returned(back("TEE", "i-a#1"), return_id="ret-2")).wait()

    assert matched(made) == {"a#1": "ret-1", "a#2": "ret-2"}
    assert items(made)[:1] == first
    assert made.order.troubles == ()


def test_a_named_unit_taken_and_no_other_left_is_a_case() -> None:
    made = sold(quantity=1).hear(returned(back("TEE"), return_id="ret-1")).wait()
    made.hear(returned(back("TEE", "i-a#1"), return_id="ret-2")).wait()

    assert made.reasons == {"returned_twice"}


def test_a_return_before_its_sale_waits_and_goes_on_when_the_sale_comes() -> None:
    made = web_order().hear(returned(back("TEE", "i-a#1"))).wait(WAIT - SECOND)
    assert (matched(made), made.order.troubles) == ({}, ())

    made.hear(seen(COMPLETED, "i-a#1"))

    assert matched(made) == {"a#1": "ret-1"}


def test_a_return_whose_sale_does_not_come_is_a_case_until_it_does() -> None:
    made = web_order().hear(returned(back("TEE", "i-a#1"))).wait(WAIT)
    assert made.sentence == (
        "Return ret-1 brought 1 TEE that match nothing in order W-1: unit a#1 is open, "
        "it never left. The goods are in the stock. Look for another order."
    )

    made.hear(seen(COMPLETED, "i-a#1"))

    assert matched(made) == {"a#1": "ret-1"}
    assert made.order.troubles == ()
    assert [trouble.reason for trouble in made.withdrawn] == ["returned_unsold"]


def test_more_returned_than_sold_is_a_case_after_the_wait() -> None:
    made = sold().hear(returned(back("TEE", quantity=3))).wait()
    assert (len(matched(made)), made.order.troubles) == (2, ())

    made.wait(WAIT)

    assert made.sentence == (
        "Return ret-1 brought 1 TEE that match nothing in order W-1: of 2 ordered 2 "
        "came back already. The goods are in the stock. Look for another order."
    )


def test_the_same_unit_returned_twice_is_a_case() -> None:
    made = sold().hear(
        returned(back("TEE", "i-a#1"), return_id="ret-1", returned_at=NOON),
        returned(back("TEE", "i-a#1"), return_id="ret-2"),
    )
    made.wait()

    assert matched(made) == {"a#1": "ret-1"}
    assert made.sentence == (
        "Return ret-2 brought 1 TEE that match nothing in order W-1: unit a#1 came "
        "back already, by ret-1. The goods are in the stock. It may be a#2."
    )


PATIENT = replace(RULES, return_lateness=timedelta(minutes=10))


@pytest.mark.parametrize(("late_s", "stands"), [(599, "ret-1"), (601, "ret-2")])
def test_the_earlier_of_two_returns_stands_unless_it_is_told_too_late(
    late_s: int, stands: str
) -> None:
    made = sold(rules=PATIENT)
    now = made.now
    made.hear(
        returned(back("TEE", "i-a#1"), return_id="ret-2", returned_at=now + SECOND),
        after=SECOND,
    )
    made.wait(late_s * SECOND - SECOND)
    earlier = returned(back("TEE", "i-a#1"), return_id="ret-1", returned_at=now)
    made.hear(earlier).wait(timedelta(hours=1))

    assert matched(made) == {"a#1": stands}
    assert made.reasons == {"returned_twice"}
    assert "It may be a#2." in made.sentence


def test_a_nameless_return_leaves_a_unit_to_the_return_that_names_it() -> None:
    made = sold(rules=PATIENT)
    made.hear(
        returned(back("TEE", "i-a#1"), return_id="ret-1", returned_at=made.now),
        returned(back("TEE"), return_id="ret-2", returned_at=made.now),
    )
    made.wait()
    assert matched(made) == {"a#2": "ret-2"}

    made.wait(PATIENT.return_lateness)

    assert matched(made) == {"a#1": "ret-1", "a#2": "ret-2"}
    assert made.reasons == set()


def test_a_return_that_is_held_is_no_case_before_it_was_looked_at() -> None:
    patient = replace(RULES, return_lateness=2 * RULES.return_wait)
    made = sold(rules=patient)
    made.hear(returned(back("TEE", "i-a#1"), returned_at=made.now))

    made.wait(patient.return_lateness - SECOND)
    assert (matched(made), made.reasons) == ({}, set())
    made.wait(SECOND)
    assert matched(made) == {"a#1": "ret-1"}


def test_a_product_that_the_order_lacks_is_a_case_and_names_no_candidate() -> None:
    made = sold().hear(returned(back("CAP"))).wait(WAIT)

    assert made.sentence == (
        "Return ret-1 brought 1 CAP that match nothing in order W-1: the order has no "
        "CAP. The goods are in the stock. Look for another order."
    )


def test_a_unit_of_an_unknown_name_goes_by_product_after_the_wait() -> None:
    made = sold().hear(returned(back("TEE", "i-elsewhere"))).wait()
    assert matched(made) == {}

    assert matched(made.wait(WAIT)) == {"a#1": "ret-1"}
    assert made.order.troubles == ()


def test_a_cancelled_unit_cannot_come_back() -> None:
    made = web_order([line()]).hear(cancelled("i-a#1"), returned(back("TEE", "i-a#1")))

    assert "unit a#1 is cancelled, it never left" in made.wait(WAIT).sentences[0]


@pytest.mark.parametrize("quantity", [0, -1, QUANTITY_MAX + 1])
def test_an_impossible_quantity_is_a_case(quantity: int) -> None:
    made = sold().hear(returned(back("TEE", "i-a#1", quantity=quantity)))

    assert "return_quantity" in made.reasons
    assert f"has {quantity:,} of TEE; 1 to 1,000 can be" in made.sentences[0]


def test_an_old_return_that_still_waits_does_not_hurry_a_new_one() -> None:
    made = sold().hear(returned(back("CAP"), return_id="ret-old")).wait(2 * WAIT)
    made.hear(returned(back("TEE"), return_id="ret-new"))

    assert matched(made.wait(QUIET - SECOND)) == {}
    assert matched(made.wait(SECOND)) == {"a#1": "ret-new"}


def test_a_return_told_again_with_a_difference_is_the_same_in_either_order() -> None:
    one = returned(back("TEE", "i-a#1"), refund_minor=100)
    other = returned(back("TEE", "i-a#1"), refund_minor=200)

    first, second = sold().hear(one, other), sold().hear(other, one)

    assert first.order.returns == second.order.returns


def test_a_return_of_the_shop_floor_is_matched_without_commercetools() -> None:
    made = book(
        opened(item("i-1", carried_out=True), channel="store"),
        returned(back("TEE", "i-1")),
    )

    assert made.wait().states == {"i-1": "returned"}
    assert made.says.returns == ()


def test_a_match_made_before_commercetools_order_was_known_moves_to_its_unit() -> None:
    made = book(
        opened(item("i-1", carried_out=True)), returned(back("TEE", "i-1"))
    ).wait()
    assert matched(made) == {"i-1": "ret-1"}

    made.hear(placed()).wait()

    assert matched(made) == {"a#1": "ret-1"}
    assert [each.line_id for each in items(made)] == ["a"]


def test_a_match_to_a_unit_that_the_order_turns_out_not_to_have_is_open_again() -> None:
    made = book(
        seen(COMPLETED, "i-1"), returned(back("TEE", "i-1"), newstore_id="ns-1")
    ).wait()
    assert matched(made) == {"i-1": "ret-1"}

    assert matched(made.hear(placed())) == {}


def payment_states(made: Book) -> set[str]:
    return {each.payment_state for each in items(made)}


def test_money_is_settled_when_the_parts_add_up() -> None:
    made = sold().hear(returned(back("TEE", "i-a#1"))).wait()
    assert (payment_states(made), made.says.refunds) == ({"Initial"}, ())

    made.hear(settled(2_000, transaction_id="tx-1"))
    assert (payment_states(made), made.says.refunds) == ({"Initial"}, ())

    made.hear(settled(3_000, transaction_id="tx-2"))

    assert payment_states(made) == {"Refunded"}
    assert made.says.refunds == (
        WantedRefund(
            interaction_id="ret-1",
            amount_minor=5_000,
            currency="EUR",
            settled_at=NOON + timedelta(days=2),
        ),
    )


def test_money_before_the_return_counts_once_the_return_is_known() -> None:
    made = sold().hear(settled(), settled())
    assert made.order.troubles == ()

    made.hear(returned(back("TEE", "i-a#1"))).wait(WAIT)

    assert payment_states(made) == {"Refunded"}
    assert made.order.troubles == ()


def test_money_waits_until_its_goods_are_told() -> None:
    made = sold().hear(returned(back("TEE", "i-a#1")), settled())
    assert (items(made), made.says.refunds) == ([], ())

    made.wait()

    assert [each.interaction_id for each in made.says.refunds] == ["ret-1"]


def test_a_return_without_money_is_not_refunded() -> None:
    made = sold().hear(returned(back("TEE", "i-a#1"), refund_minor=0)).wait()

    assert payment_states(made) == {"NotRefunded"}
    assert made.says.refunds == ()


def test_the_lines_say_what_is_due_where_the_return_does_not() -> None:
    made = sold().hear(
        returned(back("TEE", "i-a#1", refund_minor=700), refund_minor=0),
        settled(700),
    )

    assert payment_states(made.wait()) == {"Refunded"}


def test_too_much_money_is_a_case_and_no_more_than_due_is_told() -> None:
    made = sold().hear(returned(back("TEE", "i-a#1")), settled(5_001)).wait()

    assert made.sentence == (
        "5001 went back for ret-1 of order W-1, and 5000 was due, in minor units of "
        "EUR."
    )
    assert made.says.refunds[0].amount_minor == 5_000


def test_money_in_another_currency_is_a_case_and_not_counted() -> None:
    made = sold().hear(returned(back("TEE", "i-a#1")), settled(currency="USD")).wait()

    assert payment_states(made) == {"Initial"}
    assert made.sentences == [
        "Refund tx-1 of order W-1 is in USD, the order in EUR; it is not counted."
    ]


def test_a_return_in_another_currency_is_a_case() -> None:
    made = sold().hear(returned(back("TEE", "i-a#1"), currency="GBP"))

    assert made.sentences == [
        "Return ret-1 is in GBP, order W-1 in EUR. See what was paid back."
    ]


def test_money_for_what_nobody_knows_is_a_case_after_the_wait() -> None:
    made = sold().hear(settled(cause="ret-?"))
    assert made.wait(WAIT - SECOND).order.troubles == ()

    made.wait(SECOND)

    assert made.sentence == (
        "Refund tx-1 of order W-1 is for ret-?, which is no return or refund request "
        "known here. Find out what it paid for."
    )


def test_an_appeasement_is_money_and_moves_no_goods() -> None:
    made = sold()
    moved, states = made.moved(), made.states
    made.hear(appeased(), appeased())
    assert made.says.refunds == ()

    made.hear(settled(500, "app-1"))

    assert {each.interaction_id for each in made.wanted[-1].refunds} == {"app-1"}
    assert (made.moved(), made.states) == (moved, states)
    assert made.says.returns == ()


def test_money_told_twice_with_a_difference_counts_as_the_greater_in_either_order() -> (
    None
):
    one, other = settled(100), settled(200)

    first, second = sold().hear(one, other), sold().hear(other, one)

    assert first.order.settlements == second.order.settlements


def test_an_exchange_is_a_return_and_another_order() -> None:
    made = book(
        opened(item("i-9"), exchanged_returns=("ret-1",), external_id="W-2"),
    )

    assert made.order.newstore["ns-1"].exchanged_returns == ("ret-1",)
    assert made.order.troubles == ()
