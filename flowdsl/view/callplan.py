"""`flowdsl plan`: the calls a run would make, filled in as far as they are known, and what a failure of each undoes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowdsl.plan.address import ON_FAILURE, Address, is_below
from flowdsl.plan.nodes import (
    Action,
    AnyNode,
    Assign,
    Call,
    Commit,
    Confirm,
    Fail,
    Label,
    Plan,
    Wait,
)
from flowdsl.plan.values import Json
from flowdsl.view.brief import scalar
from flowdsl.view.calls import NAME_MAX, Names, short_names
from flowdsl.view.forecast import (
    Fall,
    Forecast,
    base_text,
    falls,
    forecast,
    path_text,
    query_text,
    shown,
)
from flowdsl.view.moment import duration
from flowdsl.view.outline import Row, outline, steps
from flowdsl.view.paint import (
    WIDTH,
    Line,
    Piece,
    bold,
    columns,
    counted,
    cut,
    dim,
    fit,
    line,
    pad,
    wrapped,
)
from flowdsl.view.step import skipped_because

FALL_WIDTH = 26  # columns of IF IT FAILS
FIELDS_MAX = 12  # fields of a body that are shown


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when nothing has been sent. `secrets`: name → whether it is set, and where from."""

    inputs: Mapping[str, Json]
    services: Mapping[str, str]
    env: Mapping[str, str | None] | None = None
    secrets: Mapping[str, str | None] | None = None
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """`left` and `call`: the columns of the first two columns."""

    ahead: Forecast
    names: Names
    follows: Mapping[Address, Fall]
    left: int
    call: int


def call_plan(plan: Plan, known: Known) -> list[Line]:
    ahead = forecast(plan, known.inputs, known.env)
    rows = [row for row in outline(plan) if row.kind != "confirm" or _confirms(ahead, row)]
    names = short_names(plan)
    left = max(
        (_left(row, names) for row in rows if row.kind in ("step", "group", "confirm")), default=4
    )
    room = WIDTH - left - FALL_WIDTH - 4
    texts = {row.node.address: _call_words(plan, ahead, row.node, known) for row in rows}
    call = min(max((columns(text) for text in texts.values()), default=4), room)
    screen = Screen(ahead, names, falls(ahead), left, call)
    lines: list[Line] = [_title(plan, ahead), line()]
    lines.append(line(dim(f"{pad('    STEP', left)}  {pad('CALL', call)}  IF IT FAILS")))
    for row in rows:
        lines += _row(screen, row, texts[row.node.address])
    return [*lines, line(), *_footer(plan, known)]


def plan_json(plan: Plan, known: Known) -> Json:
    """The same as one object, format 1."""
    ahead = forecast(plan, known.inputs, known.env)
    follows = falls(ahead)
    return {
        "format": 1,
        "workflow": plan.name,
        "sent": False,
        "steps": {
            node.address: _step_json(plan, ahead, node, known, follows) for node in steps(plan)
        },
        "confirms": {
            node.of: _step_json(plan, ahead, node, known, follows)
            for node in plan.nodes.values()
            if isinstance(node, Confirm)
        },
        "secrets": {name: _is_set(known, name) for name in plan.secrets},
    }


def _title(plan: Plan, ahead: Forecast) -> Line:
    calls = [
        node
        for node in plan.nodes.values()
        if isinstance(node, Call | Confirm)
        and node.address not in ahead.skipped
        and (not isinstance(node, Confirm) or node.of not in ahead.skipped)
        and not is_below(node.address, ON_FAILURE)
    ]
    services = {node.action.service for node in calls}
    counts = f"{counted(len(calls), 'call')} to {counted(len(services), 'service')}"
    return line(bold(plan.name), f": {counts}. Nothing has been sent.")


def _left(row: Row, names: Names) -> int:
    return columns(f"  {row.gutter}{cut(_name(row.node, names), NAME_MAX)}")


def _name(node: AnyNode, names: Names) -> str:
    return names[node.of] if isinstance(node, Confirm) else names[node.address]


def _row(screen: Screen, row: Row, text: str) -> list[Line]:
    node, ahead, names, left = row.node, screen.ahead, screen.names, screen.left
    is_skipped = node.address in ahead.skipped
    match node:
        case Label():
            tail = f"  {skipped_because(node)}" if is_skipped else ""
            return [fit(line(f"  {row.gutter}", text, dim(tail)))]
        case Commit():
            return [line("  ", bold("── commit " + "─" * (WIDTH - 14)))]
    if row.kind == "on_failure":
        return [line("  ", "on_failure", dim("  when the run was undone or is stuck"))]
    name = pad(f"  {row.gutter}{cut(_name(node, names), NAME_MAX)}", left)
    if is_skipped:
        name = pad(f"  {_skip_mark(row.gutter)}{cut(_name(node, names), NAME_MAX)}", left)
        return [fit(line(dim(f"{name}  {skipped_because(node)}")))]
    fall = screen.follows.get(node.address)
    said, *more = wrapped(fall_text(fall, names) if fall else "", FALL_WIDTH)
    call = pad(_shortened(text, screen.call), screen.call)
    first = line(name, "  ", call, "  ", _fall_piece(fall, said))
    rest = [line(" " * (left + screen.call + 4), _fall_piece(fall, each)) for each in more]
    bar = pad(f"  {_bar(row.gutter)}", left + 4)
    return [fit(first), *rest, *(fit(line(dim(bar), dim(each))) for each in _body(ahead, node))]


