"""Registration to the event stream.

Source: Event Stream configuration API; addresses from public code. Deletion's address
is an assumption.
"""

from dataclasses import replace

from streams.sandbox.newstore.drafts import read
from streams.sandbox.newstore.faults import Strike
from streams.sandbox.newstore.integrations import (
    IntegrationDraft,
    IntegrationPatch,
    Status,
)
from streams.sandbox.newstore.messages import Answer, Request
from streams.sandbox.newstore.sandbox import Sandbox

ROOT = ("api", "v1", "org", "integrations", "eventstream")


class StreamApi:
    """Answers calls about integrations."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request, strike: Strike) -> Answer | None:
        """Answer a call, if it is about integrations."""
        if request.segments[: len(ROOT)] != ROOT:
            return None
        stream = self._sandbox.world.stream
        held = stream.integrations
        match (request.method, *request.segments[len(ROOT) :]):
            case ("GET",):
                found = [each.body() for each in held.walk()]
                return Answer(200, {"integrations": found})
            case ("POST",):
                draft = read(request.body, IntegrationDraft)
                return Answer(201, self._sandbox.enlist(draft).body())
            case ("GET", name):
                return Answer(200, held.get(name).body())
            case ("PATCH", name):
                callback = read(request.body, IntegrationPatch).callback_parameters
                changed = replace(held.get(name), callback=callback)
                return Answer(200, held.put(changed).body())
            case ("DELETE", name):
                stream.forget(name)
                return Answer(204)
            case ("POST", name, "_start"):
                return Answer(200, stream.start(name, self._sandbox.world.now).body())
            case ("POST", name, "_stop"):
                stopped = replace(held.get(name), status=Status.STOPPED)
                return Answer(200, held.put(stopped).body())
        return None
