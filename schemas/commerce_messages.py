"""commercetools' subscription messages, as far as we read them, in both formats."""

from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel

Id = Annotated[str, Field(min_length=1, max_length=256)]
Version = Annotated[int, Field(ge=0, lt=2**63)]


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        strict=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class Reference(_Model):
    """A reference to a resource."""

    type_id: str = Field(alias="typeId")
    id: Id


class Identifiers(_Model):
    """What people call the resource; sent where the project sets it."""

    order_number: str | None = Field(None, alias="orderNumber")


class NotIncluded(_Model):
    """Why the message lacks its own fields: the resource has to be read."""

    reason: str = ""
    payload_type: str = Field("", alias="payloadType")


class ChannelObject(_Model):
    """An expanded channel."""

    key: str | None = None


class ChannelReference(Reference):
    """A line's supply channel; `obj` only where the order was read expanded."""

    obj: ChannelObject | None = None


class Variant(_Model):
    """The variant of a line."""

    sku: str | None = None


class LineItem(_Model):
    """A line item of an order."""

    id: Id
    variant: Variant
    quantity: int = Field(ge=0)
    inventory_mode: str | None = Field(None, alias="inventoryMode")
    """`None`, `TrackOnly` or `ReserveOnOrder`; where missing, the order's counts."""
    supply_channel: ChannelReference | None = Field(None, alias="supplyChannel")


class Address(_Model):
    """Of an address we read the country only."""

    country: str | None = None


class Money(_Model):
    """Of a price we read the currency only."""

    currency_code: str | None = Field(None, alias="currencyCode")


class PaymentInfo(_Model):
    """An order's payments."""

    payments: list[Reference] = []


class Order(_Model):
    """A commercetools order."""

    id: Id
    version: Version
    created_at: AwareDatetime = Field(alias="createdAt")
    line_items: list[LineItem] = Field(alias="lineItems")
    order_number: str | None = Field(None, alias="orderNumber")
    order_state: str | None = Field(None, alias="orderState")
    inventory_mode: str | None = Field(None, alias="inventoryMode")
    total_price: Money | None = Field(None, alias="totalPrice")
    shipping_address: Address | None = Field(None, alias="shippingAddress")
    shipping_info: dict[str, object] | None = Field(None, alias="shippingInfo")
    shipping: list[dict[str, object]] | None = None
    """Shipping methods, of orders with several."""
    payment_info: PaymentInfo | None = Field(None, alias="paymentInfo")


class PlatformMessage(_Model):
    """A notification in the Platform format."""

    resource: Reference
    notification_type: str = Field("Message", alias="notificationType")
    """`Message`; `ResourceCreated` of a subscription is a test and is ignored."""
    type: str | None = None
    """The message's type, such as `OrderCreated`; unknown ones are counted."""
    sequence_number: Version | None = Field(None, alias="sequenceNumber")
    """Grows by one with each message about the resource."""
    resource_version: Version | None = Field(None, alias="resourceVersion")
    resource_user_provided_identifiers: Identifiers | None = Field(
        None, alias="resourceUserProvidedIdentifiers"
    )
    payload_not_included: NotIncluded | None = Field(None, alias="payloadNotIncluded")
    order: Order | None = None
    order_state: str | None = Field(None, alias="orderState")


class CloudEvent(_Model):
    """A CloudEvent 1.0 around a notification."""

    specversion: str
    data: PlatformMessage
    id: str | None = None
    type: str | None = None
    source: str | None = None
    subject: str | None = None
    """The resource's id."""


class CommerceMessage(RootModel[CloudEvent | PlatformMessage]):
    """A commercetools subscription message: Platform format, or CloudEvents.

    Topic `commerce-messages`. Delivered at least once, in no promised order.
    """

    wire_version: ClassVar[int] = 1
