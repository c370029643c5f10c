"""The resources of one kind: by id, by unique key, in the order of their ids."""

from bisect import bisect_right, insort
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.predicate_parser import Node
from streams.sandbox.commercetools.predicates import equal_to, greater_than


class Resource(Protocol):
    """What every resource of the vendor has; a change is a new value."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def key(self) -> str | None: ...


R = TypeVar("R", bound=Resource)


class Collection(Generic[R]):
    """Keeps resources and the uniqueness of their keys."""

    # How references name the kind of these resources.
    type_id = ""
    # What the vendor calls the key of these resources.
    key_field = "key"

    def __init__(self) -> None:
        self._by_id: dict[str, R] = {}
        self._id_by_key: dict[str, str] = {}
        self._ids: list[str] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, name: str, value: str) -> R | None:
        """Return the resource whose `id` or `key` (the name) is the value."""
        if name == "key":
            return self._by_id.get(self._id_by_key.get(value, ""))
        return self._by_id.get(value)

    def get(self, name: str, value: str) -> R:
        """Return the resource by `id` or `key`; 404 if there is none."""
        resource = self.find(name, value)
        if resource is None:
            raise errors.not_found("ID" if name == "id" else self.key_field, value)
        return resource

    def referenced(self, name: str, value: object) -> R:
        """Return the resource that a field's ResourceIdentifier names."""
        by, wanted = values.identifier(name, value)
        resource = self.find(by, wanted)
        if resource is None:
            raise errors.reference_not_found(self.type_id, by, wanted)
        return resource

    def put(self, resource: R) -> None:
        """Keep a new resource, or the next version of one; keys are unique."""
        held = self._by_id.get(resource.id)
        old_key = held.key if held else None
        if resource.key != old_key:
            if resource.key in self._id_by_key:
                raise errors.duplicate_field(self.key_field, resource.key)
            if old_key is not None:
                del self._id_by_key[old_key]
            if resource.key is not None:
                self._id_by_key[resource.key] = resource.id
        if held is None:
            insort(self._ids, resource.id)
        self._by_id[resource.id] = resource

    def remove(self, resource: R) -> None:
        """Forget a resource."""
        del self._by_id[resource.id]
        self._ids.pop(bisect_right(self._ids, resource.id) - 1)
        if resource.key is not None:
            del self._id_by_key[resource.key]

    def walk(self, after: str | None = None) -> Iterator[R]:
        """Go through the resources by id, from behind `after`."""
        start = 0 if after is None else bisect_right(self._ids, after)
        for index in range(start, len(self._ids)):
            yield self._by_id[self._ids[index]]

    def candidates(self, predicate: Node | None) -> Iterator[R]:
        """Return, by id, the resources that a predicate can match at all."""
        for by, field in (("id", "id"), ("key", self.key_field)):
            wanted = equal_to(predicate, field)
            if wanted is not None:
                found = [self.find(by, value) for value in sorted(wanted)]
                held = {resource.id: resource for resource in found if resource}
                return iter([held[resource_id] for resource_id in sorted(held)])
        return self.walk(after=greater_than(predicate, "id"))
