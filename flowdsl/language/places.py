"""Where every step stands, what it is called, and every expression in it: what rules and `lower` both walk on.

A path counts positions from the top list down. Comparing two paths tells which step surely ran before the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal, TypeAlias

from flowdsl.language.workflow import (
    Assignment,
    Call,
    Commit,
    Emit,
    Fail,
    Group,
    Name,
    Request,
    Status,
    Step,
    Switch,
    Uses,
    Wait,
    WaitFor,
    WaitUntil,
    Workflow,
)
from flowdsl.plan import address as addresses
from flowdsl.plan.address import Address
from flowdsl.plan.expression import Expression
from flowdsl.plan.template import Constant, Fields, Items, Template, Text

Section: TypeAlias = Literal["steps", "on_failure"]
Path: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A step, and the groups around it, outermost first."""

    step: Step
    section: Section
    path: Path
    address: Address
    parents: tuple[Step, ...] = ()
    below_commit: bool = False

    @property
    def in_parallel(self) -> bool:
        return any(kind_of(parent) == "parallel" for parent in self.parents)


@dataclass(frozen=True, slots=True)
class Definition:
    """A name that expressions may use, and the step that gives it its value."""

    name: Name
    place: Place
    is_set: bool


class Role(Enum):
    """What an expression is there for."""

    WHEN = auto()
    PATH = auto()
    QUERY = auto()
    HEADER = auto()
    BODY = auto()
    EXPECT = auto()
    FOUND = auto()
    RESULT = auto()
    VALUE = auto()
    STATUS = auto()
    FAIL = auto()
    OUTPUT = auto()
    URL = auto()


class Part(Enum):
    """Of which request of a call, or of the step itself."""

    DO = auto()
    UNDO = auto()
    CONFIRM = auto()
    PROBE = auto()


@dataclass(frozen=True, slots=True)
class Use:
    """`in_text`: it becomes text, between other text or alone in a place that holds only text."""

    expression: Expression
    role: Role
    part: Part = Part.DO
    in_text: bool = False


class Order(Enum):
    """How the step at one path stands to the step at another."""

    BEFORE = auto()  # it surely ended before
    BESIDE = auto()  # in another child of the same `parallel`
    LATER = auto()
    SAME = auto()
    AROUND = auto()  # it is a group with the other in it
    INSIDE = auto()


def places(workflow: Workflow) -> tuple[Place, ...]:
    """Every step, in the order of the file."""
    return tuple(
        place
        for section in _SECTIONS
        for place in _places(
            workflow.steps if section == "steps" else workflow.on_failure,
            section,
            addresses.ROOT if section == "steps" else addresses.ON_FAILURE,
        )
    )


_SECTIONS: tuple[Section, ...] = ("steps", "on_failure")


def _places(
    steps: tuple[Step, ...],
    section: Section,
    parent: Address,
    path: Path = (),
    parents: tuple[Step, ...] = (),
    *,
    below: bool = False,
) -> Iterator[Place]:
    for position, (step, name) in enumerate(zip(steps, step_names(steps), strict=True)):
        address = addresses.child(parent, name)
        here = (*path, position)
        yield Place(step, section, here, address, parents, below)
        if isinstance(step.verb, Commit):
            below = True
        if isinstance(step.verb, Group):
            around = (*parents, step)
            yield from _places(step.verb.steps, section, address, here, around, below=below)


def step_names(steps: tuple[Step, ...]) -> list[str]:
    """The last part of each address: the id, or the verb and its number among its unnamed siblings."""
    counts: Counter[str] = Counter()
    names: list[str] = []
    for step in steps:
        verb = kind_of(step)
        if step.id is not None:
            names.append(step.id.text)
        elif isinstance(step.verb, Commit):
            names.append(addresses.COMMIT)
        else:
            counts[verb] += 1
            names.append(f"{verb}-{counts[verb]}")
    return names


