"""Transfers that do not arrive: when they are looked at, and what is said of them."""

from datetime import datetime, timedelta

import pytest

from streams.domain.exceptions import case_id_of
from streams.domain.transfer_booking import Leg
from streams.domain.transfer_delays import (
    LedgerRules,
    delay_of,
    describe_delay,
    listed,
    look_at,
)
from streams.domain.transfers import Transfer
from tests.support.ledger import NOON, minutes

RULES = LedgerRules(timedelta(days=8), timedelta(days=3))
OVERDUE, FORGOTTEN = NOON + timedelta(days=3), minutes(5) + timedelta(days=8)


def transfer(*legs: Leg, sent_at: datetime | None = NOON) -> Transfer:
    return Transfer(("asn:5", "order:7"), legs, sent_at, minutes(5))


@pytest.mark.parametrize(
    ("known", "due"),
    [
        (transfer(Leg("DC01", sent=5)), OVERDUE),
        (transfer(Leg("LDN01", announced=5)), OVERDUE),
        (transfer(Leg("DC01", sent=5), Leg("LDN01", received=4)), OVERDUE),
        (transfer(Leg("DC01", sent=5), Leg("LDN01", received=5)), FORGOTTEN),
        (transfer(Leg("DC01", sent=5), Leg("LDN01", received=6)), FORGOTTEN),
        (transfer(Leg("LDN01", received=6), sent_at=None), FORGOTTEN),
        (listed(transfer(Leg("DC01", sent=5))), None),
        (Transfer(same_as="asn:5"), None),
    ],
)
def test_what_is_under_way_is_looked_for_and_the_rest_forgotten_in_time(
    known: Transfer, due: datetime | None
) -> None:
    assert look_at(known, RULES) == due


def test_a_delay_names_the_units_the_places_and_what_to_do() -> None:
    known = transfer(
        Leg("DC01", sent=5), Leg("LDN01", announced=3, received=2), Leg("LDN02")
    )
    assert describe_delay("TEE", known) == (
        "5 TEE were sent from DC01, last at 2025-03-01 12:00 UTC, and 2 received at "
        "LDN01: 3 are still under way (asn:5, order:7). Find them and receive them in "
        "NewStore, or dismiss this, if they are lost."
    )


def test_a_delay_without_an_origin_or_destination_says_so() -> None:
    said = describe_delay("TEE", transfer(Leg("LDN01", announced=5), sent_at=None))
    assert "sent from nowhere known, and 0 received at LDN01: 5 are" in said
    said = describe_delay("TEE", transfer(Leg("DC01", sent=5)))
    assert "UTC, and 0 received: 5 are" in said


def test_each_sku_of_a_transfer_is_a_case_of_its_own() -> None:
    ids = {case_id_of(delay_of(sku, "asn:5"), 0) for sku in ("TEE", "MUG")}
    assert len(ids | {case_id_of(delay_of("TEE", "asn:6"), 0)}) == 3
    assert delay_of("TEE", "asn:5")[3:] == delay_of("MUG", "asn:5")[3:]
