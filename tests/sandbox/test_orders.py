"""Web purchases: who is refused, what is taken at once and what shows later."""

from collections.abc import Sequence

import pytest

from streams.sandbox.commercetools import Lag, Sandbox, SandboxConfig
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.orders import order_body
from tests.sandbox.support import (
    add,
    entry_draft,
    lagging,
    latest,
    sandbox_with_clock,
    supplied_by,
    update,
)


def line(sku: str, quantity: object, **fields: object) -> dict[str, object]:
    base: dict[str, object] = {
        "name": {"en": sku},
        "variant": {"sku": sku},
        "quantity": quantity,
        "price": {"value": {"currencyCode": "EUR", "centAmount": 1000}},
    }
    return base | fields


def order_draft(
    lines: Sequence[dict[str, object]], mode: str = "ReserveOnOrder", **fields: object
) -> dict[str, object]:
    base: dict[str, object] = {
        "totalPrice": {"currencyCode": "EUR", "centAmount": 1000},
        "inventoryMode": mode,
        "lineItems": list(lines),
    }
    return base | fields


def refusal_of(sandbox: Sandbox, draft: dict[str, object]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        sandbox.import_order(draft)
    return raised.value


def test_an_order_shows_on_the_entry_when_its_lag_is_over_and_not_before() -> None:
    sandbox, clock = sandbox_with_clock(lagging(10))
    held = sandbox.create_entry(entry_draft(quantity=5))
    sandbox.purchase("SHIRT-M", 2)
    assert latest(sandbox, held) == held
    assert sandbox.landings.pending(held.id) == 2
    clock.move(9.999)
    assert latest(sandbox, held) == held
    clock.move(0.001)
    entry = latest(sandbox, held)
    assert (entry.quantity_on_stock, entry.version) == (3, 2)
    assert entry.stamp.last_modified_at == "2026-11-01T08:00:10.000Z"
    assert len(sandbox.landings) == sandbox.landings.pending(held.id) == 0


def test_a_landed_order_causes_no_quantity_message() -> None:
    sandbox, _ = sandbox_with_clock(lagging(0))
    sandbox.create_entry(entry_draft(quantity=5))
    sandbox.purchase("SHIRT-M", 2, order_number="W-1")
    sandbox.settle()
    _, placed, landed = sandbox.journal.read()
    assert (placed.kind, placed.messages) == ("order", ("OrderImported",))
    assert (placed.delta, placed.order_number) == (0, "W-1")
    assert (landed.kind, landed.delta, landed.messages) == ("landing", -2, ())
    assert (landed.quantity_after, landed.version) == (3, 2)


def test_reserve_on_order_knows_what_is_taken_before_the_entry_shows_it() -> None:
    sandbox, _ = sandbox_with_clock(lagging(10))
    held = sandbox.create_entry(entry_draft(quantity=2))
    draft = order_draft([line("SHIRT-M", 1)])
    sandbox.import_order(draft)
    sandbox.import_order(draft)
    assert latest(sandbox, held).quantity_on_stock == 2
    assert refusal_of(sandbox, draft).code == "OutOfStock"


@pytest.mark.parametrize(
    ("mode", "quantity", "is_taken"),
    [
        ("None", 11, True),
        ("TrackOnly", 10, True),
        ("TrackOnly", 11, True),
        ("ReserveOnOrder", 10, True),
        ("ReserveOnOrder", 11, False),
    ],
)
def test_the_mode_says_whether_more_than_there_is_may_be_ordered(
    mode: str, quantity: int, *, is_taken: bool
) -> None:
    sandbox, clock = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft(quantity=10))
    draft = order_draft([line("SHIRT-M", quantity)], mode)
    if is_taken:
        sandbox.import_order(draft)
    else:
        error = refusal_of(sandbox, draft)
        assert (error.status, error.code) == (400, "OutOfStock")
        assert error.details["skus"] == ["SHIRT-M"]
        assert len(sandbox.orders) == 0
    clock.move(10)
    changes = is_taken and mode != "None"
    expected = 10 - quantity if changes else 10
    assert latest(sandbox, held).quantity_on_stock == expected


