"""Whatever happens in whatever order: nothing is lost, doubled or in two places."""

import json
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.newstore import NewStoreEvent, parse_payload
from streams.domain.reference import Location, Product, Reference
from streams.mapping.order_news_pos import news_of
from streams.mapping.pos import map_event
from streams.mapping.pos_rules import IntakeRules
from streams.mapping.pos_wire import Envelope, decode_envelope
from streams.sandbox.newstore import ApiError, Node, NodeKind, StreamConfig, Unroutable
from streams.sandbox.newstore.injection import answer
from tests.sandbox.newstore.support import TEE, item, tenant, web_order

NODES = (Node("LDN01"), Node("LDN02"), Node("DC01", NodeKind.DC))
NODE = st.sampled_from([node.node_id for node in NODES])
PRODUCT = st.sampled_from([TEE, "MUG"])
SMALL = st.integers(1, 3)
PICK = st.integers(0, 50)
ON_REQUESTS = st.one_of(
    st.tuples(st.just("ship"), PICK, SMALL),
    st.tuples(st.just("reject"), PICK, SMALL),
    st.tuples(st.just("ready"), PICK),
)
ON_ORDERS = st.one_of(
    st.tuples(st.just("cancel"), PICK, SMALL),
    st.tuples(st.just("give_back"), PICK, NODE, st.sampled_from([1, 2])),
    st.tuples(st.just("appease"), PICK),
)
NEW_ORDERS = st.one_of(
    st.tuples(
        st.just("inject"),
        PICK,
        st.lists(PRODUCT, min_size=1, max_size=4),
        st.one_of(st.none(), NODE),
    ),
    st.tuples(st.just("sell"), NODE, PRODUCT, SMALL),
    st.tuples(st.just("give_back_blind"), NODE, PRODUCT),
    st.tuples(st.just("wait"), st.integers(1, 90)),
)
ON_STOCK = st.one_of(
    st.tuples(st.just("receive"), NODE, PRODUCT, SMALL),
    st.tuples(st.just("transfer"), NODE, NODE, PRODUCT, SMALL),
    st.tuples(st.just("arrive"), PICK, NODE),
    st.tuples(st.just("lose"), NODE, PRODUCT, SMALL),
    st.tuples(st.just("count"), NODE, PRODUCT),
    st.tuples(st.just("adjust"), NODE, PRODUCT, st.integers(-3, 3)),
    st.tuples(st.just("damage"), NODE, PRODUCT, SMALL),
)
STEPS = st.lists(
    st.one_of(ON_REQUESTS, ON_REQUESTS, ON_ORDERS, NEW_ORDERS, ON_STOCK),
    min_size=5,
    max_size=40,
)
RULES = IntakeRules()
SHOP_FLOOR = Reference()
for each in NODES:
    SHOP_FLOOR.put_location(Location(location_id=each.node_id))
for sku in (TEE, "MUG"):
    SHOP_FLOOR.put_product(Product(sku=sku))
CONFIGS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 100),
        "reroutes": st.booleans(),
        "grace_s": st.sampled_from([0.0, 60.0]),
        "preroute_checks_atp": st.booleans(),
        "unroutable": st.sampled_from(Unroutable),
        "refund_delay_s": st.sampled_from([0.0, 30.0]),
    }
)


