"""What must hold whenever the world is at rest. Each checker names what does not.

Adds up by itself what it compares; only the bytes are read with the project's codecs.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from streams.domain.availability import Counting, EntryScope
from streams.domain.postings import Outcome
from streams.engine.headers import ERROR_MESSAGE, header
from streams.engine.recovery import Restoration
from streams.mapping.exceptions import RETRY_OF
from streams.mapping.waiting import COPY, EVENT, parse_name_key
from streams.simulation.checks_cases import check_cases, check_list
from streams.simulation.checks_transfers import (
    check_delays,
    check_transfers_forgotten,
    check_transit,
)
from streams.simulation.commerce import target_of
from streams.simulation.snapshot import Snapshot, row_key
from streams.simulation.store import MemoryStore
from streams.simulation.transactions import changelog_topic
from streams.tables import APPLIED, HISTORY, WAITING
from streams.topics import (
    COMMERCE_ANSWERS,
    NEWSTORE_EVENTS,
    SCARCE_ROWS,
    STOCK_LEVELS,
    STOCK_MOVEMENTS,
)

if TYPE_CHECKING:
    from streams.simulation.truth import RowKey

POOLS = ("main", "reserved", "damaged", "held", "in_transit")


def check_journal_once(snap: Snapshot) -> Iterator[str]:
    """Each entry is there once, each row's entries are numbered without a gap."""
    for entry_id, times in Counter(one["entry_id"] for one in snap.journal).items():
        if times > 1:
            yield f"{entry_id} is in the journal {times} times"
    last: Counter[RowKey] = Counter()
    for one in snap.journal:
        row = (one["sku"], one["location_id"])
        last[row] += 1
        if one["sequence"] != last[row]:
            yield f"{row}: entry {last[row]} says it is entry {one['sequence']}"


def check_journal_complete(snap: Snapshot) -> Iterator[str]:
    """Each movement that happened, at places known by now, has its entry."""
    known = snap.world.reference
    recorded = {one["movement_id"] for one in snap.journal}
    for movement_id, (sku, location_id) in snap.truth.entries.items():
        if sku not in known.products or location_id not in known.locations:
            continue
        if movement_id not in recorded:
            yield f"{movement_id} has no entry"


def check_fold(snap: Snapshot) -> Iterator[str]:
    """Fold(journal) == table == stock-levels."""
    folded: dict[RowKey, Counter[str]] = defaultdict(Counter)
    for one in snap.journal:
        row = folded[one["sku"], one["location_id"]]
        row[one["from_account"].rpartition(":")[2]] -= one["quantity"]
        row[one["to_account"].rpartition(":")[2]] += one["quantity"]
    for key in sorted(folded.keys() | snap.rows.keys() | snap.levels.keys()):
        held = snap.rows.get(key, {})
        for account in sorted(folded[key].keys() | held.keys()):
            said, units = folded[key][account], held.get(account, 0)
            if said != units:
                yield f"{key} {account}: table {units}, journal {said}"
        level = snap.levels.get(key, {})
        for name, value in (
            ("on_hand", held.get("main", 0) + held.get("reserved", 0)),
            *((pool, held.get(pool, 0)) for pool in POOLS[1:]),
        ):
            if level.get(name) != value:
                yield f"{key} {name}: table {value}, level {level.get(name)}"


def check_scarce(snap: Snapshot) -> Iterator[str]:
    """Just the rows of which three units or fewer are left were told as scarce."""
    told: dict[RowKey, bool] = {}
    for record in snap.records(SCARCE_ROWS):
        told[row_key(record.key or b"")] = record.value is not None
    for key, level in sorted(snap.levels.items()):
        few = bool(level["enabled"]) and level["available"] <= 3
        if few != told.get(key, False):
            yield f"{key}: {level['available']} left, told {told.get(key)}"


def check_zero(snap: Snapshot) -> Iterator[str]:
    """Each row and each SKU sums to zero over all accounts."""
    per_sku: Counter[str] = Counter()
    for (sku, location_id), row in snap.rows.items():
        total = sum(row.values())
        per_sku[sku] += total
        if total:
            yield f"{sku} at {location_id} sums to {total}"
    for sku, total in per_sku.items():
        if total:
            yield f"{sku} sums to {total}"


