"""Small plans from small texts: `plan("- id: a ...")` is a whole workflow with three kinds of services.

`keyed` honours keys for a day; `plain` promises nothing; `grave` promises nothing but to refuse what it has undone.
"""

from __future__ import annotations

from textwrap import dedent, indent

from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan

HEAD = """\
flowdsl: 1
name: tiny
services:
  keyed: { url: "http://keyed", idempotency: 24h }
  plain: http://plain
  grave: { url: "http://grave", tombstone: true }
"""


def plan(steps: str, more: str = "", services: str = "") -> Plan:
    """`steps` is the list below `steps:`; `more` are further keys of the workflow, `services` further services."""
    text = (
        HEAD + services + "steps:\n" + indent(dedent(steps).strip("\n"), "  ") + "\n" + dedent(more)
    )
    return compile_plan(text, "tiny.yaml")


def call(name: str, service: str = "keyed", *, reads: str = "", more: str = "") -> str:
    """One undoable POST as a list item; `reads` is an expression that its body holds."""
    body = f"  body: {{ reads: '${{{reads}}}' }}\n" if reads else ""
    extra = indent(dedent(more).strip("\n"), "  ") + "\n" if more else ""
    return (
        f"- id: {name}\n"
        f"  call: POST {service}/{name}\n"
        f"{body}{extra}"
        f"  compensate: DELETE {service}/{name}/${{{name}.id}}\n"
    )


def by_key(name: str, service: str = "plain", *, more: str = "") -> str:
    """One POST whose undo needs no answer, only the key."""
    extra = indent(dedent(more).strip("\n"), "  ") + "\n" if more else ""
    return (
        f"- id: {name}\n"
        f"  call: POST {service}/{name}\n"
        f"{extra}"
        f"  compensate: DELETE {service}/{name}/${{steps.{name}.key}}\n"
    )
