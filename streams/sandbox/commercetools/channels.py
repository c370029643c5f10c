"""Channels: what stands for a location that supplies stock.

Source: API spec, `types/channel/{Channel,ChannelDraft,ChannelRoleEnum}`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.predicates import FieldKind, Schema
from streams.sandbox.commercetools.resources import Stamp, Stamped
from streams.sandbox.commercetools.values import Fields, optional

INVENTORY_SUPPLY = "InventorySupply"
ROLES = (
    INVENTORY_SUPPLY,
    "ProductDistribution",
    "OrderExport",
    "OrderImport",
    "Primary",
)
DESCRIPTIONS = ("name", "description", "address", "geoLocation")

CHANNEL_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "key": FieldKind.TEXT,
    "roles": FieldKind.TEXTS,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class Channel(Stamped):
    """A channel; its descriptions are kept as they came."""

    key: str
    roles: tuple[str, ...]
    descriptions: Fields


class Channels(Collection[Channel]):
    """The project's channels."""

    type_id = "channel"

    def create(self, draft: Fields, stamp: Stamp) -> Channel:
        """Create a channel; the key is free text and unique, roles are at least one.

        An empty key or an empty list of roles is `InvalidOperation` (`ChannelDraft`).
        """
        if draft.get("key") == "":
            raise errors.invalid_operation("The channel's key must not be empty.")
        roles = optional(draft, "roles", values.texts)
        if roles == []:
            raise errors.invalid_operation("A channel has at least one role.")
        _check_roles(roles or ())
        descriptions = {
            name: values.needed(draft, name, values.mapping)
            for name in DESCRIPTIONS
            if draft.get(name) is not None
        }
        channel = Channel(
            stamp=stamp,
            key=values.needed(draft, "key", values.text),
            roles=tuple(dict.fromkeys(roles or (INVENTORY_SUPPLY,))),
            descriptions=descriptions,
        )
        self.put(channel)
        return channel


Change = updates.Change[Channel, Channels]


def _check_roles(roles: Iterable[str]) -> None:
    for role in roles:
        if role not in ROLES:
            raise errors.invalid_field("roles", role, ROLES)


def _read_roles(action: Fields) -> tuple[str, ...]:
    roles = values.needed(action, "roles", values.texts)
    _check_roles(roles)
    return tuple(dict.fromkeys(roles))


def _with_roles(channel: Channel, roles: Iterable[str]) -> Channel:
    """Give a channel other roles; none, or the same as before, is refused."""
    changed = replace(channel, roles=tuple(dict.fromkeys(roles)))
    if not changed.roles or changed.roles == channel.roles:
        raise errors.invalid_operation("The channel's roles would not change.")
    return changed


def _add_roles(action: Fields) -> Change:
    """Add roles; present ones are `InvalidOperation` (`ChannelAddRolesAction`)."""
    roles = _read_roles(action)
    return lambda channel, _: _with_roles(channel, (*channel.roles, *roles))


def _set_roles(action: Fields) -> Change:
    """Set the roles, none or the same are refused (`ChannelSetRolesAction`)."""
    roles = _read_roles(action)
    return lambda channel, _: _with_roles(channel, roles)


def _remove_roles(action: Fields) -> Change:
    """Remove roles, but not all nor absent ones (`ChannelRemoveRolesAction`)."""
    roles = _read_roles(action)
    return lambda channel, _: _with_roles(
        channel, (role for role in channel.roles if role not in roles)
    )


def _change_name(action: Fields) -> Change:
    """Change the name; the same is refused (`ChannelChangeNameAction`)."""
    name = values.needed(action, "name", values.mapping)

    def change(channel: Channel, _: Channels) -> Channel:
        if not name or name == channel.descriptions.get("name"):
            raise errors.invalid_operation("The channel's name would not change.")
        return replace(channel, descriptions={**channel.descriptions, "name": name})

    return change


# Of the vendor's ten, those that set-up needs; another is `InvalidInput` here.
CHANNEL_ACTIONS: dict[str, updates.Reader[Channel, Channels]] = {
    "addRoles": _add_roles,
    "changeName": _change_name,
    "removeRoles": _remove_roles,
    "setRoles": _set_roles,
}


def channel_body(channel: Channel) -> dict[str, object]:
    """Write a channel as the vendor does."""
    return {
        **channel.stamp.body(),
        "key": channel.key,
        "roles": list(channel.roles),
        **channel.descriptions,
    }
