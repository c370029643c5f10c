"""The vendor's HTTP API over the core: which request is which operation.

Source: API spec, `api.raml`, `resources/{inventory,channels,types,orders}`. The order
of the checks (token, scope, body, resource, version) is a guess.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.auth import Token
from streams.sandbox.commercetools.channels import CHANNEL_SCHEMA, channel_body
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.custom import TYPE_SCHEMA, type_body
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.faults import (
    NO_STRIKE,
    FaultKind,
    FaultRule,
    Strike,
    failure,
)
from streams.sandbox.commercetools.inventory import INVENTORY_SCHEMA, entry_body
from streams.sandbox.commercetools.limits import too_many_requests
from streams.sandbox.commercetools.messages import HTML_PAGE, Answer, Request, refusal
from streams.sandbox.commercetools.orders import ORDER_SCHEMA, order_body
from streams.sandbox.commercetools.predicates import Schema
from streams.sandbox.commercetools.queries import Body, read_query, run_query
from streams.sandbox.commercetools.resources import Caller
from streams.sandbox.commercetools.sandbox import Sandbox

READING = frozenset({"GET", "HEAD"})
DROPPED = Answer(0, is_dropped=True)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The addresses of one kind of resource, `/{projectKey}/{name}…`."""

    collection: Callable[[Sandbox], Collection[Any]]
    body_of: Callable[[Any], Body]
    schema: Schema
    # Names of scopes; managing includes viewing, `manage_project` includes all.
    view: tuple[str, ...]
    manage: tuple[str, ...]
    create: Callable[[Sandbox, values.Fields, Caller], Any]
    # The path under the collection where POST creates; orders are only imported.
    create_at: str = ""
    key_name: str = "key"
    update: Callable[[Sandbox, str, str, values.Fields, Caller], Any] | None = None
    delete: Callable[[Sandbox, str, str, int, Caller], Any] | None = None

    def scopes(self, method: str, project: str) -> tuple[str, ...]:
        """Return the scopes of which a request needs one."""
        names = (*self.manage, "manage_project")
        if method in READING:
            names = (*self.view, *names)
        return tuple(f"{name}:{project}" for name in names)

    def selector(self, segment: str) -> tuple[str, str]:
        """Read `{id}` or `key={key}`."""
        name, equals, value = segment.partition("=")
        if equals and name == self.key_name:
            return "key", value
        return "id", segment


ENDPOINTS = {
    "inventory": Endpoint(
        collection=lambda sandbox: sandbox.inventory,
        body_of=entry_body,
        schema=INVENTORY_SCHEMA,
        view=("view_products",),
        manage=("manage_products",),
        create=Sandbox.create_entry,
        update=Sandbox.update_entry,
        delete=Sandbox.delete_entry,
    ),
    "channels": Endpoint(
        collection=lambda sandbox: sandbox.channels,
        body_of=channel_body,
        schema=CHANNEL_SCHEMA,
        view=("view_channels", "view_products"),
        manage=("manage_channels", "manage_products"),
        create=Sandbox.create_channel,
        update=Sandbox.update_channel,
    ),
    "types": Endpoint(
        collection=lambda sandbox: sandbox.types,
        body_of=type_body,
        schema=TYPE_SCHEMA,
        view=("view_types",),
        manage=("manage_types",),
        create=Sandbox.create_type,
        update=Sandbox.update_type,
    ),
    "orders": Endpoint(
        collection=lambda sandbox: sandbox.orders,
        body_of=order_body,
        schema=ORDER_SCHEMA,
        view=("view_orders",),
        manage=("manage_orders",),
        create=Sandbox.import_order,
        create_at="import",
        key_name="order-number",
    ),
}


