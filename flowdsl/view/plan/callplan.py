"""`flowdsl plan`: the calls a run would make, filled in as far as they are known, and what a failure of each undoes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.plan.address import ON_FAILURE, Address, enclosing, is_below
from flowdsl.plan.nodes import (
    AnyNode,
    Call,
    Commit,
    Confirm,
    ForEach,
    Plan,
    Status,
)
from flowdsl.plan.values import Json
from flowdsl.view.brief import scalar
from flowdsl.view.calls import NAME_MAX, Names, short_names
from flowdsl.view.outline import Items, Row, outline, steps
from flowdsl.view.paint import (
    WIDTH,
    Line,
    Styled,
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
from flowdsl.view.plan.falls import Fall, Steps, falls
from flowdsl.view.plan.forecast import (
    Forecast,
    forecast,
    shown,
)
from flowdsl.view.plan.planned import LISTED_MAX, call_words, request, words
from flowdsl.view.run.closing import first_few
from flowdsl.view.run.items import FIRST, is_template, multiplied_text
from flowdsl.view.run.step import skipped_because

FALL_WIDTH = 26  # columns of IF IT FAILS
FIELDS_MAX = 12  # fields of a body that are shown
NAMES_MAX = 12  # of steps that would be undone


class KnownValues(Struct, frozen=True):
    """What is known when nothing has been sent. `secrets`: name → whether it is set, and where from."""

    inputs: Mapping[str, Json]
    services: Mapping[str, str]
    env: Mapping[str, str | None] | None = None
    secrets: Mapping[str, str | None] | None = None
    environment: str = ""


class PlanScreen(Struct, frozen=True):
    """`left` and `call`: the columns of the first two columns."""

    ahead: Forecast
    names: Names
    follows: Mapping[Address, Fall]
    left: int
    call: int


def call_plan(plan: Plan, known: KnownValues) -> list[Line]:
    ahead = forecast(plan, known.inputs, known.env)
    rows = [
        row for row in outline(ahead.plan, Ahead(ahead)) if not _is_beside_the_point(ahead, row)
    ]
    names = short_names(plan)
    shown_rows = [row for row in rows if row.kind not in ("heading", "commit", "on_failure")]
    left = max((columns(_left(row, names)) for row in shown_rows), default=4)
    room = WIDTH - left - FALL_WIDTH - 4
    texts = [words(ahead, row, known.services) for row in rows]
    call = min(max((columns(text) for text in texts), default=4), room)
    screen = PlanScreen(ahead, names, falls(ahead), left, call)
    lines: list[Line] = [_title(ahead), line()]
    lines.append(line(dim(f"{pad('    STEP', left)}  {pad('CALL', call)}  IF IT FAILS")))
    for row, text in zip(rows, texts, strict=True):
        lines += _row(screen, row, text)
    return [*lines, line(), *_footer(plan, known)]


def plan_json(plan: Plan, known: KnownValues) -> Json:
    """The same as one object, format 1."""
    ahead = forecast(plan, known.inputs, known.env)
    follows = falls(ahead)
    return {
        "format": 1,
        "workflow": plan.name,
        "sent": False,
        "steps": {
            node.address: _step_json(ahead, node, known, follows)
            for node in steps(ahead.plan, templates=True)
        },
        "confirms": {
            node.of: _step_json(ahead, node, known, follows)
            for node in ahead.plan.nodes.values()
            if isinstance(node, Confirm)
        },
        "secrets": {name: _is_set(known, name) for name in plan.secrets},
    }


class Ahead(Struct, frozen=True):
    """The first few items of a list that is known; of what will not run, its first line."""

    forecast: Forecast

    def items(self, each: ForEach) -> tuple[Items, Items]:
        items = each.branches or ()
        return (items, ()) if len(items) <= LISTED_MAX else (items[:FIRST], items[FIRST:])

    def is_open(self, node: AnyNode) -> bool:
        return node.address not in self.forecast.skipped


def _is_beside_the_point(ahead: Forecast, row: Row) -> bool:
    """What belongs to a step that will not run: its confirm, and what is in it."""
    if row.kind == "confirm":
        assert isinstance(row.node, Confirm)
        return row.node.of in ahead.skipped
    return False


def _title(ahead: Forecast) -> Line:
    plan = ahead.plan
    calls = [
        node
        for node in plan.nodes.values()
        if isinstance(node, Call | Confirm)
        and node.address not in ahead.skipped
        and (not isinstance(node, Confirm) or node.of not in ahead.skipped)
        and not is_below(node.address, ON_FAILURE)
        and not _is_in_reserve(plan, node)
    ]
    services = {plan.services[node.action.service].name for node in calls}
    open_lists = any("[]" in node.address for node in calls)
    least = "at least " if open_lists else ""
    counts = f"{least}{counted(len(calls), 'call')} to {counted(len(services), 'service')}"
    return line(bold(plan.name), f": {counts}. Nothing has been sent.")


def _is_in_reserve(plan: Plan, node: Call | Confirm) -> bool:
    """Whether it runs only when another call is refused."""
    step = node.of if isinstance(node, Confirm) else node.address
    return any(isinstance(plan.nodes.get(around), Call) for around in enclosing(step)[1:])


def _left(row: Row, names: Names) -> str:
    if row.kind == "more":
        return f"  {row.gutter}… {len(row.hidden)} more"
    name = names[row.node.of] if isinstance(row.node, Confirm) else names.beside(row.node.address)
    name += " ×" if is_template(row.node) else ""
    return f"  {row.gutter}{cut(name, NAME_MAX)}"


def _row(screen: PlanScreen, row: Row, text: str) -> list[Line]:
    node, ahead, left = row.node, screen.ahead, screen.left
    is_skipped = node.address in ahead.skipped
    match node:
        case Status():
            tail = f"  {skipped_because(node)}" if is_skipped else ""
            return [fit(line(f"  {row.gutter}", text, dim(tail)))]
        case Commit():
            return [line("  ", bold("── commit " + "─" * (WIDTH - 14)))]
    if row.kind == "on_failure":
        return [line("  ", "on_failure", dim("  when the run was undone or is stuck"))]
    name = pad(_left(row, screen.names), left)
    if is_skipped:
        name = pad(_left(replace(row, gutter=_skip_mark(row.gutter)), screen.names), left)
        why = f"not taken: {text}" if row.kind == "branch" else skipped_because(node)
        return [fit(line(dim(f"{name}  {why}")))]
    if row.kind in ("group", "branch", "more"):
        return [fit(line(name, "  ", dim(text)))]
    fall = screen.follows.get(_what_fails(node))
    said, *more = wrapped(fall_text(fall, screen.names) if fall else "", FALL_WIDTH)
    call = pad(_shortened(text, screen.call), screen.call)
    first = line(name, "  ", call, "  ", _fall_piece(fall, said))
    rest = [line(" " * (left + screen.call + 4), _fall_piece(fall, each)) for each in more]
    bar = pad(f"  {_bar(row.gutter)}", left + 4)
    return [fit(first), *rest, *(fit(line(dim(bar), dim(each))) for each in _body(ahead, node))]


def _what_fails(node: AnyNode) -> Address:
    """The call of a list is that of its items."""
    if isinstance(node, ForEach) and isinstance(node.body, Call | Confirm):
        return node.body.address
    return node.address


def _skip_mark(gutter: str) -> str:
    """A dash where a bracket would stand, if there is room for one."""
    return gutter[:-2] + "– " if gutter.endswith("  ") else gutter


def _bar(gutter: str) -> str:
    """The bracket of a row, going on below it."""
    return gutter.replace("┌", "│").replace("└", " ")


def _fall_piece(fall: Fall | None, text: str) -> Styled:
    match fall.kind if fall is not None else "nothing":
        case "undo":
            return Styled(text, "blue")
        case "stuck":
            return Styled(text, "red")
        case "retried":
            return Styled(text)
        case "nothing" | "warning":
            return dim(text)


def fall_text(fall: Fall, names: Names) -> str:
    """`undo flight, hotel`: in the order in which it would be done."""
    own = f"undo {_named(fall.own, names)}; " if fall.own else ""
    match fall.first:
        case "fallback":
            return f"then {_named(fall.then, names)}"
        case "null":
            return f"undo {_named(fall.undone, names)}; then null" if fall.undone else "a null"
        case "others":
            last = "" if fall.kind == "nothing" else f"; all: {_last_resort(fall, names)}"
            return f"{own}try the others{last}"
        case _:
            return _last_resort(fall, names)


def _last_resort(fall: Fall, names: Names) -> str:
    stays = f"; {_named(fall.left, names)} stays" if fall.left and fall.kind != "stuck" else ""
    return _what_follows(fall, names) + stays


def _what_follows(fall: Fall, names: Names) -> str:
    undone = _named(fall.undone, names)
    match fall.kind:
        case "undo":
            return f"undo {undone}" + ("; then a warning" if fall.goes_on else "")
        case "stuck" if fall.left:
            left = _named(fall.left, names)
            return (f"undo {undone}; " if undone else "") + f"stuck: nothing undoes {left}"
        case "stuck":
            return "a person is needed (stuck)"
        case "retried":
            return "retried, then stuck"
        case "warning":
            return "a warning"
        case _:
            return "nothing to undo"


def _named(steps: Steps, names: Names) -> str:
    """Several items of one list by the name of the list's step alone."""
    if isinstance(steps, tuple):
        return first_few([names[address] for address in steps], NAMES_MAX)
    number, each = steps.by_list()
    return first_few([names[one] for one in islice(each, NAMES_MAX)], NAMES_MAX, number)


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
    """The condition, how often, and the body of a call, a field a line."""
    fields = [] if node.when is None else [("when", node.when.text.strip())]
    if isinstance(node, ForEach):
        fields.append(("×", multiplied_text(node)))
    call = node.body if isinstance(node, ForEach) else node
    data = call.action.data if isinstance(call, Call) else None
    if data is not None:
        body = shown(ahead, call.address, data)
        members = list(body.items()) if isinstance(body, dict) else [("body", body)]
        fields += [(name, scalar(each)) for name, each in members[:FIELDS_MAX]]
        if len(members) > FIELDS_MAX:
            fields.append((f"… {len(members) - FIELDS_MAX} more", ""))
    left = min(max((columns(name) for name, _ in fields), default=0), NAME_MAX)
    return [f"{pad(cut(name, left), left)}  {text}" for name, text in fields]


