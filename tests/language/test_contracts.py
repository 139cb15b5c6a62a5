"""Which document describes which service, and `service.operationId` as the method and path that it stands for."""

from __future__ import annotations

from textwrap import indent

import pytest

from flowdsl.language import Library, Source, check
from flowdsl.language.load import Checked, load
from flowdsl.plan.nodes import Call, Compensation, ForEach
from tests.language.named import LIBRARY

HEAD = """flowdsl: 1
inputs: { amount: number, skus: { type: array, items: { type: string } } }
defaults: { idempotency: 24h }
services:
  payments: { url: "http://localhost:9003", openapi: ./payments.openapi.yaml, strict: true }
  stock: { url: "http://localhost:9001", openapi: ./stock.openapi.yaml }
  mail: http://localhost:9004
steps:
"""


def text_of(steps: str) -> str:
    return HEAD + indent(steps, "  ")


def checked(steps: str, library: Library = LIBRARY) -> Checked:
    return check(Source("w.yaml", text_of(steps)), library)


def said(steps: str, library: Library = LIBRARY) -> list[tuple[str, str, str]]:
    """Each finding: its code, what it points at, and what it says to do."""
    found = checked(steps, library)
    return [(d.code, found.source.at(d.span), d.label or d.help) for d in found.diagnostics]


EVERYWHERE = """\
- id: charge
  call: payments.createCharge
  body: { amount: 1 }
  probe:
    call: payments.listCharges
    query: { limit: 1 }
    found: len(probe) > 0
    result: probe[0]
  fallback:
    - id: hold
      call: stock.makeHold
      body: { sku: a }
      confirm: POST stock/holds/${hold.id}/confirm
      compensate: DELETE stock/holds/${hold.id}
  compensate: payments.createCharge
- for_each: sku in inputs.skus
  call: stock.makeHold
  body: { sku: "${sku}" }
  confirm: none
"""


def test_an_operation_is_named_wherever_a_call_is() -> None:
    # given names in a call, an undo, a probe, a fallback and a list
    steps = EVERYWHERE.replace("  confirm: none\n", "  compensate: none\n").replace(
        "compensate: payments.createCharge",
        "compensate: { call: payments.createCharge, body: { amount: 1 } }",
    )
    plan = load(Source("w.yaml", text_of(steps)), LIBRARY)
    # then the plan knows methods and paths only
    charge, each = plan.nodes["charge"], plan.nodes["call-1"]
    assert isinstance(charge, Call)
    assert isinstance(each, ForEach)
    assert isinstance(charge.compensation, Compensation)
    assert charge.probe is not None
    held, item = plan.nodes["charge/hold"], each.body
    assert isinstance(held, Call)
    assert isinstance(item, Call)
    actions = (charge.action, charge.compensation.action, charge.probe.action)
    shown = [f"{a.method} {a.service}{a.path.value}" for a in (*actions, held.action, item.action)]  # type: ignore[union-attr]
    assert shown == [
        "POST payments/charges",
        "POST payments/charges",
        "GET payments/charges",
        "POST stock/holds",
        "POST stock/holds",
    ]


@pytest.mark.parametrize(
    ("steps", "at", "hint"),
    [
        ("- call: payments.createChrage\n", "createChrage", "did you mean `createCharge`?"),
        ("- call: payments.zzz\n", "zzz", "its operations are `listCharges`"),
        (
            "- call: payments.refundCharge\n",
            "refundCharge",
            "`POST payments/charges/${charge}/refund`",
        ),
        ("- call: mail.send\n", "send", "name its document (`openapi:`)"),
    ],
)
def test_an_operation_that_cannot_be_called_by_its_name_is_refused(
    steps: str, at: str, hint: str
) -> None:
    ((code, pointed, told),) = said(steps)
    assert (code, pointed) == ("F092", at)
    assert hint in told


def test_a_service_that_is_not_declared_is_said_once() -> None:
    assert [code for code, _, _ in said("- call: nobody.send\n")] == ["F030"]


def test_what_is_named_in_a_document_that_cannot_be_read_is_not_said_again() -> None:
    # given a document that is not there, named by two services, and calls by name to both
    text = HEAD.replace("./stock.openapi.yaml", "./payments.openapi.yaml")
    steps = "- call: payments.createCharge\n- call: stock.makeHold\n"
    library = Library(LIBRARY.texts, {"payments.openapi.yaml": "it is a folder"})
    texts = {name: t for name, t in library.texts.items() if name != "payments.openapi.yaml"}
    library = Library(texts, library.why)
    found = check(Source("w.yaml", text + indent(steps, "  ")), library)
    # then each place that names it is told, and no call
    told = [(d.code, found.source.at(d.span), d.message) for d in found.diagnostics]
    assert (
        told
        == [
            (
                "F090",
                "./payments.openapi.yaml",
                "`payments.openapi.yaml` cannot be read: it is a folder",
            )
        ]
        * 2
    )


def test_a_document_with_a_fault_in_it_is_complained_about_once() -> None:
    text = HEAD.replace("./stock.openapi.yaml", "./partly.openapi.yaml").replace(
        "./payments.openapi.yaml", "./partly.openapi.yaml"
    )
    found = check(Source("w.yaml", text + "  - call: GET mail/x\n"), LIBRARY)
    assert [item.code for item in found.diagnostics] == ["F091"]
    assert "partly.openapi.yaml:4" in found.diagnostics[0].label


def test_a_document_in_json_is_pointed_into_without_lines() -> None:
    json = '{"openapi": "3.1.0", "paths": {"x": {}}}'
    library = Library({**LIBRARY.texts, "payments.openapi.yaml": json})
    found = check(Source("w.yaml", HEAD + "  - call: GET mail/x\n"), library)
    (item,) = found.diagnostics
    assert "payments.openapi.yaml#/paths/x" in item.label


