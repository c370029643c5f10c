"""What a retailer may set about reading NewStore's events: names, codes and rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.domain.adjustments import AdjustmentTable

QUANTITY_MAX = 1_000_000
"""More units than this on one line is a typing error, not stock."""

UNITS_MAX = 1_000
"""More units than this on one sales line is not believed: each becomes a movement."""

NAME_MAX = 200
"""Characters in an id or name; ours become keys of records and rows."""


STOCK_LOAD, SALES_IMPORT = "stock-load", "import"
OUR_TOOLS = frozenset((STOCK_LOAD, SALES_IMPORT))
"""What stands for the tenant in events of `stock load` and `import-sales`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """How this retailer's events are read.

    Attributes:
        tenant: Our tenant; empty accepts any. `acme` also accepts `acme-{stage}` for
            each of `tenant_stages`.
        sku_identifier: The key in `external_identifiers` that holds the SKU.
        sellable: Condition codes and texts, in lower case, of goods that go back to
            `main`; all others go to `damaged`. A code, where given, decides alone.
        sellable_unstated: Whether a return without any condition is sellable.
        carried_out: Service levels of goods that leave with the customer at once.
        stock_items: Item types that are goods (others: shipping lines, services).
        commerce_counts: commercetools lowers its own quantity for web orders.
        commerce_channels: The `channel` names of orders that commercetools took; empty
            means every web order.
        commerce_orders: Web orders come from commercetools' own messages, which say
            what it has counted; NewStore tells of the same orders once more.
        aliases: Further event names, each with the name of section 2 it stands for.
    """

    tenant: str = ""
    tenant_stages: frozenset[str] = frozenset({"production", "sandbox", "staging"})
    sku_identifier: str = "sku"
    sellable: frozenset[str] = frozenset({"1", "sellable"})
    sellable_unstated: bool = False
    carried_out: frozenset[str] = frozenset({"IN_STORE_HANDOVER"})
    stock_items: frozenset[str] = frozenset({"product"})
    commerce_counts: bool = True
    commerce_channels: frozenset[str] = frozenset()
    commerce_orders: bool = False
    adjustments: AdjustmentTable = field(default_factory=AdjustmentTable)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def is_ours(self, tenant: str) -> bool:
        """Say whether an event of this tenant belongs to this ledger.

        What our own tools write has no tenant of NewStore's; it is always ours.
        """
        if not self.tenant or tenant == self.tenant or tenant in OUR_TOOLS:
            return True
        name, _, stage = tenant.rpartition("-")
        return name == self.tenant and stage in self.tenant_stages

    def is_sellable(self, code: int | str | None, text: str | None) -> bool:
        """Say whether a returned unit may be sold again."""
        stated = text if code is None or code == "" else str(code)
        if not stated:
            return self.sellable_unstated
        return stated.strip().casefold() in self.sellable

    def is_counted(self, channel_type: str | None, channel: str | None) -> bool:
        """Say whether commercetools has lowered its quantity for an order itself."""
        if not self.commerce_counts or self.commerce_orders or channel_type != "web":
            return False
        return not self.commerce_channels or channel in self.commerce_channels
