"""Types: what can be known of every value before anything runs, and expressions that could not work with it."""

from __future__ import annotations

from collections.abc import Iterator

from flowdsl.language.diagnostics import Diagnostic
from flowdsl.language.inputs import problems_of
from flowdsl.language.places import Part, Role, Use, in_template, uses
from flowdsl.language.rules.scope import names_at, names_at_the_end, types_of
from flowdsl.language.subject import Subject
from flowdsl.plan.expression import Expression
from flowdsl.plan.inference import Problem, infer
from flowdsl.plan.types import Type, may_be_null

_CONDITIONS = frozenset({Role.WHEN, Role.EXPECT, Role.FOUND})


def check_values(subject: Subject) -> Iterator[Diagnostic]:
    yield from _defaults(subject)
    types = types_of(subject)
    for place in subject.places:
        for use in uses(place.step):
            yield from _check(subject, use, names_at(types, place, use))
    for _, template in subject.workflow.outputs:
        for use in in_template(template, Role.OUTPUT):
            yield from _check(subject, use, names_at_the_end(types, use))


def _defaults(subject: Subject) -> Iterator[Diagnostic]:
    for declared in subject.workflow.inputs:
        if declared.has_default and declared.default is not None:
            for problem in problems_of(declared, declared.default):
                message = problem.message.replace("the input", "the default of", 1)
                yield Diagnostic("F044", declared.span, message)


def _check(subject: Subject, use: Use, names: dict[str, Type]) -> Iterator[Diagnostic]:
    expression = use.expression
    if expression.secrets:  # whether and how a secret may stand here is another rule's
        return
    inference = infer(expression, names, condition=use.role in _CONDITIONS)
    for problem in inference.problems:
        yield _diagnostic(subject, expression, problem)
    becomes_text = use.in_text or use.role is Role.PATH
    if becomes_text and may_be_null(inference.type) and not inference.problems:
        yield _null_in_text(subject, use)


def _diagnostic(subject: Subject, expression: Expression, problem: Problem) -> Diagnostic:
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
    return Diagnostic("F043", span, message, help=hint)
