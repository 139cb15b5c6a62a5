"""Steps in a list that need nothing of each other: side by side they would take less time.

Only said where order surely means nothing else: of steps that only read, and of holds. A charge belongs after what it
pays for, and what is announced after what it announces, though no value says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowdsl.codes import Code
from flowdsl.language.lower.timing import forward_seconds, spell
from flowdsl.language.order import step_name
from flowdsl.language.parse.workflow import CallVerb
from flowdsl.language.places import StepPlace, names_given, uses
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.nodes import READS, Plan


def check_beside(subject: Subject, plan: Plan) -> Iterator[Diagnostic]:
    for (section, path), children in subject.by_parent.items():
        parent = children[0].parents[-1] if path else None
        if section == "steps" and (parent is None or parent.verb.kind == "steps"):
            for run in _runs(children):
                yield _diagnostic(run, plan)


def _runs(children: tuple[StepPlace, ...]) -> Iterator[tuple[StepPlace, ...]]:
    """The longest stretches of a list of which every step could go with the others."""
    run: list[StepPlace] = []
    given: set[str] = set()  # the names that the steps of the run give a value
    for place in children:
        kind = _kind(place)
        if run and (kind is None or kind != _kind(run[0]) or _reads_one_of(place, given)):
            if len(run) > 1:
                yield tuple(run)
            run, given = [], set()
        if kind is not None:
            run.append(place)
            given |= {name.text for name, _ in names_given(place.step)}
    if len(run) > 1:
        yield tuple(run)


def _kind(place: StepPlace) -> str | None:
    """What may go beside its like; None for what had better wait."""
    if place.step.broken or place.step.for_each is not None:
        return None
    call = place.step.verb
    if not isinstance(call, CallVerb) or call.fallback:
        return None
    if call.request.method in READS:
        return "read"
    undo = call.compensate
    return "hold" if call.confirm and undo and undo.request is not None else None


def _reads_one_of(place: StepPlace, given: set[str]) -> bool:
    read = {
        step_name(reference) for use in uses(place.step) for reference in use.expression.references
    }
    return bool(given & read)


def _diagnostic(run: tuple[StepPlace, ...], plan: Plan) -> Diagnostic:
    seconds = [forward_seconds(plan.nodes[place.address]) for place in run]
    saved = sum(seconds) - max(seconds)
    second = run[1]
    both = "neither of these two calls needs the other"
    message = both if len(run) == 2 else f"none of these {len(run)} calls needs another"
    return Diagnostic(
        Code.COULD_BE_PARALLEL,
        second.step.span,
        message,
        f"side by side the worst case is {spell(saved)} shorter",
        "put them in a `parallel`",
        tuple((place.step.span, "could go beside it") for place in run if place is not second),
    )
