"""Workflow → Plan: addresses, order, defaults, and the confirms below the commit line."""

from __future__ import annotations

import networkx
import pytest

from flowdsl.language import Source, flatten
from flowdsl.language.load import load
from flowdsl.plan.nodes import (
    Block,
    Call,
    Commit,
    Compensation,
    Fail,
    Idempotency,
    NothingToUndo,
    Plan,
    Retry,
    Set,
    Status,
    Wait,
)
from flowdsl.plan.template import Constant
from tests.language.plans import call_at, outline, plan_of

SHOP = """
- status: holding
- parallel:
    - call: GET stock/a
    - id: both
      steps:
        - id: hold
          call: POST stock/holds
          confirm: POST stock/holds/${hold.id}/confirm
          compensate: DELETE stock/holds/${hold.id}
        - call: GET stock/b
        - id: seat
          call: POST stock/seats
          confirm: POST stock/seats/${seat.id}/confirm
          compensate: DELETE stock/seats/${seat.id}
    - call: GET stock/c
- id: charge
  call: POST payments/charges
  confirm: POST payments/charges/${charge.id}/capture
  compensate: POST payments/charges/${charge.id}/refund
- commit
- call: POST mail/messages
- wait: 1m
"""


def test_the_whole_plan_of_a_shop() -> None:
    assert outline(plan_of(SHOP).root) == [
        "Block . []",
        "  Status status-1 []",
        "  Block parallel-1 [0]",
        "    Call parallel-1/call-1 []",
        "    Block parallel-1/both []",
        "      Call parallel-1/both/hold []",
        "      Call parallel-1/both/call-1 [0]",
        "      Call parallel-1/both/seat [1]",
        "    Call parallel-1/call-2 []",
        "  Call charge [1]",
        "  Commit commit [2]",
        "  Block confirms [3]",
        "    Block confirms/parallel-1 []",
        "      Block confirms/parallel-1/both []",
        "        Confirm parallel-1/both/hold!confirm []",
        "        Confirm parallel-1/both/seat!confirm [0]",
        "    Confirm charge!confirm [0]",
        "  Call call-1 [4]",
        "  Wait wait-1 [5]",
    ]


def test_the_steps_that_send_nothing_keep_what_they_say() -> None:
    plan = plan_of(
        "- set: { big: '${inputs.amount > 9}', one: 1 }\n"
        "- fail: too big\n  when: big\n"
        "- wait: 250ms\n"
        "- status: paying\n"
    )
    assign, fail, wait, label = (plan.root.children[position] for position in range(4))
    assert isinstance(assign, Set)
    assert [name for name, _ in assign.values] == ["big", "one"]
    assert isinstance(fail, Fail)
    assert (fail.message, fail.when.text if fail.when else "") == (Constant("too big"), "big")
    assert isinstance(wait, Wait)
    assert wait.seconds == 0.25
    assert isinstance(label, Status)
    assert label.text == Constant("paying")


def test_a_workflow_without_the_line_commits_after_its_last_step() -> None:
    root = plan_of("- call: GET stock/a\n").root
    assert outline(root) == [
        "Block . []",
        "  Call call-1 []",
        "  Commit commit [0]",
        "  Block confirms [1]",
    ]
    commit = root.children[1]
    assert isinstance(commit, Commit)
    assert not commit.written


PARALLEL = """
- parallel:
    - id: label
      call: GET stock/label/${invoice.id}
    - id: parcel
      after: [label]
      call: GET stock/parcel
    - id: invoice
      call: GET stock/invoice
    - id: other
      steps:
        - call: GET stock/x/${steps.parcel.status}
        - parallel:
            - call: GET stock/y/${inside.x}
            - id: inside
              call: GET stock/z
"""


def test_children_of_a_parallel_stand_behind_what_they_read_or_name() -> None:
    assert outline(plan_of(PARALLEL).root.children[0]) == [
        "Block parallel-1 []",
        "  Call parallel-1/invoice []",
        "  Call parallel-1/label [0]",
        "  Call parallel-1/parcel [1]",
        "  Block parallel-1/other [2]",
        "    Call parallel-1/other/call-1 []",
        "    Block parallel-1/other/parallel-1 [0]",
        "      Call parallel-1/other/parallel-1/inside []",
        "      Call parallel-1/other/parallel-1/call-1 [0]",
    ]


