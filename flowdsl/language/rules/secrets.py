"""Secrets stand in headers, `auth` and body leaves of a call, whole or within text: nowhere they could be seen."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from flowdsl.language.diagnostics import Diagnostic
from flowdsl.language.places import Role, Use, in_template, uses
from flowdsl.language.subject import Subject
from flowdsl.plan.expression import Expression, Reference
from flowdsl.plan.nodes import templates_of
from flowdsl.plan.paths import path_of

_ALLOWED = frozenset({Role.HEADER, Role.BODY})


def check_secrets(subject: Subject) -> Iterator[Diagnostic]:
    hidden = frozenset(item.name for item in subject.workflow.inputs if item.secret)
    named = _named(subject)
    for use in _every_use(subject):
        yield from _read_openly(subject, use, named)
        for reference in use.expression.references:
            name = _secret_in(reference, hidden)
            if name is None:
                continue
            span = subject.locate(use.expression, reference)
            if use.role not in _ALLOWED:
                message = f"{name} would be seen in {_WHERE[use.role]}"
                hint = "a secret stands in headers, `auth` and the body of a call only"
                yield Diagnostic("F014", span, message, help=hint)
            elif not _is_whole(use.expression, reference):
                message = f"{name} cannot be part of an operation"
                hint = "use it whole, as `${secrets.X}`, or within text"
                yield Diagnostic("F014", span, message, help=hint)


def _read_openly(subject: Subject, use: Use, secret: frozenset[str]) -> Iterator[Diagnostic]:
    """What stands in the environment is kept with the run: a secret of the same name would be, too."""
    for reference in use.expression.references:
        match reference.path:
            case ("env", str() as name, *_) if name in secret:
                span = subject.locate(use.expression, reference)
                message = f"`env.{name}` is the secret `{name}`, and `env` is kept with the run"
                hint = f"read it as `secrets.{name}` everywhere"
                yield Diagnostic("F014", span, message, help=hint)


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


def _is_whole(expression: Expression, reference: Reference) -> bool:
    return len(reference.path) == 2 and path_of(expression.tree) == reference.path


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