@pytest.mark.parametrize(
    ("mode", "code"),
    [("None", None), ("TrackOnly", "OutOfStock"), ("ReserveOnOrder", "OutOfStock")],
)
def test_a_line_without_an_entry_is_out_of_stock_where_stock_is_tracked(
    mode: str, code: str | None
) -> None:
    sandbox, _ = sandbox_with_clock()
    draft = order_draft([line("SHIRT-M", 1)], mode)
    if code is None:
        assert sandbox.import_order(draft).version == 1
    else:
        assert refusal_of(sandbox, draft).code == code


@pytest.mark.parametrize("days", [0, 3])
def test_a_restockable_entry_is_ordered_beyond_its_stock(days: int) -> None:
    sandbox, clock = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft(quantity=1, restockableInDays=days))
    sandbox.import_order(order_draft([line("SHIRT-M", 3)]))
    clock.move(10)
    assert latest(sandbox, held).quantity_on_stock == -2


def test_a_line_takes_from_the_entry_of_its_channel_and_else_from_the_one_without() -> (
    None
):
    sandbox, clock = sandbox_with_clock()
    sandbox.create_channel({"key": "LDN01"})
    of_channel = sandbox.create_entry(entry_draft(supplyChannel=supplied_by("LDN01")))
    without = sandbox.create_entry(entry_draft())
    sandbox.purchase("SHIRT-M", 1, channel_key="LDN01")
    sandbox.purchase("SHIRT-M", 3)
    clock.move(10)
    assert latest(sandbox, of_channel).quantity_on_stock == 9
    assert latest(sandbox, without).quantity_on_stock == 7


def test_an_order_is_supplied_whole_or_not_at_all() -> None:
    sandbox, clock = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft(quantity=5))
    draft = order_draft([line("SHIRT-M", 2), line("SHIRT-L", 1), line("SHIRT-M", 4)])
    error = refusal_of(sandbox, draft)
    assert error.details["skus"] == ["SHIRT-L", "SHIRT-M"]
    assert len(str(error.details["lineItems"]).split(",")) == 2
    clock.move(10)
    assert latest(sandbox, held).quantity_on_stock == 5
    assert len(sandbox.orders) == len(sandbox.landings) == 0


def test_a_line_may_have_a_mode_of_its_own() -> None:
    sandbox, clock = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft(quantity=5))
    lines = [line("SHIRT-M", 2), line("SHIRT-M", 9, inventoryMode="None")]
    sandbox.import_order(order_draft(lines))
    clock.move(10)
    assert latest(sandbox, held).quantity_on_stock == 3


def test_without_a_mode_an_import_leaves_stock_alone() -> None:
    sandbox, clock = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft(quantity=5))
    draft = order_draft([line("SHIRT-M", 2)])
    del draft["inventoryMode"]
    sandbox.import_order(draft)
    clock.move(10)
    assert latest(sandbox, held) == held


def test_order_numbers_are_unique_and_a_repeat_takes_nothing() -> None:
    sandbox, clock = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft(quantity=5))
    sandbox.purchase("SHIRT-M", 1, order_number="W-1")
    with pytest.raises(ApiError) as raised:
        sandbox.purchase("SHIRT-M", 1, order_number="W-1")
    error = raised.value
    assert error.details == {"field": "orderNumber", "duplicateValue": "W-1"}
    clock.move(10)
    assert latest(sandbox, held).quantity_on_stock == 4
    assert len(sandbox.orders) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"totalPrice": None}, "InvalidJsonInput"),
        ({"lineItems": None}, "InvalidInput"),
        ({"lineItems": []}, "InvalidInput"),
        ({"lineItems": [{}]}, "InvalidJsonInput"),
        ({"lineItems": [line("SHIRT-M", 1, variant={})]}, "InvalidJsonInput"),
        ({"lineItems": [line("SHIRT-M", "1")]}, "InvalidJsonInput"),
        ({"inventoryMode": "ReserveOnCart"}, "InvalidField"),
        ({"orderState": "Bogus"}, "InvalidField"),
    ],
)
def test_a_wrong_order_is_refused(change: dict[str, object], code: str) -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_entry(entry_draft())
    draft = order_draft([line("SHIRT-M", 1)]) | change
    assert refusal_of(sandbox, draft).code == code
    assert len(sandbox.orders) == 0


