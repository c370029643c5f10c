"""NewStore's HTTP API over the core: who asks, what goes wrong, which operation it is.

The order of the checks (rate, token, body, state) is a guess.
"""

from urllib.parse import parse_qs

from streams.sandbox.newstore.api_orders import OrderApi
from streams.sandbox.newstore.api_requests import RequestApi
from streams.sandbox.newstore.api_stock import StockApi
from streams.sandbox.newstore.api_stream import StreamApi
from streams.sandbox.newstore.errors import ApiError, AuthError
from streams.sandbox.newstore.faults import NO_STRIKE, FaultKind, FaultRule, Strike
from streams.sandbox.newstore.journal import Call
from streams.sandbox.newstore.limits import BLOCKED_PAGE, too_many_requests
from streams.sandbox.newstore.messages import Answer, Request, refusal
from streams.sandbox.newstore.sandbox import Sandbox

DROPPED = Answer(0, is_dropped=True)
FAILURE_PAGE = b"<html><body><h1>The server had a problem</h1></body></html>\n"


class Api:
    """Answers the vendor's calls from a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._parts = (
            StockApi(sandbox),
            OrderApi(sandbox),
            RequestApi(sandbox),
            StreamApi(sandbox),
        )

    def handle(self, request: Request, strike: Strike = NO_STRIKE) -> Answer:
        """Answer one call and whatever strikes it; write it into the journal."""
        sandbox = self._sandbox
        code = ""
        client_id = ""
        try:
            if strike.before is not None:
                answer = _struck(strike.before)
            elif _is_for_token(request):
                answer = self._token(request)
            else:
                sandbox.rate_limit.take(sandbox.clock())
                sandbox.settle()
                client_id = self._client(request, strike)
                answer = self._answer(request, strike)
        except ApiError as error:
            code = error.code
            answer = refusal(error)
        if strike.after is not None and answer.status < 400:
            answer = _struck(strike.after)
        self._note(request, strike, answer, code, client_id)
        return answer

    def _client(self, request: Request, strike: Strike) -> str:
        sandbox = self._sandbox
        if strike.revokes_token:
            sandbox.tokens.revoke(request.authorization)
        return sandbox.tokens.check(request.authorization, sandbox.clock()).client_id

    def _answer(self, request: Request, strike: Strike) -> Answer:
        for part in self._parts:
            answer = part.answer(request, strike)
            if answer is not None:
                return answer
        raise ApiError(404, "not_found", f"No such operation: {request.path}")

    def _token(self, request: Request) -> Answer:
        sandbox = self._sandbox
        if request.segments[2] != sandbox.config.tenant:
            raise AuthError(404, "realm_not_found", "Realm does not exist")
        try:
            form = parse_qs(request.body.decode("ascii"))
        except (UnicodeDecodeError, ValueError):
            form = {}
        fields = {name: found[-1] for name, found in form.items()}
        issued = sandbox.tokens.issue(request.authorization, fields, sandbox.clock())
        return Answer(200, issued, [("Cache-Control", "no-store")])

    def _note(
        self,
        request: Request,
        strike: Strike,
        answer: Answer,
        code: str,
        client_id: str,
    ) -> None:
        sandbox = self._sandbox
        sandbox.responses[answer.status] += 1
        # A request for a token carries a secret.
        body = b"" if _is_for_token(request) else request.body
        call = Call(
            method=request.method,
            path=request.path,
            status=answer.status,
            client_id=client_id,
            error_code=code,
            faults=strike.kinds,
            request=body.decode("utf-8", "replace"),
        )
        sandbox.world.journal.calls.add(sandbox.clock(), call)


def _is_for_token(request: Request) -> bool:
    match (request.method, *request.segments):
        case ("POST", "auth", "realms", _, "protocol", "openid-connect", "token"):
            return True
    return False


def _struck(rule: FaultRule) -> Answer:
    match rule.kind:
        case FaultKind.DROP:
            return DROPPED
        case FaultKind.RATE_LIMIT:
            return refusal(too_many_requests(rule.retry_after_s))
        case FaultKind.BLOCKED:
            return Answer(403, page=BLOCKED_PAGE)
    if rule.page == "html":
        return Answer(rule.status, page=FAILURE_PAGE)
    return refusal(ApiError(rule.status, "internal_error", "Please try again."))
