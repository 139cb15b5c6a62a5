"""What the core decides and what the screens say of some walks, as text: `python -m tests.explorer.retold` prints it.

It is the same text whatever the hash seed of the process.
"""

from __future__ import annotations

from flowdsl.explorer.explore import Allowance, Explorer
from flowdsl.explorer.model import model_of
from flowdsl.explorer.situation import Situation, begin, enact
from flowdsl.saga.codec import encode
from flowdsl.view.paint import plain
from flowdsl.view.run.closing import closing
from flowdsl.view.run.report import run_report
from flowdsl.view.run.tree import picture
from tests.explorer.corpus import CASES, Case

NAMES = (
    "diamond",
    "careless nested",
    "settled",
    "first success",
    "groups, all",
    "fallback, careless",
    "two signals",
    "used for each",
    "detached together",
)
STRIDES = (0, 1, 5)  # which of the possible moves is taken, so that the walks differ
STEPS = 12
MAY = Allowance(faults=3, crashes=True, orders=2)


def walks(case: Case) -> list[str]:
    plan = case.make()
    explorer = Explorer(model_of(plan))
    lines = []
    for stride in STRIDES:
        here = begin(explorer.model, case.inputs)
        for step in range(STEPS):
            lines += told(here)
            moments = list(explorer.moments(here, MAY))
            if not moments:
                break
            here = enact(explorer.model, here, moments[(step * stride) % len(moments)])
    return lines


def told(here: Situation) -> list[str]:
    facts = [encode(fact).decode() for fact in here.facts]
    screens = [*picture(here.run, 9.0), *closing(here.run, 9.0)]
    shown = plain(screens)
    commands = [repr(command) for command in here.run.progress.commands]
    return [*commands, *facts, repr(run_report(here.run)), shown]


def main() -> None:
    for case in CASES:
        if case.name in NAMES:
            print(*walks(case), sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
