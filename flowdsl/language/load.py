"""The whole way from text to plan, and everything that is wrong on it, at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.language.contracts import NO_CONTRACTS, Contracts, contracts_of, resolved
from flowdsl.language.family import Family, Used
from flowdsl.language.lower.plan import lower
from flowdsl.language.openapi.reading import Readings
from flowdsl.language.parse.file import parse
from flowdsl.language.parse.workflow import UsesVerb, Workflow
from flowdsl.language.places import places
from flowdsl.language.subject import Subject, look_at
from flowdsl.language.text.diagnostics import ALL_TOLD, Diagnostic, Severity, Untold, in_order
from flowdsl.language.text.document import load_document
from flowdsl.language.text.library import EMPTY, Library, key_of
from flowdsl.language.text.located import Mapping
from flowdsl.language.text.source import Source
from flowdsl.language.traits import traits_at, traits_of
from flowdsl.plan.nodes import Plan
from flowdsl.plan.span import Span

if TYPE_CHECKING:
    from flowdsl.language.rules.contracts import Coverage

_MARKED = re.compile(
    r"\ufeff?(?:[ \t]*(?:#[^\n\r]*)?(?:\r\n|[\n\r])|---[ \t]*(?:\r\n|[\n\r]))*[\"']?flowdsl[\"']?[ \t]*:"
)


LIMIT_DEPTH = 20  # files that use files
LIMIT_STEPS = 20_000  # of all of them together


class Checked(Struct, frozen=True):
    """`workflow` is None where the text could not be read so far, `plan` where it has errors, or is looked at for another.

    `coverage`: how far the contracts of its services reach, where any has one.
    """

    source: Source
    workflow: Workflow | None
    diagnostics: tuple[Diagnostic, ...]
    plan: Plan | None = None
    coverage: Coverage | None = None
    contracts: Contracts = NO_CONTRACTS
    untold: Untold = ALL_TOLD

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Those that are told."""
        return tuple(item for item in self.diagnostics if item.is_error)

    def number(self, severity: Severity) -> int:
        """How many there are, told or not."""
        counted = {
            Severity.ERROR: self.untold.errors,
            Severity.WARNING: self.untold.warnings,
            Severity.HINT: self.untold.hints,
        }
        return counted[severity] + sum(item.severity is severity for item in self.diagnostics)

    def with_more(self, found: Iterable[Diagnostic]) -> Checked:
        diagnostics, untold = in_order([*self.diagnostics, *found], self.untold)
        return replace(self, diagnostics=diagnostics, untold=untold)


class InvalidWorkflow(InputError):
    """A workflow file with errors in it: all of them, and the text they are in."""

    def __init__(self, checked: Checked) -> None:
        first = checked.errors[0]
        number = checked.number(Severity.ERROR)
        more = f" (and {number - 1} more)" if number > 1 else ""
        place = f"{checked.source.path}:{first.span.line}:{first.span.column}"
        super().__init__(f"{place}: {first.message}{more}", code=first.code, help=first.help)
        self.checked = checked


def check(source: Source, library: Library = EMPTY) -> Checked:
    """Everything that can be said about the text, in the order of its lines. `library`: the files that it names."""
    return _check(source, _Checking(library), (key_of("", source.path),))


def load(source: Source, library: Library = EMPTY) -> Plan:
    """The plan, or `InvalidWorkflow` with every error."""
    checked = check(source, library)
    if checked.plan is None:
        raise InvalidWorkflow(checked)
    return checked.plan


def compile_plan(text: str, path: str, files: Iterable[tuple[str, str]] = ()) -> Plan:
    """The plan of a text, and of the files that it names."""
    return load(Source(path, text), Library(dict(files)))


def compile_pinned(text: str, path: str, files: Iterable[tuple[str, str]] = ()) -> Plan:
    """The plan of a definition that a run is pinned to: it was checked when the run began.

    It is read, and not checked again: a rule that a later flowdsl adds must not keep a run from going on.
    """
    source = Source(path, text)
    checked = _check(source, _Checking(Library(dict(files)), trusted=True), (key_of("", path),))
    if checked.plan is None:
        raise InvalidWorkflow(checked)
    return checked.plan


