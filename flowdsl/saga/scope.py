"""The names an expression can see, as JSON: built for each one from the facts, only what it reads.

What a name means depends on who looks: an item of a `for_each` sees its own siblings, a step of a used workflow the
names of its own file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct

from flowdsl.plan.address import (
    Address,
    child,
    enclosing,
    is_below,
    items_around,
    located,
)
from flowdsl.plan.expression.compiled import Expression, Reference
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.masked import names_in
from flowdsl.plan.nodes import (
    Block,
    Call,
    Child,
    Confirm,
    Detach,
    ForEach,
    Input,
    Local,
    Set,
    Switch,
    WaitFor,
)
from flowdsl.plan.template import Template, expressions, render
from flowdsl.plan.unfold import home_of
from flowdsl.plan.values import Json, Secret
from flowdsl.saga.events import Failure, Ok
from flowdsl.saga.ledger import outcome_failure, result_of, said_by_service
from flowdsl.saga.secret_inputs import is_null
from flowdsl.saga.state import NO_CALL, State
from flowdsl.saga.unfolding import Unfolded


class Vantage(Struct, frozen=True):
    """From where an expression looks: its own step's answer, the recorded error, the probe's answer."""

    step: Address = ""
    answer: Ok | None = None
    failure: Failure | None = None
    probe: Ok | None = None


ANYWHERE = Vantage()


def scope(
    plan: Unfolded, state: State, expressions: Iterable[Expression], vantage: Vantage = ANYWHERE
) -> dict[str, Json]:
    """The scope that these expressions need, by root name. Raises EvaluationError for `with` that cannot be rendered."""
    look = _look(plan, state, vantage)
    names: dict[str, Json] = {}
    for expression in expressions:
        for reference in expression.references:
            root = str(reference.path[0])
            if root == "steps" and len(reference.path) > 1:
                steps = names.setdefault("steps", {})
                assert isinstance(steps, dict)
                steps[str(reference.path[1])] = _exchange(look, str(reference.path[1]))
            elif root not in names and root != "secrets":
                names[root] = _value(look, root)
            if state.lost:
                _refuse_lost(names, reference)
    return names


def _refuse_lost(names: dict[str, Json], reference: Reference) -> None:
    """What held a secret that is gone is never guessed: an expression that needs it fails, and names it."""
    found: Json = names
    for key in reference.path:
        match found, key:
            case dict(), str() if key in found:
                found = found[key]
            case list(), int() if -len(found) <= key < len(found):
                found = found[key]
            case _:
                break
    lost = sorted(names_in(found))
    if lost:
        which = ".".join(str(key) for key in reference.path)
        said = " and ".join(lost)
        raise EvaluationError(
            f"`{which}` held the value of the secret {said}, which is missing or has changed since"
        )


def value(plan: Unfolded, state: State, template: Template, vantage: Vantage = ANYWHERE) -> Json:
    """A template's value where no secret can stand. Raises EvaluationError."""
    names = scope(plan, state, expressions(template), vantage)
    return render(template, names)  # type: ignore[return-value]


class _Viewer(Struct, frozen=True):
    """`home`: where the used workflow stands that the viewer is in, and what names mean in there."""

    plan: Unfolded
    state: State
    vantage: Vantage
    home: tuple[Address, Child] | None

    def address(self, name: str) -> Address:
        names = self.plan.names if self.home is None else self.home[1].names
        return located(names[name], self.vantage.step)


def _look(plan: Unfolded, state: State, vantage: Vantage) -> _Viewer:
    return _Viewer(plan, state, vantage, home_of(plan, vantage.step) if plan.children else None)


def _value(look: _Viewer, name: str) -> Json:
    plan, state, vantage = look.plan, look.state, look.vantage
    created = state.created
    assert created is not None
    match name:
        case "inputs" if look.home is not None:
            return _arguments(plan, state, *look.home)
        case "inputs":
            return _inputs(plan.inputs, created.inputs, created.secret_inputs)
        case "env":
            return dict(created.env)
        case "run":
            return {"id": created.run, "name": created.workflow, "started": created.started}
        case "error":
            return failure_value(vantage.failure or _failure_here(look))
        case "steps":
            return {}
        case "probe" if vantage.probe is not None:
            return vantage.probe.body
    return _named(look, name)


def _named(look: _Viewer, name: str) -> Json:
    """An id, a `set` name or the variable of a `for_each`."""
    state, vantage = look.state, look.vantage
    is_item, found = _item(look, name)
    if is_item:
        return found
    address = look.address(name)
    node = look.plan.nodes[address]
    if is_given_up(state, address, vantage.step):
        return None
    if isinstance(node, Set) and any(name == key for key, _ in node.values):
        values = state.done.get(address)
        return values.get(name) if isinstance(values, dict) else None
    if isinstance(node, ForEach):
        index = _own_index(node, vantage.step)
        if index is not None and node.branches is not None:
            address = node.branches[index].address
    if address == vantage.step:
        return vantage.answer.body if vantage.answer else None
    return value_of(look.plan, state, address)


def _item(look: _Viewer, name: str) -> tuple[bool, Json]:
    """Whether `name` is the variable of a `for_each` around the viewer, in its own file; and its item. Two lists may call
    their items the same.
    """
    file = f"{look.home[0]}/" if look.home is not None else ""
    for at, index in items_around(look.vantage.step):
        each = look.plan.nodes[at]
        if isinstance(each, ForEach) and each.variable == name and at.startswith(file):
            return True, look.state.expanded[at][index]
    return False, None


