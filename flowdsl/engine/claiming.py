"""Under which id a run starts, and whether it is ours to start: an id means one run, and so does an event."""

from __future__ import annotations

from flowdsl.codes import Code
from flowdsl.engine.project import Start
from flowdsl.engine.sign import event_run
from flowdsl.errors import InputError
from flowdsl.world.store.port import Store
from flowdsl.world.store.summary import Claim


async def claim(store: Store, start: Start) -> tuple[Start, Claim]:
    """Raises InputError where the id, or the event, means another run. An id that was drawn needs no claim."""
    if start.event is None:
        if not start.is_named:
            return start, Claim.MINE
        return start, await store.claim(start.run, start.fingerprint)
    event = event_run(store.key, start.plan.name, *start.event)
    if not start.is_named:
        start = start.named(await store.started_by(event) or event)
        return start, await store.claim(start.run, start.fingerprint, attach=True)
    claimed = await store.claim(start.run, start.fingerprint)
    started = await store.claim_event(event, start.run)
    if started != start.run:
        await store.unclaim(start.run)
        message = f"this event has started {started}, and no event starts two runs"
        raise InputError(message, code=Code.ID_TAKEN, help=f"flowdsl status {started}")
    return start, claimed


def there_already(run: str) -> InputError:
    return InputError(
        f"there is a run {run} already, of the same file and inputs",
        code=Code.ID_TAKEN,
        help="choose another id, or start it once, which attaches to it",
    )
