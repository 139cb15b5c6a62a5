"""What can be said about a workflow file, and the catalogue of it: one entry a code, one page an entry.

A rule returns diagnostics; it never prints. A code is never used twice and never means anything else later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

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


@dataclass(frozen=True, slots=True)
class Fix:
    """Replace `removes` lines from `line` on with `lines`; 0 inserts before it."""

    line: int
    lines: tuple[str, ...]
    removes: int = 1


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """`label` stands under the carets, `help` below the frame, `related` are other places that matter."""

    code: str
    span: Span
    message: str
    label: str = ""
    help: str = ""
    related: tuple[tuple[Span, str], ...] = ()
    fix: Fix | None = None

    @property
    def severity(self) -> Severity:
        return CATALOGUE[self.code].severity

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        return f"{self.code} {self.span.line}:{self.span.column} {self.message}"


@dataclass(frozen=True, slots=True)
class Untold:
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


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    code: str
    title: str
    severity: Severity
    page: str  # file in flowdsl/language/pages


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


def _entry(
    code: str, title: str, severity: Severity = Severity.ERROR
) -> tuple[str, CatalogueEntry]:
    return code, CatalogueEntry(code, title, severity, f"{code}.md")


CATALOGUE: Mapping[str, CatalogueEntry] = MappingProxyType(
    dict(
        (
            _entry("F001", "an expression inside { } or [ ] needs quotes"),
            _entry("F002", "a text that contains `: ` needs quotes"),
            _entry("F003", "a value that begins with a quote ends with it"),
            _entry("F004", "this is not YAML"),
            _entry("F006", "an `allow` comment without a reason", Severity.WARNING),
            _entry("F007", "the file is over a limit"),
            _entry("F008", "a # cuts the expression"),
            _entry("F009", "a part of YAML that workflows do not use"),
            _entry("F010", "`confirm` or `compensate` below `commit`"),
            _entry("F011", "one `commit`, at the top level"),
            _entry("F012", "a change that nothing undoes", Severity.WARNING),
            _entry("F013", "an undo that needs an answer that can be lost", Severity.HINT),
            _entry("F014", "a secret where it could be seen"),
            _entry("F015", "an `expect` that can only end stuck", Severity.WARNING),
            _entry("F016", "steps that wait for each other"),
            _entry("F017", "`fail` below `commit`"),
            _entry("F018", "`status` inside `parallel` or `for_each`"),
            _entry("F019", "`after` names no sibling"),
            _entry("F020", "an unknown key"),
            _entry("F021", "a missing key"),
            _entry("F022", "a value of the wrong kind"),
            _entry("F023", "a step has exactly one verb"),
            _entry("F024", "a key given twice"),
            _entry("F025", "a name that is not snake_case"),
            _entry("F026", "a name that is taken"),
            _entry("F030", "an unknown service"),
            _entry("F031", "a used file that cannot be used"),
            _entry("F032", "`with` that does not fit the inputs of the used file"),
            _entry("F033", "a file that uses itself"),
            _entry("F034", "losers that could not be taken back"),
            _entry("F035", "a used file that commits too early"),
            _entry("F036", "keys that have no effect in a used file", Severity.HINT),
            _entry("F040", "an expression that cannot be read"),
            _entry("F041", "an unknown name"),
            _entry("F042", "an unknown field"),
            _entry("F043", "a value that may be null"),
            _entry("F044", "a value of the wrong type"),
            _entry("F045", "a name used before its step"),
            _entry("F046", "a condition that is always true or always false", Severity.WARNING),
            _entry("F047", "an expression that is too long"),
            _entry("F062", "many calls where one would do", Severity.HINT),
            _entry("F066", "a step that is never confirmed", Severity.HINT),
            _entry("F090", "an OpenAPI document that cannot be read"),
            _entry("F091", "a part of an OpenAPI document that cannot be used", Severity.WARNING),
            _entry("F092", "the service has no such operation"),
            _entry("F093", "an unknown query parameter"),
            _entry("F094", "the operation needs what the call does not send"),
            _entry("F095", "a body field that the operation refuses"),
            _entry("F096", "a body field that the operation does not list", Severity.WARNING),
            _entry("F097", "a value that the operation refuses"),
            _entry("F098", "a body that the operation does not take"),
            _entry("F060", "retries longer than the run may take", Severity.WARNING),
            _entry("F061", "steps that could run in parallel", Severity.HINT),
            _entry("F063", "a URL outside `services`", Severity.HINT),
            _entry("F064", "a hold shorter than the way to its confirm or undo", Severity.WARNING),
            _entry("F065", "the same calls in several files", Severity.HINT),
            _entry("F067", "a wait without an end", Severity.HINT),
            _entry("F068", "a credential written out", Severity.WARNING),
            _entry("F069", "a secret too short to be told from data", Severity.WARNING),
        )
    )
)

MOSTLY: Mapping[str, str] = MappingProxyType(
    {
        "F011": "let one `- commit` stand among the `steps:` of the file, or take it out",
        "F032": "give it a value that fits, or change the input in the other file",
        "F041": "read it where it is known, or take it out",
        "F042": "take a field that is there, or declare this one where the value is described",
        "F044": "give the kind of value that is asked for; `str(…)`, `number(…)` and `int(…)` convert",
        "F045": "move the step that reads it below the one that gives it",
        "F097": "send what the document describes; `str(…)`, `number(…)` and `int(…)` convert",
        "F046": "compare with something that can change, or take the condition out",
    }
)
