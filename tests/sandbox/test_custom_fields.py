"""Custom fields of entries: what their type allows."""

import pytest

from streams.sandbox.commercetools.errors import ApiError
from tests.sandbox.support import (
    entry_draft,
    field_definition,
    refused_update,
    sandbox_with_clock,
    stock_type_draft,
    typed,
    update,
)


def test_custom_fields_are_set_changed_and_removed() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_type(stock_type_draft())
    held = sandbox.create_entry(entry_draft())

    def act(version: int, **action: object) -> object:
        entry = sandbox.update_entry("id", held.id, update(version, action))
        return entry.custom and dict(entry.custom.fields)

    set_type = {"action": "setCustomType", **typed(target=1)}
    assert act(1, **set_type) == {"target": 1}
    assert act(2, action="setCustomField", name="note", value="x") == {
        "target": 1,
        "note": "x",
    }
    assert act(3, action="setCustomField", name="note", value=None) == {"target": 1}
    removal = update(4, {"action": "setCustomField", "name": "note"})
    assert refused_update(sandbox, held.id, removal).code == "InvalidOperation"
    assert act(4, action="setCustomType") is None


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("target", 1, True),
        ("target", -1.5, True),
        ("target", True, False),
        ("target", "1", False),
        ("note", "", True),
        ("note", 1, False),
        ("isCounted", False, True),
        ("isCounted", 0, False),
        ("countedAt", "2026-11-01T08:00:00.000Z", True),
        ("countedAt", "2026-11-01", False),
        ("countedAt", 1, False),
        ("unknown", 1, False),
    ],
)
def test_a_custom_field_holds_only_what_its_type_says(
    name: str, value: object, *, fits: bool
) -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_type(stock_type_draft())
    held = sandbox.create_entry(entry_draft(custom=typed()))
    body = update(1, {"action": "setCustomField", "name": name, "value": value})
    if fits:
        entry = sandbox.update_entry("id", held.id, body)
        assert entry.custom is not None
        assert entry.custom.fields == {name: value}
    else:
        error = refused_update(sandbox, held.id, body)
        assert (error.code, error.details["field"]) == ("InvalidField", name)


def test_a_field_without_a_type_is_refused() -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    body = update(1, {"action": "setCustomField", "name": "target", "value": 1})
    assert refused_update(sandbox, held.id, body).code == "InvalidOperation"


def test_a_required_field_must_be_there_and_stay() -> None:
    sandbox, _ = sandbox_with_clock()
    required = [field_definition("target", "Number", required=True)]
    sandbox.create_type(stock_type_draft(fieldDefinitions=required))
    with pytest.raises(ApiError) as raised:
        sandbox.create_entry(entry_draft(custom=typed()))
    assert raised.value.code == "RequiredField"
    held = sandbox.create_entry(entry_draft(custom=typed(target=1)))
    removal = update(1, {"action": "setCustomField", "name": "target"})
    assert refused_update(sandbox, held.id, removal).code == "RequiredField"
