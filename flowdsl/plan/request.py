"""One HTTP request, rendered once, kept in the intent, re-sent byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

from flowdsl.plan.values import Sealed


@dataclass(frozen=True, slots=True)
class Request:
    """`body` is JSON text; secrets stand by reference in header values and in the body only."""

    method: str
    url: str
    headers: tuple[tuple[str, Sealed], ...] = ()
    body: Sealed | None = None
