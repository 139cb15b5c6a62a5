"""Claims about every screen of every moment of every run."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from flowdsl.language import Source
from flowdsl.language.load import load
from flowdsl.plan.address import enclosing, is_below
from flowdsl.plan.json import from_bytes, to_text
from flowdsl.plan.nodes import Block, Call, Confirm, ForEach
from flowdsl.saga.collecting import LOST
from flowdsl.saga.observation import Answer
from flowdsl.saga.run import Run
from flowdsl.saga.state import NO_CALL
from flowdsl.view.calls import short_names
from flowdsl.view.outline import steps
from flowdsl.view.paint import Line, columns, plain, visible, width
from flowdsl.view.run.closing import closing, suggestion_lines, suggestions
from flowdsl.view.run.exchange import curl, show_text
from flowdsl.view.run.failure import cause_frame
from flowdsl.view.run.items import SHOWN_MAX, has_fallen_back, turned_item
from flowdsl.view.run.report import outputs, run_report
from flowdsl.view.run.status import About, state_name, status_text, table
from flowdsl.view.run.timeline import WORD, timeline
from flowdsl.view.run.tone import GAVE_WAY
from flowdsl.view.run.tree import picture
from tests.view.runs import Answering, Story, play
from tests.view.stories import HOTEL, stories, trip

NAMES = sorted(stories())


def moments(story: Story) -> Iterator[Run]:
    """The run after each of its facts; of a long one, after some."""
    facts = [fact for turn in story.told for fact in turn.facts]
    run, every = Run.new(story.plan), 1 + len(facts) // 60
    for at in range(0, len(facts), every):
        run = run.with_facts(facts[at : at + every])
        yield run


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_any_moment_is_wider_than_the_screen(name: str) -> None:
    story = stories()[name]
    for run in moments(story):
        drawn: list[Line] = [
            *picture(run, run.at),
            *closing(run, run.at),
            *suggestion_lines(suggestions(run)),
            *status_text(run, About(run.at)),
            *cause_frame(run),
        ]
        assert max(width(line) for line in drawn) <= 88


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_shows_every_step_until_the_run_turns(name: str) -> None:
    story = stories()[name]
    names = short_names(story.plan)
    for run in moments(story):
        drawn = plain(picture(run, run.at)).partition("\n  on_failure\n")[0]
        for node in steps(run.plan):
            if isinstance(node, Call) and not is_in_short(run, node.address):
                below = run.state.turning is not None and _is_below_commit(story, node)
                row = rf"[○●✓–✗?!↺] {re.escape(names.beside(node.address))} "
                assert (re.search(row, drawn) is None) == bool(below), node.address


def _is_below_commit(story: Story, node: Call) -> bool:
    order = [each.address for each in story.plan.root.children]
    top = enclosing(node.address)[-1]
    return order.index(top) > order.index("commit")


def is_in_short(run: Run, address: str) -> bool:
    """Whether a step is only counted or left out: in a long list, a branch not taken, a fallback not needed."""
    if is_below(address, "on_failure"):
        return True
    for around in enclosing(address):
        node = run.plan.nodes[around]
        if isinstance(node, ForEach) and len(node.branches or ()) > SHOWN_MAX:
            return True
        stand = run.progress.stands.get(around)
        if isinstance(node, Block) and stand is not None and stand.state == "skipped":
            return True
        fallback = isinstance(node, Call) and around != address
        if fallback and run.state.calls.get(around, NO_CALL).answer is not None:
            return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_every_state_as_a_word(name: str) -> None:
    story = stories()[name]
    for run in moments(story):
        shown = plain(table(run, run.at))
        for address, stand in run.progress.stands.items():
            node = run.plan.nodes[address]
            if not isinstance(node, Call) or is_in_short(run, address):
                continue
            lost = turned_item(run, address, LOST) is not None
            falls_back = has_fallen_back(run, node)
            if stand.state not in ("pending", "skipped") and not falls_back:
                assert (LOST if lost and stand.state in GAVE_WAY else stand.state) in shown, address


@pytest.mark.parametrize("name", NAMES)
def test_the_report_of_every_moment_is_json_with_every_step(name: str) -> None:
    story = stories()[name]
    for run in moments(story):
        text = to_text(run_report(run))
        report = from_bytes(text)
        assert isinstance(report, dict)
        assert list(report) == [
            "format", "run", "workflow", "state", "status", "created", "ended",
            "outputs", "error", "warnings", "residue", "signals", "steps",
        ]  # fmt: skip
        shown = report["steps"]
        assert isinstance(shown, dict)
        nodes = run.plan.nodes
        expected = [a for a, n in nodes.items() if a and not isinstance(n, Confirm)]
        skipped = {"commit", "confirms", "on_failure"}
        expected = [a for a in expected if a not in skipped and not a.startswith("confirms/")]
        expected = [a for a in expected if "[]" not in a]
        assert sorted(shown) == sorted(expected)
        for address, step in shown.items():
            assert isinstance(step, dict)
            assert {"state", "attempts", "response", "undo", "error"} <= step.keys(), address


@pytest.mark.parametrize("name", NAMES)
def test_the_log_has_a_time_and_a_known_word_in_every_line(name: str) -> None:
    words = "run status start ok refused unknown retry wait undo undone confirm confirmed probe"
    words += (
        " found absent again turned commit skipped set done cancel resumed paused stuck alerted"
        " items chosen lost branch signal answered timeout admitted"
    )
    known = set(words.split(" "))
    story = stories()[name]
    for turn in story.told:
        for line in timeline(turn):
            assert line[2] == line[5] == ":"
            assert line[13 : 13 + WORD].strip() in known
            assert visible(line) == line


@pytest.mark.parametrize("name", NAMES)
def test_every_exchange_can_be_shown_and_repeated(name: str) -> None:
    story = stories()[name]
    for run in moments(story):
        for node in steps(run.plan):
            assert plain(show_text(run, node.address)).strip()
    for call, entry in story.state.calls.items():
        if entry.attempt:
            assert curl(story.run, call).startswith("curl -sS -X ")


@pytest.mark.parametrize("name", NAMES)
def test_what_a_run_left_behind_is_named_in_its_closing_lines(name: str) -> None:
    story = stories()[name]
    names = short_names(story.plan)
    shown = plain(closing(story.run, story.at))
    for one in story.now.residue:
        assert names[one.step] in shown
    if story.now.state == "compensated" and not story.now.residue:
        assert "nothing is left behind" in shown


def test_secrets_are_dots_on_the_screen_and_variables_in_a_shell() -> None:
    story = stories()["booked"]
    shown = plain(show_text(story.run, "payment"))
    assert "Authorization: Bearer ••••••" in shown
    assert "'Authorization: Bearer '\"$PAYMENTS_TOKEN\"" in curl(story.run, "payment")


def test_a_run_that_nobody_drives_is_interrupted() -> None:
    story = stories()["open"]
    assert state_name(story.run, About(story.at)) == "interrupted"
    assert state_name(story.run, About(story.at, driven=True)) == "running"
    assert state_name(stories()["stuck"].run, About(story.at)) == "stuck"


def test_an_output_without_a_value_is_null_with_a_reason() -> None:
    story = trip(until=HOTEL)
    values, problems = outputs(story.run)
    assert values == {"flight": None, "hotel": None, "payment": None}
    assert [problem.code for problem in problems] == ["F114"] * 3


def test_columns_of_the_log_stand_under_each_other() -> None:
    story = stories()["declined"]
    lines = [
        each
        for turn in story.told
        for each in timeline(turn)
        if each[13:].startswith(("start", "ok", "undo"))
    ]
    assert len({columns(each.split("POST")[0]) for each in lines if "POST" in each}) == 1


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("book", "it may have happened"),
        ("book!undo", "asks again with the same key"),
        ("keep", "asks again with the same key"),
    ],
)
def test_what_resuming_does_about_an_open_call_is_what_the_core_does(out: str, said: str) -> None:
    """No service here honours keys: a POST is not sent twice, a PUT or DELETE is, in every direction."""
    text = (
        "flowdsl: 1\nservices: { a: http://a }\nsteps:\n"
        "  - { id: book, call: POST a/b, compensate: DELETE a/b }\n"
        "  - { id: keep, call: PUT a/c, compensate: none }\n"
    )
    answers = {"keep": (Answer(409),)} if out == "book!undo" else {}
    story = play(load(Source("a.yaml", text)), {}, Answering(answers), until=out)
    assert list(story.state.flying) == [out]
    drawn = plain(status_text(story.run, About(story.at)))
    assert said in drawn
