"""A call as it is written against the contract of its service: what cannot work is found before anything runs.

Only what is certain is a finding; what the contract or the types leave open is counted. Undos, confirms and probes are
calls like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.language.openapi.contract import Contract, Operation, Parameter
from flowdsl.language.openapi.finding import CheckedCall, Finding, Judged, Verdict, count
from flowdsl.language.openapi.match import Found, Match, Missing, Unsure, find
from flowdsl.language.openapi.path import CallPath, Segment, take_apart
from flowdsl.language.openapi.value import TypeOf, Value, judge, judge_text
from flowdsl.language.parse.workflow import WrittenRequest
from flowdsl.language.text.located import Located, Mapping, Scalar, align
from flowdsl.plan.body import JsonBody
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.types import may_be_null
from flowdsl.plan.span import Span
from flowdsl.plan.template import Constant, Template
from flowdsl.plan.words import did_you_mean, listed

# The engine sends them with every request.
OWN_HEADERS = ("Idempotency-Key", "User-Agent", "X-Flowdsl-Compensates")


class CallSite(Struct, frozen=True):
    """One request of a workflow: `node` is what it was parsed from, a call string or the mapping that holds it.

    `headers`: names of those that the service adds to every request. `type_of` knows the names in scope here.
    """

    request: WrittenRequest
    node: Located
    type_of: TypeOf
    headers: tuple[str, ...] = ()


def call_match(contract: Contract, request: WrittenRequest) -> Match:
    """Which operation the call means, as far as can be said before the run."""
    return _match(contract, request, take_apart(request.path))


def check_call(contract: Contract, site: CallSite) -> CheckedCall:
    look = _look_at(site)
    match _match(contract, site.request, look.path):
        case Missing() as missing:
            span = look.method_span if missing.about == "method" else look.path_span
            finding = Finding(Code.NO_OPERATION, span, missing.message, missing.help, missing.meant)
            return count([finding])
        case Unsure():
            return count([Verdict.UNKNOWN])
        case found:
            return check_operation(found, site)


def _match(contract: Contract, request: WrittenRequest, path: CallPath) -> Match:
    names = frozenset(name.text for name, _ in request.query)
    return find(contract, request.method, path, names)


def check_operation(found: Found, site: CallSite) -> CheckedCall:
    """The same, where it is known which operation is meant."""
    look, operation = _look_at(site), found.operation
    judged = chain(
        [Verdict.FITS],
        _path_values(found, look),
        _queries(operation, look),
        _headers(operation, look),
        _body(operation, look),
    )
    return count(judged)


class _CallLook(Struct, frozen=True):
    """The call, and where its parts are written."""

    site: CallSite
    path: CallPath
    call: Scalar | None
    path_start: int  # in the text of the call

    @property
    def request(self) -> WrittenRequest:
        return self.site.request

    @property
    def method_span(self) -> Span:
        method = self.request.method
        if self.call is None or not self.call.text.startswith(f"{method} "):
            return self.request.span
        return align(self.call).locate(0, len(method))

    @property
    def path_span(self) -> Span:
        if self.call is None:
            return self.request.span
        length = len(self.call.text.rstrip()) - self.path_start
        return align(self.call).locate(self.path_start, length)

    def segment_span(self, segment: Segment) -> Span:
        if self.call is None or not segment.parts:
            return self.path_span
        return align(self.call).locate(self.path_start + segment.start, segment.length)

    def key_span(self, key: str) -> Span:
        """That of `query`, `headers` or `body`; where it is not there, of the call."""
        node = self.site.node
        written = node.key(key) if isinstance(node, Mapping) else None
        return written.span if written is not None else self.request.span

    def node_at(self, *keys: str) -> Located | None:
        node: Located | None = self.site.node
        for key in keys:
            node = node.get(key) if isinstance(node, Mapping) else None
        return node


def _look_at(site: CallSite) -> _CallLook:
    node = site.node.get("call") if isinstance(site.node, Mapping) else site.node
    call = node if isinstance(node, Scalar) else None
    start = call.text.find("/") if call is not None else 0
    written = call.text[start:].rstrip() if call is not None else ""
    return _CallLook(site, take_apart(site.request.path, written), call, start)


def _path_values(found: Found, look: _CallLook) -> Iterator[Judged]:
    parameters = {item.name: item for item in found.operation.parameters_in("path")}
    for name, segment in found.values:
        parameter = parameters.get(name)
        value = Value(name, segment.template, look.segment_span(segment))
        schema = parameter.schema if parameter is not None else None
        yield judge_text(value, schema, look.site.type_of)


def _queries(operation: Operation, look: _CallLook) -> Iterator[Judged]:
    parameters = operation.parameters_in("query")
    given: list[tuple[Span, Value]] = [
        (look.segment_span(name), Value(text, value.template, look.segment_span(value)))
        for text, name, value in look.path.queries
    ]
    given += [
        (name.span, Value(name.text, template, name.span, look.node_at("query", name.text)))
        for name, template in look.request.query
        if template != Constant(None)  # null: it is left out
    ]
    for span, value in given:
        yield _query(operation, parameters, value, span, look)
    names = [value.name for _, value in given]
    for parameter in parameters:
        sent = parameter.name in names or any(_is_part_of(name, parameter) for name in names)
        if parameter.required and not sent:
            yield _missing(operation, "query parameter", parameter.name, look.key_span("query"))


def _query(
    operation: Operation,
    parameters: tuple[Parameter, ...],
    value: Value,
    span: Span,
    look: _CallLook,
) -> Judged:
    parameter = next((item for item in parameters if item.name == value.name), None)
    if parameter is not None:
        if parameter.required and _may_be_left_out(value.template, look):
            message = f"`{value.name}` is needed, and null leaves it out: this may be null"
            hint = (
                f"write `default({value.template.text}, …)`"
                if isinstance(value.template, Expression)
                else ""
            )
            return Finding(Code.MISSING_IN_REQUEST, value.span, message, hint)
        return judge_text(value, parameter.schema, look.site.type_of)
    if not operation.queries_known or any(_is_part_of(value.name, item) for item in parameters):
        return Verdict.UNKNOWN
    names = [item.name for item in parameters]
    meant = did_you_mean(value.name, names)
    hint = "" if meant else f"it takes {listed(names)}" if names else "it takes none"
    message = f"`{operation.title}` has no query parameter `{value.name}`"
    return Finding(Code.UNKNOWN_QUERY_PARAMETER, span, message, hint, meant)


def _is_part_of(name: str, parameter: Parameter) -> bool:
    return parameter.nested and name.startswith(f"{parameter.name}[")


def _may_be_left_out(template: Template, look: _CallLook) -> bool:
    return isinstance(template, Expression) and may_be_null(look.site.type_of(template))


def _headers(operation: Operation, look: _CallLook) -> Iterator[Judged]:
    given = {name.text.lower(): (name, template) for name, template in look.request.headers}
    others = {name.lower() for name in (*OWN_HEADERS, *look.site.headers)}
    for parameter in operation.parameters_in("header"):
        name = parameter.name.lower()
        if name in given:
            written, template = given[name]
            node = look.node_at("headers", written.text)
            value = Value(written.text, template, written.span, node)
            yield judge_text(value, parameter.schema, look.site.type_of)
        elif name in others:
            yield Verdict.UNKNOWN
        elif parameter.required:
            yield _missing(operation, "header", parameter.name, look.key_span("headers"))


def _missing(operation: Operation, what: str, name: str, span: Span) -> Finding:
    where = {"query parameter": "query", "header": "headers"}[what]
    message = f"`{operation.title}` needs the {what} `{name}`"
    return Finding(Code.MISSING_IN_REQUEST, span, message, f"add `{name}:` under `{where}:`")


def _body(operation: Operation, look: _CallLook) -> Iterator[Judged]:
    sent, wanted = look.request.body, operation.body
    if sent is None:
        if wanted is not None and wanted.required:
            message = f"`{operation.title}` needs a body"
            yield Finding(Code.MISSING_IN_REQUEST, look.request.span, message, "add `body:`")
        return
    span = look.key_span("body")
    if wanted is None:
        message = f"`{operation.title}` takes no body"
        yield Finding(Code.REFUSED_BODY, span, message, "take `body:` away")
    elif not isinstance(sent, JsonBody):
        yield Verdict.UNKNOWN
    elif not wanted.takes_json:
        if any(name.text.lower() == "content-type" for name, _ in look.request.headers):
            yield Verdict.UNKNOWN
            return
        message = f"`{operation.title}` takes {listed(wanted.content_types)}, and a call sends JSON"
        yield Finding(Code.REFUSED_BODY, span, message)
    elif wanted.schema is None:
        yield Verdict.UNKNOWN
    else:
        value = Value("", sent.data, span, look.node_at("body"))
        yield from judge(value, wanted.schema, look.site.type_of)
