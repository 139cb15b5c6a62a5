"""Plans to explore: the shipped workflows, and one small family for each thing that a workflow can be made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from textwrap import indent

from msgspec.structs import replace

from flowdsl.explorer.explore import Allowance
from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from tests.explorer import branching
from tests.saga.plans import by_key, call, plan

WORKFLOWS = Path(__file__).parents[2] / "workflows"

CALM = Allowance(faults=1, cancel=False)
ONE = Allowance(faults=1, crashes=True)
TWO = Allowance(faults=2, crashes=True)
THREE = Allowance(faults=3, crashes=True)
TWO_AND_ORDERS = Allowance(faults=2, crashes=True, orders=1)
# The small sizes: what may happen in one walk is shared out over two, which is much less than all of it in one.
CRASH_OR_TWO = (ONE, Allowance(faults=2, cancel=False))
CRASH_OR_CANCEL = (Allowance(faults=1, crashes=True, cancel=False), Allowance(faults=0))
TWO_AND_CANCEL = (ONE, Allowance(faults=2))


@dataclass(frozen=True, slots=True)
class Case:
    """`may`: one walk for each. `full` is what is allowed with `--full`; a `heavy` one is then also explored in pairs and
    with a person's orders.
    """

    name: str
    make: Callable[[], Plan]
    may: tuple[Allowance, ...] = CRASH_OR_TWO
    full: Allowance = THREE
    inputs: dict[str, Json] = field(default_factory=dict)
    heavy: bool = False


def shipped(name: str) -> Callable[[], Plan]:
    path = WORKFLOWS / f"{name}.yaml"
    return lambda: compile_plan(path.read_text(), str(path))


def nested(*items: str) -> str:
    """Items as the content of a group."""
    return indent("".join(items), "    ")


def sequence() -> Plan:
    return plan(call("a") + call("b", reads="a.id") + call("c"))


def parallel() -> Plan:
    return plan("- parallel:\n" + nested(call("a"), call("b")) + call("c"))


def diamond() -> Plan:
    return plan("- parallel:\n" + nested(call("a"), call("b", reads="a.id"), call("c")))


def groups() -> Plan:
    left = "- id: left\n  steps:\n" + nested(call("a"), call("b"))
    return plan("- parallel:\n" + nested(left, call("c", "plain")) + call("d"))


def careless_call() -> Plan:
    return plan(call("a") + call("b", more="critical: false") + call("c"))


def careless_group() -> Plan:
    group = "- id: extra\n  critical: false\n  steps:\n" + nested(call("b"), call("c"))
    return plan(call("a") + group + call("d"))


def careless_nested() -> Plan:
    inner = "- id: inner\n  critical: false\n  steps:\n" + nested(call("b"), call("c"))
    outer = "- id: outer\n  critical: false\n  parallel:\n" + nested(inner, call("d"))
    return plan(outer + call("e"))


def careless_unkeyed() -> Plan:
    one = by_key("b", more="critical: false")
    return plan("- parallel:\n" + nested(by_key("a"), one))


def probe_text(name: str, service: str, undo: str) -> str:
    return (
        f"- id: {name}\n"
        f"  call: POST {service}/{name}\n"
        f"  probe:\n"
        f"    call: GET {service}/{name}?key=${{steps.{name}.key}}\n"
        f"    found: len(probe.data) > 0\n"
        f"    result: probe.data[0]\n"
        f"  compensate: {undo}\n"
    )


def probed() -> Plan:
    return plan(probe_text("a", "plain", "DELETE plain/a/${a.id}") + call("b"))


def probed_grave() -> Plan:
    return plan(probe_text("a", "grave", "DELETE grave/a/${a.id}") + call("b"))


def unkeyed() -> Plan:
    return plan(by_key("a") + by_key("b") + by_key("c"))


def grave() -> Plan:
    return plan(by_key("a", "grave") + by_key("b", "grave"))


def unkeyed_answer() -> Plan:
    return plan(call("a", "plain") + call("b", "plain"))


def grave_parallel() -> Plan:
    return plan("- parallel:\n" + nested(by_key("a", "grave"), by_key("b", "grave")))


def unkeyed_refund() -> Plan:
    return plan(
        """
        - id: a
          call: POST plain/a
          compensate: POST plain/a/${a.id}/refund
        - id: b
          call: POST plain/b
          compensate: POST plain/b/${steps.b.key}/refund
        """
    )


def put_and_delete() -> Plan:
    return plan(
        """
        - id: a
          call: PUT plain/a
          compensate: DELETE plain/a
        - id: b
          call: DELETE plain/b
          compensate: PUT plain/b
        """
    )


def no_compensate() -> Plan:
    return plan(call("a") + "- id: b\n  call: POST keyed/b\n" + call("c"))


def compensate_none() -> Plan:
    return plan(call("a") + "- id: b\n  call: POST plain/b\n  compensate: none\n" + call("c"))


def wait_and_timeout() -> Plan:
    return plan(call("a") + "- wait: 30s\n" + call("b"), "timeout: 1h\n")


def on_failure() -> Plan:
    handlers = """
    on_failure:
      - call: POST plain/alerts
        body: { step: "${error.step}" }
      - call: POST keyed/tickets
    """
    return plan(call("a") + call("b"), handlers)


def commit_in_the_middle() -> Plan:
    held = "confirm: POST keyed/{0}/${{{0}.id}}/confirm"
    return plan(
        "- parallel:\n"
        + nested(call("a", more=held.format("a")), call("b", more=held.format("b")))
        + "- commit\n"
        + "- id: c\n  call: POST plain/c\n"
        + "- id: d\n  call: POST keyed/d\n  critical: false\n"
    )


def careless_below_commit() -> Plan:
    group = "- id: extra\n  critical: false\n  parallel:\n" + nested(
        "- id: b\n  call: POST plain/b\n", "- id: c\n  call: POST plain/c\n"
    )
    return plan(call("a") + "- commit\n" + group)


def careless_call_below_commit() -> Plan:
    one = "- id: b\n  call: POST plain/b\n  critical: false\n"
    return plan(call("a") + "- commit\n" + one)


def conditions() -> Plan:
    skipped = "- id: rare\n  when: a.wanted > 5\n  steps:\n" + nested(call("b"))
    return plan(
        call("a", more="expect: a.good")
        + "- set: { double: '${a.price * 2}' }\n"
        + skipped
        + "- fail: too dear\n  when: double > 100\n"
        + call("c", reads="double", more="expect: c.good")
    )


def strict(plain: Plan) -> Plan:
    """The same, where no answer is believed that does not fit its contract."""
    services = {name: replace(service, strict=True) for name, service in plain.services.items()}
    return dataclasses.replace(plain, services=services)


def strict_calls() -> Plan:
    kept = call("b", "plain") + "- id: r\n  call: GET plain/r/${b.id}\n"
    return strict(plan(call("a", more="confirm: POST keyed/a/${a.id}/confirm") + kept + call("c")))


def strict_probe() -> Plan:
    return strict(probed())


def strict_winner() -> Plan:
    return strict(branching.first_success())


def strict_fallback() -> Plan:
    return strict(branching.fallback("plain"))


def reads_only() -> Plan:
    return plan(
        """
        - id: a
          call: GET plain/a
        - id: b
          call: GET plain/b/${a.id}
          critical: false
        """
    )


def busy(orders: int) -> Allowance:
    return Allowance(faults=1, crashes=True, orders=orders)


SINK: dict[str, Json] = {
    "order_id": "o",
    "items": [{"kg": 3, "sku": "s"}],
    "note": None,
    "total": 900,
}
PAIRS = Allowance(faults=1, pairs=True)

CASES = (
    Case("trip", shipped("trip"), (ONE,), TWO, {"flight": "a", "hotel": "b", "card": "c"}),
    Case("order", shipped("order"), CRASH_OR_TWO, THREE, {"order": "o", "items": [], "total": 3}),
    Case(
        "trip-steps", shipped("trip-steps"), (ONE,), TWO, {"flight": "a", "hotel": "b", "card": "c"}
    ),
    Case("search", shipped("search"), CRASH_OR_TWO, THREE, {"city": "x"}),
    Case("sequence", sequence),
    Case("parallel", parallel, CRASH_OR_TWO, TWO_AND_ORDERS),
    Case("diamond", diamond, CRASH_OR_TWO, TWO_AND_ORDERS),
    Case("groups", groups, (ONE,), TWO),
    Case("careless call", careless_call, TWO_AND_CANCEL),
    Case("careless group", careless_group, TWO_AND_CANCEL, TWO_AND_ORDERS),
    Case("careless nested", careless_nested, (ONE,), TWO),
    Case("careless unkeyed", careless_unkeyed, TWO_AND_CANCEL, TWO_AND_ORDERS),
    Case("probe", probed, TWO_AND_CANCEL),
    Case("probe and tombstone", probed_grave),
    Case("un-keyed", unkeyed),
    Case("un-keyed, needs its answer", unkeyed_answer),
    Case("un-keyed refund", unkeyed_refund),
    Case("tombstone", grave),
    Case("grave parallel", grave_parallel),
    Case("put and delete", put_and_delete),
    Case("no compensate", no_compensate, TWO_AND_CANCEL),
    Case("compensate none", compensate_none),
    Case("wait and timeout", wait_and_timeout),
    Case("on_failure", on_failure, CRASH_OR_TWO, TWO_AND_ORDERS),
    Case("commit in the middle", commit_in_the_middle, CRASH_OR_TWO, TWO_AND_ORDERS),
    Case("careless below commit", careless_below_commit),
    Case("careless below commit call", careless_call_below_commit),
    Case("conditions", conditions, TWO_AND_CANCEL),
    Case("reads only", reads_only),
    Case("strict calls", strict_calls),
    Case("strict probe", strict_probe),
    Case("strict winner", strict_winner, (ONE,), TWO),
    Case("strict fallback", strict_fallback),
    Case("all", branching.all_of_them, (ONE,), TWO, heavy=True),
    Case("all careless", branching.all_careless, (ONE,), TWO, heavy=True),
    Case("settled", branching.settled, (ONE,), TWO, heavy=True),
    Case("settled notes", branching.settled_notes, (ONE,), TWO, heavy=True),
    Case("settled, needs its answers", branching.settled_needs_answers, (ONE,), TWO, heavy=True),
    Case("careless, stays", branching.careless_with_nothing_to_undo_it, (ONE,), TWO, heavy=True),
    Case("settled below commit", branching.settled_below_commit),
    Case("first success", branching.first_success, (ONE,), TWO, heavy=True),
    Case("first success, un-keyed", branching.first_success_unkeyed, (ONE,), TWO, heavy=True),
    Case("first success, tombstone", branching.first_success_tombstone, (ONE,), TWO, heavy=True),
    Case("one after the other", branching.one_after_the_other, heavy=True),
    Case("losers kept", branching.losers_kept, (ONE,), TWO, heavy=True),
    Case("losers kept in groups", branching.losers_kept_in_groups, (ONE,), TWO, heavy=True),
    Case("careless kept", branching.careless_kept, TWO_AND_CANCEL),
    Case("fallback kept", branching.fallback_kept, (ONE,), TWO, heavy=True),
    Case(
        "careless fallback kept", partial(branching.fallback_kept, "critical: false"), (ONE,), TWO
    ),
    Case("first read", branching.first_read),
    Case("quorum", branching.quorum, CRASH_OR_CANCEL, TWO, heavy=True),
    Case("quorum careless", branching.quorum_careless, (ONE,), TWO, heavy=True),
    Case("groups, all", partial(branching.groups, "all"), CRASH_OR_CANCEL, TWO, heavy=True),
    Case("groups, settled", partial(branching.groups, "settled"), CRASH_OR_CANCEL, TWO, heavy=True),
    Case(
        "groups, first success",
        partial(branching.groups, "first_success"),
        CRASH_OR_CANCEL,
        TWO,
        heavy=True,
    ),
    Case("lists in lists", branching.lists_in_lists, (CALM,), ONE, heavy=True),
    Case("nothing to go through", branching.nothing_to_go_through, heavy=True),
    Case("switch", branching.switch),
    Case("switch careless", branching.switch_careless, TWO_AND_CANCEL),
    Case("fallback", partial(branching.fallback, "keyed"), heavy=True),
    Case("fallback, un-keyed", partial(branching.fallback, "plain"), heavy=True),
    Case("fallback, careless", partial(branching.fallback, "plain", "critical: false"), heavy=True),
    Case("fallback below commit", branching.fallback_below_commit),
    Case("signal", branching.signal),
    Case("two signals", branching.two_signals),
    Case("until", branching.until),
    Case("event", branching.event),
    Case("queued", branching.queued),
    Case("used", branching.used, (ONE,), TWO, heavy=True),
    Case("used careless", branching.used_careless, (ONE,), TWO, heavy=True),
    Case("used for each", branching.used_for_each, CRASH_OR_CANCEL, ONE, heavy=True),
    Case("used below commit", branching.used_below_commit),
    Case("chosen below commit", branching.chosen_below_commit, (ONE,), TWO),
    Case("chosen beside what fails", branching.chosen_beside_what_fails, (ONE,), TWO, heavy=True),
    Case("detached", branching.detached),
    Case("detached together", branching.detached_together, (CALM,), ONE, heavy=True),
    Case(
        "kitchen sink",
        branching.kitchen_sink,
        (Allowance(faults=0, cancel=False),),
        CALM,
        SINK,
        heavy=True,
    ),
)
