"""The whole way from text to plan, and everything that is wrong on it, at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowdsl.errors import InputError
from flowdsl.language.allow import without_allowed
from flowdsl.language.diagnostics import Diagnostic, in_order
from flowdsl.language.document import load_document
from flowdsl.language.located import Mapping
from flowdsl.language.lower import lower
from flowdsl.language.parse import parse
from flowdsl.language.rules import all_rules
from flowdsl.language.schema import check_shape
from flowdsl.language.source import Source
from flowdsl.language.workflow import Workflow
from flowdsl.plan.nodes import Plan

_MARKED = re.compile(
    r"\ufeff?(?:[ \t]*(?:#[^\n\r]*)?(?:\r\n|[\n\r])|---[ \t]*(?:\r\n|[\n\r]))*[\"']?flowdsl[\"']?[ \t]*:"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """`workflow` is None where the text could not be read so far."""

    source: Source
    workflow: Workflow | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(item for item in self.diagnostics if item.is_error)


class InvalidWorkflow(InputError):
    """A workflow file with errors in it: all of them, and the text they are in."""

    def __init__(self, checked: Checked) -> None:
        errors = checked.errors
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        place = f"{checked.source.path}:{first.span.line}:{first.span.column}"
        super().__init__(f"{place}: {first.message}{more}", code=first.code, help=first.help)
        self.checked = checked


def check(source: Source) -> Checked:
    """Everything that can be said about the text, in the order of its lines."""
    document, problems = load_document(source)
    if document is None:
        return Checked(source, None, in_order(problems))
    if not isinstance(document, Mapping):
        problems.append(
            Diagnostic(
                "F022",
                document.span,
                "a workflow is a mapping",
                help="begin the file with `flowdsl: 1`",
            )
        )
        return Checked(source, None, in_order(problems))
    shape = check_shape(source, document)
    problems += shape.diagnostics
    workflow, unread = parse(source, document, shape.broken)
    problems += unread
    if not any(problem.code == "F005" for problem in problems):
        problems += all_rules(workflow)
    return Checked(source, workflow, in_order(without_allowed(source, workflow, problems)))


def load(source: Source) -> Plan:
    """The plan, or `InvalidWorkflow` with every error."""
    checked = check(source)
    if checked.workflow is None or checked.errors:
        raise InvalidWorkflow(checked)
    return lower(checked.workflow, source)


def compile_plan(text: str, path: str) -> Plan:
    """The plan of a pinned definition: the same text gives the same plan."""
    return load(Source(path, text))


def is_workflow(text: str) -> bool:
    """Whether the first key of the file is `flowdsl`."""
    return _MARKED.match(text) is not None
