"""`services:`, short (`NAME: URL`) and long."""

from __future__ import annotations

import re

from flowdsl.language.parse.parts import file_of, habits, whole
from flowdsl.language.parse.reader import Reader
from flowdsl.language.parse.request import headers
from flowdsl.language.parse.workflow import Name, WrittenService
from flowdsl.language.text.located import Located, Mapping, Scalar
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.nodes import Auth, Basic
from flowdsl.plan.template import Constant, Template, Text, assembled

_URL = re.compile(r"https?://[^\s?#@]+")


def parse_services(reader: Reader, node: Located | None) -> tuple[WrittenService, ...]:
    entries = node.entries if isinstance(node, Mapping) else ()
    found = (_service(reader, Name(key.text, key.span), value) for key, value in entries)
    return tuple(service for service in found if service is not None)


def _service(reader: Reader, name: Name, node: Located) -> WrittenService | None:
    """A service that cannot be read is still declared: that its URL is wrong is one error, not one a call."""
    match node:
        case Scalar(value=str()):
            return WrittenService(name, _url(reader, node))
        case Mapping():
            url, auth, tombstone = node.get("url"), node.get("auth"), node.get("tombstone")
            strict = node.get("strict")
            return WrittenService(
                name=name,
                url=_url(reader, url) if isinstance(url, Scalar) else Constant(None),
                auth=_auth(reader, auth),
                auth_span=auth.span if auth is not None else None,
                headers=headers(reader, node.get("headers")),
                habits=habits(reader, node),
                tombstone=isinstance(tombstone, Scalar) and tombstone.value is True,
                max_concurrent=whole(node.get("max_concurrent")),
                openapi=file_of(reader, node.get("openapi")),
                strict=isinstance(strict, Scalar) and strict.value is True,
            )
        case _:
            return WrittenService(name, Constant(None))


def _auth(reader: Reader, node: Located | None) -> Auth | None:
    """A text as it goes out, or `{ basic: { user, password } }`, `{ bearer: TOKEN }`."""
    match node:
        case None:
            return None
        case Mapping():
            basic, bearer = node.get("basic"), node.get("bearer")
            if isinstance(basic, Mapping) and (user := basic.get("user")) is not None:
                password = basic.get("password")
                said = reader.template(password) if password is not None else None
                return Basic(reader.template(user), said)
            return _bearer(reader.template(bearer)) if bearer is not None else None
        case _:
            return reader.template(node)


def _bearer(token: Template) -> Template:
    match token:
        case Text(parts=parts):
            return assembled(["Bearer ", *parts])
        case Expression():
            return assembled(["Bearer ", token])
        case Constant(value=str() as text):
            return Constant(f"Bearer {text}")
        case _:
            return Constant(None)


def _url(reader: Reader, scalar: Scalar) -> Constant | Expression | Text:
    if not isinstance(scalar.value, str) or not scalar.value:
        return Constant(None)
    template = reader.text(scalar)
    match template:
        case Constant(value=str() as url) if not _URL.fullmatch(url):
            hint = "such as http://localhost:9001 or https://api.example.com/v1"
            reader.refuse(
                scalar.span, "a service's URL must begin with http:// or https://", hint=hint
            )
            return template
        case Constant() | Expression() | Text():
            return template
        case _:
            return Constant(None)
