"""What the tests of subscriptions share: a sandbox with one, and its inbox."""

from streams.sandbox.commercetools import Sandbox, SandboxConfig
from tests.sandbox.support import HandClock, add, entry_draft, update
from tests.sandbox.trade_support import Fields, Inbox

CONFLUENT: Fields = {
    "type": "ConfluentCloud",
    "bootstrapServer": "pkc-x.eu-west-1.aws.confluent.cloud:9092",
    "apiKey": "a-key",
    "apiSecret": "a-secret",
    "acks": "all",
    "topic": "ct.messages",
}


def draft(**fields: object) -> Fields:
    base: Fields = {
        "destination": CONFLUENT,
        "messages": [{"resourceTypeId": "inventory-entry"}],
    }
    return base | fields


class Post:
    """A sandbox with one subscription and its inbox."""

    def __init__(self, config: SandboxConfig | None = None, **fields: object) -> None:
        self.inbox = Inbox()
        self.clock = HandClock()
        sinks = {"ConfluentCloud": self.inbox}
        self.sandbox = Sandbox(config, self.clock, sinks)
        self.subscription = self.sandbox.create_subscription(draft(**fields))

    def write(self, times: int = 1) -> None:
        """Create an entry and set its quantity, which is said."""
        sku = f"SKU-{len(self.sandbox.inventory)}"
        entry = self.sandbox.create_entry(entry_draft(sku))
        for version in range(1, times):
            self.sandbox.update_entry("id", entry.id, update(version, add(1)))

    def status(self) -> str:
        return self.sandbox.subscriptions.get("id", self.subscription.id).status
