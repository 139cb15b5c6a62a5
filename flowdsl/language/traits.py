"""What a file means for those that use it, found once: a file that is used a thousand times is looked through once."""

from __future__ import annotations

from typing import assert_never

from flowdsl.language.family import Traits
from flowdsl.language.parse.workflow import (
    CallVerb,
    EmitVerb,
    FailVerb,
    GroupVerb,
    LocalVerb,
    StatusVerb,
    Step,
    SwitchVerb,
    UsesVerb,
    WaitForVerb,
)
from flowdsl.language.places import StepPlace
from flowdsl.language.subject import Subject
from flowdsl.plan.expression.types import Type
from flowdsl.plan.nodes import READS


def traits_of(subject: Subject, outputs: Type) -> Traits:
    """The files it uses have been looked at before."""
    steps = [place for place in subject.places if place.section == "steps"]
    return Traits(
        size=sum(1 + traits_at(subject, place.step).size for place in subject.places),
        can_fail=any(_turns(subject, place) for place in steps),
        leaves=next((p.step.span.line for p in steps if _leaves_something(subject, p.step)), None),
        confirms=any(_confirms(subject, place.step) for place in steps),
        changes=any(changes(subject, place.step) for place in steps),
        status=any(
            isinstance(place.step.verb, StatusVerb) or traits_at(subject, place.step).status
            for place in steps
        ),
        outputs=outputs,
    )


def traits_at(subject: Subject, step: Step) -> Traits:
    """Those of the file that a step runs as part of this one; of none, nothing is to be feared."""
    if not isinstance(step.verb, UsesVerb) or step.verb.detach:
        return Traits()
    used = subject.used(step.verb)
    return used.traits if used is not None else Traits()


def can_fail(subject: Subject, step: Step) -> bool:
    match step.verb:
        case CallVerb() | FailVerb() | EmitVerb():
            return True
        case WaitForVerb(timeout=timeout, expect=expect):
            return timeout is not None or expect is not None
        case UsesVerb():
            return traits_at(subject, step).can_fail
        case GroupVerb() | SwitchVerb() | LocalVerb():
            return False
        case _:
            assert_never(step.verb)


def changes(subject: Subject, step: Step) -> bool:
    if isinstance(step.verb, CallVerb):
        return step.verb.request.method not in READS
    return traits_at(subject, step).changes


def is_forgiven(step: Step) -> bool:
    """Whether its failure turns nothing around it."""
    return not step.critical or (step.for_each is not None and step.for_each.collect == "settled")


def _turns(subject: Subject, place: StepPlace) -> bool:
    steps = place.chain
    return can_fail(subject, place.step) and not any(map(is_forgiven, steps))


def _leaves_something(subject: Subject, step: Step) -> bool:
    if isinstance(step.verb, CallVerb):
        return step.verb.compensate is None and changes(subject, step)
    return traits_at(subject, step).leaves is not None


def _confirms(subject: Subject, step: Step) -> bool:
    if isinstance(step.verb, CallVerb):
        return step.verb.confirm is not None
    return traits_at(subject, step).confirms
