"""What every resource carries: id, version, and who wrote it when.

Source: API spec, `types/common/{BaseResource,CreatedBy,LastModifiedBy}`.
"""

from dataclasses import dataclass, replace
from random import Random
from uuid import UUID

# Written by the platform itself, like the late effect of an order.
PLATFORM = "commercetools"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is."""

    client_id: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """Id, version and authorship of a resource."""

    id: str
    version: int
    created_at: str
    created_by: str
    last_modified_at: str
    last_modified_by: str

    def grown(self, *, steps: int, by: str, at: str) -> "Stamp":
        """Return the stamp after a write; versions only grow, not necessarily by 1."""
        return replace(
            self,
            version=self.version + steps,
            last_modified_at=at,
            last_modified_by=by,
        )

    def body(self) -> dict[str, object]:
        """Write the stamp's fields as the vendor does."""
        return {
            "id": self.id,
            "version": self.version,
            "createdAt": self.created_at,
            "createdBy": _author(self.created_by),
            "lastModifiedAt": self.last_modified_at,
            "lastModifiedBy": _author(self.last_modified_by),
        }


@dataclass(frozen=True, slots=True)
class Stamped:
    """Anything that carries a stamp."""

    stamp: Stamp

    @property
    def id(self) -> str:
        """Return the resource's id."""
        return self.stamp.id

    @property
    def version(self) -> int:
        """Return the resource's version."""
        return self.stamp.version


def new_stamp(random: Random, *, by: str, at: str) -> Stamp:
    """Return the stamp of a new resource, its id drawn from the sandbox's seed."""
    return Stamp(new_id(random), 1, at, by, at, by)


def new_id(random: Random) -> str:
    """Draw an id as the vendor's look."""
    return str(UUID(int=random.getrandbits(128), version=4))


def reference(type_id: str, resource_id: str) -> dict[str, str]:
    """Write a reference."""
    return {"typeId": type_id, "id": resource_id}


def _author(client_id: str) -> dict[str, object]:
    return {} if client_id == PLATFORM else {"clientId": client_id}
