"""One attempt of a call, the same for every loop: its seal, its secrets, its place among those in flight, its contract."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.engine.ports import Ports
from flowdsl.plan.nodes import Action
from flowdsl.plan.request import Request
from flowdsl.saga.commands import Invoke
from flowdsl.saga.events import Failure, Outcome, Refused
from flowdsl.saga.intent import action_of, intended
from flowdsl.saga.masking import names_masked_in
from flowdsl.saga.observation import Answer, Observation
from flowdsl.saga.outcome import judge
from flowdsl.saga.run import Run


async def attempt(ports: Ports, run: Run, command: Invoke) -> Outcome:
    """Send what the intent holds, and judge what is seen of it. Nothing is kept here."""
    intent = intended(run.state, command.call)
    request = intent.request
    assert request is not None
    if run.state.lost and (lost := _lost(request)):
        said = f"it held the value of the secret {lost}, which is missing or has changed since: nothing was sent"
        return Refused(Failure(Code.CHANGED_SECRET, said, command.call), sent=False)
    if intent.seal and intent.seal != ports.signer.seal(request):
        message = "a secret in its body has changed since it was first sent: nothing was sent"
        return Refused(Failure(Code.CHANGED_SECRET, message, command.call), sent=False)
    action = action_of(run.plan, command.call)
    time = asyncio.get_running_loop().time
    async with ports.limits.place(run.plan.services[action.service], request.url):
        end = time() + command.timeout_seconds
        seen = await ports.network.send(
            request,
            secrets=ports.secrets,
            timeout_seconds=command.timeout_seconds,
            fresh=command.fresh,
        )
    seen = await _held_against_contract(ports, action, request, seen, end)
    return judge(run.plan, run.state, command.call, seen)


async def _held_against_contract(
    ports: Ports, action: Action, request: Request, seen: Observation, end: float
) -> Observation:
    """What is said of an answer that does not fit is for people, and is cut: it is said of the masked one."""
    contracts, time = ports.contracts, asyncio.get_running_loop().time
    seen = await contracts.look_at(action, request, seen, end - time())
    if not isinstance(seen, Answer) or not seen.misfit:
        return seen
    shown = ports.masks.value(seen.body)
    if shown is seen.body:
        return seen
    masked = replace(seen, body=shown, misfit="")
    again = await contracts.look_at(action, request, masked, end - time())
    said = again.misfit if isinstance(again, Answer) else ""
    return replace(seen, misfit=said or "what is wrong with it holds a secret")


def _lost(request: Request) -> str:
    """The secrets that stand masked in a request, which can then not be sent as it was."""
    return " and ".join(sorted(names_masked_in(request)))
