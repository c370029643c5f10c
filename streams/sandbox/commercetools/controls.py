"""`/_sandbox/…`: what the vendor does not have, for tests, demo and operator.

No credentials: the server listens on loopback.
"""

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.faults import read_rule
from streams.sandbox.commercetools.journal import READ_MAX
from streams.sandbox.commercetools.messages import Answer, Request, refusal
from streams.sandbox.commercetools.messaging_controls import MessagingControls
from streams.sandbox.commercetools.orders import InventoryMode, order_body
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.sandbox.commercetools.values import needed, optional


class Controls:
    """Answers the sandbox's own requests."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._messaging = MessagingControls(sandbox)

    def handle(self, request: Request) -> Answer:
        """Answer one request under `/_sandbox`."""
        self._sandbox.settle()
        try:
            return self._answer(request)
        except errors.ApiError as error:
            return refusal(error)

    def _answer(self, request: Request) -> Answer:
        match (request.method, *request.segments[1:]):
            case ("GET", "health"):
                project = self._sandbox.config.project_key
                return Answer(200, {"status": "ok", "projectKey": project})
            case ("GET", "log"):
                return self._log(request)
            case ("GET", "state"):
                return Answer(200, self._state(request.parameter("entries") != "false"))
            case ("POST", "reset"):
                self._sandbox.reset()
                return Answer(204)
            case ("DELETE", "tokens"):
                self._sandbox.tokens.revoke_all()
                return Answer(204)
            case ("POST", "purchase"):
                return self._purchase(values.decode(request.body))
            case ("POST", "orders"):
                return self._place(values.decode(request.body))
            case (_, "faults", *rest):
                return self._faults(request, rest)
            case (_, "messages" | "delivery" | "subscriptions", *_):
                return self._messaging.answer(request)
        raise errors.not_found("URI", request.path)

    def _faults(self, request: Request, rest: list[str]) -> Answer:
        book = self._sandbox.faults
        match (request.method, *rest):
            case ("GET",):
                return Answer(200, {"faults": book.bodies()})
            case ("POST",):
                rule = read_rule(values.decode(request.body))
                return Answer(201, {"id": book.add(rule), "rule": rule})
            case ("DELETE",):
                book.clear()
                return Answer(204)
            case ("DELETE", number) if number.isdigit() and book.remove(int(number)):
                return Answer(204)
        raise errors.not_found("URI", request.path)

    def _log(self, request: Request) -> Answer:
        journal = self._sandbox.journal
        after = request.number("after", 0)
        limit = min(READ_MAX, request.number("limit", READ_MAX))
        writes = journal.read(after, limit)
        return Answer(
            200,
            {
                "writes": [write.body() for write in writes],
                "next": writes[-1].number if writes else after,
                "total": len(journal),
                "dropped": journal.dropped,
            },
        )

    def _state(self, with_entries: bool) -> dict[str, object]:
        sandbox = self._sandbox
        state: dict[str, object] = {
            "projectKey": sandbox.config.project_key,
            "entryCount": len(sandbox.inventory),
            "channelCount": len(sandbox.channels),
            "orderCount": len(sandbox.orders),
            "customerCount": len(sandbox.customers),
            "paymentCount": len(sandbox.payments),
            "pendingLandings": len(sandbox.landings),
            "writes": len(sandbox.journal),
            "pendingNotifications": len(sandbox.courier),
            "notifications": dict(sorted(sandbox.courier.counts.items())),
            "responses": {
                str(status or "dropped"): count
                for status, count in sorted(sandbox.responses.items())
            },
        }
        if with_entries:
            state["entries"] = [
                {
                    "id": entry.id,
                    "key": entry.key,
                    "sku": entry.sku,
                    "channelKey": sandbox.channel_key(entry.channel_id),
                    "version": entry.version,
                    "quantityOnStock": entry.quantity_on_stock,
                    "pendingQuantity": sandbox.landings.pending(entry.id),
                    "fields": entry.custom.fields if entry.custom else {},
                }
                for entry in sandbox.inventory.walk()
            ]
        return state

    def _place(self, body: values.Fields) -> Answer:
        is_shipped = optional(body, "isShipped", values.boolean)
        order = self._sandbox.place_order(
            needed(body, "lineItems", values.objects),
            order_number=optional(body, "orderNumber", values.text),
            mode=optional(body, "inventoryMode", values.text)
            or InventoryMode.TRACK_ONLY,
            is_shipped=True if is_shipped is None else is_shipped,
            recurring_order_id=optional(body, "recurringOrderId", values.text),
            fields=optional(body, "cart", values.mapping),
        )
        return Answer(201, order_body(order))

    def _purchase(self, body: values.Fields) -> Answer:
        mode = optional(body, "inventoryMode", values.text)
        order = self._sandbox.purchase(
            needed(body, "sku", values.text),
            needed(body, "quantity", values.INT64),
            channel_key=optional(body, "channelKey", values.text),
            mode=mode or InventoryMode.TRACK_ONLY,
            order_number=optional(body, "orderNumber", values.text),
        )
        return Answer(201, order_body(order))
