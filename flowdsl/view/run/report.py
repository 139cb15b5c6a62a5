"""A run as one JSON object, format 1: what `--json`, `status --json` and the API answer.

Its fields are a promise: they are added to, never renamed. Nothing secret can stand in it, for facts hold none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from flowdsl.codes import Code
from flowdsl.plan.address import CallId, confirm, undo
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    Call,
    Detach,
    ForEach,
    Set,
    Status,
    Switch,
    WaitFor,
)
from flowdsl.plan.values import Json
from flowdsl.saga.commands import Await
from flowdsl.saga.events import Failure, Ok, Refused, Unknown
from flowdsl.saga.ledger import answer_of
from flowdsl.saga.run import Run
from flowdsl.saga.scope import failure_value, value
from flowdsl.saga.state import NO_CALL, CallState
from flowdsl.saga.walk import Residue
from flowdsl.view.calls import call_text
from flowdsl.view.outline import steps
from flowdsl.view.run.items import taken_branch
from flowdsl.view.run.positions import (
    cause_of,
    failure_of,
    label_of,
    state_of,
    tries_of,
    undo_state,
)
from flowdsl.view.times import rfc3339
from flowdsl.view.verb import used_file

Fields: TypeAlias = "dict[str, Json]"
FORMAT = 1


def run_report(run: Run, name: str = "") -> Json:
    """The whole object. `name`: the run's state in other words, where nobody drives it (`interrupted`)."""
    created = run.state.created
    found, problems = outputs(run)
    found = {} if run.state.turning is not None else found  # what is undone has no results
    warnings: list[Json] = [failure_value(warning) for warning in run.progress.warnings]
    if run.state.ended == "succeeded":
        warnings += [failure_value(problem) for problem in problems]
    cause = cause_of(run)
    return {
        "format": FORMAT,
        "run": run.id,
        "workflow": run.plan.name,
        "state": name or run.progress.state,
        "status": label_of(run),
        "created": rfc3339(created.at) if created else None,
        "ended": None if run.ended_at is None else rfc3339(run.ended_at),
        "outputs": dict(found),
        "error": failure_value(cause),
        "warnings": warnings,
        "residue": [_residue(one, run) for one in run.progress.residue],
        "signals": list(_awaited(run)),
        "steps": {node.address: step_report(run, node.address) for node in steps(run.plan)},
    }


def outputs(run: Run) -> tuple[Fields, tuple[Failure, ...]]:
    """What can be rendered by now, or was kept of it; null for the rest, and why it is null."""
    values: Fields = {}
    problems: list[Failure] = []
    kept = run.state.outputs or {}
    for name, template in run.plan.outputs:
        if name in kept:
            values[name] = kept[name]
            continue
        try:
            values[name] = value(run.plan, run.state, template)
        except EvaluationError as error:
            values[name] = None
            problems.append(
                Failure(Code.FAILED_EXPRESSION, f"the output `{name}` has no value: {error}")
            )
    return values, tuple(problems)


def step_report(run: Run, address: str) -> Json:
    """One step: its state, and for a call what was sent and came back, its undo and its confirm."""
    node = run.plan.nodes[address]
    report: Fields = {"state": state_of(run, address)}
    if isinstance(node, Call):
        report |= _exchange(run, node)
        report["undo"] = _undo(run, undo(address))
        if node.confirm is not None:
            report["confirm"] = _confirm(run, confirm(address))
        return report
    # the same four fields in every step, so that a reader need not ask first what kind it is
    report |= {"attempts": 0, "response": None}
    report |= _particulars(run, node)
    return report | {"error": failure_value(failure_of(run, address)), "undo": None}


def _particulars(run: Run, node: AnyNode) -> Fields:
    """What only a step of this kind has, if it has anything."""
    here, state = node.address, run.state
    if isinstance(node, Set | Status):
        return {"value": state.done.get(here)}
    if isinstance(node, WaitFor):
        return {"signal": node.signal, "value": state.done.get(here)}
    if isinstance(node, ForEach):
        items, winners = state.expanded.get(here), state.chosen.get(here)
        return {
            "items": None if items is None else list(items),
            "winners": None if winners is None else list(winners),
        }
    if isinstance(node, Switch):
        taken = taken_branch(run, node)
        return {"taken": taken.address if taken is not None else None}
    if isinstance(node, Detach):
        detached = state.detached.get(here)
        return {"run": detached.run if detached is not None else None}
    return (
        {"file": used_file(run.plan, node)}
        if isinstance(node, Block) and node.kind == "uses"
        else {}
    )


def _awaited(run: Run) -> Iterator[Json]:
    """What the run asks for: a program can answer it with `flowdsl signal`."""
    for command in run.progress.commands:
        if not isinstance(command, Await):
            continue
        node = run.plan.nodes[command.node]
        assert isinstance(node, WaitFor), f"{command.node} waits for a signal"
        until = run.state.armed.get(command.node)
        yield {
            "name": command.name,
            "step": command.node,
            "until": rfc3339(until) if until is not None else None,
            "schema": node.schema,
        }


def _exchange(run: Run, call: Call) -> Fields:
    entry = run.state.calls.get(call.address, NO_CALL)
    known = answer_of(run.state, call)
    failure = failure_of(run, call.address)
    return {
        "call": call_text(run, call.address),
        "attempts": tries_of(run, call.address),
        "status": known.status or None if known else _last_status(entry),
        "response": known.body if known else failure.response if failure else None,
        "error": failure_value(failure),
        "key": entry.key or None,
        "started": rfc3339(entry.first_at) if entry.attempt else None,
        "ended": rfc3339(entry.ended_at) if entry.ended_at and not entry.flying else None,
    }


def _undo(run: Run, call: CallId) -> Json:
    entry = run.state.calls.get(call)
    if entry is None:
        return None
    return {
        "state": undo_state(run, call, entry),
        "call": call_text(run, call),
        "attempts": entry.attempt,
        "status": _last_status(entry),
        "error": failure_value(failure_of(run, call)),
    }


def _confirm(run: Run, call: CallId) -> Json:
    entry = run.state.calls.get(call, NO_CALL)
    return {
        "state": state_of(run, call),
        "attempts": entry.attempt,
        "status": _last_status(entry),
        "response": entry.answer.body if entry.answer else None,
        "error": failure_value(failure_of(run, call)),
    }


def _last_status(entry: CallState) -> int | None:
    match entry.outcome:
        case Ok(status=status):
            return status
        case Refused(failure=failure) | Unknown(failure=failure):
            return failure.status
        case None:
            return None


def _residue(one: Residue, run: Run) -> Json:
    entry = run.state.calls.get(one.call) or run.state.calls.get(one.step, NO_CALL)
    return {
        "step": one.step,
        "call": one.call,
        "why": one.why,
        "actor": one.actor,
        "reason": one.reason,
        "key": entry.key or None,
    }
