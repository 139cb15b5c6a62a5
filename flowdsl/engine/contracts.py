"""Answers held against what their services say of themselves: what does not fit is said before anybody judges.

A run is pinned to the OpenAPI documents of its services, so the same answer fits, or does not, after every restart. What
cannot be looked at is left alone: an answer whose operation nobody knows, and one that would take longer than the call
may. What takes more than a moment is done aside, while everything else goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.language import openapi
from flowdsl.plan.nodes import Action, Plan
from flowdsl.plan.request import Request
from flowdsl.plan.template import Template
from flowdsl.saga.observation import Answer, Observation
from flowdsl.world.store.offload import Inline, Offload

if TYPE_CHECKING:
    from flowdsl.language.conformance.pattern import Work

SHOWN_MAX = 400
STEPS_AT_ONCE = 10_000  # of a check that nobody notices: some milliseconds

Asked = tuple[str, str, Template, frozenset[str]]  # service, method, path, names in the query


class AnswerContracts(Struct):
    """Those of one plan, by service. `known`: which operation a call means, as far as its template says."""

    by_service: Mapping[str, openapi.Contract] = field(default_factory=dict)
    aside: Offload = field(default_factory=Inline)
    known: dict[Asked, openapi.Match] = field(default_factory=dict)

    async def look_at(
        self, action: Action, request: Request, seen: Observation, seconds: float
    ) -> Observation:
        """The same observation, which now knows whether it is as described, if that can be said in that time."""
        if not isinstance(seen, Answer) or not 200 <= seen.status < 300 or seen.problem:
            return seen
        contract = self.by_service.get(action.service)
        if contract is None or action.event is not None or action.method == "HEAD":
            return seen
        operation = self.operation(contract, action, request)
        if operation is None:
            return seen
        from flowdsl.language.conformance.pattern import Work

        work = Work(STEPS_AT_ONCE)
        said = _misfit(operation, seen, work)
        if work.is_used_up:
            said = await self._misfit_aside(operation, seen, seconds)
        return replace(seen, misfit=said if len(said) <= SHOWN_MAX else f"{said[: SHOWN_MAX - 1]}…")

    async def _misfit_aside(
        self, operation: openapi.Operation, seen: Answer, seconds: float
    ) -> str:
        from flowdsl.language.conformance.pattern import Work
        from flowdsl.language.conformance.value import STEPS_MAX

        work = Work(STEPS_MAX)
        try:
            async with asyncio.timeout(seconds):
                return await self.aside(partial(_misfit, operation, seen, work))
        except TimeoutError:
            return ""
        finally:
            work.give_up()

    def operation(
        self, contract: openapi.Contract, action: Action, request: Request
    ) -> openapi.Operation | None:
        names = frozenset(name for name, _ in action.query)
        asked = (action.service, action.method, action.path, names)
        if asked not in self.known:
            self.known[asked] = openapi.find(
                contract, action.method, openapi.take_apart(action.path), names
            )
        match = self.known[asked]
        if isinstance(match, openapi.Unsure):  # an expression decides, and by now it has
            path = _path_of(action, request)
            match = openapi.find(contract, action.method, (path,), names)
        return match.operation if isinstance(match, openapi.Found) else None


def contracts_of(
    plan: Plan, readings: openapi.Readings, aside: Offload | None = None
) -> AnswerContracts:
    """Those of the plan's services, from the documents that it is pinned to."""
    texts = dict(plan.files)
    found = {
        name: readings.read(service.contract, texts[service.contract]).contract
        for name, service in plan.services.items()
        if service.contract in texts
    }
    known = {name: contract for name, contract in found.items() if contract is not None}
    return AnswerContracts(known, aside or Inline())


def _misfit(operation: openapi.Operation, seen: Answer, work: Work) -> str:
    return "; ".join(openapi.validate(operation, seen.status, seen.body, work))


def _path_of(action: Action, request: Request) -> str:
    """What of the URL is the path of the call: a value has no slash in it that is not encoded."""
    count = len(openapi.take_apart(action.path).segments)
    return "/" + "/".join(urlsplit(request.url).path.split("/")[-count:])
