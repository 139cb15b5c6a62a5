"""Workflow → Plan, for lists, branches, fallbacks, waits and events."""

from __future__ import annotations

import pytest

from flowdsl.language import Source, flatten
from flowdsl.language.load import load
from flowdsl.plan.nodes import (
    Block,
    Call,
    Compensation,
    ForEach,
    Idempotency,
    NothingToUndo,
    Plan,
    Switch,
    Trigger,
    Wait,
    WaitFor,
)
from flowdsl.plan.template import Constant
from flowdsl.plan.unfold import unfold
from tests.language.examples import whole
from tests.language.plans import call_at, outline, plan_of

LISTS = """
- id: hold
  for_each: place in ['a', 'b']
  collect: first_success
  call: POST stock/holds/${place}
  confirm: POST stock/holds/${hold.id}/confirm
  compensate: DELETE stock/holds/${hold.id}
- id: pack
  for_each: place in ['c']
  collect: settled
  max_parallel: 4
  when: inputs.amount > 1
  critical: false
  steps:
    - id: box
      call: POST stock/boxes/${place}
      confirm: POST stock/boxes/${box.id}/confirm
      compensate: DELETE stock/boxes/${box.id}
    - for_each: part in [1, 2]
      collect: { quorum: 2 }
      call: POST stock/parts/${box.id}/${part}
      confirm: POST stock/parts/confirm
      compensate: none
- commit
- for_each: mail in ['x']
  call: POST mail/messages
"""


def test_the_body_of_a_list_stands_under_its_address_and_brackets() -> None:
    assert outline(plan_of(LISTS).root) == [
        "Block . []",
        "  ForEach hold []",
        "    Call hold[] []",
        "  ForEach pack [0]",
        "    Block pack[] []",
        "      Call pack[]/box []",
        "      ForEach pack[]/call-1 [0]",
        "        Call pack[]/call-1[] []",
        "  Commit commit [1]",
        "  Block confirms [2]",
        "    ForEach confirms/hold []",
        "      Confirm hold[]!confirm []",
        "    ForEach confirms/pack [0]",
        "      Block confirms/pack[] []",
        "        Confirm pack[]/box!confirm []",
        "        ForEach confirms/pack[]/call-1 [0]",
        "          Confirm pack[]/call-1[]!confirm []",
        "  ForEach call-1 [3]",
        "    Call call-1[] []",
    ]


def test_a_list_says_how_its_items_are_collected() -> None:
    plan = plan_of(LISTS)
    hold, pack, parts, mails = (
        each_at(plan, address) for address in ("hold", "pack", "pack[]/call-1", "call-1")
    )
    assert (hold.variable, hold.collect, hold.quorum) == ("place", "first_success", 1)
    assert (pack.collect, pack.quorum, pack.max_parallel) == ("settled", 0, 4)
    assert (parts.collect, parts.quorum) == ("quorum", 2)
    assert (mails.collect, mails.max_parallel) == ("all", None)
    assert hold.items is not None
    assert hold.items.text == "['a', 'b']"


def test_when_and_critical_are_the_lists_and_not_its_items() -> None:
    pack = each_at(plan_of(LISTS), "pack")
    assert pack.when is not None
    assert (pack.name, pack.critical) == ("pack", False)
    assert (pack.body.name, pack.body.when, pack.body.critical) == (None, None, True)


def each_at(plan: Plan, address: str) -> ForEach:
    node = plan.nodes[address]
    assert isinstance(node, ForEach)
    return node


def test_confirms_of_items_mirror_the_list_they_belong_to() -> None:
    plan = plan_of(LISTS)
    assert each_at(plan, "confirms/hold").mirrors == "hold"
    assert each_at(plan, "confirms/pack[]/call-1").mirrors == "pack[]/call-1"
    unfolded = unfold(plan, {"hold": 2, "pack": 1, "pack[0]/call-1": 2})
    assert [address for address in unfolded.nodes if "!" in address] == [
        "hold[0]!confirm",
        "hold[1]!confirm",
        "pack[0]/box!confirm",
        "pack[0]/call-1[0]!confirm",
        "pack[0]/call-1[1]!confirm",
    ]


def test_names_lead_to_templates_and_variables_to_their_list() -> None:
    assert plan_of(LISTS).names == {
        "hold": "hold",
        "place": "hold",
        "pack": "pack",
        "box": "pack[]/box",
        "part": "pack[]/call-1",
        "mail": "call-1",
    }


