"""Which operation a call means: by method and path, or by its operationId.

`/charges/${charge.id}/refund` is matched segment by segment. A path is tried as it is; only where that fits nothing is a
base path of the servers taken off its front, since the URL of the service may hold it already or may not. Where an
expression stands for what the document spells out, nobody can say before the run, and that is what the answer is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias
from urllib.parse import unquote

from msgspec import Struct

from flowdsl.language.openapi.contract import Contract, Operation
from flowdsl.language.openapi.path import CallPath, Part, Segment, from_parts
from flowdsl.plan.words import did_you_mean, like, listed

LIMIT_KEPT = 4_096

_PARAMETER = re.compile(r"\{([^{}]+)\}")


class Found(Struct, frozen=True):
    """`values`: what stands in the call for each parameter of the path."""

    operation: Operation
    values: tuple[tuple[str, Segment], ...] = ()


class Unsure(Struct, frozen=True):
    """It depends on what an expression will be."""


class Missing(Struct, frozen=True):
    """`about` says which part of the call to point at."""

    about: Literal["method", "path"]
    message: str
    help: str = ""
    meant: str = ""


Match: TypeAlias = Found | Unsure | Missing


def find(
    contract: Contract,
    method: str,
    path: tuple[Part, ...] | CallPath,
    queries: frozenset[str] = frozenset(),
) -> Match:
    """`queries`: the names of those that are sent, for documents that tell operations apart by them."""
    call = path if isinstance(path, CallPath) else from_parts(path)
    names = queries | {name for name, _, _ in call.queries}
    for segments in _with_and_without_base(contract, call.segments):
        there = [(op, fit) for op in contract.operations if (fit := _fit(op, segments)) is not None]
        match = _best(method, there, names)
        if match is not None:
            return match
    return _nothing_there(contract, method, call)


def find_by_id(contract: Contract, operation_id: str) -> Found | Missing:
    for operation in contract.operations:
        if operation.operation_id == operation_id:
            return Found(operation)
    names = [operation.operation_id for operation in contract.operations if operation.operation_id]
    meant = did_you_mean(operation_id, names)
    hint = "" if meant else _there_are("operations", names)
    return Missing("path", f"there is no operation `{operation_id}`", hint, meant)


class _Fit(Struct, frozen=True):
    """`literals`: segments that are spelled the same in both. Not `sure`: an expression decides."""

    values: tuple[tuple[str, Segment], ...]
    literals: int
    sure: bool


def _with_and_without_base(
    contract: Contract, segments: tuple[Segment, ...]
) -> list[tuple[Segment, ...]]:
    found = [segments]
    for base in dict.fromkeys(contract.base_paths):
        names = base.strip("/").split("/")
        if [segment.literal for segment in segments[: len(names)]] == names:
            found.append(segments[len(names) :])
    return found


def _fit(operation: Operation, segments: tuple[Segment, ...]) -> _Fit | None:
    described = _described(operation.path_alone)
    if len(described) != len(segments):
        return None
    values: list[tuple[str, Segment]] = []
    literals, sure = 0, True
    for wanted, given in zip(described, segments, strict=True):
        if not given.parts and wanted.text:
            return None
        literal = given.literal
        if wanted.parameter:
            values.append((wanted.parameter, given))
        elif literal is None:
            sure = False
        elif wanted.pattern is not None:
            if not wanted.pattern.fullmatch(unquote(literal)):
                return None
        elif wanted.text in (literal, unquote(literal)):
            literals += 1
        else:
            return None
    return _Fit(tuple(values), literals, sure)


class _Described(Struct, frozen=True):
    """A segment of a path in the document: a parameter, text with parameters in it, or text."""

    text: str
    parameter: str = ""
    pattern: re.Pattern[str] | None = None


@lru_cache(maxsize=LIMIT_KEPT)
def _described(path: str) -> tuple[_Described, ...]:
    """Kept, because every call is held against every path."""
    return tuple(map(_described_segment, path.removeprefix("/").split("/")))


def _described_segment(text: str) -> _Described:
    names = _PARAMETER.findall(text)
    if names and _PARAMETER.fullmatch(text):
        return _Described(text, names[0])
    return _Described(unquote(text), pattern=_pattern(text) if names else None)


def _pattern(wanted: str) -> re.Pattern[str]:
    """`{name}.json`, as a pattern for the text of a segment."""
    pieces = _PARAMETER.split(unquote(wanted))
    texts = [re.escape(piece) if at % 2 == 0 else "(.+)" for at, piece in enumerate(pieces)]
    return re.compile("".join(texts), re.DOTALL)


def _best(
    method: str, there: list[tuple[Operation, _Fit]], queries: frozenset[str]
) -> Match | None:
    """The surest; of these, the one with most segments spelled out."""
    if not there:
        return None
    of_method = [(op, fit) for op, fit in there if op.method == method]
    sure = [(op, fit) for op, fit in of_method if fit.sure]
    if sure:
        operation, fit = max(
            sure, key=lambda pair: (pair[1].literals, _likeness(pair[0].path_queries, queries))
        )
        return Found(operation, fit.values)
    if of_method or method in ("HEAD", "OPTIONS"):  # which many services answer and few describe
        return Unsure()
    if not any(fit.sure for _, fit in there):
        return Unsure()
    operation = next(op for op, fit in there if fit.sure)
    methods = sorted({op.method for op, fit in there if fit.sure})
    message = f"`{method}` is not possible on {operation.path}"
    return Missing("method", message, f"it takes {listed(methods)}")


def _likeness(wanted: tuple[str, ...], given: frozenset[str]) -> int:
    """Of operations that differ in their queries, the one that wants most of what is given, and no more."""
    return len(wanted) if given.issuperset(wanted) else -1


def _nothing_there(contract: Contract, method: str, call: CallPath) -> Missing:
    shown = call.shown
    paths = list(dict.fromkeys(_bare(op.path) for op in contract.operations))
    as_long = [path for path in paths if path.count("/") == shown.count("/")]
    nearest = like(_bare(shown), as_long) or like(_bare(shown), paths)
    there = [op for op in contract.operations if nearest is not None and _bare(op.path) == nearest]
    message = f"the contract has no path {shown}"
    if there:
        close = next((op for op in there if op.method == method), there[0])
        return Missing("path", message, meant=f"did you mean `{close.title}`?")
    known = list(dict.fromkeys(op.path for op in contract.operations))
    return Missing("path", message, _there_are("paths", known))


def _bare(path: str) -> str:
    """Without the names of its parameters, which the call does not know, and without a query."""
    return _PARAMETER.sub("{}", path.partition("?")[0])


def _there_are(what: str, names: list[str]) -> str:
    return f"its {what} are {listed(names)}" if names else f"it describes no {what}"
