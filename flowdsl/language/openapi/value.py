"""One value that a call sends, as it is written, against the schema it is sent to.

Literals are known and judged whole; objects and lists are walked, so that a finding points at the field; an expression
is judged by its type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.language.openapi.alternatives import Alternative, Others, alternatives
from flowdsl.language.openapi.contract import Schema
from flowdsl.language.openapi.finding import Finding, Judged, Verdict
from flowdsl.language.openapi.fit import fit, fit_as_text
from flowdsl.language.openapi.response import scalar_problem
from flowdsl.language.openapi.types import is_left_out, type_of_schema
from flowdsl.language.text.located import Located, Mapping, Sequence
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.types import TEXT, Type, describe
from flowdsl.plan.span import Span
from flowdsl.plan.template import Constant, Fields, Items, Template, Text
from flowdsl.plan.values import Json
from flowdsl.plan.words import did_you_mean, like, listed

LIMIT_NUMBER_CHARACTERS = 100

TypeOf = Callable[[Expression], Type]


class Value(Struct, frozen=True):
    """`node` is where it is written, `around` the nearest place that is known without it."""

    name: str
    template: Template
    around: Span
    node: Located | None = None

    @property
    def span(self) -> Span:
        if isinstance(self.template, Expression) and self.template.span.line:
            return self.template.span
        return self.node.span if self.node is not None else self.around

    def key(self, name: str) -> Span:
        key = self.node.key(name) if isinstance(self.node, Mapping) else None
        return key.span if key is not None else self.around

    def field(self, name: str, template: Template) -> Value:
        node = self.node.get(name) if isinstance(self.node, Mapping) else None
        return Value(f"{self.name}.{name}" if self.name else name, template, self.key(name), node)

    def item(self, position: int, template: Template) -> Value:
        items = self.node.items if isinstance(self.node, Sequence) else ()
        node = items[position] if position < len(items) else None
        around = node.span if node is not None else self.span
        return Value(f"{self.name}[{position}]", template, around, node)

    @property
    def shown(self) -> str:
        return f"`{self.name}`" if self.name else "the body"


def judge(value: Value, schema: Schema, type_of: TypeOf) -> list[Judged]:
    """A value that goes out as JSON."""
    forms = alternatives(schema)
    if forms is None:
        return [Verdict.UNKNOWN]
    match _spread(value.template):
        case Fields() as fields:
            wanted = [form for form in forms if form.may_be("object")]
            each = [list(_object(value, fields, form, type_of)) for form in wanted]
        case Items(items=items):
            wanted = [form for form in forms if form.may_be("array")]
            each = [list(_list(value, items, form, type_of)) for form in wanted]
        case Constant(value=literal):
            problem = scalar_problem(schema, literal)
            return [_refused(value, problem)] if problem is not None else [Verdict.FITS]
        case template:
            given = type_of(template) if isinstance(template, Expression) else TEXT
            answer = fit(given, type_of_schema(schema, "sent"))
            return [_refused(value, answer) if isinstance(answer, str) else answer]
    if not each:
        what = "an object" if isinstance(_spread(value.template), Fields) else "a list"
        wanted_words = describe(type_of_schema(schema, "sent"))
        return [_refused(value, f"must be {wanted_words}, not {what}")]
    return min(each, key=_faults)  # of several forms, the one that was probably meant


def _faults(judged: list[Judged]) -> tuple[int, int]:
    findings = [one for one in judged if isinstance(one, Finding)]
    return len(findings), judged.count(Verdict.UNKNOWN)


def _spread(template: Template) -> Template:
    """A literal list or object as one that is written out."""
    match template:
        case Constant(value=list(items)):
            return Items(tuple(Constant(item) for item in items))
        case Constant(value=dict(fields)):
            return Fields(tuple((name, Constant(item)) for name, item in fields.items()))
    return template


def _list(
    value: Value, items: tuple[Template, ...], form: Alternative, type_of: TypeOf
) -> Iterator[Judged]:
    if form.item is None or form.values is not None:
        yield Verdict.UNKNOWN
        return
    yield Verdict.FITS
    for position, item in enumerate(items):
        yield from judge(value.item(position, item), form.item, type_of)


def _object(value: Value, given: Fields, form: Alternative, type_of: TypeOf) -> Iterator[Judged]:
    if form.values is not None or not form.kinds:
        yield Verdict.UNKNOWN
        return
    yield Verdict.FITS
    names = [name for name, _ in given.fields]
    sent = [name for name, schema in form.fields if not is_left_out(schema, "sent")]
    for name, template in given.fields:
        schema = form.field(name)
        if schema is None:
            yield _other_field(value, name, form, [known for known in sent if known not in names])
        elif name not in sent:
            message = f"`{name}` is read-only: the service sets it"
            yield Finding(Code.UNLISTED_FIELD, value.key(name), message, "leave it out")
        else:
            yield from judge(value.field(name, template), schema, type_of)
    listed_names = {name for name, _ in form.fields}
    unknown = [name for name in names if name not in listed_names]
    misspelt = {like(name, [known for known in sent if known not in names]) for name in unknown}
    for name in sorted(form.required):
        is_sent = name in sent or name not in listed_names
        if is_sent and name not in names and name not in misspelt:
            message = f"{value.shown} must have the field `{name}`"
            yield Finding(Code.MISSING_IN_REQUEST, value.around, message, f"add `{name}:`")


def _other_field(value: Value, name: str, form: Alternative, left: list[str]) -> Judged:
    listed_names = [known for known, _ in form.fields]
    meant = did_you_mean(name, left)
    hint = f"its fields are {listed(listed_names)}" if listed_names and not meant else ""
    if form.others is Others.REFUSED:
        message = f"{value.shown} must not have the field `{name}`"
        return Finding(Code.REFUSED_FIELD, value.key(name), message, hint, meant)
    if form.others is Others.SILENT and listed_names:
        message = f"{value.shown} has no field `{name}`"
        return Finding(Code.UNLISTED_FIELD, value.key(name), message, hint, meant)
    return Verdict.UNKNOWN


def judge_text(value: Value, schema: Schema | None, type_of: TypeOf) -> Judged:
    """A value that goes out as text: in a path, a query or a header."""
    forms = alternatives(schema) if schema is not None else None
    if schema is None or forms is None:
        return Verdict.UNKNOWN
    if any(
        form.kinds & {"array", "object"} for form in forms
    ):  # how they are spelled is not looked at
        return Verdict.UNKNOWN
    match value.template:
        case Constant(value=literal):
            problem = _literal_problem(schema, literal)
            return _refused(value, problem) if problem is not None else Verdict.FITS
        case Expression() as expression:
            answer = fit_as_text(type_of(expression), type_of_schema(schema, "sent"))
            return _refused(value, answer) if isinstance(answer, str) else answer
        case Text():
            answer = fit_as_text(TEXT, type_of_schema(schema, "sent"))
            return _refused(value, answer) if isinstance(answer, str) else answer
    return _refused(value, "must not be a list or an object")


def _literal_problem(schema: Schema, literal: Json) -> str | None:
    """As text, or as what the text spells; the reason is that of the last."""
    problem = None
    for reading in _readings(literal):
        problem = scalar_problem(schema, reading)
        if problem is None:
            return None
    return problem


def _readings(literal: Json) -> Iterator[Json]:
    text = literal if isinstance(literal, str) else _spelled(literal)
    yield text
    if text in ("true", "false"):
        yield text == "true"
    if len(text) <= LIMIT_NUMBER_CHARACTERS and text.isascii() and "_" not in text:
        try:
            number = Decimal(text)
        except InvalidOperation:
            return
        if number.is_finite():
            yield number


def _spelled(literal: Json) -> str:
    if isinstance(literal, bool):
        return "true" if literal else "false"
    return str(literal)


def _refused(value: Value, why: str) -> Finding:
    return Finding(Code.REFUSED_VALUE, value.span, f"{value.shown} {why}")
