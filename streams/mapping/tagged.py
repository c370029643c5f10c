"""Values of the domain as JSON messages that say their own type and version."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from streams.mapping.stock import Undecodable

T = TypeVar("T")

VERSION = 1


class _Head(msgspec.Struct, frozen=True):
    # Not "kind": a value may have a field of that name (ReservationRequest has).
    type: str
    schema_version: int


_decode_head = msgspec.json.Decoder(_Head).decode
_encode = msgspec.json.Encoder().encode


class Tagged(Generic[T]):
    """Writes and reads the values of a family of dataclasses, each by its type."""

    def __init__(self, kinds: Mapping[str, type[Any]]) -> None:
        """Args: kinds: The family, by the name that stands in the message."""
        self.kinds = dict(kinds)
        self._heads = {
            kind: f'{{"schema_version":{VERSION},"type":"{name}",'.encode()
            for name, kind in kinds.items()
        }
        self._decoders = {
            name: msgspec.json.Decoder(kind) for name, kind in kinds.items()
        }

    def encode(self, value: T) -> bytes:
        """Write a value; times in UTC are written with `Z`."""
        return self._heads[type(value)] + _encode(value)[1:]

    def decode(self, message: bytes | None) -> T:
        """Read a value.

        Raises:
            Undecodable: The bytes are not a message of this family, or of a version
                that is not known here.
        """
        if message is None:
            raise Undecodable("$", "The record is empty.")
        try:
            head = _decode_head(message)
            decoder = self._decoders.get(head.type)
            if decoder is not None and head.schema_version == VERSION:
                value: T = decoder.decode(message)
                return value
        except msgspec.ValidationError as error:
            text, _, path = str(error).partition(" - at `")
            raise Undecodable(path.rstrip("`") or "$", f"{text}.") from error
        except msgspec.DecodeError as error:
            raise Undecodable("$", f"Not JSON: {error}.") from error
        raise Undecodable(
            "type",
            f"{head.type!r} of version {head.schema_version} is not known here; known "
            f"are {', '.join(self.kinds)}, version {VERSION}. Upgrade the workers.",
        )
