"""What commerce refuses is on the exceptions list, for as long as it does."""

from streams.domain.publications import Publication
from streams.engine.fold import Record, Result
from streams.mapping.exceptions import trouble_of
from streams.mapping.publications import RefusalWire
from streams.tables import PUBLICATIONS

STAGE = PUBLICATIONS.stage
REFUSED = "commerce_refused"


def park_refusal(
    result: Result, record: Record, key: bytes, refusal: RefusalWire
) -> None:
    """Put what commerce refused on the exceptions list."""
    result.park(
        record,
        reason=REFUSED,
        field=refusal.reason,
        value=key.decode(),
        sentence=refusal.sentence,
    )


def settle_former(
    result: Result,
    record: Record,
    before: Publication,
    after: Publication,
    entry: str,
) -> None:
    """Tell the exceptions list that commerce's earlier refusal is over."""
    former, left = before.trouble, after.trouble
    if former is None or (left is not None and left.reason == former.reason):
        return
    over = trouble_of(STAGE, record, reason=REFUSED, field=former.reason, value=entry)
    result.settle(record, over)
