"""Every name an expression reads is there, and its step surely ended before.

Names above in a list have; a sibling in a `parallel` has too, since reading it makes an order.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowdsl.codes import Code
from flowdsl.language.parse.vocabulary import FIELDS_OF_A_STEP, FIELDS_OF_ITEMS
from flowdsl.language.parse.workflow import CallVerb, EmitVerb, Step
from flowdsl.language.places import (
    DefinedName,
    Part,
    Relation,
    Role,
    StepPlace,
    Use,
    in_template,
    order,
)
from flowdsl.language.subject import Subject, reads
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.expression.compiled import Expression, Reference
from flowdsl.plan.nodes import templates_of
from flowdsl.plan.span import Span
from flowdsl.plan.template import Template
from flowdsl.plan.words import did_you_mean, like, listed

NAMES_MAX = 30  # that are told where one is not known

_KNOWN_WITHOUT_AN_ANSWER = (("key",), ("item",), ("items",))
_EVERYWHERE = ("inputs", "env", "secrets", "steps", "run")


def check_references(subject: Subject) -> Iterator[Diagnostic]:
    for place in subject.places:
        for use, reference in reads(place):
            yield from _in_step(subject, place, use, reference)
    for _, template in subject.workflow.outputs:
        for use in in_template(template, Role.OUTPUT):
            for reference in use.expression.references:
                yield from _in_outputs(subject, use.expression, reference)
    if subject.workflow.key is not None:
        allowed: tuple[str, ...] = ("inputs", "env")
        yield from _in_service(subject, subject.workflow.key, allowed, "the key of a run")
    for service in subject.workflow.services:
        yield from _in_service(subject, service.url, ("env",), "the URL of a service")
        rest = templates_of(service.auth)
        for template in [*rest, *(value for _, value in service.headers)]:
            allowed = ("env", "secrets", "inputs", "run")
            yield from _in_service(subject, template, allowed, "a header of a service")


def _in_step(
    subject: Subject, place: StepPlace, use: Use, reference: Reference
) -> Iterator[Diagnostic]:
    expression, root = use.expression, str(reference.path[0])
    if root == "steps":
        yield from _exchange(subject, place, use, reference)
    elif root == "error" and not _knows_an_error(place, use):
        message = "`error` is known in `compensate`, in `fallback` and in `on_failure` only"
        yield Diagnostic(Code.UNKNOWN_NAME, _root_span(subject, expression, reference), message)
    elif root == "probe" and use.role not in (Role.FOUND, Role.RESULT):
        message = "`probe` is known in `found` and `result` only"
        yield Diagnostic(Code.UNKNOWN_NAME, _root_span(subject, expression, reference), message)
    elif root in ("error", "probe") or root in _EVERYWHERE:
        yield from _incomplete(subject, expression, reference)
    elif root in subject.known:
        yield from _too_early(subject, place, use, reference, root)
    else:
        names = _names_here(subject, place)
        yield _unknown(subject, expression, reference, names)


def _knows_an_error(place: StepPlace, use: Use) -> bool:
    in_fallback = any(isinstance(parent.verb, CallVerb) for parent in place.parents)
    return use.part is Part.UNDO or in_fallback or place.section == "on_failure"


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
        yield Diagnostic(Code.USED_TOO_EARLY, span, f"`{root}` runs only when the run fails")
    elif not subject.known[root].is_known_at(()):
        yield _only_inside(subject, expression, reference, subject.known[root])


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
                yield Diagnostic(Code.UNKNOWN_NAME, span, message, help=hint)


def _incomplete(
    subject: Subject, expression: Expression, reference: Reference
) -> Iterator[Diagnostic]:
    """`env` and `secrets` are not values: each name is asked for by itself."""
    root = reference.path[0]
    if root in ("env", "secrets") and len(reference.path) == 1:
        span = _root_span(subject, expression, reference)
        yield Diagnostic(
            Code.UNKNOWN_NAME, span, f"`{root}` needs a name", help=f"write `{root}.NAME`"
        )


def _exchange(
    subject: Subject, place: StepPlace | None, use: Use, reference: Reference
) -> Iterator[Diagnostic]:
    """`steps.ID.field`."""
    expression = use.expression
    if len(reference.path) < 2 or not isinstance(reference.path[1], str):
        span = _root_span(subject, expression, reference)
        yield Diagnostic(
            Code.UNKNOWN_NAME, span, "`steps` needs the id of a step", help="write `steps.ID`"
        )
        return
    name = reference.path[1]
    span = _part_span(subject, expression, reference, 1)
    definition = subject.known.get(name)
    if definition is None or definition.is_set:
        ids = [name for name, item in subject.known.items() if not item.is_set]
        hint = f"the steps are {listed(ids)}" if ids else "no step has an id"
        yield Diagnostic(
            Code.UNKNOWN_NAME, span, f"unknown step `{name}`", did_you_mean(name, ids), hint
        )
        return
    step = definition.place.step
    fields = _fields_of(
        step,
        within=place is not None
        and place.path[: len(definition.place.path)] == definition.place.path,
    )
    if not fields:
        if not step.broken:
            message = f"`{name}` is not a call: it has no exchange"
            yield Diagnostic(Code.UNKNOWN_NAME, span, message, help=f"its value is `{name}`")
    elif reference.path[2:3] == () or reference.path[2] not in fields:
        yield _no_field(subject, expression, reference, name, fields)
    elif place is not None:
        yield from _too_early(subject, place, use, reference, name)
    elif not definition.is_known_at(()):
        yield _only_inside(subject, expression, reference, definition)


def _fields_of(step: Step, *, within: bool) -> tuple[str, ...]:
    """What `steps.ID` has. Of many items, an exchange is only one's: in the item itself, or the winner's."""
    fields = FIELDS_OF_A_STEP if isinstance(step.verb, CallVerb | EmitVerb) else ()
    if step.for_each is None:
        return fields
    if within or step.for_each.collect == "first_success":
        return (*fields, *FIELDS_OF_ITEMS)
    return ("items",)


def _no_field(
    subject: Subject,
    expression: Expression,
    reference: Reference,
    name: str,
    fields: tuple[str, ...],
) -> Diagnostic:
    hint = f"the fields are {listed(fields)}; the answer itself is `{name}`"
    if len(reference.path) < 3:
        span = _part_span(subject, expression, reference, 1)
        return Diagnostic(Code.UNKNOWN_FIELD, span, f"`steps.{name}` needs a field", help=hint)
    field = str(reference.path[2])
    span = _part_span(subject, expression, reference, 2)
    if field in FIELDS_OF_ITEMS:
        message = f"`steps.{name}` has no `{field}`"
        only = "no `for_each`" if "items" not in fields else "not one item that won"
        return Diagnostic(Code.UNKNOWN_FIELD, span, message, f"it is {only}", hint)
    if field in FIELDS_OF_A_STEP:
        message = f"`steps.{name}` has no `{field}` out here: each item has its own"
        return Diagnostic(Code.UNKNOWN_FIELD, span, message, help=hint)
    label = did_you_mean(field, fields)
    return Diagnostic(Code.UNKNOWN_FIELD, span, f"`steps.{name}` has no `{field}`", label, hint)


def _too_early(
    subject: Subject, place: StepPlace, use: Use, reference: Reference, name: str
) -> Iterator[Diagnostic]:
    definition = subject.definition(name, place)
    if not definition.is_known_at(place.path):
        yield _only_inside(subject, use.expression, reference, definition)
        return
    how = order(definition.place, place)
    if how in (Relation.BEFORE, Relation.BESIDE) or _is_seen(definition, how, use, reference):
        return
    at = 1 if reference.path[0] == "steps" else 0
    span = _part_span(subject, use.expression, reference, at)
    related = ((definition.name.span, f"`{name}` is given its value here"),)
    yield Diagnostic(Code.USED_TOO_EARLY, span, _why(definition, how, use), related=related)


def _only_inside(
    subject: Subject, expression: Expression, reference: Reference, definition: DefinedName
) -> Diagnostic:
    """Each item has its own: outside there is no telling which is meant."""
    name = definition.name.text
    at = 1 if reference.path[0] == "steps" else 0
    span = _part_span(subject, expression, reference, at)
    each = next(
        p
        for p in subject.places
        if p.path == definition.home and p.section == definition.place.section
    )
    message = f"`{name}` is known inside the items of this `for_each` only"
    related = (
        ((each.step.for_each.variable.span, "each item has its own"),) if each.step.for_each else ()
    )
    whole = each.step.id.text if each.step.id else None
    hint = (
        f"after it, `{whole}` holds what came of the items"
        if whole
        else "give the `for_each` an id, and read that"
    )
    return Diagnostic(Code.UNKNOWN_NAME, span, message, help=hint, related=related)


def _is_seen(definition: DefinedName, how: Relation, use: Use, reference: Reference) -> bool:
    """Whether a step may read what it gives itself, or what is around it."""
    if definition.kind == "variable":
        return how is Relation.AROUND or use.role not in (Role.WHEN, Role.ITEMS)
    return how is Relation.SAME and _sees_itself(use, reference, is_set=definition.is_set)


def _sees_itself(use: Use, reference: Reference, *, is_set: bool) -> bool:
    if is_set:
        return False
    if use.part is Part.PROBE:
        return reference.path[0] == "steps" and reference.path[2:3] in _KNOWN_WITHOUT_AN_ANSWER
    return use.part in (Part.UNDO, Part.CONFIRM) or use.role is Role.EXPECT


def _why(definition: DefinedName, how: Relation, use: Use) -> str:
    name, verb = definition.name.text, definition.place.step.verb
    match how:
        case Relation.SAME if definition.kind == "variable":
            return f"`{name}` is one item: this is asked once, before there are any"
        case Relation.SAME if definition.is_set:
            return f"`{name}` is set by this very step: make it two"
        case Relation.SAME if use.part is Part.PROBE:
            return f"the answer of `{name}` was lost: a probe sees `steps.{name}.key` only"
        case Relation.SAME:
            return f"`{name}` has no answer yet"
        case Relation.AROUND if isinstance(verb, CallVerb):
            return f"`{name}` was refused where its `fallback` runs: `error` says why"
        case Relation.AROUND:
            return f"`{name}` is the group this step is in: it has not ended"
        case Relation.INSIDE:
            return f"`{name}` is inside this step: it has not run"
        case Relation.INSTEAD:
            return f"`{name}` is in another branch: where this one is taken, it did not run"
        case Relation.LATER | Relation.BEFORE | Relation.BESIDE:
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
    more = [f"{len(names) - NAMES_MAX} more"] if len(names) > NAMES_MAX else []
    hint = f"names here: {', '.join([*names[:NAMES_MAX], *more, *_EVERYWHERE])}"
    return Diagnostic(Code.UNKNOWN_NAME, span, f"unknown name `{root}`", label, hint)


def _names_here(subject: Subject, place: StepPlace) -> list[str]:
    return [
        name
        for name, item in subject.known.items()
        if order(item.place, place) in (Relation.BEFORE, Relation.BESIDE)
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
