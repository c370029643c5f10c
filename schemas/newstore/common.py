"""What all NewStore models share: open to unknown fields, strict in the known ones."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

UNITS_MAX = 1_000
QUANTITY_MAX = 1_000_000

Id = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(max_length=200)]
Units = Annotated[int, Field(ge=1, le=UNITS_MAX)]
Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX)]


class VendorModel(BaseModel):
    """A NewStore object, as far as we read it."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, strict=True, use_attribute_docstrings=True
    )


class Line(VendorModel):
    """A line that names a product."""

    product_id: str | None = None
    """NewStore's product key; often the SKU, not always."""
    external_identifiers: dict[str, Any] | None = None
    """Other names: `sku`, `upc`, `ean13`, `isbn`, the retailer's own. The configured
    one (default `sku`) wins over `product_id`."""
