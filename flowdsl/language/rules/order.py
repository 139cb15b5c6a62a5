"""One `commit`, and what stands on which side of it; `after`, `status`, and steps that wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from flowdsl.codes import Code
from flowdsl.language import order
from flowdsl.language.parse.workflow import (
    CallVerb,
    CommitVerb,
    EmitVerb,
    FailVerb,
    GroupVerb,
    LocalVerb,
    Name,
    StatusVerb,
    SwitchVerb,
    UsesVerb,
    WaitForVerb,
)
from flowdsl.language.places import StepPlace
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.span import Span
from flowdsl.plan.words import did_you_mean, listed


def check_order(subject: Subject) -> Iterator[Diagnostic]:
    line = _commit_line(subject)
    for place in subject.places:
        match place.step.verb:
            case CommitVerb():
                yield from _second_commit(place, line)
            case CallVerb() as call:
                yield from _undo_below(place, call, line)
                yield from _no_below(place, call.request.expect, line)
            case WaitForVerb(expect=expect):
                yield from _no_below(place, expect, line)
            case FailVerb():
                yield from _fail_below(place, line)
            case StatusVerb() if place.runs_beside:
                around = "parallel" if place.in_parallel else "for_each"
                message = "two steps at once cannot both set the status"
                hint = f"put it before or after the `{around}`"
                yield Diagnostic(Code.STATUS_INSIDE_PARALLEL, place.step.span, message, help=hint)
            case GroupVerb(kind="parallel"):
                yield from _cycles(subject, place)
            case GroupVerb() | SwitchVerb() | UsesVerb() | EmitVerb() | LocalVerb():
                pass
            case _:
                assert_never(place.step.verb)
        yield from _after(subject, place)


def _commit_line(subject: Subject) -> StepPlace | None:
    return next(
        (
            place
            for place in subject.places
            if isinstance(place.step.verb, CommitVerb)
            and place.section == "steps"
            and not place.parents
        ),
        None,
    )


def _second_commit(place: StepPlace, line: StepPlace | None) -> Iterator[Diagnostic]:
    span = place.step.span
    if place.section == "on_failure":
        yield Diagnostic(Code.MISPLACED_COMMIT, span, "`on_failure` has nothing to commit")
    elif place.parents:
        hint = "put it on a line of its own in the outermost `steps`"
        yield Diagnostic(
            Code.MISPLACED_COMMIT, span, "`commit` stands at the top level only", help=hint
        )
    elif line is not None and line is not place:
        related = ((line.step.span, "the first one"),)
        message = "a workflow commits once"
        yield Diagnostic(Code.MISPLACED_COMMIT, span, message, "a second `commit`", related=related)


def _undo_below(place: StepPlace, call: CallVerb, line: StepPlace | None) -> Iterator[Diagnostic]:
    keys = [("confirm", call.confirm.key)] if call.confirm is not None else []
    keys += [("compensate", call.compensate.key)] if call.compensate is not None else []
    keys += [("holds_for", call.holds_for.span)] if call.holds_for is not None else []
    for key, span in keys:
        if place.section == "on_failure":
            message = f"`{key}` has no meaning in `on_failure`: its steps are never undone"
            yield Diagnostic(Code.BELOW_COMMIT, span, message, help="take it out")
        elif place.below_commit and line is not None:
            message = f"`{key}` below `commit`: from there on there is only forward"
            related = ((line.step.span, "nothing below this line is undone"),)
            hint = "move the step above `commit`, or take the key out"
            yield Diagnostic(Code.BELOW_COMMIT, span, message, help=hint, related=related)


def _no_below(
    place: StepPlace, expect: Expression | None, line: StepPlace | None
) -> Iterator[Diagnostic]:
    """An answer that may be no, where nobody can do anything about it any more."""
    tolerated = any(not step.critical for step in place.chain)
    if expect is None or tolerated or line is None or not place.below_commit:
        return
    if place.section == "on_failure":
        return
    message = f"`expect: {expect.text}` below `commit`: a no leaves the run stuck"
    hint = "ask above `commit`, or let a no be a warning: `critical: false`"
    related = ((line.step.span, "nothing below this line is undone"),)
    yield Diagnostic(Code.EXPECT_ENDS_STUCK, expect.span, message, help=hint, related=related)


def _fail_below(place: StepPlace, line: StepPlace | None) -> Iterator[Diagnostic]:
    if place.section == "on_failure":
        yield Diagnostic(
            Code.FAIL_BELOW_COMMIT,
            place.step.span,
            "the run has failed already: `fail` says nothing",
        )
    elif place.below_commit and line is not None:
        message = "`fail` below `commit`: nothing can be undone any more"
        related = ((line.step.span, "nothing below this line is undone"),)
        yield Diagnostic(
            Code.FAIL_BELOW_COMMIT, place.step.span, message, help="move it above", related=related
        )


def _after(subject: Subject, place: StepPlace) -> Iterator[Diagnostic]:
    if not place.step.after:
        return
    parent = place.parents[-1] if place.parents else None
    if parent is None or parent.verb.kind != "parallel":
        message = "`after` stands on a child of a `parallel` only"
        hint = "in a list each step waits for the one above it"
        yield Diagnostic(Code.NOT_A_SIBLING, place.step.after[0].span, message, help=hint)
        return
    siblings = [
        other.step.id.text
        for other in subject.children(place.path[:-1], place.section)
        if other.step.id is not None and other is not place
    ]
    for name in place.step.after:
        if name.text not in siblings:
            yield _no_sibling(name, place, siblings)


def _no_sibling(name: Name, place: StepPlace, siblings: list[str]) -> Diagnostic:
    if place.step.id is not None and name.text == place.step.id.text:
        return Diagnostic(Code.NOT_A_SIBLING, name.span, "a step cannot wait for itself")
    hint = f"the siblings are {listed(siblings)}" if siblings else "no sibling has an id"
    label = did_you_mean(name.text, siblings)
    return Diagnostic(
        Code.NOT_A_SIBLING, name.span, f"`{name.text}` is not a sibling of this step", label, hint
    )


def _cycles(subject: Subject, place: StepPlace) -> Iterator[Diagnostic]:
    key = (place.section, place.path)
    if key not in subject.waits:
        return
    names = [
        child.address.rpartition("/")[2] for child in subject.children(place.path, place.section)
    ]
    why = {(edge.earlier, edge.later): edge.span for edge in subject.edges[key]}
    for cycle in order.cycles(subject.waits[key]):
        pairs = list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
        spans = [why[pair] for pair in pairs]
        path = " → ".join(names[position] for position in [*cycle, cycle[0]])
        related: tuple[tuple[Span, str], ...] = tuple(
            (span, f"`{names[later]}` waits for `{names[earlier]}`")
            for (earlier, later), span in zip(pairs[1:], spans[1:], strict=True)
        )
        earlier, later = pairs[0]
        yield Diagnostic(
            Code.CYCLE,
            spans[0],
            f"these steps wait for each other: {path}",
            f"`{names[later]}` waits for `{names[earlier]}`",
            help="take one of these out, or put the steps in a list",
            related=related,
        )
