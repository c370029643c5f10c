"""Custom types and the custom fields that they allow on resources.

Source: API spec, `types/type/{TypeDraft,FieldDefinition,CustomFields}`; docs "Types".
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.predicates import FieldKind, Schema
from streams.sandbox.commercetools.resources import Stamp, Stamped, reference
from streams.sandbox.commercetools.values import Fields, needed, optional

FIELD_NAME = re.compile(r"[A-Za-z0-9_-]{2,36}")


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _is_moment(value: object) -> bool:
    try:
        values.moment("value", value)
    except errors.ApiError:
        return False
    return True


# The field types the sandbox can check; the vendor knows more.
FIELD_TYPES: dict[str, Callable[[object], bool]] = {
    "Boolean": lambda value: isinstance(value, bool),
    "DateTime": _is_moment,
    "Number": _is_number,
    "String": lambda value: isinstance(value, str),
}

SET = "Set"


def _fits(field_type: Fields, value: object) -> bool:
    """Tell whether a value is of a type; a set holds its elements once each."""
    name = field_type.get("name")
    if name != SET:
        return FIELD_TYPES[str(name)](value)
    element = needed(field_type, "elementType", values.mapping)
    if not isinstance(value, list):
        return False
    once = all(each not in value[:index] for index, each in enumerate(value))
    return once and all(_fits(element, each) for each in value)


TYPE_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "key": FieldKind.TEXT,
    "resourceTypeIds": FieldKind.TEXTS,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class CustomType(Stamped):
    """A Type: which fields resources of which kinds may carry."""

    key: str
    resource_type_ids: frozenset[str]
    definitions: Mapping[str, Fields]
    draft: Fields

    def check(self, name: str, value: object) -> None:
        """Refuse an unknown field or a value of another type (code is a guess)."""
        definition = self.definitions.get(name)
        if definition is None:
            raise errors.invalid_field(name, value, sorted(self.definitions))
        if not _fits(needed(definition, "type", values.mapping), value):
            raise errors.invalid_field(name, value)

    def required_names(self) -> list[str]:
        """Return the fields that a resource of this type must have."""
        return [
            name for name, field in self.definitions.items() if field.get("required")
        ]


@dataclass(frozen=True, slots=True)
class CustomFields:
    """The `custom` of a resource."""

    type_id: str
    fields: Mapping[str, object]


def type_name(definition: Fields) -> str:
    """Return the name of a field definition's type."""
    return needed(needed(definition, "type", values.mapping), "name", values.text)


class Types(Collection[CustomType]):
    """The project's Types."""

    type_id = "type"

    def create(self, draft: Fields, stamp: Stamp) -> CustomType:
        """Create a Type; its key is unique, its field names fit the spec's pattern."""
        needed(draft, "name", values.mapping)
        definitions: dict[str, Fields] = {}
        for definition in optional(draft, "fieldDefinitions", values.objects) or ():
            name = _checked_name(definition)
            if name in definitions:
                raise errors.duplicate_field("fieldDefinitions.name", name)
            definitions[name] = definition
        created = CustomType(
            stamp=stamp,
            key=needed(draft, "key", values.key),
            resource_type_ids=frozenset(needed(draft, "resourceTypeIds", values.texts)),
            definitions=definitions,
            draft=draft,
        )
        self.check_same_types(created)
        self.put(created)
        return created

    def check_same_types(self, created: CustomType) -> None:
        """One name has one type per kind of resource (`FieldDefinition.name`)."""
        for other in self.walk():
            if other.resource_type_ids.isdisjoint(created.resource_type_ids):
                continue
            for name in created.definitions.keys() & other.definitions.keys():
                kind = type_name(created.definitions[name])
                if kind != type_name(other.definitions[name]):
                    raise errors.invalid_field(f"fieldDefinitions.{name}", kind)

    def custom(
        self, resource_type_id: str, type_value: object, fields: Fields
    ) -> CustomFields:
        """Check the custom fields of a draft or of `setCustomType`."""
        held = self.referenced("type", type_value)
        if resource_type_id not in held.resource_type_ids:
            raise errors.invalid_operation(
                f"The type '{held.key}' is not defined for '{resource_type_id}'."
            )
        given = {n: v for n, v in fields.items() if v is not None}
        for field, field_value in given.items():
            held.check(field, field_value)
        for field in held.required_names():
            if field not in given:
                raise errors.required_field(field)
        return CustomFields(held.id, given)

    def with_field(
        self, custom: CustomFields | None, name: str, value: object
    ) -> CustomFields:
        """Apply `setCustomField`; null removes the field.

        Removing a field that does not exist is `InvalidOperation` (API spec,
        `InventoryEntrySetCustomFieldAction`). Without a type there is no field to set;
        that this has the same code is a guess.
        """
        if custom is None:
            raise errors.invalid_operation("The resource has no custom type.")
        held = self.get("id", custom.type_id)
        if value is not None:
            held.check(name, value)
            return CustomFields(custom.type_id, {**custom.fields, name: value})
        if name in held.required_names():
            raise errors.required_field(name)
        if name not in custom.fields:
            raise errors.invalid_operation(f"The field '{name}' does not exist.")
        rest = {n: v for n, v in custom.fields.items() if n != name}
        return CustomFields(custom.type_id, rest)


