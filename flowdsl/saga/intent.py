"""From a command to the request it sends: rendered once, before the intent is kept, never again.

A request that cannot be rendered is not sent; that too is a fact, `Failed`, so that it is not tried again.
"""

from __future__ import annotations

from itertools import chain

from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.plan import nodes
from flowdsl.plan.address import ROOT, CallId, direction_of, enclosing, is_answer, step_of
from flowdsl.plan.address import answer as answer_id
from flowdsl.plan.body import Sender
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.location import encode_query, render_path
from flowdsl.plan.nodes import Action, Call, Compensation, Confirm, Service, templates_of
from flowdsl.plan.request import BasicCredentials, Request
from flowdsl.plan.template import Template, expressions, render, render_text
from flowdsl.plan.values import Json, Sealed
from flowdsl.saga.commands import Invoke
from flowdsl.saga.events import Failed, Failure, Started
from flowdsl.saga.ledger import answer_of, outcome_failure
from flowdsl.saga.scope import Vantage, scope
from flowdsl.saga.state import NO_CALL, CallState, State
from flowdsl.saga.unfolding import Unfolded

COMPENSATES = "X-Flowdsl-Compensates"


def intend(
    plan: Unfolded, state: State, command: Invoke, *, key: str, at: float
) -> Started | Failed:
    """The intent to keep before this attempt is sent."""
    call = command.call
    if state.calls.get(call, NO_CALL).attempt > 0 or call == answer_id(step_of(call)):
        return Started(call, command.attempt, at)
    try:
        request = render_request(plan, state, call, key)
    except EvaluationError as error:
        failure = Failure(
            Code.FAILED_EXPRESSION, f"its request cannot be rendered: {error}", step_of(call)
        )
        return Failed(call, failure)
    return Started(call, command.attempt, at, key, request)


def intended(state: State, call: CallId) -> CallState:
    """The ledger's line that holds the key, the bytes and the seal of a call that was started."""
    entry = state.calls[call]
    return entry if entry.request is not None else state.calls[step_of(call)]


def action_of(plan: Unfolded, call: CallId) -> Action:
    """The action that this call carries out, in its direction. Asking again is as patient as the undo that needs the answer."""
    node = plan.nodes[call] if call in plan.nodes else plan.nodes[step_of(call)]
    if isinstance(node, Confirm):
        return node.action
    assert isinstance(node, Call), f"{call} is not a call"
    match direction_of(call):
        case "undo":
            assert isinstance(node.compensation, Compensation)
            return node.compensation.action
        case "probe":
            assert node.probe is not None
            return node.probe.action
        case _ if is_answer(call) and isinstance(node.compensation, Compensation):
            return replace(node.action, retry=node.compensation.action.retry)
        case _:
            return node.action


def render_request(plan: Unfolded, state: State, call: CallId, key: str) -> Request:
    """The request with all values in place, secrets by reference."""
    action = action_of(plan, call)
    service = plan.services[action.service]
    names = scope(plan, state, _expressions(action, service), vantage_of(plan, state, call))
    headers = _headers(action, service, names, key)
    if direction_of(call) == "undo":
        headers.append((COMPENSATES, (state.calls[step_of(call)].key,)))
    assert state.created is not None
    sender = Sender(state.created.run, state.created.workflow, key)
    body = None if action.body is None else action.body.written(names, sender)
    url = _url(state, action, service, names)
    return Request(action.method, url, tuple(headers), body, _basic(service, headers, names))


def vantage_of(plan: Unfolded, state: State, call: CallId) -> Vantage:
    """What the expressions of this call see of its step: an undo and a confirm see the answer, an undo the error."""
    step = step_of(call)
    node = plan.nodes[step]
    if direction_of(call) == "do" or not isinstance(node, Call):
        return Vantage(step)
    turned = [scope for scope in (*enclosing(step), ROOT) if scope in state.turned]
    if turned:
        failure: Failure | None = state.turned[turned[-1]].failure  # the outermost
    else:
        failure = outcome_failure(state.calls.get(step, NO_CALL))
    return Vantage(step, answer_of(state, node), failure)


def _expressions(action: Action, service: Service) -> list[Expression]:
    templates: list[Template] = [service.url, action.path]
    templates += [value for _, value in service.headers + action.headers + action.query]
    templates += templates_of(service.auth)
    templates += action.body.templates if action.body is not None else ()
    return list(chain.from_iterable(map(expressions, templates)))


def _url(state: State, action: Action, service: Service, names: dict[str, Json]) -> str:
    assert state.created is not None
    base = state.created.services.get(service.name) or _plain(render_text(service.url, names))
    path = render_path(action.path, names)
    pairs = [
        f"{encode_query(name)}={encode_query(value)}"
        for name, template in action.query
        if (value := render(template, names)) is not None
    ]
    joint = "&" if "?" in path else "?"
    return base.rstrip("/") + path + (joint + "&".join(pairs) if pairs else "")


def _headers(
    action: Action, service: Service, names: dict[str, Json], key: str
) -> list[tuple[str, Sealed]]:
    """Those of the service, then those of the call, which replace them; names are compared without case."""
    merged: dict[str, tuple[str, Sealed]] = {}
    if action.body is not None:
        merged["content-type"] = ("Content-Type", (action.body.content_type,))
    if service.auth is not None and not isinstance(service.auth, nodes.Basic):
        merged["authorization"] = ("Authorization", _scheme(render_text(service.auth, names)))
    for name, template in service.headers + action.headers:
        merged[name.lower()] = (name, render_text(template, names))
    header = service.idempotency.header if service.idempotency else "Idempotency-Key"
    quoted = service.idempotency is not None and service.idempotency.as_string
    merged[header.lower()] = (header, (f'"{key}"' if quoted else key,))
    return list(merged.values())


def _basic(
    service: Service, headers: list[tuple[str, Sealed]], names: dict[str, Json]
) -> BasicCredentials | None:
    """A header that the call itself gives comes first."""
    auth = service.auth
    if not isinstance(auth, nodes.Basic) or any(
        name.lower() == "authorization" for name, _ in headers
    ):
        return None
    password = render_text(auth.password, names) if auth.password is not None else ()
    return BasicCredentials(render_text(auth.user, names), password)


def _scheme(auth: Sealed) -> Sealed:
    """`bearer` and `basic` as most services want to read them."""
    head = auth[0] if auth else ""
    if isinstance(head, str):
        scheme, space, rest = head.partition(" ")
        if scheme in ("bearer", "basic"):
            return (scheme.capitalize() + space + rest, *auth[1:])
    return auth


def _plain(text: Sealed) -> str:
    assert all(isinstance(part, str) for part in text), "no secret stands in a URL"
    return "".join(str(part) for part in text)
