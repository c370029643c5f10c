"""What is wrong with an order and needs a person, in a person's words."""

from typing import NamedTuple


class Trouble(NamedTuple):
    """One thing that is wrong.

    Two troubles are the same if all but the sentence is: figures in it may move on.

    Attributes:
        kind: What it is about: `order`, `fulfilment`, `return`, `refund`, `sourcing` or
            `commerce`.
        entity: What it hangs on, mostly the order's number.
        reason: A code that groups like cases.
        sentence: Names the field, the value and the remedy.
    """

    kind: str
    entity: str
    reason: str
    field: str
    value: str
    sentence: str

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """Return what tells it from others."""
        return self[:5]
