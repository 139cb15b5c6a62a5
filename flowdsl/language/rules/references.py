"""Every name an expression reads is there, and its step surely ended before.

Names above in a list have; a sibling in a `parallel` has too, since reading it makes an order.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowdsl.language.diagnostics import Diagnostic
from flowdsl.language.places import Order, Part, Place, Role, Use, in_template, order
from flowdsl.language.subject import Subject, reads
from flowdsl.language.vocabulary import FIELDS_OF_A_STEP, did_you_mean, like, listed
from flowdsl.language.workflow import Call
from flowdsl.plan.expression import Expression, Reference
from flowdsl.plan.span import Span
from flowdsl.plan.template import Template

_EVERYWHERE = ("inputs", "env", "secrets", "steps", "run")
_NOT_YET_FIELDS = frozenset({"item", "items"})


def check_references(subject: Subject) -> Iterator[Diagnostic]:
    for place in subject.places:
        for use, reference in reads(place):
            yield from _in_step(subject, place, use, reference)
    for _, template in subject.workflow.outputs:
        for use in in_template(template, Role.OUTPUT):
            for reference in use.expression.references:
                yield from _in_outputs(subject, use.expression, reference)
    for service in subject.workflow.services:
        yield from _in_service(subject, service.url, ("env",), "the URL of a service")
        rest = [service.auth] if service.auth is not None else []
        for template in [*rest, *(value for _, value in service.headers)]:
            allowed = ("env", "secrets", "inputs", "run")
            yield from _in_service(subject, template, allowed, "a header of a service")


def _in_step(
    subject: Subject, place: Place, use: Use, reference: Reference
) -> Iterator[Diagnostic]:
    expression, root = use.expression, str(reference.path[0])
    if root == "steps":
        yield from _exchange(subject, place, use, reference)
    elif root == "error" and use.part is not Part.UNDO and place.section != "on_failure":
        message = "`error` is known in `compensate` and in `on_failure` only"
        yield Diagnostic("F041", _root_span(subject, expression, reference), message)
    elif root == "probe" and use.role not in (Role.FOUND, Role.RESULT):
        message = "`probe` is known in `found` and `result` only"
        yield Diagnostic("F041", _root_span(subject, expression, reference), message)
    elif root in ("error", "probe") or root in _EVERYWHERE:
        yield from _incomplete(subject, expression, reference)
    elif root in subject.known:
        yield from _too_early(subject, place, use, reference, root)
    else:
        names = _names_here(subject, place)
        yield _unknown(subject, expression, reference, names)


def _in_outputs(
    subject: Subject, expression: Expression, reference: Reference
) -> Iterator[Diagnostic]:
    root = str(reference.path[0])
    if root == "steps":
        yield from _exchange(subject, None, Use(expression, Role.OUTPUT), reference)
    elif root in _EVERYWHERE:
        yield from _incomplete(subject, expression, reference)
    elif root not in subject.known:
        names = [name for name, item in subject.known.items() if item.place.section == "steps"]
        yield _unknown(subject, expression, reference, names)
    elif subject.known[root].place.section == "on_failure":
        span = _root_span(subject, expression, reference)
        yield Diagnostic("F045", span, f"`{root}` runs only when the run fails")


def _in_service(
    subject: Subject, template: Template, allowed: tuple[str, ...], where: str
) -> Iterator[Diagnostic]:
    for use in in_template(template, Role.URL):
        for reference in use.expression.references:
            root = str(reference.path[0])
            if root in allowed:
                yield from _incomplete(subject, use.expression, reference)
            elif root != "secrets":  # a secret in a URL is another rule's
                span = _root_span(subject, use.expression, reference)
                message = f"{where} cannot read `{root}`"
                hint = f"it may read {listed(allowed)}"
                yield Diagnostic("F041", span, message, help=hint)


def _incomplete(
    subject: Subject, expression: Expression, reference: Reference
) -> Iterator[Diagnostic]:
    """`env` and `secrets` are no values: each name is asked for by itself."""
    root = reference.path[0]
    if root in ("env", "secrets") and len(reference.path) == 1:
        span = _root_span(subject, expression, reference)
        yield Diagnostic("F041", span, f"`{root}` needs a name", help=f"write `{root}.NAME`")


def _exchange(
    subject: Subject, place: Place | None, use: Use, reference: Reference
) -> Iterator[Diagnostic]:
    """`steps.ID.field`."""
    expression = use.expression
    ids = [name for name, item in subject.known.items() if not item.is_set]
    if len(reference.path) < 2 or not isinstance(reference.path[1], str):
        span = _root_span(subject, expression, reference)
        yield Diagnostic("F041", span, "`steps` needs the id of a step", help="write `steps.ID`")
        return
    name = reference.path[1]
    span = _part_span(subject, expression, reference, 1)
    if name not in ids:
        hint = f"the steps are {listed(ids)}" if ids else "no step has an id"
        yield Diagnostic("F041", span, f"unknown step `{name}`", did_you_mean(name, ids), hint)
        return
    if not isinstance(subject.known[name].place.step.verb, Call):
        if not subject.known[name].place.step.broken:
            message = f"`{name}` is no call: it has no exchange"
            yield Diagnostic("F041", span, message, help=f"its value is `{name}`")
        return
    fields = reference.path[2:]
    if not fields or fields[0] not in FIELDS_OF_A_STEP:
        yield _no_field(subject, expression, reference, name)
    elif place is not None:
        yield from _too_early(subject, place, use, reference, name)


def _no_field(
    subject: Subject, expression: Expression, reference: Reference, name: str
) -> Diagnostic:
    hint = f"the fields are {listed(FIELDS_OF_A_STEP)}; the answer itself is `{name}`"
    if len(reference.path) < 3:
        span = _part_span(subject, expression, reference, 1)
        return Diagnostic("F042", span, f"`steps.{name}` needs a field", help=hint)
    field = str(reference.path[2])
    span = _part_span(subject, expression, reference, 2)
    if field in _NOT_YET_FIELDS:
        return Diagnostic("F005", span, f"`steps.{name}.{field}` is not supported yet", help=hint)
    label = did_you_mean(field, FIELDS_OF_A_STEP)
    return Diagnostic("F042", span, f"`steps.{name}` has no `{field}`", label, hint)


def _too_early(
    subject: Subject, place: Place, use: Use, reference: Reference, name: str
) -> Iterator[Diagnostic]:
    definition = subject.known[name]
    how = order(definition.place, place)
    if how in (Order.BEFORE, Order.BESIDE) or (
        how is Order.SAME and _sees_itself(use, reference, is_set=definition.is_set)
    ):
        return
    at = 1 if reference.path[0] == "steps" else 0
    span = _part_span(subject, use.expression, reference, at)
    related = ((definition.name.span, f"`{name}` is given its value here"),)
    yield Diagnostic("F045", span, _why(name, how, use, is_set=definition.is_set), related=related)


def _sees_itself(use: Use, reference: Reference, *, is_set: bool) -> bool:
    if is_set:
        return False
    if use.part is Part.PROBE:
        return reference.path[0] == "steps" and reference.path[2:3] == ("key",)
    return use.part in (Part.UNDO, Part.CONFIRM) or use.role is Role.EXPECT


def _why(name: str, how: Order, use: Use, *, is_set: bool) -> str:
    match how:
        case Order.SAME if is_set:
            return f"`{name}` is set by this very step: make it two"
        case Order.SAME if use.part is Part.PROBE:
            return f"the answer of `{name}` was lost: a probe sees `steps.{name}.key` only"
        case Order.SAME:
            return f"`{name}` has no answer yet"
        case Order.AROUND:
            return f"`{name}` is the group this step is in: it has not ended"
        case Order.INSIDE:
            return f"`{name}` is inside this group: it has not run"
        case _:
            return f"`{name}` has not run here: its step comes later"


def _unknown(
    subject: Subject, expression: Expression, reference: Reference, names: list[str]
) -> Diagnostic:
    root = str(reference.path[0])
    span = _root_span(subject, expression, reference)
    inputs = [item.name for item in subject.workflow.inputs]
    everything = [*names, *_EVERYWHERE]
    if root in inputs:
        label = f"did you mean `inputs.{root}`?"
    elif like(root, everything) is None and (close := like(root, inputs)) is not None:
        label = f"did you mean `inputs.{close}`?"
    else:
        label = did_you_mean(root, everything)
    hint = f"names here: {', '.join(everything)}"
    return Diagnostic("F041", span, f"unknown name `{root}`", label, hint)


def _names_here(subject: Subject, place: Place) -> list[str]:
    return [
        name
        for name, item in subject.known.items()
        if order(item.place, place) in (Order.BEFORE, Order.BESIDE)
    ]


def _root_span(subject: Subject, expression: Expression, reference: Reference) -> Span:
    return _part_span(subject, expression, reference, 0)


def _part_span(subject: Subject, expression: Expression, reference: Reference, part: int) -> Span:
    """The place of one part of a path: of `steps.flight.status`, part 1 is `flight`."""
    end = reference.start + reference.length
    start = reference.start
    for name in reference.path[:part]:
        found = expression.text.find(str(name), start, end)
        start = found + len(str(name)) if found >= 0 else start
    wanted = str(reference.path[part])
    found = expression.text.find(wanted, start, end)
    if found < 0:
        return subject.workflow.locate(expression, reference.start, reference.length)
    return subject.workflow.locate(expression, found, len(wanted))
