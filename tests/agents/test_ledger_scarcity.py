"""The ledger tells which rows have become scarce, and which are so no more."""

from dataclasses import replace

import msgspec
import pytest

from streams.domain.scarcity import SCARCE_UNITS
from streams.engine.fold import Context, Result
from streams.topics import SCARCE_ROWS
from tests.support.ledger import LATER, Ledger, receipt, sale

KEY = b"TEE-BLK-M|LDN02"
HERE = "LDN02"


def told(result: Result | None) -> list[tuple[bytes | None, int | None]]:
    """Return the rows that a result tells of, with what was left of each."""
    assert result is not None
    return [
        (each.key, msgspec.json.decode(each.value)["available"] if each.value else None)
        for each in result.outputs.get(SCARCE_ROWS, [])
    ]


def sell(ledger: Ledger, first: int, last: int) -> Result:
    units = range(first, last + 1)
    return ledger.tell(*(sale(f"u{unit}", location_id=HERE) for unit in units))


def test_it_tells_when_a_row_becomes_scarce_and_when_that_is_over() -> None:
    ledger = Ledger()
    plenty = ledger.tell(receipt("r1", SCARCE_UNITS + 2, location_id=HERE))
    assert told(plenty) == []
    assert told(sell(ledger, 1, 1)) == []
    assert told(sell(ledger, 2, 2)) == [(KEY, SCARCE_UNITS)]
    assert told(sell(ledger, 3, 9)) == []
    again = ledger.tell(receipt("r2", 20, location_id=HERE))
    assert told(again) == [(KEY, None)]


def test_a_new_row_with_few_units_is_scarce_from_the_first() -> None:
    assert told(Ledger().tell(receipt("r", 1, location_id=HERE))) == [(KEY, 1)]


def test_within_one_batch_only_the_outcome_counts() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r1", 20, location_id=HERE))
    units = [sale(f"u{unit}", location_id=HERE) for unit in range(19)]

    assert told(ledger.tell(*units, receipt("r2", 20, location_id=HERE))) == []


def test_what_is_not_offered_to_web_shops_is_not_scarce() -> None:
    assert told(Ledger().tell(receipt("r", 1, location_id="CLOSED"))) == []


@pytest.mark.parametrize(
    ("units", "location_id", "scarce"), [(4, "LDN01", True), (5, "LDN01", False)]
)
def test_units_kept_back_from_selling_do_not_count(
    units: int, location_id: str, scarce: bool
) -> None:
    result = Ledger().tell(receipt("r", units, location_id=location_id))

    assert bool(told(result)) == scarce


def test_it_tells_where_reference_data_make_a_row_scarce() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 1, location_id="CLOSED"))
    ledger.tell(receipt("r2", 10, location_id=HERE))
    closed = ledger.reference.locations["CLOSED"]
    ledger.reference.put_location(replace(closed, enabled=True))

    result = ledger.stage.tick(ledger.view, Context(LATER, ledger.reference))

    assert told(result) == [(b"TEE-BLK-M|CLOSED", 1)]
