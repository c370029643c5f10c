"""`/_sandbox/{messages,delivery,subscriptions}`: what was said and how it travels."""

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.messages import Answer, Request
from streams.sandbox.commercetools.messaging.courier import read_conduct
from streams.sandbox.commercetools.messaging.log import message_body
from streams.sandbox.commercetools.messaging.subscriptions import STATUSES
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.sandbox.commercetools.values import needed


class MessagingControls:
    """Answers the sandbox's own requests about messages and their travels."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        sandbox = self._sandbox
        courier = sandbox.courier
        match (request.method, *request.segments[1:]):
            case ("GET", "messages"):
                bodies = [message_body(each) for each in sandbox.messages.walk()]
                return Answer(200, {"messages": bodies})
            case ("POST", "messages", message_id, "resend"):
                message = sandbox.messages.get("id", message_id)
                sandbox.office.send_again(message, sandbox.clock())
                return Answer(204)
            case ("GET", "delivery"):
                return Answer(
                    200,
                    {
                        "conduct": courier.conduct,
                        "pending": len(courier),
                        "counts": dict(sorted(courier.counts.items())),
                    },
                )
            case ("POST", "delivery"):
                courier.conduct = read_conduct(values.decode(request.body))
                return Answer(200, {"conduct": courier.conduct})
            case ("POST", "subscriptions", segment, "status"):
                return self._status(segment, values.decode(request.body))
        raise errors.not_found("URI", request.path)

    def _status(self, segment: str, body: values.Fields) -> Answer:
        """Let a subscription fare otherwise, as when its delivery was stopped."""
        name, equals, value = segment.partition("=")
        selector = (name, value) if equals else ("id", segment)
        held = self._sandbox.subscriptions.get(*selector)
        status = needed(body, "status", values.one_of(*STATUSES))
        self._sandbox.office.set_status(held.id, status)
        return Answer(200, {"status": status})