class Run:
    """Does what it is told; what is refused must have changed nothing."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.sandbox, self.clock = tenant(
            {node.node_id: 3 for node in NODES}, nodes=NODES, **config
        )
        self.sandbox.register("hub")
        self.brought_in: Counter[str] = Counter({TEE: 9})
        self.transfers: list[tuple[str, str, int]] = []
        # Something to work on from the start; else most runs would be about nothing.
        for number, node in enumerate((None, "LDN02", "DC01")):
            self.inject(100 + number, [TEE, TEE], node)

    def do(self, steps: list[tuple[Any, ...]]) -> None:
        for name, *arguments in steps:
            before = self.picture()
            try:
                getattr(self, name)(*arguments)
            except ApiError:
                assert self.picture() == before, name

    def picture(self) -> object:
        world = self.sandbox.world
        return (
            dict(world.stock.rows()),
            world.units.walk(),
            [vars_of(order) for order in world.orders.walk()],
            len(self.sandbox.events),
            len(world.journal.facts),
        )

    def inject(self, number: int, products: list[str], node: str | None) -> None:
        items = [item(n, product) for n, product in enumerate(products)]
        self.sandbox.inject(web_order(f"WEB-{number}", items=items, node=node))

    def sell(self, node: str, product: str, quantity: int) -> None:
        self.sandbox.sell(node, [product] * quantity)

    def ship(self, pick: int, count: int) -> None:
        if request := self.pick(self.sandbox.open_requests(), pick):
            self.sandbox.ship(request.id, request.undone[:count])

    def reject(self, pick: int, count: int) -> None:
        if request := self.pick(self.sandbox.open_requests(), pick):
            self.sandbox.reject(request.id, request.undone[:count])

    def ready(self, pick: int) -> None:
        if request := self.pick(self.sandbox.open_requests(), pick):
            self.sandbox.ready(request.id)

    def cancel(self, pick: int, count: int) -> None:
        if order := self.pick(self.sandbox.world.orders.walk(), pick):
            self.sandbox.cancel(order.id, order.unit_ids[:count])

    def give_back(self, pick: int, node: str, code: int) -> None:
        if order := self.pick(self.sandbox.world.orders.walk(), pick):
            unit_id = order.unit_ids[pick % len(order.unit_ids)]
            unit = {"item_id": unit_id, "condition_code": code}
            self.sandbox.give_back(order.id, node, [unit])

    def give_back_blind(self, node: str, product: str) -> None:
        self.sandbox.give_back_blind(node, [(product, 1, Decimal(5))])
        self.brought_in[product] += 1

    def receive(self, node: str, product: str, quantity: int) -> None:
        self.sandbox.receive(node, [(product, quantity)])
        self.brought_in[product] += quantity

    def transfer(self, origin: str, to: str, product: str, quantity: int) -> None:
        asn = self.sandbox.transfer(origin, to, [(product, quantity)])
        self.transfers.append((asn, product, quantity))

    def arrive(self, pick: int, node: str) -> None:
        if self.transfers:
            asn, product, quantity = self.transfers.pop(pick % len(self.transfers))
            self.sandbox.receive(node, [(product, quantity)], asn_id=asn)

    def lose(self, node: str, product: str, quantity: int) -> None:
        self.sandbox.lose(node, product, quantity)
        self.brought_in[product] -= quantity

    def count(self, node: str, product: str) -> None:
        self.sandbox.count(node, {product: None})

    def adjust(self, node: str, product: str, quantity: int) -> None:
        self.sandbox.adjust(node, product, quantity)
        self.brought_in[product] += quantity

    def damage(self, node: str, product: str, quantity: int) -> None:
        self.sandbox.damage(node, product, quantity)

    def appease(self, pick: int) -> None:
        if order := self.pick(self.sandbox.world.orders.walk(), pick):
            self.sandbox.appease(order.id, "3.00")

    def wait(self, seconds: int) -> None:
        self.clock.move(seconds)
        self.sandbox.settle()

    def pick(self, found: list[Any], number: int) -> Any:
        return found[number % len(found)] if found else None


def vars_of(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, name) for name in type(value).__slots__)


def run(config: dict[str, Any], steps: list[tuple[Any, ...]]) -> Run:
    found = Run(config)
    found.do(steps)
    return found


@settings(deadline=None)
@given(CONFIGS, STEPS)
def test_stock_is_conserved(config: dict[str, Any], steps: Any) -> None:
    found = run(config, steps)
    world = found.sandbox.world
    there: Counter[str] = Counter()
    for key, row in world.stock.rows():
        there[key.product_id] += row.shelf + row.damaged
    for _, product, quantity in found.transfers:
        there[product] += quantity
    for unit in world.units.walk():
        there[unit.product_id] += unit.state == "completed"

    assert +there == +found.brought_in
    assert min(found.brought_in.values()) >= 0


@settings(deadline=None)
@given(CONFIGS, STEPS)
def test_what_is_promised_is_what_units_hold(config: Any, steps: Any) -> None:
    world = run(config, steps).sandbox.world
    allocated: Counter[object] = Counter()
    reserved: Counter[object] = Counter()
    packed: Counter[object] = Counter()
    for unit in world.units.walk():
        packed[unit.node_id, unit.product_id] += unit.state == "ready"
        if unit.state in ("assigned", "ready"):
            allocated[unit.node_id, unit.product_id] += 1
            request = world.orders.request(unit.request_id or "")
            assert unit.id in request.undone
            assert request.node_id == unit.node_id
        if unit.reserved_at is not None:
            assert unit.state == "pending"
            reserved[unit.reserved_at, unit.product_id] += 1
        assert 0 <= unit.refunded <= unit.paid

    rows = dict(world.stock.rows())
    assert allocated == +Counter({tuple(k): r.allocated for k, r in rows.items()})
    assert reserved == +Counter({tuple(k): r.reserved for k, r in rows.items()})
    assert +packed == +Counter({tuple(k): r.packed for k, r in rows.items()})


@settings(deadline=None)
@given(CONFIGS, STEPS)
def test_the_events_of_a_unit_tell_its_state(config: Any, steps: Any) -> None:
    sandbox = run(config, steps).sandbox
    told: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for event in sandbox.events:
        payload = json.loads(event.body)["payload"]
        node = payload.get("fulfillment_location_id")
        for line in payload.get("items", ()):
            told[line.get("id")].append((event.name, node))

    for unit in sandbox.world.units.walk():
        names = [name for name, _ in told[unit.id]]
        assert names[0] == "order.created"
        assert names.count("order.opened") <= 1
        completed = names.count("fulfillment_request.items_completed")
        assert completed == (unit.state in ("completed", "returned"))
        assert names.count("return.processed") == (unit.state == "returned")
        cancelled = names.count("order.items_cancelled")
        assert cancelled == (unit.state == "cancelled")
        nodes = [n for name, n in told[unit.id] if name.endswith(".assigned")]
        if unit.state in ("assigned", "ready", "completed"):
            assert nodes[-1] == unit.node_id
        assert len(nodes) == len(set(nodes)), "never the same node twice"


@settings(deadline=None)
@given(CONFIGS, STEPS)
def test_every_event_is_one_that_we_can_read(config: Any, steps: Any) -> None:
    for event in run(config, steps).sandbox.events:
        envelope = NewStoreEvent.model_validate_json(event.body)
        if not envelope.name.startswith("payment_account."):
            assert parse_payload(envelope) is not None, envelope.name
        mapped = map_event(event.body, SHOP_FLOOR, RULES, origin="events/0/1")
        assert not mapped.problems, event.body
        wire = decode_envelope(event.body)
        assert isinstance(wire, Envelope)
        assert not news_of(wire, SHOP_FLOOR, RULES).problems, event.body


@settings(deadline=None)
@given(CONFIGS, STEPS)
def test_the_same_acts_have_the_same_outcome(config: Any, steps: Any) -> None:
    def story() -> list[bytes]:
        sandbox = run(config, steps).sandbox
        return [delivery.body for delivery in sandbox.take_deliveries()]

    assert story() == story()


@settings(deadline=None)
@given(CONFIGS, STEPS, st.integers(2, 5))
def test_an_order_injected_any_number_of_times_is_one_order(
    config: Any, steps: Any, times: int
) -> None:
    found = run(config, steps[:3])
    body = web_order("AGAIN", items=[item(1), item(2, "MUG")])
    sandbox = found.sandbox
    answers = []
    for part in range(times):
        order = sandbox.inject(body)
        answers.append(answer(order, sandbox.units("AGAIN")))
        found.do(steps[part::times])

    assert all(each == answers[0] for each in answers)
    facts = sandbox.world.journal.facts.records()
    mine = [fact for fact in facts if fact.order_id == answers[0]["id"]]
    assert [fact.kind for fact in mine].count("order_injected") == 1


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 100),
    st.lists(st.sampled_from([200, 500, None]), min_size=1, max_size=30),
)
def test_every_event_arrives_at_least_once(seed: int, answers: list[Any]) -> None:
    stream = StreamConfig(delay_max_s=30, duplicates=0.2)
    sandbox, clock = tenant({"LDN01": 9}, seed=seed, stream=stream)
    sandbox.register("hub")
    for number in range(4):
        sandbox.inject(web_order(f"WEB-{number}"))
    script = iter([*answers, *[200] * 1000])
    accepted = set()
    while sandbox.world.stream.pending:
        for delivery in sandbox.take_deliveries():
            status = next(script)
            sandbox.answered(delivery, status)
            if status == 200:
                accepted.add(delivery.event.number)
        clock.move(5)

    assert accepted == {event.number for event in sandbox.events}
