"""What is true of every story, however it was told and however it ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from flowdsl.plan.address import direction_of, step_of
from flowdsl.saga.events import Finished, Ok, Started, Turned

if TYPE_CHECKING:
    from tests.contract.story import Story


def judge(story: Story) -> None:
    effects = Counter(effect.wish for effect in story.ledger)
    assert max(effects.values(), default=1) == 1, f"an effect happened twice: {effects}"
    left, named = story.left, story.named | _in_progress(story)
    assert left <= named, f"left behind and not named: {left - named}"
    if story.now.state in ("compensated", "cancelled"):
        assert any(isinstance(fact, Turned) for fact in story.facts)
        calls = story.state.calls
        taken_on = {calls[step_of(c)].key for c, entry in calls.items() if entry.waived is not None}
        assert left <= taken_on, f"left behind, and nobody took that on himself: {left - taken_on}"
    _one_key_one_payload(story)
    _order_of_facts(story)


def _in_progress(story: Story) -> set[str]:
    """Of a run that is stuck on its way forward (a loser that cannot be undone): what it has done, and means to keep."""
    if story.state.committed or story.state.turning is not None:
        return set()
    calls, stands = story.state.calls, story.now.stands
    return {
        entry.key for call, entry in calls.items() if call in stands and stands[call].state == "ok"
    }


def _one_key_one_payload(story: Story) -> None:
    """P3; and P2: what came to the door was written down."""
    keys = {entry.key for entry in story.state.calls.values()}
    payloads: dict[str, tuple[str, bytes]] = {}
    for arrived in story.front.log:
        key = arrived.request.key
        if key is None:
            continue
        assert key in keys, f"{arrived.line} was sent, and nobody meant to"
        payload = arrived.line, arrived.request.body
        assert payloads.setdefault(key, payload) == payload, f"other bytes under one key: {payload}"


def _order_of_facts(story: Story) -> None:
    """No undo begins while its step is out, and nothing is sent of what is undone."""
    flying: set[str] = set()
    undone: set[str] = set()
    for fact in story.facts:
        match fact:
            case Started(call=call):
                assert step_of(call) not in undone, f"{call} begins, and it was undone"
                if direction_of(call) == "undo":
                    assert not flying & {step_of(call), f"{step_of(call)}!answer"}, call
                flying.add(call)
            case Finished(call=call, outcome=outcome):
                flying.discard(call)
                if direction_of(call) == "undo" and isinstance(outcome, Ok):
                    undone.add(step_of(call))
