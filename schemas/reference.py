"""Reference data on the topics `locations` and `products`, version 1.

A record without a value says that the location or product is gone.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

UNITS_MAX = 1_000_000

KEY_PATTERN = r"^[^|\x00-\x1f\x7f]+$"
"""Ids become parts of row keys (`sku|location_id`)."""

Key = Annotated[str, Field(pattern=KEY_PATTERN, max_length=200)]
Units = Annotated[int, Field(ge=0, le=UNITS_MAX)]


class _Message(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True
    )

    schema_version: Literal[1] = 1


class Location(_Message):
    """A place that holds stock, and its names elsewhere. Key: `location_id`."""

    location_id: Key
    label: str = ""
    type: Literal["store", "dc", "warehouse", "virtual"] = "store"
    newstore_store_id: str = ""
    newstore_node_id: str = ""
    commercetools_channel_key: str = ""
    erp_location: str = ""
    erp_damaged_location: str = ""
    timezone: str = "UTC"
    """IANA name."""
    currency: str = ""
    """ISO 4217, or empty."""
    country: str = ""
    """ISO 3166-1 alpha-2, or empty."""
    tax_included: bool = False
    safety_stock: Units = 0
    """Units of each product kept back from selling here."""
    fallback_location_id: str = ""
    enabled: bool = True
    """Stock here is offered to web shops."""


class Product(_Message):
    """A sellable variant. Key: `sku`."""

    sku: Key
    newstore_product_id: str = ""
    name: str = ""
    safety_stock: Units | None = None
    """Where set, wins over the location's."""
    enabled: bool = True
    """Offered to web shops."""