CONFIRMS = """
- parallel:
    - id: first
      call: POST stock/a
      confirm: POST stock/a/${first.id}
      compensate: DELETE stock/a/${first.id}
    - id: between
      after: [first]
      call: GET stock/b
    - id: last
      after: [between]
      call: POST stock/c
      confirm: POST stock/c/${last.id}
      compensate: DELETE stock/c/${last.id}
    - id: free
      call: POST stock/d
      confirm: POST stock/d/${free.id}
      compensate: DELETE stock/d/${free.id}
"""


def test_confirms_keep_the_order_that_a_step_without_one_made() -> None:
    confirms = plan_of(CONFIRMS).nodes["confirms"]
    assert outline(confirms)[2:] == [
        "    Confirm parallel-1/first!confirm []",
        "    Confirm parallel-1/last!confirm [0]",
        "    Confirm parallel-1/free!confirm []",
    ]


def test_on_failure_runs_in_order_and_nothing_in_it_is_critical() -> None:
    plan = load(
        Source(
            "w.yaml",
            "flowdsl: 1\nservices: { a: http://a }\nsteps: [{ wait: 1s }]\n"
            "on_failure:\n  - call: POST a/x\n  - steps: [{ id: in, call: GET a/y }]\n".replace(
                "id: in", "id: inner"
            ),
        )
    )
    assert plan.on_failure is not None
    assert outline(plan.on_failure) == [
        "Block on_failure []",
        "  Call on_failure/call-1 []",
        "  Block on_failure/steps-1 [0]",
        "    Call on_failure/steps-1/inner []",
    ]
    below = [node for name, node in plan.nodes.items() if name.startswith("on_failure")]
    assert [node.critical for node in below] == [False] * 4


DEFAULTS = """
defaults: { timeout: 1s, retry: 7, idempotency: 1h, settle: 5s }
services:
  stock: http://stock
  payments:
    url: http://payments
    timeout: 2s
    retry: { delay: 100ms }
    idempotency: { ttl: 2h, header: Request-Id }
    settle: 6s
    tombstone: true
steps:
  - id: plain
    call: POST stock/x
    confirm: POST stock/x/confirm
    compensate: DELETE stock/x
  - id: service
    call: POST payments/x
    compensate: none
  - id: step
    call: POST payments/x
    timeout: 3s
    retry: { max_delay: 1s, backoff: 3 }
    probe: { call: GET payments/x, found: probe }
    compensate: { call: DELETE payments/x, retry: 4, gone: ok }
  - id: other
    call: GET stock/x
  - commit
  - id: below
    call: POST stock/x
"""


@pytest.fixture(scope="module")
def layered() -> Plan:
    return plan_of(DEFAULTS)


@pytest.mark.parametrize(
    ("address", "timeout", "retry"),
    [
        ("plain", 1.0, Retry(7)),
        ("service", 2.0, Retry(7, 0.1)),
        ("step", 3.0, Retry(7, 0.1, 3.0, 1.0)),
        ("below", 1.0, Retry(7)),
    ],
)
def test_a_step_overrides_its_service_and_that_the_defaults(
    layered: Plan, address: str, timeout: float, retry: Retry
) -> None:
    action = call_at(layered, address).action
    assert (action.timeout_seconds, action.retry) == (timeout, retry)


def test_an_undo_and_a_confirm_have_their_own_patience_and_their_steps_timeout(
    layered: Plan,
) -> None:
    plain, step = call_at(layered, "plain"), call_at(layered, "step")
    assert isinstance(plain.compensation, Compensation)
    assert isinstance(step.compensation, Compensation)
    assert plain.confirm is not None
    assert plain.compensation.action.retry == plain.confirm.retry == Retry(10)
    assert step.compensation.action.retry == Retry(4)
    assert step.compensation.action.timeout_seconds == 3.0
    assert step.compensation.action.gone_is_done
    assert step.probe is not None
    assert step.probe.action.retry == Retry(7, 0.1)


def test_nothing_to_undo_is_said_and_differs_from_not_said(layered: Plan) -> None:
    assert call_at(layered, "service").compensation == NothingToUndo()
    assert call_at(layered, "other").compensation is None


