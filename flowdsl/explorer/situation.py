"""A run and its world at one moment, and what becomes of both when something happens.

The real core decides (`judge`, `advance`); only the services, the network and the clock are made up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.engine.orders import Order, to_event
from flowdsl.errors import InputError
from flowdsl.explorer.bodies import shrunk
from flowdsl.explorer.happening import Happening
from flowdsl.explorer.model import (
    Model,
    Services,
    arrive,
    delay,
    deliver_late,
    forget,
    refuse,
    without_late,
)
from flowdsl.plan.address import CallId, direction_of, is_settle, step_of
from flowdsl.plan.json import from_bytes
from flowdsl.plan.nodes import WaitFor
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.advance import advance
from flowdsl.saga.commands import Begin, Queue, Sleep
from flowdsl.saga.events import (
    Admitted,
    Begun,
    Created,
    Event,
    Finished,
    Fired,
    Refused,
    Resumed,
    Unknown,
)
from flowdsl.saga.intent import action_of, intended
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.saga.outcome import interrupted, judge
from flowdsl.saga.run import Run

LONG_SECONDS = 10 * 365 * 86_400.0

ORDERS: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {
        "cancel": ("cancel", False),
        "retry": ("retry", False),
        "resolve": ("resolve", True),
        "absent": ("resolve", False),
        "skip": ("skip", False),
    }
)


class Situation(Struct, frozen=True):
    """`at` is the time: it stands still, but for a crash that lasts long. `facts`: all that led here."""

    run: Run
    services: Services = field(default_factory=Services)
    at: float = 0.0
    facts: tuple[Event, ...] = ()


class SimpleSigner:
    """Keys that can be read, and no seals: the model has no secrets."""

    def key(self, call: CallId) -> str:
        return f"key {step_of(call)} {direction_of(call)}"

    def seal(self, request: Request) -> str:  # noqa: ARG002
        return ""


SIGNER = SimpleSigner()


def begin(model: Model, inputs: Mapping[str, Json]) -> Situation:
    plan = model.plan
    env: dict[str, str | None] = dict.fromkeys(plan.env)
    key = "" if plan.key is None else "the key"
    created = Created("run", plan.name, plan.digest, 0.0, dict(inputs), env, {}, "", key)
    return _advanced(Situation(Run.new(plan)), [created])


def enact(model: Model, here: Situation, happenings: Iterable[Happening]) -> Situation:
    """All of these happen before the engine looks again. Raises InputError for what cannot happen here."""
    events: list[Event] = []
    there, known = here, model.at(here.run)
    for happening in happenings:
        more, there = _enact(known, here, there, happening)
        events += more
    return _advanced(there, events)


def _advanced(here: Situation, events: list[Event]) -> Situation:
    turn = advance(here.run, events, SIGNER, here.at)
    return replace(here, run=turn.after, facts=(*here.facts, *turn.facts))


def _enact(
    model: Model, here: Situation, there: Situation, happening: Happening
) -> tuple[list[Event], Situation]:
    """The facts that come of it, and the world after it. What it looks like is judged from `here`."""
    word, about = happening.word, happening.about
    match word:
        case "start":
            if about:
                _flying(model, here, happening)
            return [], there
        case "late":
            if not there.services.effect(about).late:
                raise _impossible(happening, f"no request of `{about}` is late")
            return [], replace(there, services=deliver_late(model, there.services, about))
        case "fire":
            return _fire(here, there, happening)
        case "crash" | "long crash":
            return _crash(model, here, there, happening)
        case "admit":
            if not any(isinstance(command, Queue) for command in here.run.progress.commands):
                raise _impossible(happening, "the run is in no queue")
            return [Admitted(here.at)], there
        case "begin":
            if Begin(about) not in here.run.progress.commands:
                raise _impossible(happening, f"`{about}` starts no run")
            return [Begun(about, here.at)], there
        case "signal":
            return _signal(model, here, happening), there
        case _ if word in ORDERS:
            return _order(model, here, happening), there
        case _:
            return _answer(model, here, there, happening)


def _answer(
    model: Model, here: Situation, there: Situation, happening: Happening
) -> tuple[list[Event], Situation]:
    call = _flying(model, here, happening)
    services, seen = _exchange(model, here, there.services, call, happening)
    outcome = judge(here.run.plan, here.run.state, call, seen)
    said_no = isinstance(seen, Answer) and seen.status < 300 and not seen.misfit
    if said_no and isinstance(outcome, Refused):
        services = refuse(model, there.services, call)  # in its own words, and so it holds nothing
    attempt = here.run.state.calls[call].attempt
    return [Finished(call, attempt, here.at, outcome)], replace(there, services=services)


def _exchange(
    model: Model, here: Situation, services: Services, call: CallId, happening: Happening
) -> tuple[Services, Observation]:
    """What the services hold after this, and what it looks like from here."""
    key = intended(here.run.state, call).key
    done, answer = arrive(model, services, call, key)
    detail = happening.detail
    match happening.word:
        case "ok" if detail:
            return done, Answer(200, (), _body(happening))
        case "ok":
            return done, answer
        case "lose request":
            return services, Lost("nobody answered")
        case "lose reply":
            return done, Lost("the connection broke")
        case "delay":
            return delay(services, call, key), Lost("nobody answered in time")
        case "not sent":
            return services, NotSent("nobody listens")
        case "refuse":
            said = Answer(_number(happening, detail or "402", "status"))
            at_the_door = said.status in (401, 403)
            return (services if at_the_door else refuse(model, services, call)), said
        case "busy":
            text = (detail or "2s").removesuffix("s")
            seconds = _number(happening, text, "number of seconds")
            return services, Answer(503, (("Retry-After", str(seconds)),))
        case "fail":
            return done, Answer(_number(happening, detail or "500", "status"))
        case "garble":
            return done, replace(answer, problem="cut short")
        case "misfit":
            return done, replace(answer, misfit="`id` is text, not 1")
        case "decline":
            return services, _saying(model, here, call, _is_refused)
        case _:
            return done, _saying(model, here, call, _is_puzzling)


def _number(happening: Happening, text: str, what: str) -> int:
    if not text.isdecimal():
        raise _impossible(happening, f"`{text}` is not a {what}")
    return int(text)


def _body(happening: Happening) -> Json:
    try:
        return from_bytes(happening.detail)
    except ValueError as error:
        raise _impossible(happening, f"what the service answers is not JSON ({error})") from None


def _saying(model: Model, here: Situation, call: CallId, fits: Callable[[object], bool]) -> Answer:
    """A 2xx whose body makes `expect` come out as wanted."""
    for answer in _sayings(model, call):
        if fits(judge(here.run.plan, here.run.state, call, answer)):
            return answer
    raise InputError(f"`{call}` has no `expect` that could say so", code=Code.IMPOSSIBLE_TRAIL)


def _sayings(model: Model, call: CallId) -> Iterator[Answer]:
    for body in shrunk(model.bodies.get(call)):
        yield Answer(200, (), body)


def _is_refused(outcome: object) -> bool:
    return isinstance(outcome, Refused)


def _is_puzzling(outcome: object) -> bool:
    return isinstance(outcome, Unknown)


def _fire(here: Situation, there: Situation, happening: Happening) -> tuple[list[Event], Situation]:
    timer = happening.about
    if not any(isinstance(c, Sleep) and c.timer == timer for c in here.run.progress.commands):
        raise _impossible(happening, f"no timer `{timer}` runs")
    services = there.services
    if is_settle(timer):  # what has not arrived by then never will
        services = without_late(services, step_of(timer))
    return [Fired(timer, here.at)], replace(there, services=services)


def _crash(
    model: Model, here: Situation, there: Situation, happening: Happening
) -> tuple[list[Event], Situation]:
    """Nobody knows of the calls that were out; some of them had arrived."""
    services, flying = there.services, here.run.state.flying
    for name in filter(None, happening.about.split(",")):
        if name not in flying:
            raise _impossible(happening, f"`{name}` is not in flight")
        services = arrive(model, services, name, intended(here.run.state, name).key)[0]
    at = here.at
    if happening.word == "long crash":
        services, at = forget(services), at + LONG_SECONDS
    events: list[Event] = [Resumed(here.run.state.epoch + 1, at)]
    events += [
        Finished(call, here.run.state.calls[call].attempt, at, interrupted(call)) for call in flying
    ]
    return events, replace(there, services=services, at=at)


def _order(model: Model, here: Situation, happening: Happening) -> list[Event]:
    kind, ok = ORDERS[happening.word]
    body = model.bodies.get(step_of(happening.about)) if ok else None
    order = Order(kind, happening.about, ok, body, "ada", "said so")  # type: ignore[arg-type]
    return to_event(here.run, order, here.at)


def _signal(model: Model, here: Situation, happening: Happening) -> list[Event]:
    """Each is another one, unless the detail says which: `signal approve #1` twice is a repetition."""
    name, detail = happening.about, happening.detail
    said = detail.startswith("#")
    number = detail if said else f"#{len(here.run.state.signals) + 1}"
    payload = _body(happening) if detail and not said else payload_of(model, name)
    order = Order("signal", name, body=payload, id=f"{name} {number}")
    return to_event(here.run, order, here.at)


def payload_of(model: Model, name: str) -> Json:
    return next(
        (
            model.bodies[node.address]
            for node in model.plan.nodes.values()
            if isinstance(node, WaitFor) and node.signal == name
        ),
        None,
    )


def _flying(model: Model, here: Situation, happening: Happening) -> CallId:
    step, mark, direction = happening.about.partition("!")
    call = (
        (step if step in model.plan.nodes else model.plan.names.get(step, step)) + mark + direction
    )
    entry = here.run.state.calls.get(call)
    if entry is None or not entry.flying:
        raise _impossible(happening, f"`{call}` is not in flight")
    return call


def _impossible(happening: Happening, why: str) -> InputError:
    return InputError(f"`{happening}` cannot happen here: {why}", code=Code.IMPOSSIBLE_TRAIL)


def expects(model: Model, here: Situation, call: CallId, word: str) -> bool:
    """Whether `decline` or `puzzle` can happen to the call."""
    if action_of(model.plan, call).expect is None or direction_of(call) == "probe":
        return False
    fits = _is_refused if word == "decline" else _is_puzzling
    return any(fits(judge(here.run.plan, here.run.state, call, a)) for a in _sayings(model, call))
