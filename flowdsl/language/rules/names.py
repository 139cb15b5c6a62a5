"""Names: snake_case, not reserved, given once; and services that are called are declared."""

from __future__ import annotations

from collections.abc import Iterator

from flowdsl.codes import Code
from flowdsl.language.parse.vocabulary import RESERVED, SNAKE_CASE, WORDS_OF_EXPRESSIONS
from flowdsl.language.parse.workflow import EmitVerb, Name, Step, WrittenRequest
from flowdsl.language.places import DefinedName, Kind, StepPlace, names_given, uses
from flowdsl.language.subject import Subject, requests
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.expression.tree import Comprehension, Loop, Tree, children
from flowdsl.plan.words import did_you_mean, listed


def check_names(subject: Subject) -> Iterator[Diagnostic]:
    yield from _defined_twice(subject)
    for name in _names_in_expressions(subject):
        yield from _is_usable(name)
    others = [Name(item.name, item.span) for item in subject.workflow.inputs]
    others += [service.name for service in subject.workflow.services]
    for name in others:
        if not SNAKE_CASE.fullmatch(name.text):
            yield _not_snake_case(name)
    yield from _shadowing(subject)
    yield from _undeclared_services(subject)


def _names_in_expressions(subject: Subject) -> Iterator[Name]:
    """Ids, `set` names and variables, in the order of the file, the same one as often as it is given."""
    for place in subject.places:
        yield from (name for name, _ in names_given(place.step))


def _is_usable(name: Name) -> Iterator[Diagnostic]:
    if not SNAKE_CASE.fullmatch(name.text):
        yield _not_snake_case(name)
    elif name.text in RESERVED:
        hint = f"reserved are {listed(sorted(RESERVED))}"
        yield Diagnostic(Code.NAME_TAKEN, name.span, f"`{name.text}` is reserved", help=hint)
    elif name.text in WORDS_OF_EXPRESSIONS:
        message = f"`{name.text}` is a word of the expression language"
        yield Diagnostic(Code.NAME_TAKEN, name.span, message, "expressions could not name it")


def _not_snake_case(name: Name) -> Diagnostic:
    words = "".join(letter if letter.isalnum() else "_" for letter in name.text)
    better = "".join(f"_{c.lower()}" if c.isupper() else c for c in words).strip("_")
    usable = SNAKE_CASE.fullmatch(better) is not None
    hint = f"write `{better}`" if usable else "a letter, then letters, digits and `_`"
    return Diagnostic(Code.NOT_SNAKE_CASE, name.span, f"`{name.text}` is not snake_case", help=hint)


def _defined_twice(subject: Subject) -> Iterator[Diagnostic]:
    for place in subject.places:
        for name, kind in names_given(place.step):
            first = subject.known[name.text]
            if first.name.span != name.span and not _is_free(place, name, kind, first):
                message = f"`{name.text}` is taken"
                related = ((first.name.span, "by this step"),)
                yield Diagnostic(
                    Code.NAME_TAKEN, name.span, message, "given again here", related=related
                )


def _is_free(place: StepPlace, name: Name, kind: Kind, first: DefinedName) -> bool:
    """Two lists may call their items the same, unless one is inside the other."""
    if kind != "variable" or first.kind != "variable":
        return False
    return not any(
        step.for_each is not None and step.for_each.variable.text == name.text
        for step in place.parents
    )


def _shadowing(subject: Subject) -> Iterator[Diagnostic]:
    """A variable of a comprehension that hides a name from outside."""
    for place in subject.places:
        for use in uses(place.step):
            for loop in _loops(use.expression.tree):
                if loop.name in subject.known or loop.name in RESERVED:
                    span = subject.workflow.locate(use.expression, loop.name_start, len(loop.name))
                    message = f"`{loop.name}` is taken: it would hide another value"
                    yield Diagnostic(
                        Code.NAME_TAKEN, span, message, help="give the variable another name"
                    )


def _loops(tree: Tree) -> Iterator[Loop]:
    if isinstance(tree, Comprehension):
        yield from tree.loops
    for child in children(tree):
        yield from _loops(child)


def _undeclared_services(subject: Subject) -> Iterator[Diagnostic]:
    declared = dict.fromkeys(service.name.text for service in subject.workflow.services)
    for place in subject.places:
        for _, request in requests(place):
            if request.service.text not in declared:
                yield _undeclared(place.step, request, list(declared))


def _undeclared(step: Step, request: WrittenRequest, declared: list[str]) -> Diagnostic:
    name = request.service
    if isinstance(step.verb, EmitVerb):
        message = "`emit` sends its event to the service `events`, and there is none"
        hint = "declare it under `services:`, where events go: `events: http://…`"
        return Diagnostic(Code.UNKNOWN_SERVICE, step.span, message, help=hint)
    label = did_you_mean(name.text, declared)
    hint = f"the services are {listed(declared)}" if declared else "declare it under `services:`"
    return Diagnostic(
        Code.UNKNOWN_SERVICE, name.span, f"unknown service `{name.text}`", label, hint
    )