def test_what_a_step_could_not_be_read_for_is_not_missed_in_its_call() -> None:
    codes = [code for code, _, _ in said("- call: POST payments/charges\n  bdoy: { amount: 1 }\n")]
    assert codes == ["F020"]


def test_the_plan_says_where_the_contract_of_a_service_is() -> None:
    plan = load(Source("flows/w.yaml", text_of("- call: GET payments/charges\n")), _in_folder())
    assert plan.services["payments"].contract == "flows/payments.openapi.yaml"
    assert plan.services["payments"].strict
    assert "flows/payments.openapi.yaml" in dict(plan.files)
    assert plan.services["mail"].contract == ""


def test_another_document_is_another_plan() -> None:
    source, library = Source("w.yaml", text_of("- call: GET payments/charges\n")), LIBRARY
    texts = {name: text + "\n# a remark\n" for name, text in library.texts.items()}
    assert load(source, library).digest != load(source, Library(texts)).digest


def test_the_answers_of_a_used_file_have_types_too() -> None:
    child = HEAD + (
        "  - id: charge\n    call: payments.createCharge\n    body: { amount: 1 }\n    compensate: none\n"
        "outputs: { paid: '${charge.amount}' }\n"
    )
    library = Library({**LIBRARY.texts, "child.yaml": child})
    steps = """\
- id: child
  uses: ./child.yaml
  with: { amount: 1, skus: [] }
- set: { words: "${len(child.paid)}" }
"""
    assert [(code, at) for code, at, _ in said(steps, library)] == [("F044", "child.paid")]


def _in_folder() -> Library:
    return Library({f"flows/{name}": text for name, text in LIBRARY.texts.items()})


# --- what a service offers ---------------------------------------------------------------------------

HOLD = """\
- id: hold
  call: POST stock/holds
  body: { sku: a }
"""
BATCH = """\
- for_each: sku in inputs.skus
  collect: all
  id: holds
  call: POST stock/holds
  body: { sku: "${sku}" }
  confirm: POST stock/holds/${holds.id}/confirm
  compensate: DELETE stock/holds/${holds.id}
"""


def test_an_undo_that_the_service_has_is_spelled_out() -> None:
    steps = HOLD + "  confirm: POST stock/holds/${hold.id}/confirm\n- call: GET mail/x\n"
    ((code, _, _),) = said(steps)
    assert code == "F012"
    assert "`compensate: DELETE stock/holds/${hold.id}`" in checked(steps).diagnostics[0].help


def test_a_refund_is_an_undo_too() -> None:
    steps = "- call: POST payments/charges\n  body: { amount: 1 }\n- call: GET mail/x\n"
    assert (
        "`compensate: POST payments/charges/${ID.id}/refund`" in checked(steps).diagnostics[0].help
    )


def test_an_undo_of_something_without_an_id_leaves_its_name_open() -> None:
    texts = {name: t.replace("id: { type", "number: { type") for name, t in LIBRARY.texts.items()}
    found = checked(HOLD + "- call: GET mail/x\n", Library(texts)).diagnostics
    assert "`compensate: DELETE stock/holds/${hold.…}`" in next(
        d.help for d in found if d.code == "F012"
    )


def test_a_hold_that_is_never_confirmed_is_hinted_at() -> None:
    ((code, at, hint),) = said(HOLD + "  compensate: DELETE stock/holds/${hold.id}\n")
    assert (code, at) == ("F066", "POST stock/holds")
    assert hint == "write `confirm: POST stock/holds/${hold.id}/confirm`"


@pytest.mark.parametrize(
    "steps",
    [
        HOLD
        + "  compensate: none\n- call: POST stock/holds/${hold.id}/confirm\n  compensate: none\n",
        "- call: GET mail/x\n- commit\n" + HOLD,
        "- call: GET stock/holds/7/confirm\n",
        "- call: GET mail/x\n- id: hold\n  call: stock.makeHodl\n",
    ],
    ids=["a step of its own", "below commit", "no such operation", "an unknown operation"],
)
def test_no_hint_where_it_is_confirmed_or_cannot_be(steps: str) -> None:
    assert "F066" not in [code for code, _, _ in said(steps)]


def test_one_call_for_each_is_hinted_at_where_the_service_takes_many() -> None:
    ((code, at, hint),) = said(BATCH)
    assert (code, at) == ("F062", "POST stock/holds")
    assert "`for_each: some in chunks(inputs.skus, 50)`" in hint
    assert "`POST stock/holds/batch`" in hint


def test_no_hint_where_one_winner_is_wanted_or_they_are_sent_together() -> None:
    assert said(BATCH.replace("collect: all", "collect: first_success")) == []
    together = """\
- for_each: some in chunks(inputs.skus, 50)
  call: stock.makeHolds
  body: { holds: "${[{'sku': sku} for sku in some]}" }
  compensate: none
"""
    assert said(together) == []


def test_a_used_file_brings_the_contracts_of_its_own_services() -> None:
    child = (
        "flowdsl: 1\nservices: { payments: { url: 'http://p', openapi: ../docs/payments.openapi.yaml } }\n"
        "steps: [{ call: GET payments/charges }]\n"
    )
    texts = {
        "parts/child.yaml": child,
        "docs/payments.openapi.yaml": LIBRARY.texts["payments.openapi.yaml"],
    }
    text = "flowdsl: 1\nsteps: [{ id: child, uses: ./parts/child.yaml }]\n"
    plan = load(Source("w.yaml", text), Library(texts))
    assert [service.contract for service in plan.services.values()] == [
        "docs/payments.openapi.yaml"
    ]
    assert {"parts/child.yaml", "docs/payments.openapi.yaml"} == {path for path, _ in plan.files}
