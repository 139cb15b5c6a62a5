"""Good habits, as hints: URLs under `services`, waits that end, a `confirm` on every hold that wants one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowdsl.codes import Code
from flowdsl.language.parse.workflow import CallVerb, SetVerb, UsesVerb, WaitForVerb
from flowdsl.language.places import Path, Section, StepPlace
from flowdsl.language.subject import Subject, requests
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.nodes import READS
from flowdsl.plan.span import Span
from flowdsl.plan.template import Constant, Fields, Items, Template, Text

_URL = re.compile(r"https?://[^\s/]+")


def check_habits(subject: Subject) -> Iterator[Diagnostic]:
    confirmed: dict[
        tuple[Section, Path], StepPlace
    ] = {}  # by the group: the first hold with a confirm
    for place in subject.places:
        if _is_hold(place) and _confirms(place):
            confirmed.setdefault((place.section, place.path[:-1]), place)
    for place in subject.places:
        yield from _literal_urls(place)
        other = confirmed.get((place.section, place.path[:-1]))
        if other is not None and place.in_parallel and not place.below_commit:
            yield from _hold_without_confirm(subject, place, other)
    yield from _wait_without_end(subject)


# --- F063 --------------------------------------------------------------------------------------------


def _literal_urls(place: StepPlace) -> Iterator[Diagnostic]:
    for span, template in _values(place):
        url = next(_urls_in(template), None)
        if url is not None:
            message = f"a URL in the middle of a step: {url}"
            hint = "take it as an input or from `env`; a service that is called stands under `services:`"
            yield Diagnostic(Code.URL_OUTSIDE_SERVICES, span, message, help=hint)


def _values(place: StepPlace) -> Iterator[tuple[Span, Template]]:
    """What a step gives away, with the closest place that is known of it."""
    for _, request in requests(place):
        yield from ((name.span, value) for name, value in request.query + request.headers)
        if request.body is not None:
            yield from ((request.span, template) for template in request.body.templates)
    verb = place.step.verb
    if isinstance(verb, SetVerb | UsesVerb):
        values = verb.values if isinstance(verb, SetVerb) else verb.arguments
        yield from ((name.span, value) for name, value in values)


def _urls_in(template: Template) -> Iterator[str]:
    match template:
        case Constant(value=str() as text) | Text(parts=(str() as text, *_)):
            if found := _URL.match(text):
                yield found.group()
        case Items(items=items):
            for item in items:
                yield from _urls_in(item)
        case Fields(fields=fields):
            for _, value in fields:
                yield from _urls_in(value)
        case _:
            return


# --- F066 --------------------------------------------------------------------------------------------


def _hold_without_confirm(
    subject: Subject, place: StepPlace, other: StepPlace
) -> Iterator[Diagnostic]:
    """In the same `parallel`, others say how they are confirmed. A contract says it better than its neighbours."""
    if not _is_hold(place) or _confirms(place) or _is_described(subject, place):
        return
    name = f"`{place.step.id.text}`" if place.step.id else "this step"
    what = f"`{other.step.id.text}`" if other.step.id else "the step"
    message = f"{name} has no `confirm`, and {what} beside it has one"
    hint = "say how it is confirmed (`confirm: POST …`), if its service wants that"
    related = ((other.step.span, "this one is confirmed"),)
    yield Diagnostic(Code.NEVER_CONFIRMED, place.step.span, message, help=hint, related=related)


def _is_hold(place: StepPlace) -> bool:
    call = place.step.verb
    if not isinstance(call, CallVerb) or call.compensate is None:
        return False
    return call.compensate.request is not None and call.request.method not in READS


def _is_described(subject: Subject, place: StepPlace) -> bool:
    call = place.step.verb
    return isinstance(call, CallVerb) and call.request.service.text in subject.contracts.by_service


def _confirms(place: StepPlace) -> bool:
    return isinstance(place.step.verb, CallVerb) and place.step.verb.confirm is not None


# --- F067 --------------------------------------------------------------------------------------------


def _wait_without_end(subject: Subject) -> Iterator[Diagnostic]:
    """Said once a file, of the first: a `timeout` of the run ends them all."""
    if subject.workflow.timeout is not None:
        return
    for place in subject.places:
        verb = place.step.verb
        if isinstance(verb, WaitForVerb) and verb.timeout is None:
            message = f"nothing ends this wait if nobody sends `{verb.signal.text}`"
            hint = "say how long: `timeout: 24h` here, or a `timeout` of the whole run"
            yield Diagnostic(Code.ENDLESS_WAIT, place.step.span, message, help=hint)
            return
