"""One row of `flowdsl plan` in words: the call with all that is certain in place, or what a step does instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from flowdsl.plan.address import Address, items_around
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.nodes import (
    Action,
    AnyNode,
    Block,
    Call,
    Confirm,
    Detach,
    Fail,
    ForEach,
    Local,
    Set,
    Status,
    Switch,
    Wait,
)
from flowdsl.view.brief import scalar
from flowdsl.view.outline import Row
from flowdsl.view.plan.forecast import Forecast, base_text, path_text, query_text, shown
from flowdsl.view.run.items import FIRST, item_text, multiplied_text
from flowdsl.view.verb import (
    branch_text,
    limited_verb,
    verb,
)

LISTED_MAX = 6  # items of a list that is written out

Services: TypeAlias = Mapping[str, str]  # base URLs that replace those of the file


def words(ahead: Forecast, row: Row, services: Services) -> str:
    """What stands in the column of calls."""
    node = row.node
    if row.kind == "more":
        shown = (
            ahead.items.get(node.mirrors or node.address, []) if isinstance(node, ForEach) else []
        )
        return ", ".join(item_text(each) for each in shown[FIRST : FIRST + LISTED_MAX])
    if row.kind == "branch" and isinstance(node, Block):
        return branch_text(node)
    return call_words(ahead, node, services)


def call_words(ahead: Forecast, node: AnyNode, services: Services) -> str:
    here = node.address
    match node:
        case Call(action=action):
            return request(ahead, here, action, services)
        case Confirm(action=action):
            return request(ahead, node.of, action, services)
        case Status(text=text):
            return scalar(shown(ahead, here, text))
        case Set(values=values):
            return "set " + ", ".join(
                f"{name} = {scalar(shown(ahead, here, each))}" for name, each in values
            )
        case Fail(message=message):
            return f"fail: {scalar(shown(ahead, here, message))}"
        case Wait(until=Expression() as until):
            return f"wait until {scalar(shown(ahead, here, until))}"
        case ForEach(branches=None, body=Call() as body):
            return request(ahead, body.address, body.action, services)
        case ForEach():
            return multiplied_text(node)
        case Block(kind="steps" | "parallel") if not here.endswith("]"):
            return ""
        case Block():
            return _item_words(ahead, node)
        case Local() | Switch() | Detach():
            return limited_verb(node, ahead.plan)


def _item_words(ahead: Forecast, block: Block) -> str:
    """A used file; an item of a list is first of all what it is given."""
    words = [verb(block, ahead.plan)] if block.kind == "uses" else []
    around = items_around(block.address)
    if around and block.address.endswith("]"):
        each, index = around[-1]
        items = ahead.items.get(each, [])
        words = [item_text(items[index]), *words] if index < len(items) else words
    return " · ".join(words)


def request(ahead: Forecast, viewer: Address, action: Action, services: Services) -> str:
    if action.event is not None:
        return f"emit {action.event}"
    base = base_text(ahead, ahead.plan.services[action.service], services)
    query = query_text(ahead, viewer, action.query)
    path = path_text(ahead, viewer, action.path)
    joint = "&" if "?" in path else "?"
    return f"{action.method} {base}{path}" + (joint + query if query else "")
