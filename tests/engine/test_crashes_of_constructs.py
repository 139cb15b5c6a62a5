"""Every construct and every shipped workflow survives a crash at every point, judged by the books of the services.

Each in three ways: all goes well, a call is refused when others have taken effect, the first answer to a call gets lost.
"""

from __future__ import annotations

from functools import cache
from zlib import crc32

import pytest

from flowdsl.plan.values import Json
from tests.conftest import Counts
from tests.lives.constructs import Scene, constructs
from tests.lives.front import Says
from tests.lives.theatre import RUN, Kept, Theatre
from tests.workflows.shipped import FOLDER, ORDER, SHIPPED, plan_of
from tests.workflows.test_kitchen_sink import APPROVED, BASES, INPUTS
from tests.workflows.test_kitchen_sink import FOLDER as SINK_FOLDER

REFUSED = Says(422, {"error": "no", "message": "we would rather not"})
ENV = {"DEMO_URL": "http://mock", "INVENTORY_URL": "http://mock/inventory"}
WAYS = {"happy": "succeeded", "late": "compensated", "lost": "succeeded"}
STRIDE = 11  # of the points where it dies, but for the full size; each scene begins at another one
SECOND_STRIDE = 23

# What fails late, and whose answer gets lost; "" where there is no such call.
SHIPPED_CALLS = {
    "trip.yaml": ("POST payments/charges", "POST hotels/reservations"),
    "trip-steps.yaml": ("POST payments/charges", "POST cars/reservations"),
    "order.yaml": ("POST shipping/labels", "POST payments/charges"),
    "search.yaml": ("GET hotels/search*", ""),
    "fulfilment.yaml": ("POST shipping/labels", "POST warehouses/wh-2/holds"),
    "notify-all.yaml": ("GET warehouses/*/stock", "POST mail/messages"),
    "partial-success.yaml": ("POST payments/charges", "POST warehouses/wh-1/holds"),
    "batch-reserve.yaml": (
        "POST inventory/reservations/batch",
        "POST inventory/reservations/batch",
    ),
    "approval.yaml": ("POST payments/charges", "POST inventory/reservations/batch"),
    "forward-recovery.yaml": ("POST shipping/labels", "POST payments/charges"),
    "shipping.yaml": ("POST shipping/labels", "POST cars/reservations"),
    "order-with-shipping.yaml": ("POST payments/charges", "POST shipping/labels"),
}
PLACED: dict[str, Json] = {**ORDER}
DONE: dict[str, Json] = {"order": "o-1", "stock": "I-1", "charge": "P-1", "why": "no"}
CHOREOGRAPHY: dict[str, tuple[dict[str, Json], str, str]] = {
    "order.yaml": (PLACED, "POST events", "POST events"),
    "inventory.yaml": (PLACED, "POST inventory/reservations", "POST inventory/reservations"),
    "payment.yaml": ({**PLACED, "stock": "I-1"}, "POST payments/charges", "POST events"),
    "shipping.yaml": (
        {**{k: PLACED[k] for k in ("order", "items", "address")}, "stock": "I-1", "charge": "P-1"},
        "POST shipping/labels",
        "POST shipping/labels",
    ),
    "undo-inventory.yaml": (
        {k: DONE[k] for k in ("order", "stock", "why")},
        "",
        "DELETE inventory/reservations/I-1",
    ),
    "undo-payment.yaml": (DONE, "", "POST payments/charges/P-1/refund"),
}
# What there was before: the undoing files of the choreography have something to undo.
BEFORE: tuple[tuple[str, Json], ...] = (
    ("http://mock/inventory/reservations", {"items": ["bike"]}),
    ("http://mock/payments/charges", {"amount": 1}),
)


@cache
def scenes() -> dict[str, Scene]:
    found = dict(constructs())
    for shipped in SHIPPED:
        late, lost = SHIPPED_CALLS.get(shipped.name, ("", ""))
        orders = tuple((2.0, order) for _, order in shipped.orders)  # few polls of the inbox
        plan = plan_of(shipped.name)
        found[shipped.name] = Scene(plan, lost, late, shipped.inputs, orders)
    for name, (inputs, late, lost) in CHOREOGRAPHY.items():
        plan = plan_of(f"choreography/{name}")
        key = f"{plan.name} o-1" if plan.key is not None else ""
        found[f"choreography/{name}"] = Scene(plan, lost, late, inputs, key=key)
    sink = plan_of("kitchen-sink.yaml", SINK_FOLDER)
    said = ((2.0, APPROVED),)
    late, lost = "POST events/large-orders", "POST payments/charges"
    found["kitchen sink"] = Scene(sink, lost, late, INPUTS, said, False, "kitchen-sink o-1")
    return found


