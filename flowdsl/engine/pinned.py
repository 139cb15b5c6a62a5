"""What a run is pinned to, and the plan that comes back from it."""

from __future__ import annotations

from flowdsl.language import InvalidWorkflow, compile_pinned
from flowdsl.plan.nodes import Plan
from flowdsl.world.store.definitions import Definition, not_what_it_was, read_definition


def definition_of(plan: Plan) -> bytes:
    """What is pinned: the file as it was when the run started."""
    return Definition(plan.path, plan.source, plan.files).to_json()


def plan_from(document: bytes, digest: str) -> Plan:
    """The plan that was pinned. Raises StoreError where its document is damaged, and no other error for it."""
    pinned = read_definition(document, digest)
    try:
        plan = compile_pinned(pinned.text, pinned.path, pinned.files)
    except (KeyError, TypeError, ValueError, InvalidWorkflow):
        raise not_what_it_was() from None
    if plan.digest != digest:
        raise not_what_it_was()
    return plan
