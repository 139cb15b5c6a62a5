"""Whether what is known of a value fits what is wanted: it does, nobody can say, or the reason why it does not.

A value that only may be wrong is not complained about, but for null: what may be null has to be provided for.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from flowdsl.language.openapi.finding import Verdict
from flowdsl.plan.expression.tree import Scalar as ScalarValue
from flowdsl.plan.expression.types import (
    ANYTHING,
    NULL,
    Anything,
    Group,
    ListOf,
    Object,
    ScalarType,
    Type,
    describe,
    group,
    join,
    members,
    without_null,
)
from flowdsl.plan.words import listed

Fit: TypeAlias = "Verdict | str"  # the reason reads on from the name of the value


def fit(given: Type, wanted: Type) -> Fit:
    """For a value that goes out as JSON."""
    if ANYTHING in members(wanted):
        return Verdict.UNKNOWN
    answers = {member: _member(member, wanted) for member in members(given)}
    reasons = [answer for answer in answers.values() if isinstance(answer, str)]
    if len(reasons) == 1 == len(answers):
        return reasons[0]
    if len(reasons) == len(answers):
        return _other_kind(given, wanted)
    if isinstance(answers.get(NULL), str):
        return f"must be {_needed(wanted)}, and may be null"
    unknown = reasons or Verdict.UNKNOWN in answers.values()
    return Verdict.UNKNOWN if unknown else Verdict.FITS


def _member(given: Type, wanted: Type) -> Fit:
    if isinstance(given, Anything):
        return Verdict.UNKNOWN
    answers = [_pair(given, member) for member in members(wanted)]
    for verdict in (Verdict.FITS, Verdict.UNKNOWN):
        if verdict in answers:
            return verdict
    reasons = [answer for answer in answers if isinstance(answer, str)]
    return reasons[0] if len(reasons) == 1 else _other_kind(given, wanted)


def _pair(given: Type, wanted: Type) -> Fit | None:
    """None: not even the same kind of value."""
    if _sent_as(given) != group(wanted):
        return None
    match given, wanted:
        case ScalarType(), ScalarType():
            return _scalar(given, wanted)
        case ListOf(item=item), ListOf(item=wanted_item):
            answer = fit(item, wanted_item)
            return (
                f"holds what does not fit: each item {answer}"
                if isinstance(answer, str)
                else answer
            )
        case Object(), Object():
            return _object(given, wanted)
    return Verdict.UNKNOWN


def _sent_as(given: Type) -> Group | None:
    kind = group(given)
    return "text" if kind == "secret" else kind


def _scalar(given: ScalarType, wanted: ScalarType) -> Fit:
    if wanted.values:
        if not given.values:
            return Verdict.UNKNOWN
        fitting = [value in wanted.values for value in given.values]
        if not any(fitting):
            return f"must be {listed(map(_shown, wanted.values), 'or')}"
        return Verdict.FITS if all(fitting) else Verdict.UNKNOWN
    if wanted.kind == "integer" and given.kind == "number":
        if given.values and not any(map(_is_whole, given.values)):
            return "must be a whole number"
        return (
            Verdict.FITS if given.values and all(map(_is_whole, given.values)) else Verdict.UNKNOWN
        )
    return Verdict.FITS


def _object(given: Object, wanted: Object) -> Fit:
    unknown = False
    for name in sorted(wanted.required):
        if given.field(name) is None and given.closed:
            return f"must have the field `{name}`, and has not"
        unknown = unknown or name not in given.required
    for name, kept in given.fields:
        there = wanted.field(name)
        if there is not None:
            answer = fit(kept, there)
            if isinstance(answer, str):
                return f"has a field `{name}` that {answer}"
            unknown = unknown or answer is Verdict.UNKNOWN
        elif wanted.closed and name in given.required:
            return f"must not have the field `{name}`, and has it"
        else:
            unknown = True
    return Verdict.UNKNOWN if unknown or not given.closed else Verdict.FITS


def fit_as_text(given: Type, wanted: Type) -> Fit:
    """For a value that goes out as text, in a path, a query or a header; null is looked at elsewhere."""
    rest = without_null(given)
    if ANYTHING in members(wanted) or ANYTHING in members(rest):
        return Verdict.UNKNOWN
    kinds = {group(member) for member in members(wanted)}
    if kinds & {"list", "object"}:
        return Verdict.UNKNOWN
    answers = [_as_text(member, wanted, frozenset(kinds)) for member in members(rest)]
    if all(answer is None for answer in answers):
        return _other_kind(rest, wanted)
    return Verdict.FITS if set(answers) == {Verdict.FITS} else Verdict.UNKNOWN


def _as_text(given: Type, wanted: Type, kinds: frozenset[Group | None]) -> Verdict | None:
    kind = _sent_as(given)
    free_text = any(
        isinstance(w, ScalarType) and w.kind == "text" and not w.values for w in members(wanted)
    )
    if kind in ("list", "object"):
        return None
    if free_text:
        return Verdict.FITS
    if (
        kind == "text" or "text" in kinds
    ):  # text may spell anything; a number may be one of the texts
        return Verdict.UNKNOWN
    if kind not in kinds:
        return None
    answer = fit(given, wanted)
    return answer if isinstance(answer, Verdict) else Verdict.UNKNOWN


def _other_kind(given: Type, wanted: Type) -> str:
    kinds = {_sent_as(member) for member in members(given)}
    listed_values = [
        value
        for member in members(wanted)
        if isinstance(member, ScalarType) and group(member) in kinds
        for value in member.values
    ]
    if listed_values:
        return f"must be {listed(map(_shown, listed_values), 'or')}"
    return f"must be {_needed(wanted)}, not {describe(given)}"


def _needed(wanted: Type) -> str:
    return describe(join(members(wanted)))


def _is_whole(value: ScalarValue) -> bool:
    return isinstance(value, int) or (
        isinstance(value, Decimal) and value == value.to_integral_value()
    )


def _shown(value: ScalarValue) -> str:
    return "null" if value is None else str(value)
