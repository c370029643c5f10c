"""Which entry of commercetools an order lowers, and whether it is one of ours."""

import pytest

from streams.domain.order_rules import OrderRules

PLACES = {"channel-ldn01": "LDN01"}


@pytest.mark.parametrize(
    ("pooled", "channel", "lowers"),
    [
        (False, "channel-ldn01", True),
        (False, "channel-elsewhere", False),
        (False, "", False),
        (True, "", True),
        (True, "channel-ldn01", False),
    ],
)
def test_an_order_lowers_the_entry_of_its_lines_channel(
    *, pooled: bool, channel: str, lowers: bool
) -> None:
    rules = OrderRules(places=PLACES, has_pooled_entries=pooled)

    assert rules.counts_line(channel) is lowers


@pytest.mark.parametrize("channel", ["", "channel-ldn01"])
def test_where_we_own_the_number_an_order_lowers_nothing(channel: str) -> None:
    assert not OrderRules(commerce_counts=False, places=PLACES).counts_line(channel)
