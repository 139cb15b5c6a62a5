"""How steps and calls are named in pictures: short names, and `POST flights/reservations` for a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from flowdsl.plan.address import (
    Address,
    CallId,
    direction_of,
    enclosing,
    items_around,
    step_of,
    to_template,
)
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.nodes import (
    Action,
    AnyNode,
    Block,
    Plan,
    Service,
)
from flowdsl.plan.request import Request
from flowdsl.plan.template import (
    Constant,
    Fields,
    Items,
    Template,
    Text,
)
from flowdsl.plan.unfold import inside
from flowdsl.saga.deciding import text as local_text
from flowdsl.saga.intent import action_of
from flowdsl.saga.run import Run
from flowdsl.view.brief import scalar
from flowdsl.view.outline import walked

NAME_MAX = 20  # columns of a step's name


class Names(Mapping[Address, str]):
    """The short name of every step, made when it is asked for: a list may have ten thousand items.

    The last part of the address, or all of it where two steps end alike; in an item, from the item on (`ship[3]/label`).
    """

    def __init__(self, steps: Iterable[Address], frames: Iterable[Address] = ()) -> None:
        self._steps = frozenset(steps)
        self._frames = frozenset(frames)
        self._ends = Counter(last_part(address) for address in self._steps)

    def __getitem__(self, address: Address) -> str:
        template = to_template(address)
        if template not in self._steps:
            raise KeyError(address)
        if self._ends[last_part(template)] > 1:
            return address.replace("[]", "")
        if "[]" in address:
            return last_part(address).removesuffix("[]")
        parts = address.split("/")
        first = next((i for i, part in enumerate(parts) if "[" in part), len(parts) - 1)
        return "/".join(parts[first:])

    def __iter__(self) -> Iterator[Address]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def beside(self, address: Address) -> str:
        """The name in a picture that shows what the step is in: inside a list, a branch, a used file, the last part."""
        framed = any(around in self._frames for around in enclosing(to_template(address))[1:])
        if framed or items_around(address):
            return last_part(address).removesuffix("[]")
        return self[address]


def short_names(plan: Plan) -> Names:
    nodes = list(walked(plan.folded or plan))
    handlers = [plan.on_failure.address] if plan.on_failure is not None else []
    frames = [node.address for node in nodes if _is_frame(node)]
    return Names([*handlers, *(node.address for node in nodes)], [*handlers, *frames])


def _is_frame(node: AnyNode) -> bool:
    """Whether what is in it is drawn in a frame, or indented; of a plain group it is not."""
    return bool(inside(node)) and (not isinstance(node, Block) or node.kind == "uses")


def name_of(names: Names, call: CallId) -> str:
    """The short name of the step that a call belongs to."""
    return names.get(step_of(call), step_of(call))


def action_text(action: Action) -> str:
    """`DELETE flights/reservations/‹flight.id›`: as written, what is not known in angle quotes."""
    if action.event is not None:
        return f"emit {action.event}"
    return f"{action.method} {service_name(action)}{template_text(action.path)}"


def service_name(action: Action) -> str:
    """As its file names it: in a used workflow the key of a service begins with where that stands."""
    return action.service.rpartition("/")[2]


def template_text(template: Template) -> str:
    match template:
        case Text(parts=parts):
            return "".join(part if isinstance(part, str) else open_text(part) for part in parts)
        case Expression():
            return open_text(template)
        case Constant(value=value):
            return scalar(value)
        case Items() | Fields():
            return "‹…›"


def call_text(run: Run, call: CallId) -> str:
    """The request of a call, as sent if it was sent: `DELETE flights/reservations/F-1`."""
    action = action_of(run.plan, call)
    entry = run.state.calls.get(call)
    if entry is None or entry.request is None:
        return action_text(action)
    return request_text(run, action, entry.request)


def request_text(run: Run, action: Action, request: Request) -> str:
    base = base_url(run, run.plan.services[action.service])
    if action.event is not None or base is None or not request.url.startswith(base):
        return action_text(action)
    return f"{request.method} {service_name(action)}{request.url.removeprefix(base)}"


def base_url(run: Run, service: Service) -> str | None:
    """Where the service is, for this run."""
    if run.state.created is None:
        return None
    replaced = run.state.created.services.get(service.name)
    try:
        return (replaced or local_text(run.plan, run.state, service.url)).rstrip("/")
    except EvaluationError:
        return None


def direction_word(call: CallId) -> str:
    """What a call in a direction is called in prose: nothing for the step itself."""
    direction = direction_of(call)
    return "" if direction == "do" else direction


def last_part(address: Address) -> str:
    return address.rpartition("/")[2]


def open_text(expression: Expression) -> str:
    """`‹flight.id›`: what is not known yet."""
    return f"‹{expression.text.strip()}›"
