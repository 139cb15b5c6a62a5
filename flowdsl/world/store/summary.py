"""What a store says about what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import InputError, StoreError
from flowdsl.plan.values import Json
from flowdsl.plan.words import did_you_mean
from flowdsl.saga.events import Event
from flowdsl.world.store.line import RUN_ID

HELD_SECONDS, LOOK_SECONDS = (
    10.0,
    0.02,
)  # how long another process may be at it, and how often we look


class Recorded(NamedTuple):
    """A fact, its place in its run (from 1), and the wall clock when it was kept."""

    sequence: int
    wall_milliseconds: int
    event: Event


class Ordered(NamedTuple):
    """An order that another process left for a run."""

    run: str
    order_id: str
    order: Json


class Closing(Struct, frozen=True):
    """What a list shows of a run that is over, as who drove it says it. `residue`: how many things were left."""

    ended_at: float
    label: str | None = None
    detail: str = ""
    residue: int = 0


class RunSummary(Struct, frozen=True):
    """`ended` is the state it ended in, empty while it has not. `driven`: a living process drives it."""

    run: str
    workflow: str
    created_at: float
    ended: str = ""
    driven: bool = False
    damaged: bool = False
    closing: Closing | None = None


class Wanted(Struct, frozen=True):
    """Which runs: all, or those of a workflow, or those that ended in a state."""

    workflow: str | None = None
    ended: str | None = None

    def takes(self, one: RunSummary) -> bool:
        return self.workflow in (None, one.workflow) and self.ended in (None, one.ended)


EVERY = Wanted()


class Listed(NamedTuple):
    """Runs, the newest first. `hidden`: how many more there are."""

    runs: Sequence[RunSummary]
    hidden: int = 0


def newest_of(runs: Iterable[RunSummary], most: int | None, wanted: Wanted = EVERY) -> Listed:
    found = [one for one in runs if wanted.takes(one)]
    found.sort(key=lambda one: (one.created_at, one.run), reverse=True)
    return Listed(found[:most], len(found) - len(found[:most]))


PRUNED = "pruned"  # the state of a run of which only its id is left


class Pruned(NamedTuple):
    """How many runs were thrown away, and how many bytes."""

    runs: int
    bytes: int


class Claim(Enum):
    """What came of claiming an id that a person chose."""

    MINE = "mine"  # nobody has used it: start the run
    TAKEN = "taken"  # the same file and inputs: attach to the run


class StoreFinding(Struct, frozen=True):
    """What fsck found. `kept`: in quarantine, for a person to look at. `help`: the next step to take."""

    path: str
    kind: Literal["torn", "damaged", "leftover", "unreadable", "kept", "exposed"]
    explanation: str
    repairable: bool = False
    code: Code | Literal[""] = ""
    help: str = ""


def unreadable(path: str, error: OSError) -> StoreFinding:
    """The disk does not give it out: what it holds may be sound, so it is left where it is."""
    why = f"cannot be read: {error.strerror or error}"
    return StoreFinding(
        path,
        "unreadable",
        why,
        code=Code.UNUSABLE_STORE,
        help="check the disk; it is left as it is",
    )


# And how it is mended, if it can be.
Mendable: TypeAlias = tuple[StoreFinding, Callable[[], object] | None]


def check_run_id(run: str) -> str:
    """Before any path is made of it."""
    if RUN_ID.fullmatch(run) is None:
        raise InputError(
            f"{run[:80]!r} cannot be the id of a run",
            code=Code.NOT_A_RUN_ID,
            help="up to 64 letters, digits, `.`, `_` and `-`, beginning with a letter or digit",
        )
    return run


def choose(prefix: str, runs: Sequence[str]) -> str:
    """The run that a person means."""
    found = [prefix] if prefix in runs else [run for run in runs if run.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(sorted(found)[:5])
        raise InputError(
            f"`{prefix}` is the beginning of {len(found)} runs",
            code=Code.NO_RUN,
            help=f"say more of it: {shown}",
        )
    hint = did_you_mean(prefix, runs) or "`flowdsl list` shows them"
    raise InputError(f"there is no run `{prefix}`", code=Code.NO_RUN, help=hint)


def no_run(run: str) -> InputError:
    return InputError(
        f"there is no run `{run}`", code=Code.NO_RUN, help="`flowdsl list` shows them"
    )


def pruned(run: str) -> InputError:
    return InputError(
        f"{run} is over, and was pruned",
        code=Code.NO_RUN,
        help="its id is not used again: choose another --id",
    )


def doubtful(where: object) -> StoreError:
    return StoreError(
        f"something in {where} cannot be read, so nobody can say what an open run needs",
        code=Code.DAMAGED,
        help="`flowdsl fsck` says which; nothing was pruned",
    )


def taken(run: str) -> InputError:
    return InputError(
        f"the id {run} is taken by a run of another file or with other inputs",
        code=Code.ID_TAKEN,
        help=f"choose another --id, or look at it: flowdsl status {run}",
    )


def not_driven(run: str) -> StoreError:
    return StoreError(
        f"{run} is not driven by this process (any more)",
        code=Code.DRIVEN_ELSEWHERE,
        help="`flowdsl status` says who does",
    )


def damaged(run: str, where: str) -> StoreError:
    return StoreError(
        f"{run} cannot be read to its end: {where} is damaged",
        code=Code.DAMAGED,
        help="`flowdsl fsck` explains it; no other run is touched by it",
    )


def held(what: str) -> StoreError:
    return StoreError(
        f"another process has been {what} for {HELD_SECONDS:.0f} seconds",
        code=Code.STORE_HELD,
        help="is one stopped (Ctrl-Z)? `fg`, or end it",
    )


def hidden(run: str) -> StoreError:
    return StoreError(
        f"whether {run} was started cannot be said: it is claimed, and a journal that cannot be read may hold it",
        code=Code.DAMAGED,
        help="`flowdsl fsck` says which; choose another --id if you know that nothing was sent",
    )
