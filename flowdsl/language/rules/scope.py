"""The type of every name at one place of the file: what may be null there, and what a `when` has ruled out."""

from __future__ import annotations

from flowdsl.language.places import Definition, Order, Part, Place, Use, order
from flowdsl.language.subject import Subject
from flowdsl.language.workflow import Assignment, Call, Group, Step
from flowdsl.plan.inference import infer
from flowdsl.plan.expression import Expression
from flowdsl.plan.nodes import Input
from flowdsl.plan.paths import Paths, proven_if_true
from flowdsl.plan.template import Constant, Fields, Items, Template, Text
from flowdsl.plan.tree import Path
from flowdsl.plan.types import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    TEXT,
    ListOf,
    Object,
    Type,
    from_schema,
    join,
    optional,
    type_of,
    widen,
    without_null,
)

# Any JSON at all, null said: Anything would swallow the null.
_ANYTHING_OR_NULL = join(
    (Object((), closed=False), ListOf(ANYTHING), TEXT, NUMBER, BOOLEAN, NULL)
)
_RUN = Object((("id", TEXT), ("name", TEXT), ("started", TEXT)))
_ERROR = Object(
    (
        ("code", TEXT),
        ("step", TEXT),
        ("message", TEXT),
        ("status", optional(INTEGER)),
        ("response", ANYTHING),
    )
)


def names_at(subject: Subject, place: Place, use: Use) -> dict[str, Type]:
    names = _always(subject)
    names["error"] = _ERROR
    for name, definition in subject.known.items():
        names[name] = _type_at(subject, definition, place, names, use)
    # The condition of a step cannot rely on itself, only on those of the groups around it.
    own = () if use.expression is place.step.when else (place.step,)
    for step in (*place.parents, *own):
        if step.when is not None:
            names = _narrowed(names, proven_if_true(step.when.tree))
    return names


def names_at_the_end(subject: Subject) -> dict[str, Type]:
    names = _always(subject)
    for name, definition in subject.known.items():
        names[name] = _value(subject, definition, names)
        if any(_may_be_left_out(step) for step in _chain(definition.place)):
            names[name] = _or_null(names[name])
    return names


def _always(subject: Subject) -> dict[str, Type]:
    inputs = tuple((item.name, _of_input(item)) for item in subject.workflow.inputs)
    return {"inputs": Object(inputs), "run": _RUN}


def _of_input(declared: Input) -> Type:
    if declared.secret:  # what may be done with a secret is another rule's
        return ANYTHING
    given = from_schema(declared.schema)
    null_is_possible = declared.optional and not (declared.has_default and declared.default is not None)
    return _or_null(given) if null_is_possible else given


def _type_at(
    subject: Subject, definition: Definition, reader: Place, names: dict[str, Type], use: Use
) -> Type:
    target = definition.place
    match order(target, reader):
        case Order.SAME:
            return ANYTHING  # its own answer, in `expect`, `confirm` and `compensate`
        case Order.BEFORE | Order.BESIDE:
            value = _value(subject, definition, names)
        case _:
            return ANYTHING  # reported as used too early
    if reader.section == "on_failure" and target.section == "steps":
        return _or_null(value)  # nobody knows how far the run came
    return _or_null(value) if _may_be_null(target, reader, use) else value


def _may_be_null(target: Place, reader: Place, use: Use) -> bool:
    """Whether the step may have been left out where the reader was not."""
    conditions = {step.when.text for step in (*reader.parents, reader.step) if step.when is not None}
    if use.expression is reader.step.when and use.part is Part.DO:
        conditions.discard(use.expression.text)
    shared = len(
        [1 for a, b in zip(target.parents, reader.parents, strict=False) if a is b]
    )
    return any(
        not step.critical or (step.when is not None and step.when.text not in conditions)
        for step in _chain(target)[shared:]
    )


def _chain(place: Place) -> tuple[Step, ...]:
    return (*place.parents, place.step)


def _may_be_left_out(step: Step) -> bool:
    return step.when is not None or not step.critical


def _value(subject: Subject, definition: Definition, names: dict[str, Type]) -> Type:
    step = definition.place.step
    match step.verb:
        case Assignment(values=values) if definition.is_set:
            template = next(value for name, value in values if name == definition.name)
            return _of_template(template, names)
        case Call():
            return ANYTHING
        case Group(kind="parallel") if not step.broken:
            return NULL
        case _:
            return ANYTHING


def _of_template(template: Template, names: dict[str, Type]) -> Type:
    match template:
        case Constant(value=value):
            return widen(type_of(value))
        case Expression():
            return infer(template, names).type
        case Text():
            return TEXT
        case Items(items=items):
            return ListOf(widen(join(_of_template(item, names) for item in items)))
        case Fields(fields=fields):
            kept = tuple((name, _of_template(value, names)) for name, value in fields)
            return Object(kept, closed=True, required=frozenset(name for name, _ in kept))


def _or_null(given: Type) -> Type:
    return _ANYTHING_OR_NULL if given == ANYTHING else optional(given)


def _narrowed(names: dict[str, Type], proven: Paths) -> dict[str, Type]:
    """The same names where these paths are known not to be null."""
    narrowed = dict(names)
    for path in proven:
        root = str(path[0])
        if root in narrowed:
            narrowed[root] = _without_null_at(narrowed[root], path[1:])
    return narrowed


def _without_null_at(given: Type, path: Path) -> Type:
    rest = without_null(given)
    if not path or not isinstance(rest, Object):
        return rest
    fields = tuple(
        (name, _without_null_at(kept, path[1:]) if name == path[0] else kept)
        for name, kept in rest.fields
    )
    return Object(fields, rest.closed, rest.required)
