"""`/_sandbox/…`: what the vendor does not have, for tests, demo and operator.

No credentials: the server listens on loopback. An act is `POST /_sandbox/acts/{name}`
with the facade's arguments by name.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import msgspec

from streams.sandbox.newstore import acts
from streams.sandbox.newstore.config import StreamConfig
from streams.sandbox.newstore.errors import ApiError, invalid, not_found
from streams.sandbox.newstore.faults import read_rule
from streams.sandbox.newstore.journal import READ_MAX, Log
from streams.sandbox.newstore.messages import Answer, Request, refusal
from streams.sandbox.newstore.sandbox import Sandbox


class Controls:
    """Answers the sandbox's own requests."""

    def __init__(self, sandbox: Sandbox, on_reset: Callable[[], None]) -> None:
        self._sandbox = sandbox
        self._on_reset = on_reset

    def handle(self, request: Request) -> Answer:
        """Answer one request under `/_sandbox`."""
        self._sandbox.settle()
        try:
            return self._answer(request)
        except ApiError as error:
            return refusal(error)

    def _answer(self, request: Request) -> Answer:
        sandbox = self._sandbox
        match (request.method, *request.segments[1:]):
            case ("GET", "health"):
                tenant = sandbox.config.tenant
                return Answer(200, {"status": "ok", "tenant": tenant})
            case ("GET", "state"):
                return Answer(200, self._state())
            case ("GET", "stock"):
                return Answer(200, {"stock": self._stock()})
            case ("GET", "requests"):
                found = [acts.request_body(each) for each in sandbox.open_requests()]
                return Answer(200, {"requests": found})
            case ("GET", "orders", name):
                return Answer(200, acts.order_body(sandbox, sandbox.order(name)))
            case ("GET", "journal", kind):
                return self._journal(kind, request)
            case ("GET", "events"):
                return self._events(request)
            case ("POST", "acts", name):
                return acts.perform(sandbox, name, _decode(request.body))
            case ("POST", "reset"):
                sandbox.reset()
                self._on_reset()
                return Answer(204)
            case ("DELETE", "tokens"):
                sandbox.tokens.revoke_all()
                return Answer(204)
            case ("PATCH", "settings"):
                return self._set(_decode(request.body))
            case (_, "faults", *rest):
                return self._faults(request, rest)
            case (_, "stream", *rest):
                return self._stream(request.method, rest)
        raise not_found("Address", request.path)

    def _state(self) -> dict[str, object]:
        sandbox = self._sandbox
        world = sandbox.world
        states = Counter(unit.state for unit in world.units.walk())
        return {
            "tenant": sandbox.config.tenant,
            "orders": len(world.orders),
            "units": dict(sorted(states.items())),
            "events": len(world.stream.events),
            "pending_deliveries": world.stream.pending,
            "rejected_events": len(world.stream.rejected),
            "integrations": [each.body() for each in world.stream.integrations.walk()],
            "calls": len(world.journal.calls),
            "facts": len(world.journal.facts),
            "attempts": len(world.journal.attempts),
            "responses": {
                str(status or "dropped"): count
                for status, count in sorted(sandbox.responses.items())
            },
        }

    def _stock(self) -> list[dict[str, object]]:
        return [
            {"node_id": key.node_id, "product_id": key.product_id}
            | asdict(row)
            | {"atp": row.atp}
            for key, row in self._sandbox.world.stock.rows()
        ]

    def _journal(self, kind: str, request: Request) -> Answer:
        journal = self._sandbox.world.journal
        logs: dict[str, Log[Any]] = {
            "calls": journal.calls,
            "facts": journal.facts,
            "attempts": journal.attempts,
        }
        if kind not in logs:
            raise not_found("Journal", kind)
        return _page(logs[kind].read, len(logs[kind]), request)

    def _events(self, request: Request) -> Answer:
        events = self._sandbox.events

        def read(after: int, limit: int) -> Sequence[Any]:
            return [
                {"number": event.number, "event": msgspec.Raw(event.body)}
                for event in events
                if event.number > after
            ][:limit]

        return _page(read, events[-1].number if events else 0, request)

    def _set(self, body: dict[str, Any]) -> Answer:
        """Change what can be changed while it runs: `reroutes` and `stream`."""
        world = self._sandbox.world
        stream = body.pop("stream", {})
        reroutes = body.pop("reroutes", world.reroutes)
        if body or not isinstance(stream, dict) or not isinstance(reroutes, bool):
            raise invalid("Settings are: reroutes (true or false) and stream.")
        given = asdict(world.stream.config) | stream
        try:
            config = msgspec.convert(given, StreamConfig)
            unknown = sorted(set(stream) - set(asdict(config)))
        except (msgspec.ValidationError, ValueError) as error:
            raise invalid(str(error)) from None
        if unknown:
            raise invalid(f"stream: unknown setting {unknown[0]}")
        world.reroutes = reroutes
        world.stream.configure(replace(config))
        return Answer(200, {"reroutes": reroutes, "stream": asdict(config)})

    def _faults(self, request: Request, rest: list[str]) -> Answer:
        book = self._sandbox.faults
        match (request.method, *rest):
            case ("GET",):
                return Answer(200, {"faults": book.bodies()})
            case ("POST",):
                rule = read_rule(_decode(request.body))
                return Answer(201, {"id": book.add(rule), "rule": rule})
            case ("DELETE",):
                book.clear()
                return Answer(204)
            case ("DELETE", number) if number.isdigit() and book.remove(int(number)):
                return Answer(204)
        raise not_found("Address", request.path)

    def _stream(self, method: str, rest: list[str]) -> Answer:
        stream = self._sandbox.world.stream
        match (method, *rest):
            case ("GET", "rejected"):
                found = [
                    {
                        "integration_id": held.integration_id,
                        "event": held.event.number,
                        "name": held.event.name,
                        "entity_id": held.event.entity_id,
                        "attempt": held.attempt,
                    }
                    for held in stream.rejected
                ]
                return Answer(200, {"rejected": found})
            case ("POST", name, "retry"):
                now = self._sandbox.world.now
                return Answer(200, {"retried": stream.retry_rejected(name, now)})
            case ("POST", name, "replay", seconds) if seconds.isdigit():
                since = self._sandbox.world.now - timedelta(seconds=int(seconds))
                integration = stream.integrations.get(name)
                window = replace(integration, starts_at=since)
                stream.replay(window, self._sandbox.world.now)
                return Answer(204)
        raise not_found("Address", "/".join(rest))


def _page(
    read: Callable[[int, int], Sequence[Any]], total: int, request: Request
) -> Answer:
    after = request.number("after", 0)
    records = read(after, min(READ_MAX, request.number("limit", READ_MAX)))
    last = records[-1]["number"] if records else after
    return Answer(200, {"records": records, "next": last, "total": total})


def _decode(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(str(error)) from None
    if not isinstance(found, dict):
        raise invalid("A JSON object is expected.")
    return found
