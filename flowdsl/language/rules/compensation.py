"""Changes that nothing undoes, and undos that could not be sent if an answer were lost."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain

from flowdsl.codes import Code
from flowdsl.language.lower.call import habits_of, undo_needs_answer
from flowdsl.language.order import waits_for
from flowdsl.language.parse.workflow import CallVerb, CommitVerb, Name, Step, UsesVerb
from flowdsl.language.places import Relation, StepPlace, shared_steps
from flowdsl.language.places import order as how_ordered
from flowdsl.language.rules.offers import undo_offered
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.language.traits import can_fail, is_forgiven
from flowdsl.plan.nodes import READS, RESENDABLE
from flowdsl.plan.span import Span


def check_compensation(subject: Subject) -> Iterator[Diagnostic]:
    fallible = _fallible(subject)
    for position, place in enumerate(subject.places):
        if place.section != "steps" or place.below_commit or place.step.broken:
            continue
        verb = place.step.verb
        if isinstance(verb, CallVerb):
            yield from _stays_behind(subject, position, verb, fallible)
            yield from _needs_a_lost_answer(subject, place, verb)
        elif isinstance(verb, UsesVerb) and not verb.detach:
            yield from _a_used_file_stays_behind(subject, position, verb, fallible)


def _stays_behind(
    subject: Subject, position: int, call: CallVerb, fallible: list[int]
) -> Iterator[Diagnostic]:
    place = subject.places[position]
    if call.request.method in READS or call.compensate is not None:
        return
    name = f"`{place.step.id.text}`" if place.step.id else "this call"
    message = f"{name} changes something and nothing undoes it"
    offered = undo_offered(subject, place, call) or "compensate: DELETE …"
    hint = (
        f"say how to undo it (`{offered}`), or that nothing has to be undone (`compensate: none`)"
    )
    losing = next((step for step in place.chain if _has_losers(step)), None)
    failing = _what_may_fail_after(subject, position, fallible)
    if losing is not None:
        label = "an item that does not win is undone: this would stay behind"
        yield Diagnostic(Code.NOT_UNDOABLE, call.request.span, message, label, hint)
    elif failing is not None:
        yield Diagnostic(
            Code.NOT_UNDOABLE,
            call.request.span,
            message,
            _left_if_it_fails(failing, place),
            hint,
            ((failing.step.span, "this can fail"),),
        )


def _left_if_it_fails(failing: StepPlace, place: StepPlace) -> str:
    if failing is place:
        return "if another item fails, this stays behind"
    what = f"`{failing.step.id.text}`" if failing.step.id else "the step"
    return f"if {what} (line {failing.step.span.line}) fails, this stays behind"


def _a_used_file_stays_behind(
    subject: Subject, position: int, uses: UsesVerb, fallible: list[int]
) -> Iterator[Diagnostic]:
    """The file itself is fine as long as it runs alone: its last change need not be undone there."""
    used, place = subject.used(uses), subject.places[position]
    if (
        used is None
        or used.errors
        or any(isinstance(s.verb, CommitVerb) for s in used.workflow.steps)
    ):
        return  # one that commits cannot stand here at all
    line = used.traits.leaves
    failing = _what_may_fail_after(subject, position, fallible) if line is not None else None
    if failing is None:
        return
    yield Diagnostic(
        Code.NOT_UNDOABLE,
        place.step.span,
        f"`{uses.file.path}` changes something in its line {line} and nothing undoes it",
        _left_if_it_fails(failing, place),
        "say there how to undo it (`compensate: DELETE …`), or that nothing has to be undone (`compensate: none`)",
        ((failing.step.span, "this can fail"),),
    )


# --- what can turn the run ---------------------------------------------------------------------------


def _fallible(subject: Subject) -> list[int]:
    """The positions of the steps that could turn another than themselves."""
    return [
        position
        for position, place in enumerate(subject.places)
        if place.section == "steps"
        and not place.below_commit
        and not is_forgiven(place.step)
        and can_fail(subject, place.step)
    ]


def _what_may_fail_after(subject: Subject, position: int, fallible: list[int]) -> StepPlace | None:
    """What comes later in the file is asked first; what stands above can only fail too late beside this one."""
    place = subject.places[position]
    at = bisect_right(fallible, position)
    later = (fallible[index] for index in range(at, len(fallible)))
    above = dict.fromkeys([*fallible[:at], position]) if place.runs_beside else ()
    others = (subject.places[other] for other in chain(later, above))
    return next((other for other in others if _may_fail_after(subject, place, other)), None)


def _may_fail_after(subject: Subject, place: StepPlace, other: StepPlace) -> bool:
    """Whether `other` can turn what the call at `place` is part of when that has taken effect."""
    if other.section != "steps" or other.below_commit or not can_fail(subject, other.step):
        return False
    shared = shared_steps(place, other)
    # What may fail for itself turns nothing around it; what both are in turns with both.
    if any(is_forgiven(step) for step in other.chain[shared:]):
        return False
    if any(step.for_each is not None for step in other.chain[:shared]):
        return _in_another_item(place, other)
    match how_ordered(other, place):
        case Relation.LATER:
            return True
        case Relation.BESIDE:
            return not _surely_ended(subject, place, other)
        case _:
            return False


def _in_another_item(place: StepPlace, other: StepPlace) -> bool:
    """In the same `for_each`: of one item the later ones; where all turn together, any step of another item."""
    if how_ordered(other, place) in (Relation.LATER, Relation.BESIDE):
        return True
    steps = other.chain
    return any(
        step.for_each is not None
        and step.for_each.collect == "all"
        and not any(is_forgiven(inner) for inner in steps[depth:])
        for depth, step in enumerate(steps[: shared_steps(place, other)])
    )


def _has_losers(step: Step) -> bool:
    return step.for_each is not None and step.for_each.collect in ("first_success", "quorum")


def _surely_ended(subject: Subject, place: StepPlace, other: StepPlace) -> bool:
    """Whether `other`, in another child of a `parallel`, has ended before `place` starts."""
    depth = shared_steps(place, other)
    waits = subject.waits[place.section, place.path[:depth]]
    return waits_for(waits, place.path[depth], other.path[depth])


# --- lost answers ------------------------------------------------------------------------------------


def _if_it_is_lost(place: StepPlace) -> str:
    if any(is_forgiven(step) for step in place.chain):
        return "then this cannot be sent, and the step may stay behind"
    return "then this cannot be sent, and the run is stuck"


def _needs_a_lost_answer(
    subject: Subject, place: StepPlace, call: CallVerb
) -> Iterator[Diagnostic]:
    undo = call.compensate
    if undo is None or undo.request is None or call.probe is not None:
        return
    if call.request.method in RESENDABLE or not undo_needs_answer(place):
        return
    if any(level.idempotency for level in habits_of(subject.workflow, call.request)):
        return
    service: Name = call.request.service
    name = place.step.id.text if place.step.id else "this step"
    span: Span = undo.key
    yield Diagnostic(
        Code.UNDO_NEEDS_ANSWER,
        span,
        f"the undo of `{name}` needs its answer, and the answer can be lost",
        _if_it_is_lost(place),
        help=f"say `idempotency: 24h` on `{service.text}` if it honours Idempotency-Key, add a `probe`, or undo by `steps.{name}.key`",
    )