BRANCHES = """
- id: way
  switch:
    - when: inputs.amount > 5
      steps:
        - id: large
          call: POST stock/large
          confirm: POST stock/large/confirm
          compensate: none
    - steps:
        - wait: 1s
- id: charge
  call: POST payments/charges
  confirm: POST payments/charges/${charge.id}/capture
  compensate: DELETE payments/charges/${charge.id}
  fallback:
    - id: voucher
      call: POST payments/vouchers
      confirm: POST payments/vouchers/${voucher.id}/confirm
      compensate: DELETE payments/vouchers/${voucher.id}
    - call: POST stock/marks/${error.code}
      compensate: none
- id: other
  call: POST payments/other
  compensate: none
  fallback:
    - id: instead
      call: POST payments/instead
      confirm: POST payments/instead/confirm
      compensate: none
"""


def test_branches_and_fallbacks_stand_below_their_step_and_are_mirrored() -> None:
    assert outline(plan_of(BRANCHES).root) == [
        "Block . []",
        "  Switch way []",
        "    Block way/steps-1 []",
        "      Call way/steps-1/large []",
        "    Block way/steps-2 []",
        "      Wait way/steps-2/wait-1 []",
        "  Call charge [0]",
        "    Call charge/voucher []",
        "    Call charge/call-1 [0]",
        "  Call other [1]",
        "    Call other/instead []",
        "  Commit commit [2]",
        "  Block confirms [3]",
        "    Block confirms/way []",
        "      Block confirms/way/steps-1 []",
        "        Confirm way/steps-1/large!confirm []",
        "    Block confirms/charge [0]",
        "      Confirm charge/voucher!confirm []",
        "      Confirm charge!confirm []",
        "    Block confirms/other [1]",
        "      Confirm other/instead!confirm []",
    ]


def test_a_branch_keeps_its_condition_and_a_fallback_has_the_address_of_its_call() -> None:
    plan = plan_of(BRANCHES)
    switch = plan.nodes["way"]
    assert isinstance(switch, Switch)
    assert [branch.when is None for branch in switch.branches] == [False, True]
    fallback = call_at(plan, "charge").fallback
    assert isinstance(fallback, Block)
    assert (fallback.address, fallback.kind) == ("charge", "steps")


def test_the_flat_graph_passes_branches_beside_and_a_fallback_behind() -> None:
    graph = flatten(plan_of(BRANCHES))
    assert set(graph.predecessors("charge")) == {"way/steps-1/large", "way/steps-2/wait-1"}
    assert set(graph.predecessors("charge/voucher")) == {"charge"}
    assert set(graph.predecessors("other")) == {"charge", "charge/call-1"}


def test_the_flat_graph_holds_a_template_until_the_items_are_known() -> None:
    plan = plan_of(LISTS)
    assert "pack[]/box" in flatten(plan)
    unfolded = flatten(unfold(plan, {"hold": 2, "pack": 0}))
    assert "pack[]/box" not in unfolded
    assert set(unfolded.predecessors("commit")) == {"hold[0]", "hold[1]"}


PARALLEL = """
- parallel:
    - id: last
      switch:
        - when: inner.ok
          steps: [{ call: "GET stock/x/${all[0].id}" }]
    - id: all
      for_each: one in voucher.list
      call: GET stock/${one}
    - id: group
      steps:
        - id: inner
          call: GET stock/a
    - id: charge
      call: POST payments/charges
      compensate: none
      fallback:
        - id: spare
          call: GET payments/spare/${group.id}
    - id: voucher
      for_each: two in [1]
      collect: first_success
      call: GET payments/${two}/${default(spare.id, 'none')}
"""


def test_children_of_a_parallel_stand_behind_what_anything_in_them_reads() -> None:
    parallel = plan_of(PARALLEL).root.children[0]
    assert isinstance(parallel, Block)
    names = [child.name for child in parallel.children]
    needs = {
        child.name: [names[position] for position in child.needs] for child in parallel.children
    }
    assert needs == {
        "group": [],
        "charge": ["group"],
        "voucher": ["charge"],
        "all": ["voucher"],
        "last": ["group", "all"],
    }


