"""What the ledger's tick does: forget what is old, follow the reference data."""

from datetime import datetime, timedelta

import pytest

from streams.agents import ledger_expiries, ledger_forgetting, ledger_offers
from streams.domain.reference import Location, Product
from streams.engine.fold import Context
from streams.mapping.stock import level_at
from streams.tables import APPLIED, EXPIRIES, HISTORY, UNITS
from tests.support.ledger import (
    LATER,
    TEE,
    Ledger,
    announce,
    cancel,
    receipt,
    reserve,
    sale,
    ship,
)
from tests.support.memory_view import MemoryView

DAYS_8 = timedelta(days=8)


def quiet(ledger: Ledger, now: datetime) -> int:
    """Tick until nothing is left to do; return how many ticks did something."""
    ledger.now = now
    return sum(ledger.tick() is not None for _ in range(20))


def test_an_id_is_remembered_for_the_whole_time_and_then_forgotten() -> None:
    ledger = Ledger(dedupe_days=8)
    ledger.tell(sale("u"))
    quiet(ledger, LATER + DAYS_8 - timedelta(seconds=1))
    assert list(ledger.view.tables[APPLIED]) == [b"sale:u"]
    ledger.tell(sale("u"))
    assert ledger.counts["duplicate"] == 1
    quiet(ledger, LATER + DAYS_8)
    assert ledger.view.tables[APPLIED] == {}
    assert ledger.view.tables[HISTORY] == {}
    assert ledger.view.tables[EXPIRIES] == {}
    assert ledger.counts["forgotten"] == 2


def test_an_id_of_a_broken_hour_waits_for_the_full_one() -> None:
    ledger = Ledger(dedupe_days=8)
    ledger.now = LATER + timedelta(minutes=1)
    ledger.tell(sale("u"))
    quiet(ledger, LATER + DAYS_8 + timedelta(minutes=59))
    assert b"sale:u" in ledger.view.tables[APPLIED]
    quiet(ledger, LATER + DAYS_8 + timedelta(minutes=60))
    assert b"sale:u" not in ledger.view.tables[APPLIED]


def test_only_what_is_due_is_forgotten() -> None:
    ledger = Ledger()
    ledger.tell(sale("u"))
    ledger.now = LATER + timedelta(hours=2)
    ledger.tell(sale("v"))
    quiet(ledger, LATER + DAYS_8)
    assert list(ledger.view.tables[APPLIED]) == [b"sale:v"]


def test_a_tick_forgets_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_forgetting, "FORGOTTEN_PER_TICK", 2)
    monkeypatch.setattr(ledger_expiries, "KEYS_PER_EXPIRY", 2)
    ledger = Ledger()
    ledger.tell(*[sale(f"u{i}") for i in range(7)])
    quiet(ledger, LATER)
    assert len(ledger.view.tables[EXPIRIES]) == 5
    assert quiet(ledger, LATER + DAYS_8) == 4
    assert ledger.view.tables[APPLIED] == {}
    assert ledger.counts["forgotten"] == 8


@pytest.mark.parametrize("last", [ship("u"), cancel("u")])
def test_a_unit_is_forgotten_sixty_days_after_its_story_ended(last: object) -> None:
    ledger = Ledger()
    ledger.tell(reserve("u", 5), last)  # type: ignore[arg-type]  # A parametrized value.
    quiet(ledger, LATER + timedelta(days=60))
    assert len(ledger.view.tables[UNITS]) == 1
    ledger.tell(reserve("u", 95))
    assert ledger.level().reserved == 0
    assert quiet(ledger, LATER + timedelta(days=120)) > 0


def test_an_open_unit_is_never_forgotten() -> None:
    ledger = Ledger()
    ledger.tell(reserve("u", 5))
    quiet(ledger, LATER + timedelta(days=900))
    assert len(ledger.view.tables[UNITS]) == 1


def test_an_announcement_that_says_nothing_is_not_kept() -> None:
    ledger = Ledger()
    ledger.tell(announce("u"))
    assert not ledger.view.tables.get(UNITS)


def test_a_changed_buffer_reaches_the_rows_without_a_journal_entry() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 9), receipt("s", 9, location_id="LDN02"))
    entries = len(ledger.journal)
    assert quiet(ledger, LATER) == 0
    ledger.reference.put_location(Location(location_id="LDN01", safety_stock=4))
    assert quiet(ledger, LATER + timedelta(minutes=1)) == 1
    level = ledger.level()
    assert (level.safety_stock, level.available, level.commerce_target) == (4, 5, 5)
    assert (level.sequence, level.entries) == (2, 1)
    assert level.recorded_at == LATER + timedelta(minutes=1)
    assert ledger.level("LDN02").sequence == 1
    assert len(ledger.journal) == entries
    ledger.tell(sale("u"))
    assert (ledger.journal[-1].sequence, ledger.journal[-1].level_sequence) == (2, 3)
    assert ledger.level().commerce_target == 4


def test_a_closed_product_offers_nothing_and_comes_back() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 9))
    ledger.reference.put_product(Product(sku=TEE, enabled=False))
    quiet(ledger, LATER)
    assert (ledger.level().available, ledger.level().enabled) == (0, False)
    assert ledger.level().commerce_target == 0
    ledger.reference.put_product(Product(sku=TEE))
    quiet(ledger, LATER)
    assert ledger.level().commerce_target == ledger.level().available == 8


def many_rows(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(ledger_offers, "ROWS_PER_TICK", 2)
    ledger = Ledger()
    for number in range(5):
        place = f"S{number}"
        ledger.reference.put_location(Location(location_id=place))
        ledger.tell(receipt(place, 9, location_id=place))
    quiet(ledger, LATER)
    ledger.reference.put_product(Product(sku=TEE, safety_stock=2))
    return ledger


def test_a_walk_goes_on_from_tick_to_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = many_rows(monkeypatch)
    ledger.tick()
    assert [ledger.level(f"S{i}").available for i in range(5)] == [7, 7, 9, 9, 9]
    quiet(ledger, LATER)
    assert [ledger.level(f"S{i}").available for i in range(5)] == [7] * 5


def test_a_piece_whose_commit_failed_is_walked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = many_rows(monkeypatch)
    lost = ledger.stage.tick(ledger.view, Context(LATER, ledger.reference))
    assert lost is not None
    quiet(ledger, LATER)
    assert [ledger.level(f"S{i}").available for i in range(5)] == [7] * 5


def test_a_change_during_a_walk_begins_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = many_rows(monkeypatch)
    ledger.tick()
    ledger.reference.put_product(Product(sku=TEE, safety_stock=5))
    quiet(ledger, LATER)
    assert [ledger.level(f"S{i}").available for i in range(5)] == [4] * 5


def test_a_partition_taken_over_again_is_walked_from_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = many_rows(monkeypatch)
    untold = many_rows(monkeypatch).view.tables
    quiet(ledger, LATER)
    ledger.view = MemoryView()
    ledger.view.tables = untold
    quiet(ledger, LATER)
    rows = [level_at(ledger.view, TEE, f"S{i}") for i in range(5)]
    assert [row.available for row in rows if row] == [7] * 5


def test_a_tick_with_nothing_to_do_commits_nothing() -> None:
    assert Ledger().tick() is None