def check_counters(snap: Snapshot) -> Iterator[str]:
    """Per stage: what came in is what came of it, and the log agrees."""
    intake = snap.counts["intake"]
    events = len(snap.records(NEWSTORE_EVENTS))
    came_of_it = intake["applied"] + intake["ignored"]
    came_of_it += intake["parked"] - intake["parked_again"]
    yield from _equal("intake in", intake["in"], events)
    yield from _equal("intake applied+ignored+parked", came_of_it, events)
    movements = len(snap.records(STOCK_MOVEMENTS))
    yield from _equal("intake movements", intake["movements"], movements)
    ledger = snap.counts["ledger"]
    outcomes = sum(ledger[str(outcome)] for outcome in Outcome)
    yield from _equal("ledger in", ledger["in"], movements)
    yield from _equal("ledger outcomes", outcomes + ledger["parked"], movements)
    publishing = snap.counts["publishing"]
    levels = len(snap.records(STOCK_LEVELS))
    yield from _equal("publishing levels", publishing["levels"], levels)
    answers = sum(n for name, n in publishing.items() if name.startswith("answers_"))
    said = len(snap.records(COMMERCE_ANSWERS))
    yield from _equal("publishing answers", answers, said)
    parked = sum(counts["parked"] for counts in snap.counts.values())
    yield from _equal("parked", parked, len(snap.parked))
    listed = snap.counts["exceptions"]
    yield from _equal("exceptions in", listed["in"], len(snap.parked))
    yield from _equal("exceptions taken", listed["taken"], len(snap.parked))


def _equal(what: str, found: int, expected: int) -> Iterator[str]:
    if found != expected:
        yield f"{what}: {found}, expected {expected}"


def check_oracle(snap: Snapshot) -> Iterator[str]:
    """Pools are what plain arithmetic over the day's facts says."""
    known = snap.world.reference
    for key in sorted(snap.truth.rows() | snap.rows.keys()):
        sku, location_id = key
        if sku not in known.products or location_id not in known.locations:
            continue
        expected = snap.truth.expected(key)
        row = snap.rows.get(key, {})
        for pool in POOLS:
            wanted, found = getattr(expected, pool), row.get(pool, 0)
            if wanted != found:
                yield f"{key} {pool}: {found}, the oracle says {wanted}"


def check_commerce(snap: Snapshot) -> Iterator[str]:
    """Commerce offers what is available, row by row or in sum."""
    offered: Counter[tuple[str, str]] = Counter()
    shape, known = snap.world.shape, snap.world.reference
    for (sku, location_id), row in snap.rows.items():
        spare = row["main"] - known.safety_stock(sku, location_id)
        available = max(0, spare) if known.is_published(sku, location_id) else 0
        channel = known.locations[location_id].commercetools_channel_key
        if shape.entries is not EntryScope.POOL:
            offered[sku, channel] += available
        if shape.entries is not EntryScope.CHANNEL:
            offered[sku, ""] += available
    entries = snap.world.commerce.entries
    for key in sorted(offered.keys() | entries.keys()):
        entry = entries.get(key)
        if key not in offered and entry is not None and target_of(entry) is None:
            continue  # Somebody else's, and no business of ours.
        if entry is None:
            yield f"{key}: no entry, {offered[key]} available"
        elif entry.quantity != offered[key]:
            yield f"{key}: commerce has {entry.quantity}, available {offered[key]}"


def check_told_once(snap: Snapshot) -> Iterator[str]:
    """Each change was applied to an entry once, and they add up to its target."""
    if snap.world.shape.counting is Counting.POOL:
        return
    entries = snap.world.commerce.entries
    told: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for one in snap.world.commerce.told:
        told[one.entry].append((one.sequence, one.after - one.before))
    for key, changes in sorted(told.items()):
        sequences = [sequence for sequence, _ in changes]
        if sequences != sorted(set(sequences)):
            yield f"{key}: told in the order {sequences}"
        # The first is a creation or an adoption: it sets the base of the target.
        moved = sum(delta for _, delta in changes[1:])
        base = snap.world.commerce.first_target[key]
        target = target_of(entries[key])
        if target is None or moved != target - base:
            yield f"{key}: moved by {moved}, target went from {base} to {target}"


