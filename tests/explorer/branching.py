"""Plans of lists, branches, waits and used files, to explore: one small family for each."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan
from tests.saga.plans import HEAD, call, plan

OK = Path(__file__).parents[1] / "language" / "ok"


def each(collect: str, service: str = "keyed", more: str = "", items: str = "[1, 2]") -> str:
    """A list of holds, each undone by its answer (`keyed`) or by its key."""
    reference = "hold.id" if service == "keyed" else "steps.hold.key"
    return (
        f"- id: hold\n"
        f"  for_each: wh in {items}\n"
        f"  collect: {collect}\n"
        f"  call: POST {service}/${{wh}}/holds\n"
        f"  confirm: POST {service}/${{wh}}/holds/${{{reference}}}/confirm\n"
        f"  compensate: DELETE {service}/${{wh}}/holds/${{{reference}}}\n"
        + indent(dedent(more).strip("\n") + ("\n" if more else ""), "  ")
    )


def all_of_them() -> Plan:
    return plan(call("a") + each("all") + call("z"))


def all_careless() -> Plan:
    return plan(call("a") + each("all", "plain", "critical: false") + call("z"))


def settled() -> Plan:
    return plan(each("settled", more="expect: hold.good") + call("z"))


def settled_notes() -> Plan:
    """Nothing undoes them, and nobody knows what became of one."""
    notes = "- id: tell\n  for_each: w in [1, 2]\n  collect: settled\n  call: POST plain/${w}\n"
    return plan(notes + "- call: GET keyed/more\n" + call("z"))


def settled_needs_answers() -> Plan:
    """An undo that needs the answer which was lost."""
    holds = "- id: h\n  for_each: w in [1, 2]\n  collect: settled\n  call: POST plain/${w}\n"
    return plan(holds + "  compensate: DELETE plain/h/${h.id}\n" + call("z", reads="len(h)"))


def careless_with_nothing_to_undo_it() -> Plan:
    """A group that may fail: something in it stays, and something in it is confirmed below the line."""
    held = call("b", more="confirm: POST keyed/b/${b.id}/confirm")
    inner = indent(held + "- id: n\n  call: POST plain/n\n" + call("c", "plain"), "    ")
    return plan("- id: extra\n  critical: false\n  steps:\n" + inner + call("z"))


def settled_below_commit() -> Plan:
    calls = "- for_each: w in [1, 2]\n  collect: settled\n  call: POST plain/${w}\n"
    return plan(call("a") + "- commit\n" + calls)


def first_success() -> Plan:
    return plan(each("first_success") + call("z", reads="hold.id"))


def first_success_unkeyed() -> Plan:
    return plan(each("first_success", "plain") + call("z"))


def first_success_tombstone() -> Plan:
    return plan(each("first_success", "grave") + call("z"))


def one_after_the_other() -> Plan:
    return plan(each("first_success", "plain", "max_parallel: 1\nexpect: hold.good") + call("z"))


def losers_kept() -> Plan:
    """Nothing of an item that lost has to be undone."""
    asked = (
        "- id: pick\n  for_each: w in [1, 2]\n  collect: first_success\n  call: POST plain/${w}\n"
    )
    return plan(asked + "  compensate: none\n" + call("z"))


def losers_kept_in_groups() -> Plan:
    """The same of an item of several steps, in a list that may fail."""
    body = "    - call: POST plain/${w}\n      compensate: none\n    - set: { seen: '${w}' }\n"
    asked = "- id: pick\n  for_each: w in [1, 2]\n  collect: first_success\n  critical: false\n"
    return plan(asked + "  steps:\n" + body + call("z"))


def fallback_kept(more: str = "") -> Plan:
    """The call before the fallback needs no undo, whatever became of it."""
    step = "- id: pay\n  call: POST plain/pay\n  compensate: none\n"
    return plan(
        step
        + (f"  {more}\n" if more else "")
        + "  fallback:\n"
        + indent(call("v"), "    ")
        + call("z")
    )


def careless_kept() -> Plan:
    return plan(
        "- id: b\n  call: POST plain/b\n  compensate: none\n  critical: false\n" + call("z")
    )


def first_read() -> Plan:
    reads = "- id: r\n  for_each: w in [1, 2]\n  collect: first_success\n  call: GET plain/${w}\n"
    return plan(call("a") + "- commit\n" + reads + "- call: POST keyed/b\n  body: ${r.id}\n")


def quorum() -> Plan:
    return plan(each("{ quorum: 2 }", items="[1, 2, 3]") + call("z"))


def quorum_careless() -> Plan:
    return plan(call("a") + each("{ quorum: 2 }", "keyed", "critical: false") + call("z"))


def groups(collect: str) -> Plan:
    body = indent(call("b") + call("c", "plain"), "    ")
    text = f"- id: ship\n  for_each: i in [1, 2]\n  collect: {collect}\n  steps:\n{body}"
    return plan(call("a") + text + call("z"))


def lists_in_lists() -> Plan:
    inner = indent(each("first_success", items="[i, 2]"), "    ")
    return plan(
        f"- id: outer\n  for_each: i in [1, 2]\n  collect: settled\n  steps:\n{inner}" + call("z")
    )


def nothing_to_go_through() -> Plan:
    return plan(call("a") + each("all", items="[n for n in [1, 2] if a.most < n - 2]") + call("z"))


def switch() -> Plan:
    branches = (
        "- switch:\n    - when: a.big\n      steps:\n"
        + indent(call("b", more="confirm: POST keyed/b/${b.id}/confirm"), "        ")
        + "    - steps:\n"
        + indent(call("c"), "        ")
    )
    return plan(call("a") + branches + call("z"))


def switch_careless() -> Plan:
    branch = "    - when: a.big\n      steps:\n" + indent(call("b", "plain"), "        ")
    return plan(call("a") + "- critical: false\n  switch:\n" + branch + call("z"))


def fallback(service: str, more: str = "") -> Plan:
    undo = "charge.id" if service == "keyed" else "steps.charge.key"
    step = (
        f"- id: charge\n  call: POST {service}/charges\n  compensate: DELETE {service}/charges/${{{undo}}}\n"
        + (f"  {more}\n" if more else "")
        + "  fallback:\n"
        + indent(call("v"), "    ")
    )
    return plan(call("a") + step + call("z"))


def fallback_below_commit() -> Plan:
    step = "- id: b\n  call: POST plain/b\n  fallback:\n    - call: POST keyed/c\n"
    return plan(call("a") + "- commit\n" + step)


def signal() -> Plan:
    wait = "- id: ok\n  wait_for: approve\n  timeout: 1h\n  expect: ok.yes\n"
    return plan(call("a") + wait + call("z"))


def two_signals() -> Plan:
    waits = "- parallel:\n" + indent(
        "- wait_for: approve\n- wait_for: approve\n  timeout: 1h\n" + call("b"), "    "
    )
    return plan(waits + call("z"))


def until() -> Plan:
    return plan(call("a") + "- wait_until: 2026-12-24T18:00:00Z\n" + call("z"))


def event() -> Plan:
    return plan(
        call("a") + "- emit: a.done\n  data: { id: '${a.id}' }\n" + call("z"),
        services="  events: { url: 'http://events', idempotency: 24h }\n",
    )


def queued() -> Plan:
    return plan(call("a") + call("z"), "key: all\n")


CHILD = """\
inputs: { order: string }
steps:
  - id: parcel
    call: POST keyed/parcels
    body: { order: "${inputs.order}" }
    confirm: POST keyed/parcels/${parcel.id}/confirm
    compensate: DELETE keyed/parcels/${parcel.id}
  - id: label
    call: POST plain/labels
    compensate: DELETE plain/labels/${steps.label.key}
