"""A step as written → its node. Under a `for_each` it is the body of a `ForEach`, the template of every item."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from flowdsl.language import order
from flowdsl.language.lower.call import lower_call, lower_emit
from flowdsl.language.lower.confirms import mirrored
from flowdsl.language.lower.file import Lowering, gather
from flowdsl.language.parse.due import expression_of
from flowdsl.language.parse.workflow import (
    CallVerb,
    CommitVerb,
    EmitVerb,
    FailVerb,
    GroupVerb,
    SetVerb,
    StatusVerb,
    SwitchVerb,
    UsesVerb,
    WaitForVerb,
    WaitUntilVerb,
    WaitVerb,
    WrittenForEach,
)
from flowdsl.language.places import StepPlace
from flowdsl.language.subject import look_at
from flowdsl.plan import address, nodes
from flowdsl.plan.address import CONFIRMS, Address
from flowdsl.plan.template import Template


def lower_step(lowering: Lowering, place: StepPlace) -> nodes.AnyNode:
    step = place.step
    node = _bare_node(lowering, place)
    if step.for_each is not None:
        node = _for_each(lowering, place, node, step.for_each)
    return replace(
        node,
        name=step.id.text if step.id else None,
        when=step.when,
        critical=step.critical and not _is_forgiven(lowering, place),
        span=step.span,
    )


def in_sequence(children: list[nodes.AnyNode]) -> tuple[nodes.AnyNode, ...]:
    return tuple(
        replace(child, needs=(index - 1,) if index else ()) for index, child in enumerate(children)
    )


def _is_forgiven(lowering: Lowering, place: StepPlace) -> bool:
    return lowering.forgiving or place.section == "on_failure"


def _bare_node(lowering: Lowering, place: StepPlace) -> nodes.AnyNode:
    here = place.item
    match place.step.verb:
        case CallVerb() as call:
            return _call(lowering, place, call)
        case EmitVerb() as emit:
            return lower_emit(lowering.subject, place, emit)
        case GroupVerb(kind="parallel"):
            return _parallel(lowering, place)
        case GroupVerb():
            return nodes.Block(address=here, kind="steps", children=_children(lowering, place))
        case SwitchVerb():
            return _switch(lowering, place)
        case StatusVerb(text=text):
            return nodes.Status(address=here, text=text)
        case SetVerb(values=values):
            named = tuple((name.text, value) for name, value in values)
            return nodes.Set(address=here, values=named)
        case WaitVerb(duration=duration):
            return nodes.Wait(address=here, seconds=duration.value)
        case WaitUntilVerb(moment=moment):
            return nodes.Wait(address=here, until=expression_of(moment, place.step.span))
        case WaitForVerb() as wait:
            return _wait_for(here, wait)
        case UsesVerb(detach=True) as uses:
            return _detached(lowering, here, uses)
        case UsesVerb() as uses:
            return _uses(lowering, place, uses)
        case FailVerb(message=message):
            return nodes.Fail(address=here, message=message)
        case CommitVerb():
            raise AssertionError(f"`commit` inside a group: {here}")
        case _:
            assert_never(place.step.verb)


# --- groups, branches, lists -------------------------------------------------------------------------


def _children(lowering: Lowering, place: StepPlace) -> tuple[nodes.AnyNode, ...]:
    """What is in a step, one after the other."""
    inside = lowering.subject.children(place.path, place.section)
    return in_sequence(
        [lower_step(lowering, child) for child in inside if _counts(lowering, child)]
    )


def _counts(lowering: Lowering, place: StepPlace) -> bool:
    return not (lowering.quiet and isinstance(place.step.verb, StatusVerb))


def _parallel(lowering: Lowering, place: StepPlace) -> nodes.Block:
    subject = lowering.subject
    children = [
        lower_step(lowering, child) for child in subject.children(place.path, place.section)
    ]
    waits = subject.waits[place.section, place.path]
    fixed = order.sorted_children(waits)
    position = {child: index for index, child in enumerate(fixed)}
    ordered = tuple(
        replace(children[child], needs=tuple(sorted(position[e] for e in waits[child])))
        for child in fixed
    )
    return nodes.Block(address=place.item, kind="parallel", children=ordered)


def _switch(lowering: Lowering, place: StepPlace) -> nodes.Switch:
    branches: list[nodes.Block] = []
    for child in lowering.subject.children(place.path, place.section):
        branch = lower_step(lowering, child)
        assert isinstance(branch, nodes.Block), f"{child.address} is a list of steps"
        branches.append(branch)
    return nodes.Switch(address=place.item, branches=tuple(branches))


def _for_each(
    lowering: Lowering, place: StepPlace, body: nodes.AnyNode, multiplied: WrittenForEach
) -> nodes.ForEach:
    """An item turns with what it stands in, or alone: what is critical is the whole list."""
    quorum = 1 if multiplied.collect == "first_success" else multiplied.quorum
    return nodes.ForEach(
        address=place.address,
        variable=multiplied.variable.text,
        items=multiplied.items,
        body=replace(body, span=place.step.span, critical=not _is_forgiven(lowering, place)),
        collect=multiplied.collect,
        quorum=quorum,
        max_parallel=multiplied.max_parallel,
    )


def _call(lowering: Lowering, place: StepPlace, call: CallVerb) -> nodes.Call:
    lowered = lower_call(lowering.subject, place, call)
    inside = _children(lowering, place)
    if not inside:
        return lowered
    fallback = nodes.Block(address=place.item, kind="steps", children=inside)
    return replace(lowered, fallback=fallback)


def _wait_for(here: Address, wait: WaitForVerb) -> nodes.WaitFor:
    return nodes.WaitFor(
        address=here,
        signal=wait.signal.text,
        schema=wait.schema,
        timeout_seconds=wait.timeout.value if wait.timeout else None,
        expect=wait.expect,
    )


# --- other files -------------------------------------------------------------------------------------


def _uses(lowering: Lowering, place: StepPlace, uses: UsesVerb) -> nodes.Block:
    """The file put in: its own steps, services and names, below the address of the step that uses it."""
    used = lowering.subject.used(uses)
    assert used is not None, f"{uses.file.path} could be read"
    here, below = place.item, place.below_commit
    subject = look_at(
        used.workflow, used.source.path, lowering.subject.family, prefix=here, below=below
    )
    quiet = lowering.quiet or place.runs_beside
    inner = Lowering(subject, lowering.gathered, below, _is_forgiven(lowering, place), quiet)
    gather(inner)
    lowering.gathered.children[here] = nodes.Child(
        workflow=used.workflow.name,
        inputs=used.workflow.inputs,
        arguments=_arguments(uses),
        outputs=tuple((name.text, value) for name, value in used.workflow.outputs),
        names={name: item.place.address for name, item in subject.known.items()},
        path=used.source.path,
        source=used.source.text,
    )
    return nodes.Block(address=here, kind="uses", children=_steps_of(inner))


def _steps_of(lowering: Lowering) -> tuple[nodes.AnyNode, ...]:
    """The steps of a used file. Where nothing is undone any more it confirms for itself: at its `commit` line, or at its
    end. Above, the file that uses it does that.
    """
    children: list[nodes.AnyNode] = []
    confirmed = not lowering.below
    for place in lowering.subject.children((), "steps"):
        if isinstance(place.step.verb, CommitVerb):
            children.append(_confirms(lowering, tuple(children)))
            confirmed = True
        elif _counts(lowering, place):
            children.append(lower_step(lowering, place))
    if not confirmed:
        block = _confirms(lowering, tuple(children))
        children += [block] if block.children else []
    return in_sequence(children)


def _confirms(lowering: Lowering, above: tuple[nodes.AnyNode, ...]) -> nodes.Block:
    here = address.child(lowering.subject.prefix, CONFIRMS)
    return nodes.Block(address=here, kind=CONFIRMS, children=mirrored(above, "steps", here))


def _detached(lowering: Lowering, here: Address, uses: UsesVerb) -> nodes.Detach:
    """A run of its own, of a plan of its own, which is made like that of any file."""
    subject, gathered = lowering.subject, lowering.gathered
    used = subject.used(uses)
    assert used is not None, f"{uses.file.path} could be read"
    plans, path = subject.family.plans, used.source.path
    if path not in plans:
        plans[path] = gathered.make(used.workflow, used.source, subject.family)
    plan = plans[path]
    gathered.detached[plan.digest] = plan
    gathered.files.update(plan.files)
    return nodes.Detach(
        address=here, digest=plan.digest, workflow=plan.name, arguments=_arguments(uses)
    )


def _arguments(uses: UsesVerb) -> tuple[tuple[str, Template], ...]:
    return tuple((name.text, value) for name, value in uses.arguments)
