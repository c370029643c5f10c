"""The names that users gave a resource, as messages carry them.

Source: API spec, `types/message/UserProvidedIdentifiers`.
"""

from streams.sandbox.commercetools.customers import Customer
from streams.sandbox.commercetools.messaging.log import Subject
from streams.sandbox.commercetools.orders.model import Order
from streams.sandbox.commercetools.resources import Stamped


def subject_of(type_id: str, resource: Stamped) -> Subject:
    """Return what a message says about its resource."""
    stamp = resource.stamp
    return Subject(
        type_id=type_id,
        id=stamp.id,
        version=stamp.version,
        created_at=stamp.created_at,
        last_modified_at=stamp.last_modified_at,
        identifiers=_identifiers(resource),
    )


def _identifiers(resource: Stamped) -> dict[str, str]:
    names: dict[str, str | None] = {}
    if isinstance(resource, Order):
        names["orderNumber"] = resource.key
    else:
        names["key"] = getattr(resource, "key", None)
    if isinstance(resource, Customer):
        names["externalId"] = resource.external_id
        names["customerNumber"] = resource.customer_number
    return {name: value for name, value in names.items() if value}
