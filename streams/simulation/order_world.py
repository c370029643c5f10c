"""The simulated world with orders: six stages, couriers, and both vendors' stand-ins.

Vendors and couriers run in virtual time; the stages on the simulated cluster as in the
spine's world, under the same scheduler.
"""

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from streams.agents.exceptions import ExceptionsStage
from streams.agents.intake import IntakeStage
from streams.agents.ledger import LedgerStage
from streams.agents.linking import LinkingStage
from streams.agents.orders import OrdersStage
from streams.agents.publishing import PublishingStage
from streams.connectors.bootstrap import bootstrap
from streams.connectors.bootstrap_orders import bootstrap_orders
from streams.connectors.commerce_orders import OrderClient
from streams.connectors.commercetools import CommercetoolsClient
from streams.delivery.listeners import Listeners
from streams.domain.availability import Counting, EntryScope
from streams.domain.order_rules import OrderRules
from streams.domain.reference import Location, Product, Reference
from streams.domain.sourcing_choice import SourcingRules
from streams.engine.fold import Stage
from streams.mapping.events import event_key, message_key
from streams.mapping.pos_rules import IntakeRules
from streams.sandbox.commercetools import Sandbox as CommerceSandbox
from streams.sandbox.commercetools.config import SandboxConfig as CommerceConfig
from streams.sandbox.commercetools.messaging.courier import Conduct, Notification
from streams.sandbox.newstore import Node, Sandbox, SandboxConfig
from streams.sandbox.newstore.config import Unroutable
from streams.simulation.cluster import Running
from streams.simulation.courier import Courier
from streams.simulation.order_errands import (
    COMMERCE,
    Lines,
    OrderErrands,
    Parts,
)
from streams.simulation.order_inventory import SandboxInventory
from streams.simulation.order_promises import Promises
from streams.simulation.post import Post
from streams.simulation.stages import DEDUPE_DAYS
from streams.simulation.vendors import (
    Line,
    commerce_handle,
    commerce_intruder,
    newstore_handle,
    watched,
)
from streams.simulation.virtual import VirtualLoop
from streams.simulation.workload import TENANT, moment
from streams.simulation.world import ROUND_MS, Restless, Shape, World
from streams.topics import COMMERCE_MESSAGES, NEWSTORE_EVENTS, ORDER_ANSWERS, Topic

QUIET_ROUNDS = 8
"""Longer than a courier's row waits in trouble."""

OWN_STATE = "kept-apart"
"""A line item state of the project's own: what is in it is a person's business."""

ROUNDS_MAX = 600
WAITS_MS = 1_000_000
"""Longer than news wait for their order, and returns for their sale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShape:
    """How a seed's orders are handled.

    Attributes:
        sources: We find the places; else NewStore has the orders from elsewhere.
        trouble: How likely something goes wrong with a request to a vendor.
        omits: How likely commercetools leaves a message's own fields out.
        forgets: The run goes on until finished orders have been forgotten.
        reroutes: We send on what a place could not fulfil, not NewStore.
        unroutable: What NewStore does with what it can send nowhere.
    """

    seed: int
    sources: bool = True
    trouble: float = 0.0
    late_ms: int = 0
    again: float = 0.0
    omits: float = 0.0
    parts: Parts = field(default_factory=Parts)
    forgets: bool = False
    reroutes: bool = True
    unroutable: Unroutable = Unroutable.HOLD


def order_stages(
    shape: Shape, orders: OrderShape, reference: Reference
) -> Sequence[Stage]:
    """Make the stages of one worker, as wiring does."""
    counts = shape.counting is Counting.COMMERCE
    intake = IntakeRules(tenant=TENANT, commerce_counts=counts, commerce_orders=True)
    sourcing = SourcingRules(reference=reference) if orders.sources else None
    return (
        IntakeStage(intake),
        LedgerStage(dedupe_days=DEDUPE_DAYS),
        PublishingStage(entries=shape.entries, counting=shape.counting),
        LinkingStage(wait_s=900.0),
        OrdersStage(
            OrderRules(
                commerce_counts=counts,
                has_pooled_entries=shape.entries is EntryScope.POOL,
                sourcing=sourcing,
                reroutes=orders.reroutes,
                return_lateness=timedelta(milliseconds=orders.late_ms),
            )
        ),
        ExceptionsStage(),
    )


class Shop(CommerceSandbox):
    """A project whose ids depend on who asks, not on what was written before."""

    def draw_from(self, name: str) -> None:
        """Draw the ids of what is made from now on by a name."""
        self._ids = Random(f"{self.config.seed}/ids/{name}")


class OrderCourier(Courier):
    """A worker's courier of entries, with which its couriers of orders die."""

    of_orders: OrderErrands

    def abandon(self) -> None:
        super().abandon()
        self.of_orders.die()


