"""Reference data: which locations and products exist, as the ledger knows them."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place that holds stock, and its names in the outside systems."""

    location_id: str
    label: str = ""
    type: str = "store"
    newstore_store_id: str = ""
    newstore_node_id: str = ""
    commercetools_channel_key: str = ""
    erp_location: str = ""
    erp_damaged_location: str = ""
    timezone: str = "UTC"
    currency: str = ""
    country: str = ""
    tax_included: bool = False
    safety_stock: int = 0
    fallback_location_id: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A sellable variant. `safety_stock`, where set, wins over the location's."""

    sku: str
    newstore_product_id: str = ""
    name: str = ""
    safety_stock: int | None = None
    enabled: bool = True


@dataclass(slots=True)
class Reference:
    """All known locations and products, with the look-ups that mapping needs.

    Followed live: `put_*` and `drop_*` are called by the one follower of the reference
    topics; `version` grows with every change, so that stages can tell.
    """

    locations: dict[str, Location] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    version: int = 0
    _location_by_name: dict[str, str] = field(default_factory=dict)
    _sku_by_product_id: dict[str, str] = field(default_factory=dict)

    def put_location(self, location: Location) -> None:
        self.drop_location(location.location_id)
        self.locations[location.location_id] = location
        for name in _names_of(location):
            self._location_by_name[name] = location.location_id
        self.version += 1

    def drop_location(self, location_id: str) -> None:
        known = self.locations.pop(location_id, None)
        if known is None:
            return
        for name in _names_of(known):
            if self._location_by_name.get(name) == location_id:
                del self._location_by_name[name]
        self.version += 1

    def put_product(self, product: Product) -> None:
        self.drop_product(product.sku)
        self.products[product.sku] = product
        if product.newstore_product_id:
            self._sku_by_product_id[product.newstore_product_id] = product.sku
        self.version += 1

    def drop_product(self, sku: str) -> None:
        known = self.products.pop(sku, None)
        if known is None:
            return
        if self._sku_by_product_id.get(known.newstore_product_id) == sku:
            del self._sku_by_product_id[known.newstore_product_id]
        self.version += 1

    def location(self, name: str) -> Location | None:
        """Find a location by our id, NewStore's node id or NewStore's store id."""
        if name in self.locations:
            return self.locations[name]
        location_id = self._location_by_name.get(name)
        return None if location_id is None else self.locations[location_id]

    def sku(self, name: str) -> str | None:
        """Find the SKU for a SKU or a NewStore product id; None if unknown."""
        if name in self.products:
            return name
        return self._sku_by_product_id.get(name)

    def safety_stock(self, sku: str, location_id: str) -> int:
        """Units kept back from selling: the product's buffer, else the location's."""
        product = self.products.get(sku)
        if product is not None and product.safety_stock is not None:
            return product.safety_stock
        location = self.locations.get(location_id)
        return 0 if location is None else location.safety_stock

    def is_published(self, sku: str, location_id: str) -> bool:
        """Say whether stock of this SKU at this location is offered to web shops."""
        location = self.locations.get(location_id)
        product = self.products.get(sku)
        return bool(location and location.enabled and product and product.enabled)


def _names_of(location: Location) -> Iterator[str]:
    for name in (location.newstore_node_id, location.newstore_store_id):
        if name and name != location.location_id:
            yield name
