"""Entries: what may be created, how updates change them, when they are refused.

Expected values are commercetools' rules, see README.md here.
"""

import pytest

from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.inventory import entry_body
from tests.sandbox.support import (
    add,
    entry_draft,
    latest,
    refused_update,
    sandbox_with_clock,
    stock_type_draft,
    supplied_by,
    typed,
    update,
)

INT64_MAX = 2**63 - 1


def test_a_new_entry_has_version_1_and_shows_only_the_fields_it_has() -> None:
    sandbox, _ = sandbox_with_clock()
    body = entry_body(sandbox.create_entry(entry_draft()))
    assert body.pop("id")
    assert body == {
        "version": 1,
        "createdAt": "2026-11-01T08:00:00.000Z",
        "createdBy": {"clientId": "sandbox"},
        "lastModifiedAt": "2026-11-01T08:00:00.000Z",
        "lastModifiedBy": {"clientId": "sandbox"},
        "sku": "SHIRT-M",
        "quantityOnStock": 10,
        "availableQuantity": 10,
    }


def test_an_entry_shows_every_field_of_its_draft() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    custom_type = sandbox.create_type(stock_type_draft())
    draft = entry_draft(
        key="LDN01_SHIRT-M",
        supplyChannel=supplied_by("LDN01"),
        minCartQuantity=1,
        maxCartQuantity=5,
        restockableInDays=0,
        expectedDelivery="2026-12-01T10:00:00+01:00",
        reservationExpirationInMinutes=44640,
        stockLevels={"reorderPoint": 4, "safetyStock": 2},
        custom=typed(target=3),
    )
    body = entry_body(sandbox.create_entry(draft))
    assert body["key"] == "LDN01_SHIRT-M"
    assert body["supplyChannel"] == {"typeId": "channel", "id": channel.id}
    assert (body["minCartQuantity"], body["maxCartQuantity"]) == (1, 5)
    assert body["restockableInDays"] == 0
    assert body["expectedDelivery"] == "2026-12-01T09:00:00.000Z"
    assert body["reservationExpirationInMinutes"] == 44640
    assert body["stockLevels"] == {"reorderPoint": 4, "safetyStock": 2}
    assert body["custom"] == {
        "type": {"typeId": "type", "id": custom_type.id},
        "fields": {"target": 3},
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sku": None}, "InvalidJsonInput"),
        ({"sku": ""}, "InvalidJsonInput"),
        ({"quantityOnStock": None}, "InvalidJsonInput"),
        ({"quantityOnStock": "10"}, "InvalidJsonInput"),
        ({"quantityOnStock": 1.5}, "InvalidJsonInput"),
        ({"quantityOnStock": True}, "InvalidJsonInput"),
        ({"quantityOnStock": INT64_MAX + 1}, "InvalidJsonInput"),
        ({"key": "x"}, "InvalidInput"),
        ({"key": "x" * 257}, "InvalidInput"),
        ({"key": "with space"}, "InvalidInput"),
        ({"minCartQuantity": 0}, "InvalidJsonInput"),
        ({"reservationExpirationInMinutes": 0}, "InvalidJsonInput"),
        ({"reservationExpirationInMinutes": 44641}, "InvalidJsonInput"),
        ({"expectedDelivery": "soon"}, "InvalidJsonInput"),
        ({"expectedDelivery": "2026-12-01T10:00:00"}, "InvalidJsonInput"),
        ({"supplyChannel": {"typeId": "channel"}}, "InvalidJsonInput"),
        ({"supplyChannel": {"id": "a", "key": "b"}}, "InvalidJsonInput"),
        ({"supplyChannel": {"key": "nowhere"}}, "ReferencedResourceNotFound"),
        ({"supplyChannel": {"id": "nowhere"}}, "ReferencedResourceNotFound"),
        ({"custom": {"fields": {}}}, "InvalidJsonInput"),
        ({"custom": {"type": {"key": "none"}}}, "ReferencedResourceNotFound"),
    ],
)
def test_a_wrong_draft_is_refused_and_nothing_is_stored(
    change: dict[str, object], code: str
) -> None:
    sandbox, _ = sandbox_with_clock()
    with pytest.raises(ApiError) as raised:
        sandbox.create_entry(entry_draft() | change)
    assert (raised.value.status, raised.value.code) == (400, code)
    assert len(sandbox.inventory) == len(sandbox.journal) == 0


