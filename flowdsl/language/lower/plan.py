"""Workflow → Plan: the commit line with the confirms below it, and what the plan holds of all its files.

Only a workflow without errors is lowered, so nothing is checked here. The plan is a tree of blocks; in a sequence
each child needs the one before, in a `parallel` only what it reads or names.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from hashlib import sha256

from flowdsl.language.family import ALONE, Family
from flowdsl.language.lower.confirms import mirrored
from flowdsl.language.lower.file import Gathered, Lowering, gather
from flowdsl.language.lower.step import in_sequence, lower_step
from flowdsl.language.parse.workflow import CommitVerb, Workflow
from flowdsl.language.subject import Subject, look_at
from flowdsl.language.text.source import Source
from flowdsl.plan import address, nodes
from flowdsl.plan.address import COMMIT, CONFIRMS, ON_FAILURE
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.unfold import by_address


def lower(workflow: Workflow, source: Source, family: Family = ALONE) -> nodes.Plan:
    """The plan of a workflow that has no errors, nor has any file of its family."""
    subject = look_at(workflow, source.path, family)
    gathered = Gathered(make=lower)
    lowering = Lowering(subject, gathered)
    gather(lowering)
    root = _root(lowering)
    on_failure = _on_failure(lowering)
    own = list(gathered.detached.values())  # runs of their own get it from this one
    return nodes.Plan(
        name=workflow.name,
        digest=digest_of(source, gathered.files),
        root=root,
        services=gathered.services,
        inputs=workflow.inputs,
        outputs=tuple((name.text, value) for name, value in workflow.outputs),
        on_failure=on_failure,
        timeout_seconds=workflow.timeout.value if workflow.timeout else None,
        env=_names_below("env", gathered.expressions, [plan.env for plan in own]),
        secrets=_names_below("secrets", gathered.expressions, [plan.secrets for plan in own]),
        description=workflow.description,
        path=source.path,
        source=source.text,
        nodes=by_address(root, on_failure),
        names=names_of(subject),
        key=workflow.key,
        trigger=nodes.Trigger(workflow.trigger.text) if workflow.trigger else None,
        children=gathered.children,
        detached=gathered.detached,
        files=tuple(sorted(gathered.files.items())),
    )


def digest_of(source: Source, files: Mapping[str, str]) -> str:
    """The name of a definition: of the text, and of all files it is made of by where they lie from it."""
    if not files:
        return sha256(source.text.encode()).hexdigest()
    folder = posixpath.dirname(source.path) or "."
    lying = sorted((posixpath.relpath(path, folder), text) for path, text in files.items())
    return sha256(json.dumps([source.text, lying]).encode()).hexdigest()


def names_of(subject: Subject) -> dict[str, address.Address]:
    return {name: item.place.address for name, item in subject.known.items()}


def _root(lowering: Lowering) -> nodes.Block:
    above: list[nodes.AnyNode] = []
    below: list[nodes.AnyNode] = []
    line: nodes.Commit | None = None
    for place in lowering.subject.children((), "steps"):
        if isinstance(place.step.verb, CommitVerb):
            line = nodes.Commit(address=COMMIT, span=place.step.span)
        else:
            (below if line else above).append(lower_step(lowering, place))
    commit = line or nodes.Commit(address=COMMIT, written=False)
    confirms = nodes.Block(
        address=CONFIRMS, kind=CONFIRMS, children=mirrored(tuple(above), "steps", CONFIRMS)
    )
    children = in_sequence([*above, commit, confirms, *below])
    return nodes.Block(address=address.ROOT, kind="steps", children=children)


def _on_failure(lowering: Lowering) -> nodes.Block | None:
    places = lowering.subject.children((), "on_failure")
    children = [lower_step(lowering, place) for place in places]
    if not children:
        return None
    return nodes.Block(
        address=ON_FAILURE, kind="steps", children=in_sequence(children), critical=False
    )


def _names_below(
    root: str, everything: list[Expression], more: list[tuple[str, ...]]
) -> tuple[str, ...]:
    """The X of every `root.X`, and more of them, sorted."""
    found = {
        str(reference.path[1])
        for expression in everything
        for reference in expression.references
        if reference.path[0] == root and len(reference.path) > 1
    }
    return tuple(sorted(found.union(*more)))
