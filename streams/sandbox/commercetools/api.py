"""The vendor's HTTP API over the core: which request is which operation.

Source: API spec, `api.raml`, `resources/*`. The order of the checks (token, scope,
body, resource, version) is a guess.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.auth import Token
from streams.sandbox.commercetools.endpoints import ENDPOINTS, READING, Endpoint
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.expansion import expanded, read_paths
from streams.sandbox.commercetools.faults import (
    NO_STRIKE,
    FaultKind,
    FaultRule,
    Strike,
    failure,
)
from streams.sandbox.commercetools.limits import too_many_requests
from streams.sandbox.commercetools.messages import HTML_PAGE, Answer, Request, refusal
from streams.sandbox.commercetools.queries import Body, read_query, run_query
from streams.sandbox.commercetools.resources import Caller
from streams.sandbox.commercetools.sandbox import Sandbox

DROPPED = Answer(0, is_dropped=True)


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
        if request.method == "POST" and segment in endpoint.creations:
            return self._create(endpoint, segment, request, token)
        if segment:
            return self._one(endpoint, segment, request, token, strike)
        return self._query(endpoint, request)

    def _create(
        self, endpoint: Endpoint, segment: str, request: Request, token: Token
    ) -> Answer:
        caller = Caller(token.client_id, request.correlation_id)
        create = endpoint.creations[segment]
        created = create(self._sandbox, values.decode(request.body), caller)
        return Answer(201, (endpoint.created_body or endpoint.body_of)(created))

    def _query(self, endpoint: Endpoint, request: Request) -> Answer:
        if request.method not in READING:
            raise _unknown(request)
        query = read_query(request.parameters, endpoint.schema)
        collection = endpoint.collection(self._sandbox)
        candidates = collection.candidates(query.predicate)
        searched = endpoint.searched_body or endpoint.body_of
        if request.method == "GET":
            shown = self._shown(endpoint, request)
            return Answer(200, run_query(query, candidates, searched, shown))
        any_match = run_query(query.first(), candidates, searched)
        return Answer(200 if any_match["count"] else 404)

    def _shown(self, endpoint: Endpoint, request: Request) -> Callable[[Any], Body]:
        """Return how resources are shown, references expanded where it is asked for."""
        paths = read_paths(request.parameters.get("expand", ()))
        if not paths:
            return endpoint.body_of
        return lambda resource: expanded(
            endpoint.body_of(resource), paths, self._lookup
        )

    def _lookup(self, type_id: str, resource_id: str) -> Body | None:
        for endpoint in ENDPOINTS.values():
            collection = endpoint.collection(self._sandbox)
            if collection.type_id == type_id:
                found = collection.find("id", resource_id)
                return None if found is None else endpoint.body_of(found)
        return None

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
            shown = self._shown(endpoint, request)
            return Answer(200, shown(collection.get(name, value)))
        caller = Caller(token.client_id, request.correlation_id)
        for quantity in strike.conflicts:
            endpoint.intrude(self._sandbox, name, value, quantity)
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
        return Answer(200, self._shown(endpoint, request)(resource))


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
