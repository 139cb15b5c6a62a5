"""One small workflow for each construct of the language, on the mock services. A car comes last; it is what fails late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent, indent

from flowdsl.engine.orders import Order
from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from tests.lives.virtual import EPOCH

KEYED = ("flights", "hotels", "cars", "payments", "shipping", "warehouses", "inventory", "events")
LATE = "POST cars/reservations"

LAST = """
- id: car
  call: POST cars/reservations
  body: { car: van, reference: "${run.id}" }
  confirm: POST cars/reservations/${car.id}/confirm
  compensate: DELETE cars/reservations/${car.id}
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """`lost` is the call whose first answer gets lost; `late` one that is refused when others have taken effect.

    `exact`: what is there in the end is the same whatever crashes. `may_leave`: what may fail may stand in the end, by name.
    """

    plan: Plan
    lost: str
    late: str = LATE
    inputs: Mapping[str, Json] = field(default_factory=dict)
    orders: tuple[tuple[float, Order], ...] = ()
    exact: bool = True
    key: str = ""
    may_leave: bool = False


def saga(steps: str, *, head: str = "", last: str = LAST, child: str = "") -> Plan:
    services = "".join(
        f"  {name}: {{ url: 'http://mock/{name}', idempotency: 24h }}\n" for name in KEYED
    )
    services += "  till: { url: 'http://mock/payments' }\n"  # as if it took no notice of keys
    services += "  mail: { url: 'http://mock/mail', idempotency: 24h }\n"
    top = f"flowdsl: 1\nname: NAME\nservices:\n{services}"
    body = indent(dedent(steps) + last, "  ")
    files = [("child.yaml", top.replace("NAME", "child") + dedent(child))] if child else []
    return compile_plan(
        f"{top.replace('NAME', 'saga')}{dedent(head)}\nsteps:\n{body}", "saga.yaml", files
    )


def hold(where: str = "${wh}") -> str:
    return (
        f"call: POST warehouses/{where}/holds\n"
        'body: { reference: "${run.id}" }\n'
        f"confirm: POST warehouses/{where}/holds/${{hold.id}}/confirm\n"
        f"compensate: DELETE warehouses/{where}/holds/${{hold.id}}\n"
    )


def two_steps(where: str = "${wh}") -> str:
    held = "- id: hold\n" + indent(hold(where), "  ")
    return held + dedent(
        f"""
        - id: label
          call: POST shipping/labels
          body: {{ address: "{where}", reference: "${{run.id}}" }}
          compensate: DELETE shipping/labels/${{label.id}}
        """
    )


CHILD = (
    "inputs: { warehouse: string }\nsteps:\n"
    + indent(two_steps("${inputs.warehouse}"), "  ")
    + "outputs: { label: '${label.id}' }\n"
)


def each(body: str, collect: str, more: str = "", items: str = "['wh-1', 'wh-2', 'wh-3']") -> str:
    name = "hold" if body == hold() else "ship"
    return (
        f"- id: {name}\n  for_each: wh in {items}\n  collect: {collect}\n{indent(more, '  ')}"
        + indent(body, "  ")
    )


def each_call(collect: str, more: str = "") -> Plan:
    return saga(each(hold(), collect, more))


def each_steps(collect: str) -> Plan:
    return saga(each("steps:\n" + indent(two_steps(), "  "), collect))


def each_uses(collect: str) -> Plan:
    used = "uses: ./child.yaml\nwith: { warehouse: '${wh}' }\n"
    return saga(each(used, collect), child=CHILD)


COLLECTS = {
    "all": "all",
    "settled": "settled",
    "first success": "first_success",
    "quorum": "{ quorum: 2 }",
}

SWITCH = (
    "- switch:\n    - when: inputs.big\n      steps:\n"
    + indent(two_steps("wh-1"), " " * 8)
    + "\n    - steps:\n"
    + "        - id: other\n          call: POST hotels/reservations\n"
    + "          compensate: DELETE hotels/reservations/${other.id}\n"
)


def fallback(service: str, card: str) -> Plan:
    undo = "bill.id" if service == "payments" else "steps.bill.key"
    return saga(
        f"""
        - id: bill
          call: POST {service}/charges
          body: {{ card: {card}, reference: "${{run.id}}" }}
          compensate: POST {service}/charges/${{{undo}}}/refund
          fallback:
            - id: voucher
              call: POST payments/vouchers
              body: {{ reference: "${{run.id}}" }}
              compensate: DELETE payments/vouchers/${{voucher.id}}
        """
    )


