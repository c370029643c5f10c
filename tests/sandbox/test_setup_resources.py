"""Channels and custom types: what the set-up creates and extends."""

import pytest

from streams.sandbox.commercetools import Sandbox
from streams.sandbox.commercetools.channels import channel_body
from streams.sandbox.commercetools.custom import type_body
from streams.sandbox.commercetools.errors import ApiError
from tests.sandbox.support import (
    entry_draft,
    field_definition,
    sandbox_with_clock,
    stock_type_draft,
    typed,
    update,
)


def channel_refusal(sandbox: Sandbox, draft: dict[str, object]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        sandbox.create_channel(draft)
    return raised.value


def test_a_channel_supplies_inventory_unless_its_roles_say_otherwise() -> None:
    sandbox, _ = sandbox_with_clock()
    plain = sandbox.create_channel({"key": "LDN01", "name": {"en": "London"}})
    other = sandbox.create_channel({"key": "sync", "roles": ["OrderExport"]})
    assert channel_body(plain)["roles"] == ["InventorySupply"]
    assert channel_body(plain)["name"] == {"en": "London"}
    assert channel_body(other)["roles"] == ["OrderExport"]


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        ({}, "InvalidJsonInput"),
        ({"key": ""}, "InvalidOperation"),
        ({"key": "a", "roles": []}, "InvalidOperation"),
        ({"key": "a", "roles": ["Warehouse"]}, "InvalidField"),
        ({"key": "a", "roles": "InventorySupply"}, "InvalidJsonInput"),
        ({"key": "a", "name": "London"}, "InvalidJsonInput"),
    ],
)
def test_a_wrong_channel_is_refused(draft: dict[str, object], code: str) -> None:
    sandbox, _ = sandbox_with_clock()
    assert channel_refusal(sandbox, draft).code == code
    assert len(sandbox.channels) == 0


def test_channel_keys_are_free_text_and_unique() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_channel({"key": "Store 12 / Köln"})
    error = channel_refusal(sandbox, {"key": "Store 12 / Köln"})
    assert (error.code, error.details["field"]) == ("DuplicateField", "key")


def test_a_channel_gains_and_loses_roles_but_never_all() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01", "roles": ["Primary"]})

    def act(version: int, name: str, *roles: str) -> tuple[str, ...]:
        action = {"action": name, "roles": list(roles)}
        changed = sandbox.update_channel("id", channel.id, update(version, action))
        return changed.roles

    assert act(1, "addRoles", "InventorySupply") == ("Primary", "InventorySupply")
    with pytest.raises(ApiError, match="would not change"):
        act(2, "addRoles", "InventorySupply")
    assert act(2, "removeRoles", "Primary") == ("InventorySupply",)
    with pytest.raises(ApiError, match="would not change"):
        act(3, "removeRoles", "InventorySupply")
    assert act(3, "setRoles", "OrderImport") == ("OrderImport",)
    with pytest.raises(ApiError) as raised:
        act(3, "addRoles", "Primary")
    assert raised.value.status == 409


def test_a_channel_is_renamed() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    rename = {"action": "changeName", "name": {"en": "London"}}
    changed = sandbox.update_channel("key", "LDN01", update(1, rename))
    assert channel_body(changed)["name"] == {"en": "London"}
    with pytest.raises(ApiError, match="would not change"):
        sandbox.update_channel("id", channel.id, update(2, rename))


def test_a_type_shows_its_fields() -> None:
    sandbox, _ = sandbox_with_clock()
    draft = stock_type_draft(description={"en": "What we told"})
    body = type_body(sandbox.create_type(draft))
    assert body["key"] == "stock"
    assert body["description"] == {"en": "What we told"}
    assert body["resourceTypeIds"] == ["inventory-entry"]
    assert body["fieldDefinitions"] == draft["fieldDefinitions"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": None}, "InvalidJsonInput"),
        ({"key": "a"}, "InvalidInput"),
        ({"name": None}, "InvalidJsonInput"),
        ({"resourceTypeIds": None}, "InvalidJsonInput"),
        ({"fieldDefinitions": [{}]}, "InvalidJsonInput"),
        ({"fieldDefinitions": [field_definition("x", "Number")]}, "InvalidInput"),
        ({"fieldDefinitions": [field_definition("x" * 37, "Number")]}, "InvalidInput"),
        ({"fieldDefinitions": [field_definition("xy", "Money")]}, "InvalidField"),
        (
            {"fieldDefinitions": [field_definition("xy", "Number")] * 2},
            "DuplicateField",
        ),
    ],
)
def test_a_wrong_type_is_refused(change: dict[str, object], code: str) -> None:
    sandbox, _ = sandbox_with_clock()
    with pytest.raises(ApiError) as raised:
        sandbox.create_type(stock_type_draft() | change)
    assert raised.value.code == code
    assert len(sandbox.types) == 0


def test_type_keys_are_unique() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_type(stock_type_draft())
    with pytest.raises(ApiError) as raised:
        sandbox.create_type(stock_type_draft())
    assert raised.value.code == "DuplicateField"


def test_one_field_name_means_one_type_per_kind_of_resource() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_type(stock_type_draft())
    target_text = [field_definition("target", "String")]
    with pytest.raises(ApiError) as raised:
        sandbox.create_type(stock_type_draft(key="two", fieldDefinitions=target_text))
    assert raised.value.code == "InvalidField"
    elsewhere = stock_type_draft(
        key="two", fieldDefinitions=target_text, resourceTypeIds=["order"]
    )
    assert sandbox.create_type(elsewhere).key == "two"


def test_a_type_gains_a_field_that_entries_may_then_carry() -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_type(stock_type_draft())
    entry = sandbox.create_entry(entry_draft(custom=typed()))
    definition = field_definition("sequence", "Number")
    action = {"action": "addFieldDefinition", "fieldDefinition": definition}
    changed = sandbox.update_type("key", "stock", update(1, action))
    assert changed.version == 2
    fields = {"action": "setCustomField", "name": "sequence", "value": 7}
    sandbox.update_entry("id", entry.id, update(1, fields))
    with pytest.raises(ApiError) as raised:
        sandbox.update_type("id", held.id, update(2, action))
    assert raised.value.code == "DuplicateField"


def test_a_type_of_another_kind_of_resource_does_not_fit_an_entry() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_type(stock_type_draft(resourceTypeIds=["order"]))
    with pytest.raises(ApiError) as raised:
        sandbox.create_entry(entry_draft(custom=typed()))
    assert raised.value.code == "InvalidOperation"
