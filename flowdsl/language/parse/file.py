"""Located → Workflow. The schema has spoken before: what has the wrong shape is left out here without a word.

Only what a schema cannot say is reported: call strings, expressions, and numbers out of range.
"""

from __future__ import annotations

from pathlib import PurePath

from flowdsl.language.parse.inputs import parse_inputs
from flowdsl.language.parse.parts import habits, name_of, named, names_of, seconds, word
from flowdsl.language.parse.reader import Reader
from flowdsl.language.parse.request import parse_confirm, parse_probe, parse_request, parse_undo
from flowdsl.language.parse.services import parse_services
from flowdsl.language.parse.verbs import (
    parse_emit,
    parse_for_each,
    parse_uses,
    parse_wait,
    parse_wait_for,
)
from flowdsl.language.parse.workflow import (
    VERBS,
    CallVerb,
    CommitVerb,
    FailVerb,
    GroupVerb,
    SetVerb,
    StatusVerb,
    Step,
    SwitchVerb,
    UsesVerb,
    Verb,
    WaitUntilVerb,
    Workflow,
)
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.language.text.located import Located, Mapping, Scalar, Sequence
from flowdsl.language.text.source import Source
from flowdsl.plan.span import Span

NO_VERB = GroupVerb("steps", ())  # stands for a verb that could not be read; its step is `broken`


def parse(
    source: Source, document: Mapping, broken: frozenset[Span]
) -> tuple[Workflow, list[Diagnostic]]:
    """`broken` holds the mappings that the schema found fault with."""
    reader = Reader(source)
    steps = _steps(reader, document.get("steps"), broken)
    on_failure = _steps(reader, document.get("on_failure"), broken)
    outputs = named(reader, document.get("outputs"))
    services = parse_services(reader, document.get("services"))
    key, trigger = document.get("key"), document.get("trigger")
    workflow = Workflow(
        name=word(document.get("name")) or _name_of_file(source.path),
        span=document.span,
        steps=steps,
        description=word(document.get("description")),
        timeout=seconds(reader, document.get("timeout")),
        inputs=parse_inputs(reader, document.get("inputs"), broken),
        services=services,
        defaults=habits(reader, document.get("defaults")),
        on_failure=on_failure,
        outputs=outputs,
        key=reader.template(key) if isinstance(key, Scalar) else None,
        trigger=name_of(trigger.get("event")) if isinstance(trigger, Mapping) else None,
        written=reader.written,
    )
    return workflow, reader.problems


def _name_of_file(path: str) -> str:
    letters = (
        letter if letter.isalnum() and letter.isascii() else "-" for letter in PurePath(path).stem
    )
    return "".join(letters).strip("-")[:64] or "workflow"


def _steps(reader: Reader, node: Located | None, broken: frozenset[Span]) -> tuple[Step, ...]:
    items = node.items if isinstance(node, Sequence) else ()
    return tuple(_step(reader, item, broken) for item in items)


def _step(reader: Reader, node: Located, broken: frozenset[Span]) -> Step:
    if not isinstance(node, Mapping):
        is_commit = isinstance(node, Scalar) and node.value == "commit"
        return Step(CommitVerb() if is_commit else NO_VERB, node.span, broken=not is_commit)
    problems = len(reader.problems)
    key = next((key for key, _ in node.entries if key.text in VERBS), None)
    verb = _verb(reader, node, key.text if key else "", broken)
    critical = node.get("critical")
    when = reader.condition(node.get("when"))
    return Step(
        verb=verb or NO_VERB,
        span=_span_of_verb(node, key, verb),
        id=name_of(node.get("id")),
        when=when,
        critical=not (isinstance(critical, Scalar) and critical.value is False),
        after=names_of(node.get("after")),
        for_each=parse_for_each(reader, node),
        broken=verb is None or node.span in broken or len(reader.problems) > problems,
    )


def _verb(reader: Reader, node: Mapping, verb: str, broken: frozenset[Span]) -> Verb | None:
    value = node.get(verb)
    match verb, value:
        case "call", Scalar(value=str()):
            return _call(reader, node, broken)
        case ("parallel" | "steps") as kind, Sequence():
            return GroupVerb(kind, _steps(reader, value, broken))
        case "switch", Sequence(items=branches):
            return SwitchVerb(tuple(_branch(reader, branch, broken) for branch in branches))
        case "status", Scalar(value=str()):
            return StatusVerb(reader.template(value))
        case "set", Mapping():
            return SetVerb(named(reader, value))
        case "fail", Scalar(value=str()):
            return FailVerb(reader.template(value))
        case "uses", Scalar():
            return parse_uses(reader, node)
        case "emit", Scalar(value=str()):
            return parse_emit(reader, node)
        case "wait", Scalar():
            return parse_wait(reader, node)
        case "wait_until", Scalar():
            return WaitUntilVerb(reader.template(value))
        case "wait_for", Scalar():
            return parse_wait_for(reader, node)
        case _:
            return None


def _branch(reader: Reader, node: Located, broken: frozenset[Span]) -> Step:
    """A branch of a `switch`: a group of steps with a condition."""
    if not isinstance(node, Mapping):
        return Step(NO_VERB, node.span, broken=True)
    key = node.key("steps")
    steps = _steps(reader, node.get("steps"), broken)
    when = reader.condition(node.get("when"))
    span = key.span if key is not None else node.span
    unread = when is None and node.get("when") is not None
    return Step(GroupVerb("steps", steps), span, when=when, broken=unread or node.span in broken)


def _call(reader: Reader, node: Mapping, broken: frozenset[Span]) -> CallVerb | None:
    request = parse_request(reader, node)
    compensate = parse_undo(reader, node)
    confirm = parse_confirm(reader, node)
    probe = parse_probe(reader, node)
    fallback = _steps(reader, node.get("fallback"), broken)
    holds_for = seconds(reader, node.get("holds_for"))
    if request is None:
        return None
    return CallVerb(request, compensate, confirm, probe, fallback, holds_for)


def _span_of_verb(node: Mapping, key: Scalar | None, verb: Verb | None) -> Span:
    """A call is shown by its text, another step by its key."""
    if isinstance(verb, CallVerb):
        return verb.request.span
    if isinstance(verb, UsesVerb):
        return verb.file.span
    return key.span if key is not None else node.span