def kind_of(step: Step) -> str:
    """The verb, as it is written."""
    match step.verb:
        case Call():
            return "call"
        case Group(kind=kind):
            return kind
        case Status():
            return "status"
        case Assignment():
            return "set"
        case Wait():
            return "wait"
        case Fail():
            return "fail"
        case Commit():
            return "commit"
        case Switch():
            return "switch"
        case WaitUntil():
            return "wait_until"
        case WaitFor():
            return "wait_for"
        case Emit():
            return "emit"
        case Uses():
            return "uses"


def order(target: Place, reader: Place) -> Order:
    """How `target` stands to `reader`, seen from `reader`."""
    if target.section != reader.section:
        return Order.BEFORE if target.section == "steps" else Order.LATER
    shared = _shared(target.path, reader.path)
    if target.path == reader.path:
        return Order.SAME
    if shared == len(target.path):
        return Order.AROUND
    if shared == len(reader.path):
        return Order.INSIDE
    if shared > 0 and kind_of((*reader.parents, reader.step)[shared - 1]) == "parallel":
        return Order.BESIDE
    return Order.BEFORE if target.path[shared] < reader.path[shared] else Order.LATER


def _shared(one: Path, other: Path) -> int:
    return next(
        (depth for depth, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def definitions(all_places: tuple[Place, ...]) -> dict[str, Definition]:
    """Every id and `set` name; of two equal ones the first."""
    found: dict[str, Definition] = {}
    for place in all_places:
        if place.step.id is not None:
            name = place.step.id
            found.setdefault(name.text, Definition(name, place, is_set=False))
        if isinstance(place.step.verb, Assignment):
            for name, _ in place.step.verb.values:
                found.setdefault(name.text, Definition(name, place, is_set=True))
    return found


def uses(step: Step) -> Iterator[Use]:
    """Every expression of a step itself, not of the steps in it."""
    if step.when is not None:
        yield Use(step.when, Role.WHEN)
    match step.verb:
        case Call(request=request, compensate=undo, confirm=confirm, probe=probe):
            yield from _of_request(request, Part.DO)
            if confirm is not None:
                yield from _of_request(confirm.request, Part.CONFIRM)
            if undo is not None and undo.request is not None:
                yield from _of_request(undo.request, Part.UNDO)
            if probe is not None:
                yield from _of_request(probe.request, Part.PROBE)
                yield Use(probe.found, Role.FOUND, Part.PROBE)
                if probe.result is not None:
                    yield Use(probe.result, Role.RESULT, Part.PROBE)
        case Status(text=text):
            yield from in_template(text, Role.STATUS, text_only=True)
        case Fail(message=message):
            yield from in_template(message, Role.FAIL, text_only=True)
        case Assignment(values=values):
            for _, value in values:
                yield from in_template(value, Role.VALUE)
        case Wait() | Commit() | Group():
            return


def _of_request(request: Request, part: Part) -> Iterator[Use]:
    yield from in_template(request.path, Role.PATH, part, text_only=True)
    for _, value in request.query:
        yield from in_template(value, Role.QUERY, part)
    for _, value in request.headers:
        yield from in_template(value, Role.HEADER, part, text_only=True)
    if request.body is not None:
        yield from in_template(request.body, Role.BODY, part)
    if request.expect is not None:
        yield Use(request.expect, Role.EXPECT, part)


def in_template(
    template: Template, role: Role, part: Part = Part.DO, *, text_only: bool = False
) -> Iterator[Use]:
    match template:
        case Constant():
            return
        case Expression():
            yield Use(template, role, part, in_text=text_only)
        case Text(parts=parts):
            for piece in parts:
                if isinstance(piece, Expression):
                    yield Use(piece, role, part, in_text=True)
        case Items(items=items):
            for item in items:
                yield from in_template(item, role, part)
        case Fields(fields=fields):
            for _, value in fields:
                yield from in_template(value, role, part)
