"""Each fault, on each request of trip and order, once and for ever: the end it leads to, and nothing left unnamed.

A cell says how the run ends when the fault strikes once / always: ok (succeeded), warn (succeeded, with a warning),
undone (compensated), stuck. The services honour keys; a call is tried 3 times, an undo, a confirm and a mail 10 times.
"""

from __future__ import annotations

import pytest

from tests.lives.stage import ORDER, TRIP, Stage, workflow

FAULTS = (
    "lose_reply",
    "lose_request",
    "error:503",
    "busy:1s",
    "refuse:402",
    "delay:2s",
    "garbage",
    "cut",
)

DECLINED = {**TRIP, "card": "tok_declined"}

# request: the ends by fault, in the order of FAULTS
DO = "ok/stuck ok/stuck ok/stuck ok/undone undone/undone ok/ok ok/stuck ok/stuck"
CONFIRM = "ok/stuck ok/stuck ok/stuck ok/stuck stuck/stuck ok/ok ok/stuck ok/stuck"
UNDO = "undone/stuck undone/stuck undone/stuck undone/stuck stuck/stuck undone/undone undone/stuck undone/stuck"
MAIL = "ok/warn ok/warn ok/warn ok/warn warn/warn ok/ok ok/warn ok/warn"

TABLE = (
    ("trip.yaml", TRIP, "POST flights/reservations", DO),
    ("trip.yaml", TRIP, "POST hotels/reservations", DO),
    ("trip.yaml", TRIP, "POST cars/reservations", DO),
    ("trip.yaml", TRIP, "POST payments/charges", DO),
    ("trip.yaml", TRIP, "POST flights/reservations/*/confirm", CONFIRM),
    ("trip.yaml", TRIP, "POST hotels/reservations/*/confirm", CONFIRM),
    ("trip.yaml", TRIP, "POST cars/reservations/*/confirm", CONFIRM),
    ("trip.yaml", TRIP, "POST mail/messages", MAIL),
    ("trip.yaml", DECLINED, "DELETE flights/reservations/*", UNDO),
    ("trip.yaml", DECLINED, "DELETE hotels/reservations/*", UNDO),
    ("trip.yaml", DECLINED, "DELETE cars/reservations/*", UNDO),
    ("order.yaml", ORDER, "POST inventory/reservations", DO),
    ("order.yaml", ORDER, "POST payments/charges", DO),
    ("order.yaml", ORDER, "POST shipping/labels", DO),
    ("order.yaml", ORDER, "POST inventory/reservations/*/confirm", CONFIRM),
    ("order.yaml", ORDER, "DELETE inventory/reservations/*", UNDO),
    ("order.yaml", ORDER, "POST payments/charges/*/refund", UNDO),
)
ENDS = {"ok": "succeeded", "warn": "succeeded", "undone": "compensated", "stuck": "stuck"}

ROWS = [
    pytest.param(
        name,
        inputs,
        request,
        fault,
        times,
        end,
        id=f"{request} {fault} {'once' if times else 'always'}",
    )
    for name, inputs, request, ends in TABLE
    for fault, cell in zip(FAULTS, ends.split(), strict=True)
    for times, end in zip((1, None), cell.split("/"), strict=True)
]


@pytest.mark.parametrize(("name", "inputs", "request_", "fault", "times", "end"), ROWS)
def test_a_fault_leads_to_the_end_in_the_table(
    name: str, inputs: dict[str, object], request_: str, fault: str, times: int | None, end: str
) -> None:
    stage = Stage(workflow(name), inputs)  # type: ignore[arg-type]
    stage.fault(request_, fault, times)
    if name == "order.yaml" and ("DELETE" in request_ or "refund" in request_):
        stage.fault("POST shipping/labels", "refuse:409")

    state, now = stage.play()

    assert all(stage.fired()), "the fault never struck"
    assert now.state == ENDS[end]
    assert bool(now.warnings) == (end == "warn")
    assert stage.doubles() == []
    named = {stage.service_id(entry.step, state) for entry in now.residue}
    left = set(stage.left("succeeded" if state.committed else "compensated"))
    assert left <= named, "something is left behind that the run does not name"
    if end in ("ok", "undone"):
        assert not left
        assert not now.residue


def test_the_table_has_a_row_for_every_request_that_a_refusal_can_reach() -> None:
    assert len(ROWS) == 17 * 8 * 2
