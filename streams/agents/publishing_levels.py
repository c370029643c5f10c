"""Levels in, entries changed: which entries a level belongs to, and the sums of pools.

Pure helpers of the publishing stage.
"""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

import msgspec

from streams.domain.availability import POOLED, Counting, EntryScope
from streams.domain.publications import Level, Publication, observe, pooled
from streams.domain.reference import Reference
from streams.engine.fold import Batch, Result, View
from streams.mapping.publications import (
    Unreadable,
    decode_level,
    decode_publication,
    encode_row,
    read_level,
    row_key,
    split_row_key,
)
from streams.tables import PUBLICATIONS, PUBLISHED_LEVELS

SWEEP_KEY = b"\x00sweep"
"""Where the sweep keeps its place; no SKU begins with a control character."""

SWEEP_STEP = 2000
"""Levels looked at in one tick: a few milliseconds, so that records do not wait."""


class Sweep(NamedTuple):
    """How far all levels have been looked at again under this plan; None: all have."""

    plan: str = ""
    after: bytes | None = b""


_decode_sweep = msgspec.msgpack.Decoder(Sweep).decode


class Plan:
    """Which entries there are to be: by scope, and by the locations' channels."""

    def __init__(self, *, entries: EntryScope, counting: Counting) -> None:
        self.has_channels = entries in (EntryScope.CHANNEL, EntryScope.BOTH)
        self.has_pools = entries in (EntryScope.POOL, EntryScope.BOTH)
        self.counting = counting
        self._entries = entries
        self._signature = ""
        self._signed_version = -1

    def signature(self, reference: Reference) -> str:
        """Name this plan; it changes when another set of entries would result."""
        if reference.version != self._signed_version:
            channels = sorted(
                (place.location_id, place.commercetools_channel_key)
                for place in reference.locations.values()
            )
            digest = hashlib.sha256(repr(channels).encode()).hexdigest()
            self._signature = f"{self._entries}:{digest[:16]}"
            self._signed_version = reference.version
        return self._signature


class Entries:
    """The entries that a batch touches, loaded once, written where they changed."""

    def __init__(self, view: View, keys: Iterable[bytes], plan: Plan) -> None:
        stored = view.get(PUBLICATIONS, keys)
        self._rows = {key: decode_publication(row) for key, row in stored.items()}
        self._plan = plan
        self._result: dict[bytes, bytes | None] = {}

    def row(self, key: bytes) -> Publication | None:
        return self._rows.get(key)

    def observe_channel(self, key: bytes, level: Level, reference: Reference) -> None:
        """Let the entry of the location's channel follow the level."""
        _, location_id = split_row_key(key)
        row = self._rows.get(key)
        location = reference.locations.get(location_id)
        if location is not None:
            channel_key = location.commercetools_channel_key
        else:
            # Dropped from the reference: its entry must still come down to zero.
            channel_key = "" if row is None else row.channel_key
        if not self._plan.has_channels or not channel_key:
            self._drop(key)
        else:
            self._observe(key, level, channel_key)

    def observe_pool(self, key: bytes, level: Level | None) -> None:
        """Let the pooled entry follow the sum of its levels."""
        if level is None:
            self._drop(key)
        else:
            self._observe(key, level, "")

    def write(self, result: Result) -> None:
        for key, value in self._result.items():
            result.put(PUBLICATIONS, key, value)

    def _observe(self, key: bytes, level: Level, channel_key: str) -> None:
        row = self._rows.get(key)
        seen = observe(
            row, level, channel_key=channel_key, counting=self._plan.counting
        )
        if seen is not row:
            self._rows[key] = seen
            self._result[key] = encode_row(seen)

    def _drop(self, key: bytes) -> None:
        if self._rows.pop(key, None) is not None:
            self._result[key] = None


