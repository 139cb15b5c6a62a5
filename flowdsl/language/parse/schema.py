"""The shape of a workflow file: the shipped JSON Schema, and its complaints as diagnostics with a place.

The schema is what editors use, so both say the same. It dispatches on a step's verb with if/then, which keeps one
mistake to one error; where a step's verb itself is in doubt, this module speaks instead of the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial
from importlib.resources import files
from types import MappingProxyType
from typing import TypeAlias

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from msgspec import Struct
from referencing import Registry

from flowdsl.codes import Code
from flowdsl.language.conformance.words import asked, is_empty, must, must_be
from flowdsl.language.parse.vocabulary import COMPANIONS
from flowdsl.language.parse.workflow import VERBS
from flowdsl.language.text.diagnostics import Diagnostic, fix_line
from flowdsl.language.text.faults import ShapeFault, first_in_words
from flowdsl.language.text.located import Located, Mapping, Scalar, Sequence, plain
from flowdsl.language.text.source import Source
from flowdsl.plan.json import from_bytes
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json
from flowdsl.plan.words import did_you_mean, like, listed

Path: TypeAlias = tuple[str | int, ...]


class Shape(Struct, frozen=True):
    """What is wrong with the shape, the first of it in words, and the mappings something is wrong in."""

    diagnostics: tuple[Diagnostic, ...]
    untold: int
    broken: frozenset[Span]


def check_shape(source: Source, document: Located) -> Shape:
    faults: dict[tuple[Span, str], ShapeFault] = {}
    broken: set[Span] = set()
    doubtful: set[Path] = (
        set()
    )  # steps whose verb is in doubt: the schema is not asked about their keys
    for path, step in _steps(document):
        for fault in _faults_of_verb(source, step):
            faults.setdefault((fault.span, fault.kind), fault)
            doubtful.add(path)
            broken |= _spans(document, path)
    for error in _validator().iter_errors(plain(document)):
        path = tuple(error.absolute_path)
        if path in doubtful:
            continue
        for fault in _faults(source, document, path, error):
            faults.setdefault((fault.span, fault.kind), fault)
            broken |= _spans(document, path)
    return Shape(*first_in_words(faults.values()), frozenset(broken))


def schema_text() -> str:
    return files("flowdsl.language").joinpath("flowdsl-1.schema.json").read_text("utf-8")


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(_schema(), registry=Registry())


def _schema() -> dict[str, Json]:
    schema = from_bytes(schema_text())
    assert isinstance(schema, dict), "our schema is an object"
    return schema


@cache
def _keys_beside() -> dict[str, tuple[str, ...]]:
    """The keys that may stand beside each verb."""
    definitions = _schema()["$defs"]
    assert isinstance(definitions, dict), "our schema has definitions"
    found: dict[str, tuple[str, ...]] = {}
    for verb in VERBS:
        match definitions[f"{verb}Step"]:
            case {"properties": dict(properties)}:
                found[verb] = tuple(properties)
            case shape:
                raise AssertionError(f"a step lists its properties: {shape}")
    return found


def _steps(document: Located, path: Path = ()) -> Iterator[tuple[Path, Located]]:
    """Every entry of a list of steps, with its path."""
    if not isinstance(document, Mapping):
        return
    keys = ("steps", "on_failure") if path == () else ("steps", "parallel", "fallback")
    for key in keys:
        steps = document.get(key)
        if isinstance(steps, Sequence):
            for position, step in enumerate(steps.items):
                yield (*path, key, position), step
                yield from _steps(step, (*path, key, position))
    branches = document.get("switch") if path else None
    for position, branch in enumerate(branches.items if isinstance(branches, Sequence) else ()):
        yield from _steps(branch, (*path, "switch", position))


def _faults_of_verb(source: Source, step: Located) -> Iterator[ShapeFault]:
    if not isinstance(step, Mapping):
        return
    verbs = [key for key, _ in step.entries if key.text in VERBS]
    if len(verbs) == 1:
        for problem in _lonely(step, verbs[0].text):
            yield ShapeFault(problem.span, problem.message, partial(_itself, problem))
    elif len(verbs) > 1:
        yield ShapeFault(verbs[1].span, "a second verb", partial(_second_verb, verbs))
    else:
        yield ShapeFault(step.span, "no verb", partial(_no_verb, source, step))


def _second_verb(verbs: list[Scalar]) -> Diagnostic:
    message = f"a step has one verb, and this one has {listed(verb.text for verb in verbs)}"
    related = ((verbs[0].span, "the first verb"),)
    hint = "make it two steps"
    return Diagnostic(Code.NOT_ONE_VERB, verbs[1].span, message, "a second verb", hint, related)


def _lonely(step: Mapping, verb: str) -> list[Diagnostic]:
    """Keys that belong to a `for_each` which is not there."""
    keys = _keys_beside()[verb]
    return [
        Diagnostic(
            Code.MISSING_KEY,
            key.span,
            f"`{key.text}` belongs to `for_each`, which is missing",
            help="add `for_each: NAME in LIST`, or take it out",
        )
        for key, _ in step.entries
        if COMPANIONS.get(key.text) == "for_each"
        and key.text in keys
        and "for_each" not in step.keys()  # noqa: SIM118
    ]


def _no_verb(source: Source, step: Mapping) -> Diagnostic:
    commit = step.key("commit")
    if commit is not None:
        line = commit.span.line
        fix = fix_line(line, source.line(line).replace("commit:", "commit"))
        message = "`commit` is a word of its own, not a key"
        return Diagnostic(Code.NOT_ONE_VERB, commit.span, message, help="write `- commit`", fix=fix)
    missed = next((COMPANIONS[key.text] for key, _ in step.entries if key.text in COMPANIONS), "")
    if missed and missed != "for_each":
        key = next(key for key, _ in step.entries if key.text in COMPANIONS)
        message = f"`{key.text}` stands beside `{missed}`, which is missing"
        return Diagnostic(Code.NOT_ONE_VERB, key.span, message, help=f"add `{missed}:`")
    known = frozenset(key for keys in _keys_beside().values() for key in keys)
    for key, _ in step.entries:
        if key.text not in known and like(key.text, VERBS) is not None:
            return _unknown_key(source, key, VERBS)
    span = step.entries[0][0].span if step.entries else step.span
    return Diagnostic(
        Code.NOT_ONE_VERB, span, "this step has no verb", help=f"the verbs are {listed(VERBS)}"
    )


def _faults(
    source: Source, document: Located, path: Path, error: ValidationError
) -> Iterator[ShapeFault]:
    node = _node(document, path)
    schema = error.schema if isinstance(error.schema, dict) else {}
    if error.validator == "additionalProperties" and isinstance(node, Mapping):
        allowed = tuple(schema.get("properties", {}))
        for key, _ in node.entries:
            if key.text not in allowed:
                yield ShapeFault(
                    key.span, "an extra key", partial(_extra_key, source, key, allowed, path, node)
                )
    elif error.validator == "required" and isinstance(node, Mapping):
        for missing in _missing_keys(node, error, schema):
            yield ShapeFault(missing.span, missing.message, partial(_itself, missing))
    else:
        in_words = partial(_wrong_value, document, path, node, error, schema)
        yield ShapeFault(node.span, str(error.validator), in_words)


def _itself(found: Diagnostic) -> Diagnostic:
    return found


def _extra_key(
    source: Source, key: Scalar, allowed: tuple[str, ...], path: Path, node: Mapping
) -> Diagnostic:
    if len(path) > 1 and path[-2] == "switch" and like(key.text, allowed) is None:
        message = "a branch of a `switch` has `when` and `steps`, and nothing else"
        hint = "put it below `steps:`" if key.text in VERBS else ""
        return Diagnostic(Code.UNKNOWN_KEY, key.span, message, help=hint)
    verb = next((verb for verb in VERBS if verb in node.keys()), None)  # noqa: SIM118
    elsewhere = [other for other, keys in _keys_beside().items() if key.text in keys]
    if verb is not None and elsewhere and path and isinstance(path[-1], int):
        message = f"`{key.text}` has no meaning beside `{verb}`"
        return Diagnostic(Code.UNKNOWN_KEY, key.span, message, f"stands beside {listed(elsewhere)}")
    return _unknown_key(source, key, allowed)


def _unknown_key(source: Source, key: Scalar, allowed: tuple[str, ...]) -> Diagnostic:
    meant = like(key.text, allowed)
    fix = None
    if meant is not None and not key.style:
        line, start = source.line(key.span.line), key.span.column - 1
        fix = fix_line(key.span.line, line[:start] + meant + line[start + key.span.length :])
    return Diagnostic(
        Code.UNKNOWN_KEY,
        key.span,
        f"unknown key `{key.text}`",
        did_you_mean(key.text, allowed),
        help="" if meant else f"keys here: {', '.join(allowed)}",
        fix=fix,
    )


def _missing_keys(
    node: Mapping, error: ValidationError, schema: dict[str, Json]
) -> Iterator[Diagnostic]:
    value = asked(error)
    wanted = [str(key) for key in value] if isinstance(value, list) else []
    allowed = schema.get("properties")
    known = tuple(allowed) if isinstance(allowed, dict) else ()
    misspelt = {like(key, wanted) for key in node.keys() if key not in known}  # noqa: SIM118
    span = node.entries[0][0].span if node.entries else node.span
    for key in wanted:
        if key not in node.keys() and key not in misspelt:  # noqa: SIM118
            yield Diagnostic(
                Code.MISSING_KEY, span, f"the key `{key}` is missing", help=_example(key)
            )


def _example(key: str) -> str:
    match key:
        case "flowdsl":
            return "begin the file with `flowdsl: 1`"
        case "steps":
            return "`steps:` and below it a list of what is done"
        case _:
            return f"add `{key}:`"


_ENTRIES = MappingProxyType(
    {
        "steps": "a step",
        "parallel": "a step",
        "on_failure": "a step",
        "fallback": "a step",
        "switch": "a branch",
    }
)


def _wrong_value(
    document: Located, path: Path, node: Located, error: ValidationError, schema: dict[str, Json]
) -> Diagnostic:
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")
    if path and isinstance(path[-1], int):
        name = _ENTRIES.get(name, name)
    elif path:
        name = f"`{name}`"
    if name == "`flowdsl`":
        message = "this is not version 1 of the language, which is what this flowdsl reads"
        return Diagnostic(Code.WRONG_KIND, node.span, message, help="write `flowdsl: 1`")
    if name == "a step":
        meant = did_you_mean(str(plain(node)), ["commit"]) if isinstance(node, Scalar) else ""
        message = "a step must be an object with a verb, or the word `commit`"
        return Diagnostic(Code.WRONG_KIND, node.span, message, meant)
    span = node.span
    if isinstance(node, Scalar) and node.raw == "":  # an empty value: point at its key
        parent = _node(document, path[:-1])
        key = parent.key(str(path[-1])) if path and isinstance(parent, Mapping) else None
        span = key.span if key is not None else span
    label = ""
    if isinstance(node, Scalar) and node.raw == "":
        label = "there is nothing here"
    elif isinstance(node, Scalar) and node.style and node.text == str(asked(error)):
        label = "this is a text: take the quotes away"
    wanted = _MUST_BE.get(str(schema.get("title")))
    said = must_be(wanted, plain(node)) if wanted and not is_empty(error) else must(error)
    return Diagnostic(Code.WRONG_KIND, span, f"{name} {said}", label, _hint(node, schema))


# By the title that the schema gives it: what a pattern or a list of words is there to say.
_MUST_BE = MappingProxyType(
    {
        "condition": "a condition such as `inputs.total > 10`",
        "duration": "a duration such as 30s",
        "event": "words joined by dots, such as order.placed",
        "auth": "text, `{ basic: { user, password } }` or `{ bearer: TOKEN }`",
        "type": "a type: string, integer, number, boolean, array or object",
        "collect": "all, settled, first_success or { quorum: N }",
    }
)


def _hint(node: Located, schema: dict[str, Json]) -> str:
    words = schema.get("enum")
    if isinstance(node, Scalar) and node.text == "quorum":
        return "say how many must succeed: { quorum: 2 }"
    if isinstance(node, Scalar) and isinstance(words, list):
        return did_you_mean(node.text, [str(word) for word in words])
    if isinstance(node, Scalar) and "unit" in str(schema.get("description")):
        if re.fullmatch(r"[0-9.]+", node.text):
            return f"say the unit: {node.text}s"
        return "a number and a unit: 250ms, 30s, 10m, 24h or 2d"
    if isinstance(node, Scalar) and schema.get("type") == "string" and node.raw:
        return f'a text that looks like something else needs quotes: "{node.text}"'
    return ""


def _node(document: Located, path: Path) -> Located:
    node = document
    for part in path:
        if isinstance(node, Sequence) and isinstance(part, int):
            node = node.items[part]
        elif isinstance(node, Mapping) and isinstance(part, str):
            node = node.get(part) or node
    return node


def _spans(document: Located, path: Path) -> set[Span]:
    """The mappings on the way to `path`."""
    nodes = (_node(document, path[:end]) for end in range(len(path) + 1))
    return {node.span for node in nodes if isinstance(node, Mapping)}
