"""`uses`: what is given to the other file fits its inputs, and it commits where its user has committed already."""

from __future__ import annotations

from collections.abc import Iterator

from flowdsl.codes import Code
from flowdsl.language.family import Used
from flowdsl.language.inputs import problems_of
from flowdsl.language.parse.workflow import CommitVerb, Name, UsesVerb
from flowdsl.language.places import StepPlace
from flowdsl.language.rules.scope import Types, type_of_template, types_of
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.types import describe, from_schema, groups, may_be_null
from flowdsl.plan.nodes import Input
from flowdsl.plan.template import Constant, Template, expressions
from flowdsl.plan.words import did_you_mean, listed


def check_files(subject: Subject) -> Iterator[Diagnostic]:
    types: Types | None = None
    for place in subject.places:
        uses = place.step.verb
        used = subject.used(uses) if isinstance(uses, UsesVerb) else None
        if not isinstance(uses, UsesVerb) or used is None:
            continue
        types = types or types_of(subject)
        yield from _arguments(types, place, uses, used)
        if not uses.detach:
            yield from _commits(place, uses, used)
            yield from _without_effect(place, uses, used)


# --- `with` ------------------------------------------------------------------------------------------


def _arguments(types: Types, place: StepPlace, uses: UsesVerb, used: Used) -> Iterator[Diagnostic]:
    declared = {item.name: item for item in used.workflow.inputs}
    given = {name.text for name, _ in uses.arguments}
    for name, value in uses.arguments:
        if name.text not in declared:
            label = did_you_mean(name.text, declared)
            hint = f"its inputs are {listed(declared)}" if declared else "it has no inputs"
            message = f"`{uses.file.path}` has no input `{name.text}`"
            yield Diagnostic(Code.ARGUMENTS_DO_NOT_FIT, name.span, message, label, hint)
        else:
            yield from _fits(types, place, uses, name, value, declared[name.text])
    needed = [
        item
        for item in declared.values()
        if not item.optional and not item.has_default and not item.secret
    ]
    if missing := [item.name for item in needed if item.name not in given]:
        message = f"`{uses.file.path}` needs {listed(missing)}"
        hint = f"give it in `with`: `{missing[0]}: …`"
        yield Diagnostic(Code.ARGUMENTS_DO_NOT_FIT, uses.file.span, message, help=hint)
    for item in declared.values():
        if item.secret:
            message = (
                f"the input `{item.name}` of `{uses.file.path}` is secret: nothing can give it"
            )
            hint = f"read it there as `secrets.{item.name.upper()}`"
            yield Diagnostic(Code.ARGUMENTS_DO_NOT_FIT, uses.file.span, message, help=hint)


def _fits(
    types: Types, place: StepPlace, uses: UsesVerb, name: Name, value: Template, declared: Input
) -> Iterator[Diagnostic]:
    """Only what surely does not fit is an error."""
    what = f"the input `{name.text}` of `{uses.file.path}`"
    if isinstance(value, Constant):
        if value.value is None and declared.optional:
            return
        for problem in problems_of(declared, value.value, what):
            yield Diagnostic(Code.ARGUMENTS_DO_NOT_FIT, name.span, problem.message)
        return
    if any(expression.secrets for expression in expressions(value)):
        return  # another rule's
    found, wanted = type_of_template(types, place, value), from_schema(declared.schema)
    found_groups, wanted_groups = groups(found), groups(wanted)
    nullable = declared.optional or may_be_null(wanted)
    if found_groups and wanted_groups and not found_groups & wanted_groups:
        message = f"{what} must be {describe(wanted)}, not {describe(found)}"
        hint = "`str(…)`, `number(…)` and `int(…)` convert" if isinstance(value, Expression) else ""
        yield Diagnostic(Code.ARGUMENTS_DO_NOT_FIT, name.span, message, help=hint)
    elif may_be_null(found) and not nullable:
        message = f"{what} is not optional, and this may be null"
        hint = f"give a default, or let it be optional there: `{name.text}: {_optional(declared)}`"
        yield Diagnostic(Code.ARGUMENTS_DO_NOT_FIT, name.span, message, help=hint)


def _optional(declared: Input) -> str:
    kind = declared.schema.get("type") if isinstance(declared.schema, dict) else None
    return f"{kind}?" if isinstance(kind, str) else "string?"


# --- its commit, and what it cannot say ---------------------------------------------------------------


def _commits(place: StepPlace, uses: UsesVerb, used: Used) -> Iterator[Diagnostic]:
    line = next(
        (step for step in used.workflow.steps if isinstance(step.verb, CommitVerb)),
        None,
    )
    span, name = uses.file.span, uses.file.path
    if place.section == "on_failure":
        if line is not None or used.traits.confirms:
            message = f"`{name}` commits, and `on_failure` has nothing to commit"
            yield Diagnostic(
                Code.COMMITS_TOO_EARLY, span, message, help="start a run of its own: `detach: true`"
            )
    elif line is not None and not place.below_commit:
        message = f"`{name}` commits (line {line.span.line}), and this file has not by then"
        hint = "move it below `commit`, or start a run of its own: `detach: true`"
        label = "what it commits could not be undone with the rest"
        yield Diagnostic(Code.COMMITS_TOO_EARLY, span, message, label, hint)


def _without_effect(place: StepPlace, uses: UsesVerb, used: Used) -> Iterator[Diagnostic]:
    workflow = used.workflow
    keys = [
        key
        for key, said in (
            ("timeout", workflow.timeout is not None),
            ("key", workflow.key is not None),
            ("trigger", workflow.trigger is not None),
            ("on_failure", bool(workflow.on_failure)),
            ("status", place.runs_beside and used.traits.status),
        )
        if said
    ]
    if keys:
        they = "has" if len(keys) == 1 else "have"
        message = f"{listed(keys)} of `{uses.file.path}` {they} no effect here: it runs as part of this file"
        hint = "say it in this file, or start a run of its own: `detach: true`"
        yield Diagnostic(Code.KEY_WITHOUT_EFFECT, uses.file.span, message, help=hint)
