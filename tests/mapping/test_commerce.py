"""commercetools' inventory on the wire: entries read, drafts and actions written."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.availability import (
    AddQuantity,
    Adopt,
    ChangeQuantity,
    CreateEntry,
    Entry,
    FieldsOnly,
    Foreign,
    Ours,
    RemoveQuantity,
    Update,
    Wanted,
)
from streams.mapping.commerce import (
    Body,
    EntryWire,
    TypeWire,
    actions_of,
    draft_of,
    entry_key,
    entry_of,
    entry_query,
    missing_fields,
    scan_query,
    type_draft,
)
from streams.mapping.publications import UpdateWire

FIELDS: list[Body] = [
    {"action": "setCustomField", "name": "oneshelfTarget", "value": 9},
    {"action": "setCustomField", "name": "oneshelfSequence", "value": 4},
]
TYPE: Body = {
    "action": "setCustomType",
    "type": {"typeId": "type", "key": "oneshelf-stock"},
    "fields": {"oneshelfTarget": 9, "oneshelfSequence": 4},
}


def quantity(action: str, units: int) -> Body:
    return {"action": action, "quantity": units}


ACTIONS: list[tuple[Update, list[Body]]] = [
    (AddQuantity(2, 7), [quantity("addQuantity", 2), *FIELDS]),
    (RemoveQuantity(2, 7), [quantity("removeQuantity", 2), *FIELDS]),
    (ChangeQuantity(0, 7), [quantity("changeQuantity", 0), *FIELDS]),
    (FieldsOnly(7), FIELDS),
    (
        Adopt(7, 2, 3, typed=False, absolute=False),
        [quantity("addQuantity", 2), TYPE],
    ),
    (
        Adopt(7, -2, 3, typed=False, absolute=False),
        [quantity("removeQuantity", 2), TYPE],
    ),
    (Adopt(7, 0, 3, typed=False, absolute=False), [TYPE]),
    (
        Adopt(7, 2, 3, typed=True, absolute=False),
        [quantity("addQuantity", 2), *FIELDS],
    ),
    (
        Adopt(7, -2, 3, typed=False, absolute=True),
        [quantity("changeQuantity", 5), TYPE],
    ),
]


@pytest.mark.parametrize(("decision", "actions"), ACTIONS)
def test_quantity_and_fields_go_in_one_request(
    decision: Update, actions: list[Body]
) -> None:
    assert actions_of(Wanted(9, 9, 4), decision) == actions


def test_a_new_entry_has_no_actions() -> None:
    with pytest.raises(ValueError, match="draft"):
        actions_of(Wanted(9, 9, 4), CreateEntry(9))


def test_a_draft_names_channel_key_and_fields() -> None:
    update = UpdateWire("TEE", "LDN01", "ldn", 9, 8, 4)
    assert draft_of(update, CreateEntry(8), hashed=False) == {
        "sku": "TEE",
        "key": "ldn_TEE",
        "quantityOnStock": 8,
        "custom": {"type": TYPE["type"], "fields": TYPE["fields"]},
        "supplyChannel": {"typeId": "channel", "key": "ldn"},
    }


def test_a_pooled_draft_has_no_channel() -> None:
    draft = draft_of(UpdateWire("TEE", "*", "", 9, 9, 4), CreateEntry(9), hashed=False)
    assert "supplyChannel" not in draft


def read(custom: object, units: int = 5) -> Entry:
    body = {"id": "e1", "version": 7, "sku": "TEE", "quantityOnStock": units}
    if custom is not None:
        body["custom"] = {"type": {"typeId": "type", "id": "t"}, "fields": custom}
    return entry_of(msgspec.json.decode(msgspec.json.encode(body), type=EntryWire))


ENTRIES: list[tuple[object, Entry]] = [
    (None, Foreign(5, 7)),
    ({}, Foreign(5, 7, typed=True)),
    ({"shelf": "A3"}, Foreign(5, 7, typed=True)),
    ({"oneshelfTarget": 9}, Foreign(5, 7, typed=True)),
    ({"oneshelfSequence": 4}, Foreign(5, 7, typed=True)),
    ({"oneshelfTarget": "9", "oneshelfSequence": 4}, Foreign(5, 7, typed=True)),
    ({"oneshelfTarget": 9, "oneshelfSequence": 4}, Ours(9, 4, 5, 7)),
    ({"oneshelfTarget": -9.0, "oneshelfSequence": 4.0}, Ours(-9, 4, 5, 7)),
]


@pytest.mark.parametrize(("custom", "entry"), ENTRIES)
def test_an_entry_is_ours_by_both_fields(custom: object, entry: Entry) -> None:
    assert read(custom) == entry


@pytest.mark.parametrize(
    ("channel_key", "sku", "key"),
    [
        ("ldn", "TEE-M", "ldn_TEE-M"),
        ("", "TEE", "pooled_TEE"),
        ("l", "T", "l_T"),
    ],
)
def test_a_key_is_readable_where_it_fits(channel_key: str, sku: str, key: str) -> None:
    assert entry_key(channel_key, sku) == key


@given(st.text(max_size=300), st.text(min_size=1, max_size=300), st.booleans())
def test_every_key_fits_the_vendors_alphabet(
    channel_key: str, sku: str, hashed: bool
) -> None:
    key = entry_key(channel_key, sku, hashed=hashed)
    assert 2 <= len(key) <= 256
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in key)


def test_hashed_keys_tell_channel_and_sku_apart() -> None:
    assert entry_key("a", "b_c") == entry_key("a_b", "c")
    assert entry_key("a", "b_c", hashed=True) != entry_key("a_b", "c", hashed=True)


def test_a_sku_goes_into_a_query_as_a_variable() -> None:
    query = entry_query('T"EE', "c1")
    assert query["where"] == "sku=:s and supplyChannel(id=:c)"
    assert (query["var.s"], query["var.c"]) == ('T"EE', "c1")
    assert "is not defined" in entry_query("TEE", None)["where"]


def test_a_scan_goes_on_after_the_last_id() -> None:
    assert "where" not in scan_query("", 500)
    assert scan_query("e9", 500)["where"] == 'id > "e9"'


def test_a_type_lacks_what_it_does_not_define() -> None:
    assert list(missing_fields(TypeWire("t", 1, "oneshelf-stock"))) == [
        "oneshelfTarget",
        "oneshelfSequence",
    ]
    ours = msgspec.convert({"id": "t", "version": 1, **type_draft()}, TypeWire)
    assert list(missing_fields(ours)) == []
