"""`call: [METHOD] service/path` and what stands beside it; `confirm`, `compensate` and `probe` hold the same."""

from __future__ import annotations

import re

from msgspec.structs import replace

from flowdsl.language.parse.parts import named, patience, seconds, word
from flowdsl.language.parse.reader import Reader
from flowdsl.language.parse.vocabulary import METHODS
from flowdsl.language.parse.workflow import (
    Name,
    WrittenCompensation,
    WrittenConfirm,
    WrittenProbe,
    WrittenRequest,
)
from flowdsl.language.text.located import Located, Mapping, Scalar, align
from flowdsl.plan.body import Body, JsonBody
from flowdsl.plan.template import Constant, Template, Text

_CALL = re.compile(r"(?:(?P<method>[A-Za-z]+)\s+)?(?P<service>[^\s/$]+)(?P<path>/.*)", re.DOTALL)
_OPERATION = re.compile(r"(?P<service>[\w-]+)\.(?P<operation>[^\s/]+)")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def parse_request(reader: Reader, node: Located | None) -> WrittenRequest | None:
    """A call string, or a mapping with a `call` in it."""
    if isinstance(node, Scalar):
        return _call(reader, node, None)
    if not isinstance(node, Mapping):
        return None
    call = node.get("call")
    return _call(reader, call, node) if isinstance(call, Scalar) else None


def parse_undo(reader: Reader, node: Mapping) -> WrittenCompensation | None:
    key, value = node.key("compensate"), node.get("compensate")
    if key is None:
        return None
    if isinstance(value, Scalar) and value.value == "none":
        return WrittenCompensation(key.span, None)
    request = parse_request(reader, value)
    return WrittenCompensation(key.span, request) if request is not None else None


def parse_confirm(reader: Reader, node: Mapping) -> WrittenConfirm | None:
    key = node.key("confirm")
    request = parse_request(reader, node.get("confirm"))
    return WrittenConfirm(key.span, request) if key is not None and request is not None else None


def parse_probe(reader: Reader, node: Mapping) -> WrittenProbe | None:
    key, value = node.key("probe"), node.get("probe")
    if key is None or not isinstance(value, Mapping):
        return None
    request = parse_request(reader, value)
    found, result = reader.condition(value.get("found")), reader.condition(value.get("result"))
    if request is None or found is None:
        return None
    return WrittenProbe(key.span, request, found, result)


def _call(reader: Reader, call: Scalar, beside: Mapping | None) -> WrittenRequest | None:
    if not isinstance(call.value, str) or not call.value:
        return None
    match = _CALL.fullmatch(call.text.rstrip())
    operation = _OPERATION.fullmatch(call.text.rstrip())
    if operation is not None:
        service, name = _name(call, operation, "service"), _name(call, operation, "operation")
        bare = WrittenRequest("POST", service, Constant("/"), call.span, operation=name)
        return _with_what_is_beside(reader, bare, beside)
    if match is None or match["service"].endswith(":"):
        reader.refuse(call.span, *_what_is_wrong(call.text))
        return None
    method = match["method"] or "POST"
    if method not in METHODS:
        reader.refuse(align(call).locate(0, len(method)), *_wrong_method(method))
        return None
    path = _path(reader, call, match)
    service = _name(call, match, "service")
    if path is None:
        return None
    return _with_what_is_beside(reader, WrittenRequest(method, service, path, call.span), beside)


def _name(call: Scalar, match: re.Match[str], group: str) -> Name:
    return Name(match[group], align(call).locate(match.start(group), len(match[group])))


def _with_what_is_beside(
    reader: Reader, bare: WrittenRequest, beside: Mapping | None
) -> WrittenRequest:
    if beside is None:
        return bare
    return replace(
        bare,
        query=named(reader, beside.get("query")),
        headers=headers(reader, beside.get("headers")),
        body=_body(reader, beside),
        timeout=seconds(reader, beside.get("timeout")),
        retry=patience(reader, beside.get("retry")),
        expect=reader.condition(beside.get("expect")),
        gone_is_done=word(beside.get("gone")) == "ok",
    )


def _body(reader: Reader, beside: Mapping) -> Body | None:
    body = beside.get("body")
    return JsonBody(reader.template(body)) if body is not None else None


def _path(reader: Reader, call: Scalar, match: re.Match[str]) -> Template | None:
    problems = len(reader.problems)
    path = reader.text(call, match.start("path"))
    if len(reader.problems) > problems:
        return None
    literal = _literal(path)
    if (wrong := re.search(r"[\s#\\]", literal)) is not None:
        sign = "a blank" if wrong.group().isspace() else f"`{wrong.group()}`"
        reader.refuse(call.span, f"{sign} cannot stand in a path", hint="write it percent-encoded")
        return None
    if {".", ".."} & set(literal.partition("?")[0].split("/")):
        reader.refuse(call.span, "a path must not have `.` or `..` in it")
        return None
    return path


def _literal(path: Template) -> str:
    """The path as far as it is fixed; each expression stands as one letter."""
    match path:
        case Constant(value=str() as text):
            return text
        case Text(parts=parts):
            return "".join(part if isinstance(part, str) else "x" for part in parts)
        case _:
            return ""


def headers(reader: Reader, node: Located | None) -> tuple[tuple[Name, Template], ...]:
    found = named(reader, node)
    for name, _ in found:
        if not _HEADER.fullmatch(name.text):
            reader.refuse(name.span, f"`{name.text}` cannot be the name of a header")
    return found


def _what_is_wrong(text: str) -> tuple[str, str, str]:
    """Message, label, hint."""
    wanted = "a call must be `[METHOD] service/path`"
    if "://" in text:
        hint = "declare the URL under `services:` and call it by its name"
        return "a call names a service, not a URL", "", hint
    if re.match(r"(?:[A-Z]+\s+)?\S*\$\{", text):
        return wanted, "the service cannot be an expression", ""
    if re.fullmatch(r"[A-Z]+\s+[\w-]+\.[A-Za-z]\w*", text):
        hint = f"write `{text.split()[1]}`, or `[METHOD] service/path`"
        return "an operation has its method already", "", hint
    if re.fullmatch(r"(?:[A-Z]+\s+)?[\w.-]+", text):
        return wanted, "the path is missing", f"write `{text}/…`"
    return wanted, "", "for example `POST payments/charges`"


def _wrong_method(method: str) -> tuple[str, str, str]:
    hint = f"write `{method.upper()}`" if method.upper() in METHODS else ""
    return f"`{method}` is not an HTTP method", f"one of {', '.join(METHODS)}", hint
