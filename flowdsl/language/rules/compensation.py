"""Changes that nothing undoes, and undos that could not be sent if an answer were lost."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from flowdsl.language.diagnostics import Diagnostic
from flowdsl.language.lower_call import habits_of, undo_needs_answer
from flowdsl.language.order import waits_for
from flowdsl.language.places import Order, Place
from flowdsl.language.places import order as how_ordered
from flowdsl.language.subject import Subject
from flowdsl.language.workflow import Call, Fail
from flowdsl.plan.nodes import READS, RESENDABLE
from flowdsl.plan.span import Span


def check_compensation(subject: Subject) -> Iterator[Diagnostic]:
    for position, place in enumerate(subject.places):
        call = place.step.verb
        if (
            isinstance(call, Call)
            and place.section == "steps"
            and not place.below_commit
            and not place.step.broken
        ):
            yield from _stays_behind(subject, position, call)
            yield from _needs_a_lost_answer(subject, place, call)


def _stays_behind(subject: Subject, position: int, call: Call) -> Iterator[Diagnostic]:
    place = subject.places[position]
    if call.request.method in READS or call.compensate is not None:
        return
    # What comes later in the file is asked first; what stands above can only fail too late in a `parallel`.
    above = subject.places[:position] if place.in_parallel else ()
    others = chain(islice(subject.places, position + 1, None), above)
    failing = next((other for other in others if _may_fail_after(subject, place, other)), None)
    if failing is None:
        return
    name = f"`{place.step.id.text}`" if place.step.id else "this call"
    what = f"`{failing.step.id.text}`" if failing.step.id else "the step"
    yield Diagnostic(
        "F012",
        call.request.span,
        f"{name} changes something and nothing undoes it",
        f"if {what} (line {failing.step.span.line}) fails, this stays behind",
        help="say how to undo it (`compensate: DELETE …`), or that nothing has to be undone (`compensate: none`)",
        related=((failing.step.span, "this can fail"),),
    )


def _may_fail_after(subject: Subject, place: Place, other: Place) -> bool:
    """Whether `other` can turn the run when the call at `place` has taken effect."""
    if other.section != "steps" or other.below_commit:
        return False
    if not isinstance(other.step.verb, Call | Fail):
        return False
    if not other.step.critical or any(not parent.critical for parent in other.parents):
        return False
    match how_ordered(other, place):
        case Order.LATER:
            return True
        case Order.BESIDE:
            return not _surely_ended(subject, place, other)
        case _:
            return False


def _surely_ended(subject: Subject, place: Place, other: Place) -> bool:
    """Whether `other`, in another child of a `parallel`, has ended before `place` starts."""
    pairs = enumerate(zip(place.path, other.path, strict=False))
    depth = next(level for level, (one, another) in pairs if one != another)
    graph = subject.graphs[place.section, place.path[:depth]]
    return waits_for(graph, place.path[depth], other.path[depth])


def _needs_a_lost_answer(subject: Subject, place: Place, call: Call) -> Iterator[Diagnostic]:
    undo = call.compensate
    if undo is None or undo.request is None or call.probe is not None:
        return
    if call.request.method in RESENDABLE or not undo_needs_answer(place):
        return
    if any(level.idempotency for level in habits_of(subject.workflow, call.request)):
        return
    service = call.request.service.text
    name = place.step.id.text if place.step.id else "this step"
    span: Span = undo.key
    yield Diagnostic(
        "F013",
        span,
        f"the undo of `{name}` needs its answer, and the answer can be lost",
        "then this cannot be sent, and the run is stuck",
        help=f"say `idempotency: 24h` on `{service}` if it honours Idempotency-Key, add a `probe`, or undo by `steps.{name}.key`",
    )
