"""Whatever the sequence: a simple model foretells quantities, versions only grow, and
every order's lag ends.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from streams.sandbox.commercetools import Sandbox, SandboxConfig
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.inventory import INVENTORY_SCHEMA
from streams.sandbox.commercetools.predicates import matches, where
from tests.sandbox.support import HandClock, entry_draft, update

QUANTITIES = st.integers(-20, 20)
QUANTITY_ACTIONS = st.tuples(
    st.sampled_from(["addQuantity", "removeQuantity", "changeQuantity"]), QUANTITIES
)
UPDATES = st.tuples(
    st.just("update"), st.booleans(), st.lists(QUANTITY_ACTIONS, max_size=4)
)
PURCHASES = st.tuples(
    st.just("purchase"),
    st.sampled_from(["None", "TrackOnly", "ReserveOnOrder"]),
    st.integers(1, 6),
)
STEPS = st.lists(
    st.one_of(
        UPDATES,
        PURCHASES,
        st.tuples(st.just("wait"), st.floats(0, 4)),
        st.tuples(st.just("intrude"), QUANTITIES),
    ),
    max_size=30,
)


def refused(operation: Callable[[], object]) -> ApiError | None:
    try:
        operation()
    except ApiError as error:
        return error
    return None


@dataclass
class Model:
    """One entry as a reader of the documentation would keep it on paper."""

    shown: int
    pending: int = 0
    placed: int = 0
    versions: list[int] = field(default_factory=lambda: [1])


class Run:
    """Drives a sandbox and the model side by side."""

    def __init__(self, seed: int, quantity: int) -> None:
        self.clock = HandClock()
        self.sandbox = Sandbox(SandboxConfig(seed=seed), self.clock)
        self.entry_id = self.sandbox.create_entry(entry_draft(quantity=quantity)).id
        self.model = Model(quantity)

    def step(self, kind: str, *arguments: object) -> None:
        getattr(self, kind)(*arguments)
        self.look()

    def look(self) -> None:
        """Landings may come at any time; they are the only change not asked for."""
        self.sandbox.settle()
        entry = self.sandbox.inventory.get("id", self.entry_id)
        pending = self.sandbox.landings.pending(self.entry_id)
        landed = self.model.pending - pending
        assert landed >= 0
        self.model.pending = pending
        self.model.shown -= landed
        assert entry.quantity_on_stock == self.model.shown
        is_same = entry.version == self.model.versions[-1]
        assert is_same or entry.version > self.model.versions[-1]
        self.model.versions.append(entry.version)

    def update(self, is_stale: bool, actions: list[tuple[str, int]]) -> None:
        version = self.model.versions[-1] - is_stale
        body = update(version, *({"action": n, "quantity": q} for n, q in actions))
        error = refused(lambda: self.sandbox.update_entry("id", self.entry_id, body))
        if error is not None:
            assert is_stale
            assert error.status == 409
            assert error.details == {"currentVersion": version + 1}
            return
        assert not is_stale
        for name, quantity in actions:
            if name == "changeQuantity":
                self.model.shown = quantity
            else:
                self.model.shown += quantity if name == "addQuantity" else -quantity

    def purchase(self, mode: str, quantity: int) -> None:
        free = self.model.shown - self.model.pending
        error = refused(lambda: self.sandbox.purchase("SHIRT-M", quantity, mode=mode))
        if error is not None:
            assert error.code == "OutOfStock"
            assert mode == "ReserveOnOrder"
            assert free < quantity
            return
        assert mode != "ReserveOnOrder" or free >= quantity
        if mode != "None":
            self.model.pending += quantity

    def wait(self, seconds: float) -> None:
        self.clock.move(seconds)

    def intrude(self, quantity: int) -> None:
        self.sandbox.intrude("id", self.entry_id, quantity)
        self.model.shown += quantity


@given(st.integers(0, 1000), st.integers(-5, 50), STEPS)
def test_any_sequence_ends_as_the_model_says(
    seed: int, quantity: int, steps: list[tuple[object, ...]]
) -> None:
    run = Run(seed, quantity)
    for name, *arguments in steps:
        run.step(str(name), *arguments)
    expected = run.model.shown - run.model.pending
    run.clock.move(10)
    run.look()
    assert len(run.sandbox.landings) == run.model.pending == 0
    assert run.model.shown == expected

    writes = [w for w in run.sandbox.journal.read() if w.resource_id == run.entry_id]
    versions = [w.version for w in writes]
    assert versions == sorted(set(versions))
    assert sum(w.delta for w in writes) == expected
    quantities = [w.quantity_after for w in writes]
    sums = [sum(w.delta for w in writes[: n + 1]) for n in range(len(writes))]
    assert quantities == sums


@given(st.integers(0, 1000), STEPS)
def test_the_same_requests_get_the_same_answers(
    seed: int, steps: list[tuple[object, ...]]
) -> None:
    def journal() -> list[object]:
        run = Run(seed, 5)
        for name, *arguments in steps:
            run.step(str(name), *arguments)
        return [write.body() for write in run.sandbox.journal.read()]

    assert journal() == journal()


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_text_can_be_asked_for_quoted_or_by_variable(sku: str, other: str) -> None:
    quoted = json.dumps(sku, ensure_ascii=False)
    for texts, variables in (
        ([f"sku = {quoted}"], {}),
        ([f"sku in ({quoted})"], {}),
        (["sku = :s"], {"s": [sku]}),
    ):
        node = where(texts, variables, INVENTORY_SCHEMA)
        assert node is not None
        assert matches(node, {"sku": sku})
        assert matches(node, {"sku": other}) is (sku == other)


def check_parser(text: str) -> None:
    def read_and_match() -> None:
        node = where([text], {}, INVENTORY_SCHEMA)
        assert node is not None
        assert matches(node, {"sku": "a"}) in (True, False)

    error = refused(read_and_match)
    assert error is None or (error.status, error.code) == (400, "InvalidInput")


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    check_parser(text)


WORDS = [
    *("sku", "id", "version", "supplyChannel", "custom", '"a"', "1", "-1.5", ":v"),
    *("=", "!=", "(", ")", ",", "true", "and", "or", "not", "in", "is", "defined"),
    *("contains", "any"),
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_no_row_of_words_breaks_the_parser(text: str) -> None:
    check_parser(text)
