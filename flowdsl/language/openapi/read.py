"""OpenAPI 3.0 and 3.1, YAML or JSON → a Contract, and what is wrong with the document.

A part that cannot be used is reported and left out; the rest is read all the same. The URL of the service, in the
workflow, is the base of all calls: the paths of `servers` are only kept, for calls that spell them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec import Struct, field

from flowdsl.codes import Code
from flowdsl.language.openapi.contract import Contract, ContractProblem, Document, Operation
from flowdsl.language.openapi.operation import METHODS, Parts, read_operation
from flowdsl.language.openapi.pointer import Unresolved, follow, joined
from flowdsl.language.openapi.text import DocumentText, read_text
from flowdsl.language.text.source import Source
from flowdsl.plan.values import Json


class Reading(Struct, frozen=True):
    """`contract` is None where the document is none of ours: `problems` says why."""

    contract: Contract | None
    problems: tuple[ContractProblem, ...] = ()


def read(source: Source) -> Reading:
    text = read_text(source)
    if isinstance(text, ContractProblem):
        return Reading(None, (text,))
    version = _version(text)
    if isinstance(version, ContractProblem):
        return Reading(None, (version,))
    root = text.value
    assert isinstance(root, dict), "a document with a version is an object"
    reader = _DocumentReader(text, Document(root, is_3_0=version == "3.0"))
    operations = tuple(reader.operations())
    info = root.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    name = title if isinstance(title, str) else ""
    contract = Contract(name, operations, tuple(_base_paths(root.get("servers"))))
    return Reading(contract, tuple(reader.problems))


def _version(text: DocumentText) -> str | ContractProblem:
    """Which of "3.0" and "3.1" it is."""
    root = text.value
    if not isinstance(root, dict):
        hint = "it begins with `openapi: 3.1.0`"
        return ContractProblem(
            Code.UNREADABLE_OPENAPI, "", 1, "an OpenAPI document must be an object", hint
        )
    found = root.get("openapi", root.get("swagger"))
    if found is None:
        hint = "it begins with `openapi: 3.0.3` or `openapi: 3.1.0`"
        return ContractProblem(
            Code.UNREADABLE_OPENAPI,
            "",
            1,
            "this is not an OpenAPI document: it does not say `openapi`",
            hint,
        )
    for version in ("3.0", "3.1"):
        if str(found) == version or str(found).startswith(f"{version}."):
            return version
    message = f"OpenAPI {found} is not read: only 3.0 and 3.1 are"
    line = text.line(("openapi",)) or text.line(("swagger",))
    return ContractProblem(
        Code.UNREADABLE_OPENAPI, "/openapi", line, message, "convert the document to 3.0 or 3.1"
    )


class _DocumentReader(Struct, frozen=True):
    text: DocumentText
    document: Document
    problems: list[ContractProblem] = field(default_factory=list)

    def operations(self) -> Iterator[Operation]:
        root = self.document.root
        paths = root.get("paths") if isinstance(root, dict) else None
        if not isinstance(paths, dict):
            if paths is not None:
                self.report(("paths",), "`paths` must be an object: paths and their operations")
            return
        keys = _keys_in_queries(self.document)
        seen: dict[str, str] = {}
        for path, item in paths.items():
            if path.startswith("/"):
                for operation in self.operations_of(path, item, keys):
                    self.count_name(operation, seen)
                    yield operation
            elif not path.startswith("x-"):
                self.report(("paths", path), f"the path `{path}` does not begin with `/`")

    def operations_of(self, path: str, item: Json, keys: tuple[str, ...]) -> Iterator[Operation]:
        try:
            found = follow(self.document, item)
        except Unresolved as unresolved:
            self.report(("paths", path), str(unresolved))
            return
        if not isinstance(found, dict):
            self.report(
                ("paths", path), f"`{path}` must be an object: methods and their operations"
            )
            return
        for method in METHODS:
            node = found.get(method)
            if isinstance(node, dict):
                place = ("paths", path, method)
                parts = Parts(self.document, path, method, place, self.report)
                yield read_operation(parts, node, found.get("parameters"), keys)
            elif method in found:
                self.report(("paths", path, method), f"`{method}` of `{path}` is not an operation")

    def count_name(self, operation: Operation, seen: dict[str, str]) -> None:
        name = operation.operation_id
        if name and name in seen:
            place = ("paths", operation.path, operation.method.lower(), "operationId")
            self.report(place, f"the operationId `{name}` is that of {seen[name]} too")
        elif name:
            seen[name] = operation.title

    def report(self, place: tuple[str, ...], message: str) -> None:
        line = self.text.line(place)
        self.problems.append(
            ContractProblem(Code.UNUSABLE_OPENAPI_PART, joined(*place), line, message)
        )


def _keys_in_queries(document: Document) -> tuple[str, ...]:
    """Names of the query parameters that `securitySchemes` add to every operation."""
    root = document.root
    components = root.get("components") if isinstance(root, dict) else None
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    return tuple(
        name
        for scheme in (schemes.values() if isinstance(schemes, dict) else ())
        if isinstance(scheme, dict) and scheme.get("in") == "query"
        if isinstance(name := scheme.get("name"), str)
    )


def _base_paths(servers: Json) -> Iterator[str]:
    for server in servers if isinstance(servers, list) else []:
        url = server.get("url") if isinstance(server, dict) else None
        if isinstance(url, str):
            try:
                path = urlsplit(url).path.rstrip("/")
            except ValueError:
                continue
            if path.startswith("/") and "{" not in path:
                yield path
