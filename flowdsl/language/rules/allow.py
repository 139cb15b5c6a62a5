"""`# flowdsl: allow F012 (reason)`: silences a warning or a hint of the step it stands at. A reason is required."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.language.parse.workflow import Workflow
from flowdsl.language.places import StepPlace, places
from flowdsl.language.text.diagnostics import SEVERITIES, Diagnostic, Severity
from flowdsl.language.text.source import Source
from flowdsl.plan.span import Span

_ALLOW = re.compile(r"(?:^|\s)#\s*flowdsl:\s*allow\s+(?P<code>\w+)[ \t]*(?:\((?P<reason>[^)]*)\))?")


class _Allowance(Struct, frozen=True):
    code: str
    line: int
    alone: bool  # on a line of its own: speaks of the line below


def without_allowed(
    source: Source, workflow: Workflow, problems: Iterable[Diagnostic]
) -> list[Diagnostic]:
    allowances, complaints = _allowances(source)
    if not allowances:
        return [*problems, *complaints]
    beside: dict[int, set[int]] = {}  # by line: those of the steps that stand at it
    for lines in (_lines(place) for place in places(workflow)):
        for line in lines:
            beside.setdefault(line, set()).update(lines)
    allowed = {(each.code, each.line + each.alone) for each in allowances}
    kept = [
        problem
        for problem in problems
        if problem.is_error or not _is_allowed(problem, allowed, beside)
    ]
    return kept + complaints


def _allowances(source: Source) -> tuple[list[_Allowance], list[Diagnostic]]:
    allowances: list[_Allowance] = []
    complaints: list[Diagnostic] = []
    for number, line in enumerate(source.lines, start=1):
        match = _ALLOW.search(line)
        if match is None:
            continue
        code = match["code"]
        problem = _what_is_wrong(code, match["reason"])
        if problem is None:
            alone = not line[: match.start()].strip()
            allowances.append(_Allowance(code, number, alone))
        else:
            span = Span(number, match.start("code") + 1, len(code))
            hint = f"write `# flowdsl: allow {code} (reason)`"
            complaints.append(Diagnostic(Code.ALLOWED_WITHOUT_REASON, span, problem, help=hint))
    return allowances, complaints


def _what_is_wrong(code: str, reason: str | None) -> str | None:
    if code not in SEVERITIES:
        return f"there is no `{code}` to allow"
    if SEVERITIES[code] is Severity.ERROR:
        return f"`{code}` is an error, and cannot be allowed"
    if not (reason or "").strip():
        return f"`allow {code}` needs a reason"
    return None


def _lines(place: StepPlace) -> frozenset[int]:
    """The lines a comment about the step may stand at: that of its id and that of its verb."""
    step = place.step
    return frozenset({step.span.line, *([step.id.span.line] if step.id else [])})


def _is_allowed(
    problem: Diagnostic, allowed: set[tuple[str, int]], beside: dict[int, set[int]]
) -> bool:
    line = problem.span.line
    return any((problem.code, other) in allowed for other in (line, *beside.get(line, ())))
