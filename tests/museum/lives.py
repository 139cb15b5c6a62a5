"""Bugs in what a command says when something is wrong, and in what becomes of a run between two lives."""

from __future__ import annotations

from collections.abc import Sequence

from flowdsl.cli.screen import Screen
from flowdsl.engine.engine import Engine
from flowdsl.engine.follow import TurnSeen
from flowdsl.engine.secrecy import RunSecrets
from flowdsl.engine.tended import Tended
from flowdsl.errors import FlowdslError
from flowdsl.plan.nodes import Input
from flowdsl.saga.advance import Turn
from flowdsl.saga.events import Event
from tests.museum.exhibit import Exhibit


def on_stderr_only(self: Screen, error: FlowdslError) -> None:
    pass


def whoever_it_was(self: Engine, *, paused: bool) -> None:
    self._stops = True
    for tended in self.tended.values():
        tended.drive.stop(paused=True)


def all_of_them(self: RunSecrets, past: Sequence[Event]) -> dict[str, str]:
    return {}


def of_runs_without_a_parent(self: Tended, turn: Turn) -> None:
    self.sequence += len(turn.facts)
    self.last = turned = TurnSeen(self.sequence, turn, is_ours=True)
    if not self._begun.done():
        self._begun.set_result(True)
    for ear in self._ears:
        ear.hear(turned)
    if self.watch is not None and not turned.run.created.parent:
        self.watch(turned)


def never_left_out(declared: Input, given: tuple[str, ...] | None) -> bool:
    return False


def always(text: str, rest: str) -> bool:
    return True


ADOPTING = "tests/engine/test_adopting.py"
EXHIBITS = (
    Exhibit(
        "a program reads nothing of what went wrong",
        "flowdsl.cli.screen.Screen._tell_program",
        on_stderr_only,
        "tests/cli/test_json.py::test_flags_that_are_none",
    ),
    Exhibit(
        "the end of a process pauses its runs",
        "flowdsl.engine.engine.Engine._stop",
        whoever_it_was,
        f"{ADOPTING}::test_a_process_that_is_stopped_pauses_nothing",
    ),
    Exhibit(
        "every run is adopted, whatever it lacks",
        "flowdsl.engine.secrecy.RunSecrets.unattended",
        all_of_them,
        f"{ADOPTING}::test_what_a_person_paused_is_left_to_a_person",
    ),
    Exhibit(
        "a run that a run has started is watched by nobody",
        "flowdsl.engine.tended.Tended.tell",
        of_runs_without_a_parent,
        f"{ADOPTING}::test_and_of_a_run_that_a_run_has_started",
    ),
    Exhibit(
        "a secret input that was left out counts as given",
        "flowdsl.saga.scope.is_null",
        never_left_out,
        "tests/cli/test_secret_inputs.py::test_left_out_it_is_null",
    ),
    Exhibit(
        "any comment behind an expression is to blame",
        ("flowdsl.language.parse.reader._closes", "flowdsl.language.parse.reader._reads_on"),
        always,
        "tests/language/parse/test_comments.py::test_only_what_a_comment_cuts_is_blamed_on_it",
    ),
)
