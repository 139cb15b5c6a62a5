"""What a contract has beside an operation: the same for many at once, a confirm, an undo. Found by how services are
commonly laid out, so these are good for hints, and for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowdsl.language.openapi.alternatives import alternatives
from flowdsl.language.openapi.contract import Contract, Operation, Schema
from flowdsl.language.openapi.pointer import reference_of

_MANY = re.compile(r"batch|bulk", re.IGNORECASE)
_ENDS_OF_MANY = ("/batch", "/bulk", ":batch", ":bulk", "/_bulk", "-batch", "-bulk")
_UNDOS = ("cancel", "release", "refund", "void", "undo", "revert", "delete")
_PARAMETER = re.compile(r"\{[^{}]+\}")


def batch_of(contract: Contract, single: Operation) -> Operation | None:
    """The operation that does for a list what `single` does for one."""
    if _says_many(single):
        return None
    for other in contract.operations:
        beside = any(other.path_alone == single.path_alone + end for end in _ENDS_OF_MANY)
        if other.method == single.method and beside:
            return other
    return next(
        (
            other
            for other in contract.operations
            if other.method == single.method and _says_many(other) and _takes_many(other, single)
        ),
        None,
    )


def confirm_of(contract: Contract, made: Operation) -> Operation | None:
    """`POST …/{id}/confirm` beside `POST …`."""
    return next(_on_one_of(contract, made, "POST", ("confirm",)), None)


def undo_of(contract: Contract, made: Operation) -> Operation | None:
    """`DELETE …/{id}` beside `POST …`, or a verb such as `POST …/{id}/refund`."""
    deleted = next(_on_one_of(contract, made, "DELETE", ("",)), None)
    return deleted or next(_on_one_of(contract, made, "POST", _UNDOS), None)


def _on_one_of(
    contract: Contract, made: Operation, method: str, verbs: tuple[str, ...]
) -> Iterator[Operation]:
    """What can be done with one of what `made` makes."""
    if made.method != "POST":
        return
    base = made.path_alone
    for verb in verbs:
        tail = re.compile(r"/\{[^{}/]+\}" + (f"/{verb}" if verb else ""))
        for other in contract.operations:
            path = other.path_alone
            if (
                other.method == method
                and path.startswith(base)
                and tail.fullmatch(path[len(base) :])
            ):
                yield other


def _says_many(operation: Operation) -> bool:
    last = _PARAMETER.sub("", operation.path_alone).rpartition("/")[2]
    return any(_MANY.search(text) for text in (operation.operation_id, operation.summary, last))


def _takes_many(many: Operation, single: Operation) -> bool:
    """Whether its body is a list, or holds a list, of what the other takes."""
    wanted = single.body.schema if single.body is not None else None
    given = many.body.schema if many.body is not None else None
    if wanted is None or given is None:
        return False
    return any(_is_same(item, wanted) for item in _lists_in(given))


def _lists_in(schema: Schema) -> Iterator[Schema]:
    """The items of the list that it is, and of those that are fields of it."""
    for form in alternatives(schema) or ():
        fields = [field for _, field in form.fields]
        lists = [form, *(inner for field in fields for inner in alternatives(field) or ())]
        yield from (one.item for one in lists if one.item is not None)


def _is_same(one: Schema, other: Schema) -> bool:
    reference = reference_of(one.node)
    if reference is not None:
        return reference == reference_of(other.node)
    return isinstance(one.node, dict) and "properties" in one.node and one.node == other.node
