"""The rules, one file a family. A rule takes the subject and yields diagnostics; it knows no other rule."""

from __future__ import annotations

from flowdsl.language.diagnostics import Diagnostic
from flowdsl.language.family import ALONE, Family
from flowdsl.language.rules.compensation import check_compensation
from flowdsl.language.rules.files import check_files
from flowdsl.language.rules.lists import check_lists
from flowdsl.language.rules.names import check_names
from flowdsl.language.rules.order import check_order
from flowdsl.language.rules.references import check_references
from flowdsl.language.rules.retries import check_retries
from flowdsl.language.rules.secrets import check_secrets
from flowdsl.language.rules.values import check_values
from flowdsl.language.subject import look_at
from flowdsl.language.workflow import Workflow

_RULES = (
    check_names,
    check_references,
    check_order,
    check_compensation,
    check_files,
    check_lists,
    check_retries,
    check_values,
    check_secrets,
)


def all_rules(workflow: Workflow, path: str = "", family: Family = ALONE) -> list[Diagnostic]:
    """What the rules have to say, every family asked."""
    subject = look_at(workflow, path, family)
    return [diagnostic for rule in _RULES for diagnostic in rule(subject)]
