"""Workflows of the mock services, in a few words each."""

from __future__ import annotations

from functools import cache
from textwrap import dedent, indent

from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan

SERVICES = ("flights", "hotels", "cars", "payments", "mail", "shipping", "warehouses")

PAY_AND_FAIL = """
- id: pay
  call: POST payments/charges
  body: { card: tok_declined }
  compensate: none
"""


@cache  # a story is told once for every point where it is crashed
def saga(
    steps: str, *, settings: str = "idempotency: 24h", head: str = "", child: str = ""
) -> Plan:
    """A workflow of the mock services; `settings` are of the first three, the others honour keys for a day.

    `child` are the steps, and what follows them, of the file `child.yaml` that it may use.
    """
    services = "".join(f"  {name}: {{ url: 'http://mock/{name}' }}\n" for name in SERVICES)
    for name in SERVICES[:3]:
        services = services.replace(f"/{name}' }}", f"/{name}', {settings} }}".replace(", }", " }"))
    for name in SERVICES[3:]:
        services = services.replace(f"/{name}' }}", f"/{name}', idempotency: 24h }}")
    text = f"flowdsl: 1\nname: saga\n{dedent(head)}\nservices:\n{services}steps:\n"
    used = f"flowdsl: 1\nname: child\nservices:\n{services}steps:\n" + indent(dedent(child), "  ")
    files = [("child.yaml", used)] if child else []
    return compile_plan(text + indent(dedent(steps), "  "), "saga.yaml", files)


def reserve(name: str, *, by: str = "id", more: str = "", method: str = "POST") -> str:
    """A step that reserves a flight, hotel or car; its undo names it `by` its id or by its key."""
    where = f"{name}s/reservations"
    reference = f"${{{name}.id}}" if by == "id" else f"${{steps.{name}.key}}"
    return f"""
- id: {name}
  call: {method} {where}
  body: {{ {name}: mine }}
  confirm: POST {where}/{reference}/confirm
  compensate: DELETE {where}/{reference}
{indent(dedent(more).strip(), "  ")}
"""


def in_parallel(*steps: str) -> str:
    return "- parallel:\n" + indent("".join(steps), "    ")