class Api:
    """Answers the vendor's requests from a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def handle(self, request: Request, strike: Strike = NO_STRIKE) -> Answer:
        """Answer one request and whatever strikes it."""
        sandbox = self._sandbox
        try:
            answer = self._struck(request, strike)
        except ApiError as error:
            answer = refusal(error)
        if strike.after is not None and answer.status < 400:
            answer = _struck_answer(strike.after)
        sandbox.responses[answer.status] += 1
        return answer

    def _struck(self, request: Request, strike: Strike) -> Answer:
        sandbox = self._sandbox
        if strike.before is not None:
            return _struck_answer(strike.before)
        if strike.is_rate_limited:
            raise too_many_requests(strike.retry_after_s)
        if request.segments == ("oauth", "token"):
            return self._token(request)
        sandbox.rate_limit.take()
        sandbox.settle()
        if strike.revokes_token:
            sandbox.tokens.revoke(request.authorization)
        return self._answer(request, strike)

    def _token(self, request: Request) -> Answer:
        if request.method != "POST":
            raise _unknown(request)
        try:
            form = parse_qs(request.body.decode("ascii"))
        except (UnicodeDecodeError, ValueError):
            form = {}
        given = {**request.parameters, **form}
        parameters = {name: found[-1] for name, found in given.items()}
        return Answer(
            200,
            self._sandbox.tokens.issue(request.authorization, parameters),
            [("Cache-Control", "no-store")],
        )

    def _answer(self, request: Request, strike: Strike) -> Answer:
        token = self._sandbox.tokens.check(request.authorization)
        project, name, segment, *more = (*request.segments, "", "", "")[:4]
        endpoint = ENDPOINTS.get(name)
        if endpoint is None or any(more):
            raise _unknown(request)
        token.require(endpoint.scopes(request.method, project))
        if request.method == "POST" and segment == endpoint.create_at:
            return self._create(endpoint, request, token)
        if segment:
            return self._one(endpoint, segment, request, token, strike)
        return self._query(endpoint, request)

    def _create(self, endpoint: Endpoint, request: Request, token: Token) -> Answer:
        caller = Caller(token.client_id, request.correlation_id)
        created = endpoint.create(self._sandbox, values.decode(request.body), caller)
        return Answer(201, endpoint.body_of(created))

    def _query(self, endpoint: Endpoint, request: Request) -> Answer:
        if request.method not in READING:
            raise _unknown(request)
        query = read_query(request.parameters, endpoint.schema)
        collection = endpoint.collection(self._sandbox)
        candidates = collection.candidates(query.predicate)
        if request.method == "GET":
            return Answer(200, run_query(query, candidates, endpoint.body_of))
        any_match = run_query(query.first(), candidates, endpoint.body_of)
        return Answer(200 if any_match["count"] else 404)

    def _one(
        self,
        endpoint: Endpoint,
        segment: str,
        request: Request,
        token: Token,
        strike: Strike,
    ) -> Answer:
        name, value = endpoint.selector(segment)
        if request.method in READING:
            collection = endpoint.collection(self._sandbox)
            if request.method == "HEAD":
                return Answer(200 if collection.find(name, value) else 404)
            return Answer(200, endpoint.body_of(collection.get(name, value)))
        caller = Caller(token.client_id, request.correlation_id)
        for quantity in strike.conflicts:
            self._sandbox.intrude(name, value, quantity)
        return self._write(endpoint, (name, value), request, caller)

    def _write(
        self,
        endpoint: Endpoint,
        selector: tuple[str, str],
        request: Request,
        caller: Caller,
    ) -> Answer:
        sandbox = self._sandbox
        if request.method == "POST" and endpoint.update is not None:
            body = values.decode(request.body)
            resource = endpoint.update(sandbox, *selector, body, caller)
        elif request.method == "DELETE" and endpoint.delete is not None:
            version = request.number("version")
            resource = endpoint.delete(sandbox, *selector, version, caller)
        else:
            raise _unknown(request)
        return Answer(200, endpoint.body_of(resource))


def _unknown(request: Request) -> ApiError:
    return errors.ApiError(
        404, "ResourceNotFound", f"URI not found: {request.method} {request.path}"
    )


def _struck_answer(rule: FaultRule) -> Answer:
    if rule.kind is FaultKind.DROP:
        return DROPPED
    answer = refusal(failure(rule))
    if rule.page == "html":
        return Answer(answer.status, headers=answer.headers, page=HTML_PAGE)
    return answer
