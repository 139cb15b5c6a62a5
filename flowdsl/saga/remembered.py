"""The walk that remembers: the answer of `progress`, asking again only those nodes that may say something else.

Each child of a container keeps what it said when it was last asked (its `Part`, in the container's `Row`). A fact marks the
node that it is about, and so every container around it; asking goes from the root to what is marked, and on to what opens
on the way (`Gate`). All else is shared with the answer before. The rules are those of `forward` and `backward`: here is
only when they are asked.

It is equal because a part depends on nothing but its node, whether it is open, the `Form` of its container, the facts at
addresses below it, signals that nobody has taken, and values of steps before it, which stay as they are. Whatever else
may change what nodes say (a commit, a turn of the run, a person's word) forgets everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import TypeAlias, assert_never

from msgspec import Struct, field

from flowdsl.plan.address import ROOT, Address, confirm, enclosing, step_of
from flowdsl.plan.nodes import AnyNode, WaitFor
from flowdsl.saga.events import (
    Admitted,
    Alerted,
    Armed,
    Begun,
    CancelRequested,
    Chosen,
    Committed,
    Created,
    Detached,
    Done,
    Ended,
    Event,
    Expanded,
    Expired,
    Failed,
    Failure,
    Finished,
    Fired,
    Parked,
    Paused,
    Planned,
    Received,
    Resolved,
    Resumed,
    Retried,
    Signalled,
    Skipped,
    Started,
    Stopped,
    Turned,
    Unrecognised,
    Waived,
)  # fmt: skip
from flowdsl.saga.gate import Gate
from flowdsl.saga.progress import DEADLINE, Progress, answered, progress
from flowdsl.saga.row import IDLE, NOT_READY, Part, Row, sums_of
from flowdsl.saga.stand import Stand
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import Unfolded, grown_by
from flowdsl.saga.walk import Form, Walk

Ask: TypeAlias = Callable[[Walk, AnyNode, bool], Stand | None]  # None: it is not ready
SMALL = 64  # nodes: a whole walk of fewer costs less than to remember them
CHECKED = frozenset(4**power for power in range(16))  # the turns that are walked anew as well
AskItem: TypeAlias = Callable[[Walk, int], tuple[Stand, Failure | None, tuple[str, ...]]]


class Container(Struct):
    """What is remembered of one container. `marks`: positions of children to be asked. `next`: of a list, the first item
    that has not been let begin.
    """

    form: Form
    children: tuple[AnyNode, ...]
    row: Row
    gate: Gate
    marks: set[int]
    next: int = 0


class Remembered(Struct):
    """One run, as its drive knows it. It changes with every fact; never stored, never shared. `small`: a plan of fewer
    nodes is walked whole, and nothing is remembered until it has grown. `asked`: how many parts were.
    """

    plan: Unfolded
    state: State
    small: int = 0
    containers: dict[Address, Container] = field(default_factory=dict)
    places: dict[Address, tuple[Address, int]] = field(default_factory=dict)  # in which, and where
    waits: dict[str, set[Address]] = field(default_factory=dict)  # for a signal, by its name
    heard: set[str] = field(default_factory=set)  # signals that are taken in this very ask
    asked: int = 0
    turns: int = 0
    settled: Progress | None = None  # that which has been made real

    def take(self, before: State, events: Iterable[Event], after: State) -> None:
        """These have happened."""
        assert before is self.state, "every fact is taken once, in its order"
        for event in events:
            self._feel(event)
        self.state = after

    def ask(self) -> Progress:
        """The answer. At turns 1, 4, 16, … and before a run ends, parks or is stuck, it is compared with a full walk."""
        if len(self.plan.nodes) < self.small:
            return progress(self.plan, self.state)
        self.turns += 1
        self.heard.clear()
        for name in self.state.untaken:
            for wait in self.waits.get(name, ()):
                self._mark(wait)
        now = answered(self._walk())
        if self.turns in CHECKED or _is_final(now):
            assert now == progress(self.plan, self.state), (
                "the incremental walk and the full one differ"
            )
        return now

    # --- facts -------------------------------------------------------------------------------------------

    def _feel(self, event: Event) -> None:
        """Who may say something else because of this."""
        match event:
            case Started(call=call) | Finished(call=call) | Expired(call=call) | Failed(node=call):
                self._mark_call(call)
            case Armed(timer=timer) | Fired(timer=timer):
                if timer != DEADLINE:
                    self._mark_call(timer.partition("#")[0])
            case Done(node=node) | Skipped(node=node) | Received(node=node):
                self._mark(node)
            case Detached(node=node) | Begun(node=node):
                self._mark(node)
            case Expanded(each=each):
                self.plan = grown_by(self.plan, event)
                self._mark(each)
            case Chosen(each=each):
                self._mark(each)
            case Turned(scope=scope) | Planned(scope=scope) if scope != ROOT:
                self._mark(scope)
            case Turned() | Planned() | Committed():
                self._forget()
            case Created() | Admitted() | Alerted() | Parked() | Ended() | CancelRequested():
                self._forget()
            case Retried() | Resolved() | Waived():
                self._forget()
            case Signalled() | Resumed() | Paused() | Stopped() | Unrecognised():
                pass  # who waits for a signal is asked as long as nobody has taken it
            case _:
                assert_never(event)

    def _mark_call(self, call: str) -> None:
        """A confirm looks at its call as well."""
        step = step_of(call)
        self._mark(step)
        if confirm(step) in self.places:
            self._mark(confirm(step))

    def _mark(self, address: Address) -> None:
        known = (around for around in enclosing(address) if around in self.places)
        place = self.places.get(next(known, address))
        while place is not None:
            holder, position = place
            self.containers[holder].marks.add(position)
            place = self.places.get(holder)

    def _forget(self) -> None:
        self.containers.clear()
        self.places.clear()
        self.waits.clear()

    # --- asking ------------------------------------------------------------------------------------------

    def _walk(self) -> Walk:
        return Walk(self.plan, self.state, taken=self.heard, memory=self)

    def children(self, holder: Address, children: tuple[AnyNode, ...], form: Form, ask: Ask) -> Row:
        """What the children of a container say now, those asked anew that are marked, or open with this."""
        container = self._container(holder, children, form, NOT_READY)
        sign = -1 if form.order == "backward" else 1
        marks, gate = container.marks, container.gate
        left = [sign * position for position in marks]
        heapify(left)
        while left:
            position = sign * heappop(left)
            is_open = gate.is_open(position) and not form.held
            part = self._part(children[position], form.scope, ask, is_open=is_open)
            container.row = container.row.put(position, part)
            marks.discard(position)
            for opened in gate.pass_through(position, _lets_through(part, is_open=is_open)):
                if opened not in marks:
                    marks.add(opened)
                    heappush(left, sign * opened)
        return container.row

    def _part(self, node: AnyNode, scope: Address, ask: Ask, *, is_open: bool) -> Part:
        walk = self._walk()
        stand = ask(walk, node, is_open)
        if stand is None:
            return NOT_READY
        self._note(node, stand)
        return _part_of(walk, node, stand, walk.causes.get(scope))

    def items(
        self,
        holder: Address,
        items: tuple[AnyNode, ...],
        form: Form,
        ask: AskItem,
        may_begin: Callable[[int], bool],
    ) -> Row:
        """The same of a list: those that have begun first, then as many more as may begin."""
        container, known = self._container(holder, items, form, IDLE), self.state.items
        begun = sorted(at for at in container.marks if items[at].address in known)
        fresh = sorted(at for at in container.marks if items[at].address not in known)
        for position in (*begun, *(at for at in fresh if at < container.next)):
            container.row = container.row.put(position, self._item(items, position, ask))
        container.marks.clear()
        while container.next < len(items):
            row, position = container.row, container.next
            if not may_begin(row.count("open") - row.count("idle")):
                break
            container.next += 1
            if row[position] is IDLE:
                container.row = row.put(position, self._item(items, position, ask))
        return container.row

    def _item(self, items: tuple[AnyNode, ...], position: int, ask: AskItem) -> Part:
        walk, item = self._walk(), items[position]
        stand, cause, lanes = ask(walk, position)
        self._note(item, stand)
        is_fresh = item.address not in self.state.items
        return _part_of(walk, item, stand, cause, *lanes, is_fresh=is_fresh)

    def _container(
        self, holder: Address, children: tuple[AnyNode, ...], form: Form, first: Part
    ) -> Container:
        """As it is remembered; anew where what all of its children depend on has changed."""
        known = self.containers.get(holder)
        if known is not None and known.form == form:
            known.children = children
            return known
        for position, child in enumerate(children):
            self.places[child.address] = (holder, position)
        row = Row.of(holder, form.order, first, len(children))
        gate = Gate.of(children, backward=form.order == "backward")
        container = Container(form, children, row, gate, set(range(len(children))))
        self.containers[holder] = container
        return container

    def _note(self, node: AnyNode, stand: Stand) -> None:
        self.asked += 1
        if isinstance(node, WaitFor):
            waits = self.waits.setdefault(node.signal, set())
            (waits.discard if stand.over else waits.add)(node.address)

    def stand(self, address: Address) -> Stand | None:
        """Where a node stood that was asked before."""
        place = self.places.get(address)
        return None if place is None else self.containers[place[0]].row[place[1]].stand


def _is_final(now: Progress) -> bool:
    return now.state == "stuck" or any(isinstance(one, Ended | Parked) for one in now.decisions)


def _lets_through(part: Part, *, is_open: bool) -> bool:
    """Backward, what is held holds up in turn what ran before it, whatever is left of it."""
    return part.stand.over and is_open


def _part_of(
    walk: Walk,
    node: AnyNode,
    stand: Stand,
    cause: Failure | None,
    *lanes: str,
    is_fresh: bool = False,
) -> Part:
    said = tuple(map(tuple, walk.said))
    lanes = lanes if cause is None else (*lanes, "causes")
    return Part(
        stand, walk.row, cause, said, sums_of(walk.state, node, stand, said, *lanes), is_fresh
    )