def _checked_name(definition: Fields) -> str:
    name = needed(definition, "name", values.text)
    if not FIELD_NAME.fullmatch(name):
        raise errors.invalid_input(
            f"fieldDefinitions.name: '{name}' does not match ^[A-Za-z0-9_-]+$, "
            "2 to 36 characters"
        )
    needed(definition, "label", values.mapping)
    needed(definition, "required", values.boolean)
    kind = type_name(definition)
    if kind == SET:
        field_type = needed(definition, "type", values.mapping)
        element = needed(field_type, "elementType", values.mapping)
        kind = needed(element, "name", values.text)
    if kind not in FIELD_TYPES:
        raise errors.invalid_field("type.name", kind, [*sorted(FIELD_TYPES), SET])
    return name


def _add_field_definition(action: Fields) -> updates.Change[CustomType, Types]:
    """Add a field to a type (`TypeAddFieldDefinitionAction`)."""
    definition = needed(action, "fieldDefinition", values.mapping)
    name = _checked_name(definition)

    def change(held: CustomType, types: Types) -> CustomType:
        if name in held.definitions:
            raise errors.duplicate_field("fieldDefinition.name", name)
        changed = replace(held, definitions={**held.definitions, name: definition})
        types.check_same_types(changed)
        return changed

    return change


# Of the vendor's fifteen, the one that set-up needs; another is `InvalidInput` here.
TYPE_ACTIONS: dict[str, updates.Reader[CustomType, Types]] = {
    "addFieldDefinition": _add_field_definition,
}


def type_body(held: CustomType) -> dict[str, object]:
    """Write a Type as the vendor does."""
    described = (
        {"description": held.draft["description"]}
        if (held.draft.get("description"))
        else {}
    )
    return {
        **held.stamp.body(),
        "key": held.key,
        "name": held.draft["name"],
        **described,
        "resourceTypeIds": sorted(held.resource_type_ids),
        "fieldDefinitions": list(held.definitions.values()),
    }


def custom_body(custom: CustomFields | None) -> dict[str, object] | None:
    """Write the `custom` of a resource as the vendor does."""
    if custom is None:
        return None
    return {"type": reference("type", custom.type_id), "fields": custom.fields}


def read_custom_type(
    resource_type_id: str, action: Fields
) -> Callable[[Types], CustomFields | None]:
    """Read `setCustomType`: without a type, the type and all fields are removed."""
    wanted = action.get("type")
    fields = optional(action, "fields", values.mapping) or {}
    if wanted is None:
        return lambda types: None
    values.identifier("type", wanted)
    return lambda types: types.custom(resource_type_id, wanted, fields)


def read_custom_field(
    action: Fields,
) -> Callable[[Types, CustomFields | None], CustomFields]:
    """Read `setCustomField`: without a value the field is removed."""
    name = needed(action, "name", values.text)
    value = action.get("value")
    return lambda types, custom: types.with_field(custom, name, value)


def draft_custom(
    types: Types, resource_type_id: str, draft: Fields
) -> CustomFields | None:
    """Read the `custom` of a draft (`CustomFieldsDraft`)."""
    custom = optional(draft, "custom", values.mapping)
    if custom is None:
        return None
    fields = optional(custom, "fields", values.mapping) or {}
    return types.custom(resource_type_id, custom.get("type"), fields)
