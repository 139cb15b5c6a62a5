"""What a service says of itself: an OpenAPI document as operations.

Schemas stay as they are written, each with the document its `$ref`s point into, and are followed only where somebody
asks: a document may hold thousands of them, which refer to each other in circles. Two schemas are the same when they
are the same object, so that what is made of one can be kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.plan.values import Json

ParameterPlace: TypeAlias = Literal["path", "query", "header"]


class Contract(Struct, frozen=True):
    """`base_paths`: of the servers; a call's path may begin with one, but need not."""

    title: str
    operations: tuple[Operation, ...]
    base_paths: tuple[str, ...] = ()


class Operation(Struct, frozen=True):
    """`queries_known`: whether all query parameters are listed, so that another one is unknown."""

    operation_id: str
    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    responses: tuple[Response, ...] = ()
    queries_known: bool = True
    summary: str = ""

    @property
    def path_alone(self) -> str:
        """Some documents tell operations apart by a query behind the path: `/files?beta=true`."""
        return self.path.partition("?")[0]

    @property
    def path_queries(self) -> tuple[str, ...]:
        """The names of that query."""
        _, _, query = self.path.partition("?")
        return tuple(name for pair in query.split("&") if (name := pair.partition("=")[0]))

    def parameters_in(self, place: ParameterPlace) -> tuple[Parameter, ...]:
        return tuple(item for item in self.parameters if item.place == place)

    @property
    def title(self) -> str:
        return f"{self.method} {self.path}"


class Parameter(Struct, frozen=True):
    """Without a schema nothing is known of its values. `nested`: it is written `name[key]=value`."""

    name: str
    place: ParameterPlace
    required: bool
    schema: Schema | None
    nested: bool = False


class Body(Struct, frozen=True):
    """`schema` is that of its JSON. `takes_json` is False where only other content types are listed."""

    required: bool
    schema: Schema | None
    content_types: tuple[str, ...]
    takes_json: bool = True


class Response(Struct, frozen=True):
    """`status` is "200", "2XX" or "default"; `content_types` is empty where no body is described."""

    status: str
    schema: Schema | None
    content_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    document: Document
    node: Json = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """`is_3_0`: it says `nullable`, and what stands beside a `$ref` does not count."""

    root: Json = field(repr=False)
    is_3_0: bool = False


class ContractProblem(Struct, frozen=True):
    """Something wrong with the document itself. `line` is 0 where it is not known, as in JSON."""

    code: Code
    pointer: str
    line: int
    message: str
    help: str = ""
