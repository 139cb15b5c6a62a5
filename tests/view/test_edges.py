"""Claims about what is rare: nothing in a list, a list in a list, a used file that commits, a list that may fail."""

from __future__ import annotations

from xml.etree import ElementTree

from flowdsl.language import Library, Source
from flowdsl.language.load import load
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.view.calls import short_names
from flowdsl.view.graph.drawing import graph_text
from flowdsl.view.graph.graph import every_vertex, graph_of
from flowdsl.view.graph.svg import svg
from flowdsl.view.paint import plain
from flowdsl.view.run.exchange import show_text
from flowdsl.view.run.tree import picture
from tests.view.runs import Answering, Story, play
from tests.view.stories import NO_FUNDS, Answers

HEAD = 'flowdsl: 1\nname: edge\nservices: { a: "http://a" }\n'
COMMITS = (
    "steps:\n"
    "  - { id: book, call: POST a/book, confirm: POST a/ok, compensate: DELETE a/book }\n"
    "  - commit\n"
    "  - { id: after, call: POST a/after }\n"
)


def plan(text: str, **files: str) -> Plan:
    library = Library({f"{name}.yaml": HEAD + other for name, other in files.items()})
    return load(Source("edge.yaml", HEAD + text), library)


def run(of: Plan, inputs: dict[str, Json], answers: Answers | None = None) -> Story:
    return play(of, inputs, Answering(answers or {}), run="edge-aaaaaaaaaa")


def drawn(story: Story) -> str:
    return plain(picture(story.run, story.at))


EMPTY = (
    "inputs: { xs: array }\nsteps:\n"
    "  - { id: each, for_each: x in inputs.xs, call: 'POST a/${x}', compensate: none }\n"
    "  - id: pick\n    switch:\n"
    "      - when: len(inputs.xs) > 0\n"
    "        steps: [{ call: POST a/y, compensate: none }]\n"
)


def test_nothing_to_go_through_and_no_branch_taken() -> None:
    story = run(plan(EMPTY), {"xs": []})
    text = drawn(story)
    assert "0 items" in text
    assert "not taken" in text
    graph = graph_of(story.plan, story.run)
    ElementTree.fromstring(svg(graph))
    assert all(vertex.inside is None or vertex.inside.vertices for vertex in every_vertex(graph))
    shown = plain(show_text(story.run, "pick"))
    assert "no branch: no condition holds" in shown


def test_a_list_in_a_list_says_which_item_of_which() -> None:
    of = plan(
        "inputs: { xs: array }\nsteps:\n"
        "  - id: row\n    for_each: x in inputs.xs\n    steps:\n"
        "      - { id: cell, for_each: y in x, call: 'POST a/${y}', compensate: none }\n"
        "      - { id: end, call: POST a/end, compensate: none }\n"
    )
    story = run(of, {"xs": [["p", "q"], ["r"]]})
    names = short_names(of)
    assert names["row[1]/cell[0]"] == "row[1]/cell[0]"
    assert names.beside("row[1]/cell[0]") == "cell[0]"
    assert names["row[]/cell[]"] == "cell"
    text = drawn(story)
    assert text.index('["p", "q"]') < text.index("POST a/p") < text.index('["r"]')


def test_a_used_file_that_commits_confirms_in_its_place_and_shows_no_undo() -> None:
    of = plan(
        "inputs: { zs: array }\nsteps:\n"
        "  - { id: one, call: POST a/one, compensate: none }\n"
        "  - commit\n"
        "  - { id: sub, uses: ./child.yaml }\n"
        "  - { id: many, for_each: z in inputs.zs, uses: ./child.yaml }\n",
        child=COMMITS,
    )
    text = plain(graph_text(of))
    assert text.index("POST a/book") < text.index("POST a/ok") < text.index("POST a/after")
    assert "DELETE" not in text
    assert not any(vertex.undo for vertex in every_vertex(graph_of(of)))
    story = run(of, {"zs": [1, 2]})
    assert story.now.state == "succeeded"
    assert drawn(story).count(" confirm ") == 3


def test_two_steps_that_end_alike_are_named_in_full() -> None:
    of = plan(
        "inputs: { zs: array }\nsteps:\n"
        "  - { id: sub, uses: ./child.yaml }\n"
        "  - { id: many, for_each: z in inputs.zs, uses: ./child.yaml }\n",
        child="steps:\n  - { id: book, call: POST a/book, compensate: DELETE a/book }\n",
    )
    names = short_names(of)
    assert names["sub/book"] == "sub/book"
    assert names["many[]/book"] == "many/book"
    assert names["many[1]/book"] == "many[1]/book"
    assert names.beside("many[1]/book") == "book"


def test_a_list_that_may_fail_is_undone_on_its_own() -> None:
    of = plan(
        "inputs: { xs: array }\nsteps:\n"
        "  - id: group\n    critical: false\n    for_each: x in inputs.xs\n    steps:\n"
        "      - { id: a1, call: POST a/1, compensate: DELETE a/1 }\n"
        "      - { id: a2, call: POST a/2, compensate: DELETE a/2 }\n"
    )
    story = run(of, {"xs": ["u", "v"]}, {"group[1]/a2": NO_FUNDS})
    assert story.now.state == "succeeded"
    assert "↺ group " in drawn(story)
    assert "✗ a2 " in drawn(story)


def test_an_item_over_steps_that_lost_says_so() -> None:
    of = plan(
        "inputs: { xs: array }\nsteps:\n"
        "  - id: pick\n    for_each: x in inputs.xs\n    collect: first_success\n    steps:\n"
        "      - { id: a1, call: POST a/1, compensate: DELETE a/1 }\n"
        "      - { id: a2, call: 'POST a/${x}', compensate: DELETE a/2 }\n"
    )
    world = Answering({}, {"pick[0]/a2": 1.0})  # `u` answers when `v` has won
    story = play(of, {"xs": ["u", "v"]}, world, run="edge-aaaaaaaaaa")
    text = drawn(story)
    assert "first_success: v" in text
    assert "lost · undone" in text


def test_a_detached_run_that_is_not_there_yet() -> None:
    of = plan(
        "steps:\n  - commit\n  - { id: own, uses: ./child.yaml, detach: true }\n",
        child="steps:\n  - { id: book, call: POST a/book, compensate: DELETE a/book }\n",
    )
    story = play(of, {}, Answering({}), run="edge-aaaaaaaaaa", turns=0)
    assert "to be started" in drawn(story)
    done = run(of, {})
    assert "to be started" not in drawn(done)
    shown = plain(show_text(done.run, "own"))
    assert '{"run": "edge-' in shown


def test_a_run_in_a_queue_says_what_it_waits_for() -> None:
    from flowdsl.view.run.closing import summary_text

    of = plan("key: k-1\nsteps:\n  - { id: book, call: POST a/book, compensate: DELETE a/book }\n")
    story = play(of, {}, Answering({}), run="edge-aaaaaaaaaa", key="k-1", turns=0)
    assert story.now.state == "waiting"
    said = summary_text(story.run)
    assert said == "waits for its turn among the runs with the key k-1"