def test_a_supply_channel_needs_its_role() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_channel({"key": "sync", "roles": ["OrderExport"]})
    draft = order_draft([line("SHIRT-M", 1, supplyChannel=supplied_by("sync"))])
    error = refusal_of(sandbox, draft)
    assert error.code == "MissingRoleOnChannel"
    assert error.details["missingRole"] == "InventorySupply"


def test_an_order_shows_its_lines() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    sandbox.create_entry(entry_draft(supplyChannel=supplied_by("LDN01")))
    lines = [line("SHIRT-M", 2, supplyChannel=supplied_by("LDN01"), key="1")]
    body = order_body(sandbox.import_order(order_draft(lines, orderNumber="W-1")))
    assert (body["orderNumber"], body["orderState"]) == ("W-1", "Open")
    shown = body["lineItems"]
    assert isinstance(shown, list)
    assert shown[0]["variant"] == {"id": 1, "sku": "SHIRT-M"}
    assert shown[0]["supplyChannel"] == {"typeId": "channel", "id": channel.id}
    assert (shown[0]["key"], shown[0]["quantity"]) == ("1", 2)
    assert shown[0]["state"][0]["quantity"] == 2


def test_an_absolute_quantity_written_before_an_order_lands_is_decremented_after() -> (
    None
):
    """The trap of absolute writes: the late decrement still comes."""
    sandbox, clock = sandbox_with_clock(lagging(5))
    held = sandbox.create_entry(entry_draft(quantity=5))
    sandbox.purchase("SHIRT-M", 2)
    absolute = {"action": "changeQuantity", "quantity": 3}
    sandbox.update_entry("id", held.id, update(1, absolute))
    clock.move(5)
    assert latest(sandbox, held).quantity_on_stock == 1


def test_a_landing_makes_a_version_stale() -> None:
    sandbox, clock = sandbox_with_clock(lagging(5))
    held = sandbox.create_entry(entry_draft(quantity=5))
    sandbox.purchase("SHIRT-M", 2)
    clock.move(5)
    sandbox.settle()
    with pytest.raises(ApiError) as raised:
        sandbox.update_entry("id", held.id, update(1, add(1)))
    assert raised.value.details == {"currentVersion": 2}


def test_a_landing_on_a_deleted_entry_is_lost() -> None:
    sandbox, clock = sandbox_with_clock(lagging(5))
    held = sandbox.create_entry(entry_draft(quantity=5))
    sandbox.purchase("SHIRT-M", 2)
    sandbox.delete_entry("id", held.id, 1)
    again = sandbox.create_entry(entry_draft(quantity=5))
    clock.move(5)
    assert latest(sandbox, again).quantity_on_stock == 5
    assert len(sandbox.landings) == 0


def test_landings_come_in_the_order_of_their_time() -> None:
    sandbox, clock = sandbox_with_clock(SandboxConfig(lag=Lag(0, 10)))
    held = sandbox.create_entry(entry_draft(quantity=100))
    for _ in range(20):
        sandbox.purchase("SHIRT-M", 1)
    clock.move(10)
    assert latest(sandbox, held).quantity_on_stock == 80
    times = [w.at for w in sandbox.journal.read() if w.kind == "landing"]
    assert len(times) == 20
    assert times == sorted(times)
    assert len(set(times)) > 10


def test_the_same_seed_gives_the_same_lags_and_another_seed_others() -> None:
    def landed_at(seed: int) -> list[str]:
        sandbox, clock = sandbox_with_clock(SandboxConfig(seed=seed))
        sandbox.create_entry(entry_draft(quantity=100))
        for _ in range(5):
            sandbox.purchase("SHIRT-M", 1)
        clock.move(10)
        sandbox.settle()
        return [w.at for w in sandbox.journal.read() if w.kind == "landing"]

    assert landed_at(1) == landed_at(1)
    assert landed_at(1) != landed_at(2)


@pytest.mark.parametrize(
    ("low", "high", "mode"), [(-1, 5, None), (0, 10.1, None), (5, 4, None), (1, 2, 3)]
)
def test_a_lag_the_vendor_does_not_allow_is_refused(
    low: float, high: float, mode: float | None
) -> None:
    with pytest.raises(ValueError, match="Lag must lie within"):
        Lag(low, high, mode)
