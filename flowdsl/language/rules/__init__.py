"""The rules, one file a family. A rule takes the subject and yields diagnostics; it knows no other rule.

`names.py`, `references.py`, `order.py`, `values.py` are about any step; `compensation.py`, `deadlines.py`, `lists.py`,
`files.py`, `secrets.py`, `credentials.py`, `contracts.py` about what can go wrong with the work; `habits.py`, `beside.py`,
`offers.py` are hints. `scope.py`, `results.py`, `answers.py` are the types that rules share; `allow.py` silences one.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from flowdsl.language.rules.beside import check_beside
from flowdsl.language.rules.compensation import check_compensation
from flowdsl.language.rules.credentials import check_credentials
from flowdsl.language.rules.deadlines import check_deadlines
from flowdsl.language.rules.files import check_files
from flowdsl.language.rules.habits import check_habits
from flowdsl.language.rules.lists import check_lists
from flowdsl.language.rules.names import check_names
from flowdsl.language.rules.offers import check_offers
from flowdsl.language.rules.order import check_order
from flowdsl.language.rules.references import check_references
from flowdsl.language.rules.secrets import check_secrets
from flowdsl.language.rules.values import check_values
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.nodes import Plan

ERRORS_MAX = 100  # of one family

_RULES = (
    check_names,
    check_references,
    check_order,
    check_compensation,
    check_files,
    check_lists,
    check_offers,
    check_values,
    check_secrets,
    check_credentials,
    check_habits,
)
_RULES_OF_PLANS = (check_deadlines, check_beside)


class Ruled(Struct, frozen=True):
    """`is_all`: no family stopped before its end."""

    diagnostics: tuple[Diagnostic, ...]
    is_all: bool


def all_rules(subject: Subject) -> Ruled:
    """What the rules have to say, every family asked."""
    found = [_first_of(rule(subject)) for rule in _RULES]
    diagnostics = tuple(diagnostic for ruled in found for diagnostic in ruled.diagnostics)
    return Ruled(diagnostics, all(ruled.is_all for ruled in found))


def _first_of(found: Iterable[Diagnostic]) -> Ruled:
    """All of them up to the last error that anybody reads: a hint what was meant looks at all names, and each error has one."""
    errors = 0
    told: list[Diagnostic] = []
    for diagnostic in found:
        if errors == ERRORS_MAX:
            return Ruled(tuple(told), is_all=False)
        told.append(diagnostic)
        errors += diagnostic.is_error
    return Ruled(tuple(told), is_all=True)


def rules_of_plans(subject: Subject, plan: Plan) -> list[Diagnostic]:
    """What only the plan of a workflow without errors shows: how long it takes, what could go at once."""
    return [diagnostic for rule in _RULES_OF_PLANS for diagnostic in rule(subject, plan)]