@pytest.mark.parametrize("quantity", [INT64_MAX, -INT64_MAX - 1, 0, -1])
def test_any_int64_is_a_quantity(quantity: int) -> None:
    sandbox, _ = sandbox_with_clock()
    entry = sandbox.create_entry(entry_draft(quantity=quantity))
    assert entry.quantity_on_stock == quantity


@pytest.mark.parametrize("key", ["ab", "x" * 256])
def test_keys_of_2_to_256_characters_are_taken(key: str) -> None:
    sandbox, _ = sandbox_with_clock()
    assert sandbox.create_entry(entry_draft(key=key)).key == key


def test_one_entry_per_sku_and_channel() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    sandbox.create_entry(entry_draft())
    sandbox.create_entry(entry_draft(supplyChannel=supplied_by("LDN01")))
    with pytest.raises(ApiError) as without_channel:
        sandbox.create_entry(entry_draft())
    with pytest.raises(ApiError) as with_channel:
        sandbox.create_entry(entry_draft(supplyChannel={"id": channel.id}))
    expected = {"field": "sku", "duplicateValue": "SHIRT-M"}
    for error in (without_channel.value, with_channel.value):
        assert (error.status, error.code) == (400, "DuplicateField")
        assert error.details == expected
    assert channel.id in with_channel.value.message
    assert len(sandbox.inventory) == 2


def test_keys_are_unique() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_entry(entry_draft(key="one"))
    with pytest.raises(ApiError) as raised:
        sandbox.create_entry(entry_draft(sku="OTHER", key="one"))
    assert raised.value.details == {"field": "key", "duplicateValue": "one"}
    assert sandbox.inventory.at("OTHER", None) is None


@pytest.mark.parametrize(
    ("action", "after"),
    [
        ({"action": "addQuantity", "quantity": 3}, 13),
        ({"action": "addQuantity", "quantity": -3}, 7),
        ({"action": "removeQuantity", "quantity": 10}, 0),
        ({"action": "removeQuantity", "quantity": 11}, -1),
        ({"action": "changeQuantity", "quantity": 4}, 4),
        ({"action": "changeQuantity", "quantity": -4}, -4),
    ],
)
def test_quantities_are_added_removed_and_set(
    action: dict[str, object], after: int
) -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft(quantity=10))
    entry = sandbox.update_entry("id", held.id, update(1, action))
    body = entry_body(entry)
    assert (body["quantityOnStock"], body["availableQuantity"]) == (after, after)
    assert body["version"] == 2


@pytest.mark.parametrize(
    ("action", "name", "value"),
    [
        ({"action": "setKey", "key": "fresh"}, "key", "fresh"),
        ({"action": "setRestockableInDays", "restockableInDays": 0}, None, None),
        ({"action": "setReorderPoint", "quantity": 3}, "stockLevels", None),
        ({"action": "setSafetyStock", "quantity": 3}, "stockLevels", None),
        (
            {"action": "setExpectedDelivery", "expectedDelivery": "2026-12-01T00:00Z"},
            "expectedDelivery",
            "2026-12-01T00:00:00.000Z",
        ),
        (
            {"action": "setInventoryLimits", "minCartQuantity": 2},
            "minCartQuantity",
            2,
        ),
        (
            {
                "action": "setReservationExpirationInMinutes",
                "reservationExpirationInMinutes": 5,
            },
            "reservationExpirationInMinutes",
            5,
        ),
    ],
)
def test_an_optional_field_is_set_and_removed_by_leaving_the_value_out(
    action: dict[str, object], name: str | None, value: object
) -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    before = {k: v for k, v in entry_body(held).items() if k != "version"}
    body = entry_body(sandbox.update_entry("id", held.id, update(1, action)))
    changed = {k: v for k, v in body.items() if k != "version" and before.get(k) != v}
    assert len(changed) == 1
    assert name is None or name in changed
    assert value is None or changed[str(name)] == value
    removal = {"action": action["action"]}
    entry = sandbox.update_entry("id", held.id, update(2, removal))
    assert entry.version == 3
    assert {k: v for k, v in entry_body(entry).items() if k != "version"} == before


