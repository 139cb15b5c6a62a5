"""The rules, one file a family. A rule takes the subject and yields diagnostics; it knows no other rule."""

from __future__ import annotations

from flowdsl.language.diagnostics import Diagnostic
from flowdsl.language.family import ALONE, Family
from flowdsl.language.rules.beside import check_beside
from flowdsl.language.rules.compensation import check_compensation
from flowdsl.language.rules.deadlines import check_deadlines
from flowdsl.language.rules.files import check_files
from flowdsl.language.rules.habits import check_habits
from flowdsl.language.rules.lists import check_lists
from flowdsl.language.rules.names import check_names
from flowdsl.language.rules.order import check_order
from flowdsl.language.rules.references import check_references
from flowdsl.language.rules.secrets import check_secrets
from flowdsl.language.rules.values import check_values
from flowdsl.language.subject import look_at
from flowdsl.language.workflow import Workflow
from flowdsl.plan.nodes import Plan

_RULES = (
    check_names,
    check_references,
    check_order,
    check_compensation,
    check_files,
    check_lists,
    check_values,
    check_secrets,
    check_habits,
)
_RULES_OF_PLANS = (check_deadlines, check_beside)


def all_rules(workflow: Workflow, path: str = "", family: Family = ALONE) -> list[Diagnostic]:
    """What the rules have to say, every family asked."""
    subject = look_at(workflow, path, family)
    return [diagnostic for rule in _RULES for diagnostic in rule(subject)]


def rules_of_plans(
    workflow: Workflow, plan: Plan, path: str = "", family: Family = ALONE
) -> list[Diagnostic]:
    """What only the plan of a workflow without errors shows: how long it takes, what could go at once."""
    subject = look_at(workflow, path, family)
    return [diagnostic for rule in _RULES_OF_PLANS for diagnostic in rule(subject, plan)]
