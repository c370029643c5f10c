"""The HTTP routes of the exceptions list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ValidationError

from streams.domain.exception_kinds import Kind
from streams.domain.exceptions import UNFINISHED, State
from streams.mapping.exceptions import Action
from streams.web import exceptions_models as models
from streams.web import exceptions_pages, openapi
from streams.web.auth import Caller, Guard, Scope
from streams.web.bodies import Bodies
from streams.web.exceptions import EXCEPTIONS, ExceptionsLookup
from streams.web.exceptions_acts import ExceptionsActs
from streams.web.exceptions_foresight import (
    ORDER_EFFECTS,
    OrdersDesk,
    OrdersForesight,
    said_of,
)
from streams.web.exceptions_trials import EFFECTS, ExceptionsTrials
from streams.web.forwarding import Forwarder
from streams.web.ports import CasesPort, LedgerPort, TrialPort
from streams.web.problems import invalid
from streams.web.replies import json_reply
from streams.web.routes import response_of

READ_PROBLEMS = (401, 403, 503)
ACT_PROBLEMS = (401, 403, 404, 408, 409, 413, 422, 503)

IdPath = Annotated[str, Path(description="The case's id.", examples=["3-3b0f5a9c1d2e"])]
GroupPath = Annotated[
    str, Path(description="The group's id.", examples=["9c1d2e4f603b"])
]
DryRun = Annotated[
    bool, Query(description="Only say what it would do; nothing is sent.")
]
Partitions = Annotated[
    str, Query(description="For workers among themselves.", pattern=r"^[0-9,]*$")
]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ExceptionsDesk:
    """What the exceptions list needs of the rest of the worker."""

    cases: CasesPort
    trial: TrialPort
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    orders: OrdersDesk | None = None


class _Door:
    """Checks callers and reads what they send."""

    def __init__(self, guard: Guard, bodies: Bodies) -> None:
        self._guard = guard
        self._bodies = bodies

    def reader(self, request: Request) -> Caller:
        return self._caller(request, Scope.READ)

    def operator(self, request: Request) -> Caller:
        return self._caller(request, Scope.OPERATE)

    async def read(self, request: Request, model: type[M]) -> tuple[M, bytes]:
        """Return what was sent, and its bytes; raises a 422 problem."""
        with await self._bodies.read(request.scope["headers"], request.receive) as body:
            raw = bytes(body.content) or b"{}"
        try:
            return model.model_validate_json(raw), raw
        except ValidationError as error:
            raise invalid(error.errors(include_url=False)[0]) from None

    def who(self, caller: Caller, wanted: models.Request) -> str:
        """Name who asks: what they call themselves, and the name of their key."""
        key = self._guard.name_of(caller)
        if wanted.by and key:
            return f"{wanted.by} ({key})"
        return wanted.by or key or "somebody on this machine"

    def _caller(self, request: Request, scope: Scope) -> Caller:
        caller = Caller.of(request.scope["headers"])
        self._guard.require(caller, scope)
        return caller


def exceptions_routes(
    guard: Guard,
    bodies: Bodies,
    desk: ExceptionsDesk,
    ledger: LedgerPort,
    forwarder: Forwarder,
) -> APIRouter:
    """Make the routes that show the list and take what people ask of it."""
    router = APIRouter(prefix=EXCEPTIONS.decode(), tags=["exceptions"])
    whole = APIRouter(tags=["exceptions"])
    lookup = ExceptionsLookup(desk.cases, forwarder)
    acts = ExceptionsActs(desk.cases, lookup, forwarder, desk.clock)
    orders = None if desk.orders is None else OrdersForesight(desk.orders, forwarder)
    trials = ExceptionsTrials(desk.trial, ledger, lookup, forwarder, orders)
    door = _Door(guard, bodies)
    _reading(router, door, lookup)
    _trying(whole, door, trials)
    _group_retry(router, door, acts, trials)
    _retry(router, door, acts, trials)
    _other_acts(router, door, acts)
    whole.include_router(router)
    return whole


def _reading(router: APIRouter, door: _Door, lookup: ExceptionsLookup) -> None:
    @router.get(
        "",
        summary="The list, oldest first",
        response_model=models.CaseList,
        responses=openapi.problems(*READ_PROBLEMS, 422),
        openapi_extra=openapi.security("read"),
    )
    async def list_exceptions(
        request: Request,
        state: Annotated[
            list[State] | None, Query(description="Without it, all unfinished.")
        ] = None,
        kind: Kind | None = None,
        reason: str = "",
        owner: str = "",
        group: str = "",
        limit: Annotated[int, Query(ge=1, le=models.LIMIT_MAX)] = 50,
        after: Annotated[str, Query(pattern=r"^([0-9a-f]{2})*$")] = "",
        partitions: Partitions = "",
    ) -> Response:
        """Answer with one page of cases; `next` leads to the following one."""
        caller = door.reader(request)
        states = frozenset(state) if state else UNFINISHED
        query = exceptions_pages.Query(
            states, kind or "", reason, owner, group, limit, bytes.fromhex(after)
        )
        page = await lookup.page(caller, query, _numbers(partitions, lookup))
        return response_of(json_reply(page._asdict()))

    @router.get(
        "/groups",
        summary="Cases grouped by their cause",
        response_model=models.GroupList,
        responses=openapi.problems(*READ_PROBLEMS, 422),
        openapi_extra=openapi.security("read"),
    )
    async def exception_groups(
        request: Request, partitions: Partitions = ""
    ) -> Response:
        """Answer with the groups that have unfinished cases, the largest first."""
        caller = door.reader(request)
        items = await lookup.groups(caller, _numbers(partitions, lookup))
        return response_of(json_reply({"items": items}))

    @router.get(
        "/{case_id}",
        summary="One case, its history and its records",
        response_model=models.WholeCase,
        responses=openapi.problems(*READ_PROBLEMS, 404),
        openapi_extra=openapi.security("read"),
    )
    async def show_exception(request: Request, case_id: IdPath) -> Response:
        """Answer with a case, the original bytes of its records included."""
        return response_of(await lookup.show(door.reader(request), case_id))


def _hearsay() -> dict[str, Any]:
    """Return the schema with its records in place: a document resolves no `$defs`."""
    schema = models.Hearsay.model_json_schema()
    record = schema.pop("$defs")["Heard"]
    for name in ("news", "facts"):
        schema["properties"][name]["items"] = record
    return schema


def _trying(router: APIRouter, door: _Door, trials: ExceptionsTrials) -> None:
    @router.post(
        EFFECTS.decode(),
        summary="What movements would do (workers among themselves)",
        response_model=dict[str, object],
        responses=openapi.problems(401, 403, 408, 413, 422, 503),
        openapi_extra={
            **openapi.security("read"),
            **openapi.request_body(models.Movements.model_json_schema(), "Movements."),
        },
    )
    async def movement_effects(request: Request) -> Response:
        """Answer with journal entries and levels as they would be."""
        caller = door.reader(request)
        wanted, _ = await door.read(request, models.Movements)
        return response_of(
            await trials.of_movements(caller, wanted.movements, wanted.requests)
        )

    @router.post(
        ORDER_EFFECTS.decode(),
        summary="What orders would do (workers among themselves)",
        response_model=dict[str, object],
        responses=openapi.problems(401, 403, 408, 413, 422, 503),
        openapi_extra={
            **openapi.security("read"),
            **openapi.request_body(_hearsay(), "News and facts."),
        },
    )
    async def order_effects(request: Request) -> Response:
        """Answer with what orders would do, told this."""
        caller = door.reader(request)
        wanted, _ = await door.read(request, models.Hearsay)
        news, facts = (
            said_of([one.model_dump() for one in part])
            for part in (wanted.news, wanted.facts)
        )
        return response_of(await trials.of_orders(caller, news, facts))


def _group_retry(
    router: APIRouter, door: _Door, acts: ExceptionsActs, trials: ExceptionsTrials
) -> None:
    @router.post(
        "/groups/{group_id}/retry",
        summary="Send the records of all cases of a group again",
        response_model=models.Effects,
        responses={
            202: {"model": models.Accepted},
            **openapi.problems(401, 403, 404, 408, 413, 422, 503),
        },
        openapi_extra={
            **openapi.security("operate"),
            **_body_of(models.Request),
        },
    )
    async def retry_group(
        request: Request, group_id: GroupPath, dry_run: DryRun = False
    ) -> Response:
        """Answer 202: the cases are sent one after the other."""
        caller = door.reader(request) if dry_run else door.operator(request)
        wanted, _ = await door.read(request, models.Request)
        if dry_run:
            return response_of(await trials.of_group(caller, group_id))
        who = door.who(caller, wanted)
        return response_of(await acts.retry_group(group_id, who, wanted.note))


def _retry(
    router: APIRouter, door: _Door, acts: ExceptionsActs, trials: ExceptionsTrials
) -> None:
    @router.post(
        "/{case_id}/retry",
        summary="Send a case's records again",
        response_model=models.WholeCase | models.Effects,
        responses={202: {"model": models.Accepted}, **openapi.problems(*ACT_PROBLEMS)},
        openapi_extra={
            **openapi.security("operate"),
            **_body_of(models.Request),
        },
    )
    async def retry_exception(
        request: Request, case_id: IdPath, dry_run: DryRun = False
    ) -> Response:
        """Answer with the case, resubmitted; it resolves by itself on success."""
        caller = door.reader(request) if dry_run else door.operator(request)
        wanted, raw = await door.read(request, models.Request)
        if dry_run:
            return response_of(await trials.of_case(caller, case_id))
        who = door.who(caller, wanted)
        reply = await acts.do(
            caller, case_id, Action.RETRY, raw, by=who, said=wanted.note
        )
        return response_of(reply)


def _other_acts(router: APIRouter, door: _Door, acts: ExceptionsActs) -> None:
    @router.post("/{case_id}/assign", **_act(models.Assignment, "Give a case an owner"))
    async def assign_exception(request: Request, case_id: IdPath) -> Response:
        """Answer with the case and its new owner."""
        caller = door.operator(request)
        wanted, raw = await door.read(request, models.Assignment)
        reply = await acts.do(
            caller,
            case_id,
            Action.ASSIGN,
            raw,
            by=door.who(caller, wanted),
            owner=wanted.owner,
            said=wanted.note,
        )
        return response_of(reply)

    @router.post("/{case_id}/edit", **_act(models.Edit, "Mend a record's bytes"))
    async def edit_exception(request: Request, case_id: IdPath) -> Response:
        """Answer with the case, fixed; the next retry sends the new bytes."""
        caller = door.operator(request)
        wanted, raw = await door.read(request, models.Edit)
        reply = await acts.do(
            caller,
            case_id,
            Action.EDIT,
            raw,
            by=door.who(caller, wanted),
            origin=wanted.record,
            body_base64=wanted.content,
            said=wanted.note,
        )
        return response_of(reply)

    @router.post("/{case_id}/dismiss", **_act(models.Request, "Close a case as it is"))
    async def dismiss_exception(request: Request, case_id: IdPath) -> Response:
        """Answer with the case, dismissed; a new failure opens it again."""
        caller = door.operator(request)
        wanted, raw = await door.read(request, models.Request)
        reply = await acts.do(
            caller,
            case_id,
            Action.DISMISS,
            raw,
            by=door.who(caller, wanted),
            said=wanted.note,
        )
        return response_of(reply)


def _act(model: type[models.Request], summary: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "response_model": models.WholeCase,
        "responses": {
            202: {"model": models.Accepted},
            **openapi.problems(*ACT_PROBLEMS),
        },
        "openapi_extra": {**openapi.security("operate"), **_body_of(model)},
    }


def _body_of(model: type[models.Request]) -> dict[str, Any]:
    schema = model.model_json_schema()
    needed = "required" in schema or "anyOf" in schema
    return openapi.request_body(schema, "What is wanted.", required=needed)


def _numbers(text: str, lookup: ExceptionsLookup) -> Sequence[int]:
    known = lookup.partitions
    return [int(each) for each in text.split(",") if each and int(each) in known]
