"""The rules, one file a family. A rule takes a workflow and returns diagnostics; it knows no other rule."""

from __future__ import annotations

from flowdsl.language.diagnostics import Diagnostic
from flowdsl.language.workflow import Workflow


def all_rules(workflow: Workflow) -> list[Diagnostic]:
    """What the rules have to say, every family asked."""
    return []
