"""Answers held against what their services say of themselves: what does not fit is said before anybody judges.

A run is pinned to the OpenAPI documents of its services, so the same answer fits, or does not, after every restart. An
answer whose operation nobody knows is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from flowdsl.language.openapi import (
    Contract,
    Found,
    Match,
    Operation,
    Readings,
    Unsure,
    find,
    validate,
)
from flowdsl.language.openapi.path import take_apart
from flowdsl.plan.nodes import Action, Plan
from flowdsl.plan.request import Request
from flowdsl.plan.template import Template
from flowdsl.saga.observation import Answer, Observation

SHOWN_MAX = 400

Asked = tuple[str, str, Template, frozenset[str]]  # service, method, path, names in the query


@dataclass(slots=True)
class Contracts:
    """Those of one plan, by service. `known`: which operation a call means, as far as its template says."""

    by_service: Mapping[str, Contract] = field(default_factory=dict)
    known: dict[Asked, Match] = field(default_factory=dict)

    def look_at(self, action: Action, request: Request, seen: Observation) -> Observation:
        """The same observation, which now knows whether it is as described."""
        if not isinstance(seen, Answer) or not 200 <= seen.status < 300 or seen.problem:
            return seen
        contract = self.by_service.get(action.service)
        if contract is None or action.event is not None or action.method == "HEAD":
            return seen
        operation = self.operation(contract, action, request)
        messages = validate(operation, seen.status, seen.body) if operation is not None else []
        if not messages:
            return seen
        said = "; ".join(messages)
        return replace(seen, misfit=said if len(said) <= SHOWN_MAX else f"{said[: SHOWN_MAX - 1]}…")

    def operation(self, contract: Contract, action: Action, request: Request) -> Operation | None:
        names = frozenset(name for name, _ in action.query)
        asked = (action.service, action.method, action.path, names)
        if asked not in self.known:
            self.known[asked] = find(contract, action.method, take_apart(action.path), names)
        match = self.known[asked]
        if isinstance(match, Unsure):  # an expression decides, and by now it has
            path = _path_of(action, request)
            match = find(contract, action.method, (path,), names)
        return match.operation if isinstance(match, Found) else None


def contracts_of(plan: Plan, readings: Readings) -> Contracts:
    """Those of the plan's services, from the documents that it is pinned to."""
    texts = dict(plan.files)
    found = {
        name: readings.read(service.contract, texts[service.contract]).contract
        for name, service in plan.services.items()
        if service.contract in texts
    }
    return Contracts({name: contract for name, contract in found.items() if contract is not None})


def _path_of(action: Action, request: Request) -> str:
    """What of the URL is the path of the call: a value has no slash in it that is not encoded."""
    count = len(take_apart(action.path).segments)
    return "/" + "/".join(urlsplit(request.url).path.split("/")[-count:])