def paths_named(source: Source) -> tuple[str, ...]:
    """The keys of the files that this one names, for filling a `Library`."""
    document, _ = load_document(source)
    if not isinstance(document, Mapping):
        return ()
    workflow, _ = parse(source, document, frozenset())
    named = [verb.file for verb in _uses_in(workflow)]
    named += [service.openapi for service in workflow.services if service.openapi is not None]
    return tuple(dict.fromkeys(key_of(source.path, file.path) for file in named))


class _Checking(Struct, frozen=True):
    """One check of a file and of all that it names, each of which is read once."""

    library: Library
    members: dict[str, Used] = field(default_factory=dict)
    readings: Readings = field(default_factory=Readings)
    plans: dict[str, Plan] = field(default_factory=dict)
    trusted: bool = False  # it was checked before: only what cannot be read is said

    @property
    def family(self) -> Family:
        return Family(self.library, self.members, self.plans)


def _check(source: Source, checking: _Checking, above: tuple[str, ...]) -> Checked:
    """`above`: the files on the way to this one, itself last."""
    document, problems = load_document(source)
    if document is None:
        return _unread(source, problems)
    if not isinstance(document, Mapping):
        problems.append(
            Diagnostic(
                Code.WRONG_KIND,
                document.span,
                "a workflow must be an object",
                help="begin the file with `flowdsl: 1`",
            )
        )
        return _unread(source, problems)
    coverage, plan = None, None
    workflow, unread, untold = _parsed(source, document, trusted=checking.trusted)
    problems += unread
    for uses in _uses_in(workflow):
        problems += _read(uses, source, checking, above)
    contracts, unreadable = contracts_of(workflow, source.path, checking.library, checking.readings)
    workflow, unresolved = resolved(workflow, contracts)
    problems += [*unreadable, *unresolved]
    subject = look_at(workflow, source.path, checking.family, contracts=contracts)
    if not checking.trusted:
        ruled, coverage, is_all = _ruled(subject, document)
        problems += ruled
        untold = replace(untold, exact=is_all)
    problems += _too_many_steps(subject)
    is_used = len(above) > 1  # then its steps go into the plan of another file
    if not is_used and not any(problem.is_error for problem in problems):
        plan = lower(workflow, source, checking.family)
    if not checking.trusted:
        problems = _weighed(subject, plan, source, problems)
    found, untold = in_order(problems, untold)
    return Checked(source, workflow, found, plan, coverage, contracts, untold)


def _parsed(
    source: Source, document: Mapping, *, trusted: bool
) -> tuple[Workflow, list[Diagnostic], Untold]:
    """What was checked before need not be held against the schema, unless it cannot be read."""
    if trusted:
        workflow, unread = parse(source, document, frozenset())
        if not any(place.step.broken for place in places(workflow)):
            return workflow, unread, ALL_TOLD
    from flowdsl.language.parse.schema import check_shape

    shape = check_shape(source, document)
    workflow, unread = parse(source, document, shape.broken)
    return workflow, [*shape.diagnostics, *unread], Untold(errors=shape.untold)


def _ruled(subject: Subject, document: Mapping) -> tuple[list[Diagnostic], Coverage | None, bool]:
    """What the rules and the contracts have to say; whether that is all of it. Not loaded for what was checked before."""
    from flowdsl.language.rules import all_rules
    from flowdsl.language.rules.contracts import compare_with_contracts

    ruled, compared = all_rules(subject), compare_with_contracts(subject, document)
    return [*ruled.diagnostics, *compared.diagnostics], compared.coverage, ruled.is_all


def _weighed(
    subject: Subject, plan: Plan | None, source: Source, problems: list[Diagnostic]
) -> list[Diagnostic]:
    """With what only the plan shows, and without what the file allows."""
    from flowdsl.language.rules import rules_of_plans
    from flowdsl.language.rules.allow import without_allowed

    more = rules_of_plans(subject, plan) if plan is not None else []
    return without_allowed(source, subject.workflow, [*problems, *more])


