"""Types: what can be known of every value before anything runs, and expressions that could not work with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from flowdsl.codes import Code
from flowdsl.language.inputs import problems_of
from flowdsl.language.parse.workflow import SwitchVerb, WaitUntilVerb
from flowdsl.language.places import Part, Role, StepPlace, Use, in_template, uses
from flowdsl.language.rules.scope import names_at, names_at_the_end, types_of
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.due import seconds_of
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.expression.inference import TypeProblem, infer
from flowdsl.plan.expression.types import Group, Type, describe, groups, may_be_null
from flowdsl.plan.template import Constant

_CONDITIONS = frozenset({Role.WHEN, Role.EXPECT, Role.FOUND})
_WANTED: Mapping[Role, tuple[str, frozenset[Group]]] = MappingProxyType(
    {
        Role.ITEMS: ("what `for_each` goes over must be a list", frozenset[Group](("list",))),
        Role.MOMENT: ("a time must be text or a number", frozenset[Group](("text", "number"))),
    }
)


def check_values(subject: Subject) -> Iterator[Diagnostic]:
    yield from _defaults(subject)
    types = types_of(subject)
    for place in subject.places:
        for use in uses(place.step):
            yield from _check(subject, use, names_at(types, place, use))
        yield from _moment(place)
        yield from _never_taken(place)
    if subject.workflow.key is not None:
        for use in in_template(subject.workflow.key, Role.KEY, text_only=True):
            yield from _check(subject, use, dict(types.always))
    for _, template in subject.workflow.outputs:
        for use in in_template(template, Role.OUTPUT):
            yield from _check(subject, use, names_at_the_end(types, use))


def _defaults(subject: Subject) -> Iterator[Diagnostic]:
    for declared in subject.workflow.inputs:
        if declared.has_default and declared.default is not None:
            called = f"the default of `{declared.name}`"
            for problem in problems_of(declared, declared.default, called):
                hint = "change the default, or what the input asks for"
                yield Diagnostic(Code.WRONG_TYPE, declared.span, problem.message, help=hint)


def _check(subject: Subject, use: Use, names: dict[str, Type]) -> Iterator[Diagnostic]:
    expression = use.expression
    if expression.secrets:  # whether and how a secret may stand here is another rule's
        return
    inference = infer(expression, names, condition=use.role in _CONDITIONS)
    for problem in inference.problems:
        yield _diagnostic(subject, expression, problem)
    if inference.problems:
        return
    becomes_text = use.in_text or use.role is Role.PATH
    if becomes_text and may_be_null(inference.type):
        yield _null_in_text(subject, use)
    elif use.role in _WANTED and not use.in_text:
        yield from _wanted(subject, use, inference.type, *_WANTED[use.role])


def _moment(place: StepPlace) -> Iterator[Diagnostic]:
    """A time that is written out can be read, or never will."""
    verb = place.step.verb
    if not isinstance(verb, WaitUntilVerb) or not isinstance(verb.moment, Constant):
        return
    try:
        seconds_of(verb.moment.value)
    except EvaluationError:
        hint = "a time is written 2026-12-24T18:00:00Z, or as seconds since the epoch"
        yield Diagnostic(Code.WRONG_TYPE, place.step.span, "this is not a time", help=hint)


def _never_taken(place: StepPlace) -> Iterator[Diagnostic]:
    """Branches below one that holds always."""
    if not isinstance(place.step.verb, SwitchVerb):
        return
    branches = place.step.verb.branches
    always = [n for n, one in enumerate(branches) if one.when is None and not one.broken]
    for branch in branches[always[0] + 1 :] if always else ():
        message = "this branch is never taken: one above it has no `when`"
        related = ((branches[always[0]].span, "this one is taken otherwise"),)
        hint = "let the branch without `when` be the last"
        yield Diagnostic(Code.CONSTANT_CONDITION, branch.span, message, help=hint, related=related)


def _wanted(
    subject: Subject, use: Use, found: Type, what: str, fitting: frozenset[Group]
) -> Iterator[Diagnostic]:
    """Where only a value of some kind makes sense."""
    text = use.expression.text
    span = subject.workflow.locate(use.expression, 0, len(text))
    known = groups(found)
    if known and not known & fitting:
        yield Diagnostic(Code.WRONG_TYPE, span, f"{what}, not {describe(found)}")
    elif may_be_null(found):
        hint = f"write `default({text}, …)`, or run the step only `when` it is there"
        yield Diagnostic(Code.MAY_BE_NULL, span, f"{what}, and `{text}` may be null", help=hint)


def _diagnostic(subject: Subject, expression: Expression, problem: TypeProblem) -> Diagnostic:
    span = subject.workflow.locate(expression, problem.start, problem.length)
    return Diagnostic(problem.code, span, problem.message, help=problem.help)


def _null_in_text(subject: Subject, use: Use) -> Diagnostic:
    expression = use.expression
    span = subject.workflow.locate(expression, 0, len(expression.text))
    where = "a path" if use.role is Role.PATH else "text"
    if use.part is Part.UNDO and use.role is Role.PATH:
        where = "the path of an undo"
    message = f"`{expression.text}` may be null, and {where} has no null in it"
    hint = f"write `default({expression.text}, …)`, or run the step only `when` it is there"
    return Diagnostic(Code.MAY_BE_NULL, span, message, help=hint)
