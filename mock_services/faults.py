"""How a service misbehaves on demand: which requests a fault hits, what it does, how often it has."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TypeAlias

from mock_services.exchange import Json
from mock_services.resources import SERVICES

ANY_PART = re.compile(r"\*|\{\w*\}")
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
KINDS = "refuse:402, error:503, busy:1s, delay:2s, hold, lose_reply, lose_request, garbage, cut"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Does nothing and answers so: `refuse:402`, `error:503`, and `busy:1s` with a Retry-After."""

    status: int
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """Waits, then does it; by then the client may be gone."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Waits until it is let go (`POST /faults/release`), then does it; by then the client may be gone."""


@dataclass(frozen=True, slots=True)
class LoseRequest:
    """Does nothing, never answers."""


@dataclass(frozen=True, slots=True)
class LoseReply:
    """Does it, never answers."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """Does it; the answer says it is JSON and is none."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Does it; the connection breaks in the middle of the answer."""


Behaviour: TypeAlias = Refuse | Delay | Hold | LoseRequest | LoseReply | Garbage | Cut


class BadFault(ValueError):
    """What was asked for is not a fault; the message says what would be one."""


@dataclass(slots=True)
class Fault:
    service: str | None
    method: str | None
    path: str | None
    fault: str
    behaviour: Behaviour
    times: int | None  # None: for ever
    fired: int = 0

    def hits(self, service: str, method: str, path: str) -> bool:
        return (
            (self.times is None or self.fired < self.times)
            and self.service in (None, service)
            and self.method in (None, method)
            and (self.path is None or _matches(self.path, service, path))
        )

    def as_json(self) -> Json:
        return {
            "service": self.service,
            "method": self.method,
            "path": self.path,
            "fault": self.fault,
            "times": self.times,
            "fired": self.fired,
        }


@dataclass(slots=True)
class Faults:
    faults: list[Fault] = field(default_factory=list)

    def add(self, wanted: Json) -> Fault:
        fault = parse(wanted)
        self.faults.append(fault)
        return fault

    def fire(self, service: str, method: str, path: str) -> Behaviour | None:
        """The first fault that hits this request, counted as fired."""
        for fault in self.faults:
            if fault.hits(service, method, path):
                fault.fired += 1
                return fault.behaviour
        return None

    def clear(self) -> None:
        self.faults.clear()

    def as_json(self) -> Json:
        return {"faults": [fault.as_json() for fault in self.faults]}


def parse(wanted: Json) -> Fault:
    if not isinstance(wanted, dict):
        raise BadFault("a fault is a JSON object with service, method, path, fault and times")
    unknown = sorted(wanted.keys() - {"service", "method", "path", "fault", "times"})
    if unknown:
        raise BadFault(f"unknown key {unknown[0]!r}; there are service, method, path, fault, times")
    service = _text(wanted, "service")
    if service is not None and service not in SERVICES:
        raise BadFault(f"there is no service {service!r}; there are {', '.join(SERVICES)}")
    method = _text(wanted, "method")
    fault = _text(wanted, "fault") or ""
    return Fault(
        service=service,
        method=method.upper() if method else None,
        path=_text(wanted, "path"),
        fault=fault,
        behaviour=_behaviour(fault),
        times=_times(wanted.get("times", 1)),
    )


def _text(wanted: dict[str, Json], name: str) -> str | None:
    value = wanted.get(name)
    if value is None or isinstance(value, str):
        return value
    raise BadFault(f"{name} must be text")


def _times(value: Json) -> int | None:
    if value is None or value == -1:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise BadFault("times must be a whole number above 0, or -1 for ever")


def _behaviour(text: str) -> Behaviour:
    name, _, argument = text.partition(":")
    match name, bool(argument):
        case (("refuse" | "error"), True):
            return Refuse(_status(name, argument))
        case "busy", True:
            return Refuse(503, math.ceil(_seconds(argument)))
        case "delay", True:
            return Delay(_seconds(argument))
        case "hold", False:
            return Hold()
        case "lose_reply", False:
            return LoseReply()
        case "lose_request", False:
            return LoseRequest()
        case "garbage", False:
            return Garbage()
        case "cut", False:
            return Cut()
    raise BadFault(f"{text!r} is not a fault; there are {KINDS}")


def _status(name: str, text: str) -> int:
    lowest = 400 if name == "refuse" else 500
    if re.fullmatch(r"\d{3}", text) and lowest <= int(text) < 600:
        return int(text)
    raise BadFault(f"{name} takes a status from {lowest} to 599, as in {name}:{lowest + 3}")


def _seconds(text: str) -> float:
    found = DURATION.fullmatch(text)
    if not found:
        raise BadFault(f"{text!r} is not a duration; write 250ms or 2s")
    return float(found[1]) / (1000 if found[2] == "ms" else 1)


def _matches(pattern: str, service: str, path: str) -> bool:
    """`*`, or a name in braces, stands for one part of the path; `*` alone, for any path.

    The path is meant with the service before it or without: `/flights/reservations`, `/reservations`.
    """
    if pattern == "*":
        return True
    inside = pattern.strip("/").removeprefix(f"{service}/")
    wanted = "[^/]*".join(re.escape(part) for part in ANY_PART.split(inside))
    return re.fullmatch(wanted, path.strip("/")) is not None
