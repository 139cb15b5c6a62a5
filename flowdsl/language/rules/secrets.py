"""Secrets stand in headers, `auth` and body leaves of a call, whole or within text: nowhere they could be seen."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from flowdsl.codes import Code
from flowdsl.language.places import Role, Use, in_template, uses
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.expression.compiled import Expression, Reference
from flowdsl.plan.expression.paths import path_of
from flowdsl.plan.expression.tree import FunctionCall, Tree
from flowdsl.plan.nodes import Input, templates_of
from flowdsl.plan.values import Json

_ALLOWED = frozenset({Role.HEADER, Role.BODY})


SHORT_CHARACTERS_MAX = 3  # as in `world.redaction`, which looks for longer ones within texts too


def check_secrets(subject: Subject) -> Iterator[Diagnostic]:
    yield from _too_short(subject)
    hidden = frozenset(item.name for item in subject.workflow.inputs if item.secret)
    named = _named(subject)
    for use in _every_use(subject):
        yield from _read_openly(subject, use, named)
        for reference in use.expression.references:
            name = _secret_in(reference, hidden)
            if name is None:
                continue
            span = subject.locate(use.expression, reference)
            if use.role is Role.WHEN and _asks_whether_given(use.expression, reference):
                continue
            if use.role not in _ALLOWED:
                message = f"{name} would be seen in {_WHERE[use.role]}"
                hint = "a secret stands in headers, `auth` and the body of a call only"
                if use.role is Role.WHEN and reference.path[0] == "inputs":
                    hint = f"`when: inputs.{reference.path[-1]}` alone asks whether it was given"
                yield Diagnostic(Code.VISIBLE_SECRET, span, message, help=hint)
            elif not _is_handed_on(use.expression.tree, reference):
                message = f"{name} cannot be part of an operation"
                hint = "use it whole, as `${secrets.X}`, within text, or in `default(…, …)`"
                yield Diagnostic(Code.VISIBLE_SECRET, span, message, help=hint)


def _too_short(subject: Subject) -> Iterator[Diagnostic]:
    for one in subject.workflow.inputs:
        longest = _longest(one) if one.secret else None
        if longest is not None and longest <= SHORT_CHARACTERS_MAX:
            message = f"the secret input `{one.name}` has at most {longest} characters: within a text it cannot be told from data"
            hint = "if no service says it back in a sentence, allow it: `flowdsl explain F069`"
            yield Diagnostic(Code.SHORT_SECRET, one.span, message, help=hint)


def _longest(one: Input) -> int | None:
    """How many characters its value may have, where its schema says so."""
    match one.schema:
        case {"const": value}:
            return len(_spelled(value))
        case {"enum": [*values]} if values:
            return max(len(_spelled(value)) for value in values)
        case {"type": "string", "maxLength": int() as most}:
            return most
        case {"type": "integer", "minimum": int() as least, "maximum": int() as most}:
            return max(len(str(least)), len(str(most)))
        case _:
            return None


def _spelled(value: Json) -> str:
    return value if isinstance(value, str) else str(value)


def _read_openly(subject: Subject, use: Use, secret: frozenset[str]) -> Iterator[Diagnostic]:
    """What stands in the environment is kept with the run: a secret of the same name would be, too."""
    for reference in use.expression.references:
        match reference.path:
            case ("env", str() as name, *_) if name in secret:
                span = subject.locate(use.expression, reference)
                message = f"`env.{name}` is the secret `{name}`, and `env` is kept with the run"
                hint = f"read it as `secrets.{name}` everywhere"
                yield Diagnostic(Code.VISIBLE_SECRET, span, message, help=hint)


def _named(subject: Subject) -> frozenset[str]:
    return frozenset(
        name
        for use in _every_use(subject)
        for reference in use.expression.references
        for name in reference.path[1:2]
        if reference.path[0] == "secrets" and isinstance(name, str)
    )


def _every_use(subject: Subject) -> Iterator[Use]:
    for place in subject.places:
        yield from uses(place.step)
    for _, template in subject.workflow.outputs:
        yield from in_template(template, Role.OUTPUT)
    if subject.workflow.key is not None:
        yield from in_template(subject.workflow.key, Role.KEY)
    for service in subject.workflow.services:
        yield from in_template(service.url, Role.URL)
        rest = templates_of(service.auth)
        for template in [*rest, *(value for _, value in service.headers)]:
            yield from in_template(template, Role.HEADER)


def _secret_in(reference: Reference, hidden: frozenset[str]) -> str | None:
    match reference.path:
        case ("secrets", str() as name, *_):
            return f"the secret `{name}`"
        case ("inputs", str() as name, *_) if name in hidden:
            return f"the secret input `{name}`"
        case ("inputs",) if hidden:
            return "all of `inputs`, a secret among them,"
        case _:
            return None


def _asks_whether_given(expression: Expression, reference: Reference) -> bool:
    """`when: inputs.otp`, and nothing else."""
    is_input = len(reference.path) == 2 and reference.path[0] == "inputs"
    return is_input and path_of(expression.tree) == reference.path


def _is_handed_on(tree: Tree, reference: Reference) -> bool:
    """Whole, or as one of the two values of a `default`."""
    match tree:
        case FunctionCall(function="default", arguments=arguments):
            return any(_is_handed_on(argument, reference) for argument in arguments)
    is_it = path_of(tree) == reference.path and tree.start == reference.start
    return is_it and len(reference.path) == 2


_WHERE = MappingProxyType(
    {
        Role.WHEN: "a condition",
        Role.PATH: "a URL",
        Role.QUERY: "a URL",
        Role.EXPECT: "a condition",
        Role.FOUND: "a condition",
        Role.RESULT: "a result",
        Role.VALUE: "a value of `set`",
        Role.STATUS: "a status",
        Role.FAIL: "a message",
        Role.OUTPUT: "an output",
        Role.URL: "a URL",
        Role.ITEMS: "a list",
        Role.MOMENT: "a time",
        Role.DATA: "an event",
        Role.ARGUMENT: "`with`",
        Role.KEY: "a key",
    }
)