def _skip_mark(gutter: str) -> str:
    """A dash where a bracket would stand, if there is room for one."""
    return gutter[:-2] + "– " if gutter.endswith("  ") else gutter


def _bar(gutter: str) -> str:
    """The bracket of a row, going on below it."""
    return gutter.replace("┌", "│").replace("└", " ")


def _fall_piece(fall: Fall | None, text: str) -> Piece:
    match fall.kind if fall is not None else "nothing":
        case "undo":
            return Piece(text, "blue")
        case "stuck":
            return Piece(text, "red")
        case "retried":
            return Piece(text)
        case "nothing" | "warning":
            return dim(text)


def fall_text(fall: Fall, names: Names) -> str:
    """`undo flight, hotel`: in the order in which it would be done."""
    undone = ", ".join(names[address] for address in fall.undone)
    match fall.kind:
        case "undo":
            return f"undo {undone}" + ("; then a warning" if fall.goes_on else "")
        case "stuck" if fall.left:
            left = ", ".join(names[address] for address in fall.left)
            return (f"undo {undone}; " if undone else "") + f"stuck: nothing undoes {left}"
        case "stuck":
            return "a person is needed (stuck)"
        case "retried":
            return "retried, then stuck"
        case "warning":
            return "a warning"
        case _:
            return "nothing to undo"


def _call_words(plan: Plan, ahead: Forecast, node: AnyNode, known: Known) -> str:
    match node:
        case Call(action=action) | Confirm(action=action):
            return _request(plan, ahead, action, known)
        case Label(text=text):
            return scalar(shown(ahead, text))
        case Wait(seconds=seconds):
            return f"wait {duration(seconds)}"
        case Assign(values=values):
            return "set " + ", ".join(
                f"{name} = {scalar(shown(ahead, item))}" for name, item in values
            )
        case Fail(message=message):
            return f"fail: {scalar(shown(ahead, message))}"
        case _:
            return ""


def _request(plan: Plan, ahead: Forecast, action: Action, known: Known) -> str:
    base = base_text(ahead, plan.services[action.service], known.services)
    query = query_text(ahead, action.query)
    path = path_text(ahead, action.path)
    joint = "&" if "?" in path else "?"
    return f"{action.method} {base}{path}" + (joint + query if query else "")


def _shortened(text: str, most: int) -> str:
    """A call that is too wide loses the host first: `POST …:9001/reservations/‹flight.id›/confirm`."""
    if columns(text) <= most:
        return text
    method, _, rest = text.partition(" ")
    _, scheme, after = rest.partition("://")
    host, slash, path = after.partition("/")
    if scheme and slash:
        port = host.rpartition(":")[2] if ":" in host else ""
        text = f"{method} …{':' + port if port.isdigit() else ''}/{path}"
    return cut(text, most)


def _body(ahead: Forecast, node: AnyNode) -> list[str]:
    """The condition and the body of a call, a field a line."""
    fields = [] if node.when is None else [("when", node.when.text.strip())]
    if isinstance(node, Call) and node.action.body is not None:
        body = shown(ahead, node.action.body)
        members = list(body.items()) if isinstance(body, dict) else [("body", body)]
        fields += [(name, scalar(item)) for name, item in members[:FIELDS_MAX]]
        if len(members) > FIELDS_MAX:
            fields.append((f"… {len(members) - FIELDS_MAX} more", ""))
    left = min(max((columns(name) for name, _ in fields), default=0), NAME_MAX)
    return [f"{pad(cut(name, left), left)}  {text}" for name, text in fields]


def _footer(plan: Plan, known: Known) -> list[Line]:
    lines: list[Line] = []
    for name in plan.secrets:
        is_set = _is_set(known, name)
        where = (known.secrets or {}).get(name) or ""
        words = {
            True: Piece("set", "green"),
            False: Piece("missing", "red"),
            None: dim("not looked up"),
        }
        lines.append(
            fit(
                line(
                    "  ", dim("secret  "), f"{name} ", words[is_set], f" ({where})" if where else ""
                )
            )
        )
    tail = f"file  {plan.path or plan.name} @ {plan.digest[:7]}"
    if known.environment:
        tail = f"env  {known.environment}      {tail}"
    return [*lines, fit(line("  ", dim(tail)))]


def _is_set(known: Known, name: str) -> bool | None:
    return None if known.secrets is None else known.secrets.get(name) is not None


def _confirms(ahead: Forecast, row: Row) -> bool:
    assert isinstance(row.node, Confirm)
    return row.node.of not in ahead.skipped


def _step_json(
    plan: Plan, ahead: Forecast, node: AnyNode, known: Known, follows: Mapping[Address, Fall]
) -> Json:
    fall = follows.get(node.address)
    report: dict[str, Json] = {"skipped": node.address in ahead.skipped}
    if isinstance(node, Call | Confirm):
        action = node.action
        report |= {
            "method": action.method,
            "service": action.service,
            "call": _request(plan, ahead, action, known),
            "body": None if action.body is None else shown(ahead, action.body),
        }
    elif not isinstance(node, Label):
        report["does"] = _call_words(plan, ahead, node, known) or "group"
    else:
        report["status"] = _call_words(plan, ahead, node, known)
    if fall is not None:
        report["if_it_fails"] = {
            "then": fall.kind,
            "goes_on": fall.goes_on,
            "undo": list(fall.undone),
            "left_behind": list(fall.left),
        }
    return report
