"""Update requests: one expected version, a list of actions, all of them or none.

Source: docs "Optimistic concurrency control", "Update actions", "Limits".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.resources import Caller, Stamped
from streams.sandbox.commercetools.values import Fields, needed

# Docs, "Limits": update actions per request.
ACTIONS_MAX = 500


R = TypeVar("R", bound=Stamped)
W = TypeVar("W")

# What one action does to a resource, given the collection that it lives in.
Change: TypeAlias = Callable[[R, W], R]
# Reads an action's fields, refusing a wrong shape before anything happens.
Reader: TypeAlias = Callable[[Fields], Change[R, W]]


@dataclass(frozen=True, slots=True)
class Update(Generic[R, W]):
    """An update request, its shape already checked."""

    version: int
    actions: tuple[str, ...]
    changes: Sequence[Change[R, W]]


def read_update(body: Fields, readers: Mapping[str, Reader[R, W]]) -> Update[R, W]:
    """Read `{version, actions}`.

    A missing version is `InvalidJsonInput`, an unknown action `InvalidInput`.
    """
    version = needed(body, "version", values.INT64)
    actions = needed(body, "actions", values.objects)
    if len(actions) > ACTIONS_MAX:
        raise errors.invalid_input(
            f"actions: {len(actions)} update actions, at most {ACTIONS_MAX} are allowed"
        )
    names = tuple(needed(action, "action", values.text) for action in actions)
    for name in names:
        if name not in readers:
            raise errors.invalid_input(f"Invalid action '{name}'.")
    changes = [
        readers[name](action) for name, action in zip(names, actions, strict=True)
    ]
    return Update(version, names, changes)


def apply_update(held: R, update: Update[R, W], world: W, caller: Caller, at: str) -> R:
    """Return the resource after all actions; its version grows by one per change made.

    An update that changes nothing leaves version and time as they were, but a stale
    version is refused all the same.
    """
    check_version(held, update.version)
    resource, steps = held, 0
    for change in update.changes:
        changed = change(resource, world)
        steps += changed != resource
        resource = changed
    if not steps:
        return held
    stamp = held.stamp.grown(steps=steps, by=caller.client_id, at=at)
    return replace(resource, stamp=stamp)


def check_version(resource: Stamped, expected: int) -> None:
    """Refuse an update of another version (docs, "Optimistic concurrency control")."""
    if expected != resource.version:
        raise errors.concurrent_modification(
            resource.id, expected=expected, current=resource.version
        )