@dataclass(slots=True)
class OrderWorld(World):
    """One installation with both vendors in one run."""

    orders: OrderShape = field(kw_only=True)
    loop: VirtualLoop = field(init=False)
    shop: Shop = field(init=False)
    store: Sandbox = field(init=False)
    post: Post = field(init=False)
    lines: Lines = field(init=False)
    promises: Promises = field(init=False)
    requests: Counter[str] = field(default_factory=Counter)
    carriers: dict[str, OrderErrands] = field(default_factory=dict)
    starts: int = 0

    def __post_init__(self) -> None:
        seed = self.orders.seed
        self.loop = VirtualLoop(0.0)
        config = CommerceConfig(seed=seed)
        self.shop = Shop(config, clock=self.clock)
        self.store = Sandbox(
            SandboxConfig(
                tenant=TENANT,
                seed=seed,
                grace_s=2.0,
                reroutes=not self.orders.reroutes,
                unroutable=self.orders.unroutable,
                refund_delay_s=60.0,
                requests_per_second=None,
            ),
            clock=self.clock,
        )
        self.post = Post(Random(f"post {seed}"))
        self.promises = Promises(self, self.store, self.shop)
        self.lines = self._lines()
        World.__post_init__(self)
        self.commerce = SandboxInventory(
            raise_version=self.shape.orders_raise_version, sandbox=self.shop
        )

    def _lines(self) -> Lines:
        seed = self.orders.seed
        commerce = Line(
            "commercetools",
            self.loop,
            watched(commerce_handle(self.shop), self.promises.hear_commerce),
            commerce_intruder(
                self.shop,
                Random(f"intruder {seed}"),
                edits=self.orders.sources,
            ),
            Random(f"commerce line {seed}"),
            self.requests,
        )
        newstore = Line(
            "newstore",
            self.loop,
            watched(newstore_handle(self.store), self.promises.hear_newstore),
            lambda _path: None,
            Random(f"newstore line {seed}"),
            self.requests,
        )
        basic = base64.b64encode(b"sandbox-client:sandbox-secret").decode()
        asked = f"Basic {basic}", {"grant_type": "client_credentials"}
        tokens = (
            self.shop.tokens.issue(*asked),
            self.store.tokens.issue(*asked, self.clock()),
        )
        return Lines(commerce, newstore, *(str(t["access_token"]) for t in tokens))

    # Time

    def clock(self) -> datetime:
        return moment(self.start_ms + int(self.loop.time() * 1000))

    def advance_to(self, now_ms: int) -> None:
        """Let time go on, with all that couriers and vendors do meanwhile."""
        target = max(self.now_ms, now_ms, self.start_ms)
        self.loop.run_until((target - self.start_ms) / 1000)
        self.now_ms = max(target, self.start_ms + int(self.loop.time() * 1000))
        self.broker.now_ms = self.commerce.now_ms = self.now_ms
        self.commerce.count_orders()
        self.collect()

    def collect(self) -> None:
        """Take the vendors' news to the post, and what is due to its topic."""
        for delivery in self.store.take_deliveries():
            body = delivery.body
            self.post.take(NEWSTORE_EVENTS, event_key(body), body, self.now_ms)
            self.store.answered(delivery, 200)
        self.shop.deliver()
        for letter in self.post.due(self.now_ms):
            self.append(letter.topic, letter.key, letter.body)

    def append(self, topic: Topic, key: bytes, body: bytes) -> None:
        """Append a record where its key belongs."""
        place = (topic.name, self.cluster.partition_for(key))
        self.broker.append(place, [(key, body, ())])
        if topic is ORDER_ANSWERS:
            self.promises.hear_answer(body)

    # The vendors

    def open_vendors(
        self, locations: Sequence[Location], products: Sequence[Product]
    ) -> None:
        """Set both vendors up, and make the places and products known."""
        for location in locations:
            node = Node(location.newstore_node_id)
            self.store.world.nodes[node.node_id] = node
            self.put_reference(location)
        for product in products:
            self.put_reference(product)
        self.store.register("oneshelf")
        self.loop.finish(self._bootstrap(locations))
        self.shop.create_state({"key": OWN_STATE, "type": "LineItemState"})
        self.shop.subscribe(self._hear, ("order",))
        self.shop.deliver()
        self.advance_to(self.now_ms)
        if self.orders.omits:
            self.shop.courier.conduct = Conduct(omit_payload=self.orders.omits)

    async def _bootstrap(self, locations: Sequence[Location]) -> None:
        await bootstrap(
            self.lines.to_commerce(CommercetoolsClient(COMMERCE)), locations
        )
        await bootstrap_orders(self.lines.to_commerce(OrderClient(COMMERCE)))

    def _hear(self, notification: Notification) -> None:
        body = notification.value
        self.post.take(COMMERCE_MESSAGES, message_key(body), body, self.now_ms)

    def set_trouble(self, *, on: bool) -> None:
        """Let things go wrong on the way to the vendors as the shape has it, or not."""
        orders = self.orders
        trouble = orders.trouble if on else 0.0
        self.lines.commerce.trouble = self.lines.newstore.trouble = trouble
        self.post.late_ms = orders.late_ms if on else 0
        self.post.again = orders.again if on else 0.0

    # Workers

    def _stages_of(self, worker: str) -> list[Running]:
        self.starts += 1
        reference = next(
            one.reference for one in self.cluster.workers if one.name == worker
        )
        errands = OrderErrands(
            self.loop,
            self.lines,
            self.append,
            self.clock,
            Random(f"errands {self.orders.seed} {worker} {self.starts}"),
            reference,
            parts=self.orders.parts,
            sources=self.orders.sources,
        )
        errands.start()
        courier = OrderCourier(
            self.plant.client(self.commerce, worker),
            counting=self.shape.counting,
            clock=self.clock,
            report=self._report,
        )
        courier.of_orders = errands
        self.couriers[worker], self.carriers[worker] = courier, errands
        listeners = {stage: Listeners(rows) for stage, rows in errands.by_stage.items()}
        return [
            Running(
                self.plant.stage(stage),
                courier if stage.name == "publishing" else listeners.get(stage.name),
            )
            for stage in order_stages(self.shape, self.orders, reference)
        ]

    # Rest

    def settle(self) -> None:
        """Let everything finish that people and stores have begun.

        Raises:
            Restless: It never does.
        """
        self.revive()
        self.set_trouble(on=False)
        self._rest()
        self.advance_to(self.now_ms + WAITS_MS)
        self._rest()

    def _rest(self) -> None:
        quiet = 0
        for _ in range(ROUNDS_MAX):
            self._wait(idle=quiet > 0)
            self.fill_seats()
            busy = self.work() or not self.commerce.settled or len(self.post)
            quiet = 0 if busy else quiet + 1
            if quiet == QUIET_ROUNDS:
                return
        raise Restless(f"work still goes on after {ROUNDS_MAX} rounds")

    def _wait(self, *, idle: bool) -> None:
        """Let a round's time pass; work in between where there is some."""
        until = self.now_ms + ROUND_MS
        if idle and self.post.next_ms is not None:
            until = max(until, self.post.next_ms)
        if not idle:
            for _ in range(4):
                self.advance_to(self.now_ms + ROUND_MS // 20)
                self.work()
        self.advance_to(until)

    def close(self) -> None:
        """End all that runs in virtual time."""
        for errands in self.carriers.values():
            errands.die()
        self.loop.run_until(self.loop.time() + 60)
        self.loop.close()