def _unread(source: Source, problems: list[Diagnostic]) -> Checked:
    found, untold = in_order(problems)
    return Checked(source, None, found, untold=untold)


def _uses_in(workflow: Workflow) -> list[UsesVerb]:
    return [place.step.verb for place in places(workflow) if isinstance(place.step.verb, UsesVerb)]


def _read(
    uses: UsesVerb, source: Source, checking: _Checking, above: tuple[str, ...]
) -> Iterator[Diagnostic]:
    """The file that is used, read once and made a member, or why it cannot be used."""
    key, span = key_of(source.path, uses.file.path), uses.file.span
    if key in above:
        cycle = (*above[above.index(key) :], key)
        message = f"`{key}` uses itself: {' → '.join(cycle)}"
        hint = "let one of them do without the other, or start it by an event (`trigger`)"
        yield Diagnostic(Code.FILE_USES_ITSELF, span, message, help=hint, cycle=cycle)
        return
    if len(above) > LIMIT_DEPTH:
        message = f"more than {LIMIT_DEPTH} files that use each other in turn"
        yield Diagnostic(
            Code.FILE_OVER_LIMIT, span, message, help="let one of them do more of it itself"
        )
        return
    library, members = checking.library, checking.members
    text = library.texts.get(key)
    if text is None:
        why = library.why.get(key, "there is no such file")
        hint = "a path is relative to the file it is written in"
        yield Diagnostic(Code.UNUSABLE_FILE, span, f"`{key}` cannot be read: {why}", help=hint)
        return
    if not is_workflow(text):
        hint = "the first key of a workflow file is `flowdsl: 1`"
        yield Diagnostic(Code.UNUSABLE_FILE, span, f"`{key}` is not a workflow file", help=hint)
        return
    if key not in members:
        checked = _check(Source(key, text), checking, (*above, key))
        if checked.workflow is None or checked.errors:
            yield _invalid(key, span, checked, above)
        if checked.workflow is not None:
            from flowdsl.language.rules.scope import types_at_the_end

            subject = look_at(checked.workflow, key, checking.family, contracts=checked.contracts)
            traits = traits_of(subject, types_at_the_end(subject))
            members[key] = Used(
                *(checked.source, checked.workflow, checked.errors, checked.contracts),
                *(traits, checked.untold),
            )
    elif members[key].errors:
        member = members[key]
        yield _invalid(
            key, span, Checked(member.source, None, member.errors, untold=member.untold), above
        )


def _too_many_steps(subject: Subject) -> Iterator[Diagnostic]:
    """A few files that use each other twice each are as many steps as anybody likes."""
    steps = 0
    for place in subject.places:
        steps += 1 + traits_at(subject, place.step).size
        if steps > LIMIT_STEPS and isinstance(place.step.verb, UsesVerb):
            message = f"with all the files it uses, more than {LIMIT_STEPS:,} steps"
            hint = "start the larger ones as runs of their own: `detach: true`"
            yield Diagnostic(Code.FILE_OVER_LIMIT, place.step.verb.file.span, message, help=hint)
            return


def _invalid(key: str, span: Span, checked: Checked, above: tuple[str, ...]) -> Diagnostic:
    """What is wrong in a file that is used: the first of it, where it is, however many files lie between."""
    errors = checked.errors
    round_here = next((error for error in errors if above[-1] in error.cycle), None)
    if round_here is not None:
        return replace(round_here, span=span)
    first, number = errors[0], checked.number(Severity.ERROR)
    message = f"`{key}` has {'an error' if number == 1 else f'{number} errors'} in it"
    if first.code == Code.UNUSABLE_FILE and first.label:  # it is in a file that this one uses
        return replace(first, span=span, message=message)
    label = f"{first.code} in line {first.span.line} of `{key}`: {first.message}"
    return Diagnostic(
        Code.UNUSABLE_FILE, span, message, label, f"`flowdsl validate {key}` shows it"
    )


def is_workflow(text: str) -> bool:
    """Whether the first key of the file is `flowdsl`."""
    return _MARKED.match(text) is not None
