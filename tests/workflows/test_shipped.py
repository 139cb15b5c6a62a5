"""The shipped workflows do what their comments say, judged by the books of the services."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from flowdsl.engine.orders import Order
from flowdsl.plan.values import Json
from flowdsl.view.run.report import outputs
from tests.conftest import Counts
from tests.contract.crashes import crash_everywhere
from tests.contract.story import Story
from tests.lives.front import Late, Says
from tests.workflows.shipped import BY_NAME, FOLDER, ROOT, SHIPPED, Shipped, story_of

REFUSED = Says(422, {"error": "no", "message": "we would rather not"})
CASES = [(shipped, line) for shipped in SHIPPED for line in shipped.if_refused]

LAST_TO_UNDO = [
    (shipped, [line for line, end in shipped.if_refused.items() if end == "compensated"][-1])
    for shipped in SHIPPED
    if "compensated" in shipped.if_refused.values()
]


def name_of(value: object) -> str | None:
    return value.name if isinstance(value, Shipped) else str(value)


def outputs_of(story: Story) -> dict[str, Json]:
    found, problems = outputs(story.seen)
    assert problems == ()
    return dict(found)


def residue(story: Story, ended: str) -> list[str]:
    return [effect.id for effect in story.front.app.ledger.left_behind(ended)]


def test_every_file_is_here_and_in_the_table_of_patterns() -> None:
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml")}
    alone = {file for file in files if not file.startswith("choreography/")}
    assert alone == set(BY_NAME)
    page = (ROOT / "docs" / "patterns.md").read_text("utf-8")
    assert [file for file in sorted(files) if f"(../workflows/{file})" not in page] == []


@pytest.mark.parametrize("shipped", SHIPPED, ids=name_of)
def test_it_succeeds_and_leaves_nothing_open(shipped: Shipped) -> None:
    story = story_of(shipped).play()
    story.ended("succeeded")
    assert residue(story, "succeeded") == []
    for line in story.sent:
        matching = [known for known in shipped.if_refused if is_line(line, known)]
        assert len(matching) == 1, f"{line} is in the table {len(matching)} times"


def is_line(line: str, pattern: str) -> bool:
    """As `fnmatch`, but `*` at the end of a path stays in its last part."""
    return fnmatchcase(line, pattern) and line.count("/") == pattern.count("/")


@pytest.mark.parametrize(("shipped", "line"), CASES, ids=name_of)
def test_each_call_refused_in_turn(shipped: Shipped, line: str) -> None:
    """For ever; or, where that leaves it stuck, until a person has mended the service and says so."""
    story = story_of(shipped).bend(line, REFUSED)
    expected = shipped.if_refused[line]

    async def lives() -> None:
        now = await story.live()
        assert now is not None
        assert now.state == expected
        if expected == "stuck":
            assert now.stuck
            story.front.bends[0].times = story.front.bends[0].fired
            await story.live(given=[Order("retry")])

    story.play(lives)
    end = "succeeded" if expected == "stuck" else expected
    story.ended(end)
    assert residue(story, end) == []


@pytest.mark.parametrize("shipped", SHIPPED, ids=name_of)
def test_it_survives_a_crash_at_every_point(shipped: Shipped, counts: Counts, full: bool) -> None:
    stride = 1 if full else 3
    deaths = crash_everywhere(lambda: story_of(shipped), "succeeded", stride)
    counts.add("crashes of shipped workflows, each followed by a recovery", deaths)


@pytest.mark.parametrize(("shipped", "line"), LAST_TO_UNDO, ids=name_of)
def test_its_undo_survives_a_crash_at_every_point(
    shipped: Shipped, line: str, counts: Counts, full: bool
) -> None:
    """Refused as late as it can be for everything to be undone."""

    def make() -> Story:
        return story_of(shipped).bend(line, REFUSED)

    deaths = crash_everywhere(make, "compensated", 1 if full else 3)
    counts.add("crashes of shipped workflows, each followed by a recovery", deaths)


# --- what the comments of single ones say ---------------------------------------------------------------


def test_fulfilment_goes_to_the_first_warehouse_that_can() -> None:
    story = story_of(BY_NAME["fulfilment.yaml"], {"warehouses": ["wh-empty", "wh-2", "wh-empty"]})
    story.play().ended("succeeded")
    held = [e for e in story.ledger if e.service == "warehouses"]
    assert [(e.path, e.standing) for e in held] == [("/wh-2/holds", "confirmed")]


def test_fulfilment_of_what_nobody_has_is_no_order() -> None:
    story = story_of(BY_NAME["fulfilment.yaml"], {"warehouses": ["wh-empty"]})
    story.play().ended("compensated")
    assert story.ledger == []


def test_a_warehouse_that_holds_too_late_has_to_give_it_back() -> None:
    story = story_of(BY_NAME["fulfilment.yaml"])
    story.bend("POST warehouses/wh-3/holds", Late(5.0)).play().ended("succeeded")
    assert sorted(e.standing for e in story.ledger if e.service == "warehouses") == [
        "confirmed",
        "released",
        "released",
    ]


def test_nobody_is_told_where_no_warehouse_has_stock() -> None:
    story = story_of(BY_NAME["notify-all.yaml"], {"warehouses": ["wh-empty"]}).play()
    story.ended("compensated")
    assert story.count("POST mail/messages") == 0


def test_at_most_two_are_told_at_once() -> None:
    warehouses = [f"wh-{n}" for n in range(5)]
    story = story_of(BY_NAME["notify-all.yaml"], {"warehouses": [*warehouses]})
    story.fault("POST mail/messages", "delay:1s", times=5).play().ended("succeeded")
    told = [arrived.at for arrived in story.arrived("POST mail/messages")]
    assert len(told) == 5
    assert all(later >= earlier + 1 for earlier, later in zip(told, told[2:], strict=False))


def test_a_batch_is_as_many_calls_as_it_has_parts() -> None:
    story = story_of(BY_NAME["batch-reserve.yaml"]).play()
    assert story.count("POST inventory/reservations/batch") == 3
    assert outputs_of(story) == {"calls": 3, "items": 7, "batches": ["B-1", "B-2", "B-3"]}


def test_one_batch_that_is_refused_takes_back_the_others() -> None:
    items = ["a", "b", "c", "d", "e", "sold-out"]
    story = story_of(BY_NAME["batch-reserve.yaml"], {"items": [*items], "size": 2}).play()
    story.ended("compensated")
    assert [e.standing for e in story.ledger] == ["released", "released"]


@pytest.mark.parametrize(
    ("orders", "ends"),
    [
        ([(60.0, Order("signal", step="approve", body={"ok": True}, id="a"))], "succeeded"),
        ([(60.0, Order("signal", step="approve", body={"ok": False}, id="a"))], "compensated"),
        ([], "compensated"),
    ],
    ids=["yes", "no", "silence"],
)
def test_an_order_waits_for_its_approval(orders: list[tuple[float, Order]], ends: str) -> None:
    story = story_of(BY_NAME["approval.yaml"])
    story.orders = orders
    story.play().ended(ends)
    assert story.now.stands["approval"].state == ("ok" if ends == "succeeded" else "refused")
    assert story.standings["inventory"] == (
        "confirmed" if orders and ends == "succeeded" else "released"
    )


def test_a_small_order_needs_no_approval() -> None:
    story = story_of(BY_NAME["approval.yaml"], {"total": 20})
    story.orders = []
    story.play().ended("succeeded")
    assert outputs_of(story)["approved_by"] == "nobody had to"


def test_a_declined_card_is_followed_by_a_voucher() -> None:
    story = story_of(BY_NAME["forward-recovery.yaml"], {"card": "tok_declined"}).play()
    story.ended("succeeded")
    assert {e.kind: e.standing for e in story.ledger} == {
        "voucher": "issued",
        "reservation": "confirmed",  # of the van
        "label": "sent",
    }


def test_the_voucher_is_taken_back_where_nobody_can_ship() -> None:
    story = story_of(
        BY_NAME["forward-recovery.yaml"], {"card": "tok_declined", "address": "Nowhere"}
    ).play()
    story.ended("compensated")
    assert {e.kind: e.standing for e in story.ledger} == {
        "voucher": "released",
        "reservation": "released",
    }


def test_a_charge_whose_answer_is_lost_is_not_paid_a_second_time() -> None:
    story = story_of(BY_NAME["forward-recovery.yaml"])
    story.fault("POST payments/charges", "lose_reply", times=3).play().ended("succeeded")
    assert [e.kind for e in story.ledger] == ["charge", "reservation", "label"]


def test_the_child_is_undone_with_its_parent() -> None:
    story = story_of(BY_NAME["order-with-shipping.yaml"], {"card": "tok_declined"}).play()
    story.ended("compensated")
    assert {e.service: e.standing for e in story.ledger} == {
        "cars": "released",
        "shipping": "released",
    }
