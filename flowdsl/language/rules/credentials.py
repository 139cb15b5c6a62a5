"""Who we are: credentials that are written out in the file, and those that go out in a way no service reads."""

from __future__ import annotations

from collections.abc import Iterator

from flowdsl.codes import Code
from flowdsl.language.parse.workflow import Name, WrittenService
from flowdsl.language.subject import Subject, requests
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.nodes import Basic
from flowdsl.plan.span import Span
from flowdsl.plan.template import Constant, Template, Text

_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-auth-token"}
)
_LONG_FORM = "auth: { basic: { user: …, password: … } }"


def check_credentials(subject: Subject) -> Iterator[Diagnostic]:
    for service in subject.workflow.services:
        yield from _auth(service)
        yield from _headers(service.headers)
    for place in subject.places:
        for _, request in requests(place):
            yield from _headers(request.headers)


def _auth(service: WrittenService) -> Iterator[Diagnostic]:
    span = service.auth_span
    match service.auth:
        case _ if span is None:
            return
        case Basic(user=user, password=password):
            if _begins_with(user).find(":") >= 0:
                message = "the user of `basic` holds a `:`, where the password begins"
                yield Diagnostic(
                    Code.WRONG_KIND, span, message, help="give the password as `password:`"
                )
            # Where there is no password, the user is what is secret.
            if _is_written_out(password if password is not None else user):
                yield _written_out(span, f"`{service.name.text}`")
        case None:
            return
        case auth if _begins_with(auth).lower().startswith("basic "):
            message = "`basic` as a text goes out as it stands, and no service reads it so"
            hint = f"write `{_LONG_FORM}`: it is put in base64 where it is sent"
            yield Diagnostic(Code.WRONG_KIND, span, message, help=hint)
        case auth if _is_written_out(auth):
            yield _written_out(span, f"`{service.name.text}`")


def _headers(headers: tuple[tuple[Name, Template], ...]) -> Iterator[Diagnostic]:
    for name, value in headers:
        if name.text.lower() in _HEADERS and _is_written_out(value):
            yield _written_out(name.span, f"the header `{name.text}`")


def _is_written_out(value: Template) -> bool:
    return isinstance(value, Constant) and value.value not in (None, "")


def _written_out(span: Span, where: str) -> Diagnostic:
    message = f"the credential of {where} is written out: it is kept with every run, and shown"
    hint = "name it: `${secrets.NAME}`, from the environment, .env or --secrets-file"
    return Diagnostic(Code.WRITTEN_CREDENTIAL, span, message, help=hint)


def _begins_with(value: Template) -> str:
    """The text that it begins with, whatever comes after."""
    match value:
        case Constant(value=str() as text) | Text(parts=(str() as text, *_)):
            return text
        case _:
            return ""
