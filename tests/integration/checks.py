"""What must be true in the end, whatever happened on the way."""

from collections import Counter

from streams.engine.headers import ERROR_MESSAGE, header
from streams.engine.reading import LogReader
from streams.mapping.stock import decode_entry, decode_level
from streams.settings import Settings
from streams.stock_file import count_events, parse_stock_file
from streams.topics import (
    EXCEPTIONS,
    LEDGER_ENTRIES,
    STOCK_LEVELS,
)
from tests.integration.harness import Shelf
from tests.integration.trade import Place, Trade


async def open_shop(house: Shelf, trade: Trade) -> None:
    """Load reference data and opening stock; the workers may come later."""
    await house.load_reference(trade.locations, trade.skus)
    await house.send(count_events(parse_stock_file(trade.opening_stock())))


async def assert_exact(house: Shelf, trade: Trade, timeout_s: float = 120.0) -> None:
    """Assert that everything was counted once, everywhere."""
    found = await house.settled(timeout_s)

    assert found.faults, "nothing was compared"
    assert {name: faults[:5] for name, faults in found.faults.items() if faults} == {}
    assert await parked(house.settings) == {}
    assert found.parked == 0
    assert await repeated_movements(house.settings) == {}
    assert found.faults["every record is taken in"] == []
    assert await on_hand(house.settings) == dict(trade.on_hand)
    counts = len(trade.on_hand)
    assert found.entries == trade.movements + counts
    assert house.commerce() == {
        (sku, f"ch-{location.lower()}"): max(0, units)
        for (sku, location), units in trade.on_hand.items()
    }


async def parked(settings: Settings) -> dict[str, int]:
    """Return the sentences on the exceptions list, and how often each is there."""
    said: Counter[str] = Counter()
    async with LogReader(settings) as reader:
        async for records in reader.read(EXCEPTIONS):
            said.update(
                (header(record.headers, ERROR_MESSAGE) or b"").decode()
                for record in records
            )
    return dict(said)


async def repeated_movements(settings: Settings) -> dict[str, int]:
    """Return the ids of movements that are in the journal more than once."""
    seen: Counter[str] = Counter()
    async with LogReader(settings) as reader:
        async for records in reader.read(LEDGER_ENTRIES):
            seen.update(
                decode_entry(record.value).movement_id
                for record in records
                if record.value is not None
            )
    return {movement: times for movement, times in seen.items() if times > 1}


async def on_hand(settings: Settings) -> dict[Place, int]:
    """Return the latest published level of every row."""
    found: dict[Place, int] = {}
    async with LogReader(settings) as reader:
        async for records in reader.read(STOCK_LEVELS):
            for record in records:
                if record.value is not None:
                    level = decode_level(record.value)
                    found[level.sku, level.location_id] = level.on_hand
    return found