def fold_levels(view: View, batch: Batch, reference: Reference, plan: Plan) -> Result:
    """Take in levels: the newest of each row counts, an older one changes nothing."""
    result = Result()
    arrived = _newest(batch, result)
    stored = view.get(PUBLISHED_LEVELS, [*arrived, SWEEP_KEY])
    swept = _sweep_of(stored.pop(SWEEP_KEY, None))
    known = {key: decode_level(row) for key, row in stored.items()}
    fresh = {
        key: level
        for key, level in arrived.items()
        if key not in known or level.sequence > known[key].sequence
    }
    result.count("levels_stale", len(arrived) - len(fresh))
    pools = _pools_of(fresh) if plan.has_pools else {}
    entries = Entries(view, [*fresh, *pools], plan)
    for key, level in fresh.items():
        result.put(PUBLISHED_LEVELS, key, encode_row(level))
        entries.observe_channel(key, level, reference)
    signature = plan.signature(reference)
    if fresh and swept.plan != signature:
        # Said at once: a plan that comes back before any tick must find it was away.
        swept = Sweep(signature)
        result.put(PUBLISHED_LEVELS, SWEEP_KEY, encode_row(swept))
    sums_hold = swept == Sweep(signature, None)
    for pool_key, keys in pools.items():
        row = entries.row(pool_key)
        if row is not None and sums_hold:
            changes = [_change(fresh[key], known.get(key)) for key in keys]
            total = pooled([_level_of(row), *changes])
        else:
            total = _sum(view, pool_key, {key: fresh[key] for key in keys})
        entries.observe_pool(pool_key, total)
    entries.write(result)
    return result


def sweep(view: View, reference: Reference, plan: Plan) -> Result | None:
    """Go through all levels again, a step at a time, when the plan has changed."""
    signature = plan.signature(reference)
    stored = view.get(PUBLISHED_LEVELS, [SWEEP_KEY])
    place = _sweep_of(stored.get(SWEEP_KEY))
    if place == Sweep(signature, None):
        return None
    after = (place.after or b"") if place.plan == signature else b""
    start = (after or SWEEP_KEY) + b"\x00"
    rows = view.scan(PUBLISHED_LEVELS, start=start)
    step = {key: decode_level(row) for key, row in islice(rows, SWEEP_STEP)}
    pools = _pools_of(step)
    entries = Entries(view, [*step, *pools], plan)
    for key, level in step.items():
        entries.observe_channel(key, level, reference)
    for pool_key in pools:
        total = _sum(view, pool_key, {}) if plan.has_pools else None
        entries.observe_pool(pool_key, total)
    result = Result()
    entries.write(result)
    done = len(step) < SWEEP_STEP
    reached = Sweep(signature, None if done else next(reversed(step)))
    result.put(PUBLISHED_LEVELS, SWEEP_KEY, encode_row(reached))
    return result


def _newest(batch: Batch, result: Result) -> dict[bytes, Level]:
    newest: dict[bytes, Level] = {}
    for record in batch.records:
        if record.value is None:
            result.count("levels_deleted")  # Compaction's mark; stock is never deleted.
            continue
        wire = read_level(record.key, record.value)
        if isinstance(wire, Unreadable):
            result.park(record, **wire._asdict())
            continue
        result.count("levels")
        key = record.key or b""  # As `read_level` has found it to be.
        earlier = newest.get(key)
        if earlier is not None and earlier.sequence >= wire.sequence:
            continue
        # The oldest of a batch says how long commerce has not known.
        since_ms = record.timestamp if earlier is None else earlier.recorded_ms
        newest[key] = Level(
            wire.commerce_target, wire.available, wire.sequence, since_ms
        )
    return newest


def _pools_of(levels: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    pools: dict[bytes, list[bytes]] = {}
    for key in levels:
        sku, _ = split_row_key(key)
        pools.setdefault(row_key(sku, POOLED), []).append(key)
    return pools


def _sum(view: View, pool_key: bytes, fresh: Mapping[bytes, Level]) -> Level:
    prefix = pool_key[: -len(POOLED)]
    stored = view.scan(PUBLISHED_LEVELS, prefix)
    levels = {key: decode_level(row) for key, row in stored}
    return pooled({**levels, **fresh}.values())


def _level_of(row: Publication) -> Level:
    return Level(row.target, row.available, row.sequence)


def _change(new: Level, old: Level | None) -> Level:
    old = old or Level()
    return Level(
        new.target - old.target,
        new.available - old.available,
        new.sequence - old.sequence,
        new.recorded_ms,
    )


def _sweep_of(stored: bytes | None) -> Sweep:
    return Sweep() if stored is None else _decode_sweep(stored)
