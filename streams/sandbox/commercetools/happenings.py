"""What a write causes to be said: one vendor message without its envelope.

Source: API spec, `types/message/*`; docs "Messages".
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Happening:
    """A message's type and the fields that only this type has."""

    type: str
    fields: Mapping[str, object]


def happening(message_type: str, **fields: object) -> Happening:
    """Make a happening; fields without a value are left out, as the vendor does."""
    present = {name: value for name, value in fields.items() if value is not None}
    return Happening(message_type, present)
