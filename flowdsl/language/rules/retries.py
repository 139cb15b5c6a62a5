"""Patience against the run's deadline: a run that could still be retrying is cancelled, which surprises people."""

from __future__ import annotations

from collections.abc import Iterator

from flowdsl.language import order
from flowdsl.language.diagnostics import Diagnostic
from flowdsl.language.lower_call import ATTEMPTS, habits_of, merged, timeout_of
from flowdsl.language.places import Place
from flowdsl.language.subject import Subject
from flowdsl.language.workflow import Call, Group, Wait
from flowdsl.plan.nodes import Retry

_JITTER = 1.5  # a delay is at most this much longer than its number


def check_retries(subject: Subject) -> Iterator[Diagnostic]:
    timeout = subject.workflow.timeout
    if timeout is None:
        return
    above = [place for place in subject.children((), "steps") if not place.below_commit]
    worst = sum(_worst_seconds(subject, place) for place in above)
    if worst <= timeout.value:
        return
    leaves = [
        place
        for place in subject.places
        if place.section == "steps"
        and not place.below_commit
        and not isinstance(place.step.verb, Group)
    ]
    slowest = max(leaves, key=lambda place: _worst_seconds(subject, place))
    message = f"with every retry the steps above `commit` may take {_spell(worst)}"
    label = "and then the run is cancelled"
    part = f"up to {_spell(_worst_seconds(subject, slowest))} of it are spent here"
    related = ((slowest.step.span, part),)
    hint = "give the run more time, or the steps less"
    yield Diagnostic("F060", timeout.span, message, label, hint, related)


def _worst_seconds(subject: Subject, place: Place) -> float:
    match place.step.verb:
        case Call() as call:
            return _of_call(subject, call)
        case Wait(duration=duration):
            return duration.value
        case Group(kind="steps"):
            children = subject.children(place.path, place.section)
            return sum(_worst_seconds(subject, child) for child in children)
        case Group():
            return _of_parallel(subject, place)
        case _:
            return 0.0


def _of_call(subject: Subject, call: Call) -> float:
    levels = (call.request.retry, *(h.retry for h in habits_of(subject.workflow, call.request)))
    retry = merged(levels, ATTEMPTS)
    return retry.attempts * timeout_of(subject.workflow, call.request) + _delays(retry)


def _delays(retry: Retry) -> float:
    total, delay = 0.0, retry.delay_seconds
    for _ in range(retry.attempts - 1):
        total += min(delay, retry.max_delay_seconds) * _JITTER
        delay *= retry.backoff
    return total


def _of_parallel(subject: Subject, place: Place) -> float:
    """The longest way through the children."""
    graph = subject.graphs[place.section, place.path]
    if order.cycles(graph):
        return 0.0
    children = subject.children(place.path, place.section)
    ends: dict[int, float] = {}
    for child in order.sorted_children(graph):
        start = max((ends[before] for before in graph.predecessors(child)), default=0.0)
        ends[child] = start + _worst_seconds(subject, children[child])
    return max(ends.values(), default=0.0)


def _spell(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [
        f"{hours}h" if hours else "",
        f"{minutes}m" if minutes else "",
        f"{rest}s" if rest else "",
    ]
    return " ".join(part for part in parts if part) or "0s"