WAIT_FOR = two_steps("wh-1") + dedent(
    """
    - id: answer
      wait_for: approve
      schema: { type: object, required: [ok], properties: { ok: { type: boolean } } }
      timeout: 1m
      expect: answer.ok
    """
)
APPROVED = Order("signal", step="approve", body={"ok": True}, id="one")
USES = "- id: ship\n  uses: ./child.yaml\n  with: { warehouse: wh-1 }\n"
EMIT = two_steps("wh-1") + "- emit: stock.held\n  data: { reference: '${run.id}' }\n"
CHUNKS = """
- id: batch
  for_each: part in chunks(inputs.items, 2)
  max_parallel: 2
  call: POST inventory/reservations/batch
  body: { items: "${part}", reference: "${run.id}" }
  confirm: POST inventory/reservations/batch/${batch.id}/confirm
  compensate: DELETE inventory/reservations/batch/${batch.id}
"""
LABEL = "POST shipping/labels"


# Parts that may fail: of notices on a service without keys nobody can say more than that they may have happened.
CARELESS_STEPS = "- id: part\n  critical: false\n  steps:\n" + indent(two_steps("wh-1"), "    ")
NOTES = """
- id: note
  for_each: who in ['ann', 'bob']
  collect: settled
  call: POST till/charges
  body: { card: "${who}", reference: "${run.id}" }
"""
CARELESS_NOTE = """
- critical: false
  steps:
    - id: note
      call: POST till/charges
      body: { card: tok_visa, reference: "${run.id}" }
"""


def constructs() -> dict[str, Scene]:
    scenes: dict[str, Scene] = {}
    for name, collect in COLLECTS.items():
        scenes[f"for_each call, {name}"] = Scene(each_call(collect), "POST warehouses/wh-2/holds")
        scenes[f"for_each steps, {name}"] = Scene(each_steps(collect), LABEL)
        scenes[f"for_each uses, {name}"] = Scene(each_uses(collect), LABEL)
    big = "inputs: { big: boolean }"
    moment = "inputs: { until: number }"
    listed = "inputs: { items: array }"
    child = "detach: true\n"
    return scenes | {
        "max_parallel": Scene(each_call("all", "max_parallel: 1\n"), "POST warehouses/wh-2/holds"),
        "max_parallel, first success": Scene(
            each_call("first_success", "max_parallel: 2\n"), "POST warehouses/wh-1/holds"
        ),
        "switch": Scene(saga(SWITCH, head=big), LABEL, inputs={"big": True}),
        "fallback": Scene(fallback("payments", "tok_declined"), "POST payments/vouchers"),
        "fallback, unknown": Scene(
            fallback("till", "tok_visa"), "POST payments/charges", exact=False
        ),
        "wait": Scene(saga(two_steps("wh-1") + "- wait: 5s\n"), LABEL),
        "wait_until": Scene(
            saga(two_steps("wh-1") + "- wait_until: ${inputs.until}\n", head=moment),
            LABEL,
            inputs={"until": int(EPOCH) + 7},
        ),
        "wait_for": Scene(saga(WAIT_FOR), LABEL, orders=((3.0, APPROVED),)),
        "emit": Scene(saga(EMIT), "POST events"),
        "uses": Scene(saga(USES, child=CHILD), LABEL),
        "uses, detached": Scene(saga(USES + f"  {child}", child=CHILD), LABEL),
        "may fail, steps": Scene(saga(CARELESS_STEPS), LABEL),
        "may fail, uses": Scene(saga(USES + "  critical: false\n", child=CHILD), LABEL),
        "may fail, for_each": Scene(
            each_call("all", "critical: false\n"), "POST warehouses/wh-2/holds"
        ),
        "may fail, settled notes": Scene(
            saga(NOTES), "POST payments/charges", exact=False, may_leave=True
        ),
        "may fail, a note": Scene(
            saga(CARELESS_NOTE), "POST payments/charges", exact=False, may_leave=True
        ),
        "key": Scene(saga(two_steps("wh-1"), head="key: all"), LABEL, key="saga all"),
        "chunks": Scene(
            saga(CHUNKS, head=listed),
            "POST inventory/reservations/batch",
            inputs={"items": ["a", "b", "c", "d", "e"]},
        ),
    }
