"""The exceptions list over HTTP: answered here or by the workers that own its parts."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NoReturn

import msgspec

from streams.mapping.exception_reading import find_case, groups, records_of
from streams.web.auth import Caller
from streams.web.exceptions_pages import Page, Query, merged, page_of
from streams.web.exceptions_shapes import group_shape, whole_case_shape
from streams.web.forwarding import Forwarder
from streams.web.ports import CasesPort, Local, Remote, Unavailable
from streams.web.replies import Problem, Reply, json_reply, unavailable

EXCEPTIONS = b"/v1/exceptions"
RECORDS_READ_MAX = 500
"""Records of a case looked at to show it."""

GROUPS_MAX = 1_000


class ExceptionsLookup:
    """Reads the list, wherever its parts are."""

    def __init__(self, cases: CasesPort, forwarder: Forwarder) -> None:
        self._cases = cases
        self._forwarder = forwarder

    async def page(
        self, caller: Caller, query: Query, partitions: Sequence[int] = ()
    ) -> Page:
        """Return one page of the whole list, or of some partitions' part of it."""
        answers = await self._everywhere(
            caller,
            partitions,
            lambda owner: page_of(owner.view, query),
            query.target,
        )
        pages = [each if isinstance(each, Page) else _page(each) for each in answers]
        return merged(pages, query.limit)

    async def groups(
        self, caller: Caller, partitions: Sequence[int] = ()
    ) -> list[dict[str, Any]]:
        """Return the groups with unfinished cases, the largest first."""
        answers = await self._everywhere(caller, partitions, _groups, _groups_target)
        found: dict[str, dict[str, Any]] = {}
        for answer in answers:
            for item in answer["items"]:
                known = found.get(item["id"])
                found[item["id"]] = item if known is None else _summed(known, item)
        largest = sorted(found.values(), key=lambda item: -item["unfinished"])
        return [item for item in largest if item["unfinished"]][:GROUPS_MAX]

    async def show(self, caller: Caller, case_id: str) -> Reply:
        """Answer with a case, its history and its records."""
        owner = self.owner_of(case_id)
        if isinstance(owner, Remote):
            target = EXCEPTIONS + b"/" + case_id.encode()
            return await self._forwarder.ask(owner.url, target, caller)
        return json_reply(self.whole(owner, case_id))

    def whole(self, owner: Local, case_id: str) -> dict[str, Any]:
        """Return a case of ours with its history and its records."""
        row = find_case(owner.view, case_id)
        if row is None:
            no_case(case_id)
        records = list(islice(records_of(owner.view, case_id), RECORDS_READ_MAX))
        waiting_first = sorted(records, key=lambda one: not one.state.is_waiting)
        return whole_case_shape(row, waiting_first)

    def owner_of(self, case_id: str) -> Local | Remote:
        """Say who has the case: its id names the partition."""
        number, _, digest = case_id.partition("-")
        if not (number.isdecimal() and digest.isalnum() and len(number) < 6):
            no_case(case_id)
        if int(number) >= self._cases.partitions:
            no_case(case_id)
        return self.owner(int(number))

    def owner(self, partition: int) -> Local | Remote:
        """Say who has a partition's part of the list."""
        owner = self._cases.owner_of(partition)
        if isinstance(owner, Unavailable):
            raise unavailable(
                f"Nobody can answer for this part of the list now: {owner.reason}.",
                kind="owner-unavailable",
                field="partition",
                value=str(partition),
                retry_after_s=owner.retry_after_s,
            )
        return owner

    @property
    def partitions(self) -> Sequence[int]:
        return range(self._cases.partitions)

    async def _everywhere(
        self,
        caller: Caller,
        partitions: Sequence[int],
        here: Callable[[Local], Any],
        there: Callable[[Sequence[int]], bytes],
    ) -> list[Any]:
        """Ask every owner for its part; an answer of nobody's makes it a 503."""
        elsewhere: dict[str, list[int]] = {}
        answers = []
        for partition in partitions or self.partitions:
            owner = self.owner(partition)
            if isinstance(owner, Remote):
                elsewhere.setdefault(owner.url, []).append(partition)
            else:
                answers.append(here(owner))
                await asyncio.sleep(0)
        replies = await asyncio.gather(
            *(
                self._forwarder.ask(url, there(part), caller)
                for url, part in elsewhere.items()
            )
        )
        return answers + [decoded(reply) for reply in replies]


def no_case(case_id: str) -> NoReturn:
    """Say that there is no such case."""
    raise Problem(
        404,
        "case-unknown",
        title="The case is not known",
        detail="No case of the exceptions list has this id; closed ones are forgotten "
        "after 90 days.",
        field="id",
        value=case_id,
        remedy="see `oneshelf exceptions list` for the ids",
    )


def _groups(owner: Local) -> dict[str, Any]:
    items = [group_shape(*group) for group in groups(owner.view)]
    return {"items": msgspec.to_builtins(items)}


def _groups_target(partitions: Sequence[int]) -> bytes:
    asked = ",".join(map(str, partitions))
    return EXCEPTIONS + b"/groups?partitions=" + asked.encode()


def _summed(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    states = first["cases"].keys() | second["cases"].keys()
    cases = {
        state: first["cases"].get(state, 0) + second["cases"].get(state, 0)
        for state in sorted(states)
    }
    return {
        **first,
        "first_seen": min(str(first["first_seen"]), str(second["first_seen"])),
        "last_seen": max(str(first["last_seen"]), str(second["last_seen"])),
        "unfinished": first["unfinished"] + second["unfinished"],
        "cases": cases,
    }


def _page(answer: dict[str, Any]) -> Page:
    return Page(answer["items"], answer["next"])


def decoded(reply: Reply) -> Any:
    """Read an answer; one that is a problem is handed back as it is."""
    if reply.status != 200:
        raise _OtherWorker(reply)
    return msgspec.json.decode(reply.body)


class _OtherWorker(Problem):
    """Another worker's problem, passed on as it said it."""

    def __init__(self, said: Reply) -> None:
        super().__init__(said.status, "", title="", detail="", remedy="")
        self._said = said

    def reply(self) -> Reply:
        return self._said
