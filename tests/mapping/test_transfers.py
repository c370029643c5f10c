"""How a transfer stands, for people, by whatever name they know it."""

from streams.domain.movements import MovementKind
from streams.mapping.transfers import describe, transfer_at
from tests.support.ledger import NOON, TEE, Ledger, movement, receipt

NAMES = ("asn:1", "order:7", "shipment:9")


def ledger_with_a_transfer() -> Ledger:
    ledger = Ledger()
    out = MovementKind.TRANSFER_OUT
    refs = {"transfer_ref": NAMES[0], "transfer_also": NAMES[1:]}
    ledger.tell(movement(out, "asn:1", quantity=5, location_id="DC01", **refs))
    ledger.tell(receipt("r", 4, transfer_ref="order:7"))
    return ledger


def test_every_name_finds_the_transfer() -> None:
    view = ledger_with_a_transfer().view
    found = [transfer_at(view, TEE, name) for name in NAMES]
    assert found[0] is not None
    assert found == [found[0]] * 3
    assert transfer_at(view, TEE, "asn:2") is None
    assert transfer_at(view, "MUG", "asn:1") is None


def test_a_transfer_is_described_by_units_and_places() -> None:
    found = transfer_at(ledger_with_a_transfer().view, TEE, "order:7")
    assert found is not None
    assert describe(found) == {
        "names": list(NAMES),
        "sent": 5,
        "received": 4,
        "under_way": 1,
        "last_sent_at": NOON.isoformat(),
        "overdue": False,
        "locations": [
            {"location_id": "DC01", "sent": 5, "announced": 0, "received": 0},
            {"location_id": "LDN01", "sent": 0, "announced": 0, "received": 4},
        ],
    }
    late = describe(found._replace(overdue=("asn:1",), sent_at=None))
    assert (late["overdue"], late["last_sent_at"]) == (True, None)