def _footer(plan: Plan, known: KnownValues) -> list[Line]:
    lines: list[Line] = []
    for name in plan.secrets:
        is_set = _is_set(known, name)
        where = (known.secrets or {}).get(name) or ""
        words = {
            True: Styled("set", "green"),
            False: Styled("missing", "red"),
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


def _is_set(known: KnownValues, name: str) -> bool | None:
    return None if known.secrets is None else known.secrets.get(name) is not None


def _step_json(
    ahead: Forecast, node: AnyNode, known: KnownValues, follows: Mapping[Address, Fall]
) -> Json:
    fall = follows.get(node.address)
    viewer = node.of if isinstance(node, Confirm) else node.address
    report: dict[str, Json] = {"skipped": node.address in ahead.skipped}
    if isinstance(node, Call | Confirm):
        action = node.action
        report |= {
            "method": action.method,
            "service": ahead.plan.services[action.service].name,
            "call": request(ahead, viewer, action, known.services),
            "body": None if action.data is None else shown(ahead, viewer, action.data),
        }
    elif not isinstance(node, Status):
        report["does"] = call_words(ahead, node, known.services) or "group"
    else:
        report["status"] = call_words(ahead, node, known.services)
    if isinstance(node, ForEach):
        report["collect"] = node.collect
        report["items"] = cast("Json", ahead.items.get(node.address))
    if fall is not None:
        report["if_it_fails"] = _fall_json(fall)
    return report


def _fall_json(fall: Fall) -> Json:
    report: dict[str, Json] = {
        "then": fall.kind,
        "goes_on": fall.goes_on,
        "undo": list(fall.undone),
        "left_behind": list(fall.left),
    }
    if fall.first:
        report["first"] = fall.first
    if fall.then:
        report["fallback"] = list(fall.then)
    if fall.own:
        report["undo_of_item"] = list(fall.own)
    return report