def test_an_entry_moves_to_a_free_channel_only() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    sandbox.create_channel({"key": "LDN02"})
    sandbox.create_entry(entry_draft(supplyChannel=supplied_by("LDN01")))
    held = sandbox.create_entry(entry_draft())

    def move(key: str, version: int) -> dict[str, object]:
        action = {"action": "setSupplyChannel", "supplyChannel": supplied_by(key)}
        return update(version, action)

    error = refused_update(sandbox, held.id, move("LDN01", 1))
    assert (error.code, error.details["field"]) == ("DuplicateField", "sku")
    assert latest(sandbox, held).version == 1
    assert refused_update(sandbox, held.id, move("LDN03", 1)).code == (
        "ReferencedResourceNotFound"
    )
    moved = sandbox.update_entry("id", held.id, move("LDN02", 1))
    assert sandbox.inventory.at("SHIRT-M", None) is None
    assert sandbox.inventory.at("SHIRT-M", moved.channel_id) == moved
    assert moved.channel_id != channel.id
    back = update(2, {"action": "setSupplyChannel"})
    assert sandbox.update_entry("id", held.id, back).channel_id is None
    assert sandbox.inventory.at("SHIRT-M", None) is not None


def test_a_freed_key_may_be_used_again() -> None:
    sandbox, _ = sandbox_with_clock()
    first = sandbox.create_entry(entry_draft(key="one"))
    second = sandbox.create_entry(entry_draft(sku="OTHER"))
    take = update(1, {"action": "setKey", "key": "one"})
    assert refused_update(sandbox, second.id, take).code == "DuplicateField"
    sandbox.update_entry("key", "one", update(1, {"action": "setKey"}))
    assert sandbox.update_entry("id", second.id, take).key == "one"
    assert sandbox.inventory.get("key", "one").id == second.id
    assert sandbox.inventory.get("id", first.id).key is None


@pytest.mark.parametrize("expected", [0, 1, 3, 99])
def test_another_version_is_a_conflict_that_names_the_current_one(
    expected: int,
) -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    sandbox.update_entry("id", held.id, update(1, add(1)))
    error = refused_update(sandbox, held.id, update(expected, add(1)))
    assert (error.status, error.code) == (409, "ConcurrentModification")
    assert error.details == {"currentVersion": 2}
    assert error.message == (
        f"Object {held.id} has a different version than expected. "
        f"Expected: {expected} - Actual: 2."
    )
    assert latest(sandbox, held).quantity_on_stock == 11


def test_the_version_grows_by_the_number_of_changes() -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    unchanged = {"action": "changeQuantity", "quantity": 11}
    entry = sandbox.update_entry("id", held.id, update(1, add(1), unchanged, add(1)))
    assert (entry.version, entry.quantity_on_stock) == (3, 12)


def test_an_update_that_changes_nothing_keeps_version_and_time() -> None:
    sandbox, clock = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    clock.move(60)
    same = {"action": "changeQuantity", "quantity": 10}
    for body in (update(1), update(1, same), update(1, add(0))):
        assert sandbox.update_entry("id", held.id, body) == held
    assert len(sandbox.journal) == 1


def test_an_update_that_would_change_nothing_still_needs_the_version() -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    assert refused_update(sandbox, held.id, update(2)).status == 409


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "InvalidJsonInput"),
        ({"actions": []}, "InvalidJsonInput"),
        ({"version": 1}, "InvalidJsonInput"),
        ({"version": "1", "actions": []}, "InvalidJsonInput"),
        ({"version": 1, "actions": {}}, "InvalidJsonInput"),
        ({"version": 1, "actions": ["addQuantity"]}, "InvalidJsonInput"),
        (update(1, {}), "InvalidJsonInput"),
        (update(1, {"action": "setQuantity", "quantity": 1}), "InvalidInput"),
        (update(1, {"action": "addQuantity"}), "InvalidJsonInput"),
        (update(1, {"action": "addQuantity", "quantity": 1.0}), "InvalidJsonInput"),
        (update(1, add(INT64_MAX)), "InvalidInput"),
        (update(1, {"action": "setCustomField", "value": 1}), "InvalidJsonInput"),
        (update(1, {"action": "setSupplyChannel", "supplyChannel": {}}), None),
        (update(9, {"action": "setQuantity", "quantity": 1}), "InvalidInput"),
    ],
)
def test_a_wrong_update_is_refused(body: dict[str, object], code: str | None) -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    error = refused_update(sandbox, held.id, body)
    assert (error.status, error.code) == (400, code or "InvalidJsonInput")
    assert latest(sandbox, held) == held