REST = """
flowdsl: 1
key: ${inputs.order}
trigger: { event: order.placed }
inputs: { order: string, at: string }
services:
  events: http://localhost:9009
  stock: { url: "http://localhost:9001", max_concurrent: 5, idempotency: { ttl: 24h, format: sf-string } }
steps:
  - id: answer
    wait_for: approve
    schema: { type: object, properties: { ok: { type: boolean } } }
    timeout: 24h
    expect: answer.ok
  - wait_until: ${inputs.at}
  - wait_until: ${inputs.at}T09:00:00Z
  - wait_until: 2026-12-24T18:00:00Z
  - wait_until: 1700000000
  - emit: order.paid
    data: { order: "${inputs.order}" }
  - id: seat
    call: POST stock/seats
    holds_for: 15m
    confirm: POST stock/seats/${seat.id}
    compensate: DELETE stock/seats/${seat.id}
  - commit
  - emit: order.done
"""


@pytest.fixture(scope="module")
def rest() -> Plan:
    return load(Source("w.yaml", REST))


def test_a_wait_for_a_signal_keeps_what_it_says(rest: Plan) -> None:
    node = rest.nodes["answer"]
    assert isinstance(node, WaitFor)
    assert (node.signal, node.timeout_seconds) == ("approve", 86400.0)
    assert node.schema == {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    assert node.expect is not None
    assert node.expect.text == "answer.ok"


def test_a_moment_is_an_expression_however_it_is_written(rest: Plan) -> None:
    waits = [node for node in rest.nodes.values() if isinstance(node, Wait)]
    assert [wait.until.text if wait.until else "" for wait in waits] == [
        "inputs.at",
        "str(inputs.at) + 'T09:00:00Z'",
        "'2026-12-24T18:00:00Z'",
        "1700000000",
    ]
    assert [wait.seconds for wait in waits] == [0.0] * 4


def test_an_event_is_a_call_that_nothing_takes_back(rest: Plan) -> None:
    above, below = call_at(rest, "emit-1"), call_at(rest, "emit-2")
    assert (above.action.method, above.action.service, above.action.path) == (
        "POST",
        "events",
        Constant(""),
    )
    assert (above.action.event, below.action.event) == ("order.paid", "order.done")
    assert above.compensation == NothingToUndo()
    assert (above.action.retry.attempts, below.action.retry.attempts) == (3, 10)


def test_what_is_said_of_runs_and_services_is_in_the_plan(rest: Plan) -> None:
    assert rest.key is not None
    assert rest.trigger == Trigger("order.placed")
    stock = rest.services["stock"]
    assert stock.max_concurrent == 5
    assert stock.idempotency == Idempotency(86400.0, as_string=True)
    assert call_at(rest, "seat").holds_seconds == 900.0


def test_the_key_of_a_run_is_read_for_what_it_needs_from_outside() -> None:
    plan = load(Source("w.yaml", whole("key: ${env.TENANT}\nsteps: [{ wait: 1s }]\n")))
    assert plan.env == ("TENANT",)


def test_nothing_in_on_failure_is_critical_at_any_depth() -> None:
    plan = plan_of(
        "steps: [{ wait: 1s }]\n"
        "on_failure:\n"
        "  - for_each: who in ['a', 'b']\n"
        "    call: POST mail/messages/${who}\n"
        "  - switch:\n"
        "      - when: error.code == 'x'\n"
        "        steps: [{ call: POST mail/alerts }]\n"
        "  - call: POST mail/a\n"
        "    fallback: [{ call: POST mail/b }]\n"
    )
    below = {name: node for name, node in plan.nodes.items() if name.startswith("on_failure/")}
    assert "on_failure/call-1[]" in below
    assert "on_failure/switch-1/steps-1/call-1" in below
    assert "on_failure/call-2/call-1" in below
    assert [name for name, node in below.items() if node.critical] == []


def test_an_undo_in_an_item_needs_its_answer_like_any_other() -> None:
    undo = call_at(plan_of(LISTS), "hold[]").compensation
    assert isinstance(undo, Compensation)
    assert undo.needs_answer


def test_two_lists_may_call_their_items_the_same() -> None:
    plan = plan_of(
        "- id: one\n  for_each: x in [1]\n  call: GET stock/${x}\n"
        "- id: two\n  for_each: x in one\n  call: GET stock/${x.id}\n"
    )
    bodies = [each_at(plan, name).body for name in ("one", "two")]
    assert all(isinstance(body, Call) for body in bodies)
    assert plan.names["x"] == "one"
