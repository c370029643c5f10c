"""What must hold of transfers when the world is at rest."""

from collections import Counter
from collections.abc import Iterator

from streams.domain.exception_kinds import Kind
from streams.mapping.exception_rows import decode_case
from streams.simulation.snapshot import Snapshot
from streams.tables import CASES, TRANSFERS


def check_transit(snap: Snapshot) -> Iterator[str]:
    """Of each SKU as much is in transit as was sent and not received.

    From the supplier came what nobody sent, and nothing else.
    """
    transit, supplier = Counter[str](), Counter[str]()
    for (sku, _), row in snap.rows.items():
        transit[sku] += row["transit"] + row["in_transit"]
        supplier[sku] -= row["supplier"]
    for sku in sorted({sku for sku, _ in snap.truth.rows()}):
        if sku not in snap.world.reference.products:
            continue
        consignments = snap.truth.consignments(sku)
        under_way = sum(one.under_way for one in consignments)
        if transit[sku] != under_way:
            yield f"{sku}: {transit[sku]} in transit, {under_way} are under way"
        surplus = sum(one.surplus for one in consignments)
        if supplier[sku] != surplus:
            yield f"{sku}: {supplier[sku]} from the supplier, nobody sent {surplus}"


def check_transfers_forgotten(snap: Snapshot) -> Iterator[str]:
    """Only transfers under way are remembered, each by all of its names."""
    kept = {key.decode() for _, key, _ in snap.table(TRANSFERS)}
    wanted = {
        f"{sku}|{name}"
        for sku in {sku for sku, _ in snap.truth.rows()}
        for one in snap.truth.consignments(sku)
        for name in one.names
        if one.under_way
    }
    for key in sorted(kept ^ wanted):
        yield f"transfer {key} is {'still' if key in kept else 'not'} remembered"


def check_delays(snap: Snapshot) -> Iterator[str]:
    """What is under way for too long is a case on the list, and nothing else is."""
    listed = set()
    for _, _, row in snap.table(CASES):
        case = decode_case(row).case
        if case.kind is Kind.TRANSFER and case.waiting:
            name = case.trouble.value
            listed.add((case.trouble.entity.removeprefix(f"{name} "), name))
    for sku in sorted({sku for sku, _ in snap.truth.rows()}):
        for one in snap.truth.consignments(sku):
            names = {(sku, name) for name in one.names}
            if bool(listed & names) != bool(one.under_way):
                what = "is not" if one.under_way else "is still"
                yield f"{sku} of {sorted(one.names)} {what} on the list"
            listed -= names
    for sku, name in sorted(listed):
        yield f"{sku} of {name} is on the list, and nobody sent it"
