"""Transfers in the ledger stage: found by name, matched, overdue, forgotten."""

from datetime import timedelta
from typing import Any

import pytest

from streams.agents import ledger_expiries
from streams.domain.exceptions import case_id_of
from streams.domain.movements import Movement, MovementKind
from streams.mapping.exceptions import Action, CommandWire, read_command
from streams.mapping.stock_state import decode_transfer, transfer_key
from streams.tables import EXPIRIES, TRANSFERS
from streams.topics import EXCEPTION_COMMANDS
from tests.support.ledger import LATER, NOON, TEE, Ledger, movement, receipt, sale

DAY = timedelta(days=1)
DC = "DC01"
ASN: dict[str, Any] = {"transfer_ref": "asn:1", "transfer_also": ("order:7",)}
ORDER: dict[str, Any] = {"transfer_ref": "order:7"}


def left(quantity: int, number: int = 1, **changes: Any) -> Movement:
    changes = {"quantity": quantity, "location_id": DC, **ASN, **changes}
    return movement(MovementKind.TRANSFER_OUT, f"asn:{number}", **changes)


def came(quantity: int, number: int = 1, **changes: Any) -> Movement:
    return receipt(f"r{number}", quantity, **{**ASN, **changes})


def said(ledger: Ledger) -> list[CommandWire]:
    """Return what the exceptions list was told."""
    told = []
    for result in ledger.results:
        for output in result.outputs.get(EXCEPTION_COMMANDS, ()):
            command = read_command(output.value)
            assert isinstance(command, CommandWire)
            assert output.same_partition
            told.append(command)
    return told


def quiet(ledger: Ledger, days: float) -> None:
    """Let so many days pass, and tick until nothing is left to do."""
    ledger.now = LATER + days * DAY
    while ledger.tick() is not None:
        pass


def names(ledger: Ledger) -> set[bytes]:
    return set(ledger.view.tables.get(TRANSFERS, {}))


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("first", ["dispatch", "receipt"])
def test_a_receipt_at_a_destination_nobody_named_takes_from_transit(
    first: str, batched: bool
) -> None:
    ledger = Ledger()
    story = [left(5), came(4, **ORDER)]
    story = story if first == "dispatch" else story[::-1]
    for batch in [story] if batched else [[one] for one in story]:
        ledger.tell(*batch)
    assert ledger.pools(DC) == {"main": -5, "transit": 5}
    assert ledger.pools() == {"main": 4, "transit": -4}


def test_the_journal_says_which_transfer_a_receipt_belongs_to() -> None:
    ledger = Ledger()
    ledger.tell(came(4, **ORDER), left(5))
    assert [(e.entry_id, e.location_id, e.transfer_ref) for e in ledger.journal] == [
        ("receipt:r1:1:0:unannounced", "LDN01", "order:7"),
        ("asn:1", DC, "asn:1"),
        ("asn:1:received:LDN01", "LDN01", "asn:1"),
    ]


def test_a_row_booked_long_ago_is_booked_anew() -> None:
    ledger = Ledger()
    ledger.tell(came(4, location_id="LDN02"))
    ledger.tell(sale("u"))
    ledger.tell(left(5))
    assert ledger.pools("LDN02") == {"main": 4, "transit": -4}
    assert ledger.level("LDN02").sequence == 2


def test_every_name_leads_to_the_one_transfer() -> None:
    ledger = Ledger()
    ledger.tell(came(1, 1, transfer_ref="order:7"))
    ledger.tell(came(1, 2, transfer_ref="shipment:9"))
    assert names(ledger) == {b"TEE-BLK-M|order:7", b"TEE-BLK-M|shipment:9"}
    ledger.tell(left(5, transfer_also=("order:7", "shipment:9")))
    ledger.tell(came(3, 3, transfer_ref="shipment:9"))
    rows = ledger.view.tables[TRANSFERS]
    found = {key: decode_transfer(value) for key, value in rows.items()}
    own = transfer_key(TEE, "asn:1")
    assert found.pop(own).names == ("asn:1", "order:7", "shipment:9")
    assert {transfer.same_as for transfer in found.values()} == {"asn:1"}
    assert ledger.pools() == {"main": 5, "transit": -5}


def test_movements_of_no_transfer_read_and_write_none() -> None:
    ledger = Ledger()
    asked: list[tuple[str, bytes]] = []
    get = ledger.view.get

    def noting(table, keys):  # type: ignore[no-untyped-def]  # A spy on one method.
        wanted = list(keys)
        asked.extend((table.name, key) for key in wanted)
        return get(table, wanted)

    ledger.view.get = noting  # type: ignore[method-assign]  # A spy on one method.
    ledger.tell(sale("u"), receipt("r", 9), movement(MovementKind.TRANSFER_OUT, "o"))
    assert {table for table, _ in asked} == {"applied", "levels", "units"}
    assert len([key for table, key in asked if table == "levels"]) == 1
    assert TRANSFERS not in ledger.results[-1].writes


# Time


