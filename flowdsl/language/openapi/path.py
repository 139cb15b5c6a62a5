"""The path of a call in its parts: segments of literal text and expressions, and the query that may follow.

Every part knows where in the text of the path it begins, so that it can be pointed at.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.template import Constant, Embedded, Template, Text, split

Part: TypeAlias = "str | Expression"


class Segment(Struct, frozen=True):
    """What stands between two delimiters. `start` and `length` count characters of the written text."""

    parts: tuple[Part, ...]
    start: int = 0
    length: int = 1

    @property
    def literal(self) -> str | None:
        """Its text, if there is no expression in it."""
        if any(not isinstance(part, str) for part in self.parts):
            return None
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def template(self) -> Template:
        match self.parts:
            case ():
                return Constant("")
            case (Expression() as whole,):
                return whole
        literal = self.literal
        return Text(self.parts) if literal is None else Constant(literal)

    @property
    def shown(self) -> str:
        """With `{…}` for each expression."""
        return "".join(part if isinstance(part, str) else "{…}" for part in self.parts)


class CallPath(Struct, frozen=True):
    segments: tuple[Segment, ...]
    queries: tuple[tuple[str, Segment, Segment], ...] = ()  # name, where it stands, value

    @property
    def shown(self) -> str:
        return "/" + "/".join(segment.shown for segment in self.segments)


class _Atom(Struct, frozen=True):
    """One character, or one expression, and where it stands."""

    part: Part
    start: int
    end: int


def take_apart(path: Template, written: str = "") -> CallPath:
    """`written` is the path as it stands in the call; without it, nothing can be pointed at."""
    before, *rest = _split(_atoms(path, written), "?", at_most=1)
    first, *segments = map(_segment, _split(before, "/"))
    if first.parts:  # a path that does not begin with a slash
        segments = [first, *segments]
    queries: list[tuple[str, Segment, Segment]] = []
    for pair in _split(rest[0], "&") if rest else ():
        name, *value = map(_segment, _split(pair, "=", at_most=1))
        if name.literal:
            queries.append((name.literal, name, value[0] if value else Segment(())))
    return CallPath(tuple(segments), tuple(queries))


def from_parts(parts: tuple[Part, ...]) -> CallPath:
    return take_apart(Text(parts))


def _atoms(path: Template, written: str) -> list[_Atom]:
    pieces = [piece for piece in split(written) if isinstance(piece, Embedded)]
    atoms: list[_Atom] = []
    position = 0
    for part in _parts(path):
        if isinstance(part, str):
            places = range(position, position + len(part))
            atoms += [_Atom(letter, at, at + 1) for letter, at in zip(part, places, strict=True)]
            position += len(part)
        else:
            piece = pieces.pop(0) if pieces else Embedded("", position + 2)
            end = piece.start + len(piece.text) + 1
            atoms.append(_Atom(part, piece.start - 2, end))
            position = end
    return atoms


def _parts(path: Template) -> tuple[Part, ...]:
    match path:
        case Constant(value=str() as text):
            return (text,)
        case Text(parts=parts):
            return parts
        case Expression():
            return (path,)
    return ()


def _split(atoms: list[_Atom], delimiter: str, *, at_most: int = 1_000) -> list[list[_Atom]]:
    found: list[list[_Atom]] = [[]]
    for atom in atoms:
        if atom.part == delimiter and len(found) <= at_most:
            found.append([])
        else:
            found[-1].append(atom)
    return found


def _segment(atoms: list[_Atom]) -> Segment:
    parts: list[Part] = []
    for atom in atoms:
        if parts and isinstance(atom.part, str) and isinstance(parts[-1], str):
            parts[-1] += atom.part
        else:
            parts.append(atom.part)
    if not atoms:
        return Segment(())
    return Segment(tuple(parts), atoms[0].start, atoms[-1].end - atoms[0].start)