outputs: { parcel: "${parcel.id}" }
"""


def using(steps: str, child: str = CHILD) -> Plan:
    """A workflow that uses `./child.yaml`."""
    text = f"{HEAD}steps:\n{indent(dedent(steps), '  ')}"
    return compile_plan(text, "tiny.yaml", [("child.yaml", HEAD.replace("tiny", "child") + child)])


USES = "- id: child\n  uses: ./child.yaml\n  with: { order: '${a.id}' }\n"


def used() -> Plan:
    return using(
        call("a").replace("/${a.id}", "/${steps.a.key}") + USES + call("z", reads="child.parcel")
    )


def used_careless() -> Plan:
    return using(call("a") + USES + "  critical: false\n" + call("z"))


def used_for_each() -> Plan:
    return using(
        call("a") + USES + "  for_each: i in [1, 2]\n  collect: first_success\n" + call("z")
    )


def used_below_commit() -> Plan:
    below = CHILD.replace("outputs", "  - commit\n  - call: POST keyed/sent\noutputs")
    return using(call("a") + "- commit\n" + USES, below)


def detached() -> Plan:
    return using(call("a") + USES + "  detach: true\n" + call("z"))


def detached_together() -> Plan:
    """Several runs that are to begin at the same time."""
    started = "  uses: ./child.yaml\n  with: { order: x }\n  detach: true\n"
    runs = "".join(f"- id: {name}\n{started}" for name in "pqrs")
    return using("- parallel:\n" + indent(runs, "    ") + call("z"))


def kitchen_sink() -> Plan:
    path = OK / "kitchen-sink.yaml"
    files = [(name, (OK / name).read_text()) for name in ("ship.yaml", "payments.openapi.yaml")]
    return compile_plan(path.read_text(), path.name, files)


def chosen_below_commit() -> Plan:
    """A used file below the commit line of its parent: whoever loses in it is undone all the same."""
    child = f"steps:\n{indent(each('first_success', 'plain'), '  ')}"
    return using(call("a") + "- commit\n- uses: ./child.yaml\n", child)


def chosen_beside_what_fails() -> Plan:
    """The same in a group that may fail: it turns while a loser is being undone."""
    child = f"steps:\n{indent(each('first_success', 'plain'), '  ')}"
    group = "- critical: false\n  parallel:\n    - uses: ./child.yaml\n    - call: POST plain/x\n"
    return using(call("a") + "- commit\n" + group, child)
