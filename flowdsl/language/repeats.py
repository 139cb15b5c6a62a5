"""The same calls with the same undos in several files: what could be a file of its own, and be used by them all.

One call is cheaply written again. Two of them, in three files, are a piece of work that has no name yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from flowdsl.codes import Code
from flowdsl.language.load import Checked
from flowdsl.language.parse.workflow import CallVerb, Workflow, WrittenRequest
from flowdsl.language.places import places
from flowdsl.language.rules.allow import without_allowed
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.json import to_text
from flowdsl.plan.span import Span
from flowdsl.plan.template import Constant, Fields, Items, Template, Text

FILES_MIN = 3
CALLS_MIN = 2

Spelled: TypeAlias = tuple[str, ...]


def repeated(files: Iterable[Checked]) -> Iterator[tuple[Checked, Diagnostic]]:
    """What to say of each file, once all of a folder have been checked."""
    found: dict[Spelled, dict[str, tuple[Checked, Span]]] = defaultdict(dict)
    for checked in files:
        if checked.workflow is not None and not checked.errors:
            for spelled, span in _pairs(checked.workflow):
                found[spelled].setdefault(checked.source.path, (checked, span))
    shared = [where for where in found.values() if len(where) >= FILES_MIN]
    for where in shared:
        # The files that this call and another one, or itself, have in common.
        common = [both for o in shared if len(both := where.keys() & o.keys()) >= FILES_MIN]
        for path, (checked, span) in where.items():
            if sum(path in both for both in common) >= CALLS_MIN:
                others = [f"{o}:{s.line}" for o, (_, s) in where.items() if o != path]
                yield from _unless_allowed(checked, _diagnostic(span, others))


def _diagnostic(span: Span, others: list[str]) -> Diagnostic:
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return Diagnostic(
        Code.REPEATED_CALLS,
        span,
        f"this call and its undo stand in {len(others) + 1} files",
        f"also in {', '.join(others[:3])}{more}",
        "put them in a file of their own, and let these name it with `uses`",
    )


def _unless_allowed(checked: Checked, found: Diagnostic) -> Iterator[tuple[Checked, Diagnostic]]:
    assert checked.workflow is not None
    if found in without_allowed(checked.source, checked.workflow, [found]):
        yield checked, found


def _pairs(workflow: Workflow) -> Iterator[tuple[Spelled, Span]]:
    urls = {service.name.text: _spell(service.url) for service in workflow.services}
    for place in places(workflow):
        call = place.step.verb
        undo = call.compensate if isinstance(call, CallVerb) else None
        if isinstance(call, CallVerb) and undo is not None and undo.request is not None:
            spelled = (*_request(call.request, urls), *_request(undo.request, urls))
            yield spelled, call.request.span


def _request(request: WrittenRequest, urls: dict[str, str]) -> Spelled:
    body = "".join(map(_spell, request.body.templates)) if request.body is not None else ""
    url = urls.get(request.service.text, "")
    return (request.method, request.service.text, url, _spell(request.path), body)


def _spell(template: Template) -> str:
    match template:
        case Constant(value=value):
            return to_text(value)
        case Expression(text=text):
            return "${" + text + "}"
        case Text(parts=parts):
            return "".join(part if isinstance(part, str) else _spell(part) for part in parts)
        case Items(items=items):
            return f"[{','.join(map(_spell, items))}]"
        case Fields(fields=fields):
            return "{" + ",".join(f"{name}:{_spell(value)}" for name, value in fields) + "}"