def test_a_service_takes_promises_from_the_defaults(layered: Plan) -> None:
    stock, payments = layered.services["stock"], layered.services["payments"]
    assert (stock.idempotency, stock.settle_seconds, stock.tombstone) == (
        Idempotency(3600.0),
        5.0,
        False,
    )
    assert (payments.idempotency, payments.settle_seconds, payments.tombstone) == (
        Idempotency(7200.0, "Request-Id"),
        6.0,
        True,
    )


def test_without_a_word_a_call_is_tried_three_times_and_ten_below_commit() -> None:
    plan = plan_of("- id: above\n  call: GET stock/x\n- commit\n- id: below\n  call: GET stock/x\n")
    assert call_at(plan, "above").action.retry == Retry(3)
    assert call_at(plan, "below").action.retry == Retry(10)
    assert call_at(plan, "below").action.timeout_seconds == 10.0


@pytest.mark.parametrize(
    ("undo", "needs"),
    [
        ("DELETE stock/x/${hold.id}", True),
        ("DELETE stock/x/${steps.hold.key}", False),
        ("DELETE stock/x/${steps.hold.headers['location']}", True),
        ("DELETE stock/x/${run.id}", False),
        ("DELETE stock/x/${earlier.id}/${steps.hold.key}", False),
        ("{ call: DELETE stock/x, body: { id: '${hold.id}' } }", True),
        ("{ call: DELETE stock/x, headers: { X: '${steps.hold.key}' } }", False),
    ],
)
def test_an_undo_needs_the_answer_when_it_reads_more_than_the_key(undo: str, needs: object) -> None:
    steps = f"- id: earlier\n  call: GET stock/x\n- id: hold\n  call: POST stock/x\n  compensate: {undo}\n"
    compensation = call_at(plan_of(steps), "hold").compensation
    assert isinstance(compensation, Compensation)
    assert compensation.needs_answer is needs


def test_a_plan_names_what_it_reads_from_outside() -> None:
    plan = plan_of(
        "services:\n"
        "  stock: ${env.STOCK_URL}\n"
        "  payments: { url: 'http://p', auth: 'bearer ${secrets.TOKEN}', headers: { X: '${env.X}' } }\n"
        "  mail: http://mail\n"
        "steps:\n"
        "  - call: GET stock/${env.PLACE}\n"
        "    headers: { A: '${secrets.A}' }\n"
        "outputs: { place: '${env.PLACE}' }\n"
    )
    assert plan.env == ("PLACE", "STOCK_URL", "X")
    assert plan.secrets == ("A", "TOKEN")


def test_names_lead_to_the_steps_that_give_them_their_value() -> None:
    plan = plan_of(
        "- id: group\n  steps:\n    - id: one\n      call: GET stock/x\n- set: { two: 2 }\n"
    )
    assert plan.names == {"group": "group", "one": "group/one", "two": "set-1"}


def test_the_name_is_the_files_when_none_is_said() -> None:
    text = "flowdsl: 1\nsteps: [{ wait: 1s }]\n"
    assert load(Source("workflows/book trip.yaml", text)).name == "book-trip"
    assert load(Source("-", text)).name == "workflow"
    assert load(Source("-", f"{text}name: mine\n")).name == "mine"


def test_the_flat_graph_sees_through_blocks() -> None:
    graph = flatten(plan_of(SHOP))
    assert networkx.is_directed_acyclic_graph(graph)
    assert set(graph.successors("status-1")) == {
        "parallel-1/call-1",
        "parallel-1/both/hold",
        "parallel-1/call-2",
    }
    assert set(graph.predecessors("charge")) == {
        "parallel-1/call-1",
        "parallel-1/both/seat",
        "parallel-1/call-2",
    }
    assert list(graph.predecessors("call-1")) == ["charge!confirm"]
    assert isinstance(graph.nodes["charge"]["node"], Call)


def test_the_flat_graph_passes_over_an_empty_block() -> None:
    plan = plan_of("- call: GET stock/x\n- commit\n- call: GET stock/y\n")
    assert isinstance(plan.nodes["confirms"], Block)
    assert list(flatten(plan).predecessors("call-2")) == ["commit"]
