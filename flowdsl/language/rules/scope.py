"""The type of every name at one place of the file: what may be null there, and what a `when` has ruled out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec import Struct

from flowdsl.language.parse.workflow import (
    CallVerb,
    SetVerb,
    Step,
    SwitchVerb,
    UsesVerb,
    WaitForVerb,
)
from flowdsl.language.places import (
    Part,
    Path,
    Relation,
    Role,
    Section,
    StepPlace,
    Use,
    order,
    shared_steps,
)
from flowdsl.language.rules.answers import answer_type, own_answer_type, probe_type
from flowdsl.language.rules.results import StepResult, or_null, value_of
from flowdsl.language.subject import Subject
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.inference import infer
from flowdsl.plan.expression.paths import Paths, proven_if_true
from flowdsl.plan.expression.signature import item_of
from flowdsl.plan.expression.tree import Path as TreePath
from flowdsl.plan.expression.types import (
    ANYTHING,
    INTEGER,
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
from flowdsl.plan.nodes import Input
from flowdsl.plan.template import Constant, Fields, Items, Template, Text

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


class Types(Struct, frozen=True):
    """`values`: what each step and `set` name holds where it has run. `items`: what each `for_each` goes over."""

    subject: Subject
    always: Mapping[str, Type]
    values: Mapping[str, Type]
    items: Mapping[tuple[Section, Path], Type]

    def item(self, place: StepPlace) -> Type:
        return self.items.get((place.section, place.path), ANYTHING)


def types_of(subject: Subject) -> Types:
    values: dict[str, Type] = {}
    items: dict[tuple[Section, Path], Type] = {}
    types = Types(subject, _always(subject), values, items)
    for place in subject.places:  # in the order of the file: a `set` reads what is above it
        step = place.step
        if step.for_each is not None:
            found = _of_template(types, place, step.for_each.items, Role.ITEMS)
            items[place.section, place.path] = item_of(without_null(found))
            values.setdefault(step.for_each.variable.text, ANYTHING)
        if isinstance(step.verb, SetVerb):
            for name, template in step.verb.values:
                values.setdefault(name.text, _of_template(types, place, template))
        if step.id is not None:
            told = StepResult(partial(_outputs_of, subject), partial(answer_type, subject))
            values.setdefault(step.id.text, value_of(step, told))
    return types


def names_at(types: Types, place: StepPlace, use: Use) -> dict[str, Type]:
    """The types of the names that an expression of a step reads."""
    names = {**types.always, "error": _ERROR}
    if use.part is Part.PROBE:
        names["probe"] = probe_type(types.subject, place)
    for name in _names_read(types, use.expression):
        names[name] = _type_at(types, name, place, use)
    names["steps"] = _exchanges(types, use.expression, place, use)
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
        left_out = _is_left_out(types.subject.known[name].place.chain, 0, frozenset())
        names[name] = or_null(types.values[name]) if left_out else types.values[name]
    names["steps"] = _exchanges(types, use.expression, None, use)
    return names


def types_at_the_end(subject: Subject) -> Object:
    """What the workflow comes to: an object of just its outputs, with what is known of each."""
    types = types_of(subject)
    outputs = tuple(
        (name.text, _of_template(types, None, value, Role.OUTPUT))
        for name, value in subject.workflow.outputs
    )
    return Object(outputs, closed=True, required=frozenset(name for name, _ in outputs))


def type_of_template(types: Types, place: StepPlace, template: Template) -> Type:
    """The type of a value that a step gives away."""
    return _of_template(types, place, template, Role.ARGUMENT)


def _names_read(types: Types, expression: Expression) -> set[str]:
    return {str(reference.path[0]) for reference in expression.references} & types.values.keys()


def _always(subject: Subject) -> dict[str, Type]:
    inputs = tuple((item.name, _of_input(item)) for item in subject.workflow.inputs)
    return {"inputs": Object(inputs), "run": _RUN}


def _of_input(declared: Input) -> Type:
    # What may be done with a secret is another rule's.
    given = ANYTHING if declared.secret else from_schema(declared.schema)
    null_is_possible = declared.optional and not (
        declared.has_default and declared.default is not None
    )
    return or_null(given) if null_is_possible else given


def _exchanges(types: Types, expression: Expression, reader: StepPlace | None, use: Use) -> Type:
    """What is known of `steps`: the items of a `for_each`. The rest of an exchange nobody described."""
    found: dict[str, Type] = {}
    for reference in expression.references:
        name = str(reference.path[1]) if len(reference.path) > 1 else ""
        definition = types.subject.known.get(name) if reference.path[0] == "steps" else None
        each = definition.place.step.for_each if definition is not None else None
        if definition is None or each is None:
            continue
        item = types.item(definition.place)
        fields: tuple[tuple[str, Type], ...] = (("item", item), ("items", ListOf(item)))
        given: Type = Object(fields, closed=False, required=frozenset({"item", "items"}))
        within = reader is not None and definition.place.path == reader.path
        chain = definition.place.chain
        left_out = (
            _may_be_null(definition.place, reader, use)
            if reader is not None
            else _is_left_out(chain, 0, frozenset())
        )
        if left_out and not within:
            fields = tuple((name, or_null(kept)) for name, kept in fields)
            given = Object(fields, closed=False, required=frozenset({"item", "items"}))
        found[name] = given
    return Object(tuple(found.items()), closed=False, required=frozenset(found))


def _type_at(types: Types, name: str, reader: StepPlace, use: Use) -> Type:
    definition = types.subject.definition(name, reader)
    target, value = definition.place, types.values[name]
    if definition.kind == "variable":
        return types.item(target) if definition.is_known_at(reader.path) else ANYTHING
    match order(target, reader):
        case Relation.BEFORE | Relation.BESIDE:
            left_out = _may_be_null(target, reader, use)
        case Relation.SAME if isinstance(target.step.verb, WaitForVerb):
            return value  # its own payload, in `expect`
        case Relation.SAME if use.part in (Part.UNDO, Part.CONFIRM) or use.role is Role.EXPECT:
            return own_answer_type(types.subject, target)
        case _:  # reported as used too early
            return ANYTHING
    # In `on_failure` nobody knows how far the run came.
    left_out = left_out or target.section != reader.section
    return or_null(value) if left_out else value


def _may_be_null(target: StepPlace, reader: StepPlace, use: Use) -> bool:
    """Whether the step may have been left out where the reader was not."""
    conditions = {step.when.text for step in reader.chain if step.when is not None}
    if use.expression is reader.step.when and use.part is Part.DO:
        conditions.discard(use.expression.text)
    return _is_left_out(target.chain, shared_steps(target, reader), frozenset(conditions))


def _is_left_out(chain: tuple[Step, ...], shared: int, conditions: frozenset[str]) -> bool:
    """`chain`: the step, and what it is in. `shared`: how many of these the reader is in too."""
    return any(
        not step.critical
        or (step.when is not None and step.when.text not in conditions)
        or (depth > 0 and isinstance(chain[depth - 1].verb, SwitchVerb | CallVerb))
        for depth, step in enumerate(chain)
        if depth >= shared
    )


def _of_template(
    types: Types, place: StepPlace | None, template: Template, role: Role = Role.VALUE
) -> Type:
    """The type of a value at a place, or at the end."""
    match template:
        case Constant(value=value):
            return widen(type_of(value))
        case Expression():
            use = Use(template, role)
            names = names_at(types, place, use) if place else names_at_the_end(types, use)
            return infer(template, names).type
        case Text():
            return TEXT
        case Items(items=items):
            return ListOf(widen(join(_of_template(types, place, item, role) for item in items)))
        case Fields(fields=fields):
            kept = tuple((name, _of_template(types, place, value, role)) for name, value in fields)
            return Object(kept, closed=True, required=frozenset(name for name, _ in kept))


def _outputs_of(subject: Subject, uses: UsesVerb) -> Type:
    used = subject.used(uses)
    return ANYTHING if used is None or used.errors else used.traits.outputs


def _narrowed(names: dict[str, Type], proven: Paths) -> dict[str, Type]:
    """The same names where these paths are known not to be null."""
    narrowed = dict(names)
    for path in proven:
        root = str(path[0])
        if root in narrowed:
            narrowed[root] = _without_null_at(narrowed[root], path[1:])
    return narrowed


def _without_null_at(given: Type, path: TreePath) -> Type:
    rest = without_null(given)
    if not path or not isinstance(rest, Object):
        return rest
    fields = tuple(
        (name, _without_null_at(kept, path[1:]) if name == path[0] else kept)
        for name, kept in rest.fields
    )
    return Object(fields, rest.closed, rest.required)