def _own_index(each: ForEach, viewer: Address) -> int | None:
    """Which of its items the viewer is, or is in."""
    return next((index for at, index in items_around(viewer) if at == each.address), None)


def _failure_here(look: _Viewer) -> Failure | None:
    """`error` in a fallback is why its call failed; elsewhere it is what `on_failure` runs for."""
    for around in enclosing(look.vantage.step)[1:]:
        node = look.plan.nodes.get(around)
        if isinstance(node, Call) and node.fallback is not None:
            return outcome_failure(look.state.calls.get(around, NO_CALL))
    return look.state.alerted.failure if look.state.alerted else None


def value_of(plan: Unfolded, state: State, address: Address) -> Json:
    """A step's value, as steps after it see it."""
    node = plan.nodes[address]
    match node:
        case Call(fallback=fallback):
            known = result_of(state, node)
            if known is None and fallback is not None:
                return value_of(plan, state, fallback.children[-1].address)
            return known.body if known else None
        case Block(kind="uses"):
            return outputs_of(plan, state, address)[0]
        case Block(kind="steps", children=(*_, last)):
            return value_of(plan, state, last.address)
        case ForEach():
            return _collected(plan, state, node)
        case WaitFor():
            return state.done.get(address)
        case Detach():
            return {"run": state.detached[address].run} if address in state.detached else None
        case Block() | Switch() | Confirm() | Local():
            return None
        case _:
            assert_never(node)


def outputs_of(
    plan: Unfolded, state: State, address: Address
) -> tuple[Json, tuple[tuple[str, EvaluationError], ...]]:
    """The outputs of the used workflow at this address, and those that could not be rendered, which are null."""
    inside = child(address, "outputs")
    home = home_of(plan, inside)
    assert home is not None, f"{address} uses a workflow"
    found: dict[str, Json] = {}
    failed: list[tuple[str, EvaluationError]] = []
    for name, template in home[1].outputs:
        try:
            found[name] = value(plan, state, template, Vantage(inside))
        except EvaluationError as error:
            found[name] = None
            failed.append((name, error))
    return found, tuple(failed)


def _collected(plan: Unfolded, state: State, each: ForEach) -> Json:
    """The winner's value, or those of the winners or of all, in the order of the items."""
    if each.branches is None:
        return None
    winners = state.chosen.get(each.address)
    match each.collect:
        case "first_success":
            return value_of(plan, state, each.branches[winners[0]].address) if winners else None
        case "quorum":
            return [value_of(plan, state, each.branches[index].address) for index in winners or ()]
        case "all" | "settled":
            return [
                None if item.address in state.turned else value_of(plan, state, item.address)
                for item in each.branches
            ]


def is_given_up(state: State, address: Address, viewer: Address) -> bool:
    """Whether the address lies in something that was undone on its own; from outside it is null."""
    return any(
        around in state.turned and not is_below(viewer, around) for around in enclosing(address)
    )


def failure_value(failure: Failure | None) -> Json:
    """A failure as `error` in expressions and in reports: its fields are a promise."""
    if failure is None:
        return None
    return {
        "code": failure.code,
        "step": failure.step,
        "message": failure.message,
        "status": failure.status,
        "response": failure.response,
    }


def _exchange(look: _Viewer, name: str) -> Json:
    """`steps.ID`: the rest of the exchange beside the body."""
    address = look.address(name)
    node = look.plan.nodes[address]
    if not isinstance(node, ForEach):
        return _exchange_of(look, address)
    index = _own_index(node, look.vantage.step)
    items = look.state.expanded.get(address, ())
    chosen = look.state.chosen.get(address, ())
    winners = (index,) if index is not None else chosen
    one: Address | None = None
    if node.branches is not None and winners and (index is not None or node.collect != "quorum"):
        one = node.branches[winners[0]].address
    exchange = _exchange_of(look, one) if one is not None else dict.fromkeys(_EXCHANGE)
    return exchange | {
        "item": items[winners[0]] if one is not None else None,
        "items": [items[winner] for winner in chosen] if node.collect == "quorum" else list(items),
    }


_EXCHANGE = ("status", "headers", "key", "error")


def _exchange_of(look: _Viewer, address: Address) -> dict[str, Json]:
    state, vantage = look.state, look.vantage
    node = look.plan.nodes[address]
    entry = state.calls.get(address, NO_CALL)
    known = vantage.answer if address == vantage.step else None
    if known is None and isinstance(node, Call) and not is_given_up(state, address, vantage.step):
        known = result_of(state, node)
    status, headers = said_by_service(entry) if known is None else (known.status, known.headers)
    return {
        "status": status or None,  # a person's word has none
        "headers": None if headers is None else dict(headers),
        "key": entry.key or None,
        "error": failure_value(outcome_failure(entry)),
    }


def _inputs(
    declared: Iterable[Input], given: dict[str, Json], secret: tuple[str, ...] | None
) -> Json:
    """`secret`: the names of the secret ones that were given, where that is known."""
    values = dict(given)
    for one in declared:
        if one.secret and is_null(one, secret):
            values[one.name] = None
        elif one.secret:
            values[one.name] = Secret(f"inputs.{one.name}")  # type: ignore[assignment]
        else:
            values.setdefault(one.name, one.default)
    return values


def _arguments(plan: Unfolded, state: State, address: Address, used: Child) -> Json:
    """The inputs of a used workflow, in the names of the file that uses it."""
    given = {
        name: value(plan, state, template, Vantage(address)) for name, template in used.arguments
    }
    return _inputs(used.inputs, given, None)
