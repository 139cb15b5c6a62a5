"""`for_each`: there is something to choose from, and what is not chosen can be taken back."""

from __future__ import annotations

from collections.abc import Iterator

from flowdsl.codes import Code
from flowdsl.language.lower.timing import length_of
from flowdsl.language.parse.workflow import UsesVerb, WrittenForEach
from flowdsl.language.places import StepPlace
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.language.traits import changes

_CHOOSING = ("first_success", "quorum")


def check_lists(subject: Subject) -> Iterator[Diagnostic]:
    for place in subject.places:
        each = place.step.for_each
        if each is not None:
            yield from _losers_below(subject, place, each)
            yield from _losers_apart(subject, place, each)
            yield from _too_few(each)


def _losers_below(subject: Subject, place: StepPlace, each: WrittenForEach) -> Iterator[Diagnostic]:
    if each.collect not in _CHOOSING:
        return
    if not place.below_commit and place.section == "steps":
        return
    inside = [p for p in subject.places if p.section == place.section and _is_in(p, place)]
    changing = next((p for p in inside if changes(subject, p.step)), None)
    if changing is None:
        return
    where = "in `on_failure`" if place.section == "on_failure" else "below `commit`"
    yield Diagnostic(
        Code.LOSERS_STAY,
        each.span or place.step.span,
        f"`collect: {each.collect}` {where}: what an item that does not win has done could not be taken back",
        help="let it stand above `commit`, only read here, or wait for all items",
        related=((changing.step.span, "this changes something"),),
    )


def _losers_apart(subject: Subject, place: StepPlace, each: WrittenForEach) -> Iterator[Diagnostic]:
    """A run of its own is nobody's to undo: one that does not win would go on all the same."""
    if each.collect not in _CHOOSING:
        return
    for inside in subject.places:
        verb = inside.step.verb
        if inside.section != place.section or not _is_in(inside, place):
            continue
        if isinstance(verb, UsesVerb) and verb.detach:
            message = f"`collect: {each.collect}`: a run of its own that does not win goes on all the same"
            hint = "leave out `detach: true`, or wait for all items"
            related = ((each.span, "the items are chosen from here"),) if each.span else ()
            yield Diagnostic(
                Code.LOSERS_STAY, inside.step.span, message, help=hint, related=related
            )


def _is_in(place: StepPlace, group: StepPlace) -> bool:
    return place.path[: len(group.path)] == group.path


def _too_few(each: WrittenForEach) -> Iterator[Diagnostic]:
    """Where the list stands in the file, its length is known."""
    length = length_of(each.items.tree)
    needed = 1 if each.collect == "first_success" else each.quorum
    if length is None or length >= needed:
        return
    items = "1 item" if length == 1 else f"{length} items"
    message = f"{needed} of {items} can never succeed"
    hint = "ask for fewer, or give more items"
    yield Diagnostic(Code.WRONG_TYPE, each.items.span, message, f"this list has {items}", hint)
