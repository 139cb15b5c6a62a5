"""What the check of a call comes to: findings, and a count of what was found right and of what nobody can say."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import TypeAlias

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.plan.span import Span


class Finding(Struct, frozen=True):
    """The makings of a diagnostic. `meant`: "did you mean …?", which stands at the place itself."""

    code: Code
    span: Span
    message: str
    help: str = ""
    meant: str = ""


class Verdict(Enum):
    FITS = auto()
    UNKNOWN = auto()  # the contract is silent, or the value is known only in the run


Judged: TypeAlias = Finding | Verdict


class CheckedCall(Struct, frozen=True):
    """`checked`: things judged, the findings among them. `unknown`: things that could not be."""

    findings: tuple[Finding, ...] = ()
    checked: int = 0
    unknown: int = 0

    def __add__(self, other: CheckedCall) -> CheckedCall:
        return CheckedCall(
            self.findings + other.findings,
            self.checked + other.checked,
            self.unknown + other.unknown,
        )


def count(judged: Iterable[Judged]) -> CheckedCall:
    found = list(judged)
    findings = tuple(one for one in found if isinstance(one, Finding))
    in_order = sorted(dict.fromkeys(findings), key=lambda f: (f.span.line, f.span.column, f.code))
    unknown = found.count(Verdict.UNKNOWN)
    return CheckedCall(tuple(in_order), len(found) - unknown, unknown)