def test_every_shipped_file_is_a_scene() -> None:
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml")}
    assert files - set(scenes()) == set(), "shipped, and without inputs in these tables"
    lacking = {name for name in files if not scenes()[name].lost and name != "search.yaml"}
    assert lacking == set(), "which of its answers is lost?"


def test_the_kitchen_sink_is_the_one_of_the_language() -> None:
    root = FOLDER.parent
    ours, theirs = (root / f / "kitchen-sink.yaml" for f in (SINK_FOLDER, "tests/language/ok"))
    assert ours.read_text() == theirs.read_text()


class AnyScene(Theatre):
    """A theatre for any scene."""

    def left(self, kept: Kept) -> list[str]:
        """The kitchen sink confirms nothing: the warehouse that has won goes on holding, and only that one."""
        left = super().left(kept)
        is_sink = self.plan.name == "kitchen-sink" and kept.state.committed
        return [] if is_sink and len(left) == 1 and left[0].startswith("stock[") else left


def set_up(scene: Scene, way: str) -> Theatre:
    theatre = AnyScene(
        scene.plan,
        scene.inputs,
        scene.orders,
        env=ENV,
        services=BASES if scene.plan.name == "kitchen-sink" else {},
        secrets={"PAYMENTS_TOKEN": "s3cret", "SHIPPING_PASSWORD": "pa:ss"},
        key=scene.key,
    )
    if way == "late":
        theatre.bend(scene.late, REFUSED)
    elif way == "lost":
        theatre.fault(scene.lost, "lose_reply")
    return theatre


def cases() -> list[tuple[str, str]]:
    ways = [(name, "happy") for name in scenes()]
    ways += [(name, "late") for name, scene in scenes().items() if scene.late]
    return ways + [(name, "lost") for name, scene in scenes().items() if scene.lost]


@pytest.mark.parametrize(("name", "way"), cases())
def test_it_survives_a_crash_at_every_point(
    name: str, way: str, counts: Counts, full: bool
) -> None:
    scene, end = scenes()[name], WAYS[way]
    before = BEFORE if name.startswith("choreography/undo") else ()
    whole = set_up(scene, way).play(first=before)
    whole.judge(may_leave=scene.may_leave)
    assert whole.state == end
    points = whole.points[0]
    assert points > 15

    stride = 1 if full else STRIDE
    crashes = 0
    for point in range(1 + crc32(f"{name} {way}".encode()) % stride, points + 1, stride):
        deaths: list[tuple[int, ...]] = [(point,)]
        if full or point % SECOND_STRIDE == 0:
            deaths.append((point, 1 + (point * 7) % points))
        for each in deaths:
            theatre = set_up(scene, way).play(*each, first=before)
            theatre.judge(may_stick=not scene.exact, may_leave=scene.may_leave)
            ends_so = scene.exact or scene.may_leave
            assert theatre.state == end or not ends_so, f"died at {each}"
            if scene.exact and theatre.state == end:
                assert theatre.standing == whole.standing, f"died at {each}"
            _is_once(theatre)
            crashes += len(theatre.points) - 1
    assert crashes > 3
    counts.add("crashes of constructs and shipped workflows, each followed by a life", crashes)


def _is_once(theatre: Theatre) -> None:
    """A detached run is there once, and it is this run's; an order that was acknowledged is a fact once."""
    others = [kept for run, kept in theatre.runs.items() if run != RUN]
    assert len(others) == len(theatre.plan.detached)
    for kept in others:
        assert kept.state.created is not None
        assert kept.state.created.parent == RUN
    signals = theatre.runs[RUN].state.signals
    assert set(theatre.acknowledged) >= set(signals)
    if theatre.state == "succeeded":
        assert set(theatre.acknowledged) == set(signals)
