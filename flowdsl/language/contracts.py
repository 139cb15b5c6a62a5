"""The contracts of a workflow's services, and `service.operationId` made the method and path that it stands for.

That happens before any rule looks, and before the file is lowered: from here on, every call is one by method and path.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.language import openapi
from flowdsl.language.parse.workflow import (
    CallVerb,
    EmitVerb,
    File,
    GroupVerb,
    LocalVerb,
    Step,
    SwitchVerb,
    UsesVerb,
    Workflow,
    WrittenRequest,
)
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.language.text.library import Library, key_of
from flowdsl.plan.template import Constant
from flowdsl.plan.words import listed


class Contracts(Struct, frozen=True):
    """By service. `unread`: services whose document is not there or cannot be read, which was said already."""

    by_service: Mapping[str, openapi.Contract] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()


NO_CONTRACTS = Contracts()


def contracts_of(
    workflow: Workflow, path: str, library: Library, readings: openapi.Readings
) -> tuple[Contracts, list[Diagnostic]]:
    """`path`: that of the workflow file. A document is read once, and complained about once."""
    found: dict[str, openapi.Contract] = {}
    unread: set[str] = set()
    problems: list[Diagnostic] = []
    named: set[str] = set()
    for service in workflow.services:
        if service.openapi is None:
            continue
        key = key_of(path, service.openapi.path)
        text = library.texts.get(key)
        contract = None
        if text is None:
            why = library.why.get(key, "there is no such file")
            problems.append(_not_there(key, service.openapi, why))
        else:
            reading = readings.read(key, text)
            contract = reading.contract
            if key not in named:
                problems += _problems(key, service.openapi, reading.problems)
        named.add(key)
        if contract is None:
            unread.add(service.name.text)
        else:
            found[service.name.text] = contract
    return Contracts(found, frozenset(unread)), problems


def _not_there(key: str, file: File, why: str) -> Diagnostic:
    hint = "a path is relative to the file it is written in"
    return Diagnostic(
        Code.UNREADABLE_OPENAPI, file.span, f"`{key}` cannot be read: {why}", help=hint
    )


def _problems(
    key: str, file: File, problems: tuple[openapi.ContractProblem, ...]
) -> Iterator[Diagnostic]:
    """What is wrong with a document: that it is none, or all of what had to be left out, in one."""
    parts = [problem for problem in problems if problem.code == Code.UNUSABLE_OPENAPI_PART]
    for problem in problems:
        if problem.code != Code.UNUSABLE_OPENAPI_PART:
            message = f"{_where(key, problem)}: {problem.message}"
            yield Diagnostic(problem.code, file.span, message, help=problem.help)
    if parts:
        first, count = parts[0], len(parts)
        what = "a part" if count == 1 else f"{count} parts"
        message = f"{what} of `{key}` cannot be used"
        label = f"{'' if count == 1 else 'the first: '}{_where(key, first)}: {first.message}"
        hint = "what it describes is left out of the check: mend the document"
        yield Diagnostic(Code.UNUSABLE_OPENAPI_PART, file.span, message, label, hint)


def _where(key: str, problem: openapi.ContractProblem) -> str:
    """Its line where that is known, else the place as a JSON pointer."""
    if problem.line:
        return f"{key}:{problem.line}"
    return f"{key}#{problem.pointer}" if problem.pointer else key


# --- service.operationId -----------------------------------------------------------------------------


def resolved(workflow: Workflow, contracts: Contracts) -> tuple[Workflow, list[Diagnostic]]:
    """The workflow with a method and a path in every call."""
    resolving = _Resolving(workflow, contracts)
    steps, on_failure = resolving.steps(workflow.steps), resolving.steps(workflow.on_failure)
    return dataclasses.replace(workflow, steps=steps, on_failure=on_failure), resolving.problems


class _Resolving(Struct, frozen=True):
    workflow: Workflow
    contracts: Contracts
    problems: list[Diagnostic] = field(default_factory=list)

    def steps(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(map(self.step, steps))

    def step(self, step: Step) -> Step:
        match step.verb:
            case CallVerb() as call:
                verb = self.call(call)
                return replace(step, verb=verb, broken=step.broken or _is_unresolved(verb))
            case GroupVerb(kind=kind, steps=steps):
                return replace(step, verb=GroupVerb(kind, self.steps(steps)))
            case SwitchVerb(branches=branches):
                return replace(step, verb=SwitchVerb(self.steps(branches)))
            case EmitVerb() | UsesVerb() | LocalVerb():
                return step
            case _:
                assert_never(step.verb)

    def call(self, call: CallVerb) -> CallVerb:
        undo, confirm, probe = call.compensate, call.confirm, call.probe
        if undo is not None and undo.request is not None:
            undo = replace(undo, request=self.request(undo.request))
        if confirm is not None:
            confirm = replace(confirm, request=self.request(confirm.request))
        if probe is not None:
            probe = replace(probe, request=self.request(probe.request))
        return replace(
            call,
            request=self.request(call.request),
            compensate=undo,
            confirm=confirm,
            probe=probe,
            fallback=self.steps(call.fallback),
        )

    def request(self, request: WrittenRequest) -> WrittenRequest:
        if request.operation is None:
            return request
        found = self.operation(request)
        if found is None:
            return request
        return replace(request, method=found.method, path=Constant(found.path), operation=None)

    def operation(self, request: WrittenRequest) -> openapi.Operation | None:
        """The operation that is named; None where that was, or is now, complained about."""
        name, service = request.operation, request.service.text
        assert name is not None, "asked only where an operation is named"
        contract = self.contracts.by_service.get(service)
        if contract is None:
            if service not in self.contracts.unread and self.is_declared(service):
                message = f"nobody says what `{name.text}` of `{service}` is"
                hint = f"name its document (`openapi:`) under `services.{service}`, or write `[METHOD] {service}/…`"
                self.problems.append(Diagnostic(Code.NO_OPERATION, name.span, message, help=hint))
            return None
        found = openapi.find_by_id(contract, name.text)
        if isinstance(found, openapi.Missing):
            self.problems.append(
                Diagnostic(Code.NO_OPERATION, name.span, found.message, found.meant, found.help)
            )
            return None
        parameters = [item.name for item in found.operation.parameters_in("path")]
        if "{" in found.operation.path:
            self.problems.append(_needs_a_path(request, found.operation, parameters))
            return None
        return found.operation

    def is_declared(self, service: str) -> bool:
        return any(item.name.text == service for item in self.workflow.services)


def _is_unresolved(call: CallVerb) -> bool:
    undo = call.compensate.request if call.compensate is not None else None
    others = [part.request for part in (call.confirm, call.probe) if part is not None]
    requests = [call.request, *others, *([undo] if undo is not None else [])]
    return any(request.operation is not None for request in requests)


def _needs_a_path(
    request: WrittenRequest, operation: openapi.Operation, parameters: list[str]
) -> Diagnostic:
    """There is no key for the values of a path: they are written where they go."""
    name = request.operation
    assert name is not None
    form = operation.path.replace("{", "${")
    message = (
        f"`{name.text}` has {listed(parameters)} in its path"
        if parameters
        else (f"the path of `{name.text}` has parameters")
    )
    hint = f"write the path, with a value in it: `{operation.method} {request.service.text}{form}`"
    return Diagnostic(Code.NO_OPERATION, name.span, message, help=hint)