def check_parked(snap: Snapshot) -> Iterator[str]:
    """What cannot be processed is parked as it came, with a sentence."""
    first = [one for one in snap.parked if header(one.headers, RETRY_OF) is None]
    bodies = Counter(record.value for record in first)
    for record in snap.parked:
        sentence = header(record.headers, ERROR_MESSAGE) or b""
        if len(sentence.split()) < 4:
            yield f"parked without a sentence: {sentence!r}"
    source = {record.value for record in snap.records(NEWSTORE_EVENTS)}
    for body in bodies:
        if body not in source:
            yield f"parked, but never received: {(body or b'')[:60]!r}"
    for expected in (snap.truth.broken, snap.truth.never_known):
        for body, times in expected.items():
            if bodies[body] != times:
                yield f"parked {bodies[body]} times of {times}: {body[:60]!r}"


def check_waiting(snap: Snapshot) -> Iterator[str]:
    """Nothing waits for a name that is known."""
    for _, key, _ in snap.table(WAITING):
        if key[:1] in (EVENT, COPY):
            continue
        name, offset = parse_name_key(key)
        if name.is_known(snap.world.reference):
            yield f"event {offset} waits for {name.kind} {name.name}, which is known"


def check_offsets(snap: Snapshot) -> Iterator[str]:
    """State and consumer offsets agree, and neither is ahead of the log."""
    broker = snap.world.broker
    for (stage, partition), owner in snap.owners():
        for topic in owner.runtime.stage.sources:
            place = (topic.name, partition)
            reached = owner.runtime.next_offsets.get(topic, 0)
            committed = broker.group_offsets.get(place, 0)
            end = broker.partition(place).end
            if reached > end:
                yield f"{stage}-{partition}: {place} ends at {end}, state {reached}"
            if committed != reached:
                yield f"{stage}-{partition}: {place} at {committed}, state {reached}"


def check_rebuild(snap: Snapshot) -> Iterator[str]:
    """A store rebuilt from the changelog alone is the store."""
    for (stage, partition), owner in snap.owners():
        rebuilt = MemoryStore()
        records, _ = snap.world.broker.read((changelog_topic(stage), partition), 0)
        Restoration(rebuilt).feed(records)
        live = snap.world.cluster.store_of(owner)
        expected, found = rebuilt.rows(), live.rows()
        for key in sorted(expected.keys() | found.keys()):
            if expected.get(key) != found.get(key):
                yield f"{stage}-{partition}: row {key!r} differs from the changelog"
        end = broker_end(snap, stage, partition)
        if live.changelog_offset() >= end:
            yield f"{stage}-{partition}: the store is ahead of its changelog"


def check_forgotten(snap: Snapshot) -> Iterator[str]:
    """What is remembered for some days only is gone after that."""
    for table in (APPLIED, HISTORY):
        for owner, key, _ in snap.table(table):
            yield f"{table.name}-{owner.runtime.partition} still remembers {key!r}"


def broker_end(snap: Snapshot, stage: str, partition: int) -> int:
    """Return where a changelog ends."""
    return snap.world.broker.partition((changelog_topic(stage), partition)).end


Checker = Callable[[Snapshot], Iterator[str]]

CHECKERS: dict[str, Checker] = {
    "journal once": check_journal_once,
    "journal complete": check_journal_complete,
    "journal = table = levels": check_fold,
    "scarce": check_scarce,
    "sums to zero": check_zero,
    "counters": check_counters,
    "oracle": check_oracle,
    "transit": check_transit,
    "commerce = available": check_commerce,
    "told once": check_told_once,
    "parked": check_parked,
    "waiting": check_waiting,
    "offsets": check_offsets,
    "rebuild": check_rebuild,
    "forgotten": check_forgotten,
    "transfers forgotten": check_transfers_forgotten,
    "delays": check_delays,
    "cases": check_cases,
    "list": check_list,
}
"""Every checker by its name."""
