"""`where`: what matches, what is a syntax error, what an index may use."""

import pytest

from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.inventory import INVENTORY_SCHEMA
from streams.sandbox.commercetools.predicates import (
    FieldKind,
    equal_to,
    greater_than,
    matches,
    where,
)

ENTRY: dict[str, object] = {
    "id": "5b",
    "version": 7,
    "key": 'say "hi"',
    "sku": "SHIRT-M",
    "supplyChannel": {"typeId": "channel", "id": "a4"},
    "quantityOnStock": -2,
    "createdAt": "2026-11-01T08:00:00.000Z",
    "custom": {"type": {"typeId": "type", "id": "t1"}, "fields": {"target": 3}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('sku="SHIRT-M"', True),
        ('sku = "SHIRT-L"', False),
        ('sku != "SHIRT-L"', True),
        ('sku <> "SHIRT-M"', False),
        ('sku in ("SHIRT-L", "SHIRT-M")', True),
        ('sku not in ("SHIRT-L")', True),
        ('sku not in ("SHIRT-M")', False),
        ('supplyChannel(id="a4")', True),
        ('supplyChannel(id="a5")', False),
        ('supplyChannel(id="a4" and typeId="channel")', True),
        ("supplyChannel is defined", True),
        ("supplyChannel is not defined", False),
        ("restockableInDays is not defined", True),
        ("restockableInDays = 1", False),
        ("restockableInDays != 1", True),
        ("restockableInDays < 1", False),
        ("restockableInDays in (1)", False),
        ("stockLevels(safetyStock = 1)", False),
        ('id > "5a"', True),
        ('id > "5b"', False),
        ('id >= "5b"', True),
        ('id < "5b"', False),
        ('id <= "5b"', True),
        ("version > 6", True),
        ("version > 7", False),
        ("quantityOnStock < 0", True),
        ("quantityOnStock = -2", True),
        ("quantityOnStock = -2.0", True),
        (r'key = "say \"hi\""', True),
        ('createdAt = "2026-11-01T09:00:00+01:00"', True),
        ('createdAt > "2026-11-01T07:59:59.999Z"', True),
        ('createdAt > "2026-11-01T08:00:00Z"', False),
        ("custom(fields(target > 2))", True),
        ("custom(fields(target = 2))", False),
        ('custom(fields(target = "3"))', False),
        ("custom(fields(`target` = 3))", True),
        ("custom(fields(isCounted = true))", False),
        ('sku="SHIRT-M" and version=7', True),
        ('sku="SHIRT-M" and version=8', False),
        ('sku="SHIRT-L" or version=7', True),
        ('sku="SHIRT-L" or sku="SHIRT-M" and version=8', False),
        ('(sku="SHIRT-L" or sku="SHIRT-M") and version=7', True),
        ('not(sku="SHIRT-L")', True),
        ('not (sku="SHIRT-M" and version=7)', False),
    ],
)
def test_a_predicate_matches_what_it_says(text: str, *, expected: bool) -> None:
    node = where([text], {}, INVENTORY_SCHEMA)
    assert node is not None
    assert matches(node, ENTRY) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sku",
        "sku=",
        "sku=SHIRT",
        'sku="open',
        'sku=="a"',
        'sku="a" and',
        'sku="a" sku="b"',
        'sku in "a"',
        "sku in ()",
        'sku in ("a"',
        "sku is",
        "sku is not",
        "sku is set",
        '(sku="a"',
        'sku="a")',
        "not sku",
        'and="a"',
        'sku="a" AND version=1',
        "version=1x",
        "version = 1 & 2",
        "sku=:",
        "(" * 60 + 'sku="a"' + ")" * 60,
        # The grammar is right, the fields are not.
        'colour="red"',
        'supplyChannel="a4"',
        'supplyChannel(key="LDN01")',
        'sku(id="a")',
        "sku=5",
        'version="7"',
        "version=true",
        'createdAt>"yesterday"',
        "sku=:missing",
        "sku in :missing",
    ],
)
def test_a_wrong_predicate_is_invalid_input(text: str) -> None:
    with pytest.raises(ApiError) as raised:
        where([text], {}, INVENTORY_SCHEMA)
    assert (raised.value.status, raised.value.code) == (400, "InvalidInput")
    assert raised.value.message.startswith("Malformed parameter: where:")


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("sku=:s", {"s": ["SHIRT-M"]}, True),
        ("sku=:s", {"s": ['" or sku is defined']}, False),
        (
            "sku=:s and supplyChannel(id=:c)",
            {"s": ["SHIRT-M"], "c": ["a4"]},
            True,
        ),
        ("sku in :s", {"s": ["SHIRT-L", "SHIRT-M"]}, True),
        ("sku in (:a, :b)", {"a": ["SHIRT-L"], "b": ["SHIRT-M"]}, True),
        ("version=:v", {"v": ["7"]}, True),
        ("version=:v", {"v": ["8"]}, False),
        ("custom(fields(target=:t))", {"t": ["3"]}, True),
        ("createdAt=:t", {"t": ["2026-11-01T08:00:00Z"]}, True),
    ],
)
def test_variables_stand_for_values(
    text: str, variables: dict[str, list[str]], *, expected: bool
) -> None:
    node = where([text], variables, INVENTORY_SCHEMA)
    assert node is not None
    assert matches(node, ENTRY) is expected


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("sku=:s", {"s": ["a", "b"]}),
        ("version=:v", {"v": ["seven"]}),
        ("sku=:s", {"t": ["a"]}),
    ],
)
def test_a_variable_that_does_not_fit_is_invalid_input(
    text: str, variables: dict[str, list[str]]
) -> None:
    with pytest.raises(ApiError) as raised:
        where([text], variables, INVENTORY_SCHEMA)
    assert raised.value.code == "InvalidInput"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('roles contains any ("InventorySupply", "Primary")', True),
        ('roles contains all ("InventorySupply", "Primary")', False),
        ('roles contains all ("InventorySupply")', True),
        ("roles is empty", False),
        ("roles is not empty", True),
    ],
)
def test_lists_are_searched(text: str, *, expected: bool) -> None:
    node = where([text], {}, {"roles": FieldKind.TEXTS})
    assert node is not None
    assert matches(node, {"roles": ["InventorySupply"]}) is expected


def test_several_where_parameters_must_all_hold() -> None:
    node = where(['sku="SHIRT-M"', "version=8"], {}, INVENTORY_SCHEMA)
    assert node is not None
    assert not matches(node, ENTRY)
    assert where([], {}, INVENTORY_SCHEMA) is None


@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ('sku="a"', {"a"}),
        ('sku in ("a","b")', {"a", "b"}),
        ('sku in ("a","b") and sku="b"', {"b"}),
        ('sku="a" and sku="b"', set()),
        ('sku="a" and version=1', {"a"}),
        ('sku="a" or version=1', None),
        ('not(sku="a")', None),
        ('sku!="a"', None),
        ('sku>"a"', None),
    ],
)
def test_an_index_is_asked_only_where_nothing_else_can_match(
    text: str, skus: set[str] | None
) -> None:
    assert equal_to(where([text], {}, INVENTORY_SCHEMA), "sku") == skus


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('id>"a"', "a"),
        ('id>"a" and id>"b"', "b"),
        ('id>="a"', None),
        ('id>"a" or version=1', None),
        ('not(id>"a")', None),
    ],
)
def test_a_scan_begins_behind_the_last_id(text: str, after: str | None) -> None:
    assert greater_than(where([text], {}, INVENTORY_SCHEMA), "id") == after
