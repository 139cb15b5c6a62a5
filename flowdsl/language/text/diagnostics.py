"""What can be said about a workflow file, and the catalogue of it: one entry a code, one page an entry.

A rule returns diagnostics; it never prints. A code is never used twice and never means anything else later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.plan.span import Span

LIMIT_CHARACTERS = 1_000  # of a message and of its help
LIMIT_FINDINGS = 100  # that are told of a file; the rest is counted
LIMIT_RELATED = 10  # other places of one finding
LIMIT_FIX = 1_000  # characters of a line: a longer one is not shown as it should be


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


_WEIGHTS = MappingProxyType({Severity.ERROR: 0, Severity.WARNING: 1, Severity.HINT: 2})


class Fix(Struct, frozen=True):
    """Replace `removes` lines from `line` on with `lines`; 0 inserts before it."""

    line: int
    lines: tuple[str, ...]
    removes: int = 1


class Diagnostic(Struct, frozen=True):
    """`label` stands under the carets, `help` below the frame, `related` are other places that matter.

    `cycle`: the files that use each other in turn, where that is what is wrong.
    """

    code: Code
    span: Span
    message: str
    label: str = ""
    help: str = ""
    related: tuple[tuple[Span, str], ...] = ()
    fix: Fix | None = None
    cycle: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return SEVERITIES[self.code]

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        return f"{self.code} {self.span.line}:{self.span.column} {self.message}"


class Untold(Struct, frozen=True):
    """Findings that are counted and not told. Not `exact`: a rule that had found enough stopped looking."""

    errors: int = 0
    warnings: int = 0
    hints: int = 0
    exact: bool = True

    @property
    def total(self) -> int:
        return self.errors + self.warnings + self.hints

    def plus(self, found: Iterable[Diagnostic]) -> Untold:
        """These, and findings that are not told either."""
        by = Counter(diagnostic.severity for diagnostic in found)
        return Untold(
            self.errors + by[Severity.ERROR],
            self.warnings + by[Severity.WARNING],
            self.hints + by[Severity.HINT],
            self.exact,
        )

    def __str__(self) -> str:
        return f"… and {'' if self.exact else 'at least '}{self.total:,} more"


ALL_TOLD = Untold()


def fix_line(line: int, fixed: str) -> Fix | None:
    """One line as it should be, where it is short enough to be shown."""
    return Fix(line, (fixed,)) if len(fixed) <= LIMIT_FIX else None


def in_order(
    diagnostics: Iterable[Diagnostic], untold: Untold = ALL_TOLD
) -> tuple[tuple[Diagnostic, ...], Untold]:
    """By position in the file, each said once, each with a next step; errors first where there are too many.

    `untold`: what was counted already, and what is counted now.
    """
    found = sorted(dict.fromkeys(diagnostics), key=_position)
    if len(found) > LIMIT_FINDINGS:
        weighty = by_weight(found)
        found, rest = sorted(weighty[:LIMIT_FINDINGS], key=_position), weighty[LIMIT_FINDINGS:]
        untold = untold.plus(rest)
    return tuple(_with_help(_short(each)) for each in found), untold


def by_weight(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    return sorted(found, key=lambda diagnostic: _WEIGHTS[diagnostic.severity])


def _position(found: Diagnostic) -> tuple[int, int, str]:
    return found.span.line, found.span.column, found.code


def _short(found: Diagnostic) -> Diagnostic:
    """A text of a file that stands in a message, or a line of it that would be mended, may be as long as the file."""
    message, label, help_ = map(_cut, (found.message, found.label, found.help))
    related = tuple((span, _cut(text)) for span, text in found.related[:LIMIT_RELATED])
    fix = found.fix
    if fix is not None and sum(map(len, fix.lines)) > LIMIT_FIX:
        fix = None
    return replace(found, message=message, label=label, help=help_, related=related, fix=fix)


def _cut(text: str) -> str:
    return text if len(text) <= LIMIT_CHARACTERS else f"{text[: LIMIT_CHARACTERS - 1]}…"


def _with_help(found: Diagnostic) -> Diagnostic:
    """Where a rule knows nothing better to do, what mends most errors of the kind."""
    if found.help or found.fix is not None:
        return found
    see = f"`flowdsl explain {found.code}` shows how it is written"
    return replace(found, help=MOSTLY.get(found.code, see))


_WARNINGS = frozenset(
    {
        Code.ALLOWED_WITHOUT_REASON,
        Code.NOT_UNDOABLE,
        Code.EXPECT_ENDS_STUCK,
        Code.CONSTANT_CONDITION,
        Code.RETRIES_OUTLAST_RUN,
        Code.HOLD_TOO_SHORT,
        Code.WRITTEN_CREDENTIAL,
        Code.SHORT_SECRET,
        Code.UNUSABLE_OPENAPI_PART,
        Code.UNLISTED_FIELD,
    }
)
_HINTS = frozenset(
    {
        Code.UNDO_NEEDS_ANSWER,
        Code.KEY_WITHOUT_EFFECT,
        Code.COULD_BE_PARALLEL,
        Code.COULD_BE_ONE_CALL,
        Code.URL_OUTSIDE_SERVICES,
        Code.REPEATED_CALLS,
        Code.NEVER_CONFIRMED,
        Code.ENDLESS_WAIT,
    }
)


SEVERITIES: Mapping[str, Severity] = MappingProxyType(
    {
        code: Severity.WARNING
        if code in _WARNINGS
        else Severity.HINT
        if code in _HINTS
        else Severity.ERROR
        for code in Code
        if code.is_about_files
    }
)

MOSTLY: Mapping[str, str] = MappingProxyType(
    {
        Code.MISPLACED_COMMIT: "let one `- commit` stand among the `steps:` of the file, or take it out",
        Code.ARGUMENTS_DO_NOT_FIT: "give it a value that fits, or change the input in the other file",
        Code.UNKNOWN_NAME: "read it where it is known, or take it out",
        Code.UNKNOWN_FIELD: "take a field that is there, or declare this one where the value is described",
        Code.WRONG_TYPE: "give the kind of value that is asked for; `str(…)`, `number(…)` and `int(…)` convert",
        Code.USED_TOO_EARLY: "move the step that reads it below the one that gives it",
        Code.REFUSED_VALUE: "send what the document describes; `str(…)`, `number(…)` and `int(…)` convert",
        Code.CONSTANT_CONDITION: "compare with something that can change, or take the condition out",
    }
)
