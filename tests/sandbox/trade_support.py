"""What the tests of orders, payments, customers and messages share."""

import json
from typing import Any

import msgspec
import pytest

from streams.sandbox.commercetools import Notification, Sandbox
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.messages import Answer
from streams.sandbox.commercetools.messaging.log import Message
from streams.sandbox.commercetools.orders import Order, order_body
from tests.sandbox.support import Caller, sandbox_with_clock, update

Fields = dict[str, Any]


def action(name: str, /, **fields: object) -> Fields:
    return {"action": name, **fields}


def line_state(key: str, **fields: object) -> Fields:
    return {"key": key, "type": "LineItemState", **fields}


def state_key(key: str) -> Fields:
    return {"typeId": "state", "key": key}


def as_json(body: object) -> Fields:
    """Return a body as a client reads it."""
    read: Fields = json.loads(msgspec.json.encode(body))
    return read


class Shop:
    """A sandbox, one shipped order `W-1` of two lines, and updates of it."""

    def __init__(self, **placing: Any) -> None:
        self.sandbox, self.clock = sandbox_with_clock()
        self.sandbox.create_channel({"key": "pos", "roles": ["OrderExport"]})
        for key in ("reserved", "shipped"):
            self.sandbox.create_state(line_state(key, initial=False))
        lines = [
            {"sku": "SHIRT-M", "quantity": 3, "key": "one"},
            {"sku": "SHIRT-L", "quantity": 1, "key": "two"},
        ]
        placed = {"order_number": "W-1", "mode": "None"} | placing
        self.order_id = self.sandbox.place_order(lines, **placed).id

    @property
    def order(self) -> Order:
        return self.sandbox.orders.get("id", self.order_id)

    @property
    def body(self) -> Fields:
        """The order as a client that reads JSON sees it."""
        return as_json(order_body(self.order))

    def line_id(self, index: int = 0) -> str:
        return self.order.lines[index].id

    def act(self, *actions: Fields) -> Fields:
        """Update the order; return its body."""
        body = update(self.order.version, *actions)
        self.sandbox.update_order("id", self.order_id, body)
        return self.body

    def refused(self, *actions: Fields) -> ApiError:
        """Update the order in vain: nothing may have changed, nothing been said."""
        before, said = self.order, len(self.sandbox.messages)
        written = len(self.sandbox.journal)
        with pytest.raises(ApiError) as raised:
            self.act(*actions)
        assert self.order == before
        assert len(self.sandbox.messages) == said
        assert len(self.sandbox.journal) == written
        return raised.value

    def messages(self) -> list[Message]:
        """What was said of the order after it was placed."""
        said = list(self.sandbox.messages.walk())
        return [each for each in said if each.subject.id == self.order_id][1:]

    def types(self) -> list[str]:
        return [each.type for each in self.messages()]


def ask(
    sandbox: Sandbox, method: str, target: str, body: object = None
) -> tuple[Answer, Any]:
    """Ask the API without HTTP; return the answer and its JSON."""
    payload = b"" if body is None else msgspec.json.encode(body)
    answer = Caller(sandbox).ask(method, target, payload)
    encoded = answer.payload()[1]
    return answer, json.loads(encoded) if encoded else None


class Inbox:
    """A sink that keeps what it gets, and refuses while it is told to."""

    def __init__(self) -> None:
        self.got: list[Notification] = []
        self.is_closed = False

    def __call__(self, notification: Notification) -> None:
        if self.is_closed:
            raise ConnectionError("closed")
        self.got.append(notification)

    def envelopes(self) -> list[Fields]:
        return [json.loads(each.value) for each in self.got]

    def messages(self) -> list[Fields]:
        """The messages: the test notification and bare changes aside."""
        return [
            each
            for each in self.envelopes()
            if each.get("notificationType") == "Message"
        ]
