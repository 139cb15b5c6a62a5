"""What a run is pinned to, and the plan that comes back from it."""

from __future__ import annotations

from msgspec import Struct, field

from flowdsl import language
from flowdsl.engine.contracts import AnswerContracts, contracts_of
from flowdsl.language.openapi import Readings
from flowdsl.plan.nodes import Plan
from flowdsl.world.store.definitions import Definition, not_what_it_was, read_definition
from flowdsl.world.store.offload import Offload, OneThread
from flowdsl.world.store.port import Store


class Pinned(Struct):
    """The definitions of the runs in a store, each read once: runs of one file share it."""

    store: Store
    plans: dict[str, Plan] = field(default_factory=dict)  # by digest
    contracts: dict[str, AnswerContracts] = field(default_factory=dict)  # by digest
    readings: Readings = field(default_factory=Readings)
    aside: Offload = field(default_factory=lambda: OneThread("flowdsl-contracts"))

    async def pin(self, plan: Plan) -> None:
        self.plans[plan.digest] = plan
        await self.store.pin(plan.digest, definition_of(plan))

    async def plan(self, digest: str) -> Plan:
        """Whatever became of the file. Raises StoreError where it cannot be read."""
        if digest not in self.plans:
            self.plans[digest] = plan_from(await self.store.definition(digest), digest)
        return self.plans[digest]

    def contracts_for(self, plan: Plan) -> AnswerContracts:
        if plan.digest not in self.contracts:
            self.contracts[plan.digest] = contracts_of(plan, self.readings, self.aside)
        return self.contracts[plan.digest]

    def close(self) -> None:
        self.aside.close()


def definition_of(plan: Plan) -> bytes:
    """What is pinned: the file as it was when the run started."""
    return Definition(plan.path, plan.source, plan.files).to_json()


def plan_from(document: bytes, digest: str) -> Plan:
    """The plan that was pinned. Raises StoreError where its document is damaged, and no other error for it."""
    pinned = read_definition(document, digest)
    try:
        plan = language.compile_pinned(pinned.text, pinned.path, pinned.files)
    except (KeyError, TypeError, ValueError, language.InvalidWorkflow):
        raise not_what_it_was() from None
    if plan.digest != digest:
        raise not_what_it_was()
    return plan
