"""One HTTP request, rendered once, kept in the intent, re-sent byte for byte."""

from __future__ import annotations

from msgspec import Struct

from flowdsl.plan.values import Sealed


class BasicCredentials(Struct, frozen=True):
    """Who we are by RFC 7617. What goes out is base64 of both, made where their secrets are put in."""

    user: Sealed
    password: Sealed = ()


class Request(Struct, frozen=True):
    """`body` is JSON text; secrets stand by reference in header values, in the body and in `basic` only.

    `basic` takes the place of an Authorization among the headers.
    """

    method: str
    url: str
    headers: tuple[tuple[str, Sealed], ...] = ()
    body: Sealed | None = None
    basic: BasicCredentials | None = None