def test_a_transfer_with_nothing_on_its_way_is_forgotten_with_all_its_names() -> None:
    ledger = Ledger(dedupe_days=8)
    ledger.tell(left(5), came(5), came(2, 2, transfer_ref="order:PO"))
    quiet(ledger, 7.9)
    assert len(names(ledger)) == 3
    quiet(ledger, 8)
    assert names(ledger) == set()
    assert ledger.view.tables[EXPIRIES] == {}
    assert said(ledger) == []


def test_a_transfer_that_was_touched_again_is_kept_from_then_on() -> None:
    ledger = Ledger(dedupe_days=8)
    ledger.tell(left(5), came(5))
    ledger.now = LATER + 2 * DAY
    ledger.tell(came(1, 2))
    quiet(ledger, 9)
    assert len(names(ledger)) == 2
    quiet(ledger, 10)
    assert names(ledger) == set()
    assert ledger.view.tables[EXPIRIES] == {}


def test_an_overdue_transfer_is_on_the_list_once_and_never_forgotten() -> None:
    ledger = Ledger(transit_overdue_days=7)
    ledger.tell(left(5, occurred_at=LATER), came(3, occurred_at=LATER))
    quiet(ledger, 6.9)
    assert said(ledger) == []
    quiet(ledger, 7)
    quiet(ledger, 400)
    (case,) = said(ledger)
    assert (case.action, case.by, case.kind) == (Action.RAISE, "ledger", "transfer")
    assert (case.reason, case.value) == ("transfer_overdue", "asn:1")
    assert "2 are still under way (asn:1, order:7)" in case.sentence
    assert len(names(ledger)) == 2
    assert ledger.counts["transfers_overdue"] == 1


def test_a_case_is_withdrawn_when_the_rest_has_come() -> None:
    ledger = Ledger()
    ledger.tell(left(5))
    quiet(ledger, 9)
    ledger.tell(came(3))
    assert [case.action for case in said(ledger)] == [Action.RAISE]
    ledger.tell(came(2, 2, **ORDER))
    raised, withdrawn = said(ledger)
    assert withdrawn.action is Action.WITHDRAW
    assert case_id_of(withdrawn.trouble, 0) == case_id_of(raised.trouble, 0)
    quiet(ledger, 9 + 8)
    assert names(ledger) == set()


def test_a_case_is_withdrawn_under_the_name_it_was_raised_under() -> None:
    ledger = Ledger()
    ledger.tell(left(5, **ORDER, transfer_also=()))
    quiet(ledger, 9)
    ledger.tell(came(5, **ASN))
    raised, withdrawn = said(ledger)
    assert raised.value == withdrawn.value == "order:7"


def test_a_late_dispatch_is_overdue_from_the_last_one_on() -> None:
    ledger = Ledger(transit_overdue_days=7)
    ledger.tell(left(5, occurred_at=LATER))
    ledger.now = LATER + 5 * DAY
    ledger.tell(left(2, 2, occurred_at=ledger.now))
    quiet(ledger, 8)
    assert said(ledger) == []
    quiet(ledger, 12)
    assert len(said(ledger)) == 1
    assert "7 TEE-BLK-M were sent" in said(ledger)[0].sentence
    quiet(ledger, 14)
    assert ledger.view.tables[EXPIRIES] == {}


def test_a_dispatch_told_long_after_it_happened_is_overdue_at_once() -> None:
    ledger = Ledger()
    ledger.tell(left(5, occurred_at=NOON - 30 * DAY))
    quiet(ledger, 0)
    assert len(said(ledger)) == 1


def test_many_transfers_of_one_batch_are_looked_at_each_in_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_expiries, "KEYS_PER_EXPIRY", 2)
    ledger = Ledger(dedupe_days=8, transit_overdue_days=8)
    story = []
    for number in range(7):
        ref = {"transfer_ref": f"asn:{number}", "transfer_also": ()}
        story.append(left(1, number, occurred_at=LATER, **ref))
        if number % 2:
            story.append(came(1, number, **ref))
    ledger.tell(*story)
    quiet(ledger, 8)
    assert sorted(case.value for case in said(ledger)) == [
        "asn:0",
        "asn:2",
        "asn:4",
        "asn:6",
    ]
    assert len(names(ledger)) == 4
    assert ledger.view.tables[EXPIRIES] == {}


def test_a_longer_patience_after_a_restart_is_kept_for_what_is_under_way() -> None:
    ledger = Ledger(dedupe_days=8, transit_overdue_days=7)
    for number in range(3):
        ref = {"transfer_ref": f"asn:{number}", "transfer_also": ()}
        other = {"transfer_ref": f"asn:b{number}", "transfer_also": ()}
        ledger.tell(
            left(1, number, occurred_at=LATER, **ref),
            left(1, number + 10, occurred_at=LATER + DAY, **other),
        )
    ledger.stage = Ledger(transit_overdue_days=20).stage
    quiet(ledger, 9)
    assert said(ledger) == []
    assert ledger.view.tables[EXPIRIES]
    quiet(ledger, 20)
    assert len(said(ledger)) == 3
    quiet(ledger, 21)
    assert len(said(ledger)) == 6