def test_a_request_has_at_most_500_actions() -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    too_many = update(1, *[add(1)] * 501)
    assert refused_update(sandbox, held.id, too_many).code == "InvalidInput"
    entry = sandbox.update_entry("id", held.id, update(1, *[add(1)] * 500))
    assert (entry.version, entry.quantity_on_stock) == (501, 510)


def test_of_several_actions_all_happen_or_none() -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    failing: list[dict[str, object]] = [
        {"action": "setQuantity"},
        {"action": "setCustomField", "name": "target", "value": 1},
        {"action": "setSupplyChannel", "supplyChannel": supplied_by("nowhere")},
    ]
    for action in failing:
        refused_update(sandbox, held.id, update(1, add(5), action))
        assert latest(sandbox, held) == held
    assert len(sandbox.journal) == 1


def test_an_unknown_entry_is_not_found_by_id_or_key() -> None:
    sandbox, _ = sandbox_with_clock()
    for name in ("id", "key"):
        with pytest.raises(ApiError) as raised:
            sandbox.update_entry(name, "none", update(1))
        assert (raised.value.status, raised.value.code) == (404, "ResourceNotFound")


def test_deleting_needs_the_version_and_frees_place_and_key() -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft(key="one"))
    with pytest.raises(ApiError) as raised:
        sandbox.delete_entry("id", held.id, 2)
    assert raised.value.status == 409
    assert sandbox.delete_entry("id", held.id, 1) == held
    assert sandbox.inventory.find("key", "one") is None
    again = sandbox.create_entry(entry_draft(key="one"))
    assert list(sandbox.inventory.walk()) == [again]


def test_the_writer_and_the_time_are_on_the_entry() -> None:
    sandbox, clock = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    clock.move(1.5)
    sandbox.intrude("id", held.id, 2)
    body = entry_body(latest(sandbox, held))
    assert body["lastModifiedBy"] == {"clientId": "another-client"}
    assert body["createdBy"] == {"clientId": "sandbox"}
    assert body["lastModifiedAt"] == "2026-11-01T08:00:01.500Z"


def test_the_journal_tells_each_accepted_write_in_order() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_channel({"key": "LDN01"})
    sandbox.create_type(stock_type_draft())
    draft = entry_draft(supplyChannel=supplied_by("LDN01"), custom=typed(target=0))
    held = sandbox.create_entry(draft)
    fields = {"action": "setCustomField", "name": "target", "value": 4}
    sandbox.update_entry("id", held.id, update(1, add(4), fields))
    sandbox.delete_entry("id", held.id, 3)
    *_, created, updated, deleted = sandbox.journal.read()
    assert [w.number for w in sandbox.journal.read()] == [1, 2, 3, 4, 5]
    assert (created.kind, created.delta, created.quantity_after) == ("created", 10, 10)
    assert (updated.delta, updated.quantity_after, updated.version) == (4, 14, 3)
    assert updated.actions == ("addQuantity", "setCustomField")
    assert updated.messages == ("InventoryEntryQuantitySet",)
    assert updated.fields == {"target": 4}
    assert (updated.sku, updated.channel_key) == ("SHIRT-M", "LDN01")
    assert (deleted.kind, deleted.delta, deleted.quantity_after) == ("deleted", -14, 0)


def test_only_a_quantity_action_causes_the_quantity_message() -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    sandbox.update_entry("id", held.id, update(1, {"action": "setKey", "key": "one"}))
    assert sandbox.journal.read()[-1].messages == ()
