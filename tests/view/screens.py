"""Every screen that is kept as a file beside the tests, by the name of the file."""

from __future__ import annotations

from flowdsl.language.load import Checked, check
from flowdsl.language.text.source import Source
from flowdsl.plan.json import from_bytes, to_text
from flowdsl.plan.values import Json
from flowdsl.view.brief import many_lines
from flowdsl.view.graph.choreography import choreography_json, choreography_of, choreography_text
from flowdsl.view.graph.choreography_formats import choreography_dot, choreography_mermaid
from flowdsl.view.graph.choreography_svg import choreography_svg
from flowdsl.view.graph.dot import dot
from flowdsl.view.graph.drawing import graph_text
from flowdsl.view.graph.graph import graph_json, graph_of
from flowdsl.view.graph.mermaid import mermaid
from flowdsl.view.graph.svg import Caption, svg
from flowdsl.view.outline import steps
from flowdsl.view.paint import Line, plain
from flowdsl.view.plan.callplan import KnownValues, call_plan, plan_json
from flowdsl.view.problem.formats import Format, rendered
from flowdsl.view.run.closing import closing, output_lines, suggestion_lines, suggestions
from flowdsl.view.run.exchange import show_text
from flowdsl.view.run.failure import cause_frame
from flowdsl.view.run.positions import label_of
from flowdsl.view.run.report import outputs, run_report
from flowdsl.view.run.status import About, RunRow, detail, list_text, status_text
from flowdsl.view.run.timeline import stuck_line, timeline
from flowdsl.view.run.tree import picture
from tests.view.runs import BEGIN, Story
from tests.view.stories import (
    INPUTS,
    ODDS,
    ORDER,
    WORKFLOWS,
    orders,
    plan_of,
    reacting,
    stories,
)

MISTAKES = """\
flowdsl: 1
name: mistakes
inputs:
  card: string
services:
  cards: http://localhost:9001
steps:
  - id: charge
    call: POST cards/charges
    body: { card: "${inputs.card}", note: "${charg.id}" }
    compansate: POST cards/charges/${charge.id}/refund
  - call: POST card/receipts
    body: { charge: "${charge.id}" }
"""


SHOWN_MAX = 24  # steps of one run
REPORTED = (
    "declined", "lost", "stuck", "booked", "lists", "lists-long", "branches-asking",
    "branches-fallback", "branches-approved", "parent",
)  # fmt: skip
COLOURED = (
    "declined", "stuck", "not-fulfilled", "lists", "lists-turned", "lists-going", "lists-losing",
    "branches-fallback", "branches-asking", "branches-late", "parent-turned", "parent",
)  # fmt: skip


def screens() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, story in stories().items():
        found[f"run.{name}.txt"] = plain(run_screen(story))
        found[f"status.{name}.txt"] = plain(status_screen(story))
        found[f"log.{name}.txt"] = log_screen(story)
    for name in REPORTED:
        found[f"report.{name}.json"] = report_screen(stories()[name])
        found[f"show.{name}.txt"] = plain(show_screen(stories()[name]))
    found["list.txt"] = plain(list_screen())
    for name in WORKFLOWS:
        graph = graph_of(plan_of(name))
        found[f"graph.{name}.txt"] = plain(graph_text(plan_of(name)))
        found[f"graph.{name}.mmd"] = mermaid(graph)
        found[f"graph.{name}.dot"] = dot(graph)
        found[f"graph.{name}.json"] = book(to_text(graph_json(graph)))
        found[f"graph.{name}.svg"] = svg(graph)
        found[f"plan.{name}.txt"] = plain(call_plan(plan_of(name), known(name)))
    several = choreography_of(reacting())
    found["graph.events.txt"] = plain(choreography_text(several))
    found["graph.events.mmd"] = choreography_mermaid(several)
    found["graph.events.dot"] = choreography_dot(several)
    found["graph.events.svg"] = choreography_svg(several)
    found["graph.events.json"] = book(to_text(choreography_json(several)))
    found["plan.lists.json"] = book(to_text(plan_json(plan_of("lists"), known("lists"))))
    full = KnownValues({"orders": orders(20), "people": ["ann"]}, {})
    found["plan.lists-known.txt"] = plain(call_plan(plan_of("lists"), full))
    found["plan.trip.json"] = book(to_text(plan_json(plan_of("trip"), known("trip"))))
    for name in COLOURED:
        found[f"graph.{name}.svg"] = svg_screen(stories()[name])
        story = stories()[name]
        found[f"graph.{name}.mmd"] = mermaid(graph_of(story.plan, story.run))
        found[f"graph.{name}.txt"] = plain(graph_text(story.plan, story.run))
    forms: tuple[Format, ...] = ("full", "concise", "json", "github", "sarif", "junit")
    for form in forms:
        found[f"validate.{form}.txt"] = rendered(mistakes(), form)
    return found


def run_screen(story: Story) -> list[Line]:
    run, at = story.run, story.at
    frame = cause_frame(run)
    values, _ = outputs(run)
    return [
        *picture(run, at),
        (),
        *([*frame, ()] if frame else []),
        *closing(run, at),
        (),
        *([*output_lines(values), ()] if run.progress.state == "succeeded" else []),
        *suggestion_lines(suggestions(run)),
    ]


def status_screen(story: Story) -> list[Line]:
    return status_text(story.run, About(story.at + 180, changed=False))


def log_screen(story: Story) -> str:
    lines = [line for turn in story.told for line in timeline(turn)]
    if story.now.state == "stuck":
        lines.append(stuck_line(story.run))
    return "".join(f"{line}\n" for line in lines)


def report_screen(story: Story) -> str:
    return book(to_text(run_report(story.run)))


def show_screen(story: Story) -> list[Line]:
    lines: list[Line] = []
    for node in steps(story.run.plan)[:SHOWN_MAX]:
        lines += [*show_text(story.run, node.address), ()]
    return lines


def svg_screen(story: Story) -> str:
    graph = graph_of(story.plan, story.run)
    return svg(graph, Caption(story.run.id, story.now.state))


def list_screen() -> list[Line]:
    rows = []
    for story in stories().values():
        run, name = story.run, story.plan.name
        label, more = label_of(run), detail(run)
        rows.append(RunRow(run.id, name, run.progress.state, label, BEGIN, run.ended_at, more))
    return list_text(rows, BEGIN + 7200, hidden=3)


def mistakes() -> tuple[Checked, ...]:
    clean = check(Source("workflows/trip.yaml", plan_of("trip").source))
    return check(Source("workflows/mistakes.yaml", MISTAKES)), clean


def known(name: str) -> KnownValues:
    given: dict[str, dict[str, Json]] = {
        "trip": INPUTS,
        "fulfilment": ORDER,
        "odds": ODDS,
        "branches": {"total": 900},
        "parent": {"order_id": "o-1"},
    }
    secrets = {"PAYMENTS_TOKEN": ".env"} if name != "odds" else None
    env = {"A_URL": "https://a.example/v1"} if name == "odds" else None
    return KnownValues(given.get(name, {}), {}, env=env, secrets=secrets, environment="dev")


def book(text: str) -> str:
    return "".join(f"{line}\n" for line in many_lines(from_bytes(text)))
