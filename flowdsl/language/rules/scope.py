"""The type of every name at one place of the file: what may be null there, and what a `when` has ruled out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flowdsl.language.places import Order, Part, Place, Role, Use, order
from flowdsl.language.rules.answers import own_answer_type, probe_type, value_type
from flowdsl.language.subject import Subject
from flowdsl.language.workflow import Assignment, Call, Group, Step
from flowdsl.plan.expression import Expression
from flowdsl.plan.inference import infer
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
_ANYTHING_OR_NULL = join((Object((), closed=False), ListOf(ANYTHING), TEXT, NUMBER, BOOLEAN, NULL))
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


@dataclass(frozen=True, slots=True)
class Types:
    """`values`: what each step and `set` name holds where it has run."""

    subject: Subject
    always: Mapping[str, Type]
    values: Mapping[str, Type]


def types_of(subject: Subject) -> Types:
    types = Types(subject, _always(subject), {})
    values: dict[str, Type] = {}
    for place in subject.places:  # in the order of the file: a `set` reads what is above it
        step, so_far = place.step, replace(types, values=values)
        if isinstance(step.verb, Assignment):
            for name, template in step.verb.values:
                values.setdefault(name.text, _of_template(so_far, place, template))
        if step.id is not None:
            values.setdefault(step.id.text, _value_of(subject, step))
    return replace(types, values=values)


def _value_of(subject: Subject, step: Step) -> Type:
    match step.verb:
        case Call():
            return value_type(subject, step)
        case Group(kind="parallel") if not step.broken:
            return NULL
        case _:
            return ANYTHING


def names_at(types: Types, place: Place, use: Use) -> dict[str, Type]:
    """The types of the names that an expression of a step reads."""
    names = {**types.always, "error": _ERROR}
    if use.part is Part.PROBE:
        names["probe"] = probe_type(types.subject, place)
    for name in _names_read(types, use.expression):
        names[name] = _type_at(types, name, place, use)
    # The condition of a step cannot rely on itself, only on those of the groups around it.
    own = () if use.expression is place.step.when else (place.step,)
    for step in (*place.parents, *own):
        if step.when is not None:
            names = _narrowed(names, proven_if_true(step.when.tree))
    return names


def names_at_the_end(types: Types, use: Use) -> dict[str, Type]:
    """The same for an expression of `outputs`."""
    names = dict(types.always)
    for name in _names_read(types, use.expression):
        left_out = any(_may_be_left_out(s) for s in _chain(types.subject.known[name].place))
        names[name] = _or_null(types.values[name]) if left_out else types.values[name]
    return names


def _names_read(types: Types, expression: Expression) -> set[str]:
    return {str(reference.path[0]) for reference in expression.references} & types.values.keys()


def _always(subject: Subject) -> dict[str, Type]:
    inputs = tuple((item.name, _of_input(item)) for item in subject.workflow.inputs)
    return {"inputs": Object(inputs), "run": _RUN}


def _of_input(declared: Input) -> Type:
    if declared.secret:  # what may be done with a secret is another rule's
        return ANYTHING
    given = from_schema(declared.schema)
    null_is_possible = declared.optional and not (
        declared.has_default and declared.default is not None
    )
    return _or_null(given) if null_is_possible else given


def _type_at(types: Types, name: str, reader: Place, use: Use) -> Type:
    target = types.subject.known[name].place
    value = types.values[name]
    match order(target, reader):
        case Order.BEFORE | Order.BESIDE:
            left_out = _may_be_null(target, reader, use)
        case Order.SAME if types.subject.known[name].kind == "id":
            return own_answer_type(types.subject, target)
        case _:  # reported as used too early
            return ANYTHING
    # In `on_failure` nobody knows how far the run came.
    left_out = left_out or target.section != reader.section
    return _or_null(value) if left_out else value


def _may_be_null(target: Place, reader: Place, use: Use) -> bool:
    """Whether the step may have been left out where the reader was not."""
    conditions = {
        step.when.text for step in (*reader.parents, reader.step) if step.when is not None
    }
    if use.expression is reader.step.when and use.part is Part.DO:
        conditions.discard(use.expression.text)
    shared = len([1 for a, b in zip(target.parents, reader.parents, strict=False) if a is b])
    return any(
        not step.critical or (step.when is not None and step.when.text not in conditions)
        for step in _chain(target)[shared:]
    )


def _chain(place: Place) -> tuple[Step, ...]:
    return (*place.parents, place.step)


def _may_be_left_out(step: Step) -> bool:
    return step.when is not None or not step.critical


def _of_template(types: Types, place: Place, template: Template) -> Type:
    match template:
        case Constant(value=value):
            return widen(type_of(value))
        case Expression():
            return infer(template, names_at(types, place, Use(template, Role.VALUE))).type
        case Text():
            return TEXT
        case Items(items=items):
            return ListOf(widen(join(_of_template(types, place, item) for item in items)))
        case Fields(fields=fields):
            kept = tuple((name, _of_template(types, place, value)) for name, value in fields)
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
