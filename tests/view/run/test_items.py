"""Claims about long lists: what matters is shown whatever its place, the rest is counted, and nothing is counted twice."""

from __future__ import annotations

import re

import pytest

from flowdsl.language import compile_plan
from flowdsl.plan.nodes import ForEach
from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer, Lost, Observation
from flowdsl.view.graph.graph import every_vertex, graph_of
from flowdsl.view.mark import STEP_MARKS
from flowdsl.view.paint import plain
from flowdsl.view.run.closing import answers, payload_text
from flowdsl.view.run.items import COUNTED, FIRST, NOTABLE_MAX, Folded, counts, item_text
from flowdsl.view.run.report import run_report
from flowdsl.view.run.status import table
from flowdsl.view.run.tone import mark_of
from flowdsl.view.run.tree import picture
from tests.view.runs import Answering, Story, play
from tests.view.stories import NO_FUNDS, Answers, branches, lists, parent

PEOPLE = tuple(f"p{number}" for number in range(40))


def reported(story: Story) -> Json:
    return run_report(story.run)


def field(value: Json, *path: str | int) -> Json:
    for part in path:
        if isinstance(part, str):
            assert isinstance(value, dict)
            value = value[part]
        else:
            assert isinstance(value, list)
            value = value[part]
    return value


def notified(answers: Answers) -> tuple[Story, Folded, ForEach]:
    story = lists(answers, count=1, people=PEOPLE)
    each = story.run.plan.nodes["notify"]
    assert isinstance(each, ForEach)
    return story, Folded(story.run), each


@pytest.mark.parametrize("failed", [[], [0], [17], [5, 17, 39], list(range(10, 40))])
def test_what_is_not_ok_is_shown_and_everything_is_accounted_for(failed: list[int]) -> None:
    story, folded, each = notified({f"notify[{at}]": NO_FUNDS for at in failed})
    shown, hidden = folded.items(each)
    assert len(shown) + len(hidden) == len(PEOPLE)
    assert {node.address for node in shown} & {node.address for node in hidden} == set()
    late = [at for at in failed if at >= FIRST]
    assert {f"notify[{at}]" for at in late[:NOTABLE_MAX]} <= {node.address for node in shown}
    assert len(shown) <= FIRST + NOTABLE_MAX
    drawn = plain(picture(story.run, story.at))
    match = re.search(r"… (\d+) more +([^\n]*)\n", drawn)
    assert match is not None
    assert int(match[1]) == len(hidden)
    assert sum(int(number) for number in re.findall(r"\d+", match[2])) == len(hidden)
    assert f"… {match[1]} more" in plain(table(story.run))


def test_the_winner_is_shown_wherever_it_stands() -> None:
    text = """
flowdsl: 1
name: first
inputs: { places: array }
services: { a: "http://a" }
steps:
  - id: hold
    for_each: place in inputs.places
    collect: first_success
    call: POST a/${place}/holds
    compensate: none
"""
    answers: dict[str, tuple[Observation, ...]] = {f"hold[{at}]": NO_FUNDS for at in range(40)}
    answers["hold[33]"] = (Answer(201, (), {"id": "H"}),)
    places: list[Json] = [f"p{at}" for at in range(40)]
    story = play(compile_plan(text, "first.yaml"), {"places": places}, Answering(answers))
    drawn = plain(picture(story.run, story.at))
    assert "first_success: p33" in drawn
    assert re.search(r"✓ hold\[33\] ", drawn)


def test_an_item_that_lost_is_no_error() -> None:
    story = lists()
    nodes = story.run.plan.nodes
    marks = {at: mark_of(story.run, nodes[f"stock[{at}]"]) for at in range(3)}
    assert marks[0].style != "red"  # refused, and the others carried on
    assert marks[1] == STEP_MARKS["ok"]
    assert marks[2] == STEP_MARKS["undone"]
    drawn = plain(picture(story.run, story.at))
    assert re.search(r"stock\[2\] .*lost · undone: DELETE", drawn)
    assert re.search(r"– quotes\[1\] .*lost", drawn)


def test_a_loser_that_nobody_knows_of_is_shown_as_that() -> None:
    lost: Answers = {"stock[2]": (Lost("no answer"),), "stock[2]!undo": (Answer(503),)}
    story = lists(lost, count=1)
    drawn = plain(picture(story.run, story.at))
    assert not re.search(r"– stock\[2\]", drawn)
    assert story.now.state == "stuck"


def test_a_graph_folds_what_the_picture_folds_and_the_whole_one_does_not() -> None:
    story, folded, each = notified({"notify[30]": NO_FUNDS})
    ids = {vertex.id for vertex in every_vertex(graph_of(story.plan, story.run))}
    shown, hidden = folded.items(each)
    assert {node.address for node in shown} <= ids
    assert ids.isdisjoint({node.address for node in hidden})
    assert "notify!more" in ids
    whole = {vertex.id for vertex in every_vertex(graph_of(story.plan, story.run, whole=True))}
    assert {f"notify[{at}]" for at in range(40)} <= whole
    assert "notify!more" not in whole


def test_confirms_are_shown_of_what_was_won_only() -> None:
    story = lists()
    drawn = plain(picture(story.run, story.at))
    below = drawn.partition("commit")[2]
    assert "stock[1]" in below
    assert "stock[0]" not in below
    assert "stock[2]" not in below


def test_counts_say_every_state_once_in_a_fixed_order() -> None:
    assert counts(["refused", "ok", "ok"]) == "2 ok · 1 refused"
    assert counts([]) == ""
    assert len(set(COUNTED)) == len(COUNTED)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("wh-2", "wh-2"),
        (7, "7"),
        (None, "null"),
        ({"id": "o-1", "kg": 2}, "o-1 · kg 2"),
        (["a", "b"], '["a", "b"]'),
    ],
)
def test_an_item_is_said_in_a_word(item: object, said: str) -> None:
    assert item_text(item) == said  # type: ignore[arg-type]


def test_what_a_run_waits_for_can_be_typed_and_is_in_the_report() -> None:
    story = branches(total=6000, asks=True)
    (asked,) = answers(story.run)
    assert asked.command == "flowdsl signal branches-4kq2mzab7d approve -i ok=…"
    signal = field(reported(story), "signals", 0)
    assert field(signal, "name") == "approve"
    assert field(signal, "step") == "approval"
    assert field(signal, "until") == "2026-11-23T11:46:40.000Z"
    answered = branches(total=6000, signals={"approve": {"ok": True}})
    assert field(reported(answered), "signals") == []


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (None, "-i …"),
        ({"type": "object"}, ""),
        ({"required": ["ok", "by"]}, "-i ok=… -i by=…"),
        (True, "-i …"),
    ],
)
def test_a_payload_is_typed_as_its_schema_asks(schema: object, said: str) -> None:
    assert payload_text(schema) == said  # type: ignore[arg-type]


def test_the_report_says_items_winners_branches_and_runs() -> None:
    story = lists()
    steps = field(reported(story), "steps")
    assert field(steps, "stock", "items") == ["wh-1", "wh-2", "wh-3"]
    assert field(steps, "stock", "winners") == [1]
    assert field(steps, "stock[2]", "undo", "state") == "undone"
    assert field(steps, "ship[0]/invoice", "response") == {"id": "X-1"}
    story = branches()
    steps = field(reported(story), "steps")
    assert field(steps, "carrier", "taken") == "carrier/steps-3"
    story = parent()
    steps = field(reported(story), "steps")
    assert str(field(steps, "survey", "run")).startswith("survey-")
    assert field(steps, "shipment", "file") == "shipping.yaml"
