"""Where every step stands, what it is called, and every expression in it: what rules and `lower` both walk on.

A path counts positions from the top list down, through groups, branches of a `switch`, fallbacks and what a `for_each`
multiplies. Comparing two paths tells which step surely ran before the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import Enum, auto
from typing import Literal, TypeAlias, assert_never

from msgspec import Struct

from flowdsl.language.parse.workflow import (
    CallVerb,
    CommitVerb,
    EmitVerb,
    FailVerb,
    GroupVerb,
    LocalVerb,
    Name,
    SetVerb,
    StatusVerb,
    Step,
    SwitchVerb,
    UsesVerb,
    WaitForVerb,
    WaitUntilVerb,
    WaitVerb,
    Workflow,
    WrittenRequest,
)
from flowdsl.plan import address as addresses
from flowdsl.plan.address import Address
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.template import Constant, Fields, Items, Template, Text

Section: TypeAlias = Literal["steps", "on_failure"]
Path: TypeAlias = tuple[int, ...]


class StepPlace(Struct, frozen=True):
    """A step, and the groups around it, outermost first."""

    step: Step
    section: Section
    path: Path
    address: Address
    parents: tuple[Step, ...] = ()
    below_commit: bool = False

    @property
    def chain(self) -> tuple[Step, ...]:
        """The step, after all that it is in."""
        return (*self.parents, self.step)

    @property
    def in_parallel(self) -> bool:
        return any(parent.verb.kind == "parallel" for parent in self.parents)

    @property
    def runs_beside(self) -> bool:
        """Whether other steps, or other items of its own, may run at the same time."""
        return self.in_parallel or self.around is not None

    @property
    def item(self) -> Address:
        """Where the step itself stands: under a `for_each`, as the template of an item."""
        return addresses.item_template(self.address) if self.step.for_each else self.address

    @property
    def around(self) -> Path | None:
        """The path of the innermost `for_each` it is an item of, or in one."""
        depths = [depth for depth, step in enumerate(self.chain, 1) if step.for_each is not None]
        return self.path[: depths[-1]] if depths else None


Kind: TypeAlias = Literal["id", "set", "variable"]


class DefinedName(Struct, frozen=True):
    """A name that expressions may use, and the step that gives it its value."""

    name: Name
    place: StepPlace
    kind: Kind

    @property
    def is_set(self) -> bool:
        return self.kind == "set"

    @property
    def home(self) -> Path:
        """The path of the `for_each` the name is only known in; the whole file is ()."""
        own = self.place.around or ()
        if self.kind == "variable" or own != self.place.path:
            return own
        # The id of a `for_each` itself: known where that stands.
        steps = self.place.parents
        depths = [depth for depth, step in enumerate(steps, 1) if step.for_each is not None]
        return self.place.path[: depths[-1]] if depths else ()

    def is_known_at(self, reader: Path) -> bool:
        return reader[: len(self.home)] == self.home


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
    ITEMS = auto()  # the list of a `for_each`
    MOMENT = auto()  # of a `wait_until`
    DATA = auto()  # of an `emit`
    ARGUMENT = auto()  # in the `with` of a `uses`
    KEY = auto()  # of the run


class Part(Enum):
    """Of which request of a call, or of the step itself."""

    DO = auto()
    UNDO = auto()
    CONFIRM = auto()
    PROBE = auto()


class Use(Struct, frozen=True):
    """`in_text`: it becomes text, between other text or alone in a place that holds only text."""

    expression: Expression
    role: Role
    part: Part = Part.DO
    in_text: bool = False


class Relation(Enum):
    """How the step at one path stands to the step at another."""

    BEFORE = auto()  # it surely ended before
    BESIDE = auto()  # in another child of the same `parallel`
    INSTEAD = auto()  # in another branch of the same `switch`
    LATER = auto()
    SAME = auto()
    AROUND = auto()  # it is a group with the other in it
    INSIDE = auto()


def places(
    workflow: Workflow, prefix: Address = addresses.ROOT, *, below: bool = False
) -> tuple[StepPlace, ...]:
    """Every step, in the order of the file. `prefix`, `below`: where the file is used, if it is run as part of another."""
    failure = addresses.child(prefix, addresses.ON_FAILURE)
    return (
        *_places(workflow.steps, "steps", prefix, below=below),
        *_places(workflow.on_failure, "on_failure", failure),
    )


def _places(
    steps: tuple[Step, ...],
    section: Section,
    parent: Address,
    path: Path = (),
    parents: tuple[Step, ...] = (),
    *,
    below: bool = False,
) -> Iterator[StepPlace]:
    for position, (step, name) in enumerate(zip(steps, step_names(steps), strict=True)):
        address = addresses.child(parent, name)
        here = (*path, position)
        yield StepPlace(step, section, here, address, parents, below)
        if isinstance(step.verb, CommitVerb):
            below = True
        inner = addresses.item_template(address) if step.for_each else address
        around = (*parents, step)
        yield from _places(steps_in(step), section, inner, here, around, below=below)


def steps_in(step: Step) -> tuple[Step, ...]:
    """One level down: the children of a group, the branches of a `switch`, the fallback of a call."""
    match step.verb:
        case GroupVerb(steps=steps):
            return steps
        case SwitchVerb(branches=branches):
            return branches
        case CallVerb(fallback=fallback):
            return fallback
        case EmitVerb() | UsesVerb() | LocalVerb():
            return ()
        case _:
            assert_never(step.verb)


def step_names(steps: tuple[Step, ...]) -> list[str]:
    """The last part of each address: the id, or the verb and its number among its unnamed siblings."""
    counts: Counter[str] = Counter()
    names: list[str] = []
    for step in steps:
        verb = step.verb.kind
        if step.id is not None:
            names.append(step.id.text)
        elif isinstance(step.verb, CommitVerb):
            names.append(addresses.COMMIT)
        else:
            counts[verb] += 1
            names.append(f"{verb}-{counts[verb]}")
    return names


def order(target: StepPlace, reader: StepPlace) -> Relation:
    """How `target` stands to `reader`, seen from `reader`."""
    if target.section != reader.section:
        return Relation.BEFORE if target.section == "steps" else Relation.LATER
    shared = shared_steps(target, reader)
    if target.path == reader.path:
        return Relation.SAME
    if shared == len(target.path):
        return Relation.AROUND
    if shared == len(reader.path):
        return Relation.INSIDE
    around = reader.chain[shared - 1].verb.kind if shared > 0 else ""
    if around == "parallel":
        return Relation.BESIDE
    if around == "switch":
        return Relation.INSTEAD
    return Relation.BEFORE if target.path[shared] < reader.path[shared] else Relation.LATER


def shared_steps(one: StepPlace, other: StepPlace) -> int:
    """How many steps both are, or are in."""
    pairs = zip(one.path, other.path, strict=False)
    shortest = min(len(one.path), len(other.path))
    return next((depth for depth, (a, b) in enumerate(pairs) if a != b), shortest)


def definitions(all_places: tuple[StepPlace, ...]) -> dict[str, DefinedName]:
    """Every id, `set` name and variable of a `for_each`; of two equal ones the first."""
    found: dict[str, DefinedName] = {}
    for place in all_places:
        for name, kind in names_given(place.step):
            found.setdefault(name.text, DefinedName(name, place, kind))
    return found


def variable_around(name: str, reader: StepPlace) -> Path | None:
    """The path of the `for_each` whose variable `name` is where `reader` stands. Two lists may use the same one."""
    return next(
        (
            reader.path[:depth]
            for depth, step in enumerate(reader.chain, start=1)
            if step.for_each is not None and step.for_each.variable.text == name
        ),
        None,
    )


def names_given(step: Step) -> Iterator[tuple[Name, Kind]]:
    """The names that a step gives a value, itself."""
    if step.id is not None:
        yield step.id, "id"
    if step.for_each is not None:
        yield step.for_each.variable, "variable"
    if isinstance(step.verb, SetVerb):
        for name, _ in step.verb.values:
            yield name, "set"


def uses(step: Step) -> Iterator[Use]:
    """Every expression of a step itself, not of the steps in it."""
    if step.when is not None:
        yield Use(step.when, Role.WHEN)
    if step.for_each is not None:
        yield Use(step.for_each.items, Role.ITEMS)
    match step.verb:
        case CallVerb(request=request, compensate=undo, confirm=confirm, probe=probe):
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
        case StatusVerb(text=text):
            yield from in_template(text, Role.STATUS, text_only=True)
        case FailVerb(message=message):
            yield from in_template(message, Role.FAIL, text_only=True)
        case SetVerb(values=values):
            for _, value in values:
                yield from in_template(value, Role.VALUE)
        case WaitUntilVerb(moment=moment):
            yield from in_template(moment, Role.MOMENT)
        case WaitForVerb(expect=Expression() as expect):
            yield Use(expect, Role.EXPECT)
        case EmitVerb(request=request):
            for template in request.body.templates if request.body is not None else ():
                yield from in_template(template, Role.DATA)
        case UsesVerb(arguments=arguments):
            for _, value in arguments:
                yield from in_template(value, Role.ARGUMENT)
        case WaitForVerb() | WaitVerb() | CommitVerb() | GroupVerb() | SwitchVerb():
            return
        case _:
            assert_never(step.verb)


def _of_request(request: WrittenRequest, part: Part) -> Iterator[Use]:
    yield from in_template(request.path, Role.PATH, part, text_only=True)
    for _, value in request.query:
        yield from in_template(value, Role.QUERY, part)
    for _, value in request.headers:
        yield from in_template(value, Role.HEADER, part, text_only=True)
    for template in request.body.templates if request.body is not None else ():
        yield from in_template(template, Role.BODY, part)
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
