"""Why is it 3? A row's entries, documents, and what commercetools was told when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from streams.domain.publications import Publication
from streams.domain.transfers import Transfer
from streams.engine.names import Partitioner
from streams.engine.reading import LogReader
from streams.journal import Newest, newest_entries
from streams.mapping.publications import decode_publication, read_answer
from streams.mapping.stock import (
    EntryRecord,
    LevelRecord,
    decode_level,
    row_key,
)
from streams.mapping.stock_state import decode_transfer, own_transfer_key, transfer_key
from streams.mapping.transfers import describe
from streams.settings import Settings
from streams.tables import PUBLICATIONS, TRANSFERS
from streams.topics import COMMERCE_ANSWERS, STOCK_LEVELS

TRANSFERS_SHOWN = 3
"""Each may mean reading a changelog back to where the transfer was touched last."""


@dataclass(slots=True)
class Explanation:
    """What is known of one SKU at one location, newest first."""

    sku: str
    location_id: str
    level: LevelRecord | None
    entries: list[EntryRecord]
    told: list[dict[str, Any]]
    publication: Publication | None
    transfers: list[Transfer]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        publication = self.publication
        return {
            "sku": self.sku,
            "location_id": self.location_id,
            "level": None if self.level is None else _plain(self.level),
            "entries": [_plain(entry) for entry in self.entries],
            "transfers": [describe(transfer) for transfer in self.transfers],
            "commercetools": {
                "told": self.told,
                "quantity": publication.told.quantity
                if publication and publication.told
                else None,
                "trouble": publication.trouble.sentence
                if publication and publication.trouble
                else None,
            },
        }


async def explain(
    settings: Settings, sku: str, location_id: str, *, limit: int
) -> Explanation:
    """Collect a row's newest entries and answers from the log."""
    partition = Partitioner(settings.partitions)(sku.encode())
    key = row_key(sku, location_id)
    async with LogReader(settings) as reader:
        levels = await reader.latest(STOCK_LEVELS, partition, key, 1)
        level = decode_level(levels[0].value) if levels and levels[0].value else None
        entries = await newest_entries(reader, partition, key, limit, _newest(level))
        answers = await reader.latest(
            COMMERCE_ANSWERS, partition, sku.encode(), 10 * limit
        )
        publication = await _publication(reader, partition, key)
        transfers = await _transfers(reader, partition, entries)
    told = []
    for record in answers:
        answer = read_answer(record.key, record.value or b"")
        if getattr(answer, "location_id", None) == location_id:
            told.append(_plain(answer) | {"at": _moment(record.timestamp).isoformat()})
    told = told[:limit]
    return Explanation(sku, location_id, level, entries, told, publication, transfers)


def _newest(level: LevelRecord | None) -> Newest | None:
    # Where a change of safety stock came after the last entry, this is too late, and
    # the entry is not found from there; then it is walked back to.
    return None if level is None else Newest(level.entries, level.recorded_at)


async def _publication(
    reader: LogReader, partition: int, key: bytes
) -> Publication | None:
    row = await reader.latest_change(
        PUBLICATIONS.stage, partition, PUBLICATIONS.prefix + key
    )
    return decode_publication(row) if row else None


async def _transfers(
    reader: LogReader, partition: int, entries: Sequence[EntryRecord]
) -> list[Transfer]:
    """Find the transfers of the newest entries; those not forgotten yet."""
    found: dict[tuple[str, ...], Transfer] = {}
    named = [(entry.sku, entry.transfer_ref) for entry in entries if entry.transfer_ref]
    for sku, name in list(dict.fromkeys(named))[:TRANSFERS_SHOWN]:
        key = transfer_key(sku, name)
        transfer = await _transfer(reader, partition, key)
        if transfer is not None and transfer.same_as:
            own = own_transfer_key(key, transfer)
            transfer = await _transfer(reader, partition, own)
        if transfer is not None:
            found[transfer.names] = transfer
    return list(found.values())


async def _transfer(reader: LogReader, partition: int, key: bytes) -> Transfer | None:
    stage, prefix = TRANSFERS.stage, TRANSFERS.prefix
    row = await reader.latest_change(stage, partition, prefix + key)
    return decode_transfer(row) if row else None


def _moment(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)


def _plain(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}
