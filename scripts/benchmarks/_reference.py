"""Reference data that knows every name of the ledger benchmark's feed."""

from _fold import LOCATIONS

from streams.domain.reference import Location, Product, Reference

SKUS_MAX = 100_000


def reference() -> Reference:
    """Return it; the rivals' fold uses the same safety stock."""
    known = Reference()
    for place in LOCATIONS:
        known.put_location(Location(location_id=place))
    for sku in range(SKUS_MAX):
        known.put_product(Product(sku=f"SKU-{sku:06d}"))
    return known
