"""A request as it is written and shown: its path, query, header values and body are data, and may hold secrets.

Its method and the address of its service stay as they are. Where a secret stands by reference already, it stays.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from flowdsl.plan.masked import Masked, Parts, StandIn
from flowdsl.plan.request import BasicCredentials, Request
from flowdsl.plan.values import Sealed, Secret
from flowdsl.world.secrets.redaction import Redaction, is_masked

PLACE = "\1"  # of a secret by reference in JSON text, which holds no such character
URL_PART = re.compile(r"[^/?&=#]+")


def mask_request(redaction: Redaction, request: Request) -> Request:
    if redaction.is_idle:
        return request
    return replace(
        request,
        url=redaction.masked(request.url, _url_parts(redaction, request.url)),
        headers=tuple((name, _header(redaction, value)) for name, value in request.headers),
        body=None if request.body is None else _json_body(redaction, request.body),
        basic=None if request.basic is None else _basic(redaction, request.basic),
    )


def _url_parts(redaction: Redaction, url: str) -> Parts:
    if isinstance(url, Masked):
        return (url,)
    start = url.find("/", url.find("//") + 2)
    if start < 0:
        return (url,)
    parts: list[str | StandIn] = [url[:start]]
    end = start
    for found in URL_PART.finditer(url, start):
        masked = redaction.parts_of(found[0])
        if is_masked(masked):
            parts += [url[end : found.start()], *masked]
            end = found.end()
    if end > start:
        return tuple(part for part in (*parts, url[end:]) if part != "")
    return (url[:start], *redaction.inside(url[start:]))  # a value may have a slash in it


def _header(redaction: Redaction, parts: Sealed) -> Sealed:
    return tuple(part if isinstance(part, Secret) else redaction.text(part) for part in parts)


def _basic(redaction: Redaction, basic: BasicCredentials) -> BasicCredentials:
    return BasicCredentials(_header(redaction, basic.user), _header(redaction, basic.password))


def _json_body(redaction: Redaction, parts: Sealed) -> Sealed:
    """JSON text with secrets by reference: its texts and numbers are looked at each by itself."""
    if any(isinstance(part, Masked) for part in parts):
        return parts
    text = "".join(PLACE if isinstance(part, Secret) else part for part in parts)
    named = iter([part for part in parts if isinstance(part, Secret)])
    found: list[str | Secret] = []
    stretch: list[str | StandIn] = []
    for part in redaction.json_parts(text):
        if isinstance(part, StandIn):
            stretch.append(part)
            continue
        first, *others = part.split(PLACE)
        stretch.append(first)
        for other in others:
            found += [*_stretch(redaction, stretch), next(named)]
            stretch = [other]
    return (*found, *_stretch(redaction, stretch))


def _stretch(redaction: Redaction, parts: list[str | StandIn]) -> list[str]:
    """What stands between two secrets, masked where something in it is."""
    kept = tuple(part for part in parts if part != "")
    if not kept:
        return []
    text = redaction.restored(kept)
    return [text] if not is_masked(kept) and text is not None else [redaction.sealed(kept, text)]
